package payment

import (
	"context"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// mishap is what goes wrong with the next call.
type mishap int

const (
	fine       mishap = iota
	noArrival         // the request is lost on its way: not processed, no answer
	noAnswer          // processed, but the answer is lost
	refused           // the connection is refused: not processed, and known
	declined51        // the issuer says no
	leftOpen          // accepted, the final word comes later
)

// acquirer is a provider with books of its own. It recognizes a repeated reference, as a real one does.
type acquirer struct {
	mu       sync.Mutex
	mishaps  []mishap
	calls    int
	auths    map[string]*authorization // by our reference
	outcomes map[string]provider.Outcome
	blind    bool // inquiries fail
	between  func()
}

type authorization struct {
	amount, captured, refunded money.Money
	open                       bool // something is still on hold
}

func newAcquirer(mishaps ...mishap) *acquirer {
	return &acquirer{mishaps: mishaps, auths: map[string]*authorization{}, outcomes: map[string]provider.Outcome{}}
}

func (q *acquirer) Capabilities() provider.Capabilities {
	return provider.Capabilities{AuthorizationTTL: 7 * 24 * time.Hour, PartialCaptures: true, SettleDelay: 5 * time.Second, Timeout: time.Second}
}

// run plays a call through the next mishap. process is what the acquirer does if the call reaches it.
func (q *acquirer) run(reference string, process func() provider.Outcome) provider.Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls++
	next := fine
	if len(q.mishaps) > 0 {
		next, q.mishaps = q.mishaps[0], q.mishaps[1:]
	}
	lost := provider.Outcome{Class: provider.Unknown, Detail: "no answer"}
	switch next {
	case noArrival:
		return lost
	case refused:
		return provider.Outcome{Class: provider.NotSent}
	case declined51:
		o := provider.Outcome{Class: provider.Declined, Decline: provider.Decline{Code: provider.InsufficientFunds, NetworkDecline: "51"}}
		q.outcomes[reference] = o
		return o
	}
	o, seen := q.outcomes[reference]
	if !seen {
		o = process()
		if next == leftOpen {
			o.State = provider.Pending
		}
		q.outcomes[reference] = o
	}
	if q.between != nil {
		q.between()
	}
	if next == noAnswer {
		return lost
	}
	return o
}

func (q *acquirer) Authorize(_ context.Context, _ provider.Account, r provider.Authorization) provider.Outcome {
	return q.run(r.Reference, func() provider.Outcome {
		zero := money.Of(0, r.Amount.Currency())
		a := &authorization{amount: r.Amount, captured: zero, refunded: zero, open: !r.Capture}
		state := provider.Authorized
		if r.Capture {
			a.captured, state = r.Amount, provider.Captured
		}
		q.auths[r.Reference] = a
		return provider.Outcome{Class: provider.Approved, State: state, Amount: r.Amount, Reference: "q-" + r.Reference, NetworkReference: "net-1"}
	})
}

func (q *acquirer) Capture(_ context.Context, _ provider.Account, r provider.Capture) provider.Outcome {
	return q.run(r.Reference, func() provider.Outcome {
		a := q.auths[r.Attempt]
		if a == nil || !a.open {
			return provider.Refused(provider.ProcessingError, "state", "nothing is on hold")
		}
		sum, err := a.captured.Add(r.Amount)
		if err != nil || sum.Minor() > a.amount.Minor() {
			return provider.Refused(provider.ProcessingError, "amount", "more than is on hold")
		}
		a.captured, a.open = sum, !r.Final
		return provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: r.Amount, Reference: "q-" + r.Reference}
	})
}

func (q *acquirer) Void(_ context.Context, _ provider.Account, r provider.Void) provider.Outcome {
	return q.run(r.Reference, func() provider.Outcome {
		a := q.auths[r.Attempt]
		if a == nil {
			return provider.Absent("not_found")
		}
		a.open = false
		return provider.Outcome{Class: provider.Approved, State: provider.Voided, Reference: "q-" + r.Reference}
	})
}

func (q *acquirer) Refund(_ context.Context, _ provider.Account, r provider.Refund) provider.Outcome {
	return q.run(r.Reference, func() provider.Outcome {
		a := q.auths[r.Attempt]
		sum, err := a.refunded.Add(r.Amount)
		if err != nil || sum.Minor() > a.captured.Minor() {
			return provider.Refused(provider.ProcessingError, "amount", "more than was captured")
		}
		a.refunded = sum
		return provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: r.Amount, Reference: "q-" + r.Reference}
	})
}

func (q *acquirer) Inquire(_ context.Context, _ provider.Account, r provider.Inquiry) provider.Finding {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.blind {
		return provider.Unanswered(provider.Outcome{Detail: "blind"})
	}
	o, seen := q.outcomes[r.Reference]
	if !seen {
		return provider.NotFound()
	}
	return provider.Found(o)
}

// word is the acquirer's final word on a reference, as its webhook would say it.
func (q *acquirer) word(reference string, state provider.State) provider.Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.outcomes[reference]
	o.State = state
	q.outcomes[reference] = o
	return o
}

// charged is how many references hold or took money, and how much was taken in all.
func (q *acquirer) charged() (count int, captured int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range q.auths {
		if a.open || !a.captured.IsZero() {
			count++
		}
		captured += a.captured.Minor()
	}
	return count, captured
}

// cards knows one card.
type cards struct{}

const token = "pm_tok_00000000000000000000000001"

func (cards) Describe(_ context.Context, tenant, asked string) (vault.Description, error) {
	if asked != token || tenant != shop {
		return vault.Description{}, fault.Missing("token")
	}
	return vault.Description{Token: token, Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030, Funding: "credit"}, nil
}

// contracts knows one provider account.
type contracts struct{}

var alpha = provider.Account{Merchant: shop, ID: "alpha", Provider: "fake"}

func (contracts) Get(_ context.Context, tenant, account string) (provider.Account, error) {
	if tenant != shop || account != alpha.ID {
		return provider.Account{}, fault.Missing("provider account")
	}
	return alpha, nil
}

func (contracts) List(context.Context, string) ([]provider.Account, error) {
	return []provider.Account{alpha}, nil
}

// merchants knows one merchant, who pays us one percent.
type merchants struct{}

func (merchants) Get(context.Context, string) (merchant.Merchant, error) {
	return merchant.Merchant{ID: "acct_shop", FeeBasisPoints: 100}, nil
}
