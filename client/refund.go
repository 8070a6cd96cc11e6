package client

import (
	"context"
	"iter"
	"time"
)

// RefundStatus is a refund's state. An unknown one is kept as it came.
type RefundStatus string

// The refund's states.
const (
	RefundHeld      RefundStatus = "held" // a second person must approve it
	RefundPending   RefundStatus = "pending"
	RefundSucceeded RefundStatus = "succeeded"
	RefundFailed    RefundStatus = "failed"
)

// Refund is money given back.
type Refund struct {
	ID                string            `json:"id"`
	Livemode          bool              `json:"livemode"`
	Payment           string            `json:"payment"`
	Amount            int64             `json:"amount"` // in the currency's minor unit
	Currency          string            `json:"currency"`
	Status            RefundStatus      `json:"status"`
	Reason            string            `json:"reason,omitempty"`
	QueueUntil        *time.Time        `json:"queue_until"` // while it waits for its provider: until when
	Failure           *Failure          `json:"failure"`
	ProviderReference string            `json:"provider_reference,omitempty"`
	Payout            string            `json:"payout,omitempty"`       // that it is a part of
	RequestedBy       string            `json:"requested_by,omitempty"` // the key that asked for it
	ApprovedBy        []string          `json:"approved_by"`            // the keys that approved it, in their order
	Metadata          map[string]string `json:"metadata"`
	CreatedAt         time.Time         `json:"created_at"`
}

// RefundPayment asks for money to go back: an Amount, or All. An Amount that came out as 0 is not taken for all: it is refused.
type RefundPayment struct {
	Amount   int64             `json:"amount,omitempty"` // in the currency's minor unit
	All      bool              `json:"-"`                // all that is left
	Reason   string            `json:"reason,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// ListRefunds chooses refunds.
type ListRefunds struct {
	Page
	Payment string // of one payment
}

// RefundService calls /v1/refunds. A refund is made with [PaymentService.Refund].
type RefundService struct{ core *core }

// Get reads a refund.
func (s *RefundService) Get(ctx context.Context, id string, options ...CallOption) (*Refund, error) {
	path, err := under("/v1/refunds", id)
	if err != nil {
		return nil, err
	}
	return get[Refund](ctx, s.core, path, nil, options)
}

// List walks refunds, newest first, page by page as it goes. With EndingBefore it walks from that refund to newer ones.
func (s *RefundService) List(ctx context.Context, p ListRefunds, options ...CallOption) iter.Seq2[*Refund, error] {
	query := p.values()
	set(query, "payment", p.Payment)
	return all(ctx, s.core, "/v1/refunds", query, func(r *Refund) string { return r.ID }, options)
}

// Approve makes a refund that was held by the merchant's returns policy. It takes another key than the one that asked for it.
func (s *RefundService) Approve(ctx context.Context, id string, options ...CallOption) (*Refund, error) {
	path, err := under("/v1/refunds", id, "approve")
	if err != nil {
		return nil, err
	}
	return post[Refund](ctx, s.core, path, nil, options)
}

// Cancel gives up a refund that was held by the merchant's returns policy.
func (s *RefundService) Cancel(ctx context.Context, id string, options ...CallOption) (*Refund, error) {
	path, err := under("/v1/refunds", id, "cancel")
	if err != nil {
		return nil, err
	}
	return post[Refund](ctx, s.core, path, nil, options)
}
