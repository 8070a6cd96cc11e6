package payment

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
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
type savedCards struct{ Cards }

func (s savedCards) Describe(ctx context.Context, tenant, token string) (customer.Card, bool, error) {
	d, err := s.Cards.Describe(ctx, tenant, token)
	return customer.Card{Brand: d.Brand, Last4: d.Last4, BIN: d.BIN, ExpMonth: d.ExpMonth, ExpYear: d.ExpYear, Funding: d.Funding, Fingerprint: token}, d.SingleUse, err
}

func (savedCards) Forget(context.Context, string, string) error { return nil }

// newPayers keeps customers in a database.
func newPayers(t *testing.T, d *db.DB) *customer.Store {
	t.Helper()
	dir := t.TempDir()
	wrapper, err := seal.FileWrapper(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.Open(t.Context(), wrapper, filepath.Join(dir, "keyset"))
	if err != nil {
		t.Fatal(err)
	}
	return customer.NewStore(d, box)
}

// payer makes a customer.
func (u *till) payer() string {
	u.Helper()
	c, err := u.wallets.Create(u.Context(), shop, customer.Person{Name: "Ada Lovelace"}, func(*db.Change, customer.Object) error { return nil })
	if err != nil {
		u.Fatal(err)
	}
	return c.ID
}

// saves keeps a token for a customer, who agrees to be charged later or not.
func (u *till) saves(payer, token string, agrees bool) string {
	u.Helper()
	in := customer.Keep{Token: token, Customer: payer}
	if agrees {
		in.Consent = &customer.Consent{GivenAt: u.now.Now(), TextVersion: "terms-1", Channel: customer.Web}
	}
	m, err := u.wallets.Keep(u.Context(), shop, in, keepAlone)
	if err != nil {
		u.Fatal(err)
	}
	return m.ID
}

func keepAlone(*db.Change, customer.MethodObject) error { return nil }

func TestATokenThatABrowserMadeServesOneCustomerOrOnePayment(t *testing.T) {
	eachTill(t, func(u *till) {
		w, ada, grace := u.wallets, u.payer(), u.payer()
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
		w, ada := u.wallets, u.payer()
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

func TestACardIsLeftByPayingWithIt(t *testing.T) {
	eachTill(t, func(u *till) {
		ada := u.payer()
		in := by(tokenBrowser, Asked{Setup: true})
		in.Customer = ada
		u.q.mishaps = []mishap{declined51}
		if _, err := u.Create(u.Context(), in, alone{}); err == nil {
			u.Fatal("it was not declined")
		}
		if found, _, err := u.wallets.Methods(u.Context(), shop, ada, db.Page{Limit: 9}); err != nil || len(found) != 0 {
			u.Errorf("of a payment that failed %+v, %v", found, err)
		}
		in.Choice.Token = tokenOther
		paid, err := u.Create(u.Context(), in, alone{})
		if err != nil || paid.Status != Captured || !u.q.asked[1].Stored || paid.SetupFutureUsage != "off_session" {
			u.Fatalf("%+v, %v", paid, err)
		}
		found, _, err := u.wallets.Methods(u.Context(), shop, ada, db.Page{Limit: 9})
		if err != nil || len(found) != 1 || found[0].ID != paid.PaymentMethod.ID || *found[0].NetworkReference != paid.NetworkReference || *found[0].FirstPayment != paid.ID {
			u.Fatalf("kept %+v, %v; paid by %+v", found, err, paid.PaymentMethod)
		}
		if told := u.events(); !slices.Contains(told, event.MethodAttached) {
			u.Errorf("told %v", told)
		}
		consent := &customer.Consent{GivenAt: u.now.Now(), TextVersion: "terms-1", Channel: customer.Web}
		if _, err := u.wallets.UpdateMethod(u.Context(), shop, found[0].ID, consent, nil, keepAlone); err != nil {
			u.Fatal(err)
		}
		later, err := u.Create(u.Context(), by(found[0].ID, Asked{OffSession: true}), alone{})
		if err != nil || later.Status != Captured || *later.Customer != ada {
			u.Errorf("later %+v, %v", later, err)
		}
		again := in
		if _, err := u.Create(u.Context(), again, alone{}); !fault.Is(err, fault.Conflict) {
			u.Errorf("the browser's token served another payment: %v", err)
		}
	})
}

// A payer who is asked on the page leaves their card only if they say so; what they said at a try that failed does not bind them.
func TestAPayerWhoIsAskedDecidesWhetherTheirCardIsSaved(t *testing.T) {
	agrees := &customer.Consent{GivenAt: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), TextSHA256: strings.Repeat("0", 64), Channel: customer.Web}
	for name, x := range map[string]struct {
		first, then *customer.Consent
		saved       int
	}{"no": {nil, nil, 0}, "yes": {nil, agrees, 1}, "not any more": {agrees, nil, 0}} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				ada := u.payer()
				in := by("", Asked{Setup: true})
				in.Confirm, in.Customer = false, ada
				o, err := u.Create(u.Context(), in, alone{})
				if err != nil {
					u.Fatal(err)
				}
				u.q.mishaps = []mishap{declined51}
				_, err = u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{Choice: Choice{Token: tokenBrowser}, Agreed: x.first}, alone{})
				var refused *DeclinedError
				if !errors.As(err, &refused) {
					u.Fatal(err)
				}
				o, err = u.ConfirmByPayer(u.Context(), shop, o.ID, refused.Payment.ClientSecret, Confirmation{Choice: Choice{Token: tokenOther}, Agreed: x.then}, alone{})
				if err != nil || o.Status != Captured || u.q.asked[1].Stored != (x.saved == 1) {
					u.Fatalf("%s, %v, %+v", o.Status, err, u.q.asked[1])
				}
				found, _, err := u.wallets.Methods(u.Context(), shop, ada, db.Page{Limit: 9})
				if err != nil || len(found) != x.saved {
					u.Fatalf("kept %+v, %v", found, err)
				}
				if x.saved == 1 && (found[0].Consent == nil || !found[0].Consent.GivenAt.Equal(agrees.GivenAt)) {
					u.Errorf("agreed %+v", found[0].Consent)
				}
			})
		})
	}
}

