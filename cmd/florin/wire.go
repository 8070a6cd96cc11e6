package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/dispute"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/inbound"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/obs"
	"github.com/florinpay/florin/internal/order"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/payout"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/recon"
	"github.com/florinpay/florin/internal/risk"
	"github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/sandbox"
	banks "github.com/florinpay/florin/internal/sandbox/bank"
	"github.com/florinpay/florin/internal/sandbox/instant"
	"github.com/florinpay/florin/internal/sandbox/payouts"
	worlds "github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/sandbox/wallet"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/simulation"
	"github.com/florinpay/florin/internal/vault"
	"github.com/florinpay/florin/internal/webhook"
)

// The zones. The vault's internal door has no name of its own on the command line: it opens where it is given an address.
const (
	zoneAPI           = "api"
	zonePublic        = "public"
	zoneVault         = "vault"
	zoneVaultInternal = "vault-internal"
	zoneOps           = "ops"
	zoneWorker        = "worker"
	zoneSandbox       = "sandbox"
)

// plan is what shall run, with everything decided and every address bound.
type plan struct {
	where        storage
	sandbox      string           // the file of the simulated acquirers
	sites        map[string]*site // by zone
	worker       bool
	vaultURL     string      // the vault zone of another process; empty: this process has it, or needs none
	vaultTLS     *tls.Config // of whichever end of the internal door this process is
	vaultToken   secret.Text
	publicAt     string               // where browsers reach the public zone; empty: at its site, if this process has it
	vaultAt      string               // where browsers reach the vault zone; empty likewise
	proxies      []netip.Prefix       // whose word for a caller's address is taken
	geoIP        string               // the file that tells the country of an address; empty: nobody knows
	localHTTP    bool                 // webhook endpoints may be plain HTTP on this machine
	archive      string               // the directory where events go before they are deleted; empty: nowhere
	backlogRate  int                  // webhooks that have waited for long, in a second; 0 is the sender's default
	keepEvents   time.Duration        // how long the database keeps events, and what is about them
	keepEvidence time.Duration        // how long the evidence of a dispute is kept after its end; zero: dispute.Kept
	maxRequests  int                  // how many the zone api works on at once; its default if zero
	queue        time.Duration        // how long refunds and payouts wait for a provider that is down; the payments' default if zero
	cascade      time.Duration        // how long after a request's first try another one may begin elsewhere; the payments' default if zero
	networks     provider.Networks    // the card networks' rules for tries after a decline; those that are built in if there are none
	mail         *webhook.MailOptions // how endpoints at mailto: addresses are told; nil: there are none
	drain        time.Duration
}

func (p plan) has(zone string) bool { return p.sites[zone] != nil }

// needsPayments tells whether the process moves money, and so needs the main database, its key, and a vault to send through.
func (p plan) needsPayments() bool { return p.has(zoneAPI) || p.has(zonePublic) || p.worker }

// browsersReach is where browsers reach a zone: where the operator says, or where it listens. Empty if neither is known.
func (p plan) browsersReach(zone, told string) string {
	if s := p.sites[zone]; told == "" && s != nil {
		return s.url()
	}
	return told
}

// parts is what a process consists of; a part that its zones do not need is nil.
type parts struct {
	*stores
	plan     plan
	registry *prometheus.Registry
	watch    *obs.HTTP

	merchants *merchant.Store
	keys      *access.Keys
	vault     *vault.Vault
	world     *sandbox.World
	banks     *banks.World
	instant   *instant.World
	payBank   *payouts.World
	wallet    *wallet.World
	accounts  *provider.Accounts
	answers   *idempotency.Store
	customers *customer.Service
	events    *event.Store
	archive   *event.Archive // nil: events are deleted without one
	outbox    *event.Outbox
	streams   *event.Streams
	health    *health.Health // of providers
	control   *control.Control
	breaks    *recon.Book
	router    *routing.Router
	learned   *routing.Learned
	learning  time.Time // since when it hears of outcomes
	policies  *routing.Policies
	simulator *simulation.Simulator
	payments  *payment.Service
	payouts   *payout.Service
	orders    *order.Service
	devices   *risk.DeviceSessions
	sender    *webhook.Sender
	disputes  *dispute.Service
	receiver  *inbound.Receiver
}

