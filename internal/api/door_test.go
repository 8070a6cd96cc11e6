package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/webhook"
)

const (
	tenant    = "acct_dev:test"
	someToken = "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2"
	someID    = "01jd9qk3v8m2x4r6t7w9y0a1b2"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// door is an API with fakes behind its ports.
type door struct {
	*API
	clock    *clock.Manual
	payments *fakePayments
	log      *bytes.Buffer
}

// newDoor opens the API over fakes; change may replace some of them.
func newDoor(t testing.TB, change ...func(*Options)) door {
	t.Helper()
	now := clock.NewManual(start)
	ids := id.NewSource(now, &counter{})
	payments := &fakePayments{ids: ids, clock: now, made: map[string]payment.Object{}, refunds: map[string]payment.RefundObject{}}
	log := &bytes.Buffer{}
	o := Options{
		Authenticate: fakeAuthenticate, Payments: payments, Reader: payments, Ledger: fakeBooks{}, Events: fakeEvents{}, Endpoints: fakeEndpoints{},
		EndpointRows: fakeEndpoints{}, ProviderAccounts: fakeAccounts{}, Keys: fakeKeys{}, Receiver: fakeReceiver{}, Idempotency: noKeys{},
		DB: payments, Sealer: plainSealer{}, Clock: now, IDs: ids,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	for _, c := range change {
		c(&o)
	}
	return door{New(o), now, payments, log}
}

// counter is randomness that a test can repeat.
type counter struct {
	mu sync.Mutex
	n  byte
}

func (c *counter) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range p {
		c.n = c.n*73 + 41
		p[i] = c.n
	}
	return len(p), nil
}

// call sends a request; headers are pairs of name and value, and may replace the defaults.
func (d door) call(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, path, nil)
	} else {
		r = httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer sk_test_dev")
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	return w
}

