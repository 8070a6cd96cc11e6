package client

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// WebhookEndpoint is an address of the merchant that is told of events.
type WebhookEndpoint struct {
	ID        string            `json:"id"`
	Livemode  bool              `json:"livemode"`
	URL       string            `json:"url"`
	Events    []string          `json:"events"`           // types, such as payment.captured; "*" is all
	Status    string            `json:"status"`           // such as enabled, disabled
	Secret    string            `json:"secret,omitempty"` // whsec_…, for [NewWebhooks]; shown when it is made
	Metadata  map[string]string `json:"metadata"`
	CreatedAt time.Time         `json:"created_at"`
}

// String hides the secret from logs.
func (e WebhookEndpoint) String() string { return "webhook endpoint " + e.ID }

// GoString hides the secret from logs.
func (e WebhookEndpoint) GoString() string { return e.String() }

// CreateWebhookEndpoint registers an address.
type CreateWebhookEndpoint struct {
	URL      string            `json:"url"`
	Events   []string          `json:"events,omitempty"` // nil: all
	Metadata map[string]string `json:"metadata,omitempty"`
}

// WebhookEndpointService calls /v1/webhook_endpoints.
type WebhookEndpointService struct{ core *core }

const webhookEndpoints = "/v1/webhook_endpoints"

// Create registers an address. Keep the Secret of the answer: it is not shown again.
func (s *WebhookEndpointService) Create(ctx context.Context, p CreateWebhookEndpoint, options ...CallOption) (*WebhookEndpoint, error) {
	return post[WebhookEndpoint](ctx, s.core, webhookEndpoints, p, options)
}

// Get reads an endpoint, without its secret.
func (s *WebhookEndpointService) Get(ctx context.Context, id string, options ...CallOption) (*WebhookEndpoint, error) {
	path, err := under(webhookEndpoints, id)
	if err != nil {
		return nil, err
	}
	return get[WebhookEndpoint](ctx, s.core, path, nil, options)
}

// Delete takes an endpoint away: nothing more is sent to it.
func (s *WebhookEndpointService) Delete(ctx context.Context, id string, options ...CallOption) error {
	path, err := under(webhookEndpoints, id)
	if err != nil {
		return err
	}
	_, err = do[struct{}](ctx, s.core, &call{method: http.MethodDelete, base: s.core.base, path: path}, options)
	return err
}

// List walks endpoints, newest first.
func (s *WebhookEndpointService) List(ctx context.Context, p Page, options ...CallOption) iter.Seq2[*WebhookEndpoint, error] {
	return all(ctx, s.core, webhookEndpoints, p.values(), func(e *WebhookEndpoint) string { return e.ID }, options)
}
