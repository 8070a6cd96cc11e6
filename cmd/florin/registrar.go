package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// registrar puts provider accounts down on both sides: here, and in the vault, which learns where their cards may be sent.
type registrar struct {
	accounts *provider.Accounts
	vault    *vault.Vault
	clock    clock.Clock
	ids      *id.Source
}

// registrar is that of a process that has both sides.
func (a *parts) registrar() *registrar { return &registrar{a.accounts, a.vault, a.clock, a.ids} }

// openRegistrar opens both databases and the main key. It has no use for the vault's key: it can allow an origin, not open a card.
func (s *stores) openRegistrar(ctx context.Context, where storage) (*registrar, error) {
	if err := s.openMain(ctx, where); err != nil {
		return nil, err
	}
	if err := s.openMainBox(ctx, where); err != nil {
		return nil, err
	}
	if err := s.openCards(ctx, where); err != nil {
		return nil, err
	}
	if err := s.checkKeys(ctx); err != nil {
		return nil, err
	}
	v := vault.New(s.card, nil, vault.Options{Clock: s.clock, IDs: s.ids, Logger: s.log})
	s.released = append(s.released, func() error { v.Close(); return nil })
	return &registrar{provider.NewAccounts(s.main, s.mainBox, s.clock), v, s.clock, s.ids}, nil
}

// register makes a provider account, or brings one that is there to these settings and credentials, and lets the vault send to its origins
// and to no others. It gives the origins.
func (r *registrar) register(ctx context.Context, a provider.Account) ([]string, error) {
	capabilities := connectors()[a.Provider].Capabilities()
	if err := checkAccount(a, capabilities); err != nil {
		return nil, err
	}
	if err := provider.CheckAccount(connectors(), a); err != nil {
		return nil, err
	}
	wanted, err := origins(a, capabilities)
	if err != nil {
		return nil, err
	}
	// The vault first: an account whose origin is missing fails its first payment, an origin whose account is missing does nothing.
	for _, origin := range wanted {
		if err := r.vault.AllowOrigin(ctx, a.Merchant, a.ID, origin); err != nil {
			return nil, err
		}
	}
	if err := r.accounts.Put(ctx, a, func(was provider.Account) []db.Row { return r.record(a, was) }); err != nil {
		return nil, err
	}
	allowed, err := r.vault.Origins(ctx, a.Merchant, a.ID)
	if err != nil {
		return nil, err
	}
	for _, origin := range allowed {
		if !slices.Contains(wanted, origin) {
			if err := r.vault.RemoveOrigin(ctx, a.Merchant, a.ID, origin); err != nil {
				return nil, err
			}
		}
	}
	return wanted, nil
}

// record is the audit record of an account that is made or changed; none if nothing changes, as at each start of florin dev.
func (r *registrar) record(is, was provider.Account) []db.Row {
	did := audit.Action("provider_account.updated")
	if was.Version == 0 {
		did = "provider_account.created"
	}
	told := is.Changes(was)
	if len(told) == 0 {
		return nil
	}
	return []db.Row{audit.Operator.Record(r.ids, r.clock.Now(), is.Merchant, did, is.ID, told).Row()}
}

type providersList struct {
	Storage storage `embed:""`
	Of      tenancy `embed:""`
}

func (providersList) Help() string {
	return "Credentials are named, never shown.\n\nExample:\n\n    florin providers list --data ./florin-data --merchant acct_dev"
}

// Run lists a merchant's provider accounts in one mode.
func (p providersList) Run(ctx context.Context, c *console) error {
	return withMain(ctx, c, p.Storage, func(s *stores, where storage) error {
		if err := s.openMainBox(ctx, where); err != nil {
			return err
		}
		if _, err := merchant.New(s.main, s.clock, s.ids).Get(ctx, p.Of.Merchant); err != nil {
			return err
		}
		found, err := provider.NewAccounts(s.main, s.mainBox, s.clock).List(ctx, p.Of.tenant())
		if err != nil {
			return err
		}
		shown := make([]accountShown, len(found))
		for i, a := range found {
			shown[i] = showAccount(a)
		}
		return c.print(map[string]any{"object": "list", "data": shown}, func(w io.Writer) {
			fmt.Fprintln(w, "ID\tPROVIDER\tSETTINGS\tCREDENTIALS")
			for _, a := range shown {
				settings := make([]string, 0, len(a.Settings))
				for _, name := range slices.Sorted(maps.Keys(a.Settings)) {
					settings = append(settings, name+"="+a.Settings[name])
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.ID, a.Provider, strings.Join(settings, ","), strings.Join(a.Credentials, ","))
			}
		})
	})
}
