package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/sandbox/wallet"
	"github.com/florinpay/florin/internal/vault"
)

func (a *parts) openVault(ctx context.Context) error {
	if !a.plan.has(zoneVault) {
		return nil
	}
	if err := a.openCards(ctx, a.plan.where); err != nil {
		return err
	}
	if err := a.openCardBox(ctx, a.plan.where); err != nil {
		return err
	}
	a.vault = vault.New(a.card, a.cardBox, vault.Options{
		Clock: a.clock, IDs: a.ids, Logger: a.log, FrameAncestors: a.mayFrame, Address: a.keys.Address,
		Wallet: a.walletOfSandbox(), HTTPS: strings.HasPrefix(a.plan.browsersReach(zoneVault, a.plan.vaultAt), "https:"),
	})
	a.released = append(a.released, func() error { a.vault.Close(); return nil })
	a.plan.sites[zoneVault].handle(a.watch.Watch(a.vault.Handler(a.mayTokenize)))
	if s := a.plan.sites[zoneVaultInternal]; s != nil {
		s.tls = a.plan.vaultTLS
		s.handle(a.vault.Internal(a.plan.vaultToken))
	}
	return nil
}

// walletOfSandbox is the simulated wallet, whose tokens a vault in the same process opens in test mode. Its key is made at each start, and
// another process does not know it.
func (a *parts) walletOfSandbox() *vault.Wallet {
	if a.wallet == nil {
		return nil
	}
	return &vault.Wallet{Type: "sandbox", URL: a.walletURL(), Key: a.wallet.Key()}
}

// walletURL is where browsers reach the simulated wallet's pay sheet; empty if there is none here.
func (a *parts) walletURL() string {
	if a.wallet == nil {
		return ""
	}
	return a.plan.sites[zoneSandbox].url() + wallet.SheetPath
}

// mayTokenize lets a publishable key, or a key with the scope vault:write, bring a card.
func (a *parts) mayTokenize(r *http.Request) (vault.Caller, error) {
	p, err := a.keys.Authenticate(r.Context(), r)
	if err == nil {
		err = p.RequireTokenize()
	}
	return vault.Caller{Merchant: p.Tenant, Live: p.Live, SingleUse: p.Kind == access.Publishable}, err
}

// mayFrame are the pages that may show the card fields of a publishable key: the merchant's, and our own checkout.
func (a *parts) mayFrame(ctx context.Context, key string) ([]string, error) {
	p, err := a.keys.Publishable(ctx, key)
	if err != nil {
		return nil, err
	}
	m, err := a.merchants.Get(ctx, p.Account)
	if err != nil {
		return nil, err
	}
	sources := m.FrameAncestors(p.Live)
	if ours := a.plan.browsersReach(zonePublic, a.plan.publicAt); ours != "" {
		sources = append(sources, ours)
	}
	return sources, nil
}
