package providertest

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
)

// startSteps prepares, without making them, a start and a refund of a payment that is paid.
func (b *bench) startSteps(t *testing.T, s Subject, r provider.Start) []step {
	t.Helper()
	paid := b.startOf(t, r.Method, r.Amount.Currency().Code(), r.Amount.Minor())
	out := b.waiting(t, paid)
	s.Bankside.Pay(t, b.account.Settings["base_url"], b.account, paid, out)
	refund := provider.Refund{Reference: b.ids.New(id.Refund), Original: out.Reference, Attempt: paid.Reference, Amount: paid.Amount, Reason: "requested_by_customer"}
	starter, refunder := as[provider.Starter](t, b), as[provider.Refunder](t, b)
	return []step{
		{"start", provider.OpAuthorize, r.Reference, provider.Authorization{Reference: r.Reference}, "", r.Amount, provider.ActionRequired,
			func(ctx context.Context) provider.Outcome { return starter.Start(ctx, b.account, r) }},
		{"refund", provider.OpRefund, refund.Reference, provider.Authorization{Reference: paid.Reference}, out.Reference, refund.Amount, "",
			func(ctx context.Context) provider.Outcome { return refunder.Refund(ctx, b.account, refund) }},
	}
}

func testStartReplay(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		for _, step := range b.startSteps(t, s, r) {
			before := len(b.requests.all())
			first, second := step.call(t.Context()), step.call(t.Context())
			wantClass(t, first, provider.Approved)
			if first != second {
				t.Errorf("%s: first %+v, then %+v", step.name, first, second)
			}
			sent := b.requests.all()[before:]
			if len(sent) != 2 || sent[0].URL != sent[1].URL || !bytes.Equal(sent[0].body, sent[1].body) || !maps.EqualFunc(sent[0].Header, sent[1].Header, equalSecret) {
				t.Errorf("%s: the request differs when it is made again", step.name)
			}
		}
	})
}

func testStartFailedInquiry(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		b.waiting(t, r)
		for name, spoil := range map[string]Spoil{
			"500": Answer(500, `{"error":"oops"}`), "garbage": Answer(200, "<html>"), "half": Half, "401": Answer(401, `{}`), "404 page": Answer(404, "404 page not found"),
			"down": Answer(503, `{"error":"not_accepted"}`), "unauthorized": Answer(401, `{"error":"unauthorized"}`),
		} {
			b.faults.Spoil(spoil)
			for _, op := range []provider.Operation{provider.OpAuthorize, provider.OpRefund, provider.OpCapture} {
				if f := b.asked(t, op, r.Reference, "", r.Reference); f.Found || f.Outcome.Class != provider.Unknown {
					t.Errorf("%s, %s: found %+v", name, op, f)
				}
			}
		}
	})
}

func testStartFaults(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		for name, spoil := range map[string]func(step) Spoil{
			"500": func(step) Spoil { return Answer(500, `{"error":"internal"}`) }, "502 page": func(step) Spoil { return Answer(502, "<html>Bad Gateway</html>") },
			"500 with a good body": func(step) Spoil { return Status(500) }, "garbage": func(step) Spoil { return Answer(200, "<html>welcome</html>") },
			"empty": func(step) Spoil { return Answer(200, "") }, "null": func(step) Spoil { return Answer(200, "null") }, "empty object": func(step) Spoil { return Answer(200, "{}") },
			"half a body": func(step) Spoil { return Half }, "connection cut": func(step) Spoil { return Cut }, "3xx": func(step) Spoil { return Answer(302, "{}") },
			"other reference": func(p step) Spoil { return Replace(p.reference, "att_other") },
			"no currency":     func(p step) Spoil { return Replace(`"currency":"`+p.amount.Currency().Code()+`"`, `"currency":""`) },
			"other currency":  func(p step) Spoil { return Replace(`"currency":"`+p.amount.Currency().Code()+`"`, `"currency":"JPY"`) },
			"larger amount":   func(step) Spoil { return Replace(`"amount":9232`, `"amount":92320`) },
			"amount as text":  func(step) Spoil { return Replace(`"amount":9232`, `"amount":"9232"`) },
			"fraction":        func(step) Spoil { return Replace(`"amount":9232`, `"amount":92.32`) },
			"amount missing":  func(step) Spoil { return Replace(`"amount":9232`, `"no_amount":9232`) },
			"no status":       func(step) Spoil { return Replace(`"status":"`, `"no_status":"`) },
		} {
			for _, step := range b.startSteps(t, s, b.startOf(t, r.Method, r.Amount.Currency().Code(), 9232)) {
				b.faults.Spoil(spoil(step))
				if out := step.call(t.Context()); out.Class != provider.Unknown {
					t.Errorf("%s, %s: %+v", name, step.name, out)
				}
				b.faults.Spoil(nil)
				if f := b.asked(t, step.operation, step.reference, "", step.of.Reference); !f.Found || f.Outcome.Class != provider.Approved {
					t.Errorf("%s: the provider did it, but an inquiry about the %s finds %+v", name, step.name, f)
				}
			}
		}
		steps := b.startSteps(t, s, b.startOf(t, r.Method, r.Amount.Currency().Code(), 9232))
		for _, step := range steps {
			ctx, cancel := context.WithCancel(t.Context())
			b.faults.Spoil(func(w http.ResponseWriter, r *http.Request, status int, body []byte) {
				cancel()
				Silence(w, r, status, body)
			})
			wantClass(t, step.call(ctx), provider.Unknown)
		}
	})
}

func testStartNotSent(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		steps := b.startSteps(t, s, r)
		b.faults.Spoil(Answer(503, `{"error":"not_accepted"}`))
		for _, step := range steps {
			wantClass(t, step.call(t.Context()), provider.NotSent)
		}
		b.faults.Refuse()
		for _, step := range steps {
			wantClass(t, step.call(t.Context()), provider.NotSent)
		}
		if f := b.asked(t, provider.OpAuthorize, r.Reference, "", r.Reference); f.Found || f.Outcome.Class != provider.Unknown {
			t.Errorf("an inquiry that was not sent finds %+v", f)
		}
	})
}

// A request names its tenant and account, goes where the account says, waits as long as promised, and shows no credential.
func testStartRequests(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		for _, step := range b.startSteps(t, s, r) {
			step.call(t.Context())
			b.asked(t, step.operation, step.reference, "", step.of.Reference)
		}
		capabilities := provider.CapabilitiesOf(b.connector, b.account)
		if len(b.requests.all()) < 4 {
			t.Errorf("%d requests were sent", len(b.requests.all()))
		}
		for i, sent := range b.requests.all() {
			if sent.Merchant != b.account.Merchant || sent.Account != b.account.ID || sent.Timeout != capabilities.Timeout || sent.Card != "" ||
				!strings.HasPrefix(sent.URL, b.account.Settings["base_url"]+"/") || !reflect.DeepEqual(sent.References, capabilities.References) {
				t.Errorf("request %d is %+v", i, sent.Request)
			}
			for name, value := range b.account.Credentials {
				if strings.Contains(sent.URL, value.Reveal()) || bytes.Contains(sent.body, []byte(value.Reveal())) {
					t.Errorf("request %d shows %s outside its headers", i, name)
				}
			}
		}
	})
}
