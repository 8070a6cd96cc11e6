package dispute

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

func TestAChargebackTakesTheMoneyAndItsFee(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000), payment.Applied)
		o := k.stands(id, provider.DisputeNeedsResponse, MoneyHeld, 10_000)
		if o.Payment == nil || *o.Payment != p.ID || o.Fee != 1_500 || o.ReasonCode != "10.4" || !o.EvidenceDueAt.Equal(start.Add(10*day)) {
			k.Errorf("the dispute is %+v", o)
		}
		k.holds(ledger.MerchantAvailable, -11_500, ledger.DisputeReserve, 11_500, ledger.DisputeReceivable, 10_000, ledger.PSPFee, 1_500, "psp_receivable:alpha", -1_500)
		k.heard(event.DisputeCreated)
	})
}

func TestAWonDisputeGivesTheAmountBackAndKeepsTheFee(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000), payment.Applied)
		k.tell(chargeback(p, 10_000, status(provider.DisputeUnderReview)), payment.Applied)
		k.tell(chargeback(p, 10_000, status(provider.DisputeWon)), payment.Applied)
		k.stands(id, provider.DisputeWon, MoneyReturned, 0)
		k.holds(ledger.MerchantAvailable, -1_500, ledger.DisputeReserve, 0, ledger.DisputeReceivable, 0, ledger.FeeIncome, 150+1_500, "psp_receivable:alpha", 8_500)
		k.heard(event.DisputeCreated, event.DisputeUpdated, event.DisputeWon)
		if err := k.refund(p, 10_000); err != nil {
			k.Errorf("what came back cannot be refunded: %v", err)
		}
	})
}

func TestALostDisputeStaysDisputed(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000), payment.Applied)
		k.tell(chargeback(p, 10_000, status(provider.DisputeLost)), payment.Applied)
		k.stands(id, provider.DisputeLost, MoneyGone, 10_000)
		k.holds(ledger.MerchantAvailable, -11_500, ledger.DisputeReserve, 0, ledger.DisputeReceivable, 0, "psp_receivable:alpha", -1_500)
		if err := k.refund(p, 0); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "disputed") {
			k.Errorf("what the payer has already is refunded: %v", err)
		}
	})
}

func TestAnInquiryHoldsNoMoneyUntilItBecomesAChargeback(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000, stage(provider.StageInquiry)), payment.Applied)
		k.stands(id, provider.DisputeNeedsResponse, MoneyNone, 0)
		k.holds(ledger.MerchantAvailable, 0, ledger.DisputeReserve, 0)
		k.tell(chargeback(p, 10_000, stage(provider.StageInquiry), status(provider.DisputeExpired)), payment.Applied)
		k.stands(id, provider.DisputeExpired, MoneyNone, 0)
		k.tell(chargeback(p, 9_000), payment.Applied) // of a part of it: nothing was held, so that can be
		k.stands(id, provider.DisputeNeedsResponse, MoneyHeld, 9_000)
		k.tell(chargeback(p, 9_000, status(provider.DisputeWon)), payment.Applied)
		k.stands(id, provider.DisputeWon, MoneyReturned, 0)
		k.heard(event.DisputeCreated, event.DisputeLost, event.DisputeUpdated, event.DisputeWon)
	})
}

func TestALaterStageAsksAgainAndHoldsTheMoneyOnce(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000), payment.Applied)
		k.tell(chargeback(p, 10_000, status(provider.DisputeUnderReview)), payment.Applied)
		again := chargeback(p, 10_000, stage(provider.StagePreArbitration))
		again.Dispute.EvidenceDueAt = start.Add(20 * day)
		k.tell(again, payment.Applied)
		if o := k.stands(id, provider.DisputeNeedsResponse, MoneyHeld, 10_000); o.Stage != provider.StagePreArbitration || !o.EvidenceDueAt.Equal(start.Add(20*day)) {
			k.Errorf("it is at %s, until %s", o.Stage, o.EvidenceDueAt)
		}
		k.tell(chargeback(p, 10_000, status(provider.DisputeLost)), payment.Known) // of the stage before
		k.tell(chargeback(p, 10_000, stage(provider.StageArbitration), status(provider.DisputeLost)), payment.Applied)
		k.stands(id, provider.DisputeLost, MoneyGone, 10_000)
		k.holds(ledger.DisputeReserve, 0, ledger.PSPFee, 1_500)
	})
}

