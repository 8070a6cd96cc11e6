//go:build !unix

package seal

import (
	"context"
	"errors"
)

// lockFile refuses: without a lock that goes with its process, two rotations at once could lose a key, and with it cards.
func lockFile(context.Context, string) (unlock func(), err error) {
	return nil, errors.New("key rotation needs a system with file locks")
}
