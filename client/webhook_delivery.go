package client

import (
	"context"
	"iter"
	"time"
)

// WebhookDelivery is one event on its way to one endpoint.
type WebhookDelivery struct {
	ID             string     `json:"id"`
	Livemode       bool       `json:"livemode"`
	Event          string     `json:"event"`    // evt_…
	Endpoint       string     `json:"endpoint"` // we_…
	Status         string     `json:"status"`   // pending, succeeded or failed
	Attempts       int64      `json:"attempts"`
	LastAttemptAt  *time.Time `json:"last_attempt_at"`
	NextAttemptAt  *time.Time `json:"next_attempt_at"`           // nil: there is none
	ResponseStatus int64      `json:"response_status,omitempty"` // of the last attempt; 0: no answer came
	Error          string     `json:"error,omitempty"`           // of the last attempt
	CreatedAt      time.Time  `json:"created_at"`
}

// ListWebhookDeliveries chooses deliveries.
type ListWebhookDeliveries struct {
	Page
	Endpoint string // to one endpoint
	Event    string // of one event
}

// WebhookDeliveryService calls /v1/webhook_deliveries.
type WebhookDeliveryService struct{ core *core }

// Get reads a delivery.
func (s *WebhookDeliveryService) Get(ctx context.Context, id string, options ...CallOption) (*WebhookDelivery, error) {
	path, err := under("/v1/webhook_deliveries", id)
	if err != nil {
		return nil, err
	}
	return get[WebhookDelivery](ctx, s.core, path, nil, options)
}

// List walks deliveries, newest first, page by page as it goes.
func (s *WebhookDeliveryService) List(ctx context.Context, p ListWebhookDeliveries, options ...CallOption) iter.Seq2[*WebhookDelivery, error] {
	query := p.values()
	set(query, "endpoint", p.Endpoint)
	set(query, "event", p.Event)
	return all(ctx, s.core, "/v1/webhook_deliveries", query, func(d *WebhookDelivery) string { return d.ID }, options)
}
