// Package seal encrypts what is stored: an AES-256-GCM keyset of Tink that never touches the disk unwrapped, and a keyed
// function for fingerprints and for secrets that are derived, not stored.
package seal

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
)

// ErrSealed is what opening fails with: another key, another association, or a ciphertext that was changed. It does not
// say which.
var ErrSealed = errors.New("ciphertext cannot be opened")

// reloadPatience bounds a look at the keyset file (and at the KMS behind the Wrapper) that no caller's context covers.
const reloadPatience = 10 * time.Second

// Box seals and opens. It is safe for concurrent use, and by several processes that share a keyset file: one that meets
// a key it does not know reads the file again.
type Box struct {
	wrapper Wrapper
	path    string
	derive  prf.Set

	keys   atomic.Pointer[keys]
	reload sync.Mutex
}

// keys is one state of the AEAD keyset.
type keys struct {
	aead   sealer
	handle *keyset.Handle
	stamp  stamp
	known  map[uint32]bool
	newest uint32 // seals
}

// sealer is the part of tink.AEAD that the box calls.
type sealer interface {
	Encrypt(plaintext, associated []byte) ([]byte, error)
	Decrypt(ciphertext, associated []byte) ([]byte, error)
}

// Open reads the keyset at keysetPath, and the one for Derive beside it at keysetPath.prf, both unwrapped by w. A keyset
// that is missing is made; its folder must exist.
func Open(ctx context.Context, w Wrapper, keysetPath string) (*Box, error) {
	b := &Box{wrapper: w, path: keysetPath}
	derive, err := openKeyset(ctx, w, keysetPath+".prf", prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return nil, err
	}
	set, err := prf.NewPRFSet(derive)
	if err != nil {
		return nil, fmt.Errorf("read keyset %s.prf: %w", keysetPath, err)
	}
	b.derive = *set
	if _, err := openKeyset(ctx, w, keysetPath, aead.AES256GCMKeyTemplate()); err != nil {
		return nil, err
	}
	return b, b.load(ctx)
}

// Check is the same for the same keys, before and after a rotation, and tells nothing of them. A database is pinned to it.
func (b *Box) Check() string { return hex.EncodeToString(b.Derive("florin key check")[:16]) }

// load reads the AEAD keyset as it is on disk now.
func (b *Box) load(ctx context.Context) error {
	s, err := stampOf(b.path)
	if err != nil {
		return fmt.Errorf("read keyset: %w", err)
	}
	handle, err := readKeyset(ctx, b.wrapper, b.path)
	if err != nil {
		return err
	}
	k, err := newKeys(handle, s)
	if err != nil {
		return fmt.Errorf("read keyset %s: %w", b.path, err)
	}
	b.keys.Store(k)
	return nil
}

func newKeys(handle *keyset.Handle, s stamp) (*keys, error) {
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, err
	}
	info := handle.KeysetInfo()
	k := &keys{aead: primitive, handle: handle, stamp: s, known: map[uint32]bool{}, newest: info.GetPrimaryKeyId()}
	for _, key := range info.GetKeyInfo() {
		k.known[key.GetKeyId()] = true
	}
	return k, nil
}

// Seal encrypts. The associated data is not in the ciphertext; Open must be given the same.
func (b *Box) Seal(plaintext, associated []byte) ([]byte, error) {
	out, err := b.keys.Load().aead.Encrypt(plaintext, associated)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return out, nil
}

// Open decrypts. It fails with ErrSealed.
func (b *Box) Open(ciphertext, associated []byte) ([]byte, error) {
	k := b.keys.Load()
	if name, ok := keyOf(ciphertext); ok && !k.known[name] {
		k = b.refreshed(k)
	}
	out, err := k.aead.Decrypt(ciphertext, associated)
	if err != nil {
		return nil, ErrSealed
	}
	return out, nil
}

// refreshed is the keyset after another process rotated it, or the one that was known if the file is still the same.
// A file that cannot be read now leaves the old keys at work.
func (b *Box) refreshed(old *keys) *keys {
	b.reload.Lock()
	defer b.reload.Unlock()
	if now := b.keys.Load(); now != old {
		return now
	}
	if s, err := stampOf(b.path); err != nil || s == old.stamp {
		return old
	}
	ctx, cancel := context.WithTimeout(context.Background(), reloadPatience)
	defer cancel()
	if err := b.load(ctx); err != nil {
		return old // the caller fails with ErrSealed, and the next one looks again
	}
	return b.keys.Load()
}

// Current tells whether a ciphertext was made with the newest key: what is not should be sealed again after a rotation.
func (b *Box) Current(ciphertext []byte) bool {
	name, ok := keyOf(ciphertext)
	return ok && name == b.keys.Load().newest
}

// keyOf reads the name of the key from Tink's prefix: one byte of version, four of key id.
func keyOf(ciphertext []byte) (uint32, bool) {
	if len(ciphertext) < 5 || ciphertext[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(ciphertext[1:5]), true
}

// Derive makes 32 bytes from a label and data, keyed. The same input gives the same bytes for as long as the keyset
// lives, also over Rotate; no two different inputs run together, whatever is in them.
func (b *Box) Derive(label string, data ...string) []byte {
	input := appendCounted(nil, label)
	for _, d := range data {
		input = appendCounted(input, d)
	}
	out, err := b.derive.ComputePrimaryPRF(input, 32)
	clear(input)
	if err != nil {
		panic("seal: a keyed hash of 32 bytes cannot fail: " + err.Error())
	}
	return out
}

func appendCounted(out []byte, s string) []byte {
	out = binary.BigEndian.AppendUint64(out, uint64(len(s)))
	return append(out, s...)
}

// Rotate makes a new key that seals from now on. The older keys stay and open what they sealed.
func (b *Box) Rotate(ctx context.Context) error {
	unlock, err := lockFile(ctx, b.path+".lock")
	if err != nil {
		return fmt.Errorf("rotate keyset %s: %w", b.path, err)
	}
	defer unlock()
	b.reload.Lock()
	defer b.reload.Unlock()
	// From the file, not from memory: another process may have rotated too, and its key must not be lost.
	handle, err := readKeyset(ctx, b.wrapper, b.path)
	if err != nil {
		return err
	}
	next, err := withNewKey(handle)
	if err != nil {
		return fmt.Errorf("rotate keyset %s: %w", b.path, err)
	}
	if err := writeKeyset(ctx, b.wrapper, b.path, next, replaceFile); err != nil {
		return err
	}
	return b.load(ctx)
}

func withNewKey(handle *keyset.Handle) (*keyset.Handle, error) {
	m := keyset.NewManagerFromHandle(handle)
	name, err := m.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	if err := m.SetPrimary(name); err != nil {
		return nil, err
	}
	return m.Handle()
}

// stamp tells one state of a file from another. Every state is a new file, renamed into place.
type stamp struct {
	modified time.Time
	size     int64
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{info.ModTime(), info.Size()}, nil
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
