package payment

import (
	"errors"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
)

// upkeep is a health whose accounts are in maintenance, or down if their time is zero. Sudden is what was not known when the payment was
// planned.
type upkeep struct {
	*outage
	ends   map[string]time.Time
	sudden bool
}

func (h upkeep) shut(account string) *health.Closed {
	ends, ok := h.ends[account]
	switch {
	case !ok:
		return nil
	case ends.IsZero():
		return &health.Closed{Reason: health.Open}
	}
	return &health.Closed{Reason: health.Maintenance, Ends: ends}
}

func (h upkeep) State(_, account string, _ health.Operation) health.State {
	if shut := h.shut(account); shut != nil && !h.sudden {
		return health.State{Reason: shut.Reason, Ends: shut.Ends}
	}
	return health.State{}
}

func (h upkeep) Enter(c health.Call) (func(health.Result), error) {
	if shut := h.shut(c.Account); shut != nil {
		return nil, shut
	}
	return func(health.Result) {}, nil
}

func (h upkeep) Reserve(c health.Call) (health.Place, error) { return reserved(h, c) }

func TestARefusalForMaintenanceTellsWhenItEnds(t *testing.T) {
	for name, c := range map[string]struct{ alpha, beta, want time.Duration }{ // 0: its breaker is open
		"both, alpha for longer": {time.Hour, 20 * time.Minute, 20 * time.Minute},
		"both, beta for longer":  {30 * time.Minute, 2 * time.Hour, 30 * time.Minute},
		"one is down":            {time.Hour, 0, retryShut},
	} {
		for _, sudden := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				eachPair(t, func(u *till) {
					ends := map[string]time.Time{}
					for account, in := range map[string]time.Duration{alpha.ID: c.alpha, beta.ID: c.beta} {
						if ends[account] = (time.Time{}); in > 0 {
							ends[account] = u.now.Now().Add(in)
						}
					}
					u.Health = upkeep{&outage{}, ends, sudden}
					_, err := u.Create(u.Context(), order(true), alone{})
					var refused *fault.Error
					if !errors.As(err, &refused) || refused.Code != fault.CodeProviderUnavailable || refused.RetryAfter != c.want || !shut(err) {
						t.Errorf("refused with %v, to come back in %v", err, refused.RetryAfter)
					}
					method := u.saves(u.payer(), tokenBrowser, true)
					u.firstPaid(method)
					if o := u.charge(method, nil); o.Status != Processing || o.NextRetryAt == nil {
						t.Errorf("off session it is %s", o.Status)
					}
				})
			})
		}
	}
}
