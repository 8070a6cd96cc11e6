package client

import (
	"context"
	"encoding/json"
	"errors"
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
	Secret      string            `json:"secret,omitempty"` // whsec_…, for [NewWebhooks]; shown once, when it is made or rotated
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

// ClientCertificateRequest is a client certificate with its key, both in PEM. It prints without the key.
type ClientCertificateRequest struct {
	Certificate string `json:"certificate"` // then those between it and its authority
	PrivateKey  string `json:"private_key"` // not encrypted
}

// String hides the key from logs.
func (c ClientCertificateRequest) String() string { return "client certificate" }

// GoString hides the key from logs.
func (c ClientCertificateRequest) GoString() string { return c.String() }

// LogValue hides the key from logs, also from those in JSON.
func (c ClientCertificateRequest) LogValue() slog.Value { return slog.StringValue(c.String()) }

// CreateWebhookEndpoint registers an address.
type CreateWebhookEndpoint struct {
	URL               string                    `json:"url"`               // https, or http on the server's own machine in florin dev, or mailto: and an address
	Events            []string                  `json:"events"`            // types, prefixes such as payment.*, or * for all
	Version           string                    `json:"version,omitempty"` // the data version of its events; empty: the newest
	Description       string                    `json:"description,omitempty"`
	Ordering          string                    `json:"ordering,omitempty"`    // none, or object: later events of an object wait for earlier ones
	Concurrency       int64                     `json:"concurrency,omitempty"` // most webhooks under way at once, up to 64; 0: the server's default
	RateLimit         int64                     `json:"rate_limit,omitempty"`  // webhooks per second; 0: no limit
	Headers           map[string]string         `json:"headers,omitempty"`     // sent with each webhook
	ClientCertificate *ClientCertificateRequest `json:"client_certificate,omitempty"`
	Secret            string                    `json:"secret,omitempty"` // whsec_…; one is made if it is empty
	Metadata          map[string]string         `json:"metadata,omitempty"`
}

// String hides secrets from logs.
func (CreateWebhookEndpoint) String() string { return "a new webhook endpoint" }

// GoString hides secrets from logs.
func (p CreateWebhookEndpoint) GoString() string { return p.String() }

// LogValue hides secrets from logs, also from those in JSON.
func (p CreateWebhookEndpoint) LogValue() slog.Value { return slog.StringValue(p.String()) }

// UpdateWebhookEndpoint changes what is given and leaves the rest. The URL stays: what listens elsewhere is another endpoint.
type UpdateWebhookEndpoint struct {
	Events            []string                  `json:"events,omitempty"`
	Status            *string                   `json:"status,omitempty"` // enabled or disabled, as by Enable and Disable
	Description       *string                   `json:"description,omitempty"`
	Ordering          *string                   `json:"ordering,omitempty"` // of what happens from now on
	Concurrency       *int64                    `json:"concurrency,omitempty"`
	RateLimit         *int64                    `json:"rate_limit,omitempty"`
	Headers           map[string]string         `json:"headers,omitzero"` // replaces all of them; empty, not nil: removes them
	ClientCertificate *ClientCertificateRequest `json:"client_certificate,omitempty"`
	Metadata          map[string]string         `json:"metadata,omitempty"` // replaces all of it

	RemoveClientCertificate bool `json:"-"` // in the place of ClientCertificate
}

// String hides what is secret from logs.
func (UpdateWebhookEndpoint) String() string { return "a change of a webhook endpoint" }

// GoString hides what is secret from logs.
func (p UpdateWebhookEndpoint) GoString() string { return p.String() }

// LogValue hides what is secret from logs, also from those in JSON.
func (p UpdateWebhookEndpoint) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalJSON writes the removal of the certificate as the contract has it: null.
func (p UpdateWebhookEndpoint) MarshalJSON() ([]byte, error) {
	type plain UpdateWebhookEndpoint
	if !p.RemoveClientCertificate {
		return json.Marshal(plain(p))
	}
	if p.ClientCertificate != nil {
		return nil, errors.New("florin: the client certificate cannot be replaced and removed at once")
	}
	return json.Marshal(struct {
		plain
		ClientCertificate *ClientCertificateRequest `json:"client_certificate"`
	}{plain: plain(p)})
}

// RotateWebhookSecret replaces the secret of an endpoint.
type RotateWebhookSecret struct {
	ExpireOldAfter *int64 `json:"expire_old_after,omitempty"` // seconds for which older secrets sign as well, up to 7 days; nil: a day
	Secret         string `json:"secret,omitempty"`           // whsec_…; one is made if it is empty
}

// String hides the secret from logs.
func (RotateWebhookSecret) String() string { return "a new webhook secret" }

// GoString hides the secret from logs.
func (p RotateWebhookSecret) GoString() string { return p.String() }

// LogValue hides the secret from logs, also from those in JSON.
func (p RotateWebhookSecret) LogValue() slog.Value { return slog.StringValue(p.String()) }

// RecoverWebhookEndpoint chooses what is sent to an endpoint again.
type RecoverWebhookEndpoint struct {
	Since    time.Time  `json:"since"`              // at most 30 days ago
	Until    *time.Time `json:"until,omitempty"`    // exclusive; nil: now
	Events   []string   `json:"events,omitempty"`   // nil: what the endpoint asks for
	Statuses []string   `json:"statuses,omitempty"` // of deliveries; nil: pending and failed
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

// RotateSecret gives an endpoint a new secret, which signs from now on beside the older ones until their time is over. Keep the
// Secret of the answer: it is not shown again.
func (s *WebhookEndpointService) RotateSecret(ctx context.Context, id string, p RotateWebhookSecret, options ...CallOption) (*WebhookEndpoint, error) {
	path, err := under(webhookEndpoints, id, "rotate_secret")
	if err != nil {
		return nil, err
	}
	return post[WebhookEndpoint](ctx, s.core, path, p, options)
}

// Enable has an endpoint sent to, and sends what it has missed meanwhile.
func (s *WebhookEndpointService) Enable(ctx context.Context, id string, options ...CallOption) (*WebhookEndpoint, error) {
	path, err := under(webhookEndpoints, id, "enable")
	if err != nil {
		return nil, err
	}
	return post[WebhookEndpoint](ctx, s.core, path, nil, options)
}

// Disable stops sending to an endpoint. What happens from now on waits for it.
func (s *WebhookEndpointService) Disable(ctx context.Context, id string, options ...CallOption) (*WebhookEndpoint, error) {
	path, err := under(webhookEndpoints, id, "disable")
	if err != nil {
		return nil, err
	}
	return post[WebhookEndpoint](ctx, s.core, path, nil, options)
}

// Test sends an endpoint a webhook_endpoint.test event at once, also if it is disabled, and gives the delivery with what came of it.
func (s *WebhookEndpointService) Test(ctx context.Context, id string, options ...CallOption) (*WebhookDelivery, error) {
	path, err := under(webhookEndpoints, id, "test")
	if err != nil {
		return nil, err
	}
	return post[WebhookDelivery](ctx, s.core, path, nil, options)
}

// Recover begins to send an endpoint again what it missed. See [WebhookRecoveryService] for how far it is.
func (s *WebhookEndpointService) Recover(ctx context.Context, id string, p RecoverWebhookEndpoint, options ...CallOption) (*WebhookRecovery, error) {
	path, err := under(webhookEndpoints, id, "recover")
	if err != nil {
		return nil, err
	}
	return post[WebhookRecovery](ctx, s.core, path, p, options)
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
