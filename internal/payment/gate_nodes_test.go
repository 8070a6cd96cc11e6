package payment

import (
	"slices"
	"testing"

	"github.com/florinpay/florin/internal/provider"
)

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
