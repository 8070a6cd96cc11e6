package webhook

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

func TestWebhooksAreSignedByTheStandard(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		endpoint := p.listen(e.URL, "payment.*")
		p.happen(event.PaymentCaptured, map[string]string{"id": "pay_1"})
		p.work()
		if len(e.heard) != 1 {
			p.Fatalf("heard %d webhooks", len(e.heard))
		}
		verifier, err := standardwebhooks.NewWebhook(endpoint.Secret)
		if err != nil {
			p.Fatal(err)
		}
		if err := verifier.VerifyIgnoringTimestamp(e.heard[0].body, e.heard[0].header); err != nil {
			p.Errorf("the published library refuses the signature: %v", err)
		}
		altered := bytes.Replace(e.heard[0].body, []byte("pay_1"), []byte("pay_2"), 1)
		if verifier.VerifyIgnoringTimestamp(altered, e.heard[0].header) == nil {
			p.Error("an altered body passes")
		}
		d := p.deliveries()[0]
		if d.State != event.DeliverySucceeded || d.LastStatus != 200 || d.Attempts != 1 || !d.DueAt.IsZero() {
			p.Errorf("delivery %+v", d)
		}
	})
}

func TestOnlyWantedEventsAreDelivered(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		p.listen(e.URL, "refund.*", "payment.captured")
		for _, kind := range []event.Type{event.PaymentCreated, event.PaymentCaptured, event.RefundPending, event.RefundSucceeded} {
			p.happen(kind, map[string]string{})
		}
		p.work()
		if len(e.heard) != 3 {
			p.Errorf("heard %d webhooks, want 3", len(e.heard))
		}
	})
}

func TestAFailedDeliveryComesAgainTheSame(t *testing.T) {
	eachPost(t, func(p *post) {
		elsewhere := newEar(p.T)
		redirect := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }
		e := newEar(p.T, status(500), redirect, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		p.listen(e.URL, "*")
		p.happen(event.PaymentCaptured, map[string]string{"id": "pay_1"})
		for range 3 {
			p.work()
			if d := p.deliveries()[0]; d.State != event.DeliveryPending || d.LastError == "" || !d.DueAt.After(p.now.Now()) {
				p.Fatalf("after a failure %+v", d)
			}
			p.work() // nothing is due yet
			p.now.Advance(3 * time.Minute)
		}
		p.work()
		if d := p.deliveries()[0]; d.State != event.DeliverySucceeded || d.Attempts != 4 || len(elsewhere.heard) != 0 {
			p.Errorf("%+v; %d followed the redirect", d, len(elsewhere.heard))
		}
		for _, h := range e.heard[1:] {
			if !bytes.Equal(h.body, e.heard[0].body) || h.header.Get("Webhook-Id") != e.heard[0].header.Get("Webhook-Id") {
				p.Error("a retry is not the same message")
			}
		}
	})
}

func TestAnEndpointThatIsGoneIsDisabledAndNothingIsLost(t *testing.T) {
	eachPost(t, func(p *post) {
		e, other := newEar(p.T, status(http.StatusGone), status(http.StatusGone)), newEar(p.T)
		gone := p.listen(e.URL, "*")
		p.listen(other.URL, "*")
		p.happen(event.PaymentCreated, map[string]string{})
		p.happen(event.PaymentCaptured, map[string]string{})
		p.work() // both at once: whoever comes second finds it disabled
		now, err := p.endpoints.Get(p.Context(), shop, gone.ID)
		if err != nil || now.Status != event.Disabled || *now.DisabledReason != event.DisabledGone || now.DisabledAt == nil || now.Health != event.Stopped {
			p.Errorf("the endpoint is %+v, %v", now, err)
		}
		until := len(e.heard)
		p.happen(event.RefundPending, map[string]string{})
		p.work()
		if len(e.heard) != until {
			p.Errorf("%d webhooks after 410", len(e.heard)-until)
		}
		// The other endpoint hears of all three, and that the first one is disabled.
		told := slices.ContainsFunc(other.heard, func(h heard) bool { return strings.Contains(string(h.body), `"type":"webhook_endpoint.disabled"`) })
		if len(other.heard) != 4 || !told {
			p.Errorf("the other endpoint heard %d webhooks, of the disabling: %t", len(other.heard), told)
		}
		if _, err := p.endpoints.Enable(p.Context(), shop, gone.ID, alone); err != nil {
			p.Fatal(err)
		}
		p.work() // the recovery
		p.work()
		for _, d := range p.deliveries() {
			if d.State != event.DeliverySucceeded {
				p.Errorf("after it was enabled again: %+v", d)
			}
		}
	})
}

