package payment

import (
	"slices"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/provider"
)

func TestTheScheduleOfInquiries(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.q.blind = true
		var got []time.Duration
		for range 10 {
			a, err := u.store.attempt(u.Context(), shop, o.ID, 1)
			if err != nil || a.DueAt.Before(u.now.Now()) {
				u.Fatalf("%+v, %v", a, err)
			}
			got = append(got, a.DueAt.Sub(u.now.Now()))
			u.now.Advance(a.DueAt.Sub(u.now.Now()))
			if err := u.resolveAttempt(u.Context(), []string{shop, o.ID, "1"}); err != nil {
				u.Fatal(err)
			}
		}
		want := []time.Duration{2 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour}
		if !slices.Equal(got, want) {
			u.Errorf("asked after %v, want %v", got, want)
		}
	}, noAnswer)
}

func TestWhoReadsAPaymentHasItAskedAbout(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.q.blind = true
		for range 4 {
			a := u.attempt(o)
			u.now.Advance(a.DueAt.Sub(u.now.Now()))
			if err := u.resolveAttempt(u.Context(), []string{shop, o.ID, "1"}); err != nil {
				u.Fatal(err)
			}
		}
		before := u.attempt(o)
		look := func() Attempt {
			u.Helper()
			if _, err := u.Get(u.Context(), shop, o.ID, nil); err != nil {
				u.Fatal(err)
			}
			u.readers.under.Wait()
			return u.attempt(o)
		}
		if now := look(); !now.DueAt.Equal(before.DueAt) {
			u.Error("asked about a moment ago, and due again")
		}
		u.now.Advance(askAgainAfter)
		if now := look(); !now.DueAt.Equal(u.now.Now()) || now.Inquiries != before.Inquiries-1 {
			u.Errorf("due at %v after %d inquiries, want now", now.DueAt, now.Inquiries)
		}
		if err := u.resolveAttempt(u.Context(), []string{shop, o.ID, "1"}); err != nil {
			u.Fatal(err)
		}
		after := u.attempt(o)
		if after.Inquiries != before.Inquiries || after.DueAt.Sub(u.now.Now()) != provider.InquiryDelay(before.Inquiries-1) {
			u.Errorf("the schedule goes on at %v after %d inquiries", after.DueAt.Sub(u.now.Now()), after.Inquiries)
		}
		u.now.Advance(askAgainAfter - time.Microsecond)
		if now := look(); !now.DueAt.Equal(after.DueAt) {
			u.Error("due again too soon")
		}
		u.q.blind = false
		u.now.Advance(time.Microsecond)
		look()
		if err := u.resolveAttempt(u.Context(), []string{shop, o.ID, "1"}); err != nil {
			u.Fatal(err)
		}
		u.expect(u.status(o.ID), Captured, 10_000, 0)
		u.Close()
		if u.readers.admits("pay_x", u.now.Now()) {
			u.Error("looks after it was closed")
		}
	}, noAnswer)
}

func (u *till) attempt(o Object) Attempt {
	u.Helper()
	a, err := u.store.attempt(u.Context(), shop, o.ID, 1)
	if err != nil {
		u.Fatal(err)
	}
	return a
}

func TestReadersAreBounded(t *testing.T) {
	r := newReaders()
	admitted := 0
	for n := range 3 * readerSlots {
		if r.admits(string(rune('a'+n)), noon) {
			admitted++
		}
	}
	if admitted != readerSlots {
		t.Errorf("%d looks at once, want %d", admitted, readerSlots)
	}
}

func TestALostScheduleIsFound(t *testing.T) {
	eachTill(t, func(u *till) {
		unknown, sold := u.pay(true), u.pay(true)
		if _, err := u.Refund(u.Context(), shop, sold.ID, RefundRequest{Amount: 4_000}, alone{}); err != nil {
			u.Fatal(err)
		}
		if n, err := u.Rearm(u.Context()); err != nil || n != 0 {
			u.Errorf("found %d that are not lost, %v", n, err)
		}
		operations, err := u.store.operations(u.Context(), shop, sold.ID)
		if err != nil {
			u.Fatal(err)
		}
		a, op := u.attempt(unknown), operations[0]
		a.DueAt, op.DueAt = time.Time{}, time.Time{}
		row, err := attemptRow(a)
		if err != nil {
			u.Fatal(err)
		}
		row2, err := operationRow(op)
		if err != nil {
			u.Fatal(err)
		}
		if err := u.DB.Commit(u.Context(), db.NewChange(shop, row, row2)); err != nil {
			u.Fatal(err)
		}
		u.later(time.Hour)
		u.expect(u.status(unknown.ID), Processing, 0, 0)
		if n, err := u.Rearm(u.Context()); err != nil || n != 2 || u.measured("florin_payment_rearmed_total") != 2 {
			u.Errorf("found %d, %v", n, err)
		}
		u.later(time.Minute)
		u.expect(u.status(unknown.ID), Captured, 10_000, 0)
		u.expect(u.status(sold.ID), Captured, 10_000, 4_000)
	}, noAnswer, fine, noAnswer)
}

func TestAScheduleThatIsLongPastIsFound(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		due := u.attempt(o).DueAt
		u.now.Advance(lostAfter)
		if n, err := u.Rearm(u.Context()); err != nil || n != 0 {
			u.Errorf("found %d, %v", n, err)
		}
		u.now.Advance(time.Minute)
		if n, err := u.Rearm(u.Context()); err != nil || n != 1 || u.attempt(o).DueAt.Equal(due) {
			u.Errorf("found %d, %v", n, err)
		}
		u.later(time.Minute)
		u.expect(u.status(o.ID), Captured, 10_000, 0)
	}, noAnswer)
}
