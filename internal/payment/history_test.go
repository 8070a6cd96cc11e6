package payment

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/routing/adaptive"
)

// student is a router that learns, and meanwhile asks the accounts by turns.
type student struct {
	backwards
	learned *routing.Learned
}

func (s *student) Plan(ctx context.Context, r routing.Request) (routing.Decision, error) {
	if len(s.asked)%2 == 0 {
		s.asked = append(s.asked, r)
		return inOrder(r, routing.Adaptive), nil
	}
	return s.backwards.Plan(ctx, r)
}

func (s *student) Observe(o routing.Outcome) {
	s.heard = append(s.heard, o)
	s.learned.Learn(o)
}

func newStudent() *student {
	return &student{learned: routing.NewLearned(adaptive.Config{Temperature: adaptive.Greedy})}
}

func (s *student) rank(now time.Time) []routing.Ranked {
	return s.learned.Rank(&routing.Request{
		Merchant: shop, Payment: "pay_1", Method: "card", Country: s.asked[0].Country, BIN: s.asked[0].BIN, At: now,
		Candidates: []routing.Candidate{{Account: "alpha"}, {Account: "beta"}},
	})
}

// lesson is everything that has happened until now.
func (u *till) lesson() Span {
	return Span{From: noon, Before: u.now.Now().Add(time.Second), Most: 1000}
}

func TestARestartRanksAsBefore(t *testing.T) {
	// Alpha is asked first by every other payment; every other of these is for beta, because the issuer cannot be reached by alpha.
	var mishaps []mishap
	for range 8 {
		mishaps = append(mishaps, declined91, fine, fine, fine, fine)
	}
	eachPair(t, func(u *till) {
		before := newStudent()
		u.Router = before
		for range 32 {
			u.pay(true)
			u.now.Advance(time.Minute)
		}
		want := before.rank(u.now.Now())
		if want[0].Account != "beta" || want[0].Score < want[1].Score+10_000 || len(before.heard) != 40 {
			u.Fatalf("%d outcomes taught %+v", len(before.heard), want)
		}
		after := newStudent()
		after.asked = before.asked
		if got := after.rank(u.now.Now()); got[0].Reason != string(adaptive.Unknown) {
			u.Fatalf("it knows something already: %+v", got)
		}
		n, err := NewHistory(u.DB).Teach(u.Context(), u.lesson(), after.learned.Warm)
		if err != nil || n != 40 {
			u.Fatalf("%d attempts, %v, want 40", n, err)
		}
		for i, got := range after.rank(u.now.Now()) {
			if off := got.Score - want[i].Score; got.Account != want[i].Account || got.Reason != want[i].Reason || off > 20_000 || off < -20_000 {
				u.Errorf("place %d: %+v after the restart, %+v before", i, got, want[i])
			}
		}
	}, mishaps...)
}

func TestHistoryTellsWhatTheRouterHeard(t *testing.T) {
	eachPair(t, func(u *till) {
		s := newStudent()
		u.Router = s
		for range 5 {
			if _, err := u.Create(u.Context(), order(false), alone{}); err != nil && !errors.As(err, new(*DeclinedError)) {
				u.Fatal(err)
			}
			u.now.Advance(time.Minute)
		}
		h := NewHistory(u.DB)
		h.page = 2
		var all []Past
		for p, err := range h.Read(u.Context(), shop, u.lesson()) {
			if err != nil {
				u.Fatal(err)
			}
			all = append(all, p)
		}
		if len(s.heard) != 7 || len(all) != len(s.heard) {
			u.Fatalf("%d outcomes were heard of, %d are stored", len(s.heard), len(all))
		}
		slices.Reverse(all)
		for i, p := range all {
			got := routing.Outcome{Merchant: shop, Account: p.Account, Method: p.Method, Country: p.Country, BIN: p.BIN, Approved: p.Approved, Kind: p.Kind, At: p.At}
			want := s.heard[i]
			if len(want.Decision.Ranked) != 2 || len(p.Candidates) != 2 || p.First != (want.Account == want.Decision.Ranked[0].Account) {
				u.Errorf("%d: %+v of %+v", i, p, want.Decision)
			}
			want.Decision = routing.Decision{}
			if got.At.Equal(want.At) {
				got.At = want.At
			}
			if !sameOutcome(got, want) {
				u.Errorf("%d: stored is %+v, heard was %+v", i, got, want)
			}
		}
	}, declined91, fine, declined51, refused, fine, fine, fine)
}

func sameOutcome(a, b routing.Outcome) bool {
	return a.Merchant == b.Merchant && a.Account == b.Account && a.Method == b.Method && a.Country == b.Country && a.BIN == b.BIN &&
		a.Approved == b.Approved && a.Kind == b.Kind && a.At.Equal(b.At)
}

func TestAnApprovalStaysOneWhateverBecomesOfTheMoney(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Router = newStudent()
		held := u.pay(false)
		at := u.now.Now()
		u.now.Advance(time.Hour)
		if _, err := u.Cancel(u.Context(), shop, held.ID, "", alone{}); err != nil {
			u.Fatal(err)
		}
		for p, err := range NewHistory(u.DB).Read(u.Context(), shop, u.lesson()) {
			if err != nil || !p.Approved || !p.At.Equal(at) {
				u.Errorf("%+v, %v, want an approval at %s", p, err, at)
			}
		}
	})
}

