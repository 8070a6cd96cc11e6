package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
)

// fakePayments keeps payments in memory. It writes the Companion's rows through commit, as the real one does.
type fakePayments struct {
	ids   *id.Source
	clock clock.Clock

	mu        sync.Mutex
	made      map[string]payment.Object
	refunds   map[string]payment.RefundObject
	asked     int   // how often anything was asked for
	charged   int   // how often the provider was called
	decline   error // what the provider says
	refuse    error // what is said before anything is written
	commit    func(context.Context, *db.Change) error
	confirmed payment.Confirmation // the last one
	last      payment.Create
	refunded  payment.RefundRequest
	paged     payment.Page
	persons   int // how many must agree to a refund

	atProvider chan string   // if set, tells the id of what the provider is asked about
	answers    chan struct{} // and then the provider answers when this says so
}

func (f *fakePayments) Commit(ctx context.Context, c *db.Change) error {
	if f.commit == nil || c.Len() == 0 {
		return nil
	}
	return f.commit(ctx, c)
}

func (f *fakePayments) Create(ctx context.Context, c payment.Create, with payment.Companion) (payment.Object, error) {
	if err := f.ask(); err != nil {
		return payment.Object{}, err
	}
	f.mu.Lock()
	f.last = c
	f.mu.Unlock()
	o := payment.Object{
		ID: f.ids.New(id.Payment), Object: "payment", Status: payment.Processing, Amount: c.Amount, Currency: c.Currency, Capture: c.Capture,
		Metadata: orMap(c.Metadata), CreatedAt: f.clock.Now(), Provider: "alpha",
		PaymentMethod: &payment.MethodObject{ID: c.Choice.Token, Type: "card", Card: &payment.CardObject{Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030, Funding: "credit"}},
	}
	if !c.Confirm {
		o.Status, o.PaymentMethod, o.Provider = payment.RequiresPaymentMethod, nil, ""
		return o, f.finish(ctx, c.Merchant, o, nil, with)
	}
	return f.run(ctx, c.Merchant, o, with)
}

func (f *fakePayments) ask() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	return f.refuse
}