func TestTwoDisputesOfOnePaymentAddUp(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		first := k.tell(chargeback(p, 4_000, named("one")), payment.Applied)
		second := k.tell(chargeback(p, 5_000, named("two")), payment.Applied)
		k.stands(first, provider.DisputeNeedsResponse, MoneyHeld, 9_000)
		k.tell(chargeback(p, 4_000, named("one"), status(provider.DisputeWon)), payment.Applied)
		k.tell(chargeback(p, 5_000, named("two"), status(provider.DisputeLost)), payment.Applied)
		k.stands(second, provider.DisputeLost, MoneyGone, 5_000)
		if err := k.refund(p, 5_001); !fault.Is(err, fault.Invalid) {
			k.Errorf("more than is left is refunded: %v", err)
		}
		if err := k.refund(p, 5_000); err != nil {
			k.Errorf("what is left: %v", err)
		}
		for f, want := range map[Filter]int{{Payment: p.ID}: 2, {Payment: p.ID, Status: "won"}: 1, {Status: "lost"}: 1, {Unmatched: true}: 0} {
			if found, more, err := k.List(k.Context(), shop, db.Page{Limit: 10}, f); err != nil || more || len(found) != want {
				k.Errorf("%+v finds %d, %v, %v", f, len(found), more, err)
			}
		}
	})
}

func TestWhatWasRefundedCanBeTakenBackOnceMore(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		if err := k.refund(p, 6_000); err != nil {
			k.Fatal(err)
		}
		id := k.tell(chargeback(p, 10_000), payment.Applied) // banks do
		k.stands(id, provider.DisputeNeedsResponse, MoneyHeld, 10_000)
		if err := k.refund(p, 1); !fault.Is(err, fault.Conflict) {
			k.Errorf("more than was ever taken goes back: %v", err)
		}
	})
}

// Messages come twice and in any order: what they make of it in the end is the same.
func TestTheOrderOfMessagesDoesNotMatter(t *testing.T) {
	eachDesk(t, func(k *desk) {
		won, review := status(provider.DisputeWon), status(provider.DisputeUnderReview)
		for name, order := range map[string][]func(*provider.Dispute){
			"in order":    {status(provider.DisputeNeedsResponse), review, won},
			"end first":   {won, review, status(provider.DisputeNeedsResponse)},
			"twice":       {status(provider.DisputeNeedsResponse), status(provider.DisputeNeedsResponse), won, won},
			"review last": {status(provider.DisputeNeedsResponse), won, review},
		} {
			p := k.pay()
			var id string
			for _, message := range order {
				var got payment.Heard
				n := chargeback(p, 10_000, message)
				if err := k.Notify(k.Context(), alpha, n, func(_ *db.Change, h payment.Heard) error { got = h; return nil }); err != nil {
					k.Fatal(err)
				}
				if id = got.Subject; got.Verdict != payment.Applied && got.Verdict != payment.Known {
					k.Errorf("%s: %+v", name, got)
				}
			}
			k.stands(id, provider.DisputeWon, MoneyReturned, 0)
		}
	})
}

func TestWhatCannotBeTrueIsNotedAndChangesNothing(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000), payment.Applied)
		k.tell(chargeback(p, 9_999), payment.Contradicted)
		k.tell(chargeback(p, 10_000, func(d *provider.Dispute) { d.Fee = eur(1) }), payment.Contradicted)
		k.tell(chargeback(p, 10_000, status(provider.DisputeUnderReview)), payment.Applied)
		k.tell(chargeback(p, 10_000, status(provider.DisputeAccepted)), payment.Contradicted)
		k.tell(chargeback(p, 10_000, status(provider.DisputeLost)), payment.Applied)
		k.tell(chargeback(p, 10_000, status(provider.DisputeWon)), payment.Contradicted)
		k.tell(chargeback(p, 10_000, status(provider.DisputeExpired)), payment.Known) // the same to the money
		k.tell(chargeback(p, 10_000, stage(provider.StageArbitration)), payment.Contradicted)
		k.stands(id, provider.DisputeLost, MoneyGone, 10_000)
		shown, err := k.payments.Get(k.Context(), shop, p.ID, []string{"timeline"})
		if err != nil {
			k.Fatal(err)
		}
		n := 0
		for _, e := range shown.Timeline {
			if e.Event == "contradiction" && strings.Contains(e.Detail, id) {
				n++
			}
		}
		if n != 5 {
			k.Errorf("%d contradictions are noted: %+v", n, shown.Timeline)
		}
	})
}

