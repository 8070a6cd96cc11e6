package payment

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
)

// strictShop is a merchant with a returns policy.
type strictShop struct{ returns map[string]merchant.Returns }

func (s strictShop) Of(_ context.Context, tenant string) (merchant.Merchant, error) {
	account, _, _ := id.SplitTenant(tenant)
	return merchant.Merchant{ID: account, Returns: s.returns}, nil
}

// eachStrict is eachTill of a merchant with a policy for everything.
func eachStrict(t *testing.T, r merchant.Returns, body func(u *till), mishaps ...mishap) {
	eachTill(t, func(u *till) {
		u.Merchants = strictShop{map[string]merchant.Returns{merchant.AnyMethod: r}}
		body(u)
	}, mishaps...)
}

const first, second = "key_1", "key_2"

// asks for a refund as somebody of the merchant's.
func (u *till) asks(payment string, r RefundRequest) (RefundObject, error) {
	r.By = first
	return u.Refund(u.Context(), shop, payment, r, alone{})
}

func codeOf(err error) string {
	var e *fault.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestARefundKeepsToItsWindow(t *testing.T) {
	eachStrict(t, merchant.Returns{Days: 30}, func(u *till) {
		o := u.pay(true)
		until := u.now.Now().Add(30 * 24 * time.Hour)
		if o.RefundableUntil == nil || !o.RefundableUntil.Equal(until) || o.AmountRefundable != 10_000 {
			u.Errorf("paid %+v", o)
		}
		if read := u.status(o.ID); !read.RefundableUntil.Equal(until) {
			u.Errorf("read %v", read.RefundableUntil)
		}
		held := u.pay(false)
		if held.RefundableUntil != nil || held.AmountRefundable != 0 {
			u.Errorf("authorized: %+v", held)
		}
		taken, err := u.Capture(u.Context(), shop, held.ID, 0, true, alone{})
		if err != nil || taken.RefundableUntil == nil {
			u.Errorf("captured: %+v, %v", taken, err)
		}
		u.Merchants = strictShop{} // what was promised at the sale stays
		u.now.Advance(until.Add(-time.Second).Sub(u.now.Now()))
		if _, err := u.asks(o.ID, RefundRequest{Amount: 1000}); err != nil {
			u.Errorf("a second before: %v", err)
		}
		u.now.Advance(until.Sub(u.now.Now()))
		if r, err := u.asks(o.ID, RefundRequest{Amount: 1000}); codeOf(err) != CodeRefundWindow || !fault.Is(err, fault.Conflict) {
			u.Errorf("when it is over: %+v, %v", r, err)
		}
		if err := u.RefundDown(u.Context(), shop, o.ID, 2000, "paid twice"); err != nil {
			u.Errorf("what Florin gives back by itself: %v", err)
		}
		if read := u.status(o.ID); read.AmountRefundable != 8000 {
			u.Errorf("left %d", read.AmountRefundable)
		}
	})
}

// The scheme of Pix takes nothing back after 90 days, whatever the policy promises.
func TestARefundKeepsToTheMethodsOwnWindow(t *testing.T) {
	const day = 24 * time.Hour
	for name, x := range map[string]struct {
		policy int64
		in     Create
		want   time.Duration // 0: without end
	}{
		"no policy":               {0, byPix(5_000), 90 * day},
		"a longer policy":         {120, byPix(5_000), 90 * day},
		"a shorter policy":        {30, byPix(5_000), 30 * day},
		"a method without an end": {0, byBank(5_000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			eachCounter(t, func(c *counter) {
				c.Merchants = strictShop{map[string]merchant.Returns{merchant.AnyMethod: {Days: x.policy}}}
				o := c.begin(x.in)
				if o.RefundableUntil != nil {
					c.Errorf("not paid yet, refundable until %v", o.RefundableUntil)
				}
				c.hears(says(o, "1", captured(money.Of(5_000, must2(money.ParseCurrency(x.in.Currency))))))
				paid, read := c.now.Now(), c.status(o.ID)
				if x.want == 0 {
					if read.RefundableUntil != nil {
						c.Errorf("refundable until %v", read.RefundableUntil)
					}
					return
				}
				until := paid.Add(x.want)
				if read.RefundableUntil == nil || !read.RefundableUntil.Equal(until) {
					c.Fatalf("refundable until %v, want %v", read.RefundableUntil, until)
				}
				c.now.Advance(x.want - time.Second)
				if r, err := c.asks(o.ID, RefundRequest{Amount: 1_000}); err != nil || r.Status != "succeeded" {
					c.Errorf("a second before: %+v, %v", r, err)
				}
				c.now.Advance(time.Second)
				if _, err := c.asks(o.ID, RefundRequest{Amount: 1_000}); codeOf(err) != CodeRefundWindow || !fault.Is(err, fault.Conflict) {
					c.Errorf("when it is over: %v", err)
				}
			})
		})
	}
}

func TestWhatCannotComeBackByItsMethodIsNotRefunded(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.begin(byBank(5_000))
		c.hears(says(o, "1", captured(money.Of(5_000, must2(money.ParseCurrency("EUR"))))))
		c.scheme.final = true
		if r, err := c.asks(o.ID, RefundRequest{Amount: 1_000}); codeOf(err) != fault.CodeStateConflict || r.ID != "" {
			c.Errorf("%+v, %v", r, err)
		}
		if read := c.status(o.ID); len(read.Refunds) != 0 || read.AmountRefunded != 0 {
			c.Errorf("%+v", read)
		}
		c.scheme.final = false
		if r, err := c.asks(o.ID, RefundRequest{Amount: 1_000}); err != nil || r.Status != "succeeded" {
			c.Errorf("where it can: %+v, %v", r, err)
		}
	})
}

