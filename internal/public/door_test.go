package public

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/risk"
)

const (
	shop    = "acct_shop"
	tenant  = "acct_shop:test"
	pay     = "pay_01jd9qk3v8m2x4r6t7w9y0a1b2"
	token   = "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2"
	session = "ds_01jd9qk3v8m2x4r6t7w9y0a1b2"
	ticket  = "0123456789abcdef"
	page    = "https://shop.example"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// secretAt is the client secret of a step.
func secretAt(step int) string { return fmt.Sprintf("%s_secret_%032d", pay, step) }

// core is a payment that is written by hand: it keeps to what payment.Service promises its payers, and no more.
type core struct {
	object    payment.Object
	step      int
	over      bool // a day after the end: no secret works
	confirmed []payment.Confirmation
	then      func(c payment.Confirmation) error // what a confirmation does
	challenge provider.Challenge
	ways      []payment.Way // none: a card alone
	cres      []string
	completed error
	commit    func(*db.Change) error // nil: what a companion adds is forgotten
}

func (c *core) ForPayer(_ context.Context, of, id, secret string) (payment.Object, error) {
	for step := 0; step <= c.step; step++ {
		if of == tenant && id == pay && secret == secretAt(step) && !c.over {
			return c.seen(step), nil
		}
	}
	return payment.Object{}, fault.Missing("payment")
}

func (c *core) seen(step int) payment.Object {
	o := c.object
	if open := o.Status == payment.RequiresPaymentMethod || o.Status == payment.RequiresAction; open && step == c.step {
		o.ClientSecret = secretAt(step)
	}
	return o
}

func (c *core) ConfirmByPayer(ctx context.Context, of, id, secret string, with payment.Confirmation, companion payment.Companion) (payment.Object, error) {
	o, err := c.ForPayer(ctx, of, id, secret)
	if err != nil || o.ClientSecret == "" {
		return o, err
	}
	if err := c.write(func(change *db.Change) error { companion.Intent(change, pay); return nil }); err != nil {
		return o, err
	}
	c.confirmed = append(c.confirmed, with)
	c.step++
	err = c.then(with)
	o = c.seen(c.step)
	if failed := c.write(func(change *db.Change) error { return companion.Result(change, o, err) }); failed != nil {
		return o, failed
	}
	return o, err
}

// write commits what a companion adds to a Change.
func (c *core) write(add func(*db.Change) error) error {
	change := db.NewChange(tenant)
	if err := add(change); err != nil || c.commit == nil {
		return err
	}
	return c.commit(change)
}

// forgetful knows no idempotency key.
type forgetful struct{}

func (forgetful) Find(context.Context, idempotency.Key) (idempotency.Record, bool, error) {
	return idempotency.Record{}, false, nil
}

func (c *core) Challenge(_ context.Context, of, id, with string) (provider.Challenge, payment.Object, error) {
	if of != tenant || id != pay || with != ticket {
		return provider.Challenge{}, payment.Object{}, fault.Missing("payment")
	}
	return c.challenge, c.object, nil
}

func (c *core) CompleteChallenge(_ context.Context, of, id, with, cres string) (payment.Object, error) {
	if of != tenant || id != pay || with != ticket {
		return payment.Object{}, fault.Missing("payment")
	}
	c.cres = append(c.cres, cres)
	return c.object, c.completed
}

func (c *core) Code(_ context.Context, of, id, with string) (string, error) {
	if of != tenant || id != pay || with != ticket || c.object.NextAction == nil || c.object.NextAction.QRCode == "" {
		return "", fault.Missing("code")
	}
	return c.object.NextAction.QRCode, nil
}

func (c *core) Ways(_ context.Context, of, id, secret string) ([]payment.Way, error) {
	if _, err := c.ForPayer(context.Background(), of, id, secret); err != nil {
		return nil, err
	}
	return c.ways, nil
}

func (c *core) Banks(_ context.Context, of string, m provider.Method, currency string) ([]provider.Bank, error) {
	if of != tenant || m != provider.MethodIDEAL || currency != "EUR" {
		return nil, fault.New(fault.Unavailable, fault.CodeProviderUnavailable, "the provider does not list its banks now")
	}
	return []provider.Bank{{ID: "ideal_canal", Name: "Canal Bank", Available: true}, {ID: "ideal_polder", Name: "Polder Bank"}}, nil
}

// decline is what the core says when the payer's bank refuses: another try is left.
func (c *core) decline(code provider.DeclineCode) func(payment.Confirmation) error {
	return func(payment.Confirmation) error {
		d := provider.Decline{Code: code, NetworkDecline: "43", Message: "the provider's own words"}
		c.object.Failure = &payment.FailureObject{Code: fault.CodeCardDeclined, DeclineCode: code, NetworkDeclineCode: "43", Message: provider.Explain(code).Text}
		return &payment.DeclinedError{Payment: c.seen(c.step), Code: fault.CodeCardDeclined, Decline: d, Meaning: d.Meaning("")}
	}
}

// challenged is what the core says when the payer's bank wants to see them.
func (c *core) challenged(payment.Confirmation) error {
	c.object.Status = payment.RequiresAction
	c.object.NextAction = &payment.NextAction{Type: "redirect", URL: "https://pay.example" + leavePath + "/" + ticket, ExpiresAt: noon.Add(10 * time.Minute)}
	c.challenge = provider.Challenge{ACSURL: "https://acs.bank.example/challenge", CReq: "Y3JlcQ"}
	return nil
}

func (c *core) capture(payment.Confirmation) error {
	c.object.Status, c.object.AmountCaptured = payment.Captured, c.object.Amount
	c.object.PaymentMethod = &payment.MethodObject{ID: token, Type: "card", Card: &payment.CardObject{Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030}}
	return nil
}

// door is the public zone over a core.
type door struct {
	t *testing.T
	*Public
	core     *core
	merchant *merchant.Merchant
	hands    *clock.Manual
	key      access.Principal
	signals  []json.RawMessage
	facts    []risk.RequestFacts
}

func (d *door) Of(_ context.Context, of string) (merchant.Merchant, error) {
	if account, _, _ := id.SplitTenant(of); account != shop {
		return merchant.Merchant{}, fault.Missing("merchant")
	}
	return *d.merchant, nil
}

func (d *door) Open(_ context.Context, _ string, signals json.RawMessage, facts risk.RequestFacts) (string, error) {
	if !strings.Contains(string(signals), "fingerprint") {
		return "", fault.Wrong("fingerprint", fault.CodeInvalid, "is required")
	}
	d.signals, d.facts = append(d.signals, signals), append(d.facts, facts)
	return session, nil
}

func (d *door) authenticate(_ context.Context, r *http.Request) (access.Principal, error) {
	switch r.Header.Get("Authorization") {
	case "Bearer pk_test_shop":
		return d.key, nil
	case "Bearer sk_test_shop":
		secret := d.key
		secret.Kind = access.Secret
		return secret, nil
	}
	return access.Principal{}, fault.New(fault.Unauthorized, access.CodeKeyInvalid, "the API key is not valid")
}

func newDoor(t *testing.T, change ...func(*Options)) *door {
	t.Helper()
	d := &door{
		t: t, hands: clock.NewManual(noon),
		merchant: &merchant.Merchant{ID: shop, Name: "Blue Bottle", Origins: []string{page}},
		key:      access.Principal{Tenant: tenant, Account: shop, KeyID: "key_1", Kind: access.Publishable},
		core: &core{object: payment.Object{
			ID: pay, Object: "payment", Status: payment.RequiresPaymentMethod, Amount: 9232, Currency: "EUR", Capture: true, CreatedAt: noon,
			Description: "Two bags of coffee", StatementDescriptor: "BLUE BOTTLE", Metadata: map[string]string{"margin": "high"}, Provider: "alpha",
			ProviderReference: "prov_1", NetworkReference: "net_1",
		}},
	}
	d.core.then = d.core.capture
	o := Options{
		Payments: d.core, Ways: d.core, Merchants: d, Devices: d, Idempotency: forgetful{}, Authenticate: d.authenticate,
		HostedKey: func(_ context.Context, of string) (string, error) {
			if of != tenant {
				t.Errorf("key of %s", of)
			}
			return "pk_test_hosted", nil
		},
		URL: "https://pay.example", VaultURL: "https://vault.example", Clock: d.hands, IDs: id.NewSource(d.hands, rand.Reader), Random: rand.Reader,
	}
	for _, c := range change {
		c(&o)
	}
	var err error
	if d.Public, err = New(o); err != nil {
		t.Fatal(err)
	}
	return d
}

// send sends a request; headers are pairs of name and value, and an empty value takes a default away.
func (d *door) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr, r.Host = "192.0.2.7:4711", "pay.example"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if !strings.HasPrefix(w.Header().Get("Request-Id"), "req_") {
		d.t.Errorf("%s %s is answered without a Request-Id", method, target)
	}
	return w
}

