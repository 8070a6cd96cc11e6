package payment

import (
	"context"
	"crypto/subtle"
	"errors"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// The payer's side of a payment. A payer has no key: the client secret says that they are the payer. It is made for one step,
// which is the number of tries so far: whoever has it can act once, and look for as long as the payment lives.

// afterlife is how long after a payment's end its payer may still look at it.
const afterlife = 24 * time.Hour

// clientSecret is what a payer shows to act at a step.
func (s *Service) clientSecret(p Payment, step int64) string {
	return p.ID + "_secret_" + s.Secret("client secret", p.Merchant, p.ID, strconv.FormatInt(step, 10))
}

// stepOf tells for which step of a payment a secret was made.
func (s *Service) stepOf(p Payment, secret string) (int64, bool) {
	return s.made(p, secret, 0, s.clientSecret)
}

// made finds what a text was derived for, from first to the payment's last try.
func (s *Service) made(p Payment, text string, first int64, derive func(Payment, int64) string) (int64, bool) {
	for n := p.Attempts; n >= first; n-- {
		if subtle.ConstantTimeCompare([]byte(text), []byte(derive(p, n))) == 1 {
			return n, true
		}
	}
	return 0, false
}

// gone tells whether a payment ended so long ago that its payer has no business with it.
func (p Payment) gone(now time.Time) bool {
	return len(paymentMoves[p.Status]) == 0 && !now.Before(p.EndedAt.Add(afterlife))
}

// forPayer finds a payment by a secret of its own. It fails with fault.NotFound otherwise, whatever the reason.
func (s *Service) forPayer(ctx context.Context, tenant, payment, secret string) (Payment, int64, error) {
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil {
		return p, 0, err
	}
	step, ok := s.stepOf(p, secret)
	if !ok || p.gone(s.Clock.Now()) {
		return p, 0, fault.Missing("payment")
	}
	return p, step, nil
}

// seen is a payment as its payer is shown it: with the secret if the one they have is still good to act with.
func (s *Service) seen(p Payment, step int64) Object {
	if step == p.Attempts {
		return s.answered(p)
	}
	return s.object(p)
}

// ForPayer is a payment for whoever has one of its client secrets, of its present step or of an earlier one. Only with the
// present one does the object have a client secret, too. It fails with fault.NotFound for any other secret, and from a day after
// the payment's end.
func (s *Service) ForPayer(ctx context.Context, tenant, payment, secret string) (Object, error) {
	p, step, err := s.forPayer(ctx, tenant, payment, secret)
	if err != nil {
		return Object{}, err
	}
	s.read(p)
	return s.seen(p, step), nil
}

// ConfirmByPayer is Confirm for the payer. A secret of an earlier step charges nothing: it was used, by another tab or by a call
// whose answer was lost, and the payment comes back as that left it. So it does for whoever loses against another tab at the
// same moment; with is not asked for its rows then. The payment in a *DeclinedError has the secret of the next step.
func (s *Service) ConfirmByPayer(ctx context.Context, tenant, payment, secret string, in Confirmation, with Companion) (Object, error) {
	p, step, err := s.forPayer(ctx, tenant, payment, secret)
	if err != nil {
		return Object{}, err
	}
	if step < p.Attempts || in.Result == "" && underway[p.Status] {
		return s.seen(p, step), nil
	}
	if p.Status == RequiresPaymentMethod && !in.Choice.made() && !p.Method.known() {
		return Object{}, errNothingChosen // what its customer saved is not charged because somebody has a link
	}
	if in.Choice.made() && p.Asked.Setup {
		p.Asked.Agreed, p.Asked.Unsaved = in.Agreed, in.Agreed == nil
	}
	o, err := s.confirm(ctx, p, in, with)
	if lost(err) {
		return s.ForPayer(ctx, tenant, payment, secret)
	}
	return o, err
}

// underway are the states in which there is nothing to confirm, and nothing wrong with having tried.
var underway = map[Status]bool{Processing: true, InReview: true, Authorized: true, Captured: true}

// ticketed finds a payment by the ticket of one of its tries.
func (s *Service) ticketed(ctx context.Context, tenant, payment, ticket string) (Payment, int64, error) {
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil {
		return p, 0, err
	}
	number, ok := s.made(p, ticket, 1, s.ticket)
	if !ok || p.gone(s.Clock.Now()) {
		return p, 0, fault.Missing("payment")
	}
	return p, number, nil
}

// Challenge is what the page behind a next action shows: the challenge that the payer must be led to, and the payment. It is the
// zero value if there is nothing to do: the payer has done it, or it is over. A payer who comes back from a page of the
// provider's comes here, too: the provider is asked what came of it. The object has no client secret. It fails with
// fault.NotFound if the ticket is not of this payment.
func (s *Service) Challenge(ctx context.Context, tenant, payment, ticket string) (provider.Challenge, Object, error) {
	p, number, err := s.ticketed(ctx, tenant, payment, ticket)
	if err != nil || p.Status != RequiresAction || number != p.Attempts {
		return provider.Challenge{}, s.object(p), err
	}
	if p.Action.URL != "" {
		o, err := s.comeBack(ctx, p, Confirmation{})
		return provider.Challenge{}, o, err
	}
	p, a, err := s.reload(ctx, p, Attempt{Number: number})
	if err != nil || !a.challenged() || !s.Clock.Now().Before(p.Action.ExpiresAt) {
		return provider.Challenge{}, s.object(p), err
	}
	return *a.Secure.Challenge, s.object(p), nil
}

// Code is what the code says that a payer scans. It fails with fault.NotFound if the ticket is not of this payment, or there is no
// code to be scanned any more.
func (s *Service) Code(ctx context.Context, tenant, payment, ticket string) (string, error) {
	p, number, err := s.ticketed(ctx, tenant, payment, ticket)
	if err != nil {
		return "", err
	}
	if p.Status != RequiresAction || number != p.Attempts || p.Action == nil || p.Action.Code == "" {
		return "", fault.Missing("code")
	}
	return p.Action.Code, nil
}

// CompleteChallenge takes what the bank's page gave the payer's browser, the CRes, and goes on with the payment. The object is
// the payment as it stands then, without a client secret, also beside an error: the page needs it to lead the payer on. A
// decline is no error here.
//
// It fails with fault.NotFound if the ticket is not of this payment, with fault.Invalid if the text is no CRes, and with
// fault.Conflict if it is not of the challenge that is open: it is of another one, or was used before.
func (s *Service) CompleteChallenge(ctx context.Context, tenant, payment, ticket, result string) (Object, error) {
	p, number, err := s.ticketed(ctx, tenant, payment, ticket)
	if err != nil {
		return Object{}, err
	}
	if result == "" {
		return s.object(p), fault.Wrong("result", fault.CodeInvalid, "must be the CRes of a challenge, in base64url")
	}
	if p.Status != RequiresAction || number != p.Attempts {
		return s.object(p), errNoChallenge
	}
	return s.comeBack(ctx, p, Confirmation{Result: result})
}

// comeBack goes on with a payment whose payer came back from where they were led.
func (s *Service) comeBack(ctx context.Context, p Payment, in Confirmation) (Object, error) {
	_, err := s.resume(ctx, p, in, alone{})
	var refused *DeclinedError
	if errors.As(err, &refused) || lost(err) {
		err = nil
	}
	now, readErr := s.store.payment(context.WithoutCancel(ctx), p.Merchant, p.ID)
	if readErr != nil {
		return s.object(p), readErr
	}
	return s.object(now), err
}
