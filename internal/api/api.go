// Package api is the merchant's door: the HTTP contract under /v1, the providers' webhooks under /in, and the reference
// documentation of both. It reads requests strictly, asks the packages below, and renders what they answer; it decides
// nothing about money.
package api

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/inbound"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/webhook"
)

// Version is the data version that this build speaks, and the only one so far.
const Version = event.Version

// maxBody is the largest body of a request, in bytes.
const maxBody = 1 << 20

// The timeouts of the listener. A write waits for a provider, whose calls have deadlines of their own. After its head, a
// request is admitted, its body read and its work done: together that is less than writeTimeout, so that the answer still
// gets out.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 120 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeader         = 64 << 10

	admitTimeout = 5 * time.Second
	bodyTimeout  = 10 * time.Second
	fileTimeout  = 60 * time.Second  // for a body that is a file, which may be ten times as large
	workTimeout  = 100 * time.Second // of a write
	lookTimeout  = 20 * time.Second  // of a read
)

// Server makes a listener's server with every timeout set.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}
}

// Payments makes payments and moves them on. See payment.Service.
type Payments interface {
	Create(ctx context.Context, c payment.Create, with payment.Companion) (payment.Object, error)
	Confirm(ctx context.Context, tenant, id string, in payment.Confirmation, with payment.Companion) (payment.Object, error)
	Capture(ctx context.Context, tenant, id string, amount int64, final bool, with payment.Companion) (payment.Object, error)
	Cancel(ctx context.Context, tenant, id, reason string, with payment.Companion) (payment.Object, error)
	Refund(ctx context.Context, tenant, id string, r payment.RefundRequest, with payment.Companion) (payment.RefundObject, error)
	ApproveRefund(ctx context.Context, tenant, id, by string, with payment.Companion) (payment.RefundObject, error)
	CancelRefund(ctx context.Context, tenant, id string, with payment.Companion) (payment.RefundObject, error)
}

// PaymentReader shows payments and refunds. See payment.Service.
type PaymentReader interface {
	Get(ctx context.Context, tenant, id string, expand []string) (payment.Object, error)
	List(ctx context.Context, tenant string, p payment.Page, f payment.Filter) ([]payment.Object, bool, error)
	GetRefund(ctx context.Context, tenant, id string) (payment.RefundObject, error)
	ListRefunds(ctx context.Context, tenant string, p payment.Page, paymentID string) ([]payment.RefundObject, bool, error)
}

// Ledger reads the books. See ledger.Store.
type Ledger interface {
	Balances(ctx context.Context, tenant string) ([]ledger.Balance, error)
	Transactions(ctx context.Context, tenant string, p db.Page, subject string) ([]ledger.Transaction, bool, error)
}

// Events reads what happened. See event.Store.
type Events interface {
	Event(ctx context.Context, tenant, event string) (event.Event, error)
	EventsOf(ctx context.Context, tenant string, p db.Page, types []event.Type, subject string) ([]event.Event, bool, error)
}

// EventStreams follows what happens, as it happens. See event.Streams.
type EventStreams interface {
	Open(ctx context.Context, tenant string, filters []string, from event.Cursor) (*event.Stream, error)
}

// Endpoints keeps where a merchant wants to hear of events. See webhook.Endpoints.
type Endpoints interface {
	Create(ctx context.Context, tenant string, in webhook.EndpointInput, with webhook.With) (event.EndpointObject, error)
	Get(ctx context.Context, tenant, endpoint string) (event.EndpointObject, error)
	List(ctx context.Context, tenant string) ([]event.EndpointObject, error)
	Update(ctx context.Context, tenant, endpoint string, change webhook.EndpointChange, with webhook.With) (event.EndpointObject, error)
	Delete(ctx context.Context, tenant, endpoint string, with webhook.With) error
	Enable(ctx context.Context, tenant, endpoint string, with webhook.With) (event.EndpointObject, error)
	Disable(ctx context.Context, tenant, endpoint string, with webhook.With) (event.EndpointObject, error)
	RotateSecret(ctx context.Context, tenant, endpoint string, r webhook.Rotation, with webhook.With) (event.EndpointObject, error)
	Test(ctx context.Context, tenant, endpoint string, begin, end webhook.WithDelivery) (event.DeliveryObject, error)
	Recover(ctx context.Context, tenant, endpoint string, in webhook.RecoveryInput, with webhook.WithRecovery) (event.RecoveryObject, error)
	Deliveries
}

// Deliveries shows how far events were told, and has them told again. See webhook.Endpoints.
type Deliveries interface {
	Delivery(ctx context.Context, tenant, delivery string) (event.DeliveryObject, error)
	Deliveries(ctx context.Context, tenant string, p db.Page, f event.DeliveryFilter) ([]event.DeliveryObject, bool, error)
	Retry(ctx context.Context, tenant, delivery string, with webhook.WithDelivery) (event.DeliveryObject, error)
	RetryAll(ctx context.Context, tenant string, deliveries []string, with webhook.WithDeliveries) ([]event.DeliveryObject, error)
	Recovery(ctx context.Context, tenant, recovery string) (event.RecoveryObject, error)
	Recoveries(ctx context.Context, tenant string, p db.Page, endpoint string) ([]event.RecoveryObject, bool, error)
}

