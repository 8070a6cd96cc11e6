package payment

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/retry"
)

// desk is an acquirer before whose desk requests queue until the test lets them through.
type desk struct {
	*acquirer
	here chan string // the references of those who came
	open chan struct{}
	now  atomic.Int64
	most atomic.Int64 // as many were there at once
}

func newDesk(q *acquirer) *desk {
	return &desk{acquirer: q, here: make(chan string, 1000), open: make(chan struct{})}
}

func (d *desk) Authorize(ctx context.Context, account provider.Account, r provider.Authorization) provider.Outcome {
	now := d.now.Add(1)
	for most := d.most.Load(); now > most && !d.most.CompareAndSwap(most, now); most = d.most.Load() {
	}
	defer d.now.Add(-1)
	d.here <- r.Reference
	<-d.open
	return d.acquirer.Authorize(ctx, account, r)
}

// come waits until as many have come.
func (d *desk) come(n int) {
	for range n {
		<-d.here
	}
}

// rush is many payments at once.
type rush struct {
	u     *till
	group sync.WaitGroup
	ended chan string // the rule that refused each; empty: its issuer was asked
}

func (u *till) rush() *rush { return &rush{u: u, ended: make(chan string, 1000)} }

// at makes n payments at a node.
func (r *rush) at(s *Service, n int, in Create) {
	for range n {
		r.group.Go(func() {
			_, err := s.Create(r.u.Context(), in, alone{})
			var refused *DeclinedError
			if err != nil && !errors.As(err, &refused) {
				r.u.Errorf("a payment: %v", err)
			}
			if refused == nil {
				r.ended <- ""
				return
			}
			r.ended <- refused.Rule
		})
	}
}

// next waits for as many ends, and tells how many of them were refused by a rule.
func (r *rush) next(n int) (refused int) {
	for range n {
		if <-r.ended != "" {
			refused++
		}
	}
	return refused
}

// empty fails the test if a service still knows of a try.
func (u *till) empty(s *Service) {
	u.Helper()
	if n := s.gate.Len(); n != 0 {
		u.Errorf("tries of %d cards are still under way", n)
	}
}

const visaLimit = 15

func TestOfManyFirstTriesAtOnceExactlyTheLimitIsSent(t *testing.T) {
	const at = 60
	for name, hold := range map[string]bool{"while all are open": true, "while some are declined": false} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				for round := range int64(2) {
					q := newDesk(newAcquirer(slices.Repeat([]mishap{declined51}, at)...))
					u.Providers = provider.Registry{"fake": q}
					in := order(true)
					in.Amount += round // each has its own count
					r := u.rush()
					if !hold {
						close(q.open)
					}
					r.at(u.Service, at, in)
					if hold {
						q.come(visaLimit)
						if len(r.ended) != 0 {
							u.Errorf("%d ended before anybody was declined", len(r.ended))
						}
						close(q.open)
					}
					r.group.Wait()
					if n := r.next(at); n != at-visaLimit || q.calls != visaLimit || q.most.Load() > visaLimit {
						u.Fatalf("round %d: %d tries were sent, %d at once, %d were refused", round, q.calls, q.most.Load(), n)
					}
					u.empty(u.Service)
					if _, rule := u.again(in); rule != "visa_declines" {
						u.Errorf("the next one is refused by %q", rule)
					}
				}
			})
		})
	}
}

// What everybody does first: many payments of one card at one amount. Nobody declines them, so nobody refuses them, and nothing is written that
// they would meet at.
func TestOfManyApprovedPaymentsAtOnceNoneIsRefused(t *testing.T) {
	const at = 200
	eachTill(t, func(u *till) {
		q := newDesk(u.q)
		u.Providers = provider.Registry{"fake": q}
		r := u.rush()
		r.at(u.Service, at, order(true))
		q.come(visaLimit) // as many as may be declined
		for n := range at {
			q.open <- struct{}{}
			if n < at-visaLimit {
				q.come(1) // the next one takes its place
			}
		}
		r.group.Wait()
		if n := r.next(at); n != 0 || u.q.calls != at || q.most.Load() != visaLimit {
			u.Errorf("%d were refused, %d sent, %d at once", n, u.q.calls, q.most.Load())
		}
		if n, _ := u.q.charged(); n != at {
			u.Errorf("%d are paid", n)
		}
		u.unwritten()
	})
}

// unwritten fails the test if there is a history of the card and the amount of most tests.
func (u *till) unwritten() {
	u.Helper()
	if h, err := u.recorded(u.Context(), u.tried1()); err != nil || h.Version != 0 {
		u.Errorf("there is a history: %+v, %v", h, err)
	}
}

