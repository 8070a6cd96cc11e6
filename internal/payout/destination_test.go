package payout

import (
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
)

func TestABlockedDestinationGetsNothing(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		to, err := u.CreateDestination(u.Context(), shop, *iban(), func(*db.Change, DestinationObject) error { return nil })
		if err != nil || to.Last4 != "3000" || to.Country != "DE" || to.Blocked {
			u.Fatalf("%+v, %v", to, err)
		}
		in := order(100)
		in.To, in.Destination = nil, to.ID
		waiting := u.pay(in)
		set := func(blocked bool) {
			reason := "fraud"
			o, err := u.UpdateDestination(u.Context(), shop, to.ID, DestinationChange{Blocked: &blocked, Reason: &reason}, func(*db.Change, DestinationObject) error { return nil })
			if err != nil || o.Blocked != blocked || (o.BlockedReason == "fraud") != blocked {
				u.Fatalf("%+v, %v", o, err)
			}
		}
		set(true)
		u.sweep()
		if o := u.expect(waiting.ID, Failed); o.Failure.Code != CodeBlocked || len(u.bank.paid) != 0 || u.holds(ledger.MerchantAvailable, "EUR") != 1_000 {
			u.Errorf("a payout that waited: %+v", o)
		}
		if _, err := u.Create(u.Context(), shop, in, none); code(err) != CodeBlocked {
			u.Errorf("a new payout: %v", err)
		}
		if _, err := u.Create(u.Context(), shop, order(100), none); code(err) != CodeBlocked {
			u.Errorf("the same account, given anew: %v", err)
		}
		if _, err := u.CreateDestination(u.Context(), shop, *iban(), func(*db.Change, DestinationObject) error { return nil }); code(err) != CodeBlocked {
			u.Errorf("the same account, kept anew: %v", err)
		}
		set(false)
		u.pay(in)
	})
}

func TestWrongDestinationsAreRefused(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(eur(1_000))
		for name, c := range map[string]struct {
			to    DestinationInput
			money string
			code  string
			param string
		}{
			"check digits":          {DestinationInput{Type: TypeIBAN, Name: "A", IBAN: "DE88370400440532013000"}, "EUR", fault.CodeInvalid, "iban"},
			"a rail of no provider": {DestinationInput{Type: TypePayID, Name: "A", Alias: "ada@example.com"}, "AUD", CodeUnsupported, "destination"},
			"out of reach":          {DestinationInput{Type: TypeIBAN, Name: "A", IBAN: "SA0380000000608010167519"}, "EUR", CodeUnsupported, "iban"},
			"no name":               {DestinationInput{Type: TypeIBAN, IBAN: goodIBAN}, "EUR", fault.CodeInvalid, "name"},
			"another currency":      {*iban(), "USD", fault.CodeCurrency, "currency"},
			"no such currency":      {*iban(), "XXL", fault.CodeCurrency, "currency"},
			"routing number":        {DestinationInput{Type: TypeDomestic, Name: "A", Country: "US", BankCode: "021000020", AccountNumber: "12345678"}, "USD", fault.CodeInvalid, "bank_code"},
			"pix key":               {DestinationInput{Type: TypePIX, Name: "A", Alias: "111.222.333-44"}, "BRL", fault.CodeInvalid, "pix_key"},
			"upi":                   {DestinationInput{Type: TypeUPI, Name: "A", Alias: "ada"}, "INR", fault.CodeInvalid, "vpa"},
			"no such card":          {DestinationInput{Type: TypeCard, Card: "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b9"}, "EUR", fault.CodeInvalid, "card_token"},
			"no token":              {DestinationInput{Type: TypeCard, Card: "4242"}, "EUR", fault.CodeInvalid, "card_token"},
			"a browser's token":     {DestinationInput{Type: TypeCard, Card: onceCard}, "EUR", fault.CodeInvalid, "card_token"},
			"no Fast Funds":         {DestinationInput{Type: TypeCard, Card: credit}, "EUR", CodeUnsupported, "destination"},
			"no type":               {DestinationInput{Type: "cash", Name: "A"}, "EUR", fault.CodeInvalid, "type"},
		} {
			in := order(100)
			in.To, in.Currency = &c.to, c.money
			_, err := u.Create(u.Context(), shop, in, none)
			var e *fault.Error
			if code(err) != c.code || !asFault(err, &e) || e.Param != c.param {
				u.Errorf("%s: %v", name, err)
			}
			if err != nil && strings.Contains(err.Error(), "0532013000") {
				u.Errorf("%s: the refusal shows the number", name)
			}
		}
		large := Create{Amount: 5_000_001, Currency: "USD", To: &DestinationInput{Type: TypeCard, Card: debitCard}, By: "key_maker"}
		if _, err := u.Create(u.Context(), shop, large, none); code(err) != fault.CodeAmountTooLarge {
			u.Errorf("more than the rail carries: %v", err)
		}
		in := order(100)
		in.To, in.Destination = nil, "dst_00000000000000000000000000"
		if _, err := u.Create(u.Context(), shop, in, none); !fault.Is(err, fault.NotFound) {
			u.Errorf("none: %v", err)
		}
		if left := u.holds(ledger.MerchantAvailable, "EUR") + u.holds(ledger.MerchantPending, "EUR"); left != 1_000 {
			u.Errorf("refusals left %d", left)
		}
	})
}

