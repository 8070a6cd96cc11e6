package payment

import (
	"context"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/provider"
)

func byWallet(change ...func(*Create)) Create {
	in := order(true)
	in.Choice = Choice{Type: provider.MethodWallet, Token: tokenWallet}
	for _, c := range change {
		c(&in)
	}
	return in
}

func TestAWalletPaysWithoutThreeDSecureWhereTheLawWouldDemandIt(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Service.StepUp = func(context.Context, Payment) (bool, error) { return true, nil }
		for token, challenge := range map[string]Preference{
			tokenWallet: "", tokenWallet + "1": ChallengeAuto, tokenWallet + "2": ChallengeRequest, tokenWallet + "3": ChallengeNoPreference,
		} {
			o, err := u.Create(u.Context(), byWallet(func(in *Create) { in.Choice.Token, in.Asked.Challenge = token, challenge }), alone{})
			if err != nil {
				u.Fatal(err)
			}
			u.expect(o, Captured, 10_000, 0)
			m := o.PaymentMethod
			if m.Type != provider.MethodWallet || m.ID != token || m.Wallet == nil || *m.Wallet != (WalletObject{"sandbox", "05"}) || m.Card.Last4 != "4242" {
				u.Errorf("method %+v %+v", m, m.Wallet)
			}
			asked := u.q.asked[len(u.q.asked)-1]
			if n := asked.NetworkToken; n == nil || *n != (provider.NetworkToken{Wallet: "sandbox", ECI: "05"}) || asked.ReturnURL != "" || asked.ThreeDS != nil {
				u.Errorf("asked for %+v", asked)
			}
			if u.q.issuer.counted != 0 || o.ThreeDS != nil {
				u.Errorf("the issuer was asked %d times, three_ds %+v", u.q.issuer.counted, o.ThreeDS)
			}
			if stored := u.status(o.ID); stored.PaymentMethod.Wallet == nil {
				u.Errorf("stored %+v", stored.PaymentMethod)
			}
		}
	})
}

func TestACardIsNoNetworkToken(t *testing.T) {
	eachTill(t, func(u *till) {
		if o := u.pay(true); o.PaymentMethod.Type != provider.MethodCard || o.PaymentMethod.Wallet != nil || u.q.asked[0].NetworkToken != nil {
			u.Errorf("%+v, asked for %+v", o.PaymentMethod, u.q.asked[0])
		}
	})
}

// A bank that asks for authentication in spite of a cryptogram has declined: the payer has proved themselves once, and is not sent on.
func TestAWalletIsNotSteppedUp(t *testing.T) {
	eachTill(t, func(u *till) {
		u.q.issuer.insists = true
		_, err := u.Create(u.Context(), byWallet(), alone{})
		if !fault.Is(err, fault.Declined) || len(u.q.asked) != 1 || u.q.issuer.counted != 0 {
			u.Errorf("%v after %d tries and %d authentications", err, len(u.q.asked), u.q.issuer.counted)
		}
		u.q.issuer.insists = false
		in := order(true)
		in.Confirm, in.Choice = false, Choice{}
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		if _, err = u.Confirm(u.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: tokenWallet}}, alone{}); !fault.Is(err, fault.Conflict) {
			u.Errorf("the token of a payment that has failed: %v", err)
		}
	})
}

func TestAWalletsTokenIsForThePaymentThatItsPayerSaw(t *testing.T) {
	eachTill(t, func(u *till) {
		for name, c := range map[string]struct {
			change func(*Create)
			kind   fault.Kind
			code   string
		}{
			"another amount":       {func(in *Create) { in.Amount = 9_999 }, fault.Invalid, CodeWalletMismatch},
			"another currency":     {func(in *Create) { in.Currency = "USD" }, fault.Invalid, CodeWalletMismatch},
			"by its token alone":   {func(in *Create) { in.Amount, in.Choice = 1, Choice{Token: tokenWallet} }, fault.Invalid, CodeWalletMismatch},
			"not confirmed yet":    {func(in *Create) { in.Amount, in.Confirm = 1, false }, fault.Invalid, CodeWalletMismatch},
			"a challenge as well":  {func(in *Create) { in.Asked.Challenge = ChallengeMandate }, fault.Invalid, fault.CodeInvalid},
			"off session":          {func(in *Create) { in.Asked.OffSession = true }, fault.Invalid, fault.CodeInvalid},
			"for later":            {func(in *Create) { in.Asked.Setup = true }, fault.Invalid, fault.CodeInvalid},
			"a card called wallet": {func(in *Create) { in.Choice.Token = token }, fault.Invalid, fault.CodeInvalid},
			"no token":             {func(in *Create) { in.Choice.Token = "" }, fault.NotFound, fault.CodeNotFound},
		} {
			_, err := u.Create(u.Context(), byWallet(c.change), alone{})
			if !fault.Is(err, c.kind) || codeOf(err) != c.code {
				u.Errorf("%s: %v, want %s", name, err, c.code)
			}
		}
		if len(u.q.asked) != 0 {
			u.Errorf("the acquirer was asked %d times", len(u.q.asked))
		}
		if _, err := u.Create(u.Context(), byWallet(), alone{}); err != nil {
			u.Errorf("after all that it is used up: %v", err)
		}
		if _, err := u.Create(u.Context(), byWallet(), alone{}); codeOf(err) != CodeTokenUsed {
			u.Errorf("a second payment: %v", err)
		}
	})
}

func TestAWalletGoesToWhoeverTakesNetworkTokens(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		plain, able := newAcquirer(), newAcquirer()
		plain.cardsOnly, plain.now, able.now = true, now.Now, now.Now
		accounts := places{{Merchant: shop, ID: "plain", Provider: "plain"}, {Merchant: shop, ID: "able", Provider: "able"}}
		u := newTill(t, d, now, Options{Cards: cards{}, Accounts: accounts, Providers: provider.Registry{"plain": plain, "able": able}})
		if o, err := u.Create(t.Context(), byWallet(), alone{}); err != nil || o.Provider != "able" || len(plain.asked) != 0 {
			t.Errorf("%+v, %v", o, err)
		}
		if o := u.pay(true); o.Provider != "plain" {
			t.Errorf("a card goes to %s", o.Provider)
		}
		able.cardsOnly = true
		if _, err := u.Create(t.Context(), byWallet(), alone{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("where nobody takes them: %v", err)
		}
		if _, err := u.Create(t.Context(), byWallet(func(in *Create) { in.ProviderAccounts = []string{"plain"} }), alone{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("where the asked one does not: %v", err)
		}
	}, customer.Schema, event.Schema, ledger.Schema, Schema)
}

func TestAWalletGoesOnOnlyWithACryptogramThatNobodyHad(t *testing.T) {
	eachPair(t, func(u *till) {
		o, err := u.Create(u.Context(), byWallet(), alone{})
		if err != nil || o.Provider != "beta" || len(u.q.asked) != 2 || u.q.asked[1].NetworkToken == nil {
			u.Errorf("%+v, %v after %d tries", o, err, len(u.q.asked))
		}
	}, refused)
	eachPair(t, func(u *till) {
		if _, err := u.Create(u.Context(), byWallet(), alone{}); !fault.Is(err, fault.Declined) || len(u.q.asked) != 1 {
			u.Errorf("%v after %d tries", err, len(u.q.asked))
		}
	}, declined91)
}
