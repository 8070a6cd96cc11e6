package db_test

import (
	"errors"
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
)

func TestAChangeLandsWholeAndIsReadBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := thing{merchant: "m", id: "a", amount: 7, slot: "s", body: []byte{0, 1, 255}}
		if err := d.Commit(t.Context(), db.NewChange("m", x.insert(), note("m", "a", 1), note("m", "a", -1))); err != nil {
			t.Fatal(err)
		}
		got := getThing(t, d, "m", "a")
		if got.amount != 7 || got.slot != "s" || string(got.body) != "\x00\x01\xff" || got.version != 1 || !got.due.IsZero() {
			t.Errorf("read back %+v", got)
		}
		got.amount, got.slot, got.body = 8, "", nil
		if err := d.Commit(t.Context(), db.NewChange("m", got.update())); err != nil {
			t.Fatal(err)
		}
		if got = getThing(t, d, "m", "a"); got.amount != 8 || got.slot != "" || got.body != nil || got.version != 2 {
			t.Errorf("read back %+v", got)
		}
	}, schema)
}

func TestALostCompareAndSetIsStaleAndADuplicateExists(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := thing{merchant: "m", id: "a", version: 1}
		if err := d.Commit(t.Context(), db.NewChange("m", x.insert())); err != nil {
			t.Fatal(err)
		}
		if err := d.Commit(t.Context(), db.NewChange("m", x.update())); err != nil {
			t.Fatal(err)
		}
		err := d.Commit(t.Context(), db.NewChange("m", x.update(), entries.Insert("m", "e", int64(1))))
		isConflict(t, err, fault.Stale, "thing")
		err = d.Commit(t.Context(), db.NewChange("m", entries.Insert("m", "e", int64(1)), x.insert()))
		isConflict(t, err, fault.Exists, "thing")
		if n := count(t, d, entries); n != 0 {
			t.Errorf("%d rows of losers landed", n)
		}
	}, schema)
}

func isConflict(t testing.TB, err error, kind fault.Kind, table string) {
	t.Helper()
	var c *db.Conflict
	if !errors.As(err, &c) || c.Kind != kind || c.Table != table || fault.Of(err) != kind {
		t.Errorf("got %v, want kind %d of %s", err, kind, table)
	}
}
