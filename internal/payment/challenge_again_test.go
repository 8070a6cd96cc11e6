package payment

import (
	"errors"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// The same payment's address goes on where the payer left off.
func TestAnAbandonedChallengeIsResumed(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(true)
		ticket := u.ticketOf(o)
		u.now.Advance(5 * time.Minute)
		seen, err := u.ForPayer(u.Context(), shop, o.ID, o.ClientSecret)
		if err != nil || seen.Status != RequiresAction || u.ticketOf(seen) != ticket {
			u.Fatalf("%+v, %v", seen, err)
		}
		if seen, err = u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{Choice: Choice{Token: tokenGerman}}, alone{}); err != nil || seen.Status != RequiresAction {
			u.Fatalf("the same card again: %+v, %v", seen, err)
		}
		c, _, err := u.Challenge(u.Context(), shop, o.ID, ticket)
		if err != nil || c.CReq == "" {
			u.Fatalf("%+v, %v", c, err)
		}
		u.q.finish(o.ID+"-1", passes)
		if o, err = u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{}); err != nil || o.Status != Captured {
			u.Errorf("asked without a result: %+v, %v", o, err)
		}
	})
}

func TestAnotherCardTakesTheChallengesPlace(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(true)
		ticket, secret := u.ticketOf(o), o.ClientSecret
		o, err := u.ConfirmByPayer(u.Context(), shop, o.ID, secret, Confirmation{Choice: Choice{Token: token}}, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, Captured, 10_000, 0)
		attempts := u.status(o.ID).Attempts
		if len(attempts) != 2 || attempts[0].Status != AttemptVoided || attempts[1].Status != AttemptCaptured {
			u.Errorf("%+v", attempts)
		}
		u.q.finish(o.ID+"-1", passes)
		if shown, err := u.back(o, ticket, o.ID+"-1"); !errors.Is(err, errNoChallenge) || shown.Status != Captured {
			u.Errorf("the challenge that was given up: %+v, %v", shown, err)
		}
		u.later(time.Hour)
		if count, _ := u.q.charged(); count != 1 {
			u.Errorf("%d charges", count)
		}
	})
}

func TestAPaymentHasThreeChallengesAndNoMore(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(true)
		for n, how := range []string{cancels, fails, leaves} {
			reference := attemptReference(o.ID, int64(n+1))
			u.q.finish(reference, how)
			_, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{})
			if !fault.Is(err, fault.Declined) {
				u.Fatalf("challenge %d: %v", n+1, err)
			}
			if o = u.status(o.ID); n == 2 {
				break
			}
			if o, err = u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: tokenGerman}}, alone{}); err != nil || o.Status != RequiresAction {
				u.Fatalf("challenge %d: %+v, %v", n+2, o, err)
			}
		}
		u.expect(o, Failed, 0, 0)
	})
}

// The third challenge is passed, and the card declined: the next card would need a fourth.
func TestAFourthChallengeIsNotOpened(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.challenged(true)
		for n := range MaxChallenges {
			u.q.finish(attemptReference(o.ID, int64(n+1)), passes)
			if _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{}); !fault.Is(err, fault.Declined) {
				u.Fatalf("card %d: %v", n+1, err)
			}
			u.expect(u.status(o.ID), RequiresPaymentMethod, 0, 0)
			_, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: tokenGerman}}, alone{})
			if last := n == MaxChallenges-1; last != fault.Is(err, fault.Declined) {
				u.Fatalf("confirmation %d: %v", n+2, err)
			}
		}
		u.expect(u.status(o.ID), Failed, 0, 0)
	}, declined51, declined51, declined51)
}
