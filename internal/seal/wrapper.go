package seal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
)

// Wrapper encrypts keysets: a KMS in production. It has the shape of gocloud.dev/secrets.Keeper.
type Wrapper interface {
	Encrypt(ctx context.Context, plaintext []byte) ([]byte, error)
	Decrypt(ctx context.Context, ciphertext []byte) ([]byte, error)
}

// keySize is AES-256's.
const keySize = 32

// wrapLabel ties a ciphertext to its purpose.
var wrapLabel = []byte("florin keyset 1")

type fileWrapper struct{ aead *subtle.AESGCM }

// FileWrapper wraps with a key of its own in a file: 64 hexadecimal digits that only the owner may read. The file is
// made if it is missing; one that others can read, or that is no plain file, is refused.
func FileWrapper(path string) (Wrapper, error) {
	key, err := readKey(path)
	if missing(err) {
		if err := createKey(path); err != nil {
			return nil, fmt.Errorf("make key file %s: %w", path, err)
		}
		key, err = readKey(path)
	}
	if err != nil {
		return nil, err
	}
	defer clear(key)
	a, err := subtle.NewAESGCM(key)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return fileWrapper{a}, nil
}

func createKey(path string) error {
	key := make([]byte, keySize)
	if _, err := io.ReadFull(rand.Reader, key); err != nil {
		return err
	}
	text := append(hex.AppendEncode(nil, key), '\n')
	defer clear(text)
	clear(key)
	return createFile(path, text)
}

func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat() // of what was opened, so that nobody swaps it in between
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	if err := checkOwnerOnly(info); err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, 2*keySize+16))
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	defer clear(text)
	key, err := hex.AppendDecode(nil, bytes.TrimSpace(text))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("key file %s does not hold %d hexadecimal digits", path, 2*keySize)
	}
	return key, nil
}

func checkOwnerOnly(info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return errors.New("is not a plain file")
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("has permissions %04o: others may read it; set 0600", info.Mode().Perm())
	}
	return nil
}

func (w fileWrapper) Encrypt(_ context.Context, plaintext []byte) ([]byte, error) {
	return w.aead.Encrypt(plaintext, wrapLabel)
}

func (w fileWrapper) Decrypt(_ context.Context, ciphertext []byte) ([]byte, error) {
	out, err := w.aead.Decrypt(ciphertext, wrapLabel)
	if err != nil {
		return nil, fmt.Errorf("the key file does not fit: %w", ErrSealed)
	}
	return out, nil
}
