package payment

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/provider"
)

// hanging is an acquirer whose account alpha answers no inquiry before it is released.
type hanging struct {
	*acquirer
	asked   chan string // the accounts that are asked
	release chan struct{}
}

func (h hanging) Inquire(_ context.Context, a provider.Account, _ provider.Inquiry) provider.Finding {
	h.asked <- a.ID
	if a.ID == "alpha" {
		<-h.release
	}
	return provider.Unanswered(provider.Doubt("it hangs"))
}

// twoContracts are alpha and beta, with one provider.
type twoContracts struct{ contracts }

func (twoContracts) Get(_ context.Context, _, account string) (provider.Account, error) {
	return provider.Account{Merchant: shop, ID: account, Provider: "fake"}, nil
}

// Far more is due at the account that hangs than the worker has hands; what is due at the other is asked about all the same.
func TestAProviderThatHangsLeavesTheWorkerToOthers(t *testing.T) {
	const due = 200
	for name, row := range map[string]func(u *till, account string) []db.Row{
		"attempts":   func(u *till, account string) []db.Row { return []db.Row{u.openAttempt(account)} },
		"operations": func(u *till, account string) []db.Row { return u.openOperation(account) },
	} {
		t.Run(name, func(t *testing.T) {
			now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
			dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
				h := hanging{newAcquirer(), make(chan string, 2*due), make(chan struct{})}
				u := newTill(t, d, now, Options{Cards: cards{}, Accounts: twoContracts{}, Providers: provider.Registry{"fake": h}})
				c := db.NewChange(shop)
				for range due {
					c.Add(row(u, "alpha")...)
				}
				if err := d.Commit(u.Context(), c); err != nil {
					u.Fatal(err)
				}
				now.Advance(time.Second)
				last := db.NewChange(shop, row(u, "beta")...)
				if err := d.Commit(u.Context(), last); err != nil {
					u.Fatal(err)
				}
				ctx, stop := context.WithCancel(u.Context())
				done := make(chan error, 1)
				go func() { done <- d.Sweep(ctx, u.Sweeps()...) }()
				hangs := 0
				for account := ""; account != "beta"; account = <-h.asked {
					if account == "alpha" {
						hangs++
					}
				}
				if hangs > 32 {
					u.Errorf("%d hands wait for alpha", hangs)
				}
				stop()
				close(h.release)
				if err := <-done; err != nil {
					u.Error(err)
				}
			}, event.Schema, ledger.Schema, Schema)
		})
	}
}

// openAttempt is the row of an attempt whose outcome is not known.
func (u *till) openAttempt(account string) db.Row {
	u.Helper()
	row, err := attemptRow(Attempt{
		Merchant: shop, Payment: u.IDs.New(id.Payment), Number: 1, ID: u.IDs.New(id.Attempt), State: AttemptUnknown, Account: account,
		Amount: of(Object{Currency: "EUR"}, 1), DueAt: u.now.Now(), SentAt: u.now.Now(), CreatedAt: u.now.Now(),
	})
	if err != nil {
		u.Fatal(err)
	}
	return row
}

// openOperation is the rows of a refund whose outcome is not known, and of its attempt.
func (u *till) openOperation(account string) []db.Row {
	u.Helper()
	now := u.now.Now()
	a := Attempt{
		Merchant: shop, Payment: u.IDs.New(id.Payment), Number: 1, ID: u.IDs.New(id.Attempt), State: AttemptCaptured, Account: account,
		Amount: of(Object{Currency: "EUR"}, 1), SentAt: now, CreatedAt: now,
	}
	attempt, err := attemptRow(a)
	if err != nil {
		u.Fatal(err)
	}
	op := newOperation(Payment{Merchant: shop, ID: a.Payment}, a, KindRefund, u.IDs.New(id.Refund), a.Amount, occasion{now: now})
	op.State = OperationUnknown
	operation, err := operationRow(*op)
	if err != nil {
		u.Fatal(err)
	}
	return []db.Row{attempt, operation}
}

func TestEveryQueueIsSharedOutByProviderAccount(t *testing.T) {
	eachTill(t, func(u *till) {
		for _, s := range u.Sweeps() {
			if s.Group != "provider_account" || s.Share <= 0 || s.Share >= s.Limit {
				u.Errorf("%s gives one account %d of its %d hands", s.Name, s.Share, s.Limit)
			}
		}
		o := u.pay(true)
		if _, err := u.Refund(u.Context(), shop, o.ID, RefundRequest{Amount: 1}, alone{}); err != nil {
			u.Fatal(err)
		}
		u.tell(says(o, "1", declinedLate))
		for _, table := range []string{"payment", "payment_attempt", "payment_operation", "payment_contradiction"} {
			accounts, err := db.List(u.Context(), u.DB, func(r db.Scanner) (a string, err error) { return a, r.Scan(&a) },
				"SELECT provider_account FROM "+table+" WHERE merchant_id = $1", shop)
			if err != nil || fmt.Sprint(accounts) != "[alpha]" {
				u.Errorf("%s is of %v, %v", table, accounts, err)
			}
		}
	})
}
