package client

import (
	"context"
	"iter"
	"time"
)

// ManualItem is an outcome that the provider does not tell, and that waits for a person.
type ManualItem struct {
	ID                string     `json:"id"` // of the attempt, the capture, the void, the refund or the payout
	Livemode          bool       `json:"livemode"`
	Payment           string     `json:"payment,omitempty"`
	Payout            string     `json:"payout,omitempty"` // of one, or that which it is a part of
	Operation         string     `json:"operation"`        // authorize, capture, void, refund or payout
	Amount            int64      `json:"amount"`
	Currency          string     `json:"currency"`
	Provider          string     `json:"provider"`  // the provider account
	Reference         string     `json:"reference"` // ours, by which the provider may know it
	ProviderReference string     `json:"provider_reference,omitempty"`
	Reason            string     `json:"reason"`           // no_answer or no_inquiry
	Detail            string     `json:"detail,omitempty"` // what the provider said last
	Inquiries         int64      `json:"inquiries"`
	Since             time.Time  `json:"since"`
	NextInquiryAt     *time.Time `json:"next_inquiry_at"`
	CreatedAt         time.Time  `json:"created_at"`
}

// ResolveManual is what a person found out at the provider.
type ResolveManual struct {
	Outcome   string `json:"outcome"`             // of a payment charged or not_charged, of what follows it succeeded or failed
	Reason    string `json:"reason"`              // how you know: for the audit trail
	Reference string `json:"reference,omitempty"` // the provider's; needed for what was charged, unless the item has it
}

// ManualQueueService calls /v1/manual_queue.
type ManualQueueService struct{ core *core }

const manualQueue = "/v1/manual_queue"

// List walks the queue: what has waited longest comes first. limit is the size of one page, 1 to 100; 0 is the server's default.
func (s *ManualQueueService) List(ctx context.Context, limit int, options ...CallOption) iter.Seq2[*ManualItem, error] {
	return all(ctx, s.core, manualQueue, Page{Limit: limit}.values(), func(i *ManualItem) string { return i.ID }, options)
}

// Resolve says what is so of a payment's item; of a payout see PayoutService.Resolve. It fails with a conflict if the outcome became known meanwhile.
func (s *ManualQueueService) Resolve(ctx context.Context, id string, p ResolveManual, options ...CallOption) (*Payment, error) {
	path, err := under(manualQueue, id, "resolve")
	if err != nil {
		return nil, err
	}
	return post[Payment](ctx, s.core, path, p, options)
}