// call is a call of florin.js from the shop's page; headers replace the defaults, and an empty value takes one away.
func (d *door) call(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	with := map[string]string{"Authorization": "Bearer pk_test_shop", "Origin": page, headerSecret: secretAt(0), "Content-Type": "application/json", "User-Agent": "Test/1"}
	for i := 0; i < len(headers); i += 2 {
		with[headers[i]] = headers[i+1]
	}
	var list []string
	for name, value := range with {
		if value != "" {
			list = append(list, name, value)
		}
	}
	return d.send(method, path, body, list...)
}

// refused reads a refusal.
func refused(t *testing.T, w *httptest.ResponseRecorder, status int, code string) declined {
	t.Helper()
	p := declined{Problem: &problem.Problem{}}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.Status != status || p.Code != code || w.Header().Get("Content-Type") != problem.ContentType {
		t.Fatalf("%d %s %s (%v), want %d %s", w.Code, w.Header().Get("Content-Type"), w.Body, err, status, code)
	}
	if p.RequestID != w.Header().Get("Request-Id") || p.Title == "" {
		t.Errorf("a refusal without its request or title: %s", w.Body)
	}
	return p
}

func given[T any](t *testing.T, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != status {
		t.Fatalf("%d %s (%v), want %d", w.Code, w.Body, err, status)
	}
	return v
}

// cookies are those that an answer sets.
func cookies(w *httptest.ResponseRecorder, name string) []*http.Cookie {
	return slices.DeleteFunc(w.Result().Cookies(), func(c *http.Cookie) bool { return c.Name != name })
}

// mustSum is what there is to pay.
func mustSum(t *testing.T, d *door) money.Money {
	t.Helper()
	currency, err := money.ParseCurrency(d.core.object.Currency)
	if err != nil {
		t.Fatal(err)
	}
	return money.Of(d.core.object.Amount, currency)
}
