package event

import (
	"maps"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/secret"
)

// EndpointStatus tells whether an endpoint is sent to.
type EndpointStatus string

// The statuses of an endpoint. What happens while it is disabled waits for it.
const (
	Enabled  EndpointStatus = "enabled"
	Disabled EndpointStatus = "disabled"
	Deleted  EndpointStatus = "deleted" // its row stays, for the deliveries that name it
)

// DisabledReason is who or what disabled an endpoint.
type DisabledReason string

// The reasons.
const (
	DisabledByMerchant DisabledReason = "merchant"
	DisabledGone       DisabledReason = "gone"    // it answered 410
	DisabledFailing    DisabledReason = "failing" // it did nothing but fail for three days
)

// Ordering is which deliveries to an endpoint wait for each other.
type Ordering string

// The orderings.
const (
	Unordered Ordering = "none"
	ByObject  Ordering = "object" // a later event of a payment waits until the earlier one is delivered
)

// MaxConcurrency is the most deliveries that are under way to one endpoint at a time; DefaultConcurrency is what it has if
// nobody says otherwise.
const (
	MaxConcurrency     = 64
	DefaultConcurrency = 32
)

// MaxFilters is how many filters an endpoint may have.
const MaxFilters = 50

// SigningSecret is one secret that webhooks are signed with.
type SigningSecret struct {
	Secret    secret.Text // whsec_…
	CreatedAt time.Time
	ExpiresAt time.Time // zero: it stays
}

// Endpoint is where a merchant wants to hear of events.
type Endpoint struct {
	Merchant       string
	ID             string
	URL            string   // https://…, or mailto:…
	Filters        []string // types, prefixes such as payment.*, or *
	Status         EndpointStatus
	DisabledReason DisabledReason // empty unless it is disabled
	DisabledAt     time.Time
	Description    string
	Ordering       Ordering
	Concurrency    int64                  // most deliveries under way: 1 to MaxConcurrency
	RateLimit      int64                  // most deliveries in a second; 0: no limit
	Secrets        []SigningSecret        // each that has not expired signs, the newest first
	Headers        map[string]secret.Text // sent with each webhook
	Certificate    string                 // PEM, of the client; empty: none
	CertificateKey secret.Text            // PEM
	Metadata       map[string]string
	CreatedAt      time.Time
	Version        int64
}

// Wants tells whether the endpoint is to be told of a type, now or once it is enabled again.
func (e Endpoint) Wants(t Type) bool {
	return e.Status != Deleted && slices.ContainsFunc(e.Filters, func(f string) bool { return Matches(f, t) })
}

// Signing is the secrets that sign at a time, the newest first.
func (e Endpoint) Signing(now time.Time) []secret.Text {
	var live []secret.Text
	for _, s := range e.Secrets {
		if s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt) {
			live = append(live, s.Secret)
		}
	}
	return live
}

// Health is how sending to an endpoint goes.
type Health string

// The classes of health.
const (
	Healthy Health = "healthy"
	Slowed  Health = "slowed" // it fails: after pauses, one webhook at a time is tried
	Stopped Health = "disabled"
)

// Standing is an endpoint with how sending to it goes.
type Standing struct {
	Endpoint
	Lane          Lane
	OldestPending time.Time // when the oldest delivery that waits was made; zero: none waits
}

// Health is how sending goes.
func (s Standing) Health() Health {
	switch {
	case s.Status != Enabled:
		return Stopped
	case !s.Lane.OpenUntil.IsZero():
		return Slowed
	}
	return Healthy
}

// EndpointObject is an endpoint as the contract shows it. The secret is there only in the answer that made it.
type EndpointObject struct {
	ID                string             `json:"id"`
	Object            string             `json:"object" enum:"webhook_endpoint"`
	Livemode          bool               `json:"livemode"`
	URL               string             `json:"url"`
	Events            []string           `json:"events"`
	Status            EndpointStatus     `json:"status" enum:"enabled,disabled"`
	DisabledReason    *DisabledReason    `json:"disabled_reason" enum:"merchant,gone,failing" doc:"By you; by its answer 410; after three days of nothing but failure. Null while it is enabled."`
	DisabledAt        *time.Time         `json:"disabled_at"`
	Description       string             `json:"description,omitempty"`
	Version           string             `json:"version" doc:"The data version its events are rendered in."`
	Ordering          Ordering           `json:"ordering" enum:"none,object"`
	Concurrency       int64              `json:"concurrency"`
	RateLimit         int64              `json:"rate_limit" doc:"Webhooks per second; 0 is no limit."`
	HeaderNames       []string           `json:"header_names" doc:"Of the static headers; their values are not shown."`
	ClientCertificate *CertificateObject `json:"client_certificate"`
	Secret            string             `json:"secret,omitempty" doc:"Shown once."`
	OldSecretExpires  *time.Time         `json:"old_secret_expires_at" doc:"Until when the secret before this one signs as well. Null: only one signs."`
	Health            Health             `json:"health" enum:"healthy,slowed,disabled" doc:"slowed: it fails, and is tried one webhook at a time."`
	FailingSince      *time.Time         `json:"failing_since" doc:"Since when nothing but failures came. Three days of that disable it."`
	OldestPendingAge  *int64             `json:"oldest_pending_age" doc:"Seconds since the oldest delivery that waits for this endpoint was made: with its event, or by a recovery. Null: none waits."`
	Metadata          map[string]string  `json:"metadata"`
	CreatedAt         time.Time          `json:"created_at"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o EndpointObject) ObjectID() string { return o.ID }

// CertificateObject tells which client certificate an endpoint is shown.
type CertificateObject struct {
	Subject     string    `json:"subject"`
	Fingerprint string    `json:"fingerprint" doc:"SHA-256 of the certificate, hexadecimal."`
	ExpiresAt   time.Time `json:"expires_at"`
}

// Object is the endpoint as the contract shows it at a time, without its secrets.
func (s Standing) Object(now time.Time) EndpointObject {
	e := s.Endpoint
	o := EndpointObject{
		ID: e.ID, Object: "webhook_endpoint", Livemode: id.Live(e.Merchant), URL: e.URL, Events: e.Filters, Status: e.Status,
		DisabledAt: pointer(e.DisabledAt), Description: e.Description, Version: Version, Ordering: e.Ordering, Concurrency: e.Concurrency, RateLimit: e.RateLimit,
		HeaderNames: slices.AppendSeq([]string{}, maps.Keys(e.Headers)), ClientCertificate: certificateObject(e.Certificate),
		Health: s.Health(), FailingSince: pointer(s.Lane.FailingSince), Metadata: e.Metadata, CreatedAt: e.CreatedAt,
	}
	slices.Sort(o.HeaderNames)
	if o.Metadata == nil {
		o.Metadata = map[string]string{}
	}
	if e.DisabledReason != "" {
		o.DisabledReason = &e.DisabledReason
	}
	for _, old := range e.Secrets {
		if now.Before(old.ExpiresAt) && (o.OldSecretExpires == nil || old.ExpiresAt.After(*o.OldSecretExpires)) {
			o.OldSecretExpires = pointer(old.ExpiresAt)
		}
	}
	if !s.OldestPending.IsZero() {
		age := int64(max(now.Sub(s.OldestPending), 0) / time.Second)
		o.OldestPendingAge = &age
	}
	return o
}