func TestARefundIsNotApprovedByTheNextKeyOfWhoAskedForIt(t *testing.T) {
	eachStrict(t, merchant.Returns{Alone: map[string]int64{"EUR": 0}}, func(u *till) {
		u.SamePerson = func(_ context.Context, tenant, one, other string) (bool, error) {
			return tenant == shop && one == first && other == "key_1_rolled", nil
		}
		o := u.pay(true)
		r, err := u.asks(o.ID, RefundRequest{Amount: 2000})
		if err != nil || r.Status != "held" {
			u.Fatalf("%+v, %v", r, err)
		}
		if _, err := u.ApproveRefund(u.Context(), shop, r.ID, "key_1_rolled", alone{}); codeOf(err) != CodeTwoPersons || !fault.Is(err, fault.Forbidden) {
			u.Errorf("approved by the key that the first was rolled to: %v", err)
		}
		if done, err := u.ApproveRefund(u.Context(), shop, r.ID, second, alone{}); err != nil || done.Status != "succeeded" {
			u.Errorf("%+v, %v", done, err)
		}
	})
}

func TestARefundHasAReasonThatThePolicyKnows(t *testing.T) {
	eachStrict(t, merchant.Returns{Reasons: []string{"damaged", "late"}}, func(u *till) {
		o := u.pay(true)
		for _, reason := range []string{"", "Damaged", "because"} {
			var e *fault.Error
			if _, err := u.asks(o.ID, RefundRequest{Amount: 1, Reason: reason}); !errors.As(err, &e) || e.Code != CodeReason || e.Param != "reason" || e.Kind != fault.Invalid {
				u.Errorf("%q: %v", reason, err)
			}
		}
		if r, err := u.asks(o.ID, RefundRequest{Amount: 1, Reason: "late"}); err != nil || r.Status != "succeeded" || r.RequestedBy != first {
			u.Errorf("%+v, %v", r, err)
		}
	})
}