// refused reads an answer as a Problem and checks what every refusal promises.
func refused(t *testing.T, w *httptest.ResponseRecorder, status int, code string) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("status %d, body %q: %v", w.Code, w.Body, err)
	}
	if w.Code != status || p.Status != status || p.Code != code {
		t.Fatalf("answered %d %s, want %d %s: %s", w.Code, p.Code, status, code, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != problemType {
		t.Errorf("content type %q", got)
	}
	if p.RequestID == "" || p.RequestID != w.Header().Get("Request-Id") {
		t.Errorf("request id %q in the body, %q in the head", p.RequestID, w.Header().Get("Request-Id"))
	}
	if p.Type != problemBase+code || p.Title == "" {
		t.Errorf("type %q, title %q", p.Type, p.Title)
	}
	return p
}

func accepted(t *testing.T, w *httptest.ResponseRecorder, status int) map[string]any {
	t.Helper()
	if w.Code != status {
		t.Fatalf("answered %d, want %d: %s", w.Code, status, w.Body)
	}
	var object map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &object); err != nil {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	return object
}

// fakeAuthenticate knows three merchants' keys and one that lacks scopes.
func fakeAuthenticate(_ context.Context, r *http.Request) (access.Principal, error) {
	all, err := access.Set(access.AllScopes()...)
	if err != nil {
		return access.Principal{}, err
	}
	reading, err := access.Set(access.PaymentsRead)
	if err != nil {
		return access.Principal{}, err
	}
	known := map[string]access.Principal{
		"Bearer sk_test_dev":   {Tenant: tenant, Account: "acct_dev", KeyID: "key_dev", Kind: access.Secret, Scopes: all},
		"Bearer sk_live_dev":   {Tenant: "acct_dev:live", Account: "acct_dev", Live: true, KeyID: "key_live", Kind: access.Secret, Scopes: all},
		"Bearer sk_test_other": {Tenant: "acct_other:test", Account: "acct_other", KeyID: "key_other", Kind: access.Secret, Scopes: all},
		"Bearer rk_test_read":  {Tenant: tenant, Account: "acct_dev", KeyID: "key_read", Kind: access.Restricted, Scopes: reading},
		"Bearer pk_test_dev":   {Tenant: tenant, Account: "acct_dev", KeyID: "key_pub", Kind: access.Publishable},
	}
	p, ok := known[r.Header.Get("Authorization")]
	if !ok {
		return p, fault.New(fault.Unauthorized, access.CodeKeyInvalid, "the API key is not valid")
	}
	return p, nil
}

// fakePayments keeps payments in memory. It writes the Companion's rows through commit, as the real one does.
type fakePayments struct {
	ids   *id.Source
	clock clock.Clock

	mu      sync.Mutex
	made    map[string]payment.Object
	refunds map[string]payment.RefundObject
	asked   int   // how often a payment was asked for
	charged int   // how often the provider was called
	decline error // what the provider says
	result  error // what the second commit says
	commit  func(context.Context, *db.Change) error
	last    payment.Create
}

func (f *fakePayments) Commit(ctx context.Context, c *db.Change) error {
	if f.commit == nil || c.Len() == 0 {
		return nil
	}
	return f.commit(ctx, c)
}

func (f *fakePayments) Create(ctx context.Context, c payment.Create, with payment.Companion) (payment.Object, error) {
	f.mu.Lock()
	f.asked++
	f.last = c
	f.mu.Unlock()
	o := payment.Object{
		ID: f.ids.New(id.Payment), Object: "payment", Status: payment.Processing, Amount: c.Amount, Currency: c.Currency, Capture: c.Capture,
		Metadata: orMap(c.Metadata), CreatedAt: f.clock.Now(), Provider: "alpha",
		PaymentMethod: &payment.MethodObject{ID: c.Token, Type: "card", Card: payment.CardObject{Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030, Funding: "credit"}},
	}
	if !c.Confirm {
		o.Status, o.PaymentMethod, o.Provider = payment.RequiresPaymentMethod, nil, ""
		return o, f.finish(ctx, c.Merchant, o, nil, with)
	}
	return f.run(ctx, c.Merchant, o, with)
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
	if err := f.Commit(ctx, intent); err != nil {
		return payment.Object{}, fmt.Errorf("commit intent: %w", err)
	}
	f.mu.Lock()
	f.made[merchant+o.ID] = o
	f.charged++
	decline, result := f.decline, f.result
	f.mu.Unlock()
	if result != nil {
		return payment.Object{}, result
	}
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

func (f *fakePayments) finish(ctx context.Context, merchant string, o payment.Object, declined *payment.DeclinedError, with payment.Companion) error {
	var told error
	if declined != nil {
		told = declined
	}
	result := db.NewChange(merchant)
	if err := with.Result(result, o, told); err != nil {
		return err
	}
	if err := f.Commit(ctx, result); err != nil {
		return fmt.Errorf("commit result: %w", err)
	}
	f.mu.Lock()
	f.made[merchant+o.ID] = o
	f.mu.Unlock()
	return told
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

func (f *fakePayments) Confirm(ctx context.Context, merchant, id, _ string, with payment.Companion) (payment.Object, error) {
	o, err := f.find(merchant, id)
	if err != nil {
		return o, err
	}
	return f.run(ctx, merchant, o, with)
}

func (f *fakePayments) Capture(ctx context.Context, merchant, id string, _ int64, _ bool, with payment.Companion) (payment.Object, error) {
	return f.Confirm(ctx, merchant, id, "", with)
}

func (f *fakePayments) Cancel(ctx context.Context, merchant, id, reason string, with payment.Companion) (payment.Object, error) {
	o, err := f.find(merchant, id)
	if err != nil {
		return o, err
	}
	o.Status, o.CancellationReason = payment.Canceled, reason
	return o, f.finish(ctx, merchant, o, nil, with)
}

func (f *fakePayments) Refund(ctx context.Context, merchant, paymentID string, r payment.RefundRequest, with payment.Companion) (payment.RefundObject, error) {
	if _, err := f.find(merchant, paymentID); err != nil {
		return payment.RefundObject{}, err
	}
	o := payment.RefundObject{
		ID: f.ids.New(id.Refund), Object: "refund", Payment: paymentID, Amount: r.Amount, Currency: "EUR", Status: "pending",
		Reason: r.Reason, Metadata: orMap(r.Metadata), CreatedAt: f.clock.Now(),
	}
	intent := db.NewChange(merchant)
	with.Intent(intent, o.ID)
	if err := f.Commit(ctx, intent); err != nil {
		return o, err
	}
	o.Status = "succeeded"
	result := db.NewChange(merchant)
	if err := with.Result(result, o, nil); err != nil {
		return o, err
	}
	f.mu.Lock()
	f.refunds[merchant+o.ID] = o
	f.mu.Unlock()
	return o, f.Commit(ctx, result)
}

func (f *fakePayments) Get(_ context.Context, merchant, id string, _ []string) (payment.Object, error) {
	return f.find(merchant, id)
}

func (f *fakePayments) List(_ context.Context, merchant string, p payment.Page, _ string) ([]payment.Object, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
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

type fakeBooks struct{}

func eur(minor int64) money.Money {
	c, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	return money.Of(minor, c)
}

func (fakeBooks) Balances(context.Context, string) ([]ledger.Balance, error) {
	return []ledger.Balance{
		{Account: ledger.MerchantAvailable, Class: ledger.Liability, Amount: eur(-1000)},
		{Account: ledger.MerchantPending, Class: ledger.Liability, Amount: eur(9232)},
		{Account: ledger.PSPReceivable + "alpha", Class: ledger.Asset, Amount: eur(8232)},
	}, nil
}

func (fakeBooks) Transactions(context.Context, string, db.Page, string) ([]ledger.Transaction, bool, error) {
	return []ledger.Transaction{{
		Merchant: tenant, ID: "txn_" + someID, Kind: ledger.Sale, Subject: "pay_" + someID, Cause: "att_" + someID, At: start,
		Lines: []ledger.Line{{Account: ledger.MerchantPending, Amount: eur(-9232)}, {Account: ledger.PSPReceivable + "alpha", Amount: eur(9232)}},
	}}, true, nil
}

type fakeEvents struct{}

func someEvent() event.Event {
	body := `{"id":"evt_` + someID + `","object":"event","type":"payment.captured","api_version":"2026-11-22","created_at":"2026-11-22T12:00:00Z","livemode":false,"data":{"id":"pay_` + someID + `","note":"<&>"}}`
	return event.Event{Merchant: tenant, ID: "evt_" + someID, Type: event.PaymentCaptured, Body: []byte(body), CreatedAt: start}
}

func (fakeEvents) Event(_ context.Context, merchant, _ string) (event.Event, error) {
	if merchant != tenant {
		return event.Event{}, fault.Missing("event")
	}
	return someEvent(), nil
}

func (fakeEvents) Events(context.Context, string, db.Page, event.Type, string) ([]event.Event, bool, error) {
	return []event.Event{someEvent()}, false, nil
}

func someDelivery() event.Delivery {
	return event.Delivery{Merchant: tenant, ID: "wd_" + someID, Event: "evt_" + someID, Endpoint: "we_" + someID, State: event.DeliveryPending, Attempts: 1, LastAt: start, CreatedAt: start}
}

func (fakeEvents) Delivery(_ context.Context, merchant, _ string) (event.Delivery, error) {
	if merchant != tenant {
		return event.Delivery{}, fault.Missing("delivery")
	}
	return someDelivery(), nil
}

func (fakeEvents) Deliveries(context.Context, string, db.Page, string, string) ([]event.Delivery, bool, error) {
	return []event.Delivery{someDelivery()}, false, nil
}

type fakeEndpoints struct{ commit func(*db.Change) error }

func someEndpoint(merchant string) event.Endpoint {
	return event.Endpoint{Merchant: merchant, ID: "we_" + someID, URL: "https://shop.example/", Filters: []string{"*"}, Status: event.Enabled, CreatedAt: start, Version: 1}
}

func (f fakeEndpoints) Create(_ context.Context, merchant string, in webhook.EndpointInput, with webhook.With) (event.EndpointObject, error) {
	e := someEndpoint(merchant)
	e.URL, e.Filters, e.Description, e.Metadata = in.URL, in.Events, in.Description, in.Metadata
	o := e.Object()
	o.Secret = "whsec_c2VjcmV0"
	c := db.NewChange(merchant)
	if err := with(c, o); err != nil {
		return o, err
	}
	if f.commit != nil {
		return o, f.commit(c)
	}
	return o, nil
}

func (fakeEndpoints) Get(ctx context.Context, merchant, _ string) (event.EndpointObject, error) {
	e, err := fakeEndpoints{}.Endpoint(ctx, merchant, "")
	return e.Object(), err
}

func (fakeEndpoints) List(_ context.Context, merchant string) ([]event.EndpointObject, error) {
	return []event.EndpointObject{someEndpoint(merchant).Object()}, nil
}

func (f fakeEndpoints) Delete(ctx context.Context, merchant, endpoint string) error {
	_, err := f.Get(ctx, merchant, endpoint)
	return err
}

func (fakeEndpoints) Endpoint(_ context.Context, merchant, _ string) (event.Endpoint, error) {
	if merchant != tenant {
		return event.Endpoint{}, fault.Missing("webhook endpoint")
	}
	return someEndpoint(merchant), nil
}

var rowTable = &db.Table{Name: "endpoint_of_the_fake", Key: 1, Versioned: true, Columns: []db.Column{{Name: "merchant_id"}}}

func (fakeEndpoints) EndpointUpdate(e event.Endpoint) (db.Row, error) {
	return rowTable.Update(1, e.Merchant), nil
}

type fakeAccounts struct{}

func (fakeAccounts) List(context.Context, string) ([]provider.Account, error) {
	return []provider.Account{{Merchant: tenant, ID: "alpha", Provider: "simcard", Settings: map[string]string{"base_url": "http://127.0.0.1:8090/alpha"}}, {ID: "beta", Provider: "simcard"}}, nil
}

type fakeKeys struct{}

func someKey() access.Key {
	return access.Key{Tenant: tenant, ID: "key_" + someID, Kind: access.Restricted, Name: "checkout", Hint: "rk_test_…abcd", CreatedAt: start}
}

func (fakeKeys) Get(_ context.Context, merchant, _ string) (access.Key, error) {
	if merchant != tenant {
		return access.Key{}, fault.Missing("key")
	}
	return someKey(), nil
}

func (fakeKeys) List(context.Context, string, db.Page) ([]access.Key, bool, error) {
	return []access.Key{someKey()}, false, nil
}

func (k fakeKeys) Revoke(ctx context.Context, merchant, id string, by audit.By) (access.Key, error) {
	if by.Actor == "" || by.RequestID == "" {
		return access.Key{}, fmt.Errorf("nobody acts: %+v", by)
	}
	key, err := k.Get(ctx, merchant, id)
	key.RevokedAt = start
	return key, err
}

type fakeReceiver struct {
	heard func(account, provider string, body []byte) error
}

func (f fakeReceiver) Receive(_ context.Context, account, providerAccount string, _ http.Header, body []byte) error {
	if f.heard == nil {
		return nil
	}
	return f.heard(account, providerAccount, body)
}

type noKeys struct{}

func (noKeys) Find(context.Context, idempotency.Key) (idempotency.Record, bool, error) {
	return idempotency.Record{}, false, nil
}

// plainSealer marks what it sealed, so that a test can see it.
type plainSealer struct{}

func (plainSealer) Seal(plain, _ []byte) ([]byte, error) {
	sealed := bytes.Clone(plain)
	for i := range sealed {
		sealed[i] ^= 0x5a
	}
	return sealed, nil
}

func (s plainSealer) Open(sealed, associated []byte) ([]byte, error) {
	return s.Seal(sealed, associated)
}

func TestDoorAnswers(t *testing.T) {
	d := newDoor(t)
	w := d.call("POST", "/v1/payments", `{"amount":9232,"currency":"EUR","payment_method_token":"`+someToken+`","metadata":{"order_id":"ORD-1001"}}`)
	o := accepted(t, w, 201)
	if o["status"] != "captured" || o["metadata"].(map[string]any)["order_id"] != "ORD-1001" {
		t.Errorf("answered %s", w.Body)
	}
	got := accepted(t, d.call("GET", "/v1/payments/"+o["id"].(string), ""), 200)
	if got["id"] != o["id"] {
		t.Errorf("got %v", got)
	}
	if body, err := io.ReadAll(d.call("GET", "/v1/payments", "").Body); err != nil || !strings.HasPrefix(string(body), `{"object":"list","data":[{"id":"pay_`) {
		t.Errorf("list %s %v", body, err)
	}
}
