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

// by is a payment by a saved method.
func by(method string, asked Asked) Create {
	in := order(true)
	in.Choice, in.Asked = Choice{Token: method}, asked
	return in
}

func TestAMerchantChargesByTheAgreementThatItsCustomerMade(t *testing.T) {
	eachTill(t, func(u *till) {
		ada := u.payer()
		method := u.saves(ada, tokenBrowser, true)
		first, err := u.Create(u.Context(), by(method, Asked{}), alone{})
		if err != nil || *first.Customer != ada || first.PaymentMethod.ID != method || first.PaymentMethod.Card.Last4 != "4242" {
			u.Fatalf("%+v, %v", first, err)
		}
		agreed, err := u.wallets.GetMethod(u.Context(), shop, method)
		if err != nil || agreed.NetworkReference == nil || *agreed.NetworkReference != first.NetworkReference || *agreed.FirstPayment != first.ID {
			u.Errorf("kept %+v, %v; the payment's is %s", agreed, err, first.NetworkReference)
		}
		if _, err := u.Create(u.Context(), by(method, Asked{}), alone{}); err != nil {
			u.Error(err)
		}
		later, err := u.Create(u.Context(), by(method, Asked{OffSession: true}), alone{})
		if err != nil || later.Status != Captured || *later.Customer != ada {
			u.Errorf("%+v, %v", later, err)
		}
		sent := u.q.asked
		if len(sent) != 3 || sent[0].Card != tokenBrowser || sent[0].Stored || sent[0].InitialNetworkReference != "" || sent[1].InitialNetworkReference != "" ||
			!sent[2].OffSession || sent[2].InitialNetworkReference != first.NetworkReference || sent[2].Card != tokenBrowser {
			u.Errorf("sent %+v", sent)
		}
		if again, err := u.wallets.GetMethod(u.Context(), shop, method); err != nil || *again.FirstPayment != first.ID {
			u.Errorf("the first is %+v, %v", again, err)
		}
		if found, _, err := u.told.EventsOf(u.Context(), shop, db.Page{Limit: 10}, []event.Type{event.MethodUpdated}, method); err != nil || len(found) != 1 {
			u.Errorf("updates %+v, %v", found, err)
		}
		if found, more, err := u.List(u.Context(), shop, Page{Limit: 2}, Filter{Customer: ada, Status: string(Captured)}); err != nil || !more || len(found) != 2 || found[0].ID != later.ID {
			u.Errorf("listed %+v, %t, %v", found, more, err)
		}
		if found, _, err := u.List(u.Context(), shop, Page{Limit: 2}, Filter{Customer: u.payer()}); err != nil || len(found) > 0 {
			u.Errorf("of somebody else: %+v, %v", found, err)
		}
		if o := u.status(later.ID); *o.Customer != ada || o.PaymentMethod.ID != method {
			u.Errorf("read %+v", o)
		}
	})
}

