// Package public is the payer's door: florin.js and what it calls, the checkout page, and the pages that lead to the payer's
// bank and back. It is read by browsers and by people, so it says nothing that only a merchant may know.
package public

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/exchange"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/risk"
)

// The timeouts of the listener. A confirmation waits for the payer's bank; its calls have deadlines of their own.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 120 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeader         = 32 << 10

	workTimeout = 100 * time.Second // of what may move money
	lookTimeout = 20 * time.Second  // of the rest
)

// maxBody is the largest body that a browser may send, in bytes.
const maxBody = 64 << 10

// Server makes a listener's server with every timeout set.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}
}

// Payments shows a payment to its payer, and moves it on for them. See payment.Service.
type Payments interface {
	// ForPayer fails with fault.NotFound unless the secret is one of this payment's.
	ForPayer(ctx context.Context, tenant, payment, secret string) (payment.Object, error)
	ConfirmByPayer(ctx context.Context, tenant, payment, secret string, c payment.Confirmation, with payment.Companion) (payment.Object, error)
	// Challenge is what a ticket opens. The challenge is zero if it is over; the payment is there all the same.
	Challenge(ctx context.Context, tenant, payment, ticket string) (provider.Challenge, payment.Object, error)
	CompleteChallenge(ctx context.Context, tenant, payment, ticket, cres string) (payment.Object, error)
	// Code is what the code says that a ticket opens.
	Code(ctx context.Context, tenant, payment, ticket string) (string, error)
}

// Ways tells what a payer can choose to pay with. See payment.Service.
type Ways interface {
	// Ways fails with fault.NotFound unless the secret is one of this payment's.
	Ways(ctx context.Context, tenant, payment, secret string) ([]payment.Way, error)
	// Banks fails with fault.Unavailable if the provider does not list them now.
	Banks(ctx context.Context, tenant string, method provider.Method, currency string) ([]provider.Bank, error)
}

// Merchants finds a tenant's merchant. See merchant.Store.
type Merchants interface {
	Of(ctx context.Context, tenant string) (merchant.Merchant, error)
}

// DeviceSessions keeps what a browser tells of itself. See risk.DeviceSessions.
type DeviceSessions interface {
	Open(ctx context.Context, tenant string, signals json.RawMessage, facts risk.RequestFacts) (id string, err error)
}

// Idempotency finds what is known of a key. See idempotency.Store.
type Idempotency interface {
	Find(ctx context.Context, k idempotency.Key) (idempotency.Record, bool, error)
}

// Options are what the door opens to.
type Options struct {
	Payments    Payments
	Ways        Ways
	Orders      Orders
	Merchants   Merchants
	Devices     DeviceSessions
	Idempotency Idempotency
	// Authenticate tells whose page calls. It fails with fault.Unauthorized. See access.Keys.
	Authenticate func(ctx context.Context, r *http.Request) (access.Principal, error)
	// HostedKey is the publishable key of a tenant's pages here. See access.Keys.EnsureHosted.
	HostedKey func(ctx context.Context, tenant string) (string, error)
	// Address is whose request it is, as trusted proxies tell it. limit.Connection if nil.
	Address func(*http.Request) netip.Addr

	// URL and VaultURL are where browsers reach the public zone and the vault zone, without a slash at the end. What begins
	// with https:// is promised to stay so.
	URL, VaultURL string
	// WalletURL is the pay sheet of the simulated wallet, which the checkout page offers in test mode. Empty: there is none.
	WalletURL string

	Clock  clock.Clock
	IDs    *id.Source
	Random io.Reader // of nonces: crypto/rand.Reader in production
	Logger *slog.Logger

	// CallLimit and PageLimit are how often an address may call florin.js's endpoints and load pages, TryLimit how often one
	// payment may be tried. The defaults are below; limit.Policy{Name: "none"} ends one.
	CallLimit, PageLimit, TryLimit limit.Policy
}

// The limits that are used if no other is given.
var (
	DefaultCallLimit = limit.Policy{Name: "client", Quota: 120, Window: time.Minute, Burst: 240}
	DefaultPageLimit = limit.Policy{Name: "pages", Quota: 120, Window: time.Minute, Burst: 240}
	DefaultTryLimit  = limit.Policy{Name: "tries", Quota: 10, Window: time.Minute, Burst: 20}
)

