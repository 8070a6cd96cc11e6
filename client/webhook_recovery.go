package client

import (
	"context"
	"iter"
	"time"
)

// WebhookRecovery is a task that sends an endpoint again what it missed.
type WebhookRecovery struct {
	ID        string     `json:"id"`
	Livemode  bool       `json:"livemode"`
	Endpoint  string     `json:"endpoint"` // we_…
	Events    []string   `json:"events"`
	Statuses  []string   `json:"statuses"` // of the deliveries that are sent again
	Since     time.Time  `json:"since"`
	Until     time.Time  `json:"until"`
	Status    string     `json:"status"` // running or done
	Queued    int64      `json:"queued"` // deliveries put in line so far
	DoneAt    *time.Time `json:"done_at"`
	CreatedAt time.Time  `json:"created_at"`
}

// ListWebhookRecoveries chooses recoveries.
type ListWebhookRecoveries struct {
	Page
	Endpoint string // of one endpoint
}

// WebhookRecoveryService calls /v1/webhook_recoveries.
type WebhookRecoveryService struct{ core *core }

const webhookRecoveries = "/v1/webhook_recoveries"

// Get reads a recovery.
func (s *WebhookRecoveryService) Get(ctx context.Context, id string, options ...CallOption) (*WebhookRecovery, error) {
	path, err := under(webhookRecoveries, id)
	if err != nil {
		return nil, err
	}
	return get[WebhookRecovery](ctx, s.core, path, nil, options)
}

// List walks recoveries, newest first, page by page as it goes.
func (s *WebhookRecoveryService) List(ctx context.Context, p ListWebhookRecoveries, options ...CallOption) iter.Seq2[*WebhookRecovery, error] {
	query := p.values()
	set(query, "endpoint", p.Endpoint)
	return all(ctx, s.core, webhookRecoveries, query, func(r *WebhookRecovery) string { return r.ID }, options)
}
