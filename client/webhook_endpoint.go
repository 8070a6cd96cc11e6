package client

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// WebhookEndpoint is an address of the merchant that is told of events.
type WebhookEndpoint struct {
	ID          string            `json:"id"`
	Livemode    bool              `json:"livemode"`
	URL         string            `json:"url"`
	Events      []string          `json:"events"` // types, prefixes such as payment.*, or * for all
	Status      string            `json:"status"` // enabled or disabled
	Description string            `json:"description,omitempty"`
	Version     string            `json:"version"`          // the data version of its events
	Secret      string            `json:"secret,omitempty"` // whsec_…, for [NewWebhooks]; shown once, when it is made
	Metadata    map[string]string `json:"metadata"`
	CreatedAt   time.Time         `json:"created_at"`

	DisabledReason    *string            `json:"disabled_reason"` // merchant, gone (it answered 410) or failing (for three days); nil while it is enabled
	DisabledAt        *time.Time         `json:"disabled_at"`
	Ordering          string             `json:"ordering"`     // none, or object: later events of an object wait for earlier ones
	Concurrency       int64              `json:"concurrency"`  // most webhooks under way at once
	RateLimit         int64              `json:"rate_limit"`   // webhooks per second; 0: no limit
	HeaderNames       []string           `json:"header_names"` // of the static headers
	ClientCertificate *ClientCertificate `json:"client_certificate"`
	OldSecretExpires  *time.Time         `json:"old_secret_expires_at"` // until when the secret before this one signs as well
	Health            string             `json:"health"`                // healthy, slowed (it fails) or disabled
	FailingSince      *time.Time         `json:"failing_since"`
	OldestPendingAge  *int64             `json:"oldest_pending_age"` // in seconds; nil: nothing waits
}

// ClientCertificate tells which client certificate an endpoint is shown.
type ClientCertificate struct {
	Subject     string    `json:"subject"`
	Fingerprint string    `json:"fingerprint"` // SHA-256, hexadecimal
	ExpiresAt   time.Time `json:"expires_at"`
}

// String hides the secret from logs.
func (e WebhookEndpoint) String() string { return "webhook endpoint " + e.ID }

// GoString hides the secret from logs.
func (e WebhookEndpoint) GoString() string { return e.String() }

// LogValue hides the secret from logs, also from those in JSON.
func (e WebhookEndpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// CreateWebhookEndpoint registers an address.
type CreateWebhookEndpoint struct {
	URL         string            `json:"url"`    // https, or http on the server's own machine in florin dev
	Events      []string          `json:"events"` // types, prefixes such as payment.*, or * for all
	Description string            `json:"description,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
}

// UpdateWebhookEndpoint changes what is given and leaves the rest. The URL stays: what listens elsewhere is another endpoint.
type UpdateWebhookEndpoint struct {
	Events      []string          `json:"events,omitempty"`
	Status      *string           `json:"status,omitempty"` // enabled or disabled; what happens while it is disabled is not sent later
	Description *string           `json:"description,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"` // replaces all of it
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

// Update changes an endpoint, such as its status to disabled.
func (s *WebhookEndpointService) Update(ctx context.Context, id string, p UpdateWebhookEndpoint, options ...CallOption) (*WebhookEndpoint, error) {
	path, err := under(webhookEndpoints, id)
	if err != nil {
		return nil, err
	}
	return write[WebhookEndpoint](ctx, s.core, http.MethodPatch, s.core.base, path, p, options)
}

// Delete removes an endpoint for good. If the first answer was lost, a repeat finds nothing: see [IsNotFound].
func (s *WebhookEndpointService) Delete(ctx context.Context, id string, options ...CallOption) error {
	path, err := under(webhookEndpoints, id)
	if err != nil {
		return err
	}
	_, err = remove[struct{}](ctx, s.core, path, options)
	return err
}

// List walks all endpoints, oldest first.
func (s *WebhookEndpointService) List(ctx context.Context, options ...CallOption) iter.Seq2[*WebhookEndpoint, error] {
	return all(ctx, s.core, webhookEndpoints, url.Values{}, func(e *WebhookEndpoint) string { return e.ID }, options)
}
