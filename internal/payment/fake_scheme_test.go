package payment

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// scheme is a provider of codes and bank pages with books of its own: what was started, and what has come in.
type scheme struct {
	final   bool // what is paid from a bank account does not come back
	mu      sync.Mutex
	starts  map[string]provider.Start // by our reference
	said    map[string]provider.Outcome
	came    map[string][]provider.Transfer // by our reference
	next    *provider.Outcome
	returns map[string]provider.Refund // by our reference
	refuse  bool                       // it refuses to give anything back
	fails   int                        // how many returns it takes, and fails later
	failed  map[string]bool            // by our reference
	deaf    int                        // how many requests to close something, or to list banks, are lost
	listed  int                        // how often the banks were asked for
}

func newScheme() *scheme {
	return &scheme{starts: map[string]provider.Start{}, said: map[string]provider.Outcome{}, came: map[string][]provider.Transfer{}, returns: map[string]provider.Refund{}, failed: map[string]bool{}}
}

func (s *scheme) Capabilities() provider.Capabilities {
	return provider.Capabilities{Timeout: time.Second, SettleDelay: 5 * time.Second, Methods: map[provider.Method]provider.MethodTerms{
		provider.MethodPIX:          {Currencies: []string{"BRL"}, Min: 100, Max: 1_000_000, TTL: 20 * time.Minute, Refundable: true, RefundWindow: 90 * 24 * time.Hour, Instant: true},
		provider.MethodBankRedirect: {Currencies: []string{"EUR"}, TTL: 10 * time.Minute, Refundable: !s.final, Banks: true},
	}}
}

func (s *scheme) Start(_ context.Context, _ provider.Account, r provider.Start) provider.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil {
		o := *s.next
		s.next = nil
		return o
	}
	s.starts[r.Reference] = r
	action := provider.Action{Kind: provider.ActionQR, Code: "000201" + r.Reference, CopyCode: "000201" + r.Reference, Deeplink: "pix://" + r.Reference, ExpiresAt: r.ExpiresAt}
	if r.Method == provider.MethodBankRedirect {
		action = provider.Action{URL: "https://bank.example/" + r.Reference, ExpiresAt: r.ExpiresAt}
	}
	o := provider.Outcome{Class: provider.Approved, State: provider.ActionRequired, Reference: "sch_" + r.Reference, Action: action}
	s.said[r.Reference] = o
	return o
}

// becomes has a start end in an outcome.
func (s *scheme) becomes(reference string, o provider.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.Reference = "sch_" + reference
	s.said[reference] = o
}

func (s *scheme) Inquire(_ context.Context, _ provider.Account, q provider.Inquiry) provider.Finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.Operation == provider.OpRefund {
		if s.failed[q.Reference] {
			return provider.Found(provider.Outcome{Class: provider.Declined, State: provider.Failed, Reference: "back_" + q.Reference})
		}
		if r, ok := s.returns[q.Reference]; ok {
			return provider.Found(provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: r.Amount, Reference: "back_" + q.Reference})
		}
		return provider.NotFound()
	}
	o, ok := s.said[q.Reference]
	if !ok {
		return provider.NotFound()
	}
	f := provider.Found(o)
	f.Transfers = s.came[q.Reference]
	return f
}

// Banks are the scheme's, unless it is deaf just then.
func (s *scheme) Banks(context.Context, provider.Account, provider.Method) ([]provider.Bank, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed++
	if s.deaf > 0 {
		s.deaf--
		return nil, errors.New("no answer")
	}
	return []provider.Bank{{ID: "bank_1", Name: "First Bank", Available: true}, {ID: "bank_2", Name: "Second Bank"}}, nil
}

// Close gives up what is not paid, unless the scheme is deaf just then.
func (s *scheme) Close(_ context.Context, _ provider.Account, r provider.Void) provider.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.said[r.Attempt]
	switch {
	case s.deaf > 0:
		s.deaf--
		return provider.Doubt("no answer")
	case !ok:
		return provider.Absent("not_found")
	case o.Class == provider.Approved && o.State != provider.ActionRequired && o.State != provider.Voided:
		return provider.Refused(provider.ProcessingError, "state", "it is "+string(o.State))
	}
	o.Class, o.State, o.Action = provider.Approved, provider.Voided, provider.Action{}
	s.said[r.Attempt] = o
	return o
}

// stands is what the scheme says of a start.
func (s *scheme) stands(reference string) provider.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said[reference].State
}

func (s *scheme) Refund(_ context.Context, _ provider.Account, r provider.Refund) provider.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse {
		return provider.Refused(provider.ProcessingError, "no", "not today")
	}
	_, again := s.returns[r.Reference]
	if s.returns[r.Reference] = r; s.fails > 0 && !again {
		s.fails--
		s.failed[r.Reference] = true
	}
	if s.failed[r.Reference] {
		return provider.Outcome{Class: provider.Approved, State: provider.Pending, Amount: r.Amount, Reference: "back_" + r.Reference}
	}
	return provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: r.Amount, Reference: "back_" + r.Reference}
}

// returned is what was given back, in minor units.
func (s *scheme) returned() (sum int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for reference, r := range s.returns {
		if !s.failed[reference] {
			sum += r.Amount.Minor()
		}
	}
	return sum
}

func captured(amount money.Money) provider.Outcome {
	return provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: amount}
}

// pixAccount is the merchant's contract with the scheme.
var pixAccount = provider.Account{Merchant: shop, ID: "instant", Provider: "scheme"}

// both are the merchant's contracts: with an acquirer of cards, and with a scheme.
type both struct{}

func (both) Get(_ context.Context, tenant, account string) (provider.Account, error) {
	if account == pixAccount.ID && tenant == shop {
		return pixAccount, nil
	}
	return contracts{}.Get(context.Background(), tenant, account)
}

func (both) List(ctx context.Context, tenant string) ([]provider.Account, error) {
	all, err := contracts{}.List(ctx, tenant)
	return append(all, pixAccount), err
}
