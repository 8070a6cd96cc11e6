package seal_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/florinpay/florin/internal/seal"
)

func open(t *testing.T, dir string) *seal.Box {
	t.Helper()
	w, err := seal.FileWrapper(filepath.Join(dir, "wrap.key"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := seal.Open(t.Context(), w, filepath.Join(dir, "vault.keyset"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustSeal(t *testing.T, b *seal.Box, plaintext, associated string) []byte {
	t.Helper()
	out, err := b.Seal([]byte(plaintext), []byte(associated))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantOpen(t *testing.T, b *seal.Box, sealed []byte, associated, want string) {
	t.Helper()
	got, err := b.Open(sealed, []byte(associated))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("opened %q, want %q", got, want)
	}
}

func TestSealedOpensAfterRestart(t *testing.T) {
	dir := t.TempDir()
	sealed := mustSeal(t, open(t, dir), "payload", "row 1")
	if bytes.Contains(sealed, []byte("payload")) {
		t.Error("the plaintext is in the ciphertext")
	}
	wantOpen(t, open(t, dir), sealed, "row 1", "payload")
}

func TestWhatDoesNotBelongIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	b, stranger := open(t, dir), open(t, t.TempDir())
	sealed := mustSeal(t, b, "payload", "row 1")
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	cases := []struct {
		name       string
		box        *seal.Box
		ciphertext []byte
		associated string
	}{
		{"another row", b, sealed, "row 2"},
		{"another box", stranger, sealed, "row 1"},
		{"changed", b, changed, "row 1"},
		{"cut", b, sealed[:len(sealed)-1], "row 1"},
		{"short", b, sealed[:4], "row 1"},
		{"empty", b, nil, "row 1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := c.box.Open(c.ciphertext, []byte(c.associated)); !errors.Is(err, seal.ErrSealed) {
				t.Errorf("error %v, want ErrSealed", err)
			}
		})
	}
}

func TestRotationKeepsOldCiphertextsAndDerivations(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	before := mustSeal(t, b, "payload", "")
	derived := b.Derive("fingerprint", "m", "1")
	if !b.Current(before) {
		t.Error("a fresh ciphertext is not current")
	}
	if err := b.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := mustSeal(t, b, "payload", "")
	if b.Current(before) || !b.Current(after) {
		t.Error("after the rotation only new ciphertexts are current")
	}
	for _, box := range []*seal.Box{b, open(t, dir)} {
		wantOpen(t, box, before, "", "payload")
		wantOpen(t, box, after, "", "payload")
		if !bytes.Equal(box.Derive("fingerprint", "m", "1"), derived) {
			t.Error("the rotation changed what is derived")
		}
	}
}

// Two boxes on one file stand for two processes.
func TestAnotherProcessMeetsTheNewKey(t *testing.T) {
	dir := t.TempDir()
	one, two := open(t, dir), open(t, dir)
	if err := one.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantOpen(t, two, mustSeal(t, one, "payload", ""), "", "payload")
}

func TestRotationsAtOnceLoseNoKey(t *testing.T) {
	dir := t.TempDir()
	boxes := []*seal.Box{open(t, dir), open(t, dir), open(t, dir)}
	sealed := make([][]byte, len(boxes))
	var wait sync.WaitGroup
	for i, b := range boxes {
		wait.Go(func() {
			if err := b.Rotate(t.Context()); err != nil {
				t.Error(err)
			}
			sealed[i] = mustSeal(t, b, "payload", "")
		})
	}
	wait.Wait()
	fresh := open(t, dir)
	for _, s := range sealed {
		wantOpen(t, fresh, s, "", "payload")
	}
}

func TestProcessesThatStartAtOnceShareTheKeys(t *testing.T) {
	dir := t.TempDir()
	boxes := make([]*seal.Box, 4)
	var wait sync.WaitGroup
	for i := range boxes {
		wait.Go(func() { boxes[i] = open(t, dir) })
	}
	wait.Wait()
	for _, from := range boxes {
		for _, to := range boxes {
			wantOpen(t, to, mustSeal(t, from, "payload", ""), "", "payload")
			if !bytes.Equal(from.Derive("x"), to.Derive("x")) {
				t.Error("two processes derive differently")
			}
		}
	}
}

func TestDerivationsDoNotRunTogether(t *testing.T) {
	b := open(t, t.TempDir())
	inputs := [][]string{{"a", "bc"}, {"ab", "c"}, {"abc"}, {"a", "b", "c"}, {"", "abc"}, {"abc", ""}}
	seen := map[string]bool{}
	for _, in := range inputs {
		out := b.Derive(in[0], in[1:]...)
		if len(out) != 32 {
			t.Errorf("derived %d bytes, want 32", len(out))
		}
		if seen[string(out)] {
			t.Errorf("%q gives what another input gave", in)
		}
		seen[string(out)] = true
	}
}

func TestKeyFilesAreTheOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	for _, name := range []string{"wrap.key", "vault.keyset", "vault.keyset.prf"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has permissions %04o, want 0600", name, info.Mode().Perm())
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
}

func TestUnfitKeyFilesAreRefused(t *testing.T) {
	key := bytes.Repeat([]byte("0f"), 32)
	cases := []struct {
		name    string
		content []byte
		mode    os.FileMode
	}{
		{"readable by the group", key, 0o640},
		{"readable by all", key, 0o604},
		{"empty", nil, 0o600},
		{"short", key[:62], 0o600},
		{"long", append(bytes.Clone(key), "00"...), 0o600},
		{"not hexadecimal", bytes.Repeat([]byte("zz"), 32), 0o600},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "wrap.key")
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			if _, err := seal.FileWrapper(path); err == nil {
				t.Error("accepted")
			}
		})
	}
	if _, err := seal.FileWrapper(t.TempDir()); err == nil {
		t.Error("accepted a folder")
	}
}

func TestKeysetOfAnotherKeyIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if err := os.Remove(filepath.Join(dir, "wrap.key")); err != nil {
		t.Fatal(err)
	}
	w, err := seal.FileWrapper(filepath.Join(dir, "wrap.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Open(t.Context(), w, filepath.Join(dir, "vault.keyset")); err == nil {
		t.Error("opened with a key that did not wrap it")
	}
}

func TestSwappedKeysetsAreRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	a, b := filepath.Join(dir, "vault.keyset"), filepath.Join(dir, "vault.keyset.prf")
	for _, move := range [][2]string{{a, a + ".x"}, {b, a}, {a + ".x", b}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	w, err := seal.FileWrapper(filepath.Join(dir, "wrap.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Open(t.Context(), w, a); err == nil {
		t.Error("opened")
	}
}

// brokenKMS stands for a KMS that is away.
type brokenKMS struct{ err error }

func (k brokenKMS) Encrypt(context.Context, []byte) ([]byte, error) { return nil, k.err }
func (k brokenKMS) Decrypt(context.Context, []byte) ([]byte, error) { return nil, k.err }

func TestAwayKMSLeavesNoFile(t *testing.T) {
	dir, away := t.TempDir(), errors.New("away")
	if _, err := seal.Open(t.Context(), brokenKMS{away}, filepath.Join(dir, "k")); !errors.Is(err, away) {
		t.Errorf("error %v, want the KMS's", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	w, err := seal.FileWrapper(filepath.Join(dir, "w"))
	if err != nil {
		b.Fatal(err)
	}
	box, err := seal.Open(b.Context(), w, filepath.Join(dir, "k"))
	if err != nil {
		b.Fatal(err)
	}
	sealed, err := box.Seal(make([]byte, 64), []byte("row"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := box.Open(sealed, []byte("row")); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("derive", func(b *testing.B) {
		for b.Loop() {
			box.Derive("label", "data")
		}
	})
}