func TestNoMoreIsReadThanMayBe(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Router = newStudent()
		var ends []time.Time
		for range 6 {
			ends = append(ends, u.now.Now())
			u.pay(true)
			u.now.Advance(time.Hour)
		}
		h := NewHistory(u.DB)
		h.page = 2
		span := u.lesson()
		for name, c := range map[string]struct {
			change func(*Span)
			want   []time.Time
		}{
			"the newest": {func(s *Span) { s.Most = 3 }, []time.Time{ends[5], ends[4], ends[3]}},
			"none":       {func(s *Span) { s.Most = 0 }, nil},
			"young ones": {func(s *Span) { s.From = ends[4] }, []time.Time{ends[5], ends[4]}},
			"old ones":   {func(s *Span) { s.Before = ends[2] }, []time.Time{ends[1], ends[0]}},
		} {
			s := span
			c.change(&s)
			var got []time.Time
			for p, err := range h.Read(u.Context(), shop, s) {
				if err != nil {
					u.Fatal(err)
				}
				got = append(got, p.At)
			}
			if !slices.EqualFunc(got, c.want, time.Time.Equal) {
				u.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		if n, err := h.Teach(u.Context(), span, newStudent().learned.Warm); n != 6 || err != nil {
			u.Errorf("%d taught, %v", n, err)
		}
		gone, stop := context.WithCancel(u.Context())
		stop()
		if n, err := h.Teach(gone, span, newStudent().learned.Warm); n != 0 || err == nil {
			u.Errorf("without time %d taught, %v", n, err)
		}
		if tenants, err := h.Tenants(u.Context(), 10); err != nil || !slices.Equal(tenants, []string{shop}) {
			u.Errorf("%v, %v", tenants, err)
		}
		if first, ok := id.Time(u.pay(true).ID, id.Payment); !ok || first.Before(noon) {
			u.Errorf("an id from %s", first)
		}
	})
}

func TestWhatIsKnownOfAPaymentIsReadWithItsAttemptsIfItIsAskedFor(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Router = newStudent()
		in := order(true)
		in.Metadata = map[string]string{"tier": "gold"}
		one, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.now.Advance(time.Minute)
		two := u.pay(true)
		u.now.Advance(time.Minute)
		h := NewHistory(u.DB)
		for _, page := range []int{1, 2, 500} {
			h.page = page
			span := u.lesson()
			for p, err := range h.Read(u.Context(), shop, span) {
				if err != nil || p.Brand != "" || p.Metadata != nil {
					u.Errorf("not asked for: %+v, %v", p, err)
				}
			}
			span.Facts = true
			var got []Past
			for p, err := range h.Read(u.Context(), shop, span) {
				if err != nil {
					u.Fatal(err)
				}
				got = append(got, p)
			}
			if len(got) != 2 || got[0].Payment != two.ID || got[1].Payment != one.ID || got[1].Metadata["tier"] != "gold" || got[0].Metadata != nil ||
				got[1].Brand != one.PaymentMethod.Card.Brand || got[1].Funding != one.PaymentMethod.Card.Funding || got[1].Brand == "" || got[1].OffSession {
				u.Errorf("by %d: %+v", page, got)
			}
		}
	})
}

func TestTheBrandOfAnotherCardIsNotThatOfAnAttempt(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Router = newStudent()
		o := u.pay(true)
		p, err := u.store.payment(u.Context(), shop, o.ID)
		if err != nil {
			u.Fatal(err)
		}
		p.Method.BIN, p.Method.Brand = "555555", "mastercard"
		row, err := paymentRow(p)
		if err != nil {
			u.Fatal(err)
		}
		if err := u.DB.Commit(u.Context(), db.NewChange(shop, row)); err != nil {
			u.Fatal(err)
		}
		u.now.Advance(time.Minute)
		span := u.lesson()
		span.Facts = true
		for past, err := range NewHistory(u.DB).Read(u.Context(), shop, span) {
			if err != nil || past.Brand != "" || past.Funding != "" || past.BIN == "555555" {
				u.Errorf("%+v, %v", past, err)
			}
		}
	})
}

func TestItIsSaidWhenThereIsMoreThanMayBeRead(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Router = newStudent()
		for range 4 {
			u.pay(true)
			u.now.Advance(time.Minute)
		}
		h := NewHistory(u.DB)
		h.page = 2
		for most, want := range map[int]bool{1: true, 2: true, 3: true, 4: false, 5: false} {
			span := u.lesson()
			span.Most = most
			past, more := h.Newest(u.Context(), shop, span)
			n := 0
			for _, err := range past {
				if err != nil {
					u.Fatal(err)
				}
				n++
			}
			if n != min(most, 4) || more() != want {
				u.Errorf("of %d at most %d were read, more: %t", most, n, more())
			}
		}
	})
}