func alone(*db.Change, event.EndpointObject) error { return nil }

func TestExhaustedDeliveriesEnd(t *testing.T) {
	d := event.Delivery{ID: "wd_1", State: event.DeliveryPending, Since: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	for now := d.Since; d.State == event.DeliveryPending; now = d.DueAt {
		d = afterTry(d, try{Status: 503}, now)
	}
	if d.State != event.DeliveryFailed || !d.DueAt.IsZero() || d.Attempts < 12 || d.LastAt.Sub(d.Since) > retryFor || d.LastAt.Sub(d.Since) < retryFor-14*time.Hour {
		t.Errorf("after three days %+v", d)
	}
	late := afterTry(event.Delivery{State: event.DeliverySucceeded, Attempts: 1}, try{Status: 500}, d.Since)
	if late.State != event.DeliverySucceeded || late.Attempts != 2 {
		t.Errorf("a late failure undoes a success: %+v", late)
	}
}

func TestADeletedEndpointHearsNothingMore(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		endpoint := p.listen(e.URL, "*")
		p.happen(event.PaymentCreated, map[string]string{})
		if err := p.endpoints.Delete(p.Context(), shop, endpoint.ID, alone); err != nil {
			p.Fatal(err)
		}
		p.happen(event.PaymentCaptured, map[string]string{})
		p.work()
		if d := p.deliveries(); len(d) != 1 || d[0].State != event.DeliveryFailed || len(e.heard) != 0 {
			p.Errorf("%+v; heard %d", d, len(e.heard))
		}
		if _, err := p.endpoints.Get(p.Context(), shop, endpoint.ID); !fault.Is(err, fault.NotFound) {
			p.Errorf("the endpoint is still there: %v", err)
		}
	})
}

func TestWrongEndpointsAreRefused(t *testing.T) {
	eachPost(t, func(p *post) {
		for name, in := range map[string]EndpointInput{
			"no url":        {Events: []string{"*"}},
			"relative":      {URL: "/hooks", Events: []string{"*"}},
			"script":        {URL: "javascript:alert(1)", Events: []string{"*"}},
			"plain http":    {URL: "http://shop.example/hooks", Events: []string{"*"}},
			"user":          {URL: "https://a:b@shop.example/hooks", Events: []string{"*"}},
			"too long":      {URL: "https://shop.example/" + strings.Repeat("x", 2048), Events: []string{"*"}},
			"no events":     {URL: "https://shop.example/hooks"},
			"unknown event": {URL: "https://shop.example/hooks", Events: []string{"payment.exploded"}},
			"half wildcard": {URL: "https://shop.example/hooks", Events: []string{"pay*"}},
		} {
			_, err := p.endpoints.Create(p.Context(), shop, in, nil)
			var wrong *fault.Error
			if !errors.As(err, &wrong) || wrong.Kind != fault.Invalid {
				p.Errorf("%s: %v", name, err)
			} else if strings.HasPrefix(wrong.Detail, wrong.Param) {
				p.Errorf("%s: the detail repeats the field: %q", name, wrong.Detail)
			}
		}
	})
}

func TestTheScheduleHonoursRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		tries      int64
		retryAfter time.Duration
		least      time.Duration
		most       time.Duration
	}{
		"first":              {1, 0, 5 * time.Second, 6 * time.Second},
		"third":              {3, 0, 2 * time.Minute, 133 * time.Second},
		"past the end":       {40, 0, 12 * time.Hour, 14 * time.Hour},
		"asked to wait":      {1, time.Hour, time.Hour, time.Hour},
		"asked for too long": {1, 1000 * time.Hour, 12 * time.Hour, 12 * time.Hour},
	} {
		delay := nextTry(event.Delivery{ID: "wd_1", Retried: c.tries, Since: now}, now, c.retryAfter).Sub(now)
		if delay < c.least || delay > c.most {
			t.Errorf("%s: the next try comes after %s", name, delay)
		}
	}
	if next := nextTry(event.Delivery{ID: "wd_1", Retried: 9, Since: now.Add(-retryFor)}, now, 0); !next.IsZero() {
		t.Errorf("a delivery is tried past its schedule, at %s", next)
	}
}
