package test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// ended are the statuses that a payment which was asked to capture cannot leave any more.
var ended = map[string]bool{"captured": true, "failed": true, "canceled": true, "expired": true}

// TestKilledBetweenIntentAndResult kills Florin while payments are on their way: some not sent, some at an acquirer that answers late or not
// at all, some answered and not recorded. After the restart each ends as the acquirer has it, once.
func TestKilledBetweenIntentAndResult(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		scenarios := []string{"", "SCENARIO slow", "SCENARIO timeout_after", "SCENARIO timeout_before", "SCENARIO no_webhook"}
		tokens := map[string]string{}
		for _, s := range scenarios {
			tokens[s] = f.token(approved, s)
		}
		for round := range 3 {
			var clients sync.WaitGroup
			stop := make(chan struct{})
			for n := range 6 {
				clients.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						once := fmt.Sprintf("%d-%d-%d", round, n, i)
						if a := f.pay(tokens[scenarios[(n+i)%len(scenarios)]], once, int64(100+i), true); a.err != nil {
							return // killed
						}
					}
				})
			}
			// Another moment each round: while the first are at the acquirer, and with more behind them.
			pause := time.NewTimer(time.Duration(150+400*round) * time.Millisecond)
			<-pause.C
			f.process.kill()
			close(stop)
			clients.Wait()
			f.start()
		}
		f.settled(t)
	})
}

// settled waits until every payment has ended, and compares each with what the acquirers have.
func (f *florin) settled(t *testing.T) {
	t.Helper()
	var payments []map[string]any
	eventually(t, "every payment ends", func() bool {
		payments = f.list("/v1/payments")
		for _, p := range payments {
			if !ended[p["status"].(string)] {
				return false
			}
		}
		return true
	})
	if len(payments) == 0 {
		t.Fatal("no payment was made: nothing was tested")
	}
	held := map[string]int64{} // by the acquirer's own reference
	for _, x := range f.transactions() {
		if x.holdsMoney() {
			held[x.ID] = x.Captured
		}
	}
	captured := 0
	for _, p := range payments {
		reference, _ := p["provider_reference"].(string)
		amount, is := held[reference]
		switch took := p["status"] == "captured"; {
		case took && (!is || float64(amount) != p["amount_captured"]):
			t.Errorf("payment %s is captured, the acquirer has %d as %q", p["id"], amount, reference)
		case !took && is:
			t.Errorf("payment %s is %s, the acquirer holds %d as %q", p["id"], p["status"], amount, reference)
		case took:
			captured++
		}
	}
	if captured != len(held) {
		t.Errorf("%d payments are captured, the acquirers have %d charges", captured, len(held))
	}
	t.Logf("%d payments, %d captured", len(payments), captured)
}

// TestSameKeyAfterACrashIsNotASecondPayment repeats the request that a crash left without an answer.
func TestSameKeyAfterACrashIsNotASecondPayment(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		token := f.token(approved, "SCENARIO timeout_after") // the answer does not come before the crash
		unanswered := make(chan answer, 1)
		go func() { unanswered <- f.pay(token, "once", 4200, true) }()
		eventually(t, "the charge reaches the acquirer", func() bool { return len(f.transactions()) == 1 })
		f.process.kill()
		if a := <-unanswered; a.err == nil {
			t.Fatalf("answered before the crash: %s", a)
		}
		f.start()
		var last answer
		eventually(t, "the repeat is answered", func() bool {
			last = f.pay(token, "once", 4200, true)
			return last.err == nil && last.status != http.StatusConflict && last.text("status") == "captured"
		})
		if n, m := len(f.list("/v1/payments")), f.charges(); n != 1 || m != 1 {
			t.Errorf("%d payments and %d charges, want one of each", n, m)
		}
	})
}
