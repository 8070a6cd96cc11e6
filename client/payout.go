package client

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"time"
)

// PayoutStatus is a payout's state. An unknown one is kept as it came.
type PayoutStatus string

// The payout's states.
const (
	PayoutHeld     PayoutStatus = "held"   // a second person must approve it
	PayoutQueued   PayoutStatus = "queued" // its amount is taken; it is being sent
	PayoutSent     PayoutStatus = "sent"   // the provider has taken it
	PayoutPaid     PayoutStatus = "paid"   // the payee has it
	PayoutFailed   PayoutStatus = "failed"
	PayoutReturned PayoutStatus = "returned" // it was paid and came back
	PayoutCanceled PayoutStatus = "canceled"
)

// Payout is money on its way out.
type Payout struct {
	ID                  string                `json:"id"`
	Livemode            bool                  `json:"livemode"`
	Status              PayoutStatus          `json:"status"`
	Amount              int64                 `json:"amount"` // in the currency's minor unit
	Currency            string                `json:"currency"`
	AmountPaid          int64                 `json:"amount_paid"` // what of it has arrived
	Customer            *string               `json:"customer"`    // whose money it is
	ClosedLoop          string                `json:"closed_loop"` // none, prefer or require
	ClosedLoopOrder     string                `json:"closed_loop_order,omitempty"`
	SourcePayment       *string               `json:"source_payment"`
	Parts               []PayoutPart          `json:"parts"`                 // of a closed loop: what goes where
	UnusedSources       []PayoutUnusedSource  `json:"unused_sources"`        // what nothing goes back to, and why
	PartOf              string                `json:"part_of,omitempty"`     // the payout that this is a part of
	Destination         string                `json:"destination,omitempty"` // empty if all of it goes back to its sources
	Rail                string                `json:"rail,omitempty"`
	EstimatedArrival    *ArrivalWindow        `json:"estimated_arrival"` // nil while nobody knows
	QueueUntil          *time.Time            `json:"queue_until"`       // while it waits for its provider: until when; see Timeline for why
	StatementDescriptor string                `json:"statement_descriptor,omitempty"`
	Description         string                `json:"description,omitempty"`
	Failure             *PayoutFailure        `json:"failure"` // why it failed or came back
	Provider            string                `json:"provider,omitempty"`
	ProviderReference   string                `json:"provider_reference,omitempty"`
	Batch               string                `json:"batch,omitempty"`
	CreatedBy           string                `json:"created_by"`
	ApprovedBy          []string              `json:"approved_by"` // the keys that approved it, in their order
	Timeline            []PayoutTimelineEntry `json:"timeline"`    // oldest first
	Metadata            map[string]string     `json:"metadata"`
	CreatedAt           time.Time             `json:"created_at"`
}

// ArrivalWindow is when the payee has the money: not before Earliest, and by Latest if nothing goes wrong.
type ArrivalWindow struct {
	Earliest time.Time `json:"earliest"`
	Latest   time.Time `json:"latest"`
}

// PayoutFailure says why a payout failed or came back.
type PayoutFailure struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
}

// PayoutTimelineEntry is one thing that happened to a payout.
type PayoutTimelineEntry struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event"`
	Detail string    `json:"detail,omitempty"`
}

// PayoutPart is what of a payout goes one way.
type PayoutPart struct {
	Type     string         `json:"type"`         // refund, reversal or payout
	ID       string         `json:"id,omitempty"` // of the refund, the reversal or the payout to the destination
	Status   string         `json:"status"`       // held, queued, sent, succeeded, failed, returned or canceled
	Amount   int64          `json:"amount"`
	Payment  string         `json:"payment,omitempty"` // that it goes back to
	Method   string         `json:"method,omitempty"`
	Reason   string         `json:"reason"` // source, rest or refund_failed
	Failure  *PayoutFailure `json:"failure,omitempty"`
	Replaced bool           `json:"replaced,omitempty"` // its amount goes on by a later part
}

// PayoutUnusedSource is a payment that nothing goes back to.
type PayoutUnusedSource struct {
	Payment         string     `json:"payment"`
	Method          string     `json:"method,omitempty"`
	Reason          string     `json:"reason"` // such as refund_window_closed
	Left            int64      `json:"left"`
	RefundableUntil *time.Time `json:"refundable_until,omitempty"`
}

// CreatePayout asks for a payout: to a DestinationToken, a CardToken or a BankAlias. With ClosedLoop the Customer's money goes back to where it came
// from first, or to the SourcePayment.
type CreatePayout struct {
	Amount              int64             `json:"amount"` // in the currency's minor unit
	Currency            string            `json:"currency"`
	DestinationToken    string            `json:"destination_token,omitempty"`
	CardToken           string            `json:"card_token,omitempty"`
	BankAlias           *BankAlias        `json:"bank_alias,omitempty"`
	Customer            string            `json:"customer,omitempty"`
	ClosedLoop          string            `json:"closed_loop,omitempty"`       // none, prefer or require
	ClosedLoopOrder     string            `json:"closed_loop_order,omitempty"` // oldest or newest
	SourcePayment       string            `json:"source_payment,omitempty"`
	StatementDescriptor string            `json:"statement_descriptor,omitempty"`
	Description         string            `json:"description,omitempty"`
	Metadata            map[string]string `json:"metadata,omitempty"`
}