// Public is the public zone.
type Public struct {
	Options
	mux     *http.ServeMux
	files   *files
	site    site
	langs   languages
	calls   *limit.Limiter
	pages   *limit.Limiter
	tries   *limit.Limiter
	foreign *http.CrossOriginProtection
}

// New builds the public zone. It fails if an address is none, or a text of the pages is missing.
func New(o Options) (*Public, error) {
	if o.Address == nil {
		o.Address = limit.Connection
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for given, otherwise := range map[*limit.Policy]limit.Policy{
		&o.CallLimit: DefaultCallLimit, &o.PageLimit: DefaultPageLimit, &o.TryLimit: DefaultTryLimit,
	} {
		if *given == (limit.Policy{}) {
			*given = otherwise
		}
	}
	p := &Public{
		Options: o, mux: http.NewServeMux(), foreign: http.NewCrossOriginProtection(),
		calls: limit.New(o.Clock, o.CallLimit, 0), pages: limit.New(o.Clock, o.PageLimit, 0), tries: limit.New(o.Clock, o.TryLimit, 0),
	}
	var err error
	if p.site, err = newSite(o.URL, o.VaultURL); err != nil {
		return nil, fmt.Errorf("public zone: %w", err)
	}
	if o.WalletURL != "" {
		if p.site.walletOrigin, err = originOf(o.WalletURL); err != nil {
			return nil, fmt.Errorf("public zone: the wallet's address %q: %w", o.WalletURL, err)
		}
	}
	if p.files, err = newFiles(p.site); err != nil {
		return nil, fmt.Errorf("public zone: %w", err)
	}
	if p.langs, err = readLanguages(); err != nil {
		return nil, fmt.Errorf("public zone: %w", err)
	}
	p.route()
	return p, nil
}

func (p *Public) route() {
	p.mux.HandleFunc("GET /florin.js", p.entry)
	p.mux.HandleFunc("GET "+filesPath+"{name}", p.file)
	p.mux.HandleFunc("GET /v1/client/payments/{id}", p.call(reads, p.clientPayment))
	p.mux.HandleFunc("POST /v1/client/payments/{id}/confirm", p.call(writes, p.clientConfirm))
	p.mux.HandleFunc("GET /v1/client/banks", p.call(reads, p.clientBanks))
	p.mux.HandleFunc("POST /v1/client/device_sessions", p.call(writes, p.clientDevice))
	p.mux.HandleFunc("OPTIONS /v1/client/", p.preflight)
	p.mux.HandleFunc("GET /3ds/{tenant}/{payment}/{ticket}", p.page(p.challenge))
	p.mux.HandleFunc("POST /3ds/{tenant}/{payment}/{ticket}/return", p.page(p.challengeReturn))
	p.mux.HandleFunc("GET /codes/{tenant}/{payment}/{file}", p.page(p.code))
	p.mux.HandleFunc("GET /pay/{tenant}/{payment}", p.page(p.checkout))
	p.mux.HandleFunc("GET /pay/{tenant}/{payment}/state", p.data(p.checkoutState))
	p.mux.HandleFunc("GET /pay/{tenant}/{payment}/banks", p.data(p.checkoutBanks))
	p.mux.HandleFunc("POST /pay/{tenant}/{payment}/confirm", p.data(p.checkoutConfirm))
	p.mux.HandleFunc("GET /order/{tenant}/{order}", p.page(p.showOrder))
	p.mux.HandleFunc("GET /order/{tenant}/{order}/state", p.data(p.orderStanding))
	p.mux.HandleFunc("POST /order/{tenant}/{order}/pay", p.page(p.payOrder))
	p.mux.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) { exchangeOf(r).Lost(p.mux) })
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange.Exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange.Exchange)
	return x
}

// Handler serves the public zone.
func (p *Public) Handler() http.Handler { return p }

// ServeHTTP gives every request an id and every answer the headers that all of them have.
func (p *Public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	exchange.Serve(w, r, p.IDs.New(id.Request), p.Logger, func(x *exchange.Exchange) {
		x.Request = x.Request.WithContext(context.WithValue(x.Request.Context(), exchangeKey{}, x))
		p.site.guard(x.Header())
		p.mux.ServeHTTP(x, x.Request)
	})
}
