package payment

import (
	"errors"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/provider"
)

// Every name of the contract that makes something go wrong, and the end that it must come to.
func TestScenariosOfTheContract(t *testing.T) {
	eachStreet(t, func(s *street) {
		for scenario, c := range map[string]struct {
			first, last Status
			charges     int
		}{
			"":                      {Captured, Captured, 1},
			"slow":                  {Captured, Captured, 1},
			"timeout_before":        {Processing, Failed, 0},
			"timeout_after":         {Processing, Captured, 1},
			"error_500":             {Processing, Failed, 0},
			"down":                  {Captured, Captured, 1}, // at the second
			"duplicate_webhook":     {Captured, Captured, 1},
			"late_webhook":          {Captured, Captured, 1},
			"out_of_order_webhooks": {Captured, Captured, 1},
			"no_webhook":            {Captured, Captured, 1},
			"late_approval":         {Processing, Captured, 1},
		} {
			o, err := s.buy(visa, scenario, true)
			overtaken := o.Status == c.last && scenario == "timeout_after" // by the webhook
			if o.Status != c.first && !overtaken || (err != nil) != (c.first == Failed) {
				s.Errorf("%q: %s, %v", scenario, o.Status, err)
			}
			s.passes(20 * time.Minute)
			if scenario == "late_approval" { // the world looks at its clock in its own time
				s.told(attemptReference(o.ID, 1), "authorization.late_approved")
			}
			s.passes(20 * time.Minute)
			if o = s.status(o.ID); o.Status != c.last {
				s.Errorf("%q ends %s, want %s", scenario, o.Status, c.last)
			}
			s.charges(o, c.charges)
			if rows, err := s.store.contradictions(s.Context(), shop, o.ID); err != nil || len(rows) > 0 {
				s.Errorf("%q: %+v, %v", scenario, rows, err)
			}
		}
	})
}

// The same for what follows an authorization: the operation ends as the acquirer has it, once.
func TestScenariosOfOperations(t *testing.T) {
	eachStreet(t, func(s *street) {
		for _, fate := range []string{"timeout_before", "timeout_after", "slow", "error_500", "down"} {
			clean := map[string]bool{"timeout_after": true, "slow": true}[fate] // else the scenario meets each repeat, too
			held, _ := s.buy(visa, fate+" capture", false)
			canceled, _ := s.buy(visa, fate+" void", false)
			sold, _ := s.buy(visa, fate+" refund", true)
			_, _ = s.Capture(s.Context(), shop, held.ID, 4_000, true, alone{})
			_, _ = s.Cancel(s.Context(), shop, canceled.ID, "", alone{})
			if _, err := s.Refund(s.Context(), shop, sold.ID, RefundRequest{Amount: 4_000}, alone{}); err != nil {
				s.Errorf("%s: refund: %v", fate, err)
			}
			s.passes(time.Hour)
			held, canceled, sold = s.status(held.ID), s.status(canceled.ID), s.status(sold.ID)
			if clean {
				s.expect(held, Captured, 4_000, 0)
				s.expect(canceled, Canceled, 0, 0)
				s.expect(sold, Captured, 10_000, 4_000)
				continue
			}
			s.expect(held, Authorized, 0, 0)
			s.expect(canceled, Authorized, 0, 0)
			if state := sold.Refunds[0].Status; state != "pending" { // nobody knows, or it waits until the acquirer is back
				s.Errorf("%s: the refund is %s", fate, state)
			}
		}
	})
}

