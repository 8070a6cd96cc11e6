// Package payout sends money out: to bank accounts, cards and aliases. A payout takes its amount out of what is available in the Change that
// queues it, is sent by the worker, and ends as its provider says.
package payout

import (
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

// Payout is money on its way out.
type Payout struct {
	Merchant    string // the tenant
	ID          string // po_…: also our reference at the provider
	Status      Status
	Call        Call
	Amount      money.Money
	Destination string // dst_…
	Rail        bank.RailName
	Account     string // the provider account
	Reference   string // the provider's
	Failure     *FailureObject
	Descriptor  string
	Description string
	Batch       string // pob_…; empty: it was made alone
	Customer    string // cus_…, whose money it is; empty: nobody that is known
	Loop        *Loop  // how it goes back to the sources of its money; nil: it does not, and goes to its destination whole
	PartOf      string // po_…, of which it is what goes to the destination; empty: it stands alone
	Draws       []Draw // what of its customer's payments is withdrawn by it
	CreatedBy   string // the key
	ApprovedBy  string // the keys of those who agreed; see control.Approvers
	Earliest    time.Time
	Latest      time.Time
	Timeline    []TimelineEntry
	Metadata    map[string]string
	Tries       int64 // how often it was sent
	Inquiries   int64
	Unanswered  int64 // how many questions in a row told nothing
	NotFound    int64 // how often the provider said that it has no such payout, when that could be believed
	SentAt      time.Time
	PaidAt      time.Time // since when the payee has it; zero: not yet
	DueAt       time.Time
	ManualAt    time.Time // since when its outcome is a person's business; zero: it is not
	Deadline    time.Time // of what has waited for its provider, or behind a switch: until when it may; zero: it did not have to
	CreatedAt   time.Time
	Version     int64
}

// Live tells the payout's mode.
func (p Payout) Live() bool { return id.Live(p.Merchant) }

// maxTimeline bounds what is kept of what happened to one payout.
const maxTimeline = 100

// note writes down that something happened. What stands there already in the same words is not written twice.
func (p *Payout) note(now time.Time, what, detail string) {
	for _, e := range p.Timeline {
		if e.Event == what && e.Detail == detail {
			return
		}
	}
	if len(p.Timeline) < maxTimeline {
		p.Timeline = append(p.Timeline[:len(p.Timeline):len(p.Timeline)], TimelineEntry{now, what, detail})
	}
}

// FailureObject says why a payout failed or came back.
type FailureObject struct {
	Code    string `json:"code" doc:"Why, in words common to all providers." example:"invalid_account"`
	Message string `json:"message,omitempty" doc:"Why, in the provider's words."`
}

// TimelineEntry is one thing that happened to a payout.
type TimelineEntry struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event" example:"payout.sent"`
	Detail string    `json:"detail,omitempty"`
}

// Window is when money arrives: not before earliest, and by latest if nothing goes wrong.
type Window struct {
	Earliest time.Time `json:"earliest"`
	Latest   time.Time `json:"latest"`
}

