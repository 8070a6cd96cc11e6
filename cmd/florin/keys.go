package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
)

type keysGroup struct {
	Create keysCreate `cmd:"" help:"Make an API key and print it, once."`
	List   keysList   `cmd:"" help:"List API keys."`
	Revoke keysRevoke `cmd:"" help:"Stop an API key."`
}

// tenancy says which merchant, and which of its two modes.
type tenancy struct {
	Merchant string `help:"Account id of the merchant." placeholder:"ACCT" required:""`
	Mode     string `help:"test or live. The two never mix." enum:"test,live" default:"test"`
}

// optional is a tenancy that not every use of a command needs.
type optional struct {
	Merchant string `help:"Account id of the merchant." placeholder:"ACCT"`
	Mode     string `help:"test or live. The two never mix." enum:"test,live" default:"test"`
}

func (t optional) tenant() string { return tenancy(t).tenant() }

func (t tenancy) tenant() string { return id.Tenant(t.Merchant, t.Mode == "live") }

type keysCreate struct {
	Storage storage       `embed:""`
	Of      tenancy       `embed:""`
	Kind    string        `help:"secret for the merchant's backend, restricted to --scopes, or publishable for browsers." enum:"secret,restricted,publishable" default:"secret"`
	Name    string        `help:"What the key is for."`
	Scopes  []string      `help:"Scopes of a restricted key, such as payments:read; of a secret key only vault:write, which it has not by itself." placeholder:"SCOPE,..."`
	Network []string      `help:"Networks from where the key works, such as 192.0.2.0/24. Everywhere if not given." placeholder:"CIDR,..."`
	Expires time.Duration `help:"How long the key works, such as 720h. For ever if not given."`
}

func (keysCreate) Help() string {
	return "Example:\n\n    florin keys create --database postgres://florin@db/florin --merchant acct_shop --mode live --kind restricted --scopes payments:read,ledger:read"
}

// keyShown is a key as commands print it. The text is there only when it was made.
type keyShown struct {
	ID        string         `json:"id"`
	Object    string         `json:"object"`
	Livemode  bool           `json:"livemode"`
	Kind      access.Kind    `json:"kind"`
	Name      string         `json:"name"`
	Hint      string         `json:"hint"`
	Scopes    []access.Scope `json:"scopes"`
	Works     bool           `json:"works"`
	ExpiresAt *time.Time     `json:"expires_at"`
	RevokedAt *time.Time     `json:"revoked_at"`
	CreatedAt time.Time      `json:"created_at"`
	Key       string         `json:"key,omitempty"`
}

func showKey(k access.Key, now time.Time) keyShown {
	live := id.Live(k.Tenant)
	return keyShown{
		ID: k.ID, Object: "api_key", Livemode: live, Kind: k.Kind, Name: k.Name, Hint: k.Hint, Scopes: k.Scopes.List(), Works: k.Live(now),
		ExpiresAt: orNil(k.ExpiresAt), RevokedAt: orNil(k.RevokedAt), CreatedAt: k.CreatedAt,
	}
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// withKeys opens what commands about keys need.
func withKeys(ctx context.Context, c *console, where storage, do func(*stores, *access.Keys) error) error {
	return withMain(ctx, c, where, func(s *stores, _ storage) error {
		merchants := merchant.New(s.main, s.clock, s.ids)
		return do(s, access.New(s.main, merchants, access.Options{Clock: s.clock, IDs: s.ids, Random: rand.Reader}))
	})
}

// Run makes a key. It is printed here and never again.
func (k keysCreate) Run(ctx context.Context, c *console) error {
	return withKeys(ctx, c, k.Storage, func(s *stores, keys *access.Keys) error {
		list := make([]access.Scope, len(k.Scopes))
		for i, scope := range k.Scopes {
			list[i] = access.Scope(scope)
		}
		scopes, err := access.Set(list...)
		if err != nil {
			return err
		}
		networks, err := access.ParseNetworks(k.Network)
		if err != nil {
			return err
		}
		spec := access.Spec{Tenant: k.Of.tenant(), Kind: access.Kind(k.Kind), Name: k.Name, Scopes: scopes, Networks: networks}
		if k.Expires != 0 {
			spec.ExpiresAt = s.clock.Now().Add(k.Expires)
		}
		made, text, err := keys.Create(ctx, spec, audit.Operator)
		if err != nil {
			return err
		}
		shown := showKey(made, s.clock.Now())
		shown.Key = text.Reveal()
		return c.print(shown, func(w io.Writer) { fmt.Fprintln(w, shown.Key) })
	})
}

type keysList struct {
	Storage storage `embed:""`
	Of      tenancy `embed:""`
}

func (keysList) Help() string {
	return "Example:\n\n    florin keys list --data ./florin-data --merchant acct_dev"
}

// keysPage is how many keys are read at once.
const keysPage = 100

// Run lists a merchant's keys in one mode, newest first, those that no longer work among them.
func (k keysList) Run(ctx context.Context, c *console) error {
	return withKeys(ctx, c, k.Storage, func(s *stores, keys *access.Keys) error {
		if _, err := merchant.New(s.main, s.clock, s.ids).Get(ctx, k.Of.Merchant); err != nil {
			return err
		}
		shown := []keyShown{}
		page := db.Page{Limit: keysPage}
		for more := true; more; {
			var found []access.Key
			var err error
			if found, more, err = keys.List(ctx, k.Of.tenant(), page); err != nil {
				return err
			}
			for _, key := range found {
				shown = append(shown, showKey(key, s.clock.Now()))
				page.StartingAfter = key.ID
			}
		}
		return c.print(map[string]any{"object": "list", "data": shown}, func(w io.Writer) {
			fmt.Fprintln(w, "ID\tKIND\tKEY\tWORKS\tNAME")
			for _, key := range shown {
				fmt.Fprintf(w, "%s\t%s\t%s\t%t\t%s\n", key.ID, key.Kind, key.Hint, key.Works, key.Name)
			}
		})
	})
}

type keysRevoke struct {
	Storage storage `embed:""`
	Of      tenancy `embed:""`
	ID      string  `arg:"" help:"Id of the key, key_…" name:"id"`
}

func (keysRevoke) Help() string {
	return "It stops at once here, and within a second in every other process.\n\nExample:\n\n    florin keys revoke --database postgres://florin@db/florin --merchant acct_shop --mode live key_01h…"
}

// Run stops a key. Stopping one that is stopped changes nothing.
func (k keysRevoke) Run(ctx context.Context, c *console) error {
	return withKeys(ctx, c, k.Storage, func(s *stores, keys *access.Keys) error {
		key, err := keys.Revoke(ctx, k.Of.tenant(), k.ID, audit.Operator)
		if err != nil {
			return err
		}
		return c.print(showKey(key, s.clock.Now()), func(w io.Writer) { fmt.Fprintln(w, key.ID, "revoked") })
	})
}
