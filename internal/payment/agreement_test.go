package payment

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

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
