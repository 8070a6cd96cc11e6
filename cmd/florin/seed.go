package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/sandbox"
	"github.com/florinpay/florin/internal/sandbox/payouts"
	worlds "github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

// What florin dev makes.
const (
	devMerchant = "acct_dev"
	devName     = "Florin development"
)

var devAcquirers = []string{"alpha", "beta"}

// seed makes the merchant, the keys and the provider accounts of florin dev, on both sides: here and at the simulated acquirers. What is
// there already stays; addresses follow the ports of this run.
func (a *parts) seed(ctx context.Context) (devShown, error) {
	if err := a.migrate(ctx); err != nil {
		return devShown{}, err
	}
	if err := a.checkKeys(ctx); err != nil {
		return devShown{}, err
	}
	_, err := a.merchants.Create(ctx, merchant.Merchant{ID: devMerchant, Name: devName}, audit.Operator)
	if err != nil && !fault.Is(err, fault.Exists) {
		return devShown{}, fmt.Errorf("make the development merchant: %w", err)
	}
	if err := a.keys.EnsureDev(ctx, devMerchant, audit.Operator); err != nil {
		return devShown{}, err
	}
	for _, name := range devAcquirers {
		if err := a.seedAcquirer(ctx, name); err != nil {
			return devShown{}, fmt.Errorf("make the provider account %s: %w", name, err)
		}
	}
	if err := a.seedPayouts(ctx); err != nil {
		return devShown{}, fmt.Errorf("make the provider account %s: %w", devPayouts, err)
	}
	shown := append(slices.Clone(devAcquirers), devPayouts)
	for _, w := range a.devWorlds() {
		if err := a.seedWorld(ctx, w); err != nil {
			return devShown{}, fmt.Errorf("make the provider account %s: %w", w.account, err)
		}
		shown = append(shown, w.account)
	}
	return a.shown(shown), nil
}

// devWorld is an account with a simulated world of its own, whose paths have the account's name.
type devWorld struct {
	account, connector string
	register           func(worlds.Account) error
}

func (a *parts) devWorlds() []devWorld {
	return []devWorld{{"bank", "simbank", a.banks.Register}, {"instant", "siminstant", a.instant.Register}}
}

func (a *parts) seedWorld(ctx context.Context, w devWorld) error {
	credential := func(kind string) secret.Text {
		return secret.New(hex.EncodeToString(a.mainBox.Derive("florin dev", w.account, kind)))
	}
	webhooks, err := url.JoinPath(a.plan.sites[zoneAPI].url(), "in", devMerchant, w.account)
	if err != nil {
		return fmt.Errorf("address of its webhooks: %w", err)
	}
	contract := worlds.Account{Merchant: devName, APIKey: credential("api_key"), SigningKey: credential("signing_key"), WebhookURL: webhooks, WebhookSecret: credential("webhook_secret")}
	if err := w.register(contract); err != nil {
		return err
	}
	_, err = a.registrar().register(ctx, provider.Account{
		Merchant: id.Tenant(devMerchant, false), ID: w.account, Provider: w.connector, Priority: 1,
		Settings:    map[string]string{"base_url": a.plan.sites[zoneSandbox].url() + "/" + w.account},
		Credentials: map[string]secret.Text{"api_key": contract.APIKey, "signing_key": contract.SigningKey, "webhook_secret": contract.WebhookSecret},
	})
	return err
}

// devPayouts is the account with the simulated bank that pays out. It comes behind the acquirers, which it does not compete with.
const devPayouts = "payouts"

func (a *parts) seedPayouts(ctx context.Context) error {
	credential := func(kind string) secret.Text {
		return secret.New(hex.EncodeToString(a.mainBox.Derive("florin dev", devPayouts, kind)))
	}
	webhooks, err := url.JoinPath(a.plan.sites[zoneAPI].url(), "in", devMerchant, devPayouts)
	if err != nil {
		return fmt.Errorf("address of its webhooks: %w", err)
	}
	contract := payouts.Account{APIKey: credential("api_key"), SigningKey: credential("signing_key"), WebhookURL: webhooks, WebhookSecret: credential("webhook_secret")}
	if err := a.payBank.Register(contract); err != nil {
		return err
	}
	_, err = a.registrar().register(ctx, provider.Account{
		Merchant: id.Tenant(devMerchant, false), ID: devPayouts, Provider: "simpayout", Priority: 1,
		Settings:    map[string]string{"base_url": a.plan.sites[zoneSandbox].url() + payouts.Prefix},
		Credentials: map[string]secret.Text{"api_key": contract.APIKey, "signing_key": contract.SigningKey, "webhook_secret": contract.WebhookSecret},
	})
	return err
}

func (a *parts) seedAcquirer(ctx context.Context, name string) error {
	credential := func(kind string) secret.Text {
		return secret.New(hex.EncodeToString(a.mainBox.Derive("florin dev", name, kind)))
	}
	webhooks, err := url.JoinPath(a.plan.sites[zoneAPI].url(), "in", devMerchant, name)
	if err != nil {
		return fmt.Errorf("address of its webhooks: %w", err)
	}
	err = a.world.Register(sandbox.Account{
		Acquirer: name, APIKey: credential("api_key"), SigningKey: credential("signing_key"),
		WebhookURL: webhooks, WebhookSecret: credential("webhook_secret"), Merchant: devName,
	})
	if err != nil {
		return err
	}
	_, err = a.registrar().register(ctx, provider.Account{
		Merchant: id.Tenant(devMerchant, false), ID: name, Provider: "simcard",
		Settings: map[string]string{"base_url": a.plan.sites[zoneSandbox].url() + "/" + name},
		Credentials: map[string]secret.Text{
			"api_key": credential("api_key"), "signing_key": credential("signing_key"), "webhook_secret": credential("webhook_secret"),
		},
	})
	return err
}
