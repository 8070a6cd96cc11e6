package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/api"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/dispute"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/inbound"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/order"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/payout"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/public"
	"github.com/florinpay/florin/internal/recon"
	"github.com/florinpay/florin/internal/risk"
	"github.com/florinpay/florin/internal/vault"
	"github.com/florinpay/florin/internal/webhook"
)

// cards is the vault as the rest of Florin knows it, in this process or another.
type cards interface {
	payment.Cards
	provider.Sender
	Forget(ctx context.Context, tenant, token string) error
}

// openPayments opens all that the API, the public zone and the worker stand on, and the two zones.
func (a *parts) openPayments(ctx context.Context) error {
	if !a.plan.needsPayments() {
		return nil
	}
	if err := a.openMainBox(ctx, a.plan.where); err != nil {
		return err
	}
	door := a.openDoor()
	providers := registry(door)
	a.openGround(providers)
	a.openMoney(door, providers)
	a.openAround(providers)
	if err := a.openArchive(); err != nil {
		return err
	}
	a.openAPI()
	return a.openPublic()
}

// openDoor is the vault: the one in this process, or that of another one.
func (a *parts) openDoor() cards {
	if a.vault != nil {
		return a.vault
	}
	remote := vault.NewRemote(a.plan.vaultURL, a.plan.vaultTLS, a.plan.vaultToken)
	a.released = append(a.released, func() error { remote.Close(); return nil })
	return remote
}

// openGround opens what a payment asks before it is sent, and what is told of it.
func (a *parts) openGround(providers provider.Registry) {
	a.accounts = provider.NewAccounts(a.main, a.mainBox, a.clock)
	a.answers = idempotency.New(a.main, idempotency.Options{Clock: a.clock})
	a.events = event.NewStore(a.main, a.mainBox)
	a.outbox = event.NewOutbox(a.events, a.ids, a.clock)
	a.health = health.New(health.Options{DB: a.main, Outbox: a.outbox, Clock: a.clock, IDs: a.ids, Logger: a.log, Metrics: a.registry, Does: maintainable(a.accounts)})
	a.openRouting(providers)
	a.control = control.New(control.Options{DB: a.main, Accounts: switchable{a.accounts}, Outbox: a.outbox, Clock: a.clock, IDs: a.ids})
	a.breaks = recon.New(recon.Options{DB: a.main, Outbox: a.outbox, Clock: a.clock, IDs: a.ids})
}

// openMoney opens what moves money, and those whose money it is.
func (a *parts) openMoney(door cards, providers provider.Registry) {
	unrecognized := provider.NewUnrecognized(a.registry, a.log)
	a.payments = payment.New(payment.Options{
		DB: a.main, Cards: door, Accounts: a.accounts, Providers: providers, Merchants: a.merchants, Outbox: a.outbox, Payers: customer.NewStore(a.main, a.mainBox),
		Clock: a.clock, IDs: a.ids, Logger: a.log, Metrics: a.registry, PublicURL: a.plan.browsersReach(zonePublic, a.plan.publicAt),
		Secret: a.secret, Cascade: a.plan.cascade, Queue: a.plan.queue, Health: a.health, Router: a.router, Control: a.control, SamePerson: a.keys.SamePerson, Unrecognized: unrecognized,
		Networks: a.plan.networks, Breaks: a.breaks,
	})
	a.released = append(a.released, func() error { a.payments.Close(); return nil })
	a.payouts = payout.New(payout.Options{
		DB: a.main, Cards: door, Accounts: a.accounts, Providers: providers, Merchants: a.merchants, Outbox: a.outbox, Box: a.mainBox,
		Payments: a.payments, SamePerson: a.keys.SamePerson, Clock: a.clock, IDs: a.ids, Logger: a.log, Metrics: a.registry, Health: a.health, Control: a.control, Unrecognized: unrecognized,
		Queue: a.plan.queue, Breaks: a.breaks,
	})
	a.payments.Payouts = a.payouts
	a.customers = &customer.Service{
		DB: a.main, Store: a.payments.Payers, Clock: a.clock, IDs: a.ids, Cards: savedCards{door}, Tokens: tokens{a.payments, a.payouts}, Events: a.payments,
	}
	a.openOrders()
}

// openAround opens what goes out and comes in about payments: webhooks both ways, and disputes.
func (a *parts) openAround(providers provider.Registry) {
	a.sender = webhook.NewSender(webhook.SenderOptions{
		DB: a.main, Store: a.events, Outbox: a.outbox, Clock: a.clock, IDs: a.ids, Logger: a.log, Metrics: a.registry, AllowPrivate: a.plan.localHTTP,
		Mail: a.plan.mail, BacklogRate: a.plan.backlogRate,
	})
	a.disputes = dispute.New(dispute.Options{
		DB: a.main, Payments: a.payments, Accounts: a.accounts, Providers: providers, Outbox: a.outbox, Sealer: a.mainBox, Keep: a.plan.keepEvidence, Breaks: a.breaks,
		Clock: a.clock, IDs: a.ids, Logger: a.log, Metrics: a.registry,
	})
	a.customers.Evidence = a.disputes
	a.receiver = inbound.NewReceiver(inbound.ReceiverOptions{
		DB: a.main, Accounts: a.accounts, Providers: providers, Payments: hearers{a.payments, a.payouts, a.disputes},
		Clock: a.clock, IDs: a.ids, Logger: a.log, Metrics: a.registry,
	})
	a.released = append(a.released, func() error { a.receiver.Close(); return nil })
}

