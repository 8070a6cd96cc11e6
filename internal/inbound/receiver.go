// Package inbound hears what providers tell: verified, recorded once as it came, and applied.
package inbound

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema is the tables of inbound messages.
var Schema = db.Schema{Package: "inbound", Migrations: migrations, Tables: []*db.Table{table}}

// Accounts finds a tenant's contract with a provider; fault.NotFound if there is none. Every message asks it, wrong ones too, so
// it must not read a database each time. See provider.Accounts.
type Accounts interface {
	Get(ctx context.Context, tenant, account string) (provider.Account, error)
}

// Payments applies what a provider says of a payment. See payment.Service.
type Payments interface {
	Notify(ctx context.Context, account provider.Account, n provider.Notification, with func(c *db.Change, h payment.Heard) error) error
}

// ReceiverOptions are what a Receiver stands on.
type ReceiverOptions struct {
	DB        *db.DB
	Accounts  Accounts
	Providers provider.Registry
	Payments  Payments
	Clock     clock.Clock
	IDs       *id.Source
	Logger    *slog.Logger
	Metrics   prometheus.Registerer // may be nil

	// Patience is how long a provider waits for its message to be applied. Past it the message is recorded and answered, and
	// applied later. DefaultPatience if zero.
	Patience time.Duration
	// AddressLimit and AccountLimit are how many messages that do not verify are heard, of an address and for a provider account.
	// DefaultAddressLimit and DefaultAccountLimit if they are zero.
	AddressLimit, AccountLimit limit.Policy
	// UnderWay and Applying bound the messages of one provider account that are answered, and that are applied, at once. Beyond
	// the first they are refused, beyond the second they are recorded to be applied later. 128 and 64 if zero.
	UnderWay, Applying int
}

// DefaultPatience leaves time to record and answer a message within 50 ms.
const DefaultPatience = 30 * time.Millisecond

// Receiver takes providers' webhooks.
type Receiver struct {
	ReceiverOptions
	gate    *gate
	copies  *copies
	metrics *metrics
	running sync.WaitGroup // what applies a message that was answered already
}

// NewReceiver makes a receiver. It is closed before its database.
func NewReceiver(o ReceiverOptions) *Receiver {
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	if o.AddressLimit == (limit.Policy{}) {
		o.AddressLimit = DefaultAddressLimit
	}
	if o.AccountLimit == (limit.Policy{}) {
		o.AccountLimit = DefaultAccountLimit
	}
	if o.UnderWay == 0 {
		o.UnderWay = defaultUnderWay
	}
	if o.Applying == 0 {
		o.Applying = defaultApplying
	}
	r := &Receiver{ReceiverOptions: o, gate: newGate(o), copies: newCopies()}
	r.metrics = newMetrics(r)
	return r
}

// Close waits for what is being applied. Nothing may be received any more.
func (r *Receiver) Close() { r.running.Wait() }

// Message is a provider's webhook as it comes in.
type Message struct {
	Merchant string // the account, without a mode
	Account  string // of the provider
	From     netip.Addr
	Header   http.Header
	Body     func() ([]byte, error) // called once, if the message is worth reading
}

// Receive verifies a provider's message, records it once and applies it, in one Change. A message that was heard before
// is counted and harmless. What it does not understand, or cannot match, it keeps. What cannot be applied now it records, and Sweeps
// applies it later. So an error means that the provider must send it again.
//
// It fails with fault.NotFound if the merchant has no such provider account in either mode, with fault.Unauthorized if the
// signature is wrong, with fault.RateLimited if too many were, with fault.Unavailable if too many messages of the account are under
// way, and with the error of Body. Any other error is that not even the record could be written.
func (r *Receiver) Receive(ctx context.Context, m Message) error {
	from := caller{limit.ByAddress(m.From), m.Merchant + "/" + m.Account}
	if len(m.Merchant) > longestName || len(m.Account) > longestName {
		from.target = ""
	}
	if err := r.gate.admit(from); err != nil {
		return r.refused(nobody, rateLimited, err)
	}
	to, reader, err := r.find(ctx, m)
	if fault.Is(err, fault.NotFound) {
		return r.refused(nobody, unknownAccount, r.gate.failed(caller{address: from.address}, err))
	}
	if err != nil {
		return r.refused(nobody, failed, err)
	}
	if err := r.gate.admitTo(from); err != nil {
		return r.refused(to.Provider, rateLimited, err)
	}
	body, err := m.Body()
	if err != nil {
		_ = r.gate.failed(from, err) // counted; what is wrong with the body tells the sender more
		return r.refused(to.Provider, incomplete, err)
	}
	start := clock.Stopwatch()
	if err := reader.VerifyWebhook(to, m.Header, body, r.Clock.Now()); err != nil {
		return r.unverified(from, to, err)
	}
	r.gate.verified(from)
	defer func() { r.metrics.seconds.WithLabelValues(to.Provider).Observe(clock.Since(start).Seconds()) }()
	if !r.gate.underWay.Enter(from.target) {
		return r.refused(to.Provider, overloaded, errUnderWay)
	}
	defer r.gate.underWay.Leave(from.target)
	return r.take(ctx, to, reader, body)
}

// refused counts a message that is not taken.
func (r *Receiver) refused(connector, why string, err error) error {
	r.metrics.count(connector, why)
	return err
}

func (r *Receiver) unverified(from caller, to provider.Account, err error) error {
	switch {
	case errors.Is(err, provider.ErrWebhookTime):
		return r.refused(to.Provider, tooOld, r.gate.failed(from, err))
	case fault.Is(err, fault.Unauthorized):
		return r.refused(to.Provider, badSignature, r.gate.failed(from, err))
	}
	return r.refused(to.Provider, failed, fmt.Errorf("verify a message of %s: %w", to.ID, err))
}

var errNoAddress = fault.Missing("webhook address")

// find is the provider account in whichever mode it is, as its name is unique over both, and who reads its messages.
func (r *Receiver) find(ctx context.Context, m Message) (provider.Account, provider.WebhookReader, error) {
	if len(m.Merchant) > longestName || len(m.Account) > longestName {
		return provider.Account{}, nil, errNoAddress
	}
	for _, live := range []bool{true, false} {
		found, err := r.Accounts.Get(ctx, id.Tenant(m.Merchant, live), m.Account)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return provider.Account{}, nil, err
		}
		reader, err := provider.Lookup[provider.WebhookReader](r.Providers, found.Provider)
		if err != nil {
			return provider.Account{}, nil, errNoAddress
		}
		return found, reader, nil
	}
	return provider.Account{}, nil, errNoAddress
}
