package bank

import (
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// Status is a payment's state.
type Status string

// The payment's states, in open banking's words where it has some.
const (
	Awaiting Status = "awaiting_authorisation" // the payer has not decided
	Pending  Status = "pending"                // the payer consented; the money is on its way
	Paid     Status = "paid"
	Rejected Status = "rejected"
	Expired  Status = "expired"
	Canceled Status = "canceled" // by the caller, before the payer decided
)

var statuses = []Status{Awaiting, Pending, Paid, Rejected, Expired, Canceled}

// moves are the legal ones. What is not here is refused. A payment that expired, or was canceled, is paid after all where the bank was
// slower.
var moves = map[Status][]Status{
	Awaiting: {Pending, Rejected, Expired, Canceled},
	Pending:  {Paid, Rejected, Expired},
	Expired:  {Paid},
	Canceled: {Paid},
}

// Payment is a payment as the initiator's callers see it. Amounts are minor units.
type Payment struct {
	ID               string         `json:"id"`
	Reference        string         `json:"reference"` // the caller's
	Status           Status         `json:"status"`
	Amount           int64          `json:"amount"`
	Currency         string         `json:"currency"`
	AmountRefunded   int64          `json:"amount_refunded"` // by refunds that succeeded
	Bank             string         `json:"bank,omitempty"`
	AuthorisationURL string         `json:"authorisation_url"` // where the payer goes
	Failure          *stage.Failure `json:"failure"`
	ExpiresAt        time.Time      `json:"expires_at"`
	CreatedAt        time.Time      `json:"created_at"`
}

// Refund is a refund as callers see it.
type Refund struct {
	stage.RefundCore
	Payment          string `json:"payment"`
	PaymentReference string `json:"payment_reference"`
}

// piece is all that this world knows of a payment.
type piece struct {
	Payment
	stage.Answered
	Asked       paymentRequest `json:"asked"`
	Merchant    string         `json:"merchant"`
	Descriptor  string         `json:"descriptor,omitempty"`
	Description string         `json:"description,omitempty"`
	ReturnURL   string         `json:"return_url"`
	LoggedIn    bool           `json:"logged_in,omitempty"`
	Refunds     []madeRefund   `json:"refunds,omitempty"`
	History     stage.History  `json:"history"`
}

// Told is the payment as callers see it.
func (p *piece) Told() any { return p.Payment }

// Says is the description.
func (p *piece) Says() string { return p.Description }

// madeRefund is a refund with what was asked and first answered.
type madeRefund struct {
	Refund
	stage.Answered
	Reason string `json:"reason,omitempty"`
}

// Told is the refund as callers see it.
func (r *madeRefund) Told() any { return r.Refund }

// turn is one decision about one payment.
type turn struct {
	*stage.Turn
	*piece
}

func (t *turn) note(format string, args ...any) { t.History.Note(t.Now, format, args...) }

func (t *turn) move(to Status) error { return stage.Move("payment", moves, &t.Status, to) }

// open decides a new payment. One from a bank that is not reached fails at once.
func (t *turn) open() {
	t.note("The payer is sent to their bank")
	t.Later("expire", "", t.ExpiresAt)
	if b, ok := findBank(t.Bank); ok && !b.Available {
		t.Status, t.Failure = Rejected, stage.Failed(stage.BankUnavailable)
		t.note("%s is not reached", b.Name)
		t.Tell("payment.rejected", stage.Start, false, t.Payment)
	}
}

// approve is the payer's consent. What follows is the scenario's, the bank's, or that the money comes.
func (t *turn) approve() error {
	b, _ := findBank(t.Bank) // none: by a button, before the payer chose
	switch {
	case t.Plays("consent_declined", stage.Start):
		return t.reject(stage.ConsentDeclined)
	case t.Plays("bank_unavailable", stage.Start):
		return t.reject(stage.BankUnavailable)
	case t.Plays("expired", stage.Start):
		return t.expire()
	case b.fails != "":
		return t.reject(b.fails)
	}
	if err := t.move(Pending); err != nil {
		return err
	}
	t.note("The payer consented")
	t.Tell("payment.pending", stage.Start, true, t.Payment)
	settle := t.Delays().Settle
	if b.slow {
		settle *= 30
	}
	if t.Plays("late_success", stage.Start) {
		t.Later("expire", "", t.Now.Add(settle))
		t.Later("complete", "", t.Now.Add(2*settle))
		return nil
	}
	t.Later("complete", "", t.Now.Add(settle))
	return nil
}

func (t *turn) reject(code string) error {
	if err := t.move(Rejected); err != nil {
		return err
	}
	t.Failure = stage.Failed(code)
	t.note("Rejected: %s", t.Failure.Message)
	t.Tell("payment.rejected", stage.Start, false, t.Payment)
	return nil
}

// expire ends a payment that nobody decided, and one that the bank takes too long over only where that is the scenario.
func (t *turn) expire() error {
	if t.Status == Pending && !t.Plays("late_success", stage.Start) {
		return fault.State("the payer has consented: the bank decides now")
	}
	if err := t.move(Expired); err != nil {
		return err
	}
	t.note("Expired")
	t.Tell("payment.expired", stage.Start, true, t.Payment)
	return nil
}

// cancel is the caller's. Of a payment that ended without money it changes nothing; once the payer has consented it is too late.
func (t *turn) cancel() error {
	if t.Status == Expired || t.Status == Canceled || t.Status == Rejected {
		return nil
	}
	if err := t.move(Canceled); err != nil {
		return err
	}
	t.note("The shop gave it up")
	return nil
}

func (t *turn) complete() error {
	late := t.Status == Expired || t.Status == Canceled
	if err := t.move(Paid); err != nil {
		return err
	}
	if late {
		t.note("Paid, after it had ended")
	} else {
		t.note("Paid")
	}
	t.Tell("payment.paid", stage.Start, false, t.Payment)
	return nil
}

// refund decides a refund. Banks take their time over it.
func (t *turn) refund(reference string, amount int64, reason string) (*madeRefund, error) {
	if t.Status != Paid {
		return nil, fault.State(fmt.Sprintf("the payment is %s: nothing can be refunded", t.Status))
	}
	left := t.Amount
	for _, r := range t.Refunds {
		if r.Status != stage.RefundFailed {
			left -= r.Amount
		}
	}
	if amount > left {
		return nil, fault.State(fmt.Sprintf("only %s is left to refund", stage.Show(left, t.Currency)))
	}
	t.Refunds = append(t.Refunds, madeRefund{Reason: reason, Refund: Refund{Payment: t.ID, PaymentReference: t.Reference, RefundCore: stage.RefundCore{
		ID: t.NewID("refund"), Reference: reference, Status: stage.RefundPending, Amount: amount, Currency: t.Currency, CreatedAt: t.Now}}})
	t.note("Refund of %s is on its way", stage.Show(amount, t.Currency))
	end := "succeed_refund"
	if t.Plays("refund_fails", stage.Refund) {
		end = "fail_refund"
	}
	t.Later(end, reference, t.Now.Add(t.Delays().Refund))
	return &t.Refunds[len(t.Refunds)-1], nil
}

// findRefund is the refund of that reference, or the newest, if it fits; nil if there is none.
func (p *piece) findRefund(reference string, fits func(*stage.RefundCore) bool) *madeRefund {
	return stage.FindRefund(p.Refunds, reference, fits)
}

func (t *turn) succeedRefund(reference string) error {
	return stage.SucceedRefund(t.Turn, t.Refunds, reference, &t.AmountRefunded, &t.History)
}

func (t *turn) failRefund(reference string) error {
	return stage.FailRefund(t.Turn, t.Refunds, reference, &t.AmountRefunded, &t.History)
}
