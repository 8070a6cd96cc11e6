package db

import (
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// Conflict is why a Change lost: a row of Table was there already (Exists), or had changed since it was read (Stale).
type Conflict struct {
	Table string
	Kind  fault.Kind
}

func (c *Conflict) Error() string {
	if c.Kind == fault.Stale {
		return "a row of " + c.Table + " has changed since it was read"
	}
	return "a row of " + c.Table + " exists already"
}

// Unwrap gives the kind, for fault.Of.
func (c *Conflict) Unwrap() error {
	if c.Kind == fault.Stale {
		return errStale
	}
	return errExists
}

var (
	errStale  = fault.New(fault.Stale, fault.CodeOverloaded, "it was changed by another request: try again")
	errExists = fault.New(fault.Exists, fault.CodeStateConflict, "it exists already")
	errFull   = &fault.Error{Kind: fault.Unavailable, Code: fault.CodeOverloaded,
		Detail: "too many writes are waiting", RetryAfter: time.Second}
	errClosed = &fault.Error{Kind: fault.Unavailable, Code: fault.CodeOverloaded,
		Detail: "the database is shutting down", RetryAfter: time.Second}
)

// ErrOutcomeUnknown is in the chain of an error of Commit when the connection died during COMMIT and it could not be
// found out whether the Change was written. Read before writing it again. Its kind is fault.Unavailable.
var ErrOutcomeUnknown = errors.New("it is not known whether the change was written")

func outcomeUnknown(reason error) error {
	return unavailable(fmt.Errorf("%w: %w", ErrOutcomeUnknown, reason))
}
