package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simbank"
	"github.com/florinpay/florin/internal/provider/simcard"
	"github.com/florinpay/florin/internal/provider/siminstant"
	"github.com/florinpay/florin/internal/provider/simpayout"
	"github.com/florinpay/florin/internal/provider/stripe"
	"github.com/florinpay/florin/internal/secret"
)

type providersGroup struct {
	Add  providersAdd  `cmd:"" help:"Register an account with a provider, and the origin that the vault may send its cards to."`
	List providersList `cmd:"" help:"List a merchant's accounts with providers."`
}

type providersAdd struct {
	Storage     storage           `embed:""`
	Of          tenancy           `embed:""`
	ID          string            `arg:"" help:"Name of the account, such as alpha." name:"id"`
	Provider    string            `help:"Connector: simbank, simcard, siminstant, simpayout or stripe." enum:"simbank,simcard,siminstant,simpayout,stripe" required:""`
	Setting     map[string]string `help:"Settings of the connector." placeholder:"NAME=VALUE"`
	Credentials string            `help:"File with the account's credentials, a line NAME=VALUE each; - reads standard input. They are not taken from the command line, which others can see." placeholder:"FILE" required:""`
}

func (providersAdd) Help() string {
	return `Both databases and both keys are needed: the main one keeps the account, with its credentials sealed, and the vault learns which origin it
may send to. No API key can do this (docs/decisions/0004).

Example:

    printf 'api_key=…\nsigning_key=…\nwebhook_secret=…\n' | florin providers add alpha --data ./florin-data --merchant acct_shop \
      --provider simcard --setting base_url=http://127.0.0.1:8090/alpha --credentials -`
}

// accountShown is a provider account as commands print it: never a credential, only which there are.
type accountShown struct {
	ID          string            `json:"id"`
	Object      string            `json:"object"`
	Livemode    bool              `json:"livemode"`
	Provider    string            `json:"provider"`
	Settings    map[string]string `json:"settings"`
	Credentials []string          `json:"credentials"`
	Origins     []string          `json:"origins,omitempty"`
}

func showAccount(a provider.Account) accountShown {
	live := id.Live(a.Merchant)
	settings := a.Settings
	if settings == nil {
		settings = map[string]string{}
	}
	return accountShown{a.ID, "provider_account", live, a.Provider, settings, slices.Sorted(maps.Keys(a.Credentials)), nil}
}

// connectors are what a provider account can be of, without a way to send: for what they say of themselves.
func connectors() provider.Registry {
	return registry(nil)
}

// registry are all connectors, which send through s.
func registry(s provider.Sender) provider.Registry {
	return provider.Registry{
		"simbank": simbank.New(s), "simcard": simcard.New(s), "siminstant": siminstant.New(s), "simpayout": simpayout.New(s), "stripe": stripe.New(s),
	}
}

// origins are where a provider account's requests go: where its base_url says, else where the connector always sends.
func origins(a provider.Account, c provider.Capabilities) ([]string, error) {
	base, ok := a.Settings["base_url"]
	if !ok {
		return c.DefaultOrigins, nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return nil, fmt.Errorf("setting base_url of %s is not a URL", a.ID)
	}
	return []string{u.Scheme + "://" + u.Host}, nil
}

// checkAccount is nil if the account has every setting and credential that its connector needs, and no other: a misspelt one would
// otherwise be found by the first payment.
func checkAccount(a provider.Account, c provider.Capabilities) error {
	for _, name := range c.Settings {
		if a.Settings[name] == "" {
			return usagef("a %s account needs --setting %s=…", a.Provider, name)
		}
	}
	for _, name := range c.Secrets {
		if a.Credentials[name].Empty() {
			return usagef("a %s account needs the credential %s", a.Provider, name)
		}
	}
	for name := range a.Credentials {
		if !slices.Contains(c.Secrets, name) {
			return usagef("a %s account has no credential %s: it has %s", a.Provider, name, strings.Join(c.Secrets, ", "))
		}
	}
	return nil
}

// readCredentials reads lines NAME=VALUE. No value gets into an error.
func readCredentials(from string) (map[string]secret.Text, error) {
	var text []byte
	var err error
	if from == "-" {
		text, err = io.ReadAll(os.Stdin)
	} else {
		text, err = os.ReadFile(from)
	}
	if err != nil {
		return nil, fmt.Errorf("read the credentials: %w", err)
	}
	found := map[string]secret.Text{}
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if _, twice := found[name]; !ok || twice {
			return nil, usagef("line %d of the credentials is not NAME=VALUE, or names one a second time", i+1)
		}
		found[name] = secret.New(value)
	}
	return found, nil
}

// Run registers the account here and its origins in the vault.
func (p providersAdd) Run(ctx context.Context, c *console) (err error) {
	account := provider.Account{Merchant: p.Of.tenant(), ID: p.ID, Provider: p.Provider, Settings: p.Setting}
	if account.Credentials, err = readCredentials(p.Credentials); err != nil {
		return err
	}
	where, err := p.Storage.resolve()
	if err != nil {
		return err
	}
	s := newStores(c.log, nil)
	defer func() { err = errors.Join(err, s.close()) }()
	r, err := s.openRegistrar(ctx, where)
	if err != nil {
		return err
	}
	// The account's foreign keys lead to no merchant, so that a misspelt one would be made for nobody.
	if _, err := merchant.New(s.main, s.clock, s.ids).Get(ctx, p.Of.Merchant); err != nil {
		return err
	}
	allowed, err := r.register(ctx, account)
	if err != nil {
		return err
	}
	shown := showAccount(account)
	shown.Origins = allowed
	return c.print(shown, func(w io.Writer) {
		fmt.Fprintf(w, "%s (%s), cards are sent to %s\n", shown.ID, shown.Provider, strings.Join(allowed, ", "))
	})
}