// assemble opens and makes what the plan needs, lower floors first. On an error everything is closed again.
func assemble(ctx context.Context, log *slog.Logger, p plan) (*parts, error) {
	registry := obs.NewMetrics()
	a := &parts{stores: newStores(log, registry), plan: p, registry: registry, watch: obs.NewHTTP(registry)}
	for _, step := range []func(context.Context) error{a.openBooks, a.openSandbox, a.openVault, a.openPayments} {
		if err := step(ctx); err != nil {
			if closing := a.close(); closing != nil {
				log.Error("close after a failed start", "error", closing)
			}
			return nil, err
		}
	}
	return a, nil
}

func (a *parts) openBooks(ctx context.Context) error {
	if !a.plan.needsPayments() && !a.plan.has(zoneVault) {
		return nil
	}
	if err := a.openMain(ctx, a.plan.where); err != nil {
		return err
	}
	a.merchants = merchant.New(a.main, a.clock, a.ids)
	a.keys = access.New(a.main, a.merchants, access.Options{Clock: a.clock, IDs: a.ids, Random: rand.Reader, TrustedProxies: a.plan.proxies})
	return nil
}

func (a *parts) openSandbox(context.Context) error {
	if !a.plan.has(zoneSandbox) {
		return nil
	}
	log := a.log.With("zone", zoneSandbox)
	world, err := sandbox.Open(a.plan.sandbox, sandbox.Options{Clock: a.clock, IDs: a.ids, Logger: log})
	if err != nil {
		return err
	}
	a.world = world
	a.released = append(a.released, world.Close)
	options := worlds.Options{Clock: a.clock, IDs: a.ids, Logger: log}
	all := http.NewServeMux()
	all.Handle("/", world.Handler())
	if a.banks, err = banks.Open(besideSandbox(a.plan.sandbox, "bank"), options); err != nil {
		return err
	}
	a.released = append(a.released, a.banks.Close)
	handleWorld(all, "bank", a.banks.Handler())
	if a.instant, err = instant.Open(besideSandbox(a.plan.sandbox, "instant"), options); err != nil {
		return err
	}
	a.released = append(a.released, a.instant.Close)
	handleWorld(all, "instant", a.instant.Handler())
	a.payBank, err = payouts.Open(besideSandbox(a.plan.sandbox, "payouts"), payouts.Options{Clock: a.clock, IDs: a.ids, Logger: log})
	if err != nil {
		return err
	}
	a.released = append(a.released, a.payBank.Close)
	handleWorld(all, "payouts", a.payBank.Handler())
	if a.wallet, err = wallet.Open(wallet.Options{Clock: a.clock, Logger: log}); err != nil {
		return err
	}
	handleWorld(all, "wallet", a.wallet.Handler())
	s := a.plan.sites[zoneSandbox]
	s.handle(all)
	s.server.RegisterOnShutdown(world.Release)
	s.server.RegisterOnShutdown(a.banks.Release)
	s.server.RegisterOnShutdown(a.instant.Release)
	s.server.RegisterOnShutdown(a.payBank.Release)
	return nil
}

// handleWorld gives a simulated world its paths.
func handleWorld(all *http.ServeMux, name string, h http.Handler) {
	for _, path := range []string{"/" + name, "/" + name + "/", "/control/" + name + "/"} {
		all.Handle(path, h)
	}
}

// besideSandbox is the file of another simulated world: its own, beside that of the acquirers.
func besideSandbox(file, world string) string {
	return strings.TrimSuffix(file, ".db") + "-" + world + ".db"
}

