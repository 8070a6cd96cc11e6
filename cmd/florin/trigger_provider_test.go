package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/florinpay/florin/client"
)

func TestTheTimeForWhichAProviderIsNotCalledDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := errors.New("late")
		ctx, d := endsAfter(t.Context(), 30*time.Second, late)
		defer d.end()
		d.hold(2 * time.Minute)
		if err := rest(ctx, 149*time.Second); err != nil {
			t.Errorf("it ended before its time: %v", err)
		}
		if err := rest(ctx, 2*time.Second); !errors.Is(err, late) {
			t.Errorf("it ended with %v", err)
		}
		if err := because(ctx, context.Canceled); !errors.Is(err, late) {
			t.Errorf("told is %v", err)
		}
	})
}

func TestAPlayWaitsForTheNextProbeOfMoney(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	next, past := now.Add(20*time.Second), now.Add(-time.Second)
	for name, c := range map[string]struct {
		operations []client.ProviderOperation
		want       time.Duration
	}{
		"open":                 {[]client.ProviderOperation{{Operation: "refund"}, {Operation: "authorize", NextProbeAt: &next}}, 20 * time.Second},
		"due":                  {[]client.ProviderOperation{{Operation: "authorize", NextProbeAt: &past}}, 0},
		"another's":            {[]client.ProviderOperation{{Operation: "refund", NextProbeAt: &next}, {Operation: "authorize"}}, 0},
		"nothing is known yet": {nil, 0},
	} {
		if got := untilProbe(&client.ProviderHealth{Operations: c.operations}, now); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
