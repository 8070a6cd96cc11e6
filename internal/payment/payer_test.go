package payment

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

func TestAClientSecretWorksOncePerStep(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.checkout()
		first := o.ClientSecret
		if !strings.HasPrefix(first, o.ID+"_secret_") || o.CheckoutURL != "https://pay.example/pay/acct_shop:test/"+o.ID+"?client_secret="+first {
			u.Errorf("%q, %q", first, o.CheckoutURL)
		}
		_, err := u.ConfirmByPayer(u.Context(), shop, o.ID, first, Confirmation{Choice: Choice{Token: token}}, alone{})
		var refused *DeclinedError
		if !errors.As(err, &refused) {
			u.Fatal(err)
		}
		second := refused.Payment.ClientSecret
		if second == "" || second == first {
			u.Fatalf("after the decline the secret is %q", second)
		}
		old, err := u.ConfirmByPayer(u.Context(), shop, o.ID, first, Confirmation{Choice: Choice{Token: token}}, alone{})
		if err != nil || old.Status != RequiresPaymentMethod || old.ClientSecret != "" || old.CheckoutURL != "" || old.Failure == nil || u.q.calls != 1 {
			u.Errorf("with the secret that was used: %+v, %v, %d calls", old, err, u.q.calls)
		}
		if seen, err := u.ForPayer(u.Context(), shop, o.ID, second); err != nil || seen.ClientSecret != second {
			u.Errorf("with the present one: %+v, %v", seen, err)
		}
		if o, err = u.ConfirmByPayer(u.Context(), shop, o.ID, second, Confirmation{Choice: Choice{Token: token}}, alone{}); err != nil {
			u.Fatal(err)
		}
		u.expect(o, Captured, 10_000, 0)
		for _, secret := range []string{first, second} {
			if o, err = u.ConfirmByPayer(u.Context(), shop, o.ID, secret, Confirmation{Choice: Choice{Token: token}}, alone{}); err != nil || o.Status != Captured || o.ClientSecret != "" {
				u.Errorf("after the end: %+v, %v", o, err)
			}
		}
		if u.q.calls != 2 {
			u.Errorf("%d calls", u.q.calls)
		}
	}, declined51)
}

func TestASecretOpensItsOwnPaymentAndNoOther(t *testing.T) {
	eachTill(t, func(u *till) {
		o, other := u.checkout(), u.checkout()
		p, err := u.store.payment(u.Context(), shop, o.ID)
		if err != nil {
			u.Fatal(err)
		}
		for name, c := range map[string]struct{ tenant, payment, secret string }{
			"of another payment":     {shop, o.ID, other.ClientSecret},
			"in another's clothes":   {shop, o.ID, o.ID + strings.TrimPrefix(other.ClientSecret, other.ID)},
			"of a step to come":      {shop, o.ID, u.clientSecret(p, 1)},
			"cut":                    {shop, o.ID, o.ClientSecret[:len(o.ClientSecret)-1]},
			"empty":                  {shop, o.ID, ""},
			"at another merchant":    {"acct_other:test", o.ID, o.ClientSecret},
			"in the other mode":      {"acct_shop:live", o.ID, o.ClientSecret},
			"of a payment of nobody": {shop, "pay_none", o.ClientSecret},
		} {
			_, look := u.ForPayer(u.Context(), c.tenant, c.payment, c.secret)
			_, act := u.ConfirmByPayer(u.Context(), c.tenant, c.payment, c.secret, Confirmation{Choice: Choice{Token: token}}, alone{})
			if !fault.Is(look, fault.NotFound) || !fault.Is(act, fault.NotFound) {
				u.Errorf("%s: %v, %v", name, look, act)
			}
		}
		if u.q.calls != 0 {
			u.Errorf("%d calls", u.q.calls)
		}
	})
}

