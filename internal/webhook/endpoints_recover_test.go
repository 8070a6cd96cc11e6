package webhook

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

func onlyRecovery(*db.Change, event.RecoveryObject) error { return nil }

func TestARecoverySendsWhatItsCallerChose(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		o := p.listen(e.URL, "*")
		began := p.now.Now()
		for _, kind := range []event.Type{event.PaymentCreated, event.PaymentCaptured, event.RefundPending} {
			p.now.Advance(time.Minute)
			p.happen(kind, nil)
		}
		p.work()
		p.now.Advance(time.Minute)
		failed := p.deliveries()[1]
		if err := p.db.Commit(p.Context(), db.NewChange(shop, event.DeliveryRow(failed.GiveUp("no")))); err != nil {
			p.Fatal(err)
		}
		succeeded := []event.DeliveryState{event.DeliverySucceeded}
		for _, c := range []struct {
			name string
			in   RecoveryInput
			want []string
		}{
			{"what failed, by default", RecoveryInput{Since: began}, []string{"payment.captured"}}, // and has succeeded from then on
			{"what succeeded", RecoveryInput{Since: began, Statuses: succeeded}, []string{"payment.captured", "payment.created", "refund.pending"}},
			{"of some types", RecoveryInput{Since: began, Statuses: succeeded, Events: []string{"refund.*"}}, []string{"refund.pending"}},
			{"until a time", RecoveryInput{Since: began, Until: ref(began.Add(90 * time.Second)), Statuses: succeeded}, []string{"payment.created"}},
			{"since a time", RecoveryInput{Since: began.Add(150 * time.Second), Statuses: succeeded}, []string{"refund.pending"}},
			{"nothing", RecoveryInput{Since: began}, nil},
		} {
			e.heard = nil
			r, err := p.endpoints.Recover(p.Context(), shop, o.ID, c.in, onlyRecovery)
			if err != nil || r.Status != "running" || r.Endpoint != o.ID {
				p.Fatalf("%s: %+v, %v", c.name, r, err)
			}
			p.work()
			var got []string
			for _, h := range e.heard {
				_, rest, _ := strings.Cut(string(h.body), `"type":"`)
				kind, _, _ := strings.Cut(rest, `"`)
				got = append(got, kind)
			}
			if slices.Sort(got); !slices.Equal(got, c.want) {
				p.Errorf("%s: sent %v, want %v", c.name, got, c.want)
			}
			done, err := p.endpoints.Recovery(p.Context(), shop, r.ID)
			if err != nil || done.Status != "done" || done.Queued != int64(len(c.want)) || done.DoneAt == nil {
				p.Errorf("%s: %+v, %v", c.name, done, err)
			}
		}
	})
}

func TestARecoveryClosesTheBreaker(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		for range failuresToOpen {
			e.script = append(e.script, status(500))
		}
		o := p.listen(e.URL, "*")
		began := p.now.Now()
		for range failuresToOpen {
			p.happen(event.PaymentCaptured, nil)
		}
		p.work()
		if s := p.stored(o.ID); s.Health() != event.Slowed {
			p.Fatalf("the breaker is closed: %+v", s.Lane)
		}
		if _, err := p.endpoints.Recover(p.Context(), shop, o.ID, RecoveryInput{Since: began}, onlyRecovery); err != nil {
			p.Fatal(err)
		}
		if s := p.stored(o.ID); s.Health() != event.Healthy || !s.Lane.FailingSince.IsZero() {
			p.Errorf("the breaker stays open: %+v", s.Lane)
		}
		p.work()
		if len(e.heard) != 2*failuresToOpen {
			p.Errorf("heard %d", len(e.heard))
		}
	})
}

