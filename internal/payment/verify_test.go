package payment

import (
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
)

// Whoever changes what a payment says of its money, and not the books, is found out; also if the sums over all payments
// stay what they were.
func TestPaymentsThatDoNotAgreeWithTheBooksAreFound(t *testing.T) {
	more := func(m *money.Money, by int64) { *m = money.Of(m.Minor()+by, m.Currency()) }
	for name, change := range map[string]func(sale, other, held *Payment){
		"captured less":             func(sale, _, _ *Payment) { more(&sale.Captured, -1) },
		"refunded more":             func(sale, _, _ *Payment) { more(&sale.Refunded, 1) },
		"being refunded":            func(sale, _, _ *Payment) { more(&sale.Refunding, 1) },
		"captured here, not there":  func(sale, other, _ *Payment) { more(&sale.Refunded, 1); more(&other.Refunded, -1) },
		"owed by another":           func(sale, _, _ *Payment) { sale.Account = "beta" },
		"a hold of another amount":  func(_, _, held *Payment) { more(&held.Authorized, -1) },
		"a hold that ended unheard": func(_, _, held *Payment) { held.Status = Expired },
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				payments := []*Payment{{}, {}, {}}
				for i, o := range []Object{u.pay(true), u.pay(true), u.pay(false)} {
					if i < 2 {
						if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 10}, alone{}); err != nil {
							u.Fatal(err)
						}
					}
					p, err := u.store.payment(u.Context(), shop, o.ID)
					if err != nil {
						u.Fatal(err)
					}
					*payments[i] = p
				}
				honest := []Payment{*payments[0], *payments[1], *payments[2]}
				change(payments[0], payments[1], payments[2])
				u.write(*payments[0], *payments[1], *payments[2])
				faults, err := VerifyBooks(u.Context(), u.DB)
				if err != nil || len(faults) == 0 {
					u.Errorf("passed: %v, %v", faults, err)
				}
				for i := range honest {
					honest[i].Version++
				}
				u.write(honest...)
			})
		})
	}
}

func (u *till) write(payments ...Payment) {
	u.Helper()
	c := db.NewChange(shop)
	for _, p := range payments {
		row, err := paymentRow(p)
		if err != nil {
			u.Fatal(err)
		}
		c.Add(row)
	}
	if err := u.DB.Commit(u.Context(), c); err != nil {
		u.Fatal(err)
	}
}

func TestBooksOfAPaymentThatIsNotThereAreFound(t *testing.T) {
	eachTill(t, func(u *till) {
		o := u.pay(true)
		u.spoilt = true
		for subject, want := range map[string]bool{"pay_00000000000000000000000000": true, "trf_00000000000000000000000000": true, "po_00000000000000000000000000": false} {
			c := db.NewChange(shop)
			err := ledger.Post(c, u.IDs, ledger.Posting{Kind: ledger.Sale, Subject: subject, Cause: "x", Provider: "alpha", Amount: of(o, 5)}, u.now.Now())
			if err != nil {
				u.Fatal(err)
			}
			if err := u.DB.Commit(u.Context(), c); err != nil {
				u.Fatal(err)
			}
			faults, err := VerifyBooks(u.Context(), u.DB)
			found := strings.Contains(strings.Join(faults, "\n"), subject)
			if err != nil || found != want {
				u.Errorf("%s: %v, %v", subject, faults, err)
			}
		}
	})
}

// Whoever says of money in suspense that it is less, or back, and does not book that, is found out.
func TestTransfersThatDoNotAgreeWithTheBooksAreFound(t *testing.T) {
	for name, change := range map[string]func(t *Transfer){
		"less":     func(t *Transfer) { t.Surplus = reais(999) },
		"returned": func(t *Transfer) { t.State = TransferReturned },
		"settled":  func(t *Transfer) { t.State, t.Surplus = TransferSettled, reais(0) },
		"another":  func(t *Transfer) { t.Account = "alpha" },
	} {
		t.Run(name, func(t *testing.T) {
			eachCounter(t, func(c *counter) {
				o := c.begin(byPix(5_000))
				c.hears(comes(o, "t1", reais(6_000)))
				all, err := c.store.transfers(c.Context(), shop, o.ID)
				if err != nil || len(all) != 1 {
					c.Fatal(err)
				}
				honest := all[0]
				lie := honest
				change(&lie)
				for _, lies := range []bool{true, false} {
					one := honest
					if lies {
						one = lie
					}
					if err := c.DB.Commit(c.Context(), db.NewChange(shop, transferRow(one))); err != nil {
						c.Fatal(err)
					}
					faults, err := VerifyBooks(c.Context(), c.DB)
					if found := strings.Contains(strings.Join(faults, "\n"), honest.ID); err != nil || found != lies {
						c.Errorf("%v, %v", faults, err)
					}
					honest.Version++
				}
			})
		})
	}
}
