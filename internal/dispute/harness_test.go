package dispute

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

const (
	shop  = "acct_shop:test"
	token = "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2"
)

// start is when the test at hand began: the second engine's clock goes on where the first one's stood.
var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// acquirer is a provider that takes every payment and, as it is told, answers to disputes.
type acquirer struct {
	says    []provider.Outcome // to the next answers; then they are approved
	answers []provider.DisputeAnswer
	last    provider.Evidence
	declines,
	open bool // of authorizations: they are declined, or stay pending
}

func (*acquirer) Capabilities() provider.Capabilities {
	return provider.Capabilities{AuthorizationTTL: 24 * time.Hour, PartialCaptures: true, Timeout: time.Minute}
}

func (q *acquirer) Authorize(_ context.Context, _ provider.Account, r provider.Authorization) provider.Outcome {
	o := provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: r.Amount, Reference: "auth_" + r.Reference}
	switch {
	case q.declines:
		return provider.Refused(provider.DoNotHonor, "05", "no")
	case q.open:
		o.State = provider.Pending
	}
	return o
}

func (*acquirer) Refund(_ context.Context, _ provider.Account, r provider.Refund) provider.Outcome {
	return provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: r.Amount, Reference: "op_" + r.Reference}
}

func (q *acquirer) answered(d provider.DisputeAnswer, state provider.State) provider.Outcome {
	q.answers = append(q.answers, d)
	if len(q.says) == 0 {
		return provider.Outcome{Class: provider.Approved, State: state}
	}
	o := q.says[0]
	q.says = q.says[1:]
	return o
}

func (q *acquirer) SubmitEvidence(_ context.Context, _ provider.Account, e provider.Evidence) provider.Outcome {
	q.last = e
	return q.answered(e.DisputeAnswer, provider.Pending)
}

func (q *acquirer) AcceptDispute(_ context.Context, _ provider.Account, d provider.DisputeAnswer) provider.Outcome {
	return q.answered(d, provider.Succeeded)
}

// mute is a provider that takes no answers.
type mute struct{}

func (mute) Capabilities() provider.Capabilities { return provider.Capabilities{} }

type contracts struct{}

var alpha = provider.Account{Merchant: shop, ID: "alpha", Provider: "fake"}

func (contracts) Get(_ context.Context, tenant, account string) (provider.Account, error) {
	if tenant != shop {
		return provider.Account{}, fault.Missing("provider account")
	}
	return provider.Account{Merchant: shop, ID: account, Provider: map[string]string{"alpha": "fake", "mute": "mute"}[account]}, nil
}

func (contracts) List(context.Context, string) ([]provider.Account, error) {
	return []provider.Account{alpha}, nil
}

type cards struct{}

func (cards) Describe(context.Context, string, string) (vault.Description, error) {
	return vault.Description{Token: token, Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030}, nil
}

type merchants struct{}

func (merchants) Of(context.Context, string) (merchant.Merchant, error) {
	return merchant.Merchant{FeeBasisPoints: 150}, nil
}

// xor is a sealer whose work can be seen, and that minds what it is associated with.
type xor struct{}

func (xor) Seal(plain, associated []byte) ([]byte, error) {
	sealed := make([]byte, len(plain))
	for i := range plain {
		sealed[i] = plain[i] ^ associated[i%len(associated)] ^ 0x5a
	}
	return sealed, nil
}

func (x xor) Open(sealed, associated []byte) ([]byte, error) { return x.Seal(sealed, associated) }

// desk is a service over one engine and one acquirer, with a clock moved by hand.
type desk struct {
	*testing.T
	*Service
	q        *acquirer
	now      *clock.Manual
	payments *payment.Service
	books    *ledger.Store
	told     *event.Store
}

// eachDesk runs a test on both engines, and holds the books against the rules at its end.
func eachDesk(t *testing.T, body func(k *desk)) {
	now := clock.NewManual(start)
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		start = now.Now()
		k := newDesk(t, d, now)
		body(k)
		k.audit()
	}, event.Schema, ledger.Schema, payment.Schema, Schema)
}

func newDesk(t *testing.T, d *db.DB, now *clock.Manual) *desk {
	k := &desk{T: t, q: &acquirer{}, now: now, books: ledger.NewStore(d), told: event.NewStore(d, nil)}
	ids, log := id.NewSource(now, rand.Reader), slog.New(slog.DiscardHandler)
	outbox, providers := event.NewOutbox(k.told, ids, now), provider.Registry{"fake": k.q, "mute": mute{}}
	k.payments = payment.New(payment.Options{
		DB: d, Cards: cards{}, Accounts: contracts{}, Providers: providers, Merchants: merchants{}, Outbox: outbox, Clock: now, IDs: ids, Logger: log,
		Secret: func(...string) string { return "secret" },
	})
	k.Service = New(Options{
		DB: d, Payments: k.payments, Accounts: contracts{}, Providers: providers, Outbox: outbox, Sealer: xor{}, Clock: now, IDs: ids, Logger: log,
		Metrics: prometheus.NewRegistry(),
	})
	return k
}

func (k *desk) audit() {
	k.Helper()
	report, err := ledger.Verify(context.Background(), k.DB)
	faults, err2 := payment.VerifyBooks(context.Background(), k.DB)
	more, err3 := VerifyBooks(context.Background(), k.DB)
	if faults = slices.Concat(report.Faults, faults, more); len(faults) > 0 || err != nil || err2 != nil || err3 != nil {
		k.Errorf("the books are wrong: %v, %v %v %v", faults, err, err2, err3)
	}
}

