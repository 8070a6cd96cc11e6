package public

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// eachKeyed runs a test on both engines, with a door that remembers what it answered.
func eachKeyed(t *testing.T, test func(t *testing.T, d *door)) {
	dbtest.Each(t, func(t *testing.T, base *db.DB) {
		d := newDoor(t)
		d.Idempotency = idempotency.New(base, idempotency.Options{Clock: d.hands})
		d.core.commit = func(c *db.Change) error { return base.Commit(context.WithoutCancel(t.Context()), c) }
		test(t, d)
	}, idempotency.Schema)
}

func (d *door) confirmOnce(key string, headers ...string) *httptest.ResponseRecorder {
	return d.call("POST", confirm, card, append([]string{"Idempotency-Key", key}, headers...)...)
}

func TestAnAnswerThatWasLostIsGivenAgain(t *testing.T) {
	eachKeyed(t, func(t *testing.T, d *door) {
		d.core.then = d.core.decline(provider.DoNotHonor)
		first := d.confirmOnce("k1")
		if first.Code != 402 {
			t.Fatal(first.Body)
		}
		again := d.confirmOnce("k1")
		if again.Code != 402 || again.Body.String() != first.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" || first.Header().Get("Idempotent-Replayed") != "" {
			t.Errorf("again %d %v %s", again.Code, again.Header(), again.Body)
		}
		if len(d.core.confirmed) != 1 {
			t.Errorf("%d tries", len(d.core.confirmed))
		}
		// With the secret that it brought, the next try goes on.
		d.core.then = d.core.capture
		next := d.confirmOnce("k2", headerSecret, secretAt(1))
		if p := given[payerPayment](t, next, 200); p.Status != payment.Captured || len(d.core.confirmed) != 2 {
			t.Errorf("%s after %d tries", p.Status, len(d.core.confirmed))
		}
		if again := d.confirmOnce("k2", headerSecret, secretAt(1)); again.Body.String() != next.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" {
			t.Errorf("again %d %s", again.Code, again.Body)
		}
	})
}

func TestAKeyIsOfOneRequestAndOneSecret(t *testing.T) {
	eachKeyed(t, func(t *testing.T, d *door) {
		if w := d.confirmOnce("k1"); w.Code != 200 {
			t.Fatal(w.Body)
		}
		refused(t, d.confirmOnce("k1", headerSecret, secretAt(1)), 422, idempotency.CodeKeyReused)
		refused(t, d.confirmOnce("k1", headerSecret, "guessed"), 422, idempotency.CodeKeyReused)
		refused(t, d.call("POST", confirm, `{}`, "Idempotency-Key", "k1"), 422, idempotency.CodeKeyReused)
		refused(t, d.confirmOnce(`"`), 400, idempotency.CodeKeyInvalid)
	})
}

func TestARepeatWaitsForTheFirstAndOutlivesIt(t *testing.T) {
	eachKeyed(t, func(t *testing.T, d *door) {
		d.core.then = func(payment.Confirmation) error {
			w := d.confirmOnce("k1", headerSecret, secretAt(0)) // while the first asks the bank
			if p := refused(t, w, 409, idempotency.CodeKeyInUse); p.RetryAfter != 1 || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s", w.Body)
			}
			return errors.New("the process dies")
		}
		d.core.commit = func(commit func(*db.Change) error) func(*db.Change) error {
			written := 0
			return func(c *db.Change) error {
				if written++; written > 1 {
					return errors.New("the process dies")
				}
				return commit(c)
			}
		}(d.core.commit)
		if w := d.confirmOnce("k1"); w.Code != 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		d.hands.Advance(keyLease + time.Second)
		d.core.object.Status = payment.Captured // the worker found out
		if p := given[payerPayment](t, d.confirmOnce("k1"), 200); p.Status != payment.Captured || len(d.core.confirmed) != 1 {
			t.Errorf("%s after %d tries", p.Status, len(d.core.confirmed))
		}
	})
}