// The first ones are approved, and then the money is gone: of those who wait as many more are sent as may be declined.
func TestApprovalsAndThenDeclinesAtOnce(t *testing.T) {
	const at, approved = 60, 20
	eachTill(t, func(u *till) {
		q := newDesk(newAcquirer(append(make([]mishap, approved), slices.Repeat([]mishap{declined51}, at)...)...))
		u.Providers, u.spoilt = provider.Registry{"fake": q}, true // there is another acquirer
		r := u.rush()
		r.at(u.Service, at, order(true))
		close(q.open)
		r.group.Wait()
		if n := r.next(at); q.calls != approved+visaLimit || n != at-approved-visaLimit || q.most.Load() > visaLimit {
			u.Errorf("%d were sent, %d at once, %d refused", q.calls, q.most.Load(), n)
		}
		if n, _ := q.charged(); n != approved {
			u.Errorf("%d are paid", n)
		}
	})
}

// A card that was declined once, and is approved now: its history is written by each of them, one after the other, and nobody loses.
func TestManyApprovedPaymentsOfACardThatWasDeclinedAreAllPaid(t *testing.T) {
	const at = 60
	eachTill(t, func(u *till) {
		u.again(order(true))
		r := u.rush()
		r.at(u.Service, at, order(true))
		r.group.Wait()
		if n := r.next(at); n != 0 {
			u.Errorf("%d were refused", n)
		}
		if n, _ := u.q.charged(); n != at {
			u.Errorf("%d are paid", n)
		}
	}, declined51)
}

// unasked is a Companion of a request of which nothing may be written.
type unasked struct{ *till }

func (w unasked) Intent(*db.Change, string) { w.Error("an intent is written") }

func (w unasked) Result(*db.Change, any, error) error {
	w.Error("an answer is written")
	return nil
}

func TestWhoWaitsForOthersOfItsCardInVainIsToldToComeAgain(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Networks, u.Crowd = three(), time.Millisecond
		q := newDesk(u.q)
		u.Providers = provider.Registry{"fake": q}
		r := u.rush()
		r.at(u.Service, 3, order(true))
		q.come(3) // and there they hang
		over, cancel := context.WithTimeout(u.Context(), 0)
		defer cancel()
		for name, ctx := range map[string]context.Context{"patience": u.Context(), "context": over} {
			_, err := u.Create(ctx, order(true), unasked{u})
			var told *fault.Error
			if name == "patience" && (!errors.As(err, &told) || told.Kind != fault.Unavailable || told.Code != fault.CodeOverloaded || told.RetryAfter <= 0) || err == nil {
				u.Errorf("%s: told %v", name, err)
			}
		}
		all, _, err := u.List(u.Context(), shop, Page{Limit: 10}, Filter{})
		if err != nil || len(all) != 3 {
			u.Errorf("%d payments are written, %v", len(all), err)
		}
		close(q.open)
		r.group.Wait()
		if o, rule := u.again(order(true)); rule != "" || o.Status != Captured {
			u.Errorf("then: %s by %q", o.Status, rule)
		}
	})
}

// The worker's hands are few: none of them waits.
func TestATryOfTheWorkersIsPutOffWhileOthersOfItsCardAreInTheWay(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Networks = three()
		method := u.agreement()
		u.q.mishaps = []mishap{declined51}
		o := u.charge(method, &Smart{Until: u.now.Now().Add(14 * 24 * time.Hour), MaxTries: 4})
		q := newDesk(u.q)
		u.Providers = provider.Registry{"fake": q}
		r := u.rush()
		r.at(u.Service, 2, by(method, Asked{}))
		q.come(2) // with the decline that is as many as may be declined
		before := u.q.calls
		o = u.untilTried(o)
		if o.Status != Processing || o.NextRetryAt == nil || !o.NextRetryAt.After(u.now.Now().Add(-time.Second)) || len(o.Attempts) != 1 || len(q.here) != 0 || u.q.calls != before {
			u.Fatalf("%s, next %v, %d attempts", o.Status, o.NextRetryAt, len(o.Attempts))
		}
		close(q.open)
		r.group.Wait()
		if o = u.untilTried(o); o.Status != Captured {
			u.Errorf("then it is %s, %+v", o.Status, o.Failure)
		}
	})
}

func TestAnApprovedTryWritesNoHistory(t *testing.T) {
	eachTill(t, func(u *till) {
		for range 3 {
			u.pay(true)
		}
		u.unwritten()
	})
}

