package instant

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// Status is a charge's state.
type Status string

// The charge's states. Whatever it is, transfers may come in: a scheme does not send them back by itself.
const (
	Active   Status = "active"
	Paid     Status = "paid" // all of it came
	Rejected Status = "rejected"
	Expired  Status = "expired"
	Canceled Status = "canceled" // by the caller, before it was paid
	Stray    Status = "stray"    // no charge: money that came without one
)

var statuses = []Status{Active, Paid, Rejected, Expired, Canceled, Stray}

var moves = map[Status][]Status{
	Active:   {Paid, Rejected, Expired, Canceled},
	Expired:  {Paid}, // at a page only: the bank was slower than the clock
	Canceled: {Paid}, // likewise
}

// Charge is a charge as the provider's callers see it. Amounts are minor units.
type Charge struct {
	ID             string         `json:"id"`
	Reference      string         `json:"reference"` // the caller's
	Method         string         `json:"method"`
	Status         Status         `json:"status"`
	Amount         int64          `json:"amount"`
	AmountReceived int64          `json:"amount_received"`
	AmountRefunded int64          `json:"amount_refunded"` // by refunds that succeeded
	Currency       string         `json:"currency"`
	Bank           string         `json:"bank,omitempty"`
	Code           string         `json:"code,omitempty"`
	CopyCode       string         `json:"copy_code,omitempty"`
	Deeplink       string         `json:"deeplink,omitempty"`
	RedirectURL    string         `json:"redirect_url,omitempty"`
	Failure        *stage.Failure `json:"failure"`
	ExpiresAt      time.Time      `json:"expires_at"`
	CreatedAt      time.Time      `json:"created_at"`
	Transfers      []Transfer     `json:"transfers"`
}

// Transfer is money that came in.
type Transfer struct {
	EndToEndID string    `json:"end_to_end_id"`
	Amount     int64     `json:"amount"`
	Currency   string    `json:"currency"`
	Payer      string    `json:"payer"` // masked
	CreatedAt  time.Time `json:"created_at"`
}

// received is a transfer as a webhook tells it.
type received struct {
	Transfer
	Charge          string `json:"charge"`           // empty: it came without one
	ChargeReference string `json:"charge_reference"` // the caller's
	Method          string `json:"method"`
}

// Refund is a refund as callers see it.
type Refund struct {
	stage.RefundCore
	Charge          string `json:"charge"`
	ChargeReference string `json:"charge_reference"`
	Transfer        string `json:"transfer,omitempty"` // what it returns of
}

// piece is all that this world knows of a charge, or of a transfer without one.
type piece struct {
	Charge
	stage.Answered
	Asked       chargeRequest `json:"asked"`
	Merchant    string        `json:"merchant"`
	Description string        `json:"description,omitempty"`
	ReturnURL   string        `json:"return_url,omitempty"`
	LoggedIn    bool          `json:"logged_in,omitempty"`
	Refunds     []madeRefund  `json:"refunds,omitempty"`
	History     stage.History `json:"history"`
}

// Told is the charge as callers see it.
func (p *piece) Told() any { return p.Charge }

// Says is the description.
func (p *piece) Says() string { return p.Description }

// madeRefund is a refund with what was asked and first answered.
type madeRefund struct {
	Refund
	stage.Answered
	Asked refundRequest `json:"asked"`
}

// Told is the refund as callers see it.
func (r *madeRefund) Told() any { return r.Refund }

// turn is one decision about one charge.
type turn struct {
	*stage.Turn
	*piece
}

func (t *turn) scheme() scheme {
	s, _ := findScheme(t.Method) // checked when it came in
	return s
}

func (t *turn) note(format string, args ...any) { t.History.Note(t.Now, format, args...) }

func (t *turn) move(to Status) error { return stage.Move("charge", moves, &t.Status, to) }

// open decides a new charge. One from a bank that is not reached fails at once.
func (t *turn) open() {
	t.Later("expire", "", t.ExpiresAt)
	if t.scheme().redirect {
		t.note("The payer is sent to their bank")
		if b, ok := findBank(t.Method, t.Bank); ok && !b.Available {
			t.Status, t.Failure = Rejected, stage.Failed(stage.BankUnavailable)
			t.note("%s is not reached", b.Name)
			t.Tell("charge.rejected", stage.Start, false, t.Charge)
		}
		return
	}
	t.note("The code is there to be paid")
	for _, p := range payers {
		if t.Plays(p.name, stage.Start) {
			due := t.Now.Add(t.Delays().Settle)
			if p.late {
				due = t.ExpiresAt.Add(t.Delays().Settle)
			}
			t.Later(p.event, "", due)
		}
	}
}

