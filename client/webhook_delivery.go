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
	Event          string     `json:"event"`      // evt_…
	EventType      string     `json:"event_type"` // such as payment.captured
	Endpoint       string     `json:"endpoint"`   // we_…
	Status         string     `json:"status"`     // pending, succeeded or failed
	AttemptCount   int64      `json:"attempt_count"`
	LastAttemptAt  *time.Time `json:"last_attempt_at"`
	NextAttemptAt  *time.Time `json:"next_attempt_at"`           // nil: there is none
	ResponseStatus int64      `json:"response_status,omitempty"` // of the last attempt; 0: no answer came
	Error          string     `json:"error,omitempty"`           // of the last attempt
	CreatedAt      time.Time  `json:"created_at"`

	Attempts []WebhookAttempt `json:"attempts,omitempty"` // each try, where one delivery is read
}

// WebhookAttempt is one try of a delivery.
type WebhookAttempt struct {
	Number     int64            `json:"number"`
	CreatedAt  time.Time        `json:"created_at"`
	DurationMS int64            `json:"duration_ms"`
	Error      string           `json:"error,omitempty"`
	Request    WebhookRequest   `json:"request"`
	Response   *WebhookResponse `json:"response"` // nil: no answer came
}

// WebhookRequest is what was sent.
type WebhookRequest struct {
	URL    string              `json:"url"`
	Header map[string][]string `json:"headers"`
	Body   string              `json:"body"` // byte for byte as it was signed
}

// WebhookResponse is what came back.
type WebhookResponse struct {
	Status      int64               `json:"status"`
	Header      map[string][]string `json:"headers"`
	Body        string              `json:"body"` // the first 16 KiB
	Base64      bool                `json:"base64,omitempty"`
	Truncated   bool                `json:"truncated,omitempty"`
	FirstByteMS int64               `json:"first_byte_ms"`
}

// ListWebhookDeliveries chooses deliveries.
type ListWebhookDeliveries struct {
	Page
	Endpoint string // to one endpoint
	Event    string // of one event
	Status   string // pending, succeeded or failed
}

// WebhookDeliveryService calls /v1/webhook_deliveries.
type WebhookDeliveryService struct{ core *core }

const webhookDeliveries = "/v1/webhook_deliveries"

// Get reads a delivery with each of its tries.
func (s *WebhookDeliveryService) Get(ctx context.Context, id string, options ...CallOption) (*WebhookDelivery, error) {
	path, err := under(webhookDeliveries, id)
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
	set(query, "status", p.Status)
	return all(ctx, s.core, webhookDeliveries, query, func(d *WebhookDelivery) string { return d.ID }, options)
}

// Retry has a delivery sent again at once, with its schedule begun anew: also one that succeeded.
func (s *WebhookDeliveryService) Retry(ctx context.Context, id string, options ...CallOption) (*WebhookDelivery, error) {
	path, err := under(webhookDeliveries, id, "retry")
	if err != nil {
		return nil, err
	}
	return post[WebhookDelivery](ctx, s.core, path, nil, options)
}

// RetryAll is Retry of 1 to 100 deliveries, all or none.
func (s *WebhookDeliveryService) RetryAll(ctx context.Context, ids []string, options ...CallOption) ([]WebhookDelivery, error) {
	body := struct {
		Deliveries []string `json:"deliveries"`
	}{ids}
	list, err := post[List[WebhookDelivery]](ctx, s.core, webhookDeliveries+"/retry", body, options)
	if err != nil {
		return nil, err
	}
	return list.Data, nil
}
