package audit_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/id"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestRecordsComeBackNewestFirst(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		hands := clock.NewManual(noon)
		ids := id.NewSource(hands, rand.Reader)
		by := audit.By{Actor: "key_1", RequestID: "req_1"}
		for i := range 5 {
			r := by.Record(ids, hands.Now(), "acct_a:test", "thing.changed", fmt.Sprintf("thing_%d", i%2), map[string]string{"n": fmt.Sprint(i)})
			commit(t, d, r)
			hands.Advance(time.Second)
		}
		commit(t, d, audit.System.Record(ids, hands.Now(), "acct_b:test", "thing.changed", "thing_0", nil))

		got, more, err := audit.List(t.Context(), d, "acct_a:test", db.Page{Limit: 2})
		if err != nil || !more || len(got) != 2 {
			t.Fatalf("%v, %t, %v", got, more, err)
		}
		first := got[0]
		if first.Actor != "key_1" || first.RequestID != "req_1" || first.Object != "thing_0" || first.Detail["n"] != "4" || !first.CreatedAt.Equal(noon.Add(4*time.Second)) {
			t.Errorf("newest: %+v", first)
		}
		got, more, err = audit.List(t.Context(), d, "acct_a:test", db.Page{Limit: 10, StartingAfter: got[1].ID})
		if err != nil || more || len(got) != 3 || got[2].Detail["n"] != "0" {
			t.Errorf("the rest: %v, %t, %v", got, more, err)
		}
		about, _, err := audit.About(t.Context(), d, "acct_a:test", "thing_1", db.Page{Limit: 10})
		if err != nil || len(about) != 2 {
			t.Errorf("about one: %v, %v", about, err)
		}
		other, _, err := audit.List(t.Context(), d, "acct_b:test", db.Page{Limit: 10})
		if err != nil || len(other) != 1 || other[0].Actor != "system" || len(other[0].Detail) != 0 {
			t.Errorf("of another merchant: %v, %v", other, err)
		}
	}, audit.Schema)
}

func commit(t *testing.T, d *db.DB, r audit.Record) {
	t.Helper()
	if err := d.Commit(context.Background(), db.NewChange(r.Merchant, r.Row())); err != nil {
		t.Fatal(err)
	}
}

func TestAnAnonymousRecordIsAMistake(t *testing.T) {
	for name, r := range map[string]audit.Record{
		"nobody":  {Merchant: "m", ID: "aud_1", Action: "a.b", Object: "o"},
		"nothing": {Merchant: "m", ID: "aud_1", Actor: "cli", Object: "o"},
		"to what": {Merchant: "m", ID: "aud_1", Actor: "cli", Action: "a.b"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was made into a row")
				}
			}()
			r.Row()
		})
	}
}