func TestMoneyIsPushedToADebitCardByItsToken(t *testing.T) {
	eachDesk(t, func(u *desk) {
		u.earn(of(5_000, "USD"))
		in := Create{Amount: 5_000, Currency: "USD", To: &DestinationInput{Type: TypeCard, Card: debitCard}, By: "key_maker"}
		made := u.pay(in)
		u.sweep()
		u.expect(made.ID, Sent)
		if p := u.bank.paid[0]; made.Rail != bank.CardPush || p.Payee.Card != debitCard || !p.Payee.Number.Empty() {
			u.Errorf("sent %+v", p)
		}
	})
}

func TestNumbersAreSealed(t *testing.T) {
	eachDesk(t, func(u *desk) {
		to, err := u.CreateDestination(u.Context(), shop, *iban(), func(*db.Change, DestinationObject) error { return nil })
		if err != nil {
			u.Fatal(err)
		}
		d, err := u.store.destination(u.Context(), shop, to.ID)
		if err != nil || strings.Contains(string(d.Sealed), "0532013000") || strings.Contains(string(d.Sealed), "Lovelace") {
			u.Errorf("stored %q, %v", d.Sealed, err)
		}
		d.ID = "dst_00000000000000000000000000"
		if _, err := u.open(d); err == nil {
			u.Error("a sealed number opens in another row")
		}
	})
}

func TestACardThatMoneyMayBePaidToIsBusy(t *testing.T) {
	eachDesk(t, func(u *desk) {
		busy := func(want bool, when string) {
			u.Helper()
			if got, err := u.CardBusy(u.Context(), shop, debitCard); err != nil || got != want {
				u.Errorf("%s: busy %t, %v", when, got, err)
			}
		}
		busy(false, "unknown")
		u.earn(eur(1_000))
		in := order(500)
		in.To = &DestinationInput{Type: TypeCard, Card: debitCard}
		made := u.pay(in)
		yes := true
		if _, err := u.UpdateDestination(u.Context(), shop, made.Destination, DestinationChange{Blocked: &yes}, func(*db.Change, DestinationObject) error { return nil }); err != nil {
			u.Fatal(err)
		}
		busy(true, "blocked, with a payout on its way")
		u.sweep()
		u.expect(made.ID, Failed)
		busy(false, "blocked")
		no := false
		if _, err := u.UpdateDestination(u.Context(), shop, made.Destination, DestinationChange{Blocked: &no}, func(*db.Change, DestinationObject) error { return nil }); err != nil {
			u.Fatal(err)
		}
		busy(true, "a destination")
	})
}
