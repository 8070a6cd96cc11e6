package idempotency_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/idempotency"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const shop = "acct_shop:test"

func key(text string) idempotency.Key {
	return idempotency.Key{Merchant: shop, Method: "POST", Path: "/v1/payments", Key: text, Body: []byte(`{"amount":1}`)}
}

func each(t *testing.T, test func(t *testing.T, d *db.DB, hands *clock.Manual, s *idempotency.Store)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		hands := clock.NewManual(noon)
		test(t, d, hands, idempotency.New(d, idempotency.Options{Clock: hands}))
	}, idempotency.Schema)
}

func commit(t *testing.T, d *db.DB, rows ...db.Row) {
	t.Helper()
	if err := d.Commit(context.Background(), db.NewChange(shop, rows...)); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, s *idempotency.Store, k idempotency.Key) (idempotency.Record, bool) {
	t.Helper()
	r, seen, err := s.Find(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return r, seen
}

func TestAnAnswerComesBackByteForByte(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *clock.Manual, s *idempotency.Store) {
		k := key("a")
		if _, seen := find(t, s, k); seen {
			t.Fatal("seen before it came")
		}
		started := k.Start(noon, "pay_1")
		commit(t, d, started.Started())
		r, seen := find(t, s, k)
		if !seen || r.Done || r.Subject != "pay_1" || !r.StartedAt.Equal(noon) || r.Answer != nil {
			t.Errorf("while it runs: %+v, %t", r, seen)
		}
		body := []byte("{\"id\":\"pay_1\"}\n\x00\xff")
		commit(t, d, started.Answered(201, "application/json", body))
		r, seen = find(t, s, k)
		if !seen || !r.Done || r.Status != 201 || r.ContentType != "application/json" || !bytes.Equal(r.Answer, body) || r.Subject != "pay_1" {
			t.Errorf("answered: %+v, %t", r, seen)
		}
		err := d.Commit(t.Context(), db.NewChange(shop, started.Answered(200, "text/plain", nil)))
		if !fault.Is(err, fault.Stale) || !idempotency.Taken(err) {
			t.Errorf("answered twice: %v", err)
		}
		if again, _ := find(t, s, k); !bytes.Equal(again.Answer, body) {
			t.Error("the second answer took the place of the first")
		}
	})
}

func TestARecordThatWasFoundCanBeAnswered(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *clock.Manual, s *idempotency.Store) {
		k := key("crash")
		commit(t, d, k.Started(noon, "pay_1"))
		found, _ := find(t, s, k)
		commit(t, d, found.Answered(200, "application/json", []byte("{}")))
		if r, _ := find(t, s, k); !r.Done || r.Status != 200 {
			t.Errorf("got %+v", r)
		}
	})
}

func TestOneChangeCanStartAndAnswer(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *clock.Manual, s *idempotency.Store) {
		k := key("once")
		commit(t, d, k.Once(noon, "", 204, "", nil))
		if r, seen := find(t, s, k); !seen || !r.Done || r.Status != 204 || len(r.Answer) != 0 || r.Subject != "" {
			t.Errorf("got %+v, %t", r, seen)
		}
	})
}

func TestAnotherRequestWithTheKeyIsRefused(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *clock.Manual, s *idempotency.Store) {
		commit(t, d, key("a").Started(noon, "pay_1"))
		for name, change := range map[string]func(*idempotency.Key){
			"body":  func(k *idempotency.Key) { k.Body = []byte(`{"amount":2}`) },
			"query": func(k *idempotency.Key) { k.Query = "x=1" },
		} {
			k := key("a")
			change(&k)
			if _, seen, err := s.Find(t.Context(), k); !fault.Is(err, fault.Reused) || seen {
				t.Errorf("another %s: %t, %v", name, seen, err)
			}
		}
		for name, change := range map[string]func(*idempotency.Key){
			"merchant": func(k *idempotency.Key) { k.Merchant = "acct_other:test" },
			"mode":     func(k *idempotency.Key) { k.Merchant = "acct_shop:live" },
			"path":     func(k *idempotency.Key) { k.Path = "/v1/refunds" },
			"method":   func(k *idempotency.Key) { k.Method = "PATCH" },
		} {
			k := key("a")
			change(&k)
			if _, seen := find(t, s, k); seen {
				t.Errorf("the key counts for another %s", name)
			}
		}
	})
}

func TestOneOfFiftyTakesTheKey(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *clock.Manual, s *idempotency.Store) {
		errs := make([]error, 50)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				row := key("one").Started(noon, fmt.Sprintf("pay_%d", i))
				errs[i] = d.Commit(context.WithoutCancel(t.Context()), db.NewChange(shop, row))
			})
		}
		all.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case err == nil:
				t.Error("two took it")
			case !fault.Is(err, fault.Exists) || !idempotency.Taken(err):
				t.Errorf("a loser got %v", err)
			}
		}
		if r, _ := find(t, s, key("one")); r.Subject != fmt.Sprintf("pay_%d", winner) {
			t.Errorf("the record is of %s, the winner is %d", r.Subject, winner)
		}
		err := d.Commit(t.Context(), db.NewChange(shop, key("one").Once(noon, "", 200, "", nil)))
		if !idempotency.Taken(err) {
			t.Errorf("once: %v", err)
		}
	})
}

func TestKeysArePrunedWhenTheirTimeIsOver(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, hands *clock.Manual, s *idempotency.Store) {
		old := make([]db.Row, 0, 1200)
		for i := range cap(old) {
			old = append(old, key(fmt.Sprint("old", i)).Once(noon, "", 200, "application/json", []byte("{}")))
		}
		commit(t, d, old...)
		hands.Advance(time.Hour)
		commit(t, d, key("young").Started(hands.Now(), "pay_1"))
		for _, step := range []struct {
			wait   time.Duration
			pruned int64
		}{{23*time.Hour - time.Microsecond, 0}, {2 * time.Microsecond, 1200}, {0, 0}, {time.Hour, 1}} {
			hands.Advance(step.wait)
			if n, err := s.Prune(t.Context()); n != step.pruned || err != nil {
				t.Errorf("after %v: pruned %d, %v; want %d", step.wait, n, err, step.pruned)
			}
		}
		commit(t, d, key("old1").Started(hands.Now(), "pay_2")) // the key is free again
	})
}

func TestASecondAnswerToAFoundRecordIsAMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was made into a row")
		}
	}()
	idempotency.Record{Done: true}.Answered(200, "", nil)
}

func TestInUseSaysWhenToComeBack(t *testing.T) {
	err := idempotency.Record{}.InUse(3 * time.Second)
	f, ok := err.(*fault.Error)
	if !ok || f.Kind != fault.InUse || f.Code != idempotency.CodeKeyInUse || f.RetryAfter != 3*time.Second {
		t.Errorf("got %#v", err)
	}
}