func TestAWrongRecoveryIsRefused(t *testing.T) {
	eachPost(t, func(p *post) {
		o := p.listen("https://shop.example/hooks", "*")
		now := p.now.Now()
		for name, c := range map[string]struct {
			in     RecoveryInput
			params []string
		}{
			"no time":      {RecoveryInput{}, []string{"since"}},
			"too long ago": {RecoveryInput{Since: now.Add(-event.Kept - time.Second)}, []string{"since"}},
			"the future":   {RecoveryInput{Since: now.Add(time.Second), Until: ref(now.Add(time.Minute))}, []string{"since", "until"}},
			"nothing":      {RecoveryInput{Since: now, Until: &now}, []string{"until"}},
			"backwards":    {RecoveryInput{Since: now, Until: ref(now.Add(-time.Second))}, []string{"until"}},
			"zero":         {RecoveryInput{Since: now, Until: &time.Time{}}, []string{"until"}},
			"lists":        {RecoveryInput{Since: now, Events: []string{"pay*"}, Statuses: []event.DeliveryState{"pending", "lost"}}, []string{"events[0]", "statuses[1]"}},
			"empty lists":  {RecoveryInput{Since: now, Events: []string{}, Statuses: []event.DeliveryState{}}, []string{"events", "statuses"}},
		} {
			_, err := p.endpoints.Recover(p.Context(), shop, o.ID, c.in, nil)
			faulty(p.T, name, err, c.params...)
		}
		good := RecoveryInput{Since: now.Add(-event.Kept)}
		if _, err := p.endpoints.Recover(p.Context(), "acct_other:test", o.ID, good, nil); !fault.Is(err, fault.NotFound) {
			p.Errorf("another merchant: %v", err)
		}
		if _, err := p.endpoints.Disable(p.Context(), shop, o.ID, alone); err != nil {
			p.Fatal(err)
		}
		_, err := p.endpoints.Recover(p.Context(), shop, o.ID, good, nil)
		conflict(p.T, "disabled", err)
	})
}

func TestRecoveriesOfAnEndpointAreBounded(t *testing.T) {
	eachPost(t, func(p *post) {
		o, other := p.listen(newEar(p.T).URL, "*"), p.listen("https://shop.example/hooks", "*")
		in := RecoveryInput{Since: p.now.Now()}
		for range maxRecoveries {
			if _, err := p.endpoints.Recover(p.Context(), shop, o.ID, in, onlyRecovery); err != nil {
				p.Fatal(err)
			}
			p.now.Advance(time.Millisecond)
		}
		_, err := p.endpoints.Recover(p.Context(), shop, o.ID, in, nil)
		conflict(p.T, "one more", err)
		if _, err := p.endpoints.Recover(p.Context(), shop, other.ID, in, onlyRecovery); err != nil {
			p.Errorf("of another endpoint: %v", err)
		}
		p.work()
		if _, err := p.endpoints.Recover(p.Context(), shop, o.ID, in, onlyRecovery); err != nil {
			p.Errorf("once one is done: %v", err)
		}
	})
}

func TestRecoveriesAreListedByEndpointAndThoseThatOnlyCleanUpAreNot(t *testing.T) {
	eachPost(t, func(p *post) {
		first, second := p.listen("https://shop.example/a", "*"), p.listen("https://shop.example/b", "*")
		var ids []string
		for _, o := range []event.EndpointObject{first, second, first} {
			r, err := p.endpoints.Recover(p.Context(), shop, o.ID, RecoveryInput{Since: p.now.Now()}, onlyRecovery)
			if err != nil {
				p.Fatal(err)
			}
			ids = append(ids, r.ID)
			p.now.Advance(time.Millisecond)
		}
		var given event.Recovery
		if err := p.endpoints.Delete(p.Context(), shop, second.ID, func(c *db.Change, _ event.EndpointObject) error {
			given = event.Recovery{Merchant: shop, ID: "wr_given_up", Endpoint: second.ID, Kind: event.GiveUp, Since: p.now.Now(), Until: p.now.Now(), CreatedAt: p.now.Now()}
			c.Add(event.RecoveryRow(given))
			return nil
		}); err != nil {
			p.Fatal(err)
		}
		for endpoint, want := range map[string][]string{"": {ids[2], ids[1], ids[0]}, first.ID: {ids[2], ids[0]}, second.ID: {ids[1]}} {
			found, more, err := p.endpoints.Recoveries(p.Context(), shop, db.Page{Limit: 10}, endpoint)
			var got []string
			for _, r := range found {
				got = append(got, r.ID)
			}
			if err != nil || more || !slices.Equal(got, want) {
				p.Errorf("of %q: %v, %t, %v", endpoint, got, more, err)
			}
		}
		for _, tenant := range []string{shop, "acct_other:test"} {
			one := map[string]string{shop: given.ID, "acct_other:test": ids[0]}[tenant]
			if _, err := p.endpoints.Recovery(p.Context(), tenant, one); !fault.Is(err, fault.NotFound) {
				p.Errorf("%s of %s: %v", one, tenant, err)
			}
		}
	})
}
