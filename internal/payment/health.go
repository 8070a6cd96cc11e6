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

// enter asks to make a call, of a payment that is under way. A call that must not be made has an outcome already: it was not sent, and says
// when it is worth another try. Else done is told what came of it.
func (s *Service) enter(a provider.Account, o health.Operation) (done func(health.Result), refused *provider.Outcome) {
	if s.Health == nil {
		return func(health.Result) {}, nil
	}
	return entered(s.Health.Enter(goingOn(a, o)))
}

// entered is what enter gives for Health's answer.
func entered(done func(health.Result), err error) (func(health.Result), *provider.Outcome) {
	if err != nil {
		shut := provider.Shut(health.Words(err), health.Until(err))
		return nil, &shut
	}
	return done, nil
}

// goingOn is a call of a payment that is under way: to ask for its money, or who its payer is, it goes before new payments.
func goingOn(a provider.Account, o health.Operation) health.Call {
	c := callTo(a, o)
	c.Begun = o == health.Authorize || o == health.Authenticate
	return c
}

func callTo(a provider.Account, o health.Operation) health.Call {
	return health.Call{Tenant: a.Merchant, Account: a.ID, Provider: a.Provider, Operation: o}
}

// answers tells whether an account's issuers can be asked now. Whether there is room is seen when they are.
func (s *Service) answers(a provider.Account) bool {
	if s.Health == nil {
		return true
	}
	now := s.Health.State(a.Merchant, a.ID, health.Authenticate)
	return now.Enterable() || now.Reason == health.Overloaded
}

// shutUntil is until when an operation of an account is not worth a try; zero if it is.
func (s *Service) shutUntil(a provider.Account, o health.Operation) time.Time {
	if s.Health == nil {
		return time.Time{}
	}
	return s.Health.State(a.Merchant, a.ID, o).Until
}
