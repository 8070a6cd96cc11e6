// Package recon keeps breaks: what does not agree between Florin and a provider, and a person must look at. It finds none by itself: whoever
// notes what a provider says opens them.
package recon

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
)

// Status is whether somebody must still look.
type Status string

// The statuses of a break.
const (
	Open   Status = "open"
	Closed Status = "closed"
)

// Break is something that does not agree.
type Break struct {
	payment.Break
	Merchant  string
	ID        string
	Status    Status
	CreatedAt time.Time
	ClosedAt  time.Time // zero: it is open
	ClosedBy  string    // the key of a person; empty: it is open, or closed by itself
	Note      string    // what the person found who closed it, or why it closed by itself
	Version   int64
}

// Options are what a Book stands on.
type Options struct {
	DB     *db.DB // has Schema
	Outbox *event.Outbox
	Clock  clock.Clock
	IDs    *id.Source
}

// Book keeps breaks.
type Book struct{ Options }

// New makes a book.
func New(o Options) *Book { return &Book{o} }

// Open adds a break to the Change that writes its cause, with the event that tells of it. A cause that has a break already, open or closed,
// opens none; but one that closed by itself opens again. Two Changes that open the same one at once meet at the table payment.BreakTable:
// the second is fault.Exists, and to be decided again.
func (k *Book) Open(ctx context.Context, c *db.Change, what payment.Break) error {
	now := k.Clock.Now()
	known, err := k.of(ctx, c.Merchant(), what.Source)
	switch {
	case err == nil && known.Status == Closed && known.ClosedBy == "":
		known.Status, known.ClosedAt, known.Note = Open, time.Time{}, ""
		return k.write(ctx, c, known, event.BreakOpened, now)
	case !fault.Is(err, fault.NotFound):
		return err
	}
	return k.write(ctx, c, Break{Break: what, Merchant: c.Merchant(), ID: k.IDs.New(id.Break), Status: Open, CreatedAt: now}, event.BreakOpened, now)
}

// Settle adds to the Change that resolves a cause that its break is closed, and why. A cause without an open break closes none.
func (k *Book) Settle(ctx context.Context, c *db.Change, source, why string) error {
	b, err := k.of(ctx, c.Merchant(), source)
	if fault.Is(err, fault.NotFound) || err == nil && b.Status == Closed {
		return nil
	}
	if err != nil {
		return err
	}
	now := k.Clock.Now()
	b.Status, b.ClosedAt, b.Note = Closed, now, why
	return k.write(ctx, c, b, event.BreakClosed, now)
}

func (k *Book) write(ctx context.Context, c *db.Change, b Break, told event.Type, now time.Time) error {
	c.Add(b.row())
	return k.Outbox.Emit(ctx, c, event.Fact{Type: told, Subject: b.ID, Thread: b.ID, Sequence: b.Version + 1, Object: b.object()}, now)
}

// MaxNote is how many characters a note has at most.
const MaxNote = 500

// With adds the caller's rows, such as the audit record, to the Change that closes a break.
type With func(c *db.Change, o Object) error

// Close notes that a person has looked at a break, and what they found. It moves no money. It fails with fault.NotFound, with fault.Invalid if
// the note is not one, and with fault.Conflict if the break is closed or somebody else is closing it.
func (k *Book) Close(ctx context.Context, tenant, breakID, by, note string, with With) (Object, error) {
	if err := checkNote(note); err != nil {
		return Object{}, err
	}
	b, err := k.one(ctx, tenant, breakID)
	if err != nil {
		return Object{}, err
	}
	if b.Status == Closed {
		return Object{}, fault.State("the break is closed already")
	}
	now := k.Clock.Now()
	b.Status, b.ClosedAt, b.ClosedBy, b.Note = Closed, now, by, note
	change, o := db.NewChange(tenant), b.object()
	if err := k.write(ctx, change, b, event.BreakClosed, now); err != nil {
		return Object{}, err
	}
	if err := with(change, o); err != nil {
		return Object{}, err
	}
	err = k.DB.Commit(ctx, change)
	if fault.Is(err, fault.Stale) {
		return Object{}, fault.State("somebody else is closing the same break")
	}
	if err != nil {
		return Object{}, fmt.Errorf("close %s: %w", breakID, err)
	}
	k.Outbox.Committed(change)
	return o, nil
}

