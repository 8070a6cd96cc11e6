package webhook

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
)

func TestThreeDaysOfFailureDisableAndEnablingSendsWhatWaited(t *testing.T) {
	eachPost(t, func(p *post) {
		e, other := newEar(p.T), newEar(p.T)
		for range 500 {
			e.script = append(e.script, status(503))
		}
		failing := p.listen(e.URL, "payment.*")
		p.listen(other.URL, "webhook_endpoint.disabled")
		events := 0
		for hours := 0; ; hours++ {
			if hours%10 == 0 {
				p.happen(event.PaymentCreated, nil)
				events++
			}
			p.work()
			shown, err := p.endpoints.Get(p.Context(), shop, failing.ID)
			if err != nil {
				p.Fatal(err)
			}
			if shown.Status == event.Disabled {
				if hours < 71 || *shown.DisabledReason != event.DisabledFailing {
					p.Errorf("disabled after %d hours: %+v", hours, shown)
				}
				break
			}
			if hours > 100 {
				p.Fatal("it is never disabled")
			}
			p.now.Advance(time.Hour)
		}
		p.work()
		if len(other.heard) != 1 || !strings.Contains(string(other.heard[0].body), failing.ID) {
			p.Errorf("the notice was heard %d times", len(other.heard))
		}
		p.happen(event.PaymentCaptured, nil) // waits with the rest
		events++
		e.mu.Lock()
		e.script, e.heard = nil, nil
		e.mu.Unlock()
		p.now.Advance(24 * time.Hour)
		if p.work(); len(e.heard) != 0 {
			p.Errorf("%d webhooks to a disabled endpoint", len(e.heard))
		}
		if _, err := p.endpoints.Enable(p.Context(), shop, failing.ID, alone); err != nil {
			p.Fatal(err)
		}
		p.work()
		if len(e.heard) != events {
			p.Errorf("heard %d of %d once it was enabled", len(e.heard), events)
		}
		for _, d := range p.deliveries() {
			if d.State != event.DeliverySucceeded {
				p.Errorf("lost: %+v", d)
			}
		}
	})
}

func TestARecoveryOfManyGoesOnWhereItWasAndWaitsForItsBacklog(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		endpoint := p.listen(e.URL, "payment.*")
		if _, err := p.endpoints.Disable(p.Context(), shop, endpoint.ID, alone); err != nil {
			p.Fatal(err)
		}
		const many = recoveryBacklog + 3*recoveryStep
		p.fail(endpoint.ID, many)
		if _, err := p.endpoints.Enable(p.Context(), shop, endpoint.ID, alone); err != nil {
			p.Fatal(err)
		}
		sweep := p.sender.Sweeps()[0]
		if _, err := p.db.SweepOnce(p.Context(), sweep); err != nil {
			p.Fatal(err)
		}
		waiting, err := p.store.Backlog(p.Context(), shop, endpoint.ID, p.now.Now(), 10*many)
		if err != nil || waiting != recoveryBacklog {
			p.Errorf("%d wait, %v: it does not stop at its bound", waiting, err)
		}
		p.drain(p.sender)
		p.now.Advance(recoveryPause)
		if _, err := p.db.SweepOnce(p.Context(), sweep); err != nil { // by another process, for all it knows
			p.Fatal(err)
		}
		p.drain(p.sender)
		if len(e.heard) != many {
			p.Errorf("heard %d of %d", len(e.heard), many)
		}
		found, _, err := p.store.Recoveries(p.Context(), shop, db.Page{Limit: 10}, endpoint.ID)
		if err != nil || len(found) != 1 || found[0].Queued != many || found[0].DoneAt.IsZero() || found[0].Object().Status != "done" {
			p.Errorf("%+v, %v", found, err)
		}
	})
}

// fail makes events whose deliveries to an endpoint have failed.
func (p *post) fail(endpoint string, n int) {
	p.Helper()
	to, err := p.store.Endpoint(p.Context(), shop, endpoint)
	if err != nil {
		p.Fatal(err)
	}
	for made := 0; made < n; made += recoveryStep {
		c, failed := db.NewChange(shop), db.NewChange(shop)
		for i := range recoveryStep {
			letter, err := p.outbox.EmitTo(c, to, event.Fact{Type: event.PaymentCreated, Subject: fmt.Sprint("pay_", made+i)}, p.now.Now(), p.now.Now())
			if err != nil {
				p.Fatal(err)
			}
			failed.Add(event.DeliveryRow(letter.GiveUp("no")))
		}
		for _, one := range []*db.Change{c, failed} {
			if err := p.db.Commit(p.Context(), one); err != nil {
				p.Fatal(err)
			}
		}
	}
}

func TestARecoveryMakesWhatWasNeverMade(t *testing.T) {
	eachPost(t, func(p *post) {
		p.happen(event.PaymentCreated, nil)
		p.happen(event.RefundPending, nil)
		e := newEar(p.T)
		endpoint := p.listen(e.URL, "payment.*")
		standing, err := p.store.Standing(p.Context(), shop, endpoint.ID)
		if err != nil {
			p.Fatal(err)
		}
		r := p.endpoints.recovery(standing.Endpoint, event.Resend, p.now.Now(), p.now.Now())
		if err := p.db.Commit(p.Context(), db.NewChange(shop, event.RecoveryRow(r))); err != nil {
			p.Fatal(err)
		}
		p.work()
		if len(e.heard) != 1 || !strings.Contains(string(e.heard[0].body), "payment.created") {
			p.Errorf("heard %d", len(e.heard))
		}
	})
}
