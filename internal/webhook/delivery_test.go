package webhook

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/secret"
)

// The message and its signature are those of the standard's own libraries' tests.
func TestThePublishedSignatureComesOut(t *testing.T) {
	known := secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	got, err := Sign([]secret.Text{known}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want || err != nil {
		t.Errorf("signed %s, %v", got, err)
	}
	if _, err := Sign([]secret.Text{secret.New("whsec_%%%")}, "m", time.Unix(0, 0), nil); err == nil {
		t.Error("a secret that is none signs")
	}
}

func TestEachLiveSecretSigns(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		made := p.listen(e.URL, "*")
		stored, err := p.store.Endpoint(p.Context(), shop, made.ID)
		if err != nil {
			p.Fatal(err)
		}
		fresh := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		stored.Secrets = slices.Insert(stored.Secrets, 0, event.SigningSecret{Secret: secret.New(fresh), CreatedAt: p.now.Now()})
		row, err := p.store.EndpointUpdate(stored)
		if err != nil {
			p.Fatal(err)
		}
		if err := p.db.Commit(p.Context(), db.NewChange(shop, row)); err != nil {
			p.Fatal(err)
		}
		p.happen(event.PaymentCaptured, map[string]string{})
		p.work()
		for _, one := range []string{fresh, made.Secret} {
			verifier, err := standardwebhooks.NewWebhook(one)
			if err != nil {
				p.Fatal(err)
			}
			if err := verifier.VerifyIgnoringTimestamp(e.heard[0].body, e.heard[0].header); err != nil {
				p.Errorf("one of two secrets does not verify: %v", err)
			}
		}
		if n := len(strings.Fields(e.heard[0].header.Get("Webhook-Signature"))); n != 2 {
			p.Errorf("%d signatures", n)
		}
	})
}

// killed sends what is due as a process that dies before it can write what came of it: its lease stays.
func (p *post) killed() {
	p.Helper()
	dying := newTestSender(p.db, p.store, p.outbox, p.now, p.ids)
	err := p.store.DueLanes(p.Context(), p.now.Now(), func(due event.DueLane) {
		l := dying.newLane(laneKey{due.Merchant, due.Endpoint})
		if !l.take(p.Context()) {
			p.Error("the lane is not free")
			return
		}
		l.read(p.Context())
		for _, letter := range l.letters {
			dying.carrier.carry(p.Context(), l.endpoint, event.Event{Merchant: shop, ID: letter.Event, Type: letter.Type, Body: letter.Body})
		}
	})
	if err != nil {
		p.Fatal(err)
	}
}

func TestWhatWasSentAndNotRecordedIsSentAgain(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		p.listen(e.URL, "*")
		p.happen(event.PaymentCaptured, map[string]string{"id": "pay_1"})
		p.killed()
		p.work() // another worker, while the first one's lease lasts
		if len(e.heard) != 1 {
			p.Fatalf("heard %d webhooks within the lease", len(e.heard))
		}
		p.now.Advance(p.sender.lease)
		p.work()
		if len(e.heard) != 2 || !bytes.Equal(e.heard[0].body, e.heard[1].body) ||
			e.heard[0].header.Get("Webhook-Id") != e.heard[1].header.Get("Webhook-Id") {
			p.Errorf("heard %d webhooks: %v", len(e.heard), e.heard)
		}
		if first, second := e.heard[0].header.Get("Webhook-Timestamp"), e.heard[1].header.Get("Webhook-Timestamp"); first == second {
			p.Error("both tries say the same time")
		}
		if d := p.deliveries()[0]; d.State != event.DeliverySucceeded {
			p.Errorf("%+v", d)
		}
	})
}

func TestDeliveriesAreListedByEndpointAndEvent(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		first, second := p.listen(e.URL, "payment.*"), p.listen(e.URL, "*")
		p.happen(event.PaymentCreated, map[string]string{})
		p.happen(event.RefundPending, map[string]string{})
		all := p.deliveries()
		if len(all) != 3 || !slices.IsSortedFunc(all, func(a, b event.Delivery) int { return strings.Compare(b.ID, a.ID) }) {
			p.Fatalf("%+v", all)
		}
		for _, c := range []struct {
			endpoint, event string
			want            int
		}{{first.ID, "", 1}, {second.ID, "", 2}, {"", all[0].Event, 1}, {"", all[2].Event, 2}, {first.ID, all[0].Event, 0}} {
			found, more, err := p.store.Deliveries(p.Context(), shop, db.Page{Limit: 10}, event.DeliveryFilter{Endpoint: c.endpoint, Event: c.event})
			if err != nil || more || len(found) != c.want {
				p.Errorf("to %q of %q: %d, %v", c.endpoint, c.event, len(found), err)
			}
		}
		found, _, err := p.store.Deliveries(p.Context(), "acct_other:test", db.Page{Limit: 10}, event.DeliveryFilter{Endpoint: first.ID})
		if err != nil || len(found) != 0 {
			p.Errorf("another merchant sees %v, %v", found, err)
		}
	})
}