// BankAlias is what a payee is known by in an instant scheme. It prints without its value.
type BankAlias struct {
	Type  string `json:"type"` // pix, payid or upi
	Value string `json:"value"`
	Name  string `json:"name"` // whose it is
}

// String hides it from logs.
func (BankAlias) String() string { return "a bank alias" }

// GoString hides it from logs.
func (b BankAlias) GoString() string { return b.String() }

// LogValue hides it from logs, also from those in JSON.
func (b BankAlias) LogValue() slog.Value { return slog.StringValue(b.String()) }

// CancelPayout ends a payout that was not sent yet.
type CancelPayout struct {
	Reason string `json:"reason,omitempty"`
}

// ListPayouts chooses payouts.
type ListPayouts struct {
	Page
	Status      PayoutStatus
	Destination string
	Batch       string
	Customer    string
}

// CreatePayoutBatch asks for a payout of every line of a CSV file.
type CreatePayoutBatch struct {
	CSV    string `json:"csv"`
	DryRun bool   `json:"dry_run,omitempty"` // only tell what would become of it
}

// PayoutBatch is what became of a batch, line by line. If a line is wrong, none of its payouts was made.
type PayoutBatch struct {
	ID       string            `json:"id,omitempty"` // empty if nothing was made
	Livemode bool              `json:"livemode"`
	DryRun   bool              `json:"dry_run"`
	Created  int64             `json:"created"`
	Invalid  int64             `json:"invalid"`
	Totals   map[string]int64  `json:"totals"` // by currency, in minor units
	Lines    []PayoutBatchLine `json:"lines"`
}

// PayoutBatchLine tells of one line of a batch.
type PayoutBatchLine struct {
	Line             int64              `json:"line"`   // the heading is line 1
	Status           string             `json:"status"` // ok, invalid, created, skipped
	Amount           int64              `json:"amount,omitempty"`
	Currency         string             `json:"currency,omitempty"`
	Payout           string             `json:"payout,omitempty"`
	Held             bool               `json:"held,omitempty"`
	EstimatedArrival *ArrivalWindow     `json:"estimated_arrival,omitempty"`
	Errors           []PayoutBatchFault `json:"errors"`
}

