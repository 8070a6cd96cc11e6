package webhook

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
)

func TestDeadEndpointsDoNotHoldUpAHealthyOne(t *testing.T) {
	eachPost(t, func(p *post) {
		release := make(chan struct{})
		hangs := func(http.ResponseWriter, *http.Request) { <-release }
		defer close(release)
		for range 20 {
			dead := newEar(p.T)
			for range 20 {
				dead.script = append(dead.script, hangs)
			}
			p.listen(dead.URL, "payment.*")
		}
		heard := make(chan struct{}, 20)
		var script []http.HandlerFunc
		for range 20 {
			script = append(script, func(http.ResponseWriter, *http.Request) { heard <- struct{}{} })
		}
		p.listen(newEar(p.T, script...).URL, "refund.*")
		p.sender.quick, p.sender.slow = make(pool, 100), make(pool, 40) // fewer than the dead would take
		p.run(p.sender)
		for range 10 {
			p.happen(event.PaymentCreated, nil)
		}
		for range 20 {
			p.happen(event.RefundPending, nil)
		}
		for range 20 {
			<-heard
		}
	})
}

func TestALaneSendsNoMoreAtOnceThanItsEndpointWants(t *testing.T) {
	eachPost(t, func(p *post) {
		release, arrived := make(chan struct{}), make(chan struct{}, 10)
		hangs := func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-release }
		e := newEar(p.T, hangs, hangs, hangs, hangs, hangs, hangs)
		endpoint := p.listen(e.URL, "*")
		p.setEndpoint(endpoint.ID, func(e *event.Endpoint) { e.Concurrency = 2 })
		for range 6 {
			p.happen(event.PaymentCreated, nil)
		}
		p.run(p.sender)
		for range 6 {
			<-arrived
			if n := len(arrived); n > 1 {
				p.Errorf("%d at once", n+1)
			}
			select {
			case release <- struct{}{}:
			case <-time.After(time.Minute):
				p.Fatal("nobody waits")
			}
		}
	})
}

func TestALanesRateIsItsEndpoints(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		endpoint := p.listen(e.URL, "*")
		p.setEndpoint(endpoint.ID, func(e *event.Endpoint) { e.RateLimit = 3 })
		for range 10 {
			p.happen(event.PaymentCreated, nil)
		}
		for want := range 10 {
			if p.work(); len(e.heard) != want+1 {
				p.Fatalf("heard %d, want %d", len(e.heard), want+1)
			}
			p.now.Advance(334 * time.Millisecond)
		}
	})
}

func TestEventsOfAPaymentComeInOrderWhereThatIsAsked(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T, status(500))
		endpoint := p.listen(e.URL, "*")
		p.setEndpoint(endpoint.ID, func(e *event.Endpoint) { e.Ordering = event.ByObject })
		p.about("pay_1", event.PaymentCreated)
		p.work() // fails: what follows of this payment waits, and of others not
		p.about("pay_1", event.PaymentCaptured)
		p.about("pay_2", event.PaymentCreated)
		p.about("pay_1", event.RefundPending)
		p.work()
		if len(e.heard) != 2 {
			p.Fatalf("heard %d, want the first and that of the other payment", len(e.heard))
		}
		p.now.Advance(time.Minute)
		p.work()
		var types []string
		for _, h := range e.heard {
			_, rest, _ := strings.Cut(string(h.body), `"type":"`)
			kind, _, _ := strings.Cut(rest, `"`)
			types = append(types, kind)
		}
		if want := []string{"payment.created", "payment.created", "payment.created", "payment.captured", "refund.pending"}; !slices.Equal(types, want) {
			p.Errorf("heard %v", types)
		}
	})
}

func TestWhatHappensNowDoesNotWaitBehindABacklog(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		endpoint := p.listen(e.URL, "*")
		for range 500 {
			p.happen(event.PaymentCreated, nil)
		}
		p.now.Advance(time.Hour)
		p.happen(event.RefundPending, nil)
		p.setEndpoint(endpoint.ID, func(e *event.Endpoint) { e.Concurrency = 1 })
		p.work()
		at := slices.IndexFunc(e.heard, func(h heard) bool { return strings.Contains(string(h.body), "refund.pending") })
		if at < 0 || at > 10 || len(e.heard) != 501 {
			p.Errorf("of %d it is number %d", len(e.heard), at)
		}
	})
}

func TestABacklogIsSentAtABoundedRateAndWhatIsNewIsNot(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		p.listen(e.URL, "*")
		for range 100 {
			p.happen(event.PaymentCreated, nil)
		}
		p.now.Advance(backlogAge)
		slow := NewSender(SenderOptions{
			DB: p.db, Store: p.store, Outbox: p.outbox, Clock: p.now, IDs: p.ids, AllowPrivate: true, BacklogRate: 20,
		})
		p.drain(slow)
		if len(e.heard) != 2 {
			p.Errorf("heard %d of the backlog at once", len(e.heard))
		}
		p.now.Advance(time.Second)
		p.drain(slow)
		if len(e.heard) != 4 {
			p.Errorf("heard %d of the backlog a second later", len(e.heard))
		}
	})
}

