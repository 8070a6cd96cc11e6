package dispute

import (
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

func TestADisputeOfAnUnknownPaymentIsKeptAndFindsItLater(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		lost := chargeback(p, 10_000)
		lost.Attempt = "somebody-elses"
		id := k.tell(lost, payment.Unmatched)
		if o := k.stands(id, provider.DisputeNeedsResponse, MoneyNone, 0); o.Payment != nil {
			k.Errorf("it is of %s", *o.Payment)
		}
		if found, _, err := k.List(k.Context(), shop, db.Page{Limit: 10}, Filter{Unmatched: true}); err != nil || len(found) != 1 {
			k.Errorf("%d unmatched, %v", len(found), err)
		}
		lost.Dispute.Status = provider.DisputeLost
		k.tell(lost, payment.Unmatched)
		lost.Attempt = p.ID + "-1" // replayed, when it is known whose it is
		k.tell(lost, payment.Applied)
		k.stands(id, provider.DisputeLost, MoneyGone, 10_000)
		for _, elsewhere := range []string{p.ID + "-2", "pay_01jd9qk3v8m2x4r6t7w9y0a1b2-1", p.ID} {
			n := chargeback(p, 10_000, named("of "+elsewhere))
			n.Attempt = elsewhere
			k.tell(n, payment.Unmatched)
		}
	})
}

// theirs is a chargeback by a provider that gives its own reference of the payment alone.
func theirs(p payment.Object, reference string) provider.Notification {
	n := chargeback(p, 10_000)
	n.Attempt, n.Dispute.Original = "", reference
	return n
}

func TestADisputeFindsItsPaymentByTheProvidersReference(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		k.pay()
		n := theirs(p, "auth_"+p.ID+"-1")
		id := k.tell(n, payment.Applied)
		if o := k.stands(id, provider.DisputeNeedsResponse, MoneyHeld, 10_000); o.Payment == nil || *o.Payment != p.ID {
			k.Errorf("it is of %v", o.Payment)
		}
		k.tell(n, payment.Known)
		n.Dispute.Status = provider.DisputeWon
		k.tell(n, payment.Applied)
		k.stands(id, provider.DisputeWon, MoneyReturned, 0)
	})
}

func TestADisputeByAReferenceThatNobodyHasIsKept(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		var got payment.Heard
		if err := k.Notify(k.Context(), alpha, theirs(p, "auth_nobodys"), func(_ *db.Change, h payment.Heard) error { got = h; return nil }); err != nil {
			k.Fatal(err)
		}
		if got.Verdict != payment.Unmatched || got.Detail != "reference auth_nobodys" {
			k.Errorf("heard %+v", got)
		}
		k.stands(got.Subject, provider.DisputeNeedsResponse, MoneyNone, 0)
		// The same reference at another account is another's payment, and no reference is nobody's.
		n := theirs(p, "auth_"+p.ID+"-1")
		n.Dispute.Reference = "elsewhere"
		beta := alpha
		beta.ID = "beta"
		if err := k.Notify(k.Context(), beta, n, func(_ *db.Change, h payment.Heard) error { got = h; return nil }); err != nil || got.Verdict != payment.Unmatched {
			k.Errorf("at another account: %+v, %v", got, err)
		}
		n = theirs(p, "")
		n.Dispute.Reference = "nothing"
		k.tell(n, payment.Unmatched)
		// Once it is known whose it is the next message finds it.
		k.tell(theirs(p, "auth_"+p.ID+"-1"), payment.Applied)
	})
}

func TestADisputeOfMoneyThatWasNeverTakenIsAPersonsBusiness(t *testing.T) {
	eachDesk(t, func(k *desk) {
		k.q.declines = true
		k.pay()
		found, _, err := k.payments.List(k.Context(), shop, db.Page{Limit: 1}, payment.Filter{Status: "failed"})
		if err != nil || len(found) != 1 {
			k.Fatalf("%v, %v", found, err)
		}
		p := found[0]
		id := k.tell(chargeback(p, 10_000), payment.Contradicted)
		k.stands(id, provider.DisputeNeedsResponse, MoneyNone, 0)

		k.q.declines = false
		paid := k.pay()
		usd, err := money.ParseCurrency("USD")
		if err != nil {
			k.Fatal(err)
		}
		id = k.tell(chargeback(paid, 1, func(d *provider.Dispute) { d.Amount, d.Fee = money.Of(10_000, usd), money.Of(0, usd) }), payment.Contradicted)
		k.stands(id, provider.DisputeNeedsResponse, MoneyNone, 0)
	})
}

// The first try was declined, the second one took the money: a dispute of the first cannot have it back.
func TestADisputeOfATryThatTookNothingHoldsNothing(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		now, err := k.payments.Find(k.Context(), shop, p.ID)
		if err != nil {
			k.Fatal(err)
		}
		now.Attempts = 2
		m := *chargeback(p, 10_000).Dispute
		for reference, want := range map[string]Money{p.ID + "-1": MoneyNone, p.ID + "-2": MoneyHeld} {
			out := hear(Dispute{Merchant: shop, ID: "dp_1", Transaction: reference, Money: MoneyNone}, &now, m, start)
			if out.dispute.Money != want || (out.claim == "") != (want == MoneyHeld) {
				k.Errorf("%s: %s, %q", reference, out.dispute.Money, out.claim)
			}
		}
	})
}

func TestADisputeThatCannotBeIsNotTaken(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		for name, change := range map[string]func(*provider.Dispute){
			"no stage": stage(""), "no status": status("sorry"), "no reference": named(""), "nothing": func(d *provider.Dispute) { d.Amount = eur(0) },
			"a fee to us": func(d *provider.Dispute) { d.Fee = eur(-1) },
		} {
			n := chargeback(p, 10_000, change)
			if err := k.Notify(k.Context(), alpha, n, func(*db.Change, payment.Heard) error { return nil }); err == nil {
				k.Errorf("%s is taken", name)
			}
		}
		n := chargeback(p, 10_000)
		n.Dispute = nil
		if err := k.Notify(k.Context(), alpha, n, func(*db.Change, payment.Heard) error { return nil }); err == nil {
			k.Error("a message without a dispute is taken")
		}
	})
}

func TestADisputeThatComesBeforeItsPaymentIsSettledWaits(t *testing.T) {
	eachDesk(t, func(k *desk) {
		k.q.open = true
		p := k.pay()
		err := k.Notify(k.Context(), alpha, chargeback(p, 10_000), func(*db.Change, payment.Heard) error { return nil })
		if !fault.Is(err, fault.Unavailable) {
			k.Fatalf("it is not put off: %v", err)
		}
		captured := provider.Notification{Operation: provider.OpAuthorize, Reference: p.ID + "-1", Attempt: p.ID + "-1",
			Outcome: provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: eur(10_000), Reference: "auth"}}
		if err := k.payments.Notify(k.Context(), alpha, captured, func(*db.Change, payment.Heard) error { return nil }); err != nil {
			k.Fatal(err)
		}
		k.tell(chargeback(p, 10_000), payment.Applied)
	})
}
