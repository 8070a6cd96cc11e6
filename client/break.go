package client

import (
	"context"
	"iter"
	"time"
)

// Break is something that does not agree between Florin and a provider: a person must look.
type Break struct {
	ID              string     `json:"id"`
	Livemode        bool       `json:"livemode"`
	Kind            string     `json:"kind"`    // contradiction, clearing or unknown_dispute
	Status          string     `json:"status"`  // open or closed
	Subject         string     `json:"subject"` // the payment or payout, or the dispute that has no payment
	ProviderAccount string     `json:"provider_account"`
	Amount          *int64     `json:"amount"` // what the provider speaks of, in the currency's minor unit; nil: it names no amount
	Currency        *string    `json:"currency"`
	Detail          string     `json:"detail"`
	Note            string     `json:"note"` // what the person found who closed it
	ClosedBy        *string    `json:"closed_by"`
	ClosedAt        *time.Time `json:"closed_at"`
	CreatedAt       time.Time  `json:"created_at"`
}

// CloseBreak says what was found.
type CloseBreak struct {
	Note string `json:"note"`
}

// ListBreaks chooses breaks.
type ListBreaks struct {
	Page
	Status  string // open or closed
	Kind    string
	Subject string // of one payment, payout or dispute
}

// BreakService calls /v1/recon/breaks.
type BreakService struct{ core *core }

const breaks = "/v1/recon/breaks"

// Get reads a break.
func (s *BreakService) Get(ctx context.Context, id string, options ...CallOption) (*Break, error) {
	path, err := under(breaks, id)
	if err != nil {
		return nil, err
	}
	return get[Break](ctx, s.core, path, nil, options)
}

// List walks breaks, newest first, page by page as it goes.
func (s *BreakService) List(ctx context.Context, p ListBreaks, options ...CallOption) iter.Seq2[*Break, error] {
	query := p.values()
	set(query, "status", p.Status)
	set(query, "kind", p.Kind)
	set(query, "subject", p.Subject)
	return all(ctx, s.core, breaks, query, func(b *Break) string { return b.ID }, options)
}

// Close notes that a person has looked at a break, and what they found. It moves no money.
func (s *BreakService) Close(ctx context.Context, id string, p CloseBreak, options ...CallOption) (*Break, error) {
	path, err := under(breaks, id, "close")
	if err != nil {
		return nil, err
	}
	return post[Break](ctx, s.core, path, p, options)
}