func TestALaneIsKeptUntilWhatIsUnderWayHasEnded(t *testing.T) {
	eachPost(t, func(p *post) {
		release, arrived := make(chan struct{}), make(chan struct{})
		e := newEar(p.T, func(http.ResponseWriter, *http.Request) { close(arrived); <-release })
		endpoint := p.listen(e.URL, "*")
		brief := NewSender(SenderOptions{
			DB: p.db, Store: p.store, Outbox: p.outbox, Clock: p.now, IDs: p.ids, AllowPrivate: true, Lease: 30 * time.Millisecond,
		})
		ctx, stop := context.WithCancel(p.Context())
		done := make(chan error, 1)
		go func() { done <- brief.Run(ctx) }()
		p.happen(event.PaymentCreated, nil)
		<-arrived
		stop()
		before, err := p.store.Lane(p.Context(), shop, endpoint.ID)
		if err != nil {
			p.Fatal(err)
		}
		for now := before; now.Version < before.Version+3; { // it is renewed while the webhook is under way
			if now, err = p.store.Lane(p.Context(), shop, endpoint.ID); err != nil || now.Owner == "" {
				p.Fatalf("%+v, %v", now, err)
			}
		}
		close(release)
		if err := <-done; err != nil {
			p.Error(err)
		}
	})
}

func TestAFullPoolIsForThoseWhoHaveLittleUnderWay(t *testing.T) {
	eachPost(t, func(p *post) {
		release, arrived, heard := make(chan struct{}), make(chan struct{}, 100), make(chan struct{}, 1)
		var hang []http.HandlerFunc
		for range 100 {
			hang = append(hang, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-release })
		}
		defer close(release)
		p.sender.quick = make(pool, 16)
		greedy := p.listen(newEar(p.T, hang...).URL, "payment.*")
		p.listen(newEar(p.T, func(http.ResponseWriter, *http.Request) { heard <- struct{}{} }).URL, "refund.*")
		l := p.sender.newLane(laneKey{shop, greedy.ID})
		if !l.take(p.Context()) {
			p.Fatal("the lane is not free")
		}
		l.window.size = 64
		for range 50 {
			p.happen(event.PaymentCreated, nil)
		}
		for l.read(p.Context()); len(p.sender.quick) <= 12; {
			l.turn(p.Context())
		}
		p.happen(event.RefundPending, nil)
		p.run(p.sender)
		<-heard
	})
}

func TestABreakerLetsOneWebhookThroughAndThenTheOthers(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		for range failuresToOpen + 1 {
			e.script = append(e.script, status(500))
		}
		endpoint := p.listen(e.URL, "*")
		p.setEndpoint(endpoint.ID, func(e *event.Endpoint) { e.Concurrency = 1 })
		for range 20 {
			p.happen(event.PaymentCreated, nil)
		}
		p.work()
		if len(e.heard) != failuresToOpen {
			p.Fatalf("heard %d until the breaker opened", len(e.heard))
		}
		shown, err := p.endpoints.Get(p.Context(), shop, endpoint.ID)
		if err != nil || shown.Health != event.Slowed || shown.FailingSince == nil || shown.OldestPendingAge == nil {
			p.Errorf("shown %+v, %v", shown, err)
		}
		p.now.Advance(breakerPauses[0] - time.Second)
		if p.work(); len(e.heard) != failuresToOpen {
			p.Errorf("heard %d while it is open", len(e.heard))
		}
		p.now.Advance(time.Second)
		if p.work(); len(e.heard) != failuresToOpen+1 {
			p.Errorf("heard %d after the first pause: one probe, which fails", len(e.heard))
		}
		p.now.Advance(breakerPauses[1])
		if p.work(); len(e.heard) < 20 {
			p.Errorf("heard %d once it is mended", len(e.heard))
		}
		p.now.Advance(time.Hour)
		p.work()
		for _, d := range p.deliveries() {
			if d.State != event.DeliverySucceeded {
				p.Errorf("lost: %+v", d)
			}
		}
		if shown, err = p.endpoints.Get(p.Context(), shop, endpoint.ID); err != nil || shown.Health != event.Healthy || shown.FailingSince != nil || shown.OldestPendingAge != nil {
			p.Errorf("shown %+v, %v", shown, err)
		}
	})
}

func TestTwoProcessesDoNotSendInOneLane(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		endpoint := p.listen(e.URL, "*")
		p.happen(event.PaymentCreated, nil)
		other := newTestSender(p.db, p.store, p.outbox, p.now, p.ids)
		key := laneKey{shop, endpoint.ID}
		mine, theirs := p.sender.newLane(key), other.newLane(key)
		if !mine.take(p.Context()) || theirs.take(p.Context()) {
			p.Fatal("both have it, or none")
		}
		p.now.Advance(p.sender.lease) // this process was paused: its lease is over, and the other one takes the lane
		if !theirs.take(p.Context()) || mine.keep(p.Context()) {
			p.Fatal("the one that lost its lease goes on")
		}
		theirs.release(p.Context())
		if row, err := p.store.Lane(p.Context(), shop, endpoint.ID); err != nil || row.Owner != "" || !row.LeasedUntil.IsZero() {
			p.Errorf("%+v, %v", row, err)
		}
	})
}

func TestASenderStopsOnceWhatIsUnderWayHasEnded(t *testing.T) {
	eachPost(t, func(p *post) {
		release, arrived := make(chan struct{}), make(chan struct{})
		e := newEar(p.T, func(http.ResponseWriter, *http.Request) { close(arrived); <-release })
		endpoint := p.listen(e.URL, "*")
		ctx, stop := context.WithCancel(p.Context())
		done := make(chan error, 1)
		go func() { done <- p.sender.Run(ctx) }()
		p.happen(event.PaymentCreated, nil)
		<-arrived
		stop()
		select {
		case <-done:
			p.Error("it stops while a webhook is under way")
		default:
		}
		close(release)
		if err := <-done; err != nil {
			p.Error(err)
		}
		if d := p.deliveries()[0]; d.State != event.DeliverySucceeded {
			p.Errorf("%+v", d)
		}
		if row, err := p.store.Lane(p.Context(), shop, endpoint.ID); err != nil || row.Owner != "" {
			p.Errorf("the lane is still leased: %+v, %v", row, err)
		}
	})
}