// Payers who come back from their banks at the same moment: their money was not asked for yet, and is for as many as the limit lets through.
func TestOfPayersWhoAreBackAtOnceExactlyTheLimitIsCharged(t *testing.T) {
	const at = 8
	for name, declines := range map[string]bool{"declined": true, "approved": false} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				u.Networks = three()
				u.q.issuer.status = "C"
				in := order(true)
				in.Choice.Token = tokenGerman
				var all []Object
				for range at {
					o, err := u.Create(u.Context(), in, alone{})
					if err != nil || o.Status != RequiresAction {
						u.Fatalf("%+v, %v", o, err)
					}
					u.q.finish(o.ID+"-1", passes)
					all = append(all, o)
				}
				want := at
				if declines {
					u.q.mishaps, want = slices.Repeat([]mishap{declined51}, at), 3
				}
				var group sync.WaitGroup
				for _, o := range all {
					group.Go(func() {
						_, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{})
						var refused *DeclinedError
						if errors.As(err, &refused) != declines || err != nil && refused == nil {
							u.Errorf("a payer is told %v", err)
						}
					})
				}
				group.Wait()
				if len(u.q.asked) != want {
					u.Errorf("%d were charged", len(u.q.asked))
				}
			})
		})
	}
}

// The answer to a question for the payer's identity was lost. Whoever asks it again later looks at the card's history anew.
func TestATryThatIsFoundLaterIsNotChargedOnACardThatMayNotBeTried(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.mishaps, u.q.timeout = []mishap{noArrival, noArrival}, askedTwice
		in := order(true)
		in.Choice.Token = tokenGerman
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil || o.Status != Processing {
			u.Fatalf("%+v, %v", o, err)
		}
		u.q.issuer.status = "C"
		banned, err := u.Create(u.Context(), in, alone{})
		if err != nil || banned.Status != RequiresAction {
			u.Fatalf("%+v, %v", banned, err)
		}
		u.q.issuer.status, u.q.mishaps = "", []mishap{declined03}
		u.q.finish(banned.ID+"-1", passes)
		var refused *DeclinedError
		if _, err = u.Confirm(u.Context(), shop, banned.ID, Confirmation{}, alone{}); !errors.As(err, &refused) {
			u.Fatal(err)
		}
		calls := u.q.calls
		u.later(time.Minute)
		if o = u.status(o.ID); o.Status != Failed || o.Failure == nil || o.Failure.RetryRule != retry.NeverAgain || u.q.calls != calls {
			u.Errorf("%s after %d calls: %+v", o.Status, u.q.calls-calls, o.Failure)
		}
	})
}

// dying is a Companion whose process dies before its intent is written.
type dying struct{ alone }

func (dying) Intent(*db.Change, string) { panic(errCrash) }

func TestATryThatFailsLeavesNothingBehind(t *testing.T) {
	eachTill(t, func(u *till) {
		d := &diary{}
		if _, err := u.Create(u.Context(), order(true), d); err != nil {
			u.Fatal(err)
		}
		taken := Create{}
		for name, do := range map[string]func() error{
			"dies before": func() error { _, err := u.Create(u.Context(), order(true), dying{}); return err },
			"dies within": func() error {
				u.q.mishaps = []mishap{diesBefore}
				_, err := u.Create(u.Context(), order(true), alone{})
				return err
			},
			"lost answer": func() error { _, err := u.Create(u.Context(), order(true), crash{}); return err },
		} {
			if err := dies(do); !errors.Is(err, errCrash) {
				u.Errorf("%s: %v", name, err)
			}
			u.empty(u.Service)
		}
		taken = order(true)
		if _, err := u.Create(u.Context(), taken, twice{u}); !fault.Is(err, fault.Exists) {
			u.Errorf("a key that is taken: %v", err)
		}
		u.empty(u.Service)
		ctx, cancel := context.WithCancel(u.Context())
		cancel()
		if _, err := u.Create(ctx, order(true), alone{}); err == nil {
			u.Error("a request that is over has paid")
		}
		u.empty(u.Service)
		u.later(time.Hour)
	})
}

// twice is a Companion whose rows are there already.
type twice struct{ *till }

func (t twice) Intent(c *db.Change, subject string) {
	d := &diary{}
	if err := t.DB.Commit(t.Context(), func() *db.Change { c := db.NewChange(shop); d.Intent(c, subject); return c }()); err != nil {
		t.Error(err)
	}
	d.Intent(c, subject)
}

func (twice) Result(*db.Change, any, error) error { return nil }
