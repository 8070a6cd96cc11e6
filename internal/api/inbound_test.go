package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/inbound"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/secret"
)

// inbox is a receiver that notes what it is asked.
type inbox struct {
	fakeReceiver
	messages []inbound.Message
	err      error
	kept     inbound.Webhook
	page     db.Page
	filter   inbound.Filter
}

func (i *inbox) Receive(_ context.Context, m inbound.Message) error {
	i.messages = append(i.messages, m)
	return i.err
}

func (i *inbox) Get(context.Context, string, string) (inbound.Webhook, error) { return i.kept, nil }

func (i *inbox) List(_ context.Context, _ string, p db.Page, f inbound.Filter) ([]inbound.Webhook, bool, error) {
	i.page, i.filter = p, f
	return []inbound.Webhook{i.kept}, true, nil
}

func TestTheReceiverKnowsWhoSends(t *testing.T) {
	in := &inbox{}
	d := newDoor(t, func(o *Options) {
		o.Receiver = in
		o.Address = func(r *http.Request) netip.Addr { return netip.MustParseAddr(r.Header.Get("X-Forwarded-For")) }
	})
	accepted(t, d.call("POST", "/in/acct_dev/alpha", "{}", "X-Forwarded-For", "192.0.2.7"), 200)
	if m := in.messages[0]; m.From.String() != "192.0.2.7" || m.Merchant != "acct_dev" || m.Account != "alpha" {
		t.Errorf("heard %+v", m)
	}
	d = newDoor(t, func(o *Options) { o.Receiver = in })
	r := httptest.NewRequest("POST", "/in/acct_dev/alpha", strings.NewReader("{}"))
	d.Handler().ServeHTTP(httptest.NewRecorder(), r)
	if m := in.messages[1]; m.From != limit.Connection(r) || !m.From.IsValid() {
		t.Errorf("without proxies it comes from %s", m.From)
	}
}

func TestAWrongSignatureIsNoWrongKey(t *testing.T) {
	forged := provider.VerifyStamped(secret.New("whsec"), "t=1,v1=00", nil, time.Unix(1, 0))
	for _, err := range []error{forged, provider.ErrWebhookTime} {
		w := newDoor(t, func(o *Options) { o.Receiver = &inbox{err: err} }).call("POST", "/in/acct_dev/alpha", "{}")
		refused(t, w, 401, provider.CodeSignature)
		if !strings.Contains(w.Body.String(), `"title":"The webhook's signature is not valid"`) {
			t.Errorf("answered %s", w.Body)
		}
	}
}

// A message that is refused before its body is wanted is answered without waiting for it.
func TestProvidersAreToldWhenToComeAgain(t *testing.T) {
	for status, err := range map[int]*fault.Error{
		429: {Kind: fault.RateLimited, Code: limit.Code, Detail: "slow down", RetryAfter: 3 * time.Second},
		503: {Kind: fault.Unavailable, Code: fault.CodeOverloaded, Detail: "full", RetryAfter: 3 * time.Second},
	} {
		d := newDoor(t, func(o *Options) { o.Receiver = &inbox{err: err} })
		w := d.call("POST", "/in/acct_dev/alpha", "{}")
		refused(t, w, status, err.Code)
		if got := w.Header().Get("Retry-After"); got != "3" {
			t.Errorf("%d: Retry-After %q", status, got)
		}
	}
}

func TestTheBodyOfAnInboundWebhookIsShownAsItCame(t *testing.T) {
	for name, c := range map[string]struct{ body, shown, encoding string }{
		"text":    {"{\"a\": 1}\n<&>é", "{\"a\": 1}\n<&>é", "utf-8"},
		"bytes":   {"\xff\x00\xfe", "/wD+", "base64"},
		"nothing": {"", "", "utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &inbox{kept: someInbound()}
			in.kept.Body, in.kept.Subject, in.kept.DueAt = []byte(c.body), "ref_"+someID, start
			d := newDoor(t, func(o *Options) { o.Receiver = in })
			got := accepted(t, d.call("GET", "/v1/inbound_webhooks/iw_"+someID, ""), 200)
			if got["body"] != c.shown || got["body_encoding"] != c.encoding || got["subject"] != "ref_"+someID || got["livemode"] != false {
				t.Errorf("shown %v", got)
			}
			if got["next_try_at"] != start.Format(time.RFC3339) || got["applied_at"] != nil || got["event_id"] != "wh_1" || got["duplicates"] != 2.0 {
				t.Errorf("shown %v", got)
			}
		})
	}
}

func TestInboundWebhooksAreListedWithoutTheirBodies(t *testing.T) {
	in := &inbox{kept: someInbound()}
	d := newDoor(t, func(o *Options) { o.Receiver = in })
	got := accepted(t, d.call("GET", "/v1/inbound_webhooks?provider_account=alpha&verdict=unmatched&limit=7&starting_after=iw_"+someID+"&created_at[gte]=2026-11-22T12:00:00Z", ""), 200)
	data, _ := got["data"].([]any)
	if len(data) != 1 || got["has_more"] != true {
		t.Fatalf("listed %v", got)
	}
	if one, _ := data[0].(map[string]any); one["body"] != nil || one["subject"] != nil || one["verdict"] != "unmatched" {
		t.Errorf("listed %v", one)
	}
	if in.filter != (inbound.Filter{Account: "alpha", Verdict: payment.Unmatched}) || in.page.Limit != 7 || in.page.StartingAfter != "iw_"+someID || !in.page.CreatedFrom.Equal(start) {
		t.Errorf("asked for %+v, %+v", in.page, in.filter)
	}
	for _, v := range inbound.Verdicts {
		accepted(t, d.call("GET", "/v1/inbound_webhooks?verdict="+string(v), ""), 200)
	}
}

func TestAReplayShowsWhatBecameOfTheMessage(t *testing.T) {
	d := newDoor(t)
	got := accepted(t, d.call("POST", "/v1/inbound_webhooks/iw_"+someID+"/replay", ""), 200)
	if got["verdict"] != "applied" || got["subject"] != "pay_"+someID || got["body"] != nil {
		t.Errorf("answered %v", got)
	}
	faulty(t, d.call("POST", "/v1/inbound_webhooks/iw_"+someID+"/replay", `{"force":true}`), wrong{"force": unknown})
}