// pay makes a payment of 100.00 EUR.
func (k *desk) pay() payment.Object {
	k.Helper()
	o, err := k.payments.Create(k.Context(), payment.Create{
		Merchant: shop, Amount: 10_000, Currency: "EUR", Choice: payment.Choice{Token: token}, Capture: true, Confirm: true,
	}, alone{})
	if err != nil && !k.q.declines {
		k.Fatal(err)
	}
	return o
}

func eur(minor int64) money.Money {
	c, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	return money.Of(minor, c)
}

// chargeback is a message of one, with a fee of 15.00 EUR and ten days to answer.
func chargeback(of payment.Object, amount int64, change ...func(*provider.Dispute)) provider.Notification {
	d := &provider.Dispute{
		Reference: "dp_" + of.ID, Stage: provider.StageChargeback, Status: provider.DisputeNeedsResponse, Amount: eur(amount), Fee: eur(1_500),
		ReasonCode: "10.4", Reason: "fraudulent", EvidenceDueAt: start.Add(10 * day),
	}
	for _, c := range change {
		c(d)
	}
	return provider.Notification{EventID: "evt", Operation: provider.OpDispute, Attempt: of.ID + "-1", Dispute: d}
}

func status(s provider.DisputeStatus) func(*provider.Dispute) {
	return func(d *provider.Dispute) { d.Status = s }
}

func stage(s provider.DisputeStage) func(*provider.Dispute) {
	return func(d *provider.Dispute) {
		if d.Stage = s; s == provider.StageInquiry {
			d.Fee = eur(0)
		}
	}
}

func named(reference string) func(*provider.Dispute) {
	return func(d *provider.Dispute) { d.Reference = reference }
}

// tell brings a message and expects what becomes of it. It gives the dispute's id.
func (k *desk) tell(n provider.Notification, want payment.Verdict) string {
	k.Helper()
	var got payment.Heard
	err := k.Notify(k.Context(), alpha, n, func(_ *db.Change, h payment.Heard) error { got = h; return nil })
	if err != nil {
		k.Fatalf("notify: %v", err)
	}
	if got.Verdict != want {
		k.Errorf("the message is %s (%s), want %s", got.Verdict, got.Detail, want)
	}
	return got.Subject
}

// stands expects where a dispute is, its money, and what is disputed of its payment.
func (k *desk) stands(dispute string, want provider.DisputeStatus, m Money, disputed int64) Object {
	k.Helper()
	o, err := k.Get(k.Context(), shop, dispute)
	if err != nil {
		k.Fatal(err)
	}
	var of int64
	if o.Payment != nil {
		p, err := k.payments.Find(k.Context(), shop, *o.Payment)
		if err != nil {
			k.Fatal(err)
		}
		of = p.Disputed.Minor()
	}
	if o.Status != want || o.Money != m || of != disputed {
		k.Errorf("the dispute is %s, its money %s, %d disputed; want %s, %s, %d", o.Status, o.Money, of, want, m, disputed)
	}
	return o
}

// holds expects balances: alternately an account's name and what it holds.
func (k *desk) holds(want ...any) {
	k.Helper()
	balances, err := k.books.Balances(k.Context(), shop)
	if err != nil {
		k.Fatal(err)
	}
	got := map[string]int64{}
	for _, b := range balances {
		got[b.Account] = b.Amount.Minor()
	}
	for i := 0; i < len(want); i += 2 {
		if account := want[i].(string); got[account] != int64(want[i+1].(int)) {
			k.Errorf("%s holds %d, want %d", account, got[account], want[i+1])
		}
	}
}

// heard expects the events of disputes, oldest first.
func (k *desk) heard(want ...event.Type) []event.Event {
	k.Helper()
	all, _, err := k.told.EventsOf(k.Context(), shop, db.Page{Limit: 100}, []event.Type{event.DisputeCreated, event.DisputeUpdated, event.DisputeWon, event.DisputeLost}, "")
	if err != nil {
		k.Fatal(err)
	}
	slices.Reverse(all)
	var got []event.Type
	for i, e := range all {
		got = append(got, e.Type)
		if i > 0 && all[i-1].Thread == e.Thread && all[i-1].Sequence >= e.Sequence {
			k.Errorf("%s has place %d after %d", e.Type, e.Sequence, all[i-1].Sequence)
		}
	}
	if !slices.Equal(got, want) {
		k.Errorf("told %v, want %v", got, want)
	}
	return all
}

// passes lets time go by, step by step, and the worker do what is due.
func (k *desk) passes(d time.Duration, steps int) {
	k.Helper()
	for range steps {
		k.now.Advance(d / time.Duration(steps))
		for _, s := range k.Sweeps() {
			if _, err := k.DB.SweepOnce(k.Context(), s); err != nil {
				k.Fatal(err)
			}
		}
	}
}

func (k *desk) refund(of payment.Object, amount int64) error {
	_, err := k.payments.Refund(k.Context(), shop, of.ID, payment.RefundRequest{Amount: amount}, alone{})
	return err
}

func nothing(*db.Change, Object) error { return nil }

// explain gives a text, so that there is something to submit.
func (k *desk) explain(dispute string) {
	k.Helper()
	if _, err := k.SetTexts(k.Context(), shop, dispute, map[string]string{"explanation": "it was delivered"}, nothing); err != nil {
		k.Fatal(err)
	}
}

func (k *desk) answer(dispute string, kind AnswerKind) Object {
	k.Helper()
	o, err := k.Answer(k.Context(), shop, dispute, kind, alone{})
	if err != nil {
		k.Fatal(fmt.Errorf("%s: %w", kind, err))
	}
	return o
}