func TestACustomersDefaultIsChargedIfNothingIsNamed(t *testing.T) {
	eachTill(t, func(u *till) {
		ada := u.payer()
		method := u.saves(ada, tokenBrowser, true)
		in := by("", Asked{})
		in.Customer = ada
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil || o.PaymentMethod.ID != method {
			u.Errorf("%+v, %v", o, err)
		}
		in.Confirm = false
		waits, err := u.Create(u.Context(), in, alone{})
		if err != nil || waits.PaymentMethod != nil || *waits.Customer != ada {
			u.Fatalf("%+v, %v", waits, err)
		}
		if o, err = u.Confirm(u.Context(), shop, waits.ID, Confirmation{}, alone{}); err != nil || o.PaymentMethod.ID != method || o.Status != Captured {
			u.Errorf("%+v, %v", o, err)
		}
	})
}

// The reference of an agreement that is found out late, or while the method changes, is kept all the same.
// Whoever has the link to a payment, in a mail that was passed on, is not its customer.
func TestAPayerWithASecretDoesNotChargeWhatTheCustomerSaved(t *testing.T) {
	eachTill(t, func(u *till) {
		ada := u.payer()
		method := u.saves(ada, token, true)
		if _, err := u.wallets.Update(u.Context(), shop, ada, customer.Change{DefaultMethod: &method}, func(*db.Change, customer.Object) error { return nil }); err != nil {
			u.Fatal(err)
		}
		in := order(true)
		in.Customer, in.Confirm, in.Choice = ada, false, Choice{}
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil {
			u.Fatal(err)
		}
		if _, err := u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{}, alone{}); !fault.Is(err, fault.Invalid) || u.q.calls != 0 {
			u.Errorf("by a payer: %v, %d calls", err, u.q.calls)
		}
		paid, err := u.ConfirmByPayer(u.Context(), shop, o.ID, o.ClientSecret, Confirmation{Choice: Choice{Token: tokenGerman}}, alone{})
		if err != nil || paid.Status != Captured {
			u.Errorf("with a card of their own: %+v, %v", paid, err)
		}
	})
}

// Whoever takes the method away while it is charged has it taken away; the payment is as it is.
func TestAMethodThatGoesWhileItIsChargedStaysGone(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.saves(u.payer(), tokenBrowser, true)
		u.q.between = func() {
			if _, err := u.wallets.Detach(u.Context(), shop, method, keepAlone); err != nil {
				u.Error(err)
			}
		}
		o, err := u.Create(u.Context(), by(method, Asked{}), alone{})
		if err != nil || o.Status != Captured {
			u.Fatalf("%+v, %v", o, err)
		}
		if m, err := u.wallets.GetMethod(u.Context(), shop, method); err != nil || m.DetachedAt == nil || m.NetworkReference != nil {
			u.Errorf("left %+v, %v", m, err)
		}
	})
}

func TestATokenThatServedItsCustomersPaymentCanBeSavedByThem(t *testing.T) {
	eachTill(t, func(u *till) {
		ada, grace := u.payer(), u.payer()
		in := by(tokenBrowser, Asked{})
		in.Customer = ada
		if _, err := u.Create(u.Context(), in, alone{}); err != nil {
			u.Fatal(err)
		}
		if _, err := u.wallets.Keep(u.Context(), shop, customer.Keep{Token: tokenBrowser, Customer: grace}, keepAlone); !fault.Is(err, fault.Conflict) {
			u.Errorf("saved by another: %v", err)
		}
		u.saves(ada, tokenBrowser, true)
		if _, err := u.Create(u.Context(), in, alone{}); !errors.Is(err, errTokenUsed) {
			u.Errorf("charged as a token again: %v", err)
		}
	})
}
