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

// node is another process at the same database.
func (u *till) node() *Service {
	o := u.Options
	o.Metrics = nil
	return New(o)
}

// Nodes do not know of each other's first tries until one of them is declined.
func TestEachNodeSendsTheLimitAtMostUntilItHearsOfADecline(t *testing.T) {
	const at = 20
	eachTill(t, func(u *till) {
		nodes := []*Service{u.Service, u.node(), u.node()}
		for round, hold := range []bool{true, false, false} {
			q := newDesk(newAcquirer(slices.Repeat([]mishap{declined51}, 3*at)...))
			for _, s := range nodes {
				s.Providers = provider.Registry{"fake": q}
			}
			in := order(true)
			in.Amount += int64(round)
			r := u.rush()
			if !hold {
				close(q.open)
			}
			for _, s := range nodes {
				r.at(s, at, in)
			}
			if hold { // the worst that there is: all of them are sent before one is declined
				q.come(len(nodes) * visaLimit)
				close(q.open)
			}
			r.group.Wait()
			if q.calls < visaLimit || q.calls > len(nodes)*visaLimit || hold && q.calls != len(nodes)*visaLimit {
				u.Errorf("round %d: %d tries were sent", round, q.calls)
			}
			for _, s := range nodes {
				u.empty(s)
				if n := q.calls; u.rush().refused(s, in) != 3 || q.calls != n {
					u.Errorf("round %d: afterwards %d more were sent", round, q.calls-n)
				}
			}
		}
	})
}

// refused makes three payments at a node, and tells how many of them a rule refused.
func (r *rush) refused(s *Service, in Create) int {
	r.at(s, 3, in)
	r.group.Wait()
	return r.next(3)
}

func TestFromTheFirstDeclineOnNodesTogetherKeepTheLimit(t *testing.T) {
	const at = 20
	eachTill(t, func(u *till) {
		q := newDesk(newAcquirer(slices.Repeat([]mishap{declined51}, 2*at)...))
		u.Providers = provider.Registry{"fake": q}
		close(q.open)
		other := u.node()
		r := u.rush()
		r.at(u.Service, 1, order(true))
		r.group.Wait()
		r.at(u.Service, at, order(true))
		r.at(other, at, order(true))
		r.group.Wait()
		if n := r.next(2*at + 1); q.calls != visaLimit || n != 2*at+1-visaLimit {
			u.Errorf("%d were sent, %d refused", q.calls, n)
		}
		u.empty(other)
	})
}

func TestWhoPaysTwiceAtOnceIsNotBanned(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Networks = three()
		for range 4 { // eight payments, where three declines are too many
			q := newDesk(u.q)
			u.Providers = provider.Registry{"fake": q}
			r := u.rush()
			r.at(u.Service, 2, order(true))
			<-q.here
			<-q.here
			close(q.open)
			if n := r.next(2); n != 0 {
				u.Fatalf("%d of two at once are refused", n)
			}
			r.group.Wait()
		}
		if o, rule := u.again(order(true)); rule != "" || o.Status != Captured {
			u.Errorf("a later one: %s by %q", o.Status, rule)
		}
		u.unwritten()
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

// tried1 is a payment with the card and the amount of most tests.
func (u *till) tried1() Payment {
	u.Helper()
	card, err := cards{}.Describe(u.Context(), shop, token)
	if err != nil {
		u.Fatal(err)
	}
	return Payment{Merchant: shop, Amount: euros(10_000), Method: Method{Description: card}}
}

// While as many are open as may be declined, the next one waits: all of them may be.
func TestAsManyOpenTriesAsTheLimitKeepTheNextOneWaiting(t *testing.T) {
	for name, then := range map[string][]mishap{"approved": nil, "declined": slices.Repeat([]mishap{declined51}, 3)} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				u.Networks = three()
				q := newDesk(u.q)
				u.q.mishaps = then
				u.Providers = provider.Registry{"fake": q}
				r := u.rush()
				r.at(u.Service, 4, order(true))
				q.come(3)
				for range 2 {
					q.open <- struct{}{}
				}
				if then == nil {
					q.come(1)
				}
				close(q.open)
				r.group.Wait()
				if n, want := r.next(4), len(then)/3; n != want || u.q.calls != 4-want {
					u.Errorf("%d were refused, %d sent", n, u.q.calls)
				}
			})
		})
	}
}

// A try whose outcome nobody knows, or whose payer is at a page of the provider's, has left its request: the history of the card tells of it.
func TestATryThatIsLeftOpenIsCountedFromTheStart(t *testing.T) {
	for name, leave := range map[string]func(u *till){
		"unknown": func(u *till) { u.q.mishaps = []mishap{noAnswer, noAnswer, noAnswer} },
		"pending": func(u *till) { u.q.mishaps = []mishap{leftOpen, leftOpen, leftOpen} },
		"at a page": func(u *till) {
			u.q.issuer.page = true
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				u.Networks = three()
				leave(u)
				for n := range 3 {
					if o, rule := u.again(order(true)); rule != "" || o.Status != Processing && o.Status != RequiresAction {
						u.Fatalf("try %d: %s by %q", n, o.Status, rule)
					}
				}
				if _, rule := u.again(order(true)); rule != "visa" {
					u.Errorf("the fourth is refused by %q", rule)
				}
			})
		})
	}
}

// The first provider cannot be reached: tries go on at the next one, and take their places along, so that all of them may.
func TestTriesThatGoOnElsewhereKeepTheirPlaces(t *testing.T) {
	eachPair(t, func(u *till) {
		u.Networks = three()
		alphas, betas := newDesk(u.q), newDesk(newAcquirer())
		u.Providers, u.spoilt = provider.Registry{"fake": byAccount{alphas, betas}}, true // there are two acquirers
		u.q.mishaps = slices.Repeat([]mishap{refused}, 4)
		r := u.rush()
		r.at(u.Service, 4, order(true))
		alphas.come(3)
		close(alphas.open)
		betas.come(3)
		if len(alphas.here) != 0 {
			u.Error("a fourth one was sent while three were open")
		}
		close(betas.open)
		r.group.Wait()
		if n := r.next(4); n != 0 || betas.calls != 4 {
			u.Errorf("%d were refused, %d went on", n, betas.calls)
		}
		u.unwritten()
	})
}

// byAccount has an acquirer for each of a pair.
type byAccount struct {
	*desk
	beta *desk
}

func (b byAccount) Authorize(ctx context.Context, account provider.Account, r provider.Authorization) provider.Outcome {
	if account.ID == beta.ID {
		return b.beta.Authorize(ctx, account, r)
	}
	return b.desk.Authorize(ctx, account, r)
}

// Where all that a history tells of has ended well, nothing is left to count: it is emptied, and who comes next writes nothing.
func TestAHistoryOfWhatWasApprovedIsEmptied(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Networks = three()
		for range 3 {
			u.again(order(true))
		}
		u.later(time.Minute) // they were approved
		for n, version := range []int64{4, 4} {
			o, rule := u.again(order(true))
			h, err := u.recorded(u.Context(), u.tried1())
			if rule != "" || o.Status != Captured || err != nil || len(h.Tries) != 0 || h.Version != version {
				u.Errorf("try %d: %s by %q, the history is %+v, %v", n, o.Status, rule, h, err)
			}
		}
		if n, err := u.Prune(u.Context()); n != 1 || err != nil {
			u.Errorf("pruned %d, %v", n, err)
		}
		u.unwritten()
	}, noAnswer, noAnswer, noAnswer)
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
		u.q.issuer.mishaps = []mishap{noArrival, noArrival}
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
