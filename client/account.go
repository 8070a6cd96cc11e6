package client

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// APIKey is an API key without its text, which is shown once, where it is made: by the command line.
type APIKey struct {
	ID        string     `json:"id"` // key_…
	Livemode  bool       `json:"livemode"`
	Kind      string     `json:"kind"` // secret, restricted or publishable
	Name      string     `json:"name"`
	Hint      string     `json:"hint"` // how it begins and ends
	Scopes    []string   `json:"scopes"`
	Networks  []string   `json:"networks"` // from where it works; empty: from everywhere
	ExpiresAt *time.Time `json:"expires_at"`
	RevokedAt *time.Time `json:"revoked_at"`
	CreatedAt time.Time  `json:"created_at"`
}

// APIKeyService calls /v1/api_keys.
type APIKeyService struct{ core *core }

// Get reads a key.
func (s *APIKeyService) Get(ctx context.Context, id string, options ...CallOption) (*APIKey, error) {
	path, err := under("/v1/api_keys", id)
	if err != nil {
		return nil, err
	}
	return get[APIKey](ctx, s.core, path, nil, options)
}

// List walks keys, newest first; revoked and expired ones are among them.
func (s *APIKeyService) List(ctx context.Context, p Page, options ...CallOption) iter.Seq2[*APIKey, error] {
	return all(ctx, s.core, "/v1/api_keys", p.values(), func(k *APIKey) string { return k.ID }, options)
}

// Revoke stops a key for good. Revoking it again changes nothing.
func (s *APIKeyService) Revoke(ctx context.Context, id string, options ...CallOption) (*APIKey, error) {
	path, err := under("/v1/api_keys", id)
	if err != nil {
		return nil, err
	}
	return remove[APIKey](ctx, s.core, path, options)
}

// ProviderAccount is the merchant's contract with a provider, without its credentials.
type ProviderAccount struct {
	ID        string            `json:"id"` // its name, for [Routing]
	Livemode  bool              `json:"livemode"`
	Provider  string            `json:"provider"` // the connector that speaks with it
	Settings  map[string]string `json:"settings"`
	CreatedAt time.Time         `json:"created_at"`
}

// ProviderHealth is how a provider account fares.
type ProviderHealth struct {
	ProviderAccount string                `json:"provider_account"`
	Livemode        bool                  `json:"livemode"`
	State           string                `json:"state"`          // well, degraded or maintenance
	WindowSeconds   int64                 `json:"window_seconds"` // of which calls, failures and latencies are
	Operations      []ProviderOperation   `json:"operations"`
	Maintenance     []ProviderMaintenance `json:"maintenance"` // windows that are not over
}

// ProviderOperation is how an operation of a provider account fares.
type ProviderOperation struct {
	Operation        string     `json:"operation"` // authorize, authenticate, capture, void, refund, payout or inquiry
	State            string     `json:"state"`     // closed (calls are made), half_open, open or maintenance
	Since            *time.Time `json:"since"`
	Elsewhere        bool       `json:"elsewhere"` // another process says so
	Calls            int64      `json:"calls"`
	Failures         int64      `json:"failures"`
	LatencyP50       *int64     `json:"latency_p50_ms"`
	LatencyP95       *int64     `json:"latency_p95_ms"`
	ConcurrencyLimit int64      `json:"concurrency_limit"`
	InFlight         int64      `json:"in_flight"`
	NextProbeAt      *time.Time `json:"next_probe_at"`
}

// ProviderMaintenance is a time in which a provider is not called.
type ProviderMaintenance struct {
	ID              string     `json:"id"` // mw_…
	Livemode        bool       `json:"livemode"`
	ProviderAccount string     `json:"provider_account"`
	Operations      []string   `json:"operations"`
	Reason          string     `json:"reason"`
	StartsAt        time.Time  `json:"starts_at"`
	EndsAt          time.Time  `json:"ends_at"`
	LiftedAt        *time.Time `json:"lifted_at"` // when it was ended before its time
	CreatedAt       time.Time  `json:"created_at"`
}

// AnnounceMaintenance is a maintenance window to be made.
type AnnounceMaintenance struct {
	StartsAt   *time.Time `json:"starts_at,omitempty"`  // nil: now
	EndsAt     time.Time  `json:"ends_at"`              // at most 7 days later
	Operations []string   `json:"operations,omitempty"` // empty: all
	Reason     string     `json:"reason,omitempty"`
}

// ProviderAccountService calls /v1/provider_accounts.
type ProviderAccountService struct{ core *core }

// Get reads a provider account.
func (s *ProviderAccountService) Get(ctx context.Context, id string, options ...CallOption) (*ProviderAccount, error) {
	path, err := under("/v1/provider_accounts", id)
	if err != nil {
		return nil, err
	}
	return get[ProviderAccount](ctx, s.core, path, nil, options)
}

// Health reads how a provider account fares.
func (s *ProviderAccountService) Health(ctx context.Context, id string, options ...CallOption) (*ProviderHealth, error) {
	path, err := under("/v1/provider_accounts", id, "health")
	if err != nil {
		return nil, err
	}
	return get[ProviderHealth](ctx, s.core, path, nil, options)
}

// Announce makes a maintenance window, in which payments go to other accounts.
func (s *ProviderAccountService) Announce(ctx context.Context, id string, in AnnounceMaintenance, options ...CallOption) (*ProviderMaintenance, error) {
	path, err := under("/v1/provider_accounts", id, "maintenance")
	if err != nil {
		return nil, err
	}
	return post[ProviderMaintenance](ctx, s.core, path, in, options)
}

// Lift ends all maintenance windows of an account, those to come among them, and gives those that it ended.
func (s *ProviderAccountService) Lift(ctx context.Context, id string, options ...CallOption) ([]ProviderMaintenance, error) {
	path, err := under("/v1/provider_accounts", id, "maintenance")
	if err != nil {
		return nil, err
	}
	lifted, err := remove[struct {
		Data []ProviderMaintenance `json:"data"`
	}](ctx, s.core, path, options)
	if err != nil {
		return nil, err
	}
	return lifted.Data, nil
}

// List walks all provider accounts.
func (s *ProviderAccountService) List(ctx context.Context, options ...CallOption) iter.Seq2[*ProviderAccount, error] {
	return all(ctx, s.core, "/v1/provider_accounts", url.Values{}, func(a *ProviderAccount) string { return a.ID }, options)
}
