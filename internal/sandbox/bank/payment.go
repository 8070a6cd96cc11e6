package bank

import (
	"encoding/json"
	"fmt"
	"slices"
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

// The failures.
const (
	consentDeclined   = "consent_declined"
	bankUnavailable   = "bank_unavailable"
	insufficientFunds = "insufficient_funds"
	accountClosed     = "account_closed" // of a refund
)

var messages = map[string]string{
	consentDeclined:   "the payer did not consent",
	bankUnavailable:   "the payer's bank does not answer",
	insufficientFunds: "the payer's account has not enough money",
	accountClosed:     "the payer's account is closed",
}

// Failure is why a payment or a refund did not come about.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func failure(code string) *Failure { return &Failure{code, messages[code]} }

// Payment is a payment as the initiator's callers see it. Amounts are minor units.
type Payment struct {
	ID               string    `json:"id"`
	Reference        string    `json:"reference"` // the caller's
	Status           Status    `json:"status"`
	Amount           int64     `json:"amount"`
	Currency         string    `json:"currency"`
	AmountRefunded   int64     `json:"amount_refunded"` // by refunds that succeeded
	Bank             string    `json:"bank,omitempty"`
	AuthorisationURL string    `json:"authorisation_url"` // where the payer goes
	Failure          *Failure  `json:"failure"`
	ExpiresAt        time.Time `json:"expires_at"`
	CreatedAt        time.Time `json:"created_at"`
}

// Refund is a refund as callers see it.
type Refund struct {
	ID               string    `json:"id"`
	Reference        string    `json:"reference"`
	Payment          string    `json:"payment"`
	PaymentReference string    `json:"payment_reference"`
	Status           string    `json:"status"` // pending succeeded failed
	Amount           int64     `json:"amount"`
	Currency         string    `json:"currency"`
	Failure          *Failure  `json:"failure"`
	CreatedAt        time.Time `json:"created_at"`
}

// The refund's states.
const (
	refundPending   = "pending"
	refundSucceeded = "succeeded"
	refundFailed    = "failed"
)

// Moment is a line of a payment's history, for people.
type Moment struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// piece is all that this world knows of a payment.
type piece struct {
	Payment
	Asked       paymentRequest  `json:"asked"`
	First       json.RawMessage `json:"first"` // as first answered
	Merchant    string          `json:"merchant"`
	Descriptor  string          `json:"descriptor,omitempty"`
	Description string          `json:"description,omitempty"`
	ReturnURL   string          `json:"return_url"`
	LoggedIn    bool            `json:"logged_in,omitempty"`
	Refunds     []madeRefund    `json:"refunds,omitempty"`
	History     []Moment        `json:"history"`
}

// madeRefund is a refund with what was asked and first answered.
type madeRefund struct {
	Refund
	Reason string          `json:"reason,omitempty"`
	First  json.RawMessage `json:"first"`
}

// turn is one decision about one payment.
type turn struct {
	*stage.Turn
	*piece
}

func (t *turn) note(format string, args ...any) {
	t.History = append(t.History, Moment{t.Now, fmt.Sprintf(format, args...)})
}

func (t *turn) move(to Status) error {
	if !slices.Contains(moves[t.Status], to) {
		return fault.State(fmt.Sprintf("the payment is %s: it cannot become %s", t.Status, to))
	}
	t.Status = to
	return nil
}

// open decides a new payment. One from a bank that is not reached fails at once.
func (t *turn) open() {
	t.note("The payer is sent to their bank")
	t.Later("expire", "", t.ExpiresAt)
	if b, ok := findBank(t.Bank); ok && !b.Available {
		t.Status, t.Failure = Rejected, failure(bankUnavailable)
		t.note("%s is not reached", b.Name)
		t.Tell("payment.rejected", stage.Start, false, t.Payment)
	}
}

// approve is the payer's consent. What follows is the scenario's, the bank's, or that the money comes.
func (t *turn) approve() error {
	b, _ := findBank(t.Bank) // none: by a button, before the payer chose
	switch {
	case t.Plays("consent_declined", stage.Start):
		return t.reject(consentDeclined)
	case t.Plays("bank_unavailable", stage.Start):
		return t.reject(bankUnavailable)
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
	t.Failure = failure(code)
	t.note("Rejected: %s", messages[code])
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
		if r.Status != refundFailed {
			left -= r.Amount
		}
	}
	if amount > left {
		return nil, fault.State(fmt.Sprintf("only %s is left to refund", stage.Show(left, t.Currency)))
	}
	t.Refunds = append(t.Refunds, madeRefund{Reason: reason, Refund: Refund{ID: t.NewID("refund"), Reference: reference, Payment: t.ID,
		PaymentReference: t.Reference, Status: refundPending, Amount: amount, Currency: t.Currency, CreatedAt: t.Now}})
	t.note("Refund of %s is on its way", stage.Show(amount, t.Currency))
	end := "succeed_refund"
	if t.Plays("refund_fails", stage.Refund) {
		end = "fail_refund"
	}
	t.Later(end, reference, t.Now.Add(t.Delays().Refund))
	return &t.Refunds[len(t.Refunds)-1], nil
}

// findRefund is the refund of that reference, or the newest, if it fits; nil if there is none.
func (p *piece) findRefund(reference string, fits func(*madeRefund) bool) *madeRefund {
	for i := len(p.Refunds) - 1; i >= 0; i-- {
		if r := &p.Refunds[i]; (reference == "" || r.Reference == reference) && fits(r) {
			return r
		}
	}
	return nil
}

func isPending(r *madeRefund) bool  { return r.Status == refundPending }
func isFallible(r *madeRefund) bool { return r.Status != refundFailed }

func (t *turn) succeedRefund(reference string) error {
	r := t.findRefund(reference, isPending)
	if r == nil {
		return fault.Missing("pending refund")
	}
	r.Status = refundSucceeded
	t.AmountRefunded += r.Amount
	t.note("Refund of %s arrived", stage.Show(r.Amount, t.Currency))
	t.Tell("refund.succeeded", stage.Refund, false, r.Refund)
	return nil
}

// failRefund fails a pending refund, or one that had succeeded: banks send money back days later, too.
func (t *turn) failRefund(reference string) error {
	r := t.findRefund(reference, isFallible)
	if r == nil {
		return fault.Missing("refund")
	}
	if r.Status == refundSucceeded {
		t.AmountRefunded -= r.Amount
	}
	r.Status, r.Failure = refundFailed, failure(accountClosed)
	t.note("Refund of %s came back", stage.Show(r.Amount, t.Currency))
	t.Tell("refund.failed", stage.Refund, false, r.Refund)
	return nil
}