func TestManyCopiesAtOnceAreHeardOnce(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		errs := make(chan error)
		const copies = 12
		for i := range copies {
			go func() {
				n := chargeback(p, 10_000)
				if i%2 == 0 {
					n = chargeback(p, 10_000, status(provider.DisputeWon))
				}
				errs <- k.Notify(k.Context(), alpha, n, func(*db.Change, payment.Heard) error { return nil })
			}()
		}
		for range copies {
			if err := <-errs; err != nil {
				k.Error(err)
			}
		}
		found, _, err := k.List(k.Context(), shop, db.Page{Limit: 10}, Filter{})
		if err != nil || len(found) != 1 {
			k.Fatalf("%d disputes, %v", len(found), err)
		}
		k.stands(found[0].ID, provider.DisputeWon, MoneyReturned, 0)
	})
}

// A refund that is decided while a dispute comes is decided anew: the two never take more than was captured together, unless the refund
// was first.
func TestRefundsAndADisputeAtOnceDoNotPassEachOther(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		done := make(chan error)
		const refunds = 8
		for range refunds {
			go func() { done <- k.refund(p, 2_000) }()
		}
		go func() {
			done <- k.Notify(k.Context(), alpha, chargeback(p, 6_000), func(*db.Change, payment.Heard) error { return nil })
		}()
		for range refunds + 1 {
			if err := <-done; err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Conflict) {
				k.Error(err)
			}
		}
		now, err := k.payments.Find(k.Context(), shop, p.ID)
		if err != nil || now.Disputed.Minor() != 6_000 || now.Refunded.Minor() > 10_000 || !now.Refunding.IsZero() || now.Refunded.Minor() < 4_000 {
			k.Errorf("%s refunded, %s on its way, %s disputed, %v", now.Refunded, now.Refunding, now.Disputed, err)
		}
		if err := k.refund(p, 1); !fault.Is(err, fault.Conflict) {
			k.Errorf("more goes back: %v", err)
		}
	})
}

// Whatever is said, in whatever order, nothing leaves an end, and what is booked is what the money says.
func TestNoMessageTakesADisputeOutOfItsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &payment.Payment{ID: "pay_1", Attempts: 1, Status: payment.Captured, Amount: eur(10_000), Captured: eur(10_000), Disputed: eur(0)}
		d := Dispute{Merchant: shop, ID: "dp_1", Account: "alpha", Transaction: "pay_1-1", Money: MoneyNone}
		var reserve int64
		for range rapid.IntRange(1, 12).Draw(t, "messages") {
			m := *chargeback(payment.Object{ID: "pay_1"}, rapid.SampledFrom([]int64{4_000, 4_000, 4_000, 5_000}).Draw(t, "amount"),
				stage(rapid.SampledFrom(stages).Draw(t, "stage")),
				status(rapid.SampledFrom([]provider.DisputeStatus{provider.DisputeNeedsResponse, provider.DisputeUnderReview, provider.DisputeWon, provider.DisputeLost}).Draw(t, "status"))).Dispute
			out := hear(d, p, m, start)
			for _, posting := range out.postings {
				lines, err := posting.Lines()
				if err != nil {
					t.Fatal(err)
				}
				for _, l := range lines {
					if l.Account == ledger.DisputeReserve {
						reserve -= l.Amount.Minor()
					}
				}
			}
			if ended(d.Status) && d.Version > 0 && d.Stage != provider.StageInquiry && out.dispute.Status != d.Status {
				t.Fatalf("%s became %s", d.Status, out.dispute.Status)
			}
			held := out.dispute.Money == MoneyHeld
			if held != (reserve > 0) || held && ended(out.dispute.Status) || out.disputed.Minor() < 0 || out.dispute.Stage == provider.StageInquiry && reserve != 0 {
				t.Fatalf("%d in reserve, %s disputed: %+v", reserve, out.disputed, out.dispute)
			}
			d, p.Disputed = out.dispute, out.disputed
			d.Version++
		}
	})
}

func TestMovesLeaveNoEnd(t *testing.T) {
	for from, tos := range moves {
		for _, to := range tos {
			if _, booked := ends[to]; ended(to) != booked {
				t.Errorf("%s → %s: an end that is not booked, or none that is", from, to)
			}
		}
	}
	if again(0) != 2*time.Second || again(1000) != time.Hour {
		t.Error("pauses")
	}
}