// PayoutBatchFault is one thing that is wrong with a line.
type PayoutBatchFault struct {
	Param  string `json:"param,omitempty"` // the column
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// PayoutService calls /v1/payouts.
type PayoutService struct{ core *core }

const payouts = "/v1/payouts"

// Create makes a payout. Its amount is taken out of what is available at once; it is sent in the background.
func (s *PayoutService) Create(ctx context.Context, p CreatePayout, options ...CallOption) (*Payout, error) {
	return post[Payout](ctx, s.core, payouts, p, options)
}

// Batch makes a payout of every line of a CSV file, or of none.
func (s *PayoutService) Batch(ctx context.Context, p CreatePayoutBatch, options ...CallOption) (*PayoutBatch, error) {
	return post[PayoutBatch](ctx, s.core, payouts+"/batch", p, options)
}

// Get reads a payout.
func (s *PayoutService) Get(ctx context.Context, id string, options ...CallOption) (*Payout, error) {
	path, err := under(payouts, id)
	if err != nil {
		return nil, err
	}
	return get[Payout](ctx, s.core, path, nil, options)
}

// List walks payouts, newest first, page by page as it goes. With EndingBefore it walks from that payout to newer ones.
func (s *PayoutService) List(ctx context.Context, p ListPayouts, options ...CallOption) iter.Seq2[*Payout, error] {
	query := p.values()
	set(query, "status", string(p.Status))
	set(query, "destination", p.Destination)
	set(query, "batch", p.Batch)
	set(query, "customer", p.Customer)
	return all(ctx, s.core, payouts, query, func(one *Payout) string { return one.ID }, options)
}

// Approve lets a payout go that is held. The client's key must be another one than that which asked for it.
func (s *PayoutService) Approve(ctx context.Context, id string, options ...CallOption) (*Payout, error) {
	path, err := under(payouts, id, "approve")
	if err != nil {
		return nil, err
	}
	return post[Payout](ctx, s.core, path, nil, options)
}

// Cancel ends a payout that is held or queued.
func (s *PayoutService) Cancel(ctx context.Context, id string, p CancelPayout, options ...CallOption) (*Payout, error) {
	path, err := under(payouts, id, "cancel")
	if err != nil {
		return nil, err
	}
	return post[Payout](ctx, s.core, path, p, options)
}

// ResolvePayout is what a person found out at the provider.
type ResolvePayout struct {
	Outcome   string `json:"outcome"`             // paid or not_paid
	Reason    string `json:"reason"`              // how you know: for the audit trail
	Reference string `json:"reference,omitempty"` // the provider's, if you know it
}

// Resolve says what became of a payout that is in the manual queue. It fails with a conflict if it is not, or became known meanwhile.
func (s *PayoutService) Resolve(ctx context.Context, id string, p ResolvePayout, options ...CallOption) (*Payout, error) {
	path, err := under(payouts, id, "resolve")
	if err != nil {
		return nil, err
	}
	return post[Payout](ctx, s.core, path, p, options)
}

// Destination is where money can go. Its number is shown by its end. It prints without the name.
type Destination struct {
	ID            string            `json:"id"`
	Livemode      bool              `json:"livemode"`
	Type          string            `json:"type"` // iban, bank_account, card, pix, payid, upi
	Name          string            `json:"name"`
	Country       string            `json:"country,omitempty"`
	BankCode      string            `json:"bank_code,omitempty"`
	BranchCode    string            `json:"branch_code,omitempty"`
	AliasType     string            `json:"alias_type,omitempty"`
	Last4         string            `json:"last4"`
	Card          *DestinationCard  `json:"card,omitempty"`
	Rails         []string          `json:"rails"` // that can reach it, the quickest first
	Blocked       bool              `json:"blocked"`
	BlockedReason string            `json:"blocked_reason,omitempty"`
	Metadata      map[string]string `json:"metadata"`
	CreatedAt     time.Time         `json:"created_at"`
}

// String hides from logs whose it is.
func (d Destination) String() string { return "destination " + d.ID }

// GoString hides from logs whose it is.
func (d Destination) GoString() string { return d.String() }

// LogValue hides from logs, also from those in JSON, whose it is.
func (d Destination) LogValue() slog.Value { return slog.StringValue(d.String()) }

// DestinationCard is what is known of a destination's card.
type DestinationCard struct {
	Brand   string `json:"brand"`
	Last4   string `json:"last4"`
	Funding string `json:"funding"`
}

// CreateDestination keeps an account, a card or an alias. Which fields are needed depends on the type. It prints without them.
type CreateDestination struct {
	Type          string            `json:"type"` // iban, bank_account, card, pix, payid, upi
	Name          string            `json:"name,omitempty"`
	IBAN          string            `json:"iban,omitempty"`
	Country       string            `json:"country,omitempty"`
	BankCode      string            `json:"bank_code,omitempty"`
	BranchCode    string            `json:"branch_code,omitempty"`
	AccountNumber string            `json:"account_number,omitempty"`
	PIXKey        string            `json:"pix_key,omitempty"`
	PayID         string            `json:"payid,omitempty"`
	VPA           string            `json:"vpa,omitempty"`
	CardToken     string            `json:"card_token,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"`
}

// String hides it from logs.
func (CreateDestination) String() string { return "a new destination" }

// GoString hides it from logs.
func (d CreateDestination) GoString() string { return d.String() }

// LogValue hides it from logs, also from those in JSON.
func (d CreateDestination) LogValue() slog.Value { return slog.StringValue(d.String()) }

// UpdateDestination changes what is given and leaves the rest.
type UpdateDestination struct {
	Blocked       *bool             `json:"blocked,omitempty"` // nothing is paid to it, nor to the same account by another destination
	BlockedReason *string           `json:"blocked_reason,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"` // replaces all of it
}

// DestinationService calls /v1/destinations.
type DestinationService struct{ core *core }

const destinations = "/v1/destinations"

// Create keeps a destination.
func (s *DestinationService) Create(ctx context.Context, p CreateDestination, options ...CallOption) (*Destination, error) {
	return post[Destination](ctx, s.core, destinations, p, options)
}

// Get reads a destination.
func (s *DestinationService) Get(ctx context.Context, id string, options ...CallOption) (*Destination, error) {
	path, err := under(destinations, id)
	if err != nil {
		return nil, err
	}
	return get[Destination](ctx, s.core, path, nil, options)
}

// List walks destinations, newest first, page by page as it goes.
func (s *DestinationService) List(ctx context.Context, p Page, options ...CallOption) iter.Seq2[*Destination, error] {
	return all(ctx, s.core, destinations, p.values(), func(d *Destination) string { return d.ID }, options)
}

// Update blocks a destination, lets it go again, or changes its metadata.
func (s *DestinationService) Update(ctx context.Context, id string, p UpdateDestination, options ...CallOption) (*Destination, error) {
	path, err := under(destinations, id)
	if err != nil {
		return nil, err
	}
	return write[Destination](ctx, s.core, http.MethodPatch, s.core.base, path, p, options)
}