func TestWhatOnePersonMayNotRefundAloneWaitsForASecond(t *testing.T) {
	eachStrict(t, merchant.Returns{Alone: map[string]int64{"EUR": 5000}}, func(u *till) {
		o := u.pay(true)
		if r, err := u.asks(o.ID, RefundRequest{Amount: 4000}); err != nil || r.Status != "succeeded" {
			u.Fatalf("%+v, %v", r, err)
		}
		calls := u.q.calls
		r, err := u.asks(o.ID, RefundRequest{Amount: 2000}) // small, but not with what went before
		if err != nil || r.Status != "held" || u.q.calls != calls {
			u.Fatalf("%+v, %v, the provider was called %d times", r, err, u.q.calls-calls)
		}
		if read := u.status(o.ID); read.AmountRefunded != 6000 || read.AmountRefundable != 4000 {
			u.Errorf("while it is held: %+v", read)
		}
		if _, err := u.asks(o.ID, RefundRequest{Amount: 4001}); codeOf(err) != fault.CodeAmountTooLarge {
			u.Errorf("what is held was given away: %v", err)
		}
		u.later(48 * time.Hour)
		if again, err := u.GetRefund(u.Context(), shop, r.ID); err != nil || again.Status != "held" {
			u.Errorf("the worker made it: %+v, %v", again, err)
		}
		if _, err := u.ApproveRefund(u.Context(), shop, r.ID, first, alone{}); codeOf(err) != CodeTwoPersons || !fault.Is(err, fault.Forbidden) {
			u.Errorf("approved by the first: %v", err)
		}
		if _, err := u.ApproveRefund(u.Context(), "acct_other:test", r.ID, second, alone{}); !fault.Is(err, fault.NotFound) {
			u.Errorf("approved by another tenant: %v", err)
		}
		done, err := u.ApproveRefund(u.Context(), shop, r.ID, second, alone{})
		if err != nil || done.Status != "succeeded" || done.RequestedBy != first || !slices.Equal(done.ApprovedBy, []string{second}) {
			u.Errorf("%+v, %v", done, err)
		}
		for name, act := range map[string]func() error{
			"approved again": func() error { _, err := u.ApproveRefund(u.Context(), shop, r.ID, "key_3", alone{}); return err },
			"canceled after": func() error { _, err := u.CancelRefund(u.Context(), shop, r.ID, alone{}); return err },
		} {
			if err := act(); codeOf(err) != fault.CodeStateConflict {
				u.Errorf("%s: %v", name, err)
			}
		}
		whole, err := u.asks(o.ID, RefundRequest{})
		if err != nil || whole.Status != "held" || whole.Amount != 4000 {
			u.Fatalf("%+v, %v", whole, err)
		}
		off, err := u.CancelRefund(u.Context(), shop, whole.ID, alone{})
		if err != nil || off.Status != "failed" || off.Failure.Code != "refund_canceled" {
			u.Errorf("%+v, %v", off, err)
		}
		if read := u.status(o.ID); read.AmountRefunded != 6000 || read.AmountRefundable != 4000 {
			u.Errorf("in the end: %+v", read)
		}
		if _, err := u.CancelRefund(u.Context(), shop, u.IDs.New("ref"), alone{}); !fault.Is(err, fault.NotFound) {
			u.Errorf("nobody's: %v", err)
		}
	})
}

// Many who approve and cancel at once move the money once or not at all.
func TestAHeldRefundIsDecidedOnce(t *testing.T) {
	eachStrict(t, merchant.Returns{Alone: map[string]int64{"EUR": 0}}, func(u *till) {
		o := u.pay(true)
		r, err := u.asks(o.ID, RefundRequest{Amount: 3000})
		if err != nil {
			u.Fatal(err)
		}
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				act := func() error { _, err := u.ApproveRefund(u.Context(), shop, r.ID, second, alone{}); return err }
				if i%2 == 1 {
					act = func() error { _, err := u.CancelRefund(u.Context(), shop, r.ID, alone{}); return err }
				}
				if err := act(); err == nil {
					won.Add(1)
				} else if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Stale) {
					u.Error(err)
				}
			})
		}
		all.Wait()
		u.later(time.Hour)
		read, err := u.GetRefund(u.Context(), shop, r.ID)
		if err != nil || won.Load() != 1 || !slices.Contains([]string{"succeeded", "failed"}, read.Status) {
			u.Errorf("%d won: %+v, %v", won.Load(), read, err)
		}
	})
}

// An approval whose answer is lost is found out like any other refund.
func TestAnApprovedRefundIsFollowedToItsEnd(t *testing.T) {
	eachStrict(t, merchant.Returns{Alone: map[string]int64{"EUR": 0}}, func(u *till) {
		o := u.pay(true)
		r, err := u.asks(o.ID, RefundRequest{Amount: 3000})
		if err != nil {
			u.Fatal(err)
		}
		if r, err = u.ApproveRefund(u.Context(), shop, r.ID, second, alone{}); err != nil || r.Status != "pending" {
			u.Fatalf("%+v, %v", r, err)
		}
		u.later(10 * time.Minute)
		if r, err = u.GetRefund(u.Context(), shop, r.ID); err != nil || r.Status != "succeeded" || !slices.Equal(r.ApprovedBy, []string{second}) {
			u.Errorf("%+v, %v", r, err)
		}
	}, fine, noAnswer)
}
