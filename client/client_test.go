package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// seen is one request as a server got it.
type seen struct {
	method, path, query, key, body string
	header                         http.Header
}

// answers is a server that gives its answers one after the other, the last one for ever.
type answers struct {
	mu       sync.Mutex
	requests []seen
	give     []http.HandlerFunc
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.requests = append(a.requests, seen{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Idempotency-Key"), string(body), r.Header.Clone()})
	give := a.give[min(len(a.requests), len(a.give))-1]
	a.mu.Unlock()
	give(w, r)
}

// sent is what came in so far.
func (a *answers) sent() []seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}

func object(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Request-Id", "req_1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func refusal(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// hangUp closes the connection without an answer.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

const captured = `{"id":"pay_1","object":"payment","status":"captured","amount":9232,"currency":"EUR","amount_captured":9232}`

// serve starts a server and a client of it that does not really wait: the waits are recorded.
func serve(t *testing.T, give []http.HandlerFunc, options ...Option) (*Client, *answers, *[]time.Duration) {
	t.Helper()
	a := &answers{give: give}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	var waits []time.Duration
	options = append([]Option{WithBaseURL(server.URL), WithVaultURL(server.URL), func(c *core) error {
		c.jitter = func(d time.Duration) time.Duration { return d }
		c.wait = func(ctx context.Context, d time.Duration) error {
			waits = append(waits, d)
			return ctx.Err()
		}
		return nil
	}}, options...)
	c, err := New("sk_test_topsecret", options...)
	if err != nil {
		t.Fatal(err)
	}
	return c, a, &waits
}

var order = CreatePayment{Amount: 9232, Currency: "EUR", PaymentMethodToken: "pm_tok_1", Metadata: map[string]string{"order_id": "ORD-1001"}}

func TestCreateSendsWhatTheContractSays(t *testing.T) {
	c, a, _ := serve(t, []http.HandlerFunc{object(201, captured)}, WithVersion("2026-11-22"))
	p, err := c.Payments.Create(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != "pay_1" || p.Status != PaymentCaptured || p.AmountCaptured != 9232 {
		t.Errorf("payment %+v", p)
	}
	r := a.sent()[0]
	want := `{"amount":9232,"currency":"EUR","payment_method_token":"pm_tok_1","metadata":{"order_id":"ORD-1001"}}`
	if r.method != "POST" || r.path != "/v1/payments" || r.body != want {
		t.Errorf("%s %s %s", r.method, r.path, r.body)
	}
	for name, value := range map[string]string{
		"Authorization": "Bearer sk_test_topsecret", "Content-Type": "application/json", "Florin-Version": "2026-11-22",
	} {
		if got := r.header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if len(r.key) < 20 {
		t.Errorf("idempotency key %q", r.key)
	}
}

// first is the first of a list, or its error.
func first[T any](list iter.Seq2[*T, error]) (*T, error) {
	for one, err := range list {
		return one, err
	}
	return nil, nil
}

func TestEveryCallGoesWhereItBelongs(t *testing.T) {
	ctx := t.Context()
	cases := []struct {
		call          func(c *Client) error
		request, sent string
	}{
		{func(c *Client) error {
			_, err := c.Payments.Get(ctx, "pay_1", WithExpand("attempts", "refunds"))
			return err
		},
			"GET /v1/payments/pay_1?expand=attempts%2Crefunds", ""},
		{func(c *Client) error { _, err := c.Payments.Get(ctx, "../balance?x"); return err },
			"GET /v1/payments/../balance?x?", ""},
		{func(c *Client) error {
			_, err := c.Payments.Create(ctx, CreatePayment{Amount: 1, Currency: "JPY", Capture: new(false)})
			return err
		},
			"POST /v1/payments?", `{"amount":1,"currency":"JPY","capture":false}`},
		{func(c *Client) error {
			_, err := c.Payments.Confirm(ctx, "pay_1", ConfirmPayment{PaymentMethodToken: "pm_tok_1"})
			return err
		},
			"POST /v1/payments/pay_1/confirm?", `{"payment_method_token":"pm_tok_1"}`},
		{func(c *Client) error {
			_, err := c.Payments.Capture(ctx, "pay_1", CapturePayment{Amount: 5000, Final: true})
			return err
		},
			"POST /v1/payments/pay_1/capture?", `{"amount":5000,"final":true}`},
		{func(c *Client) error { _, err := c.Payments.Cancel(ctx, "pay_1", CancelPayment{}); return err },
			"POST /v1/payments/pay_1/cancel?", `{}`},
		{func(c *Client) error {
			_, err := c.Payments.Refund(ctx, "pay_1", RefundPayment{Amount: 1000, Reason: "late"})
			return err
		},
			"POST /v1/payments/pay_1/refund?", `{"amount":1000,"reason":"late"}`},
		{func(c *Client) error {
			_, err := first(c.Payments.List(ctx, ListPayments{Page: Page{Limit: 7, CreatedFrom: time.Unix(0, 0)}, Status: PaymentFailed}))
			return err
		}, "GET /v1/payments?created_at%5Bgte%5D=1970-01-01T00%3A00%3A00Z&limit=7&status=failed", ""},
		{func(c *Client) error { _, err := c.Refunds.Get(ctx, "ref_1"); return err }, "GET /v1/refunds/ref_1?", ""},
		{func(c *Client) error { _, err := c.Events.Get(ctx, "evt_1"); return err }, "GET /v1/events/evt_1?", ""},
		{func(c *Client) error { _, err := c.Balance.Get(ctx); return err }, "GET /v1/balance?", ""},
		{func(c *Client) error {
			_, err := c.WebhookEndpoints.Update(ctx, "we_1", UpdateWebhookEndpoint{Status: new("disabled")})
			return err
		}, "PATCH /v1/webhook_endpoints/we_1?", `{"status":"disabled"}`},
		{func(c *Client) error { _, err := first(c.WebhookEndpoints.List(ctx)); return err }, "GET /v1/webhook_endpoints?", ""},
		{func(c *Client) error { _, err := first(c.Ledger.Accounts(ctx)); return err }, "GET /v1/ledger/accounts?", ""},
		{func(c *Client) error {
			_, err := first(c.Ledger.Transactions(ctx, ListLedgerTransactions{Subject: "pay_1"}))
			return err
		}, "GET /v1/ledger/transactions?subject=pay_1", ""},
		{func(c *Client) error { _, err := first(c.Refunds.List(ctx, ListRefunds{Payment: "pay_1"})); return err }, "GET /v1/refunds?payment=pay_1", ""},
		{func(c *Client) error {
			_, err := first(c.Events.List(ctx, ListEvents{Type: "payment.captured", Subject: "pay_1"}))
			return err
		}, "GET /v1/events?subject=pay_1&type=payment.captured", ""},
		{func(c *Client) error {
			_, err := c.WebhookEndpoints.Create(ctx, CreateWebhookEndpoint{URL: "https://shop.example/in", Events: []string{"*"}})
			return err
		},
			"POST /v1/webhook_endpoints?", `{"url":"https://shop.example/in","events":["*"]}`},
		{func(c *Client) error {
			_, err := c.Tokens.Create(ctx, CreateToken{Card: CardDetails{Number: "4242424242424242", ExpMonth: 12, ExpYear: 2030}})
			return err
		},
			"POST /v1/tokens?", `{"card":{"number":"4242424242424242","exp_month":12,"exp_year":2030}}`},
	}
	for _, k := range cases {
		t.Run(k.request, func(t *testing.T) {
			c, a, _ := serve(t, []http.HandlerFunc{object(200, `{}`)})
			if err := k.call(c); err != nil {
				t.Fatal(err)
			}
			if got := a.sent()[0].method + " " + a.sent()[0].path + "?" + a.sent()[0].query; got != k.request {
				t.Errorf("went to %s", got)
			}
			if a.sent()[0].body != k.sent {
				t.Errorf("sent %s, want %s", a.sent()[0].body, k.sent)
			}
			if (a.sent()[0].key != "") != (k.sent != "") {
				t.Errorf("idempotency key %q on %s", a.sent()[0].key, a.sent()[0].method)
			}
		})
	}
}

func TestEmptyIDIsRefusedBeforeItBecomesAList(t *testing.T) {
	c, a, _ := serve(t, []http.HandlerFunc{object(200, `{}`)})
	if _, err := c.Payments.Get(t.Context(), ""); err == nil {
		t.Error("Get of an empty id went through")
	}
	if len(a.sent()) != 0 {
		t.Errorf("sent %+v", a.sent())
	}
}

func TestNoAmountIsNotAll(t *testing.T) {
	c, a, _ := serve(t, []http.HandlerFunc{object(200, `{}`)})
	for _, refund := range []RefundPayment{{}, {Amount: 5, All: true}} {
		if _, err := c.Payments.Refund(t.Context(), "pay_1", refund); err == nil {
			t.Errorf("refund of %+v went through", refund)
		}
	}
	for _, capture := range []CapturePayment{{}, {Final: true}, {Amount: 5, All: true}} {
		if _, err := c.Payments.Capture(t.Context(), "pay_1", capture); err == nil {
			t.Errorf("capture of %+v went through", capture)
		}
	}
	if len(a.sent()) != 0 {
		t.Errorf("sent %+v", a.sent())
	}
	if _, err := c.Payments.Refund(t.Context(), "pay_1", RefundPayment{All: true}); err != nil || a.sent()[0].body != `{}` {
		t.Errorf("all: %v, sent %+v", err, a.sent())
	}
}

func TestUnknownFieldsAndValuesAreKeptOrIgnored(t *testing.T) {
	c, _, _ := serve(t, []http.HandlerFunc{object(200, `{"id":"pay_1","status":"on_the_moon","amount":1,"new":{"deep":[1]},"payment_method":{"type":"wallet","wallet":{}}}`)})
	p, err := c.Payments.Get(t.Context(), "pay_1")
	if err != nil {
		t.Fatal(err)
	}
	if p.Status != "on_the_moon" || p.PaymentMethod.Type != "wallet" || p.PaymentMethod.Card != nil {
		t.Errorf("payment %+v", p)
	}
}

func TestDeclineIsTyped(t *testing.T) {
	c, a, _ := serve(t, []http.HandlerFunc{refusal(402, `{"type":"https://docs.florin.example/errors/card_declined","title":"The card was declined",
		"status":402,"code":"card_declined","decline_code":"insufficient_funds","detail":"The card has too little money.","param":"payment_method_token",
		"retryable":true,"retry":"later","retry_after":86400,"network_decline_code":"51","network_advice_code":"02","payment":"pay_1","request_id":"req_9","new":1}`)})
	_, err := c.Payments.Create(t.Context(), order)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v", err)
	}
	if e.Status != 402 || e.Code != CodeCardDeclined || e.DeclineCode != DeclineInsufficientFunds || e.Param != "payment_method_token" ||
		!e.Retryable || e.Retry != RetryLater || e.RetryAfter != 24*time.Hour || e.NetworkDeclineCode != "51" || e.NetworkAdviceCode != "02" ||
		e.Payment != "pay_1" || e.RequestID != "req_9" || e.IdempotencyKey != a.sent()[0].key {
		t.Errorf("error %+v", e)
	}
	if got, want := e.Error(), "florin: 402 card_declined insufficient_funds: The card has too little money. (req_9)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAllWrongFieldsAreListed(t *testing.T) {
	c, _, _ := serve(t, []http.HandlerFunc{refusal(400, `{"code":"parameter_invalid","errors":[
		{"param":"amount","code":"amount_too_small","detail":"is under 1"},{"param":"currency","code":"currency_not_supported","detail":"is no currency"}]}`)})
	_, err := c.Payments.Create(t.Context(), order)
	var e *Error
	if !errors.As(err, &e) || len(e.Errors) != 2 || e.Errors[1].Param != "currency" {
		t.Fatalf("error %+v", err)
	}
	if got, want := err.Error(), "florin: 400 parameter_invalid: amount: is under 1; currency: is no currency"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestForeignErrorPagesAreNotQuoted(t *testing.T) {
	c, _, _ := serve(t, []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(502)
		_, _ = io.WriteString(w, `{"detail":"your card 4242"}`)
	}}, WithRetries(0))
	_, err := c.Payments.Get(t.Context(), "pay_1")
	if err == nil || err.Error() != "florin: 502: Bad Gateway" {
		t.Errorf("error %v", err)
	}
}

// TestNothingSecretIsEverPrinted runs good and bad calls with a logger at its loudest.
func TestNothingSecretIsEverPrinted(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, _, _ := serve(t, []http.HandlerFunc{hangUp, refusal(503, `{"code":"overloaded"}`), object(201, `{"id":"pm_tok_1","card":{"last4":"4242","bin":"oddbin"}}`)}, WithLogger(log))
	const cvc = "q7#w" // three digits turn up in the nanoseconds of a log line
	card := CardDetails{Number: "4242424242424242", ExpMonth: 12, ExpYear: 2030, CVC: cvc, Name: "Ada Hidden"}
	if _, err := c.Tokens.Create(t.Context(), CreateToken{Card: card}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"path":"/v1/tokens"`) || !strings.Contains(out.String(), `"request_id":"req_1"`) {
		t.Errorf("the log is silent:\n%s", out.String())
	}
	log.Info("card", "card", card, "create", CreateToken{Card: card}, "client", fmt.Sprintf("%+v %#v", c, c.Payments.core))
	fmt.Fprintf(&out, "%v %+v %#v %s %x %d", card, CreateToken{Card: card}, &CreateToken{Card: card}, card, card, card)
	endpoint := WebhookEndpoint{ID: "we_1", Secret: "whsec_hidden"}
	fmt.Fprintf(&out, "%v %+v %#v %s", endpoint, &endpoint, []WebhookEndpoint{endpoint}, endpoint)
	log.Info("made", "endpoint", endpoint, "pointer", &endpoint)
	for _, secret := range []string{"4242424242424242", cvc, "Hidden", "topsecret", "oddbin", "whsec_hidden"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q was printed:\n%s", secret, out.String())
		}
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	for name, make := range map[string]func() (*Client, error){
		"no key":          func() (*Client, error) { return New("") },
		"key with a line": func() (*Client, error) { return New("sk_test\r\nX: y") },
		"no scheme":       func() (*Client, error) { return New("sk", WithBaseURL("pay.example.com")) },
		"password in URL": func() (*Client, error) { return New("sk", WithBaseURL("https://me:hidden@pay.example.com")) },
		"bad URL":         func() (*Client, error) { return New("sk", WithBaseURL("https://hidden%zz")) },
		"query":           func() (*Client, error) { return New("sk", WithBaseURL("https://pay.example.com?x=1")) },
		"version":         func() (*Client, error) { return New("sk", WithVersion("latest")) },
		"timeout":         func() (*Client, error) { return New("sk", WithTimeout(0)) },
		"retries":         func() (*Client, error) { return New("sk", WithRetries(-1)) },
		"http client":     func() (*Client, error) { return New("sk", WithHTTPClient(nil)) },
		"logger":          func() (*Client, error) { return New("sk", WithLogger(nil)) },
	} {
		if _, err := make(); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := New("sk", WithBaseURL("https://pay.example.com/florin/"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Payments.core.base.String(); got != "https://pay.example.com/florin" {
		t.Errorf("base %s", got)
	}
	if _, err := c.Tokens.Create(t.Context(), CreateToken{}); err == nil || !strings.Contains(err.Error(), "WithVaultURL") {
		t.Errorf("tokens without a vault: %v", err)
	}
	c, err = New("sk_test_dev")
	if err != nil || c.Payments.core.base.String() != devBaseURL || c.Tokens.core.vault.String() != devVaultURL {
		t.Errorf("default %+v, %v", c, err)
	}
}

func TestURLIsNotInErrors(t *testing.T) {
	inner := errors.New("refused")
	if got := cause(&url.Error{Op: "Get", URL: "https://x/?secret=1", Err: inner}); got != inner {
		t.Errorf("cause %v", got)
	}
}

func TestAFileOfTheEvidenceComesAsItIs(t *testing.T) {
	c, a, _ := serve(t, []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(w, "\x89PNG")
	}, refusal(404, `{"type":"about:blank","title":"Not found","status":404,"code":"not_found"}`)})
	file, kind, err := c.Disputes.File(t.Context(), "dp_1", "receipt 1.png")
	if err != nil || string(file) != "\x89PNG" || kind != "image/png" {
		t.Errorf("%q of type %s, %v", file, kind, err)
	}
	if got := a.sent()[0].path; got != "/v1/disputes/dp_1/evidence/receipt 1.png" {
		t.Errorf("it was asked for at %s", got)
	}
	if file, _, err := c.Disputes.File(t.Context(), "dp_1", "gone"); err == nil || len(file) > 0 {
		t.Errorf("%q, %v, want a refusal", file, err)
	}
}
