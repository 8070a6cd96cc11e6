package payment

import (
	"testing"
	"time"
)

// While a provider is down what waits is not looked at all at once: each has a moment of its own.
func TestWhatWaitsForAProviderThatIsDownComesBackSpread(t *testing.T) {
	eachTill(t, func(u *till) {
		down := u.now.Now().Add(10 * time.Minute)
		shutting(u, map[string]time.Time{"alpha refund": down})
		o := u.pay(true)
		moments := map[time.Time]bool{}
		for range 5 {
			r, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 1_000}, alone{})
			if err != nil {
				u.Fatal(err)
			}
			op := u.operation(r.ID)
			op.DueAt = u.now.Now() // somebody looks at it while it is down
			if err := u.dispatch(u.Context(), op); err != nil {
				u.Fatal(err)
			}
			due := u.operation(r.ID).DueAt
			if due.Before(down) || due.After(down.Add(30*time.Second)) {
				u.Errorf("it comes again at %s, of a provider that is back at %s", due, down)
			}
			moments[due] = true
		}
		if len(moments) != 5 {
			u.Errorf("five of them come back at %d moments", len(moments))
		}
	})
}
