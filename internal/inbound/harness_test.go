package inbound

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

const shop = "acct_shop:test"

// talker is a provider whose messages are their own event id, signed by a word.
type talker struct{}

func (talker) Capabilities() provider.Capabilities {
	return provider.Capabilities{References: []string{"reference"}}
}

func (talker) VerifyWebhook(_ provider.Account, h http.Header, _ []byte, _ time.Time) error {
	switch h.Get("Word") {
	case "open sesame":
		return nil
	case "open sesame, yesterday":
		return provider.ErrWebhookTime
	}
	return fault.New(fault.Unauthorized, "signature_invalid", "wrong word")
}

func (talker) ReadWebhook(_ provider.Account, body []byte) (provider.Notification, error) {
	text := string(body)
	switch {
	case strings.HasPrefix(text, "mumble"):
		return provider.Notification{}, provider.Unreadable("it mumbles")
	case strings.HasPrefix(text, "nonsense"):
		return provider.Notification{EventID: "nonsense", Type: "absurd"}.Unbelieved("it is nonsense")
	case strings.HasPrefix(text, "trip"):
		panic("it trips")
	case strings.HasPrefix(text, "anonymous"):
		return provider.Notification{Type: "test"}, nil
	case strings.HasPrefix(text, "hollow"):
		return provider.Notification{EventID: "hollow", Outcome: provider.Outcome{Reference: "a\x00b"}}, nil
	}
	return provider.Notification{EventID: text, Type: "test"}, nil
}

// silent is a provider that sends no webhooks.
type silent struct{}

func (silent) Capabilities() provider.Capabilities { return provider.Capabilities{} }

// oneAccount is all accounts there are.
type oneAccount struct{}

func (oneAccount) Get(_ context.Context, tenant, account string) (provider.Account, error) {
	if tenant != shop || account != "alpha" {
		return provider.Account{}, fault.Missing("provider account")
	}
	return provider.Account{Merchant: shop, ID: "alpha", Provider: "talker"}, nil
}

// liveOnly has an account in live mode.
type liveOnly struct {
	fails    error
	provider string
}

func (l liveOnly) Get(_ context.Context, tenant, account string) (provider.Account, error) {
	if l.fails != nil {
		return provider.Account{}, l.fails
	}
	if tenant != "acct_shop:live" {
		return provider.Account{}, fault.Missing("provider account")
	}
	return provider.Account{Merchant: tenant, ID: account, Provider: cmp.Or(l.provider, "talker")}, nil
}

var errAway = errors.New("the database is away")

// scripted records what it is told with a verdict of its own, as payments do, after it has failed as often as it shall.
type scripted struct {
	db      *db.DB
	verdict payment.Verdict
	subject string
	fails   atomic.Int64
	failure error // what it fails with; errAway if nil
	applied atomic.Int64
	trips   atomic.Bool
	hold    chan struct{} // if there is one, nothing is applied before it is closed
	held    chan struct{} // told when something waits for hold
}

func (s *scripted) Notify(ctx context.Context, a provider.Account, n provider.Notification, with func(*db.Change, payment.Heard) error) error {
	if s.hold != nil {
		s.held <- struct{}{}
		<-s.hold
	}
	if s.trips.Load() {
		panic("a mistake")
	}
	if s.fails.Add(-1) >= 0 {
		return cmp.Or(s.failure, errAway)
	}
	c := db.NewChange(a.Merchant)
	if err := with(c, payment.Heard{Verdict: s.verdict, Detail: n.Type, Subject: s.subject}); err != nil {
		return err
	}
	if err := s.db.Commit(ctx, c); err != nil {
		return err
	}
	s.applied.Add(1)
	return nil
}

// inbox is a receiver over one engine, with a clock moved by hand.
type inbox struct {
	*testing.T
	*Receiver
	now     *clock.Manual
	script  *scripted
	numbers *prometheus.Registry
	log     *bytes.Buffer
}

func eachInbox(t *testing.T, body func(x *inbox), change ...func(*ReceiverOptions)) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		body(newInbox(t, d, now, &scripted{db: d, verdict: payment.Applied}, change...))
	}, Schema)
}

func newInbox(t *testing.T, d *db.DB, now *clock.Manual, s *scripted, change ...func(*ReceiverOptions)) *inbox {
	x := &inbox{T: t, now: now, script: s, numbers: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	o := ReceiverOptions{
		DB: d, Accounts: oneAccount{}, Providers: provider.Registry{"talker": talker{}, "silent": silent{}}, Payments: s, Clock: now,
		IDs: id.NewSource(now, rand.Reader), Logger: slog.New(slog.NewTextHandler(x.log, nil)), Metrics: x.numbers,
		Patience: time.Minute, // what is slow is slow on purpose here
	}
	for _, c := range change {
		c(&o)
	}
	x.Receiver = NewReceiver(o)
	t.Cleanup(x.Close)
	return x
}

var (
	signed = http.Header{"Word": {"open sesame"}}
	forged = http.Header{"Word": {"please"}}
	stale  = http.Header{"Word": {"open sesame, yesterday"}}
	home   = netip.MustParseAddr("192.0.2.1")
)

// letter is a message from home.
func letter(h http.Header, body string) Message {
	return Message{Merchant: "acct_shop", Account: "alpha", From: home, Header: h, Body: func() ([]byte, error) { return []byte(body), nil }}
}

// hear receives a signed message and fails the test if it is refused.
func (x *inbox) hear(body string) {
	x.Helper()
	if err := x.Receive(x.Context(), letter(signed, body)); err != nil {
		x.Errorf("%q is refused: %v", body, err)
	}
}

// all is every record, newest first, with its body.
func (x *inbox) all() []Webhook {
	x.Helper()
	found, _, err := x.List(x.Context(), shop, db.Page{Limit: 100}, Filter{})
	if err != nil {
		x.Fatal(err)
	}
	for i, m := range found {
		if found[i], err = x.Get(x.Context(), shop, m.ID); err != nil {
			x.Fatal(err)
		}
	}
	return found
}

// only is the one record that there is.
func (x *inbox) only() Webhook {
	x.Helper()
	all := x.all()
	if len(all) != 1 {
		x.Fatalf("%d records: %+v", len(all), all)
	}
	return all[0]
}

// work applies what is due.
func (x *inbox) work() {
	x.Helper()
	for _, s := range x.Sweeps() {
		if _, err := x.DB.SweepOnce(x.Context(), s); err != nil {
			x.Fatal(err)
		}
	}
}

// replay replays a message and adds nothing to it.
func (x *inbox) replay(inbound string) (Webhook, error) {
	return x.Replay(x.Context(), shop, inbound, func(*db.Change, Webhook) error { return nil })
}

// number is the value of a metric with these label values; 0 if there is none.
func (x *inbox) number(name string, labels ...string) float64 {
	x.Helper()
	families, err := x.numbers.Gather()
	if err != nil {
		x.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if f.GetName() == name && slices.Equal(values, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return 0
}

func (x *inbox) counted(verdict string, want float64) {
	x.Helper()
	connector := "talker"
	if verdict == unknownAccount {
		connector = nobody
	}
	if got := x.number("florin_inbound_webhooks_total", connector, verdict); got != want {
		x.Errorf("%v messages are %s, want %v", got, verdict, want)
	}
}