// Keys shows and revokes API keys. See access.Keys.
type Keys interface {
	Get(ctx context.Context, tenant, id string) (access.Key, error)
	List(ctx context.Context, tenant string, p db.Page) ([]access.Key, bool, error)
	Revoke(ctx context.Context, tenant, id string, by audit.By) (access.Key, error)
}

// ProviderAccounts shows a merchant's contracts with providers. See provider.Accounts.
type ProviderAccounts interface {
	Get(ctx context.Context, tenant, account string) (provider.Account, error)
	List(ctx context.Context, tenant string) ([]provider.Account, error)
}

// Receiver takes providers' webhooks, shows and replays them. See inbound.Receiver.
type Receiver interface {
	Receive(ctx context.Context, m inbound.Message) error
	Get(ctx context.Context, tenant, inbound string) (inbound.Webhook, error)
	List(ctx context.Context, tenant string, p db.Page, f inbound.Filter) ([]inbound.Webhook, bool, error)
	Replay(ctx context.Context, tenant, inbound string, with func(c *db.Change, m inbound.Webhook) error) (inbound.Webhook, error)
}

// Idempotency finds what is known of a key. See idempotency.Store.
type Idempotency interface {
	Find(ctx context.Context, k idempotency.Key) (idempotency.Record, bool, error)
}

// Committer writes a Change. See db.DB.
type Committer interface {
	Commit(ctx context.Context, c *db.Change) error
}

// Sealer keeps an answer that shows a secret once from lying in the open. See seal.Box.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
	Open(ciphertext, associated []byte) ([]byte, error)
}

// Options are what the door opens to.
type Options struct {
	// Authenticate tells who calls. It fails with fault.Unauthorized. See access.Keys.
	Authenticate func(ctx context.Context, r *http.Request) (access.Principal, error)
	// Address is whose request it is, as trusted proxies tell it. limit.Connection if nil.
	Address func(r *http.Request) netip.Addr

	Payments         Payments
	Reader           PaymentReader
	Banks            Banks
	Ledger           Ledger
	Events           Events
	Streams          EventStreams
	EventsKept       time.Duration // how long events are; event.Kept if zero
	Endpoints        Endpoints
	Customers        Customers
	Funds            Funds
	PaymentMethods   PaymentMethods
	Destinations     Destinations
	Payouts          Payouts
	PayoutReader     PayoutReader
	Orders           Orders
	Policies         Policies
	Simulations      Simulations
	ManualQueue      ManualQueue
	Manual           ManualResolver
	ProviderAccounts ProviderAccounts
	Health           ProviderHealth
	Switches         KillSwitches
	Breaks           Breaks
	Keys             Keys
	AuditTrail       AuditTrail
	Receiver         Receiver
	Disputes         Disputes
	Idempotency      Idempotency
	DB               Committer
	Sealer           Sealer

	Clock   clock.Clock
	IDs     *id.Source
	Logger  *slog.Logger
	Metrics prometheus.Registerer // may be nil

	// MaxRequests is how many requests are worked on at once; what matters less is refused before. Zero is DefaultMaxRequests.
	MaxRequests int

	// KeyLease is how long the first request with an idempotency key is believed to be running while its outcome is not
	// known. Past it the process that ran it is taken for dead. Zero is DefaultKeyLease.
	KeyLease time.Duration
	// URL and VaultURL are where this zone and the vault zone are reached, for the documentation: those of florin dev if empty.
	URL, VaultURL string
}

// DefaultKeyLease is longer than any request may run.
const DefaultKeyLease = workTimeout + 20*time.Second

// API is the api zone.
type API struct {
	Options
	mux        *http.ServeMux
	huma       huma.API
	operations []*operation
	pages      pages
	streams    *streams
	requests   *requestLog
	valve      *valve
	files      chan struct{} // one for each file that is taken or given
}

// New builds the api zone.
func New(o Options) *API {
	if o.KeyLease == 0 {
		o.KeyLease = DefaultKeyLease
	}
	o.EventsKept = cmp.Or(o.EventsKept, event.Kept)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Address == nil {
		o.Address = limit.Connection
	}
	a := &API{Options: o, mux: http.NewServeMux(), streams: newStreams(o.Metrics), requests: newRequestLog(requestsKept), valve: newValve(o.MaxRequests, o.Metrics), files: make(chan struct{}, filesAtOnce)}
	a.huma = huma.NewAPI(document(cmp.Or(o.URL, "http://127.0.0.1:8080")), humago.NewAdapter(a.mux, ""))
	a.huma.UseMiddleware(a.admit)
	a.registerPayments()
	a.registerRefunds()
	a.registerRefundActions()
	a.registerManual()
	a.registerAudit()
	a.registerDisputes()
	a.registerCustomers()
	a.registerOrders()
	a.registerPaymentMethods()
	a.registerDestinations()
	a.registerPayouts()
	a.registerEvents()
	a.registerEventStream()
	a.registerEndpoints()
	a.registerEndpointActions()
	a.registerDeliveries()
	a.registerInbound()
	a.registerLedger()
	a.registerBanks()
	a.registerAccounts()
	a.registerRouting()
	a.registerRequestLog()
	a.mux.HandleFunc("POST /in/{merchant}/{provider_account}", a.receive)
	a.finishDocument()
	a.servePages()
	a.mux.HandleFunc("/", a.lost)
	return a
}

// Handler serves the api zone.
func (a *API) Handler() http.Handler { return a }
