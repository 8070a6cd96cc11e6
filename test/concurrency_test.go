package test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// together runs n calls at the same moment.
func together[T any](n int, call func(i int) T) []T {
	results := make([]T, n)
	start := make(chan struct{})
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			<-start
			results[i] = call(i)
		})
	}
	close(start)
	running.Wait()
	return results
}

func TestFiftyPostsWithOneKeyMakeOnePayment(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		token := f.token(approved, "")
		made := map[string]bool{}
		for _, a := range together(50, func(int) answer { return f.pay(token, "the-only-one", 1234, true) }) {
			switch {
			case a.err != nil:
				t.Errorf("no answer: %v", a.err)
			case a.status == http.StatusCreated:
				made[a.text("id")] = true
			case a.status == http.StatusConflict && a.text("code") == "idempotency_key_in_use" && a.header.Get("Retry-After") != "":
			default:
				t.Errorf("answered %s", a)
			}
		}
		if len(made) != 1 {
			t.Errorf("made %v, want one payment", made)
		}
		if n := len(f.list("/v1/payments")); n != 1 {
			t.Errorf("%d payments are there, want 1", n)
		}
		if n := len(f.transactions()); n != 1 {
			t.Errorf("the acquirers saw %d authorizations, want 1", n)
		}
	})
}

func TestTwoRefundsOfSixtyOnAHundred(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		token := f.token(approved, "")
		for round := range 5 {
			id := f.pay(token, fmt.Sprintf("pay-%d", round), 100, true).want(t, http.StatusCreated, "pay").text("id")
			succeeded := 0
			for _, a := range together(2, func(i int) answer {
				return f.post("/v1/payments/"+id+"/refund", fmt.Sprintf("refund-%d-%d", round, i), map[string]any{"amount": 60})
			}) {
				switch {
				case a.err == nil && a.status/100 == 2:
					succeeded++
				case a.err != nil || a.status < 400 || a.status >= 500:
					t.Errorf("refund answered %s", a)
				}
			}
			if p := f.get("/v1/payments/" + id); succeeded != 1 || p.number("amount_refunded") != 60 {
				t.Errorf("%d refunds succeeded, payment %s", succeeded, p)
			}
		}
		for _, x := range f.transactions() {
			if x.Refunded != 60 {
				t.Errorf("the acquirer refunded %d of %s", x.Refunded, x.ID)
			}
		}
	})
}