func checkNote(note string) error {
	var wrong fault.Collect
	if strings.TrimSpace(note) == "" || utf8.RuneCountInString(note) > MaxNote || strings.ContainsFunc(note, unicode.IsControl) {
		wrong.Add("note", fault.CodeInvalid, fmt.Sprintf("must be 1 to %d characters, in one line: what you found", MaxNote))
	}
	return wrong.Err()
}

// Get is a break. It fails with fault.NotFound.
func (k *Book) Get(ctx context.Context, tenant, breakID string) (Object, error) {
	b, err := k.one(ctx, tenant, breakID)
	if err != nil {
		return Object{}, err
	}
	return b.object(), nil
}

// Filter chooses breaks. An empty field chooses all.
type Filter struct{ Status, Kind, Subject string }

// List is a page of breaks, newest first, and whether more follow.
func (k *Book) List(ctx context.Context, tenant string, p db.Page, f Filter) ([]Object, bool, error) {
	var filters []db.Filter
	for _, one := range []struct{ column, value string }{{"status", f.Status}, {"kind", f.Kind}, {"subject", f.Subject}} {
		if one.value != "" {
			filters = append(filters, db.Filter{Column: one.column, Value: one.value})
		}
	}
	found, more, err := db.ListPage(ctx, k.DB, table, scan, tenant, p, filters...)
	objects := make([]Object, len(found))
	for i, b := range found {
		objects[i] = b.object()
	}
	return objects, more, err
}

// Object is a break as the contract shows it.
type Object struct {
	ID              string            `json:"id" example:"brk_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object          string            `json:"object" enum:"recon_break"`
	Livemode        bool              `json:"livemode"`
	Kind            payment.BreakKind `json:"kind" enum:"contradiction,clearing,unknown_dispute" doc:"contradiction: a provider says what cannot be true together with what is known. clearing: a payment cleared at an amount too far from what was captured, or below what is refunded. unknown_dispute: a dispute of a payment that is not known."`
	Status          Status            `json:"status" enum:"open,closed"`
	Subject         string            `json:"subject" doc:"The payment or payout, or the dispute that has no payment." example:"pay_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	ProviderAccount string            `json:"provider_account" doc:"The provider account that says it." example:"alpha"`
	Amount          *int64            `json:"amount" doc:"What the provider speaks of, in the currency's minor unit; null if it names no amount."`
	Currency        *string           `json:"currency" doc:"ISO 4217; null if there is no amount." example:"EUR"`
	Detail          string            `json:"detail" doc:"What is known, and what the provider says; for people."`
	Note            string            `json:"note" doc:"What the person found who closed it, or why it closed by itself; empty while it is open."`
	ClosedBy        *string           `json:"closed_by" doc:"The key that closed it; null while it is open, and if it closed by itself." example:"key_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	ClosedAt        *time.Time        `json:"closed_at"`
	CreatedAt       time.Time         `json:"created_at" doc:"When it was opened."`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o Object) ObjectID() string { return o.ID }

func (b Break) object() Object {
	o := Object{
		ID: b.ID, Object: "recon_break", Livemode: id.Live(b.Merchant), Kind: b.Kind, Status: b.Status, Subject: b.Subject, ProviderAccount: b.Account,
		Detail: b.Detail, Note: b.Note, CreatedAt: b.CreatedAt,
	}
	if b.Amount != (money.Money{}) {
		o.Amount, o.Currency = new(b.Amount.Minor()), new(b.Amount.Currency().Code())
	}
	if b.Status == Closed {
		o.ClosedAt = &b.ClosedAt
	}
	if b.ClosedBy != "" {
		o.ClosedBy = &b.ClosedBy
	}
	return o
}