// Object is a payout as the contract shows it.
type Object struct {
	ID                  string            `json:"id" example:"po_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object              string            `json:"object" enum:"payout"`
	Livemode            bool              `json:"livemode"`
	Status              Status            `json:"status" enum:"held,queued,sent,paid,failed,returned,canceled"`
	Amount              int64             `json:"amount" doc:"In the currency's minor unit." example:"9232"`
	Currency            string            `json:"currency" example:"EUR"`
	AmountPaid          int64             `json:"amount_paid" doc:"What of it has arrived."`
	Customer            *string           `json:"customer" doc:"Whose money it is, if you said so."`
	ClosedLoop          Mode              `json:"closed_loop" enum:"none,prefer,require" doc:"Whether it goes back to the sources of its money."`
	ClosedLoopOrder     Order             `json:"closed_loop_order,omitempty" enum:"oldest,newest" doc:"Which sources come first, where it goes back to them."`
	SourcePayment       *string           `json:"source_payment" doc:"The payment that it goes back to, if one was named."`
	Parts               []Part            `json:"parts" doc:"How it is divided, where it goes back to sources: what goes back to each, and what goes to the destination."`
	UnusedSources       []Unused          `json:"unused_sources" doc:"The sources that nothing goes back to although it was looked at, and why. At most 20."`
	PartOf              string            `json:"part_of,omitempty" doc:"The payout of which this is what goes to the destination. Such a part is not listed, and has no events of its own."`
	Destination         string            `json:"destination,omitempty" doc:"Where it goes. Absent if all of it goes back to its sources." example:"dst_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Rail                bank.RailName     `json:"rail,omitempty" doc:"The way it goes. Absent if it consists of parts." example:"sepa_instant"`
	EstimatedArrival    *Window           `json:"estimated_arrival" doc:"When the payee has it, by the rail's hours and holidays, counted from now until it is sent. One that waits is sent when it is tried next at the earliest, and at queue_until at the latest; null while nobody knows when, and once it has failed or was canceled before it was sent."`
	QueueUntil          *time.Time        `json:"queue_until" doc:"How long it waits for its provider, or behind a kill switch, while it does. Then it has failed, with provider_unavailable, or with kill_switch_on if a switch holds it back then. The timeline says why it waits. Of a payout of parts: how long the first of them does that waits."`
	StatementDescriptor string            `json:"statement_descriptor,omitempty" doc:"What the payee reads on the statement."`
	Description         string            `json:"description,omitempty"`
	Failure             *FailureObject    `json:"failure" doc:"Why it failed or came back."`
	Provider            string            `json:"provider,omitempty" doc:"The provider account that pays it. Absent if it consists of parts."`
	ProviderReference   string            `json:"provider_reference,omitempty"`
	Batch               string            `json:"batch,omitempty" doc:"The batch that it was made with."`
	CreatedBy           string            `json:"created_by" doc:"The key that asked for it."`
	ApprovedBy          []string          `json:"approved_by" doc:"The keys that approved it, in the order in which they did. Empty if none did."`
	Timeline            []TimelineEntry   `json:"timeline" doc:"What happened to it, oldest first."`
	Metadata            map[string]string `json:"metadata"`
	CreatedAt           time.Time         `json:"created_at"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o Object) ObjectID() string { return o.ID }

// object shows a payout.
func (p Payout) object() Object {
	o := Object{
		ID: p.ID, Object: "payout", Livemode: p.Live(), Status: p.Status, Amount: p.Amount.Minor(), Currency: p.Amount.Currency().Code(),
		Destination: p.Destination, Rail: p.Rail, StatementDescriptor: p.Descriptor, Description: p.Description, Failure: p.Failure,
		Provider: p.Account, ProviderReference: p.Reference, Batch: p.Batch, CreatedBy: p.CreatedBy, ApprovedBy: control.Approvers(p.ApprovedBy),
		Timeline: append([]TimelineEntry{}, p.Timeline...), Metadata: orEmpty(p.Metadata), CreatedAt: p.CreatedAt,
		AmountPaid: p.arrived(), ClosedLoop: ModeNone, Parts: []Part{}, UnusedSources: []Unused{}, PartOf: p.PartOf,
	}
	if p.Customer != "" {
		o.Customer = &p.Customer
	}
	if l := p.Loop; l != nil {
		o.ClosedLoop, o.ClosedLoopOrder, o.Parts = l.Mode, l.Order, append(o.Parts, l.Parts...)
		o.UnusedSources = append(o.UnusedSources, l.Unused...)
		if l.Source != "" {
			o.SourcePayment = &l.Source
		}
	}
	if !p.Latest.IsZero() {
		o.EstimatedArrival = &Window{p.Earliest, p.Latest}
	}
	if p.waits() && !p.Deadline.IsZero() {
		o.QueueUntil = &p.Deadline
	}
	return o
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