func TestWebhooksOfTheContractAreApplied(t *testing.T) {
	eachStreet(t, func(s *street) {
		if _, err := s.buy(visa, "duplicate_webhook", true); err != nil {
			s.Fatal(err)
		}
		for range 2 {
			if v := s.hook("authorization.captured"); !agrees(v) {
				s.Errorf("a duplicate is %s", v)
			}
		}
		if _, err := s.buy(visa, "late_webhook", true); err != nil {
			s.Fatal(err)
		}
		s.passes(time.Minute)
		if v := s.hook("authorization.captured"); v != Known {
			s.Errorf("a late webhook is %s", v)
		}
		if _, err := s.buy(visa, "out_of_order_webhooks", true); err != nil {
			s.Fatal(err)
		}
		s.hook("authorization.captured")
		s.passes(time.Minute)
		if v := s.hook("authorization.authorized"); v != Known {
			s.Errorf("a message of before is %s", v)
		}
		o, _ := s.buy(visa, "late_approval", true)
		s.now.Advance(6 * time.Second)
		s.world.Wake()
		if v := s.hook("authorization.late_approved"); v != Applied {
			s.Errorf("a late approval is %s", v)
		}
		s.expect(s.status(o.ID), Captured, 10_000, 0)
	})
}

func TestAShiftedAmountIsFollowed(t *testing.T) {
	eachStreet(t, func(s *street) {
		sale, _ := s.buy(visa, "amount_shift", true)
		s.passes(time.Minute)
		if v := s.hook("authorization.captured"); v != Applied {
			s.Errorf("the clearing of a sale is %s", v)
		}
		held, _ := s.buy(visa, "amount_shift", false)
		if _, err := s.Capture(s.Context(), shop, held.ID, 5_000, true, alone{}); err != nil {
			s.Fatal(err)
		}
		s.passes(time.Minute)
		if v := s.hook("operation.succeeded"); v != Applied {
			s.Errorf("the clearing of a capture is %s", v)
		}
		for o, captured := range map[*Object]int64{&sale: 10_000, &held: 5_000} {
			s.expect(s.status(o.ID), Captured, captured*9/10, 0)
			if entries := s.entries(o.ID, "contradiction"); len(entries) != 0 {
				s.Errorf("the timeline has %v", entries)
			}
		}
	})
}

func TestACardWhoseCaptureFails(t *testing.T) {
	const number = "4000000000000341"
	eachStreet(t, func(s *street) {
		o, _ := s.buy(number, "", false)
		s.expect(o, Authorized, 0, 0)
		var refused *DeclinedError
		if _, err := s.Capture(s.Context(), shop, o.ID, 0, false, alone{}); !errors.As(err, &refused) || refused.Decline.Code != provider.TransactionNotAllowed {
			s.Errorf("captured: %v", err)
		}
		if v := s.hook("operation.failed"); !agrees(v) {
			s.Errorf("its webhook is %s", v)
		}
		s.passes(time.Minute)
		s.expect(s.status(o.ID), Authorized, 0, 0)
		if o, err := s.Cancel(s.Context(), shop, o.ID, "", alone{}); err != nil || o.Status != Canceled {
			s.Errorf("canceled: %+v, %v", o, err)
		}
		sale, err := s.buy(number, "", true)
		if err != nil {
			s.Fatal(err)
		}
		s.expect(sale, Authorized, 0, 0)
		if v := s.hook("operation.failed"); v != Known {
			s.Errorf("the webhook of a sale is %s", v)
		}
		s.passes(8 * 24 * time.Hour)
		s.passes(time.Hour)
		s.expect(s.status(sale.ID), Expired, 0, 0)
		s.charges(sale, 0)
	})
}

