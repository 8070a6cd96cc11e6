package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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
}

func newDesk(q *acquirer) *desk {
	return &desk{acquirer: q, here: make(chan string, 1000), open: make(chan struct{})}
}

func (d *desk) Authorize(ctx context.Context, account provider.Account, r provider.Authorization) provider.Outcome {
	d.here <- r.Reference
	<-d.open
	return d.acquirer.Authorize(ctx, account, r)
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
	if n := s.crowd.Len(); n != 0 {
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
						if n := r.next(at - visaLimit); n != at-visaLimit {
							u.Errorf("of the first to end %d were refused by a rule", n)
						}
						close(q.open)
					}
					r.group.Wait()
					close(r.ended)
					if q.calls != visaLimit || len(q.here) != visaLimit {
						u.Fatalf("round %d: %d tries were sent, of %d that came", round, q.calls, len(q.here))
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

// node is another process at the same database.
func (u *till) node() *Service {
	o := u.Options
	o.Metrics = nil
	return New(o)
}

func TestEachFurtherNodeMaySendOneMoreThanTheLimit(t *testing.T) {
	const at = 20
	eachTill(t, func(u *till) {
		nodes := []*Service{u.Service, u.node(), u.node()}
		for round := range int64(3) {
			q := newDesk(newAcquirer(slices.Repeat([]mishap{declined51}, 3*at)...))
			for _, s := range nodes {
				s.Providers = provider.Registry{"fake": q}
			}
			in := order(true)
			in.Amount += round
			r := u.rush()
			first := round == 0
			if first { // on two nodes one is sent before there is a history: the worst that there is
				for _, s := range nodes[1:] {
					r.at(s, 1, in)
					<-q.here
				}
			} else {
				close(q.open)
			}
			for _, s := range nodes {
				r.at(s, at-1, in)
			}
			if first {
				r.next(3*(at-1) - visaLimit)
				close(q.open)
			}
			r.group.Wait()
			if q.calls < visaLimit || q.calls > visaLimit+len(nodes)-1 {
				u.Errorf("round %d: %d tries were sent", round, q.calls)
			}
			for _, s := range nodes {
				u.empty(s)
			}
		}
	})
}

func TestTheNodesTogetherReachTheirBound(t *testing.T) {
	eachTill(t, func(u *till) {
		q := newDesk(newAcquirer(slices.Repeat([]mishap{declined51}, 60)...))
		u.Providers = provider.Registry{"fake": q}
		other := u.node()
		r := u.rush()
		r.at(other, 1, order(true)) // nobody there knows of the others
		<-q.here
		r.at(u.Service, 40, order(true))
		if n := r.next(40 - visaLimit); n != 40-visaLimit {
			u.Errorf("%d were refused", n)
		}
		close(q.open)
		r.group.Wait()
		if q.calls != visaLimit+1 {
			u.Errorf("%d were sent", q.calls)
		}
		r = u.rush()
		r.at(other, 3, order(true))
		if n := r.next(3); n != 3 || q.calls != visaLimit+1 {
			u.Errorf("then %d of 3 were refused, %d sent", n, q.calls)
		}
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
		u.now.Advance(30*24*time.Hour + time.Second)
		if n, err := u.Prune(u.Context()); n != 1 || err != nil {
			u.Errorf("pruned %d, %v", n, err)
		}
	})
}

func TestAFirstTryAloneWritesNoHistory(t *testing.T) {
	eachTill(t, func(u *till) {
		for range 3 {
			u.pay(true)
		}
		h, err := u.recorded(u.Context(), u.tried1())
		if err != nil || h.Version != 0 {
			u.Errorf("%+v, %v", h, err)
		}
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

// While as many are open as may be declined, the next one is refused: all of them may be. It is worth asking again soon, not when the window ends.
func TestAsManyOpenTriesAsTheLimitKeepTheNextOneOut(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Networks = three()
		q := newDesk(u.q)
		u.Providers = provider.Registry{"fake": q}
		r := u.rush()
		r.at(u.Service, 3, order(true))
		for range 3 {
			<-q.here
		}
		_, err := u.Create(u.Context(), order(true), alone{})
		var refused *DeclinedError
		if !errors.As(err, &refused) || refused.Rule != "visa" || refused.Decline.Code != provider.VelocityExceeded ||
			refused.Meaning.Retry != provider.RetryLater || refused.Meaning.After != time.Minute {
			u.Errorf("%+v, %v", refused, err)
		}
		close(q.open)
		r.group.Wait() // all are approved
		if o, rule := u.again(order(true)); rule != "" || o.Status != Captured {
			u.Errorf("then: %s by %q", o.Status, rule)
		}
	})
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

// The first provider cannot be reached: the try goes on at the next one, and so does its place.
func TestATryThatGoesOnElsewhereKeepsItsPlaceAmongOthers(t *testing.T) {
	for name, early := range map[string]bool{"the other one began before": true, "the other one began after": false} {
		t.Run(name, func(t *testing.T) {
			eachPair(t, func(u *till) {
				alphas, betas := newDesk(u.q), newDesk(newAcquirer())
				u.Providers = provider.Registry{"fake": byAccount{alphas, betas}}
				u.q.mishaps = []mishap{refused}
				r := u.rush()
				r.at(u.Service, 1, order(true))
				first := <-alphas.here
				if early {
					r.at(u.Service, 1, order(true))
					<-alphas.here
				}
				alphas.open <- struct{}{}
				second := <-betas.here
				if !early {
					r.at(u.Service, 1, order(true))
					<-alphas.here
				}
				h, err := u.recorded(u.Context(), u.tried1())
				var has []string
				for _, t := range h.Tries {
					has = append(has, fmt.Sprintf("%s-%d", t.Payment, t.Number))
				}
				if err != nil || !slices.Contains(has, second) || early && slices.Contains(has, first) {
					u.Errorf("%s went on as %s, the history has %v, %v", first, second, has, err)
				}
				close(alphas.open)
				close(betas.open)
				r.group.Wait()
				u.spoilt = true // there are two acquirers
			})
		})
	}
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

// Payers who come back from their banks at the same moment: their money was not asked for yet, and is for as many as the limit lets through.
func TestOfPayersWhoAreBackAtOnceExactlyTheLimitIsCharged(t *testing.T) {
	const at = 8
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
		u.q.mishaps = slices.Repeat([]mishap{declined51}, at)
		var group sync.WaitGroup
		for _, o := range all {
			group.Go(func() {
				_, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{})
				var refused *DeclinedError
				if !errors.As(err, &refused) {
					u.Errorf("a payer is told %v", err)
				}
			})
		}
		group.Wait()
		if len(u.q.asked) != 3 {
			u.Errorf("%d were charged", len(u.q.asked))
		}
	})
}

// A try that another one took along, and whose intent was never written, stands in nobody's way for long.
func TestATryThatNeverWasCountsForAMoment(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Networks = three()
		p := u.tried1()
		leave := u.crowd.Enter(p.countedCard(), retry.Try{Payment: "pay_gone", Number: 1, At: u.now.Now()})
		u.again(order(true))
		leave()
		u.again(order(true))
		if _, rule := u.again(order(true)); rule != "visa" {
			u.Errorf("at first the third is refused by %q", rule)
		}
		u.now.Advance(time.Minute)
		if _, rule := u.again(order(true)); rule != "" {
			u.Errorf("then it is refused by %q", rule)
		}
	}, declined51, declined51)
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