// checks is what must work for the process to be sent work.
func (a *parts) checks() []obs.Check {
	var checks []obs.Check
	if a.main != nil {
		checks = append(checks, obs.Check{Name: "main database", Try: a.main.Ready})
	}
	if a.card != nil {
		checks = append(checks, obs.Check{Name: "vault database", Try: a.card.Ready})
	}
	return append(checks, a.keyChecks()...)
}

// process puts the parts into the order in which they run and stop.
func (a *parts) process() *process {
	p := &process{log: a.log, health: obs.NewHealth(a.checks()...), drain: a.plan.drain, close: []func() error{a.close}}
	for _, zone := range []string{zoneAPI, zonePublic, zoneVault} {
		if s := a.plan.sites[zone]; s != nil {
			p.front = append(p.front, s)
		}
	}
	for _, zone := range []string{zoneVaultInternal, zoneSandbox, zoneOps} {
		if s := a.plan.sites[zone]; s != nil {
			p.back = append(p.back, s)
		}
	}
	if s := a.plan.sites[zoneOps]; s != nil {
		s.handle(obs.Handler(a.registry, p.health))
	}
	if a.plan.worker {
		p.work = a.sweeps()
	}
	if a.health != nil {
		p.work = append(p.work, a.health.Run, a.router.Run, a.remember)
	}
	return p
}

// pruneEvery is how often rows whose time is over are looked for.
const pruneEvery = time.Minute

// sweeps is the work that comes due.
func (a *parts) sweeps() []func(context.Context) error {
	due := slices.Concat(a.payments.Sweeps(), a.payouts.Sweeps(), a.customers.Sweeps(), a.orders.Sweeps(), a.disputes.Sweeps(), a.sender.Sweeps(), a.receiver.Sweeps())
	return []func(context.Context) error{
		func(ctx context.Context) error { return a.main.Sweep(ctx, due...) },
		a.sender.Run,
		a.payouts.Run,
		func(ctx context.Context) error { return every(ctx, pruneEvery, a.prune) },
		func(ctx context.Context) error { return every(ctx, rearmEvery, a.rearm) },
		// Apart, because to archive a busy day takes its time.
		func(ctx context.Context) error { return every(ctx, pruneEvery, a.pruneEvents) },
	}
}

// rearmEvery is how often open outcomes that have lost their schedule are looked for.
const rearmEvery = time.Hour

func (a *parts) rearm(ctx context.Context) {
	if n, err := a.payments.Rearm(ctx); err != nil {
		a.log.Error("look for open outcomes without a schedule", "error", err, "found", n)
	}
}

// prune deletes what is kept for a time only. A failure is tried again by the next round.
func (a *parts) prune(ctx context.Context) {
	for _, kept := range []struct {
		what  string
		prune func(context.Context) (int64, error)
	}{{"idempotency keys", a.answers.Prune}, {"device sessions", a.devices.Prune}, {"the histories of declined cards", a.payments.Prune}, {"pieces of dispute evidence", a.disputes.Prune}} {
		n, err := kept.prune(ctx)
		a.pruned(kept.what, n, err)
	}
}

// pruneEvents deletes events with what is about them, and what providers told.
func (a *parts) pruneEvents(ctx context.Context) {
	before := a.clock.Now().Add(-a.plan.keepEvents)
	n, err := a.events.Prune(ctx, before, a.archive)
	a.pruned("events", n, err)
	n, err = a.receiver.Prune(ctx, before)
	a.pruned("providers' messages", n, err)
}

func (a *parts) pruned(what string, n int64, err error) {
	if err != nil {
		a.log.Error("prune what is over", "what", what, "error", err)
	}
	if n > 0 {
		a.log.Info("pruned what is over", "what", what, "count", n)
	}
}

// every calls do again and again until ctx ends.
func every(ctx context.Context, d time.Duration, do func(context.Context)) error {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			do(ctx)
		}
	}
}
