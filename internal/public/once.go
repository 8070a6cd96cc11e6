package public

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/exchange"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/payment"
)

// alone is the companion of a confirmation that nobody will send again: a secret works once per step, so a second one charges
// nothing and is told how the payment stands.
type alone struct{}

func (alone) Intent(*db.Change, string)           {}
func (alone) Result(*db.Change, any, error) error { return nil }

// keyLease is how long the first request with a key is believed to run: longer than any may.
const keyLease = workTimeout + 20*time.Second

// keyed is the companion of a confirmation with an idempotency key: it stores the answer in the Change that makes it true. A
// page whose answer was lost sends the same again and gets it, with the secret of the next step that it would miss otherwise.
type keyed struct {
	p      *Public
	caller caller
	key    idempotency.Key
	begun  *idempotency.Record // whose started row is in a Change
	answer *exchange.Answer
}

// once confirms once for each idempotency key; without one the secret alone sees to it. The secret is a part of what must be the
// same when a key comes back: who does not have it is not answered.
func (p *Public) once(ctx context.Context, c caller, r *http.Request, raw []byte, secret string, do func(payment.Companion) (payment.Object, error)) (exchange.Answer, error) {
	text, given, err := idempotency.Parse(r.Header[idempotency.Header])
	if err != nil {
		return exchange.Answer{}, err
	}
	if !given {
		o, err := do(alone{})
		return shown(http.StatusOK, payerOf(o, c.lang), err)
	}
	k := &keyed{p: p, caller: c, key: idempotency.Key{Merchant: c.Tenant, Method: r.Method, Path: r.URL.Path, Key: text, Query: secret, Body: raw}}
	if known, ok, err := k.known(ctx); ok || err != nil {
		return known, err
	}
	o, err := do(k)
	if idempotency.Taken(err) { // the same request came first, a moment ago
		if known, ok, err := k.known(ctx); ok || err != nil {
			return known, err
		}
	}
	var refused *payment.DeclinedError
	if k.answer != nil && (err == nil || errors.As(err, &refused)) {
		return *k.answer, nil // byte for byte what is stored
	}
	return shown(http.StatusOK, payerOf(o, c.lang), err)
}

// known is the answer that was given to the key. It fails while the first request runs. Once that must have died, the payment
// itself says what came of it.
func (k *keyed) known(ctx context.Context) (exchange.Answer, bool, error) {
	record, found, err := k.p.Idempotency.Find(ctx, k.key)
	switch {
	case err != nil || !found:
		return exchange.Answer{}, false, err
	case record.Done:
		return exchange.Answer{
			Status: record.Status, ContentType: record.ContentType, Body: record.Answer, Header: http.Header{idempotency.Replayed: {"true"}},
		}, true, nil
	}
	if lease := keyLease - k.p.Clock.Now().Sub(record.StartedAt); lease > 0 {
		return exchange.Answer{}, false, record.InUse(min(lease, time.Second))
	}
	return exchange.Answer{}, false, nil
}

// Intent takes the key in the Change that goes before the provider is asked.
func (k *keyed) Intent(c *db.Change, subject string) {
	record := k.key.Start(k.p.Clock.Now(), subject)
	k.begun = &record
	c.Add(record.Started())
}

// Result stores the answer in the Change that makes it true.
func (k *keyed) Result(c *db.Change, object any, err error) error {
	o, _ := object.(payment.Object)
	given, failed := shown(http.StatusOK, payerOf(o, k.caller.lang), err)
	if failed != nil {
		given = refusal(k.caller.x, failed, k.caller.lang)
	}
	k.answer = &given
	if k.begun != nil {
		c.Add(k.begun.Answered(given.Status, given.ContentType, given.Body))
		return nil
	}
	c.Add(k.key.Once(k.p.Clock.Now(), o.ID, given.Status, given.ContentType, given.Body))
	return nil
}
