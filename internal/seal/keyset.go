package seal

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

// openKeyset reads a wrapped keyset, or makes one. Of two processes that start at once one makes it and both read it.
func openKeyset(ctx context.Context, w Wrapper, path string, made *tinkpb.KeyTemplate) (*keyset.Handle, error) {
	handle, err := readKeyset(ctx, w, path)
	if !missing(err) {
		return handle, err
	}
	handle, err = keyset.NewHandle(made)
	if err != nil {
		return nil, fmt.Errorf("make keyset %s: %w", path, err)
	}
	if err := writeKeyset(ctx, w, path, handle, createFile); err != nil {
		return nil, err
	}
	return readKeyset(ctx, w, path)
}

func readKeyset(ctx context.Context, w Wrapper, path string) (*keyset.Handle, error) {
	wrapped, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read keyset: %w", err)
	}
	by := &wrapping{w: w}
	handle, err := keyset.ReadWithContext(ctx, keyset.NewBinaryReader(bytes.NewReader(wrapped)), by, nil)
	if err != nil {
		return nil, fmt.Errorf("unwrap keyset %s: %w", path, cmp.Or(by.err, err))
	}
	return handle, nil
}

func writeKeyset(ctx context.Context, w Wrapper, path string, handle *keyset.Handle, put func(string, []byte) error) error {
	var wrapped bytes.Buffer
	by := &wrapping{w: w}
	if err := handle.WriteWithContext(ctx, keyset.NewBinaryWriter(&wrapped), by, nil); err != nil {
		return fmt.Errorf("wrap keyset %s: %w", path, cmp.Or(by.err, err))
	}
	if err := put(path, wrapped.Bytes()); err != nil {
		return fmt.Errorf("write keyset %s: %w", path, err)
	}
	return nil
}

// wrapping shows a Wrapper to Tink, for one call. A KMS without associated data loses nothing here: the two keysets hold
// keys of different types, so one file in the place of the other does not load.
type wrapping struct {
	w   Wrapper
	err error // the KMS's own word, which Tink turns into text
}

func (a *wrapping) EncryptWithContext(ctx context.Context, plaintext, _ []byte) (out []byte, err error) {
	out, a.err = a.w.Encrypt(ctx, plaintext)
	return out, a.err
}

func (a *wrapping) DecryptWithContext(ctx context.Context, ciphertext, _ []byte) (out []byte, err error) {
	out, a.err = a.w.Decrypt(ctx, ciphertext)
	return out, a.err
}