func TestASecretDiesADayAfterItsPayment(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.checkout()
		if _, err := u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{Choice: Choice{Token: token}}, alone{}); err != nil {
			u.Fatal(err)
		}
		u.now.Advance(afterlife - time.Microsecond)
		if seen, err := u.ForPayer(u.Context(), shop, o.ID, o.ClientSecret); err != nil || seen.Status != Captured {
			u.Errorf("within the day: %+v, %v", seen, err)
		}
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 1}, alone{}); err != nil {
			u.Fatal(err) // what comes after the end does not put it off
		}
		u.now.Advance(time.Microsecond)
		if _, err := u.ForPayer(u.Context(), shop, o.ID, o.ClientSecret); !fault.Is(err, fault.NotFound) {
			u.Errorf("after it: %v", err)
		}
		waiting := u.checkout()
		u.now.Advance(defaultExpiry + time.Hour)
		if _, err := u.ConfirmByPayer(u.Context(), shop, waiting.ID, waiting.ClientSecret, Confirmation{Choice: Choice{Token: token}}, alone{}); !fault.Is(err, fault.Conflict) {
			u.Errorf("after it expired: %v", err)
		}
		u.later(time.Second)
		if seen, err := u.ForPayer(u.Context(), shop, waiting.ID, waiting.ClientSecret); err != nil || seen.Status != Expired {
			u.Errorf("an expired payment: %+v, %v", seen, err)
		}
		var e *fault.Error
		if _, err := u.ConfirmByPayer(u.Context(), shop, waiting.ID, waiting.ClientSecret, Confirmation{Choice: Choice{Token: token}}, alone{}); !errors.As(err, &e) || e.Code != fault.CodeExpired {
			u.Errorf("confirmed: %v", err)
		}
	})
}

func TestTwoTabsPayOnce(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.checkout()
		var done sync.WaitGroup
		seen, errs := make([]Object, 8), make([]error, 8)
		for i := range seen {
			done.Go(func() {
				seen[i], errs[i] = u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{Choice: Choice{Token: token}}, alone{})
			})
		}
		done.Wait()
		for i := range seen {
			if errs[i] != nil || seen[i].Status != Captured && seen[i].Status != Processing {
				u.Errorf("tab %d sees %+v, %v", i, seen[i], errs[i])
			}
		}
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		if count, taken := u.q.charged(); count != 1 || taken != 10_000 || u.q.calls != 1 {
			u.Errorf("%d calls, %d charges of %d", u.q.calls, count, taken)
		}
	})
}

func TestATokenOfABrowserServesOnePayment(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.checkout()
		if _, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: tokenBrowser}}, alone{}); !fault.Is(err, fault.Declined) {
			u.Fatal(err)
		}
		in := order(true)
		in.Choice.Token = tokenBrowser
		for name, err := range map[string]error{
			"create": func() error { _, err := u.Create(u.Context(), in, alone{}); return err }(),
			"keep": func() error {
				in.Confirm = false
				_, err := u.Create(u.Context(), in, alone{})
				return err
			}(),
			"confirm": func() error {
				_, err := u.Confirm(u.Context(), shop, u.checkout().ID, Confirmation{Choice: Choice{Token: tokenBrowser}}, alone{})
				return err
			}(),
		} {
			var e *fault.Error
			if !errors.As(err, &e) || e.Kind != fault.Conflict || e.Code != CodeTokenUsed {
				u.Errorf("%s: %v", name, err)
			}
		}
		if u.q.calls != 1 {
			u.Errorf("%d calls", u.q.calls)
		}
		o, err := u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: tokenBrowser}}, alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, Captured, 10_000, 0)
	}, declined51)
}

func TestTwoPaymentsAtOnceCannotShareAToken(t *testing.T) {
	eachTill(t, func(u *till) {
		in := order(true)
		in.Choice.Token = tokenBrowser
		var done sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			done.Go(func() { _, errs[i] = u.Create(u.Context(), in, alone{}) })
		}
		done.Wait()
		paid := 0
		for _, err := range errs {
			var e *fault.Error
			switch {
			case err == nil:
				paid++
			case !errors.As(err, &e) || e.Code != CodeTokenUsed:
				u.Errorf("%v", err)
			}
		}
		if count, _ := u.q.charged(); paid != 1 || count != 1 || u.q.calls != 1 {
			u.Errorf("%d paid, %d charges, %d calls", paid, count, u.q.calls)
		}
	})
}