func TestACardWhoseRefundFailsLater(t *testing.T) {
	const number = "4000000000005126"
	eachStreet(t, func(s *street) {
		for scenario, told := range map[string]bool{"": true, "no_webhook": false} {
			o, _ := s.buy(number, scenario, true)
			r, err := s.Refund(s.Context(), shop, o.ID, RefundRequest{Amount: 6_000}, alone{})
			if err != nil || r.Status != "pending" {
				s.Fatalf("%+v, %v", r, err)
			}
			s.expect(s.status(o.ID), Captured, 10_000, 6_000)
			s.now.Advance(4 * time.Second)
			if told {
				s.world.Wake()
				if v := s.hook("operation.failed"); v != Applied {
					s.Errorf("its webhook is %s", v)
				}
			} else if err := s.world.CatchUp(); err != nil {
				s.Fatal(err)
			}
			s.passes(time.Hour)
			if r, err = s.GetRefund(s.Context(), shop, r.ID); err != nil || r.Status != "failed" || r.Failure.DeclineCode != provider.InvalidAccount {
				s.Errorf("%+v, %v", r, err)
			}
			s.expect(s.status(o.ID), Captured, 10_000, 0)
		}
		if s.balance("refund_flight") != 0 || s.balance("merchant_available") != 0 {
			s.Error("a failed refund is still in the books")
		}
	})
}

func TestCardsOfTheContractAreDeclinedForTheirReason(t *testing.T) {
	eachStreet(t, func(s *street) {
		for number, code := range map[string]provider.DeclineCode{
			"4000000000000002": provider.DoNotHonor, "4000000000009995": provider.InsufficientFunds, "4000000000009979": provider.StolenCard,
			"4000000000000069": provider.ExpiredCard, "4000000000000127": provider.IncorrectCVC, "4000000000000119": provider.ProcessingError,
			"4100000000000019": provider.RiskDecline,
		} {
			o, err := s.buy(number, "", true)
			var refused *DeclinedError
			if !errors.As(err, &refused) || refused.Decline.Code != code || o.Failure.DeclineCode != code || o.Status != Failed {
				s.Errorf("%s: %v, %+v", number, err, o.Failure)
			}
			if v := s.hook("authorization.declined"); !agrees(v) {
				s.Errorf("%s: its webhook is %s", number, v)
			}
			s.charges(o, 0)
		}
		for _, number := range []string{visa, "5555555555554444", "378282246310005", "4000000000000259"} {
			o, err := s.buy(number, "", true)
			if err != nil || o.Status != Captured {
				s.Errorf("%s: %+v, %v", number, o, err)
			}
		}
		in := order(true)
		in.Choice.Token, in.ProviderAccounts = s.card("4000000000000077", ""), []string{"beta"}
		if o, err := s.Create(s.Context(), in, alone{}); err != nil || o.Status != Captured || o.Provider != "beta" {
			s.Errorf("at beta: %+v, %v", o, err)
		}
		s.passes(time.Minute)
		if v := s.hook("dispute.opened"); v != Unsupported {
			s.Errorf("a dispute is %s", v)
		}
	})
}

func TestWhatTheAcquirerDoesUnaskedIsHeard(t *testing.T) {
	eachStreet(t, func(s *street) {
		for button, kind := range map[string]string{"void": "authorization.voided", "expire": "authorization.expired"} {
			o, _ := s.buy(visa, "", false)
			s.happens(o, button)
			if v := s.hook(kind); v != Applied {
				s.Errorf("%s is %s", kind, v)
			}
			s.expect(s.status(o.ID), Expired, 0, 0)
			silent, _ := s.buy(visa, "no_webhook", false)
			s.happens(silent, button)
			if _, err := s.Capture(s.Context(), shop, silent.ID, 0, false, alone{}); !errors.As(err, new(*DeclinedError)) {
				s.Errorf("captured what is gone: %v", err)
			}
			s.passes(time.Minute)
			s.expect(s.status(silent.ID), Expired, 0, 0)
		}
		o, _ := s.buy(visa, "", true)
		r, err := s.Refund(s.Context(), shop, o.ID, RefundRequest{}, alone{})
		if err != nil || r.Status != "succeeded" {
			s.Fatalf("%+v, %v", r, err)
		}
		s.happens(o, "fail_refund")
		if v := s.hook("operation.failed"); v != Contradicted {
			s.Errorf("a refund that came back is %s", v)
		}
		if s.balance("auth_hold") != 0 {
			s.Error("something is still on hold in the books")
		}
	})
}
