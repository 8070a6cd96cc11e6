package payment

import (
	"time"

	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
)

// Health keeps calls from providers that are down, and hears of those that are made. See health.Health.
type Health interface {
	Enter(c health.Call) (done func(health.Result), err error)
	Reserve(c health.Call) (health.Place, error) // for a call that is made later, or not at all
	State(tenant, account string, o health.Operation) health.State
	Drain(tenant, account string, o health.Operation) (wait time.Time, ok bool)
}

// enter asks to make a call. A call that must not be made has an outcome already: it was not sent, and says when it is worth another try.
// Else done is told what came of it.
func (s *Service) enter(a provider.Account, o health.Operation) (done func(health.Result), refused *provider.Outcome) {
	if s.Health == nil {
		return func(health.Result) {}, nil
	}
	done, err := s.Health.Enter(callTo(a, o))
	if err != nil {
		shut := provider.Shut(err.Error(), health.Until(err))
		return nil, &shut
	}
	return done, nil
}

func callTo(a provider.Account, o health.Operation) health.Call {
	return health.Call{Tenant: a.Merchant, Account: a.ID, Provider: a.Provider, Operation: o}
}

// shutUntil is until when an operation of an account is not worth a try; zero if it is.
func (s *Service) shutUntil(a provider.Account, o health.Operation) time.Time {
	if s.Health == nil {
		return time.Time{}
	}
	return s.Health.State(a.Merchant, a.ID, o).Until
}
