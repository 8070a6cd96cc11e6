package stage

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// RefundCore is what the refunds of all worlds have in common. Amounts are minor units.
type RefundCore struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"` // the caller's
	Status    string    `json:"status"`    // pending succeeded failed
	Amount    int64     `json:"amount"`
	Currency  string    `json:"currency"`
	Failure   *Failure  `json:"failure"`
	CreatedAt time.Time `json:"created_at"`
}

// The refund's states.
const (
	RefundPending   = "pending"
	RefundSucceeded = "succeeded"
	RefundFailed    = "failed"
)

// Core is the refund itself, for those who hold more of it.
func (r *RefundCore) Core() *RefundCore { return r }

// IsPending tells whether the refund may yet succeed.
func (r *RefundCore) IsPending() bool { return r.Status == RefundPending }

// IsFallible tells whether the refund may yet fail: banks send money back days later, too.
func (r *RefundCore) IsFallible() bool { return r.Status != RefundFailed }

// AnyRefund fits whatever its state.
func AnyRefund(*RefundCore) bool { return true }

// MadeRefund is a refund as a world keeps it: a pointer to an R. Told is the refund as callers see it.
type MadeRefund[R any] interface {
	*R
	Core() *RefundCore
	Answer() *Answered
	Told() any
}

// FindRefund is the refund of that reference, or the newest, if it fits; nil if there is none.
func FindRefund[R any, M MadeRefund[R]](all []R, reference string, fits func(*RefundCore) bool) M {
	for i := len(all) - 1; i >= 0; i-- {
		if r := M(&all[i]); (reference == "" || r.Core().Reference == reference) && fits(r.Core()) {
			return r
		}
	}
	return nil
}

// RefundOnce answers a refund call within a decision: as the scenario has it, and once for a reference. same tells whether a refund was
// asked for by a request like this one; decide makes a new one. It fails with ErrReused if the reference came with another request.
func RefundOnce[R any, M MadeRefund[R]](t *Turn, all []R, reference string, same func(M) bool, decide func() (M, error)) (Reply, error) {
	reply := Reply{Status: http.StatusCreated, Fate: t.Fate(Refund)}
	if reply.Fate.Before() {
		return reply, NotProcessed(reply.Fate)
	}
	if made := FindRefund[R, M](all, reference, AnyRefund); made != nil {
		if !same(made) {
			return reply, ErrReused
		}
		reply.Body = made.Answer().First
		return reply, nil
	}
	made, err := decide()
	if err != nil {
		return reply, err
	}
	first, err := json.Marshal(made.Told())
	made.Answer().First, reply.Body = first, json.RawMessage(first)
	return reply, err
}

// SucceedRefund ends a pending refund well: its amount is added to refunded.
func SucceedRefund[R any, M MadeRefund[R]](t *Turn, all []R, reference string, refunded *int64, h *History) error {
	r := FindRefund[R, M](all, reference, (*RefundCore).IsPending)
	if r == nil {
		return fault.Missing("pending refund")
	}
	c := r.Core()
	c.Status = RefundSucceeded
	*refunded += c.Amount
	h.Note(t.Now, "Refund of %s arrived", Show(c.Amount, c.Currency))
	t.Tell("refund.succeeded", Refund, false, r.Told())
	return nil
}

// FailRefund fails a pending refund, or one that had succeeded, whose amount is taken off refunded.
func FailRefund[R any, M MadeRefund[R]](t *Turn, all []R, reference string, refunded *int64, h *History) error {
	r := FindRefund[R, M](all, reference, (*RefundCore).IsFallible)
	if r == nil {
		return fault.Missing("refund")
	}
	c := r.Core()
	if c.Status == RefundSucceeded {
		*refunded -= c.Amount
	}
	c.Status, c.Failure = RefundFailed, Failed(AccountClosed)
	h.Note(t.Now, "Refund of %s came back", Show(c.Amount, c.Currency))
	t.Tell("refund.failed", Refund, false, r.Told())
	return nil
}
