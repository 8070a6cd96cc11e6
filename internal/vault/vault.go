// Package vault keeps card numbers, and is the only one that sees them.
//
// A card comes in by Handler (POST /v1/tokens, from the fields that Handler serves or from a backend) and leaves in two ways only: filled
// into a request that Send makes to an origin registered for the provider account, or not at all. The rest of Florin holds tokens and
// Descriptions.
package vault

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/recent"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/seal"
)

const (
	// cardsFresh is how late this process sees that another one forgot a card.
	cardsFresh = 30 * time.Second
	// cardsKept is how many rows, sealed as they are stored, a generation of the cache holds: about 500 bytes each.
	cardsKept = 5_000
	// originsFresh is how late this process sees an origin that another one allowed or removed.
	originsFresh = time.Second
	originsKept  = 10_000
	// sweepEvery is how late a code on a card leaves the memory after its time.
	sweepEvery = time.Minute
	// pruneEvery is how often old idempotency keys are deleted, and pruneLimit how many at once.
	pruneEvery = 10 * sweepEvery
	pruneLimit = 5_000
)

// Options are what a Vault works with. The zero value of each is its default.
type Options struct {
	Clock  clock.Clock  // the machine's
	IDs    *id.Source   // id.System()
	Logger *slog.Logger // slog.Default()
	// Client is what sends: NewClient(nil). Only its Transport is used, so a Client follows no redirect. With a transport
	// that is not NewClient's, a failure after a connection was had counts as unknown.
	Client *http.Client

	// FrameAncestors gives the origins whose pages may show the fields of a publishable key: scheme://host[:port], or
	// scheme://host:* for every port of a host. It fails with fault.Unauthorized for a key that is unknown. Nil: no page may.
	FrameAncestors func(ctx context.Context, key string) ([]string, error)
	// Address is whose request it is, as trusted proxies tell it. limit.Connection.
	Address func(*http.Request) netip.Addr
	// TokenLimit is how many tokens an address may ask for, unless by a key with vault:write: DefaultTokenLimit. FieldLimit
	// is how many fields it may load: DefaultFieldLimit. NoLimit ends either.
	TokenLimit, FieldLimit limit.Policy
	// Wallet is the device wallet whose tokens are opened in test mode. Nil: none.
	Wallet *Wallet
	// HTTPS says that browsers reach the vault by HTTPS even if a request comes without: a proxy ends it.
	HTTPS bool
}

// The limits of an address that are used if no other is given.
var (
	DefaultTokenLimit = limit.Policy{Name: "tokens", Quota: 60, Window: time.Minute, Burst: 120}
	DefaultFieldLimit = limit.Policy{Name: "fields", Quota: 240, Window: time.Minute, Burst: 480}
	NoLimit           = limit.Policy{Name: "none"}
)

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.IDs == nil {
		o.IDs = id.System()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Client == nil {
		o.Client = NewClient(nil)
	}
	if o.FrameAncestors == nil {
		o.FrameAncestors = func(context.Context, string) ([]string, error) { return nil, nil }
	}
	if o.Address == nil {
		o.Address = limit.Connection
	}
	if o.TokenLimit == (limit.Policy{}) {
		o.TokenLimit = DefaultTokenLimit
	}
	if o.FieldLimit == (limit.Policy{}) {
		o.FieldLimit = DefaultFieldLimit
	}
	return o
}

// Vault keeps cards and sends requests with them. It is safe for concurrent use.
type Vault struct {
	store   store
	box     *seal.Box
	clock   clock.Clock
	ids     *id.Source
	logger  *slog.Logger
	client  *http.Client
	codes   *codes
	cards   *recent.Cache[cardKey, cardRow]
	origins *recent.Cache[originsKey, []string]
	started time.Time

	ancestors func(ctx context.Context, key string) ([]string, error)
	address   func(*http.Request) netip.Addr
	tokens    *limit.Limiter
	fields    *limit.Limiter
	https     bool
	wallet    *Wallet

	closing sync.Once
	stop    context.CancelFunc
	keeper  sync.WaitGroup
}

type originsKey struct{ merchant, account string }

// New opens the vault on a database that has Schema. Close it.
func New(d *db.DB, box *seal.Box, o Options) *Vault {
	o = o.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	v := &Vault{
		store: store{d}, box: box, clock: o.Clock, ids: o.IDs, logger: o.Logger, client: o.Client,
		codes:   newCodes(o.Clock, cvcSize),
		cards:   recent.New[cardKey, cardRow](o.Clock, cardsFresh, cardsKept),
		origins: recent.New[originsKey, []string](o.Clock, originsFresh, originsKept),
		started: o.Clock.Now(),
		stop:    stop,

		ancestors: o.FrameAncestors, address: o.Address, https: o.HTTPS, wallet: o.Wallet,
		tokens: limit.New(o.Clock, o.TokenLimit, 0), fields: limit.New(o.Clock, o.FieldLimit, 0),
	}
	v.keeper.Go(func() { v.keep(ctx) })
	return v
}

// Close stops the vault's own work and forgets every code. Requests under way go on.
func (v *Vault) Close() {
	v.closing.Do(func() {
		v.stop()
		v.keeper.Wait()
		v.codes.clear()
		v.client.CloseIdleConnections()
	})
}

// keep forgets in time what must not be kept longer.
func (v *Vault) keep(ctx context.Context) {
	sweep, prune := time.NewTicker(sweepEvery), time.NewTicker(pruneEvery)
	defer sweep.Stop()
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			v.codes.sweep()
		case <-prune.C:
			if err := v.Prune(ctx); err != nil && ctx.Err() == nil {
				v.logger.ErrorContext(ctx, "vault cannot prune what is over", "error", err)
			}
		}
	}
}