func TestAPayerIsSentToPagesOfTheMerchantAlone(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.checkout()
		for _, address := range []string{"javascript:alert(1)", "https://evil.example/", "http://shop.example/", "/thanks", "data:text/html,x", "https://shop.example@evil.example/"} {
			in := order(true)
			in.ReturnURL = address
			_, create := u.Create(u.Context(), in, alone{})
			_, confirm := u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: token}, ReturnURL: address}, alone{})
			_, payer := u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{Choice: Choice{Token: token}, ReturnURL: address}, alone{})
			for _, err := range []error{create, confirm, payer} {
				var e *fault.Error
				if !errors.As(err, &e) || e.Kind != fault.Invalid || e.Param != "return_url" {
					u.Errorf("%s: %v", address, err)
				}
			}
		}
		if u.q.calls != 0 {
			u.Errorf("%d calls", u.q.calls)
		}
		in := order(true)
		in.ReturnURL = "https://shop.example/thanks"
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil || o.ReturnURL == nil || *o.ReturnURL != in.ReturnURL {
			u.Errorf("%+v, %v", o, err)
		}
		waiting := u.challenged(true)
		if o, err = u.Confirm(u.Context(), shop, waiting.ID, Confirmation{ReturnURL: "https://shop.example/later"}, alone{}); err != nil ||
			o.Status != RequiresAction || o.ReturnURL == nil || *o.ReturnURL != "https://shop.example/later" {
			u.Errorf("while it waits: %+v, %v", o, err)
		}
	})
}

// The payer's browser is told to the issuer, and kept no longer than somebody may ask the issuer.
func TestThePayersBrowserIsForgotten(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.status = "C"
		o := u.checkout()
		browser := provider.Browser{UserAgent: "Mozilla/5.0", IP: "192.0.2.1"}
		o, err := u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{Choice: Choice{Token: tokenGerman}, Browser: browser, DeviceSession: "ds_1"}, alone{})
		if err != nil || u.q.issuer.browser != browser {
			u.Fatalf("told %+v, %v", u.q.issuer.browser, err)
		}
		for _, want := range []bool{true, false} {
			p, err := u.store.payment(u.Context(), shop, o.ID)
			if err != nil || (p.Asked.Browser != nil) != want || p.Asked.Device != "ds_1" {
				u.Errorf("kept %+v, %v", p.Asked, err)
			}
			u.q.finish(o.ID+"-1", passes)
			_, _ = u.Confirm(u.Context(), shop, o.ID, Confirmation{}, alone{})
		}
	})
}

func TestAMandateNeedsAProviderThatCanAuthenticate(t *testing.T) {
	eachTill(t, func(u *till) {
		u.PublicURL = "" // nobody could be led to a challenge
		in := order(true)
		in.Asked.Challenge = ChallengeMandate
		if _, err := u.Create(u.Context(), in, alone{}); !fault.Is(err, fault.Unavailable) {
			u.Errorf("created: %v", err)
		}
		in.ProviderAccounts = []string{"alpha"}
		if _, err := u.Create(u.Context(), in, alone{}); !fault.Is(err, fault.Invalid) ||
			err.Error() != "routing.provider_accounts[0]: this provider account cannot authenticate the payer as three_ds.challenge demands" {
			u.Errorf("at a named account: %v", err)
		}
		in.ProviderAccounts = nil
		in.Asked.Challenge, in.Choice.Token = "", tokenGerman
		if o, err := u.Create(u.Context(), in, alone{}); err != nil || o.Status != Captured || o.ThreeDS != nil {
			u.Errorf("as the provider can: %+v, %v", o, err)
		}
	})
}

func TestARiskRuleCanAskToSeeTheCardholder(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.status = "C"
		u.StepUp = func(context.Context, Payment) (bool, error) { return true, nil }
		o, err := u.Create(u.Context(), order(true), alone{})
		if err != nil {
			u.Fatal(err)
		}
		u.expect(o, RequiresAction, 0, 0)
	})
}
