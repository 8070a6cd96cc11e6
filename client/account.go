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
	ID       string            `json:"id"` // its name, for [Routing]
	Livemode bool              `json:"livemode"`
	Provider string            `json:"provider"` // the connector that speaks with it
	Settings map[string]string `json:"settings"`
}

// ProviderAccountService calls /v1/provider_accounts.
type ProviderAccountService struct{ core *core }

// List walks all provider accounts.
func (s *ProviderAccountService) List(ctx context.Context, options ...CallOption) iter.Seq2[*ProviderAccount, error] {
	return all(ctx, s.core, "/v1/provider_accounts", url.Values{}, func(a *ProviderAccount) string { return a.ID }, options)
}
