package db_test

import (
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
)

func TestADatabaseKeepsToWhatItWasPinnedTo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		must(t, d.Pin(ctx, "keyset", "one"))
		must(t, d.Pin(ctx, "keyset", "one"))
		must(t, d.Pin(ctx, "other", "two"))
		if err := d.Pin(ctx, "keyset", "two"); !fault.Is(err, fault.Conflict) {
			t.Errorf("another value: %v", err)
		}
		must(t, d.Pin(ctx, "keyset", "one"))
	}, schema)
}

func TestOfSeveralWhoPinAtOnceOneValueStays(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		values := []string{"a", "b", "c", "d"}
		outcomes := make(chan error, len(values))
		for _, v := range values {
			go func() { outcomes <- d.Pin(t.Context(), "keyset", v) }()
		}
		kept := 0
		for range values {
			switch err := <-outcomes; {
			case err == nil:
				kept++
			case !fault.Is(err, fault.Conflict):
				t.Error(err)
			}
		}
		if kept != 1 {
			t.Errorf("%d values were kept", kept)
		}
	}, schema)
}