// Prune deletes idempotency keys that are over a day old, and what is known of wallets' tokens that have expired. The vault does it by
// itself every ten minutes.
func (v *Vault) Prune(ctx context.Context) error {
	now := v.clock.Now()
	if err := v.pruneTable(ctx, onceTable, "created_at", now.Add(-onceAge)); err != nil {
		return fmt.Errorf("prune idempotency keys: %w", err)
	}
	if err := v.pruneTable(ctx, walletTable, "expires_at", now); err != nil {
		return fmt.Errorf("prune tokens of wallets: %w", err)
	}
	return nil
}

func (v *Vault) pruneTable(ctx context.Context, t *db.Table, column string, before time.Time) error {
	for {
		n, err := v.store.db.Prune(ctx, t, column, db.Micros(before), pruneLimit)
		if err != nil || n < pruneLimit {
			return err
		}
	}
}

// Describe tells what may be known of a card. It fails with fault.NotFound for a token that the tenant does not have, or
// no longer has.
func (v *Vault) Describe(ctx context.Context, merchant, token string) (Description, error) {
	r, err := v.card(ctx, cardKey{merchant, token})
	if err != nil {
		return Description{}, fmt.Errorf("describe card: %w", err)
	}
	return r.description, nil
}

// card is a stored card, read at most cardsFresh ago.
func (v *Vault) card(ctx context.Context, k cardKey) (cardRow, error) {
	if !id.Has(k.token, id.Token) {
		return cardRow{}, fault.Missing("payment method token")
	}
	r, err := v.cards.Get(ctx, k, func(ctx context.Context) (cardRow, error) { return v.store.card(ctx, k) })
	if err == nil && r.sealed == nil {
		err = fault.Missing("payment method token")
	}
	return r, err
}

// Forget destroys a card: number, name and what describes it. The token stays taken and leads nowhere. It fails with
// fault.NotFound if there is no such card.
func (v *Vault) Forget(ctx context.Context, merchant, token string) error {
	k := cardKey{merchant, token}
	v.codes.forget(k)
	defer v.cards.Forget(k)
	r, err := v.store.card(ctx, k)
	if err == nil && r.sealed == nil {
		err = fault.Missing("payment method token")
	}
	if err != nil {
		return fmt.Errorf("forget card: %w", err)
	}
	gone := cardRow{merchant: merchant, description: Description{Token: token}, forgottenAt: v.clock.Now(), createdAt: r.createdAt}
	return v.store.commit(ctx, merchant, "forget card", cardTable.Update(r.version, gone.values()...))
}

// AllowOrigin lets requests of a provider account go to an origin, scheme://host:port; the port may be left out if it is
// the scheme's own. It fails with fault.Invalid unless that is https, or http to a loopback address. Allowing twice is
// no error.
func (v *Vault) AllowOrigin(ctx context.Context, merchant, account, origin string) error {
	return v.setOrigin(ctx, merchant, account, origin, true)
}

// RemoveOrigin ends what AllowOrigin began. It fails with fault.NotFound if the origin was never allowed.
func (v *Vault) RemoveOrigin(ctx context.Context, merchant, account, origin string) error {
	return v.setOrigin(ctx, merchant, account, origin, false)
}

func (v *Vault) setOrigin(ctx context.Context, merchant, account, text string, allowed bool) error {
	origin, err := parseOrigin(text)
	if err != nil {
		return fmt.Errorf("origin of provider account %s: %w", account, fault.Wrong("origin", fault.CodeInvalid, err.Error()))
	}
	defer v.origins.Forget(originsKey{merchant, account})
	now := v.clock.Now()
	old, err := v.store.origin(ctx, merchant, account, origin)
	row := originRow{merchant: merchant, account: account, origin: origin, allowed: allowed, changedAt: now}
	switch {
	case err == nil && old.allowed == allowed:
		return nil
	case err == nil:
		return v.store.commit(ctx, merchant, "change origin", originTable.Update(old.version, row.values()...))
	case fault.Is(err, fault.NotFound) && allowed:
		err = v.store.commit(ctx, merchant, "allow origin", originTable.Insert(row.values()...))
		if fault.Is(err, fault.Exists) {
			return nil // another process allowed it meanwhile
		}
	}
	return err
}

// Origins are where the requests of a provider account may go, at most 100, in the order of the alphabet.
func (v *Vault) Origins(ctx context.Context, merchant, account string) ([]string, error) {
	return v.store.origins(ctx, merchant, account)
}

var errOriginRefused = fault.New(fault.Forbidden, problem.CodeOrigin, "the origin is not registered for the provider account")

// mayGo tells whether a provider account's requests may go to an origin.
func (v *Vault) mayGo(ctx context.Context, merchant, account, origin string) error {
	k := originsKey{merchant, account}
	allowed, err := v.origins.Get(ctx, k, func(ctx context.Context) ([]string, error) {
		return v.store.origins(ctx, merchant, account)
	})
	if err != nil {
		return err
	}
	for _, a := range allowed {
		if a == origin {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", origin, errOriginRefused)
}

// open decrypts a stored card. Wipe what it gives.
func (v *Vault) open(r cardRow) (cardData, error) {
	plain, err := v.box.Open(r.sealed, r.key().associated())
	if err != nil {
		return cardData{}, fmt.Errorf("open card %s: %w", r.description.Token, err)
	}
	c, err := parsePlain(plain)
	if err != nil {
		return cardData{}, fmt.Errorf("open card %s: %w", r.description.Token, err)
	}
	return c, nil
}