// receive takes a transfer of this amount.
func (t *turn) receive(amount int64) {
	unique := t.NewID("e2e")
	unique = unique[strings.LastIndexByte(unique, '_')+1:]
	in := Transfer{t.scheme().endToEnd(unique, t.Now), amount, t.Currency, "A*** S***, account •••• 4321", t.Now}
	t.Transfers = append(t.Transfers, in)
	t.AmountReceived += amount
	t.Alias(in.EndToEndID)
	t.note("%s came in", stage.Show(amount, t.Currency))
	short := t.AmountReceived < t.Amount
	if !short && t.Status == Active {
		t.Status = Paid
		t.note("Paid")
	}
	tell := received{Transfer: in, Charge: t.ID, ChargeReference: t.Reference, Method: t.Method}
	if t.Status == Stray {
		tell.Charge, tell.ChargeReference = "", ""
	}
	if !t.scheme().redirect {
		t.Tell("transfer.received", stage.Start, short, tell)
	}
}

// left is what is still to be paid; nothing if more came.
func (t *turn) left() int64 { return max(t.Amount-t.AmountReceived, 0) }

// approve is the payer's consent on a page. What follows is the scenario's, the bank's, or that the money is there.
func (t *turn) approve() error {
	b, _ := findBank(t.Method, t.Bank) // none: by a button, before the payer chose
	switch {
	case t.Plays("consent_declined", stage.Start):
		return t.reject(stage.ConsentDeclined)
	case t.Plays("bank_unavailable", stage.Start):
		return t.reject(stage.BankUnavailable)
	case b.fails != "":
		return t.reject(b.fails)
	case t.Plays("late_success", stage.Start):
		if err := t.expire(); err != nil {
			return err
		}
		t.Later("complete", "", t.Now.Add(t.Delays().Settle))
		return nil
	}
	return t.complete()
}

// complete has the money of a page arrive.
func (t *turn) complete() error {
	if err := t.move(Paid); err != nil {
		return err
	}
	t.receive(t.Amount)
	t.Tell("charge.paid", stage.Start, false, t.Charge)
	return nil
}

func (t *turn) reject(code string) error {
	if err := t.move(Rejected); err != nil {
		return err
	}
	t.Failure = stage.Failed(code)
	t.note("Rejected: %s", t.Failure.Message)
	t.Tell("charge.rejected", stage.Start, false, t.Charge)
	return nil
}

func (t *turn) expire() error {
	if err := t.move(Expired); err != nil {
		return err
	}
	t.note("Expired")
	t.Tell("charge.expired", stage.Start, true, t.Charge)
	return nil
}

// cancel is the caller's. Of a charge that ended without money it changes nothing. Whoever has scanned the code can still pay it.
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

// returned is how much refunds have taken, or may still take, of a transfer, or of all if it is empty.
func (t *turn) returned(transfer string) int64 {
	var sum int64
	for _, r := range t.Refunds {
		if r.Status != stage.RefundFailed && (transfer == "" || r.Transfer == transfer) {
			sum += r.Amount
		}
	}
	return sum
}

// refund decides a refund, of a transfer if it names one.
func (t *turn) refund(asked refundRequest) (*madeRefund, error) {
	left := t.AmountReceived - t.returned("")
	if i := slices.IndexFunc(t.Transfers, func(in Transfer) bool { return in.EndToEndID == asked.Transfer }); i >= 0 {
		left = min(left, t.Transfers[i].Amount-t.returned(asked.Transfer))
	} else if asked.Transfer != "" {
		return nil, fault.Missing("transfer")
	}
	if asked.Amount > left {
		return nil, fault.State(fmt.Sprintf("only %s is left to refund", stage.Show(left, t.Currency)))
	}
	made := Refund{Charge: t.ID, ChargeReference: t.Reference, Transfer: asked.Transfer, RefundCore: stage.RefundCore{
		ID: t.NewID("refund"), Reference: asked.Reference, Status: stage.RefundPending, Amount: asked.Amount, Currency: t.Currency, CreatedAt: t.Now}}
	if t.Status == Stray {
		made.Charge, made.ChargeReference = "", ""
	}
	t.Refunds = append(t.Refunds, madeRefund{Refund: made, Asked: asked})
	r := &t.Refunds[len(t.Refunds)-1]
	switch fails := t.Plays("refund_fails", stage.Refund); {
	case fails:
		t.Later("fail_refund", r.Reference, t.Now.Add(t.Delays().Refund))
	case t.scheme().waits:
		t.Later("succeed_refund", r.Reference, t.Now.Add(t.Delays().Refund))
	default:
		return r, t.succeedRefund(r.Reference)
	}
	t.note("Refund of %s is on its way", stage.Show(r.Amount, t.Currency))
	return r, nil
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
