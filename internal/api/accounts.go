package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/strict"
)

// providerAccount is a contract with a provider, without its credentials.
type providerAccount struct {
	ID        string            `json:"id" doc:"Its name, which routing.provider_accounts takes." example:"alpha"`
	Object    string            `json:"object" enum:"provider_account"`
	Livemode  bool              `json:"livemode"`
	Provider  string            `json:"provider" doc:"The connector that speaks with it." example:"simcard"`
	Settings  map[string]string `json:"settings"`
	CreatedAt time.Time         `json:"created_at"`
}

// apiKey is an API key without its text, which is never stored.
type apiKey struct {
	ID        string         `json:"id" example:"key_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object    string         `json:"object" enum:"api_key"`
	Livemode  bool           `json:"livemode"`
	Kind      access.Kind    `json:"kind" enum:"secret,restricted,publishable"`
	Name      string         `json:"name"`
	Hint      string         `json:"hint" doc:"How it begins and ends." example:"sk_test_…9x4m"`
	Scopes    []access.Scope `json:"scopes"`
	Networks  []string       `json:"networks" doc:"From where it works; from everywhere if empty."`
	ExpiresAt *time.Time     `json:"expires_at"`
	RevokedAt *time.Time     `json:"revoked_at"`
	CreatedAt time.Time      `json:"created_at"`
}

type listKeysInput struct{ Paging }

// Resolve checks the query.
func (in *listKeysInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) { in.check(f, id.Key) })
}

func (a *API) registerAccounts() {
	register(a, operation{
		id: "listProviderAccounts", method: http.MethodGet, path: "/v1/provider_accounts", tag: "Routing", summary: "List provider accounts",
		doc:   "Credentials are never shown.",
		scope: access.RoutingRead, status: http.StatusOK, answer: reflect.TypeFor[listing[providerAccount]](),
	}, a.listProviderAccounts)
	a.registerProviderHealth()
	a.registerKillSwitches()
	a.registerBreaks()
	const tag, all, one = "API keys", "/v1/api_keys", "/v1/api_keys/{id}"
	register(a, operation{
		id: "listApiKeys", method: http.MethodGet, path: all, tag: tag, summary: "List API keys",
		doc:   "Revoked and expired ones are among them. Keys are made by the command line.",
		scope: access.OpsRead, status: http.StatusOK, answer: reflect.TypeFor[listing[apiKey]](),
	}, a.listAPIKeys)
	register(a, operation{
		id: "getApiKey", method: http.MethodGet, path: one, tag: tag, summary: "Get an API key",
		scope: access.OpsRead, status: http.StatusOK, answer: reflect.TypeFor[apiKey](),
	}, a.getAPIKey)
	register(a, operation{
		id: "revokeApiKey", method: http.MethodDelete, path: one, tag: tag, summary: "Revoke an API key",
		doc:   "It stops at once here and within a second on other nodes. Revoking it again changes nothing.",
		scope: access.OpsWrite, status: http.StatusOK, answer: reflect.TypeFor[apiKey](), shows: story{"revoked_at": "2026-11-22T12:00:00Z"},
	}, a.revokeAPIKey)
}

func (a *API) listProviderAccounts(ctx context.Context, rq *request, _ *struct{}) (answer, error) {
	found, err := a.ProviderAccounts.List(ctx, rq.principal.Tenant)
	data := make([]providerAccount, len(found))
	for i, p := range found {
		data[i] = shownAccount(p, rq.principal.Live)
	}
	return showList(data, false, err)
}

func shownAccount(p provider.Account, live bool) providerAccount {
	settings := p.Settings
	if settings == nil {
		settings = map[string]string{}
	}
	return providerAccount{ID: p.ID, Object: "provider_account", Livemode: live, Provider: p.Provider, Settings: settings, CreatedAt: p.CreatedAt}
}

func (a *API) listAPIKeys(ctx context.Context, rq *request, in *listKeysInput) (answer, error) {
	found, more, err := a.Keys.List(ctx, rq.principal.Tenant, in.page())
	data := make([]apiKey, len(found))
	for i, k := range found {
		data[i] = shownKey(k, rq.principal.Live)
	}
	return showList(data, more, err)
}

func (a *API) getAPIKey(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Key) {
		return answer{}, fault.Missing("API key")
	}
	found, err := a.Keys.Get(ctx, rq.principal.Tenant, in.ID)
	return show(shownKey(found, rq.principal.Live), err)
}

func (a *API) revokeAPIKey(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Key) {
		return answer{}, fault.Missing("API key")
	}
	revoked, err := a.Keys.Revoke(ctx, rq.principal.Tenant, in.ID, rq.by())
	return show(shownKey(revoked, rq.principal.Live), err)
}

func shownKey(k access.Key, live bool) apiKey {
	networks := make([]string, len(k.Networks))
	for i, n := range k.Networks {
		networks[i] = n.String()
	}
	return apiKey{
		ID: k.ID, Object: "api_key", Livemode: live, Kind: k.Kind, Name: k.Name, Hint: k.Hint, Scopes: k.Scopes.List(),
		Networks: networks, ExpiresAt: orNil(k.ExpiresAt), RevokedAt: orNil(k.RevokedAt), CreatedAt: k.CreatedAt,
	}
}
