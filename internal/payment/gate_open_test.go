package payment

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/provider"
)

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
