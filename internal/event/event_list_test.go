package event

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
)

func TestEventsAreListedBySeveralTypes(t *testing.T) {
	eachRiver(t, func(t *testing.T, r *river) {
		kinds := []Type{PaymentCreated, PaymentCaptured, RefundFailed}
		var all []Event // newest first
		for i := range 20 {
			r.now.Advance(time.Second)
			all = append([]Event{r.happens(kinds[i%3])}, all...)
		}
		asked := []Type{PaymentCreated, RefundFailed}
		wanted := slices.DeleteFunc(slices.Clone(all), func(e Event) bool { return !slices.Contains(asked, e.Type) })
		list := func(p db.Page, types []Type, subject string) ([]string, bool) {
			t.Helper()
			found, more, err := r.streams.store.EventsOf(t.Context(), r.tenant, p, types, subject)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, e := range found {
				ids = append(ids, e.ID)
			}
			return ids, more
		}
		for _, limit := range []int{1, 3, 5, len(wanted), len(wanted) + 1} {
			at, from := db.Page{Limit: limit}, 0
			for more := true; more; from += limit {
				var got []string
				got, more = list(at, asked, "")
				to := min(from+limit, len(wanted))
				wantIDs(t, got, wanted[from:to]...)
				if more != (to < len(wanted)) {
					t.Errorf("behind %d of %d: more %t", to, len(wanted), more)
				}
				at.StartingAfter = got[len(got)-1]
			}
			got, more := list(db.Page{Limit: limit, EndingBefore: all[len(all)-1].ID}, asked, "pay_1")
			newer := wanted[:len(wanted)-1]
			wantIDs(t, got, newer[max(0, len(newer)-limit):]...)
			if more != (limit < len(newer)) {
				t.Errorf("before the oldest, %d: more %t", limit, more)
			}
		}
		if got, _ := list(db.Page{Limit: 100}, asked, "pay_2"); len(got) != 0 {
			t.Errorf("of another object: %v", got)
		}
		got, _ := list(db.Page{Limit: 100}, nil, "")
		wantIDs(t, got, all...)
	})
}