func (a *parts) openAPI() {
	s := a.plan.sites[zoneAPI]
	if s == nil {
		return
	}
	a.streams = event.NewStreams(a.events, event.StreamOptions{Clock: a.clock, Logger: a.log, Metrics: a.registry})
	deafen := a.outbox.Listen(a.streams.Landed)
	a.released = append(a.released, func() error { deafen(); a.streams.Close(); return nil })
	zone := a.api()
	s.handle(a.watch.Watch(zone.Handler()))
	s.server.RegisterOnShutdown(zone.Release)
}

// tokens is who knows what a token serves.
type tokens struct {
	*payment.Service
	payouts *payout.Service
}

// TokenBusy tells whether a try that is under way may still charge the card of a token, or money may still be paid to it.
func (t tokens) TokenBusy(ctx context.Context, tenant, token string) (bool, error) {
	busy, err := t.Service.TokenBusy(ctx, tenant, token)
	if err != nil || busy {
		return busy, err
	}
	return t.payouts.CardBusy(ctx, tenant, token)
}

// secret derives what payers are known by.
func (a *parts) secret(data ...string) string {
	return hex.EncodeToString(a.mainBox.Derive("client_secret", data...)[:16])
}

func (a *parts) openOrders() {
	a.orders = order.New(order.Options{
		DB: a.main, Payments: a.payments, Merchants: a.merchants, Customers: a.customers.Store, Outbox: a.outbox, Clock: a.clock, IDs: a.ids, Logger: a.log,
		Secret: a.secret, PublicURL: a.plan.browsersReach(zonePublic, a.plan.publicAt),
	})
	a.payments.Orders = a.orders
}

// hearers are those who hear what providers tell, each of what is theirs.
type hearers struct {
	payments *payment.Service
	payouts  *payout.Service
	disputes *dispute.Service
}

// Notify hands a message to whom it concerns.
func (h hearers) Notify(ctx context.Context, account provider.Account, n provider.Notification, with func(c *db.Change, h payment.Heard) error) error {
	switch n.Operation {
	case provider.OpPayout:
		return h.payouts.Notify(ctx, account, n, with)
	case provider.OpDispute:
		return h.disputes.Notify(ctx, account, n, with)
	}
	return h.payments.Notify(ctx, account, n, with)
}

func (a *parts) openArchive() (err error) {
	if a.plan.archive != "" {
		a.archive, err = event.OpenArchive(a.events, a.plan.archive, a.clock)
	}
	return err
}

// openPublic opens the payers' door. Device sessions are kept by whoever prunes them as well.
func (a *parts) openPublic() error {
	var countries risk.Countries
	if a.plan.geoIP != "" {
		file, err := risk.OpenGeoIP(a.plan.geoIP)
		if err != nil {
			return err
		}
		a.released = append(a.released, file.Close)
		countries = file
	}
	a.devices = risk.NewDeviceSessions(a.main, risk.Options{Clock: a.clock, IDs: a.ids, Countries: countries})
	s := a.plan.sites[zonePublic]
	if s == nil {
		return nil
	}
	zone, err := public.New(public.Options{
		Payments: a.payments, Ways: a.payments, Orders: a.orders, Merchants: a.merchants, Devices: a.devices, Idempotency: a.answers, Authenticate: a.keys.Authenticate, HostedKey: a.hostedKey,
		Address: a.keys.Address, URL: a.plan.browsersReach(zonePublic, a.plan.publicAt), VaultURL: a.plan.browsersReach(zoneVault, a.plan.vaultAt),
		WalletURL: a.walletURL(), Clock: a.clock, IDs: a.ids, Random: rand.Reader, Logger: a.log,
	})
	if err != nil {
		return err
	}
	s.handle(a.watch.Watch(zone.Handler()))
	return nil
}

// hostedKey is the publishable key of a tenant's pages in the public zone. It is made at the first visit.
func (a *parts) hostedKey(ctx context.Context, tenant string) (string, error) {
	text := access.HostedKey(id.Live(tenant), a.mainBox.Derive("hosted pages", tenant))
	if err := a.keys.EnsureHosted(ctx, tenant, text, audit.System); err != nil {
		return "", err
	}
	return text.Reveal(), nil
}

func (a *parts) api() *api.API {
	vaultURL := a.plan.browsersReach(zoneVault, cmp.Or(a.plan.vaultAt, a.plan.vaultURL))
	return api.New(api.Options{
		Authenticate: a.keys.Authenticate, Address: a.keys.Address,
		Payments: a.payments, Reader: a.payments, Banks: a.payments, Ledger: ledger.NewStore(a.main), Events: a.events, Streams: a.streams, EventsKept: a.plan.keepEvents,
		Endpoints: &webhook.Endpoints{
			DB: a.main, Store: a.events, Outbox: a.outbox, Clock: a.clock, IDs: a.ids, Random: rand.Reader, Sender: a.sender, AllowPrivate: a.plan.localHTTP,
			Mail: a.plan.mail != nil,
		},
		Orders: a.orders, ManualQueue: a.payouts, Manual: a.payments, Customers: a.customers, Funds: a.payments, PaymentMethods: a.customers,
		Destinations: a.payouts, Payouts: a.payouts, PayoutReader: a.payouts,
		ProviderAccounts: a.accounts, Policies: a.policies, Simulations: a.simulator, Health: a.health, Switches: a.control, Breaks: a.breaks, Keys: a.keys, AuditTrail: audit.NewTrail(a.main), Receiver: a.receiver, Disputes: a.disputes,
		Idempotency: a.answers, DB: a.main, Sealer: a.mainBox, Clock: a.clock, IDs: a.ids, Logger: a.log, Metrics: a.registry,
		URL: a.plan.sites[zoneAPI].url(), VaultURL: vaultURL, MaxRequests: a.plan.maxRequests,
	})
}