func orMap(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// run commits the intent, calls the provider, and commits the result.
func (f *fakePayments) run(ctx context.Context, merchant string, o payment.Object, with payment.Companion) (payment.Object, error) {
	intent := db.NewChange(merchant)
	with.Intent(intent, o.ID)
	f.put(merchant, o) // before: in the real one it is in the same Change, so whoever sees the key sees the payment
	if err := f.Commit(ctx, intent); err != nil {
		return payment.Object{}, fmt.Errorf("commit intent: %w", err)
	}
	decline := f.provider(o.ID)
	o.Status, o.AmountAuthorized, o.AmountCaptured = payment.Captured, o.Amount, o.Amount
	var declined *payment.DeclinedError
	if d, ok := decline.(*payment.DeclinedError); ok {
		copied := *d
		o.Status, o.AmountAuthorized, o.AmountCaptured = payment.Failed, 0, 0
		copied.Payment = o
		declined = &copied
		return o, f.finish(ctx, merchant, o, declined, with)
	}
	return o, f.finish(ctx, merchant, o, nil, with)
}

func (f *fakePayments) put(merchant string, o payment.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made[merchant+o.ID] = o
}

// provider is asked about something, and gives its refusal if it has one.
func (f *fakePayments) provider(id string) error {
	f.mu.Lock()
	f.charged++
	decline := f.decline
	f.mu.Unlock()
	if f.atProvider != nil {
		f.atProvider <- id
		<-f.answers
	}
	return decline
}

func (f *fakePayments) finish(ctx context.Context, merchant string, o payment.Object, declined *payment.DeclinedError, with payment.Companion) error {
	var told error
	if declined != nil {
		told = declined
	}
	if err := f.record(ctx, merchant, o, told, with); err != nil {
		return err
	}
	f.put(merchant, o)
	return told
}

// record commits a result. As in the real one, a Change that lost is decided again.
func (f *fakePayments) record(ctx context.Context, merchant string, object any, told error, with payment.Companion) error {
	const tries = 3
	var err error
	for range tries {
		result := db.NewChange(merchant)
		if err := with.Result(result, object, told); err != nil {
			return err
		}
		if err = f.Commit(ctx, result); !fault.Is(err, fault.Stale) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("commit result: %w", err)
	}
	return nil
}

func (f *fakePayments) find(merchant, id string) (payment.Object, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, ok := f.made[merchant+id]
	if !ok {
		return o, fault.Missing("payment")
	}
	return o, nil
}

func (f *fakePayments) Confirm(ctx context.Context, merchant, id string, in payment.Confirmation, with payment.Companion) (payment.Object, error) {
	if err := f.ask(); err != nil {
		return payment.Object{}, err
	}
	f.mu.Lock()
	f.confirmed = in
	f.mu.Unlock()
	o, err := f.find(merchant, id)
	if err != nil {
		return o, err
	}
	return f.run(ctx, merchant, o, with)
}

func (f *fakePayments) Capture(ctx context.Context, merchant, id string, _ int64, _ bool, with payment.Companion) (payment.Object, error) {
	return f.Confirm(ctx, merchant, id, payment.Confirmation{}, with)
}

func (f *fakePayments) Cancel(ctx context.Context, merchant, id, reason string, with payment.Companion) (payment.Object, error) {
	if err := f.ask(); err != nil {
		return payment.Object{}, err
	}
	o, err := f.find(merchant, id)
	if err != nil {
		return o, err
	}
	o.Status, o.CancellationReason = payment.Canceled, reason
	return o, f.finish(ctx, merchant, o, nil, with)
}

func (f *fakePayments) Refund(ctx context.Context, merchant, paymentID string, r payment.RefundRequest, with payment.Companion) (payment.RefundObject, error) {
	if err := f.ask(); err != nil {
		return payment.RefundObject{}, err
	}
	if _, err := f.find(merchant, paymentID); err != nil {
		return payment.RefundObject{}, err
	}
	f.refunded = r
	o := payment.RefundObject{
		ApprovedBy: []string{},
		ID:         f.ids.New(id.Refund), Object: "refund", Payment: paymentID, Amount: r.Amount, Currency: "EUR", Status: "pending",
		Reason: r.Reason, Metadata: orMap(r.Metadata), CreatedAt: f.clock.Now(),
	}
	intent := db.NewChange(merchant)
	with.Intent(intent, o.ID)
	f.putRefund(merchant, o)
	if err := f.Commit(ctx, intent); err != nil {
		return o, err
	}
	o.Status = "succeeded"
	if err := f.provider(o.ID); err != nil {
		o.Status = "failed"
	}
	if err := f.record(ctx, merchant, o, nil, with); err != nil {
		return o, err
	}
	f.putRefund(merchant, o)
	return o, nil
}

func (f *fakePayments) putRefund(merchant string, o payment.RefundObject) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refunds[merchant+o.ID] = o
}

func (f *fakePayments) Get(_ context.Context, merchant, id string, _ []string) (payment.Object, error) {
	return f.find(merchant, id)
}

func (f *fakePayments) List(_ context.Context, merchant string, p payment.Page, _ payment.Filter) ([]payment.Object, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paged = p
	var all []payment.Object
	for key, o := range f.made {
		if strings.HasPrefix(key, merchant) {
			all = append(all, o)
		}
	}
	return all[:min(len(all), p.Limit)], len(all) > p.Limit, nil
}

func (f *fakePayments) GetRefund(_ context.Context, merchant, id string) (payment.RefundObject, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, ok := f.refunds[merchant+id]
	if !ok {
		return o, fault.Missing("refund")
	}
	return o, nil
}

func (f *fakePayments) ListRefunds(context.Context, string, payment.Page, string) ([]payment.RefundObject, bool, error) {
	return nil, false, nil
}

func (f *fakePayments) ApproveRefund(ctx context.Context, merchant, id, by string, with payment.Companion) (payment.RefundObject, error) {
	r, err := f.GetRefund(ctx, merchant, id)
	if err != nil {
		return r, err
	}
	r.ApprovedBy = append(slices.Clone(r.ApprovedBy), by)
	c := db.NewChange(merchant)
	if len(r.ApprovedBy) >= f.persons {
		r.Status = "succeeded"
		with.Intent(c, id)
		if err := f.Commit(ctx, c); err != nil {
			return r, err
		}
		c = db.NewChange(merchant)
	}
	if err := with.Result(c, r, nil); err != nil {
		return r, err
	}
	f.putRefund(merchant, r)
	return r, f.Commit(ctx, c)
}

func (f *fakePayments) CancelRefund(ctx context.Context, merchant, id string, with payment.Companion) (payment.RefundObject, error) {
	r, err := f.GetRefund(ctx, merchant, id)
	if err != nil {
		return r, err
	}
	r.Status = "failed"
	return r, with.Result(db.NewChange(merchant), r, nil)
}
