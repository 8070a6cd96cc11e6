package webhook

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

func onlyDelivery(*db.Change, event.DeliveryObject) error { return nil }

func onlyDeliveries(*db.Change, []event.DeliveryObject) error { return nil }

func TestADeliveryIsSentAgainWhateverBecameOfIt(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		p.listen(e.URL, "*")
		p.happen(event.PaymentCaptured, nil)
		p.work()
		sent := p.deliveries()[0]
		if sent.State != event.DeliverySucceeded {
			p.Fatalf("%+v", sent)
		}
		p.now.Advance(time.Hour)
		var heard []string
		defer p.outbox.Listen(func(c *db.Change) { heard = append(heard, event.DueIn(c)...) })()
		again, err := p.endpoints.Retry(p.Context(), shop, sent.ID, onlyDelivery)
		if err != nil || again.Status != event.DeliveryPending || !again.NextAttemptAt.Equal(p.now.Now()) || again.AttemptCount != 1 {
			p.Fatalf("%+v, %v", again, err)
		}
		if !slices.Equal(heard, []string{sent.Endpoint}) {
			p.Errorf("who sends heard of %v", heard)
		}
		e.script = append(e.script, status(500))
		p.work()
		d := p.deliveries()[0]
		if d.State != event.DeliveryPending || d.Attempts != 2 || d.Retried != 1 || d.DueAt.Sub(p.now.Now()) > 6*time.Second {
			p.Errorf("the schedule does not begin anew: %+v", d)
		}
		p.now.Advance(6 * time.Second)
		p.work()
		shown, err := p.endpoints.Delivery(p.Context(), shop, sent.ID)
		if err != nil || shown.Status != event.DeliverySucceeded || len(shown.Attempts) != 3 || len(e.heard) != 3 {
			p.Fatalf("%+v, %v", shown, err)
		}
		for i, want := range []int64{200, 500, 200} {
			a := shown.Attempts[i]
			if a.Number != int64(i+1) || a.Response.Status != want || a.Request.Body != string(e.heard[i].body) || (a.Error == "") != (want == 200) {
				p.Errorf("try %d: %+v", i, a)
			}
		}
	})
}

func TestSeveralDeliveriesAreSentAgainOrNone(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		p.listen(e.URL, "*")
		for range 3 {
			p.happen(event.PaymentCaptured, nil)
		}
		p.work()
		var ids []string
		for _, d := range p.deliveries() {
			ids = append(ids, d.ID)
		}
		_, err := p.endpoints.RetryAll(p.Context(), shop, []string{ids[0], "wd_none", ids[1], "wd_nil"}, nil)
		faulty(p.T, "some are not there", err, "deliveries[1]", "deliveries[3]")
		_, err = p.endpoints.RetryAll(p.Context(), shop, []string{ids[0], ids[1], ids[0]}, nil)
		faulty(p.T, "one twice", err, "deliveries[2]")
		_, err = p.endpoints.RetryAll(p.Context(), shop, nil, nil)
		faulty(p.T, "none", err, "deliveries")
		var many []string
		for i := range MaxRetries + 1 {
			many = append(many, fmt.Sprint("wd_", i))
		}
		_, err = p.endpoints.RetryAll(p.Context(), shop, many, nil)
		faulty(p.T, "too many", err, "deliveries")
		_, err = p.endpoints.RetryAll(p.Context(), "acct_other:test", ids[:1], nil)
		faulty(p.T, "another merchant's", err, "deliveries[0]")
		if _, err := p.endpoints.Retry(p.Context(), "acct_other:test", ids[0], nil); !fault.Is(err, fault.NotFound) {
			p.Errorf("another merchant: %v", err)
		}
		p.work()
		if len(e.heard) != 3 {
			p.Errorf("heard %d, though nothing was to be sent", len(e.heard))
		}
		asked := []string{ids[2], ids[0]}
		again, err := p.endpoints.RetryAll(p.Context(), shop, asked, onlyDeliveries)
		if err != nil || len(again) != 2 || again[0].ID != asked[0] || again[1].ID != asked[1] {
			p.Errorf("%+v, %v", again, err)
		}
		p.work()
		if len(e.heard) != 5 {
			p.Errorf("heard %d", len(e.heard))
		}
	})
}

func TestARetryThatMeetsATryIsDecidedAnew(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		p.listen(e.URL, "*")
		p.happen(event.PaymentCaptured, nil)
		d := p.deliveries()[0]
		met := 0
		again, err := p.endpoints.Retry(p.Context(), shop, d.ID, func(*db.Change, event.DeliveryObject) error {
			if met++; met == 1 {
				p.work()
			}
			return nil
		})
		if err != nil || met != 2 || again.AttemptCount != 1 || again.Status != event.DeliveryPending {
			p.Errorf("after %d decisions %+v, %v", met, again, err)
		}
	})
}

func TestWhatCannotBeSentIsNotRetried(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		o := p.listen(e.URL, "*")
		p.happen(event.PaymentCaptured, nil)
		p.work()
		sent := p.deliveries()[0]
		orphan := sent
		orphan.ID, orphan.Event, orphan.Version = "wd_orphan", "evt_none", 0
		row, err := event.AttemptRow(event.Attempt{Merchant: shop, Delivery: orphan.ID, Number: 1, Status: 200, CreatedAt: p.now.Now()})
		if err != nil {
			p.Fatal(err)
		}
		if err := p.db.Commit(p.Context(), db.NewChange(shop, event.DeliveryRow(orphan), row)); err != nil {
			p.Fatal(err)
		}
		_, err = p.endpoints.Retry(p.Context(), shop, orphan.ID, nil)
		conflict(p.T, "without its event", err)
		shown, err := p.endpoints.Delivery(p.Context(), shop, orphan.ID)
		if err != nil || len(shown.Attempts) != 1 || shown.Attempts[0].Request.Body != "" {
			p.Errorf("without its event: %+v, %v", shown, err)
		}
		if err := p.endpoints.Delete(p.Context(), shop, o.ID, alone); err != nil {
			p.Fatal(err)
		}
		_, err = p.endpoints.Retry(p.Context(), shop, sent.ID, nil)
		conflict(p.T, "to a deleted endpoint", err)
		_, err = p.endpoints.RetryAll(p.Context(), shop, []string{sent.ID}, nil)
		conflict(p.T, "to a deleted endpoint, among several", err)
	})
}

func TestARetryToADisabledEndpointWaits(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		o := p.listen(e.URL, "*")
		p.happen(event.PaymentCaptured, nil)
		p.work()
		if _, err := p.endpoints.Disable(p.Context(), shop, o.ID, alone); err != nil {
			p.Fatal(err)
		}
		if _, err := p.endpoints.Retry(p.Context(), shop, p.deliveries()[0].ID, onlyDelivery); err != nil {
			p.Fatal(err)
		}
		p.work()
		if len(e.heard) != 1 {
			p.Errorf("a disabled endpoint heard %d", len(e.heard))
		}
		if _, err := p.endpoints.Enable(p.Context(), shop, o.ID, alone); err != nil {
			p.Fatal(err)
		}
		p.now.Advance(endpointAge)
		p.work()
		if len(e.heard) != 2 {
			p.Errorf("once enabled it heard %d", len(e.heard))
		}
	})
}
