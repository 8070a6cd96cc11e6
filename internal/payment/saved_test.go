package payment

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/seal"
)

// savedCards is the cards as customers know them.
type savedCards struct{ cards }

func (s savedCards) Describe(ctx context.Context, tenant, token string) (customer.Card, bool, error) {
	d, err := s.cards.Describe(ctx, tenant, token)
	return customer.Card{Brand: d.Brand, Last4: d.Last4, BIN: d.BIN, ExpMonth: d.ExpMonth, ExpYear: d.ExpYear, Funding: d.Funding, Fingerprint: token}, d.SingleUse, err
}

func (savedCards) Forget(context.Context, string, string) error { return nil }

// wallets are the customers who pay at a till.
func (u *till) wallets() *customer.Service {
	u.Helper()
	dir := u.TempDir()
	wrapper, err := seal.FileWrapper(filepath.Join(dir, "key"))
	if err != nil {
		u.Fatal(err)
	}
	box, err := seal.Open(u.Context(), wrapper, filepath.Join(dir, "keyset"))
	if err != nil {
		u.Fatal(err)
	}
	return &customer.Service{DB: u.DB, Store: customer.NewStore(u.DB, box), Clock: u.now, IDs: u.IDs, Cards: savedCards{}, Tokens: u.Service, Events: u.Service}
}

// payer makes a customer.
func payer(u *till, w *customer.Service) string {
	u.Helper()
	c, err := w.Create(u.Context(), shop, customer.Person{Name: "Ada Lovelace"}, func(*db.Change, customer.Object) error { return nil })
	if err != nil {
		u.Fatal(err)
	}
	return c.ID
}

func keepAlone(*db.Change, customer.MethodObject) error { return nil }

func TestATokenThatABrowserMadeServesOneCustomerOrOnePayment(t *testing.T) {
	eachTill(t, func(u *till) {
		w := u.wallets()
		ada, grace := payer(u, w), payer(u, w)
		kept, err := w.Keep(u.Context(), shop, customer.Keep{Token: tokenBrowser, Customer: ada}, keepAlone)
		if err != nil {
			u.Fatal(err)
		}
		again, err := w.Keep(u.Context(), shop, customer.Keep{Token: tokenBrowser, Customer: ada}, keepAlone)
		if err != nil || again.ID != kept.ID {
			u.Errorf("kept again: %+v, %v", again, err)
		}
		used := func(what string, err error) {
			u.Helper()
			var refused *fault.Error
			if !errors.As(err, &refused) || refused.Kind != fault.Conflict || refused.Code != CodeTokenUsed {
				u.Errorf("%s: %v", what, err)
			}
		}
		_, err = w.Keep(u.Context(), shop, customer.Keep{Token: tokenBrowser, Customer: grace}, keepAlone)
		used("kept by another customer", err)
		in := order(true)
		in.Choice.Token = tokenBrowser
		_, err = u.Create(u.Context(), in, alone{})
		used("charged as a token", err)

		in.Choice.Token = tokenOther
		if _, err := u.Create(u.Context(), in, alone{}); err != nil {
			u.Fatal(err)
		}
		_, err = w.Keep(u.Context(), shop, customer.Keep{Token: tokenOther, Customer: grace}, keepAlone)
		used("kept behind a payment", err)
		if _, err := w.Detach(u.Context(), shop, kept.ID, keepAlone); err != nil {
			u.Fatal(err)
		}
		_, err = w.Keep(u.Context(), shop, customer.Keep{Token: tokenBrowser, Customer: ada}, keepAlone)
		used("kept behind its end", err)

		found, _, err := u.told.EventsOf(u.Context(), shop, db.Page{Limit: 10}, []event.Type{event.MethodAttached, event.MethodUpdated, event.MethodDetached}, kept.ID)
		if err != nil || len(found) != 3 || found[0].Type != event.MethodDetached || found[0].Sequence <= found[1].Sequence || found[1].Sequence <= found[2].Sequence || found[2].Thread != kept.ID {
			u.Errorf("events %+v, %v", found, err)
		}
	})
}

// Whoever is first has the token, a payment or a customer, and the other is told.
func TestAPaymentAndACustomerThatMeetAtATokenShareNothing(t *testing.T) {
	eachTill(t, func(u *till) {
		w := u.wallets()
		ada := payer(u, w)
		var won atomic.Int64
		count := func(err error) {
			if err == nil {
				won.Add(1)
				return
			}
			var refused *fault.Error
			if !errors.As(err, &refused) || refused.Code != CodeTokenUsed {
				u.Error(err)
			}
		}
		var both sync.WaitGroup
		both.Go(func() {
			in := order(true)
			in.Choice.Token = tokenBrowser
			_, err := u.Create(u.Context(), in, alone{})
			count(err)
		})
		both.Go(func() {
			_, err := w.Keep(u.Context(), shop, customer.Keep{Token: tokenBrowser, Customer: ada}, keepAlone)
			count(err)
		})
		both.Wait()
		if won.Load() != 1 {
			u.Errorf("%d have the token", won.Load())
		}
	})
}

func TestACardIsNeededForAsLongAsATryMayChargeIt(t *testing.T) {
	eachTill(t, func(u *till) {
		busy := func() bool {
			b, err := u.TokenBusy(u.Context(), shop, token)
			if err != nil {
				u.Fatal(err)
			}
			return b
		}
		if busy() {
			u.Error("needed before there is a payment")
		}
		in := order(true)
		made, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		if made.Status != Processing || !busy() {
			u.Errorf("%s, needed %t", made.Status, busy())
		}
		if b, err := u.TokenBusy(u.Context(), "acct_other:test", token); b || err != nil {
			u.Errorf("another tenant's: %t, %v", b, err)
		}
		u.later(10 * time.Minute)
		if got := u.status(made.ID); got.Status != Captured || busy() {
			u.Errorf("%s, needed %t", got.Status, busy())
		}
	}, noAnswer)
}
