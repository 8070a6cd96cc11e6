package webhook

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

func TestATryIsKeptWithItsRequestAndItsAnswer(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte("later"))
		})
		p.listen(e.URL, "*")
		p.happen(event.PaymentCreated, nil)
		p.work()
		p.now.Advance(time.Minute)
		p.work()
		tries, err := p.store.Attempts(p.Context(), shop, p.deliveries()[0].ID)
		if err != nil || len(tries) != 2 {
			p.Fatalf("%d tries, %v", len(tries), err)
		}
		first, second := tries[0], tries[1]
		if first.Number != 1 || first.Status != 429 || string(first.ResponseBody) != "later" || first.Error != "the endpoint answered 429" || first.Duration <= 0 ||
			!slices.Equal(first.ResponseHeader["Retry-After"], []string{"7"}) || len(first.RequestHeader["Webhook-Signature"]) != 1 {
			p.Errorf("first %+v", first)
		}
		if second.Number != 2 || second.Status != 200 || second.Error != "" || !second.CreatedAt.Equal(p.now.Now()) {
			p.Errorf("second %+v", second)
		}
	})
}

func TestARetryThatSomebodyAskedForMeanwhileIsNotUndone(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		endpoint := p.listen(e.URL, "*")
		p.happen(event.PaymentCreated, nil)
		read := p.deliveries()[0]
		again := read.Again(p.now.Now())
		if err := p.db.Commit(p.Context(), db.NewChange(shop, event.DeliveryRow(again))); err != nil {
			p.Fatal(err)
		}
		after, err := p.sender.record(p.Context(), read, try{Status: 500, StartedAt: p.now.Now()}, onlyTry)
		if err != nil || after.Attempts != 1 || after.State != event.DeliveryPending {
			p.Errorf("%+v, %v", after, err)
		}
		if _, err := p.sender.record(p.Context(), event.Delivery{Merchant: shop, ID: "wd_gone", Version: 1, State: event.DeliveryPending, Since: p.now.Now()}, try{Status: 500}, onlyTry); err != nil {
			p.Errorf("a delivery that is gone: %v", err)
		}
		if _, err := p.store.Endpoint(p.Context(), shop, endpoint.ID); fault.Is(err, fault.NotFound) {
			p.Error(err)
		}
	})
}