func TestAPayerAgreesByPaying(t *testing.T) {
	eachTill(t, func(u *till) {
		method := u.saves(u.payer(), tokenBrowser, false)
		if _, err := u.Create(u.Context(), by(method, Asked{}), alone{}); err != nil {
			u.Fatal(err)
		}
		if m, err := u.wallets.GetMethod(u.Context(), shop, method); err != nil || m.NetworkReference != nil {
			u.Errorf("nobody agreed, and it is kept %+v, %v", m, err)
		}
		paid, err := u.Create(u.Context(), by(method, Asked{Setup: true}), alone{})
		if err != nil || !u.q.asked[1].Stored {
			u.Fatalf("%v, sent %+v", err, u.q.asked)
		}
		if m, err := u.wallets.GetMethod(u.Context(), shop, method); err != nil || m.NetworkReference == nil || *m.NetworkReference != paid.NetworkReference {
			u.Errorf("kept %+v, %v", m, err)
		}
		if _, err := u.Create(u.Context(), by(method, Asked{OffSession: true}), alone{}); !errors.Is(err, errNoConsent) {
			u.Errorf("charged without the record of a consent: %v", err)
		}
		consent := &customer.Consent{GivenAt: u.now.Now(), TextVersion: "terms-1", Channel: customer.Web}
		if _, err := u.wallets.UpdateMethod(u.Context(), shop, method, consent, nil, keepAlone); err != nil {
			u.Fatal(err)
		}
		if _, err := u.Create(u.Context(), by(method, Asked{OffSession: true}), alone{}); err != nil {
			u.Error(err)
		}
	})
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

func TestWhoMayNotBeChargedIsNot(t *testing.T) {
	eachTill(t, func(u *till) {
		ada, grace, gone := u.payer(), u.payer(), u.payer()
		unpaid, theirs := u.saves(ada, tokenBrowser, true), u.saves(grace, tokenOther, true)
		if _, err := u.wallets.Erase(u.Context(), shop, gone, func(*db.Change, customer.Object) error { return nil }); err != nil {
			u.Fatal(err)
		}
		withdrawn := func() {
			if _, err := u.wallets.Withdraw(u.Context(), shop, unpaid, keepAlone); err != nil {
				u.Fatal(err)
			}
		}
		detached := func() {
			if _, err := u.wallets.Detach(u.Context(), shop, unpaid, keepAlone); err != nil {
				u.Fatal(err)
			}
		}
		of := func(in Create, customer string) Create {
			in.Customer = customer
			return in
		}
		waits := by("", Asked{Setup: true})
		waits.Confirm = false
		for _, c := range []struct {
			name string
			do   func()
			in   Create
			want error
		}{
			{"off session by a token", nil, by(token, Asked{OffSession: true}), errOffSessionUnsaved},
			{"to agree by a token", nil, by(token, Asked{Setup: true}), errSetupUnsaved},
			{"to agree by nothing yet", nil, waits, errSetupUnsaved},
			{"before the first payment", nil, by(unpaid, Asked{OffSession: true}), errNoFirstPayment},
			{"by a method that nobody has", nil, by(u.IDs.New("pm"), Asked{}), errNoSaved},
			{"by another customer's", nil, of(by(theirs, Asked{}), ada), errNotTheirs},
			{"a customer that nobody has", nil, of(order(true), u.IDs.New("cus")), errNoPayer},
			{"a customer who was erased", nil, of(order(true), gone), errPayerErased},
			{"the consent was withdrawn", withdrawn, by(unpaid, Asked{OffSession: true}), errNoConsent},
			{"it was detached", detached, by(unpaid, Asked{}), errDetached},
			{"the customer has no default", nil, of(by("", Asked{}), ada), errNoDefault},
		} {
			if c.do != nil {
				c.do()
			}
			if o, err := u.Create(u.Context(), c.in, alone{}); !errors.Is(err, c.want) {
				u.Errorf("%s: %+v, %v", c.name, o, err)
			}
		}
		other := by(theirs, Asked{})
		other.Merchant = "acct_other:test"
		if _, err := u.Create(u.Context(), other, alone{}); !errors.Is(err, errNoSaved) {
			u.Errorf("by another tenant's method: %v", err)
		}
		if len(u.q.asked) > 0 {
			u.Errorf("asked for %+v", u.q.asked)
		}
		for _, asked := range []Asked{{Setup: true, OffSession: true}, {Setup: true, Exemption: "tra"}} {
			if _, err := u.Create(u.Context(), by(theirs, asked), alone{}); !fault.Is(err, fault.Invalid) {
				u.Errorf("%+v: %v", asked, err)
			}
		}
	})
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

func TestAnAgreementIsKeptWithThePaymentThatMakesIt(t *testing.T) {
	for name, c := range map[string]struct {
		mishaps []mishap
		change  bool
		kept    bool
	}{
		"the answer is lost":      {[]mishap{noAnswer}, false, true},
		"the issuer says no":      {[]mishap{declined51}, false, false},
		"the method is changed":   {nil, true, true},
		"changed, the answer too": {[]mishap{noAnswer}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			eachTill(t, func(u *till) {
				method := u.saves(u.payer(), tokenBrowser, true)
				if c.change {
					var once sync.Once
					u.q.between = func() {
						once.Do(func() {
							if _, err := u.wallets.UpdateMethod(u.Context(), shop, method, nil, map[string]string{"label": "blue"}, keepAlone); err != nil {
								u.Error(err)
							}
						})
					}
				}
				o, err := u.Create(u.Context(), by(method, Asked{}), alone{})
				if err != nil && !errors.As(err, new(*DeclinedError)) {
					u.Fatal(err)
				}
				u.later(24 * time.Hour)
				m, err := u.wallets.GetMethod(u.Context(), shop, method)
				if err != nil || (m.NetworkReference != nil) != c.kept || c.change && m.Metadata["label"] != "blue" {
					u.Errorf("%s: kept %+v, %v", u.status(o.ID).Status, m, err)
				}
			}, c.mishaps...)
		})
	}
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

// firstPaid has a method's first payment made, by a customer who passed every check.
func (u *till) firstPaid(method string) {
	u.Helper()
	m, err := u.Payers.Method(u.Context(), shop, method)
	if err != nil {
		u.Fatal(err)
	}
	row, err := u.Payers.MethodRow(m.First("pay_"+strings.Repeat("0", 26), "123456789012345"))
	if err != nil {
		u.Fatal(err)
	}
	if err := u.DB.Commit(u.Context(), db.NewChange(shop, row)); err != nil {
		u.Fatal(err)
	}
}
