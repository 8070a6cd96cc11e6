package payment

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// counter is a till that also takes codes and bank transfers.
type counter struct {
	*till
	scheme *scheme
}

func eachCounter(t *testing.T, body func(c *counter)) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		q, s := newAcquirer(), newScheme()
		q.now = now.Now
		c := &counter{newTill(t, d, now, Options{Cards: cards{}, Accounts: both{}, Providers: provider.Registry{"fake": q, "scheme": s}}), s}
		c.q = q
		body(c)
		c.audit()
	}, event.Schema, ledger.Schema, Schema)
}

func byPix(minor int64) Create {
	return Create{Merchant: shop, Amount: minor, Currency: "BRL", Choice: Choice{Type: provider.MethodPIX}, Capture: true, Confirm: true}
}

func byBank(minor int64) Create {
	return Create{Merchant: shop, Amount: minor, Currency: "EUR", Choice: Choice{Type: provider.MethodBankRedirect, Bank: "bank_1"}, Capture: true, Confirm: true}
}

func reais(minor int64) money.Money { return money.Of(minor, must2(money.ParseCurrency("BRL"))) }
func euros(minor int64) money.Money { return money.Of(minor, must2(money.ParseCurrency("EUR"))) }

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// begin makes a payment whose payer must act.
func (c *counter) begin(in Create) Object {
	c.Helper()
	o, err := c.Create(c.Context(), in, alone{})
	if err != nil || o.Status != RequiresAction || o.NextAction == nil {
		c.Fatalf("%+v, %v", o, err)
	}
	return o
}

// hears brings a message of the scheme.
func (c *counter) hears(n provider.Notification) Verdict {
	c.Helper()
	var verdict Verdict
	if err := c.Notify(c.Context(), pixAccount, n, func(_ *db.Change, h Heard) error { verdict = h.Verdict; return nil }); err != nil {
		c.Fatalf("notify: %v", err)
	}
	return verdict
}

func TestACodeIsShownAndPaidByTheSchemesWord(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.begin(byPix(5_000))
		next := o.NextAction
		if next.Type != provider.ActionQR || !strings.HasPrefix(next.QRCode, "000201") || next.CopyCode == "" || next.Deeplink == "" ||
			!strings.HasPrefix(next.QRImageURL, "https://pay.example/codes/") || !next.ExpiresAt.Equal(c.now.Now().Add(20*time.Minute)) {
			c.Errorf("next %+v", next)
		}
		if o.PaymentMethod == nil || o.PaymentMethod.Type != provider.MethodPIX || o.PaymentMethod.Card != nil || o.Provider != "instant" {
			c.Errorf("paid with %+v at %s", o.PaymentMethod, o.Provider)
		}
		_, _, ticket := cutImage(next.QRImageURL)
		if code, err := c.Code(c.Context(), shop, o.ID, ticket); err != nil || code != next.QRCode {
			c.Errorf("the code is %q, %v", code, err)
		}
		if v := c.hears(says(o, "1", captured(reais(5_000)))); v != Applied {
			c.Errorf("the scheme's word is %s", v)
		}
		c.expect(c.status(o.ID), Captured, 5_000, 0)
		if v := c.hears(says(o, "1", captured(reais(5_000)))); v != Known {
			c.Errorf("said again it is %s", v)
		}
		if c.balance(ledger.PSPReceivable+"instant") != 5_000 {
			c.Errorf("the scheme owes %d", c.balance(ledger.PSPReceivable+"instant"))
		}
		if _, err := c.Code(c.Context(), shop, o.ID, ticket); !fault.Is(err, fault.NotFound) {
			c.Errorf("a paid code is still shown: %v", err)
		}
		r, err := c.Refund(c.Context(), shop, o.ID, RefundRequest{Amount: 2_000}, alone{})
		if err != nil || r.Status != "succeeded" {
			c.Errorf("refund %+v, %v", r, err)
		}
		c.expect(c.status(o.ID), Captured, 5_000, 2_000)
	})
}

// cutImage takes the address of a code's picture apart.
func cutImage(address string) (tenant, payment, ticket string) {
	parts := strings.Split(strings.TrimSuffix(address, ".png"), "/")
	return parts[len(parts)-3], parts[len(parts)-2], parts[len(parts)-1]
}

func TestAPayerAtTheirBankIsPendingUntilTheBankHasSpoken(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.begin(byBank(5_000))
		if o.NextAction.Type != provider.ActionRedirect || !strings.HasPrefix(o.NextAction.URL, "https://bank.example/") || c.scheme.starts[o.ID+"-1"].Bank != "bank_1" {
			c.Errorf("next %+v", o.NextAction)
		}
		c.scheme.becomes(o.ID+"-1", provider.Outcome{Class: provider.Approved, State: provider.Pending})
		o, err := c.Confirm(c.Context(), shop, o.ID, Confirmation{}, alone{}) // they come back
		if err != nil || o.Status != Processing {
			c.Fatalf("%s, %v", o.Status, err)
		}
		c.hears(says(o, "1", captured(euros(5_000))))
		c.expect(c.status(o.ID), Captured, 5_000, 0)
		if want := []event.Type{event.PaymentCreated, event.PaymentRequiresAction, event.PaymentPending, event.PaymentCaptured}; !slices.Equal(c.events(), want) {
			c.Errorf("told %v", c.events())
		}
	})
}

func TestABankThatSaysNoIsNoCardThatWasDeclined(t *testing.T) {
	eachCounter(t, func(c *counter) {
		for code, when := range map[provider.DeclineCode]string{provider.BankUnavailable: "at once", provider.ConsentDeclined: "at the bank"} {
			no := provider.Outcome{Class: provider.Declined, Decline: provider.Decline{Code: code}}
			if when == "at once" {
				c.scheme.next = &no
				_, err := c.Create(c.Context(), byBank(5_000), alone{})
				var declined *DeclinedError
				if !errors.As(err, &declined) || declined.Code != fault.CodePaymentDeclined || declined.Decline.Code != code || declined.Payment.Status != Failed || strings.Contains(declined.Meaning.Text+declined.Payment.Failure.Message, "card") {
					c.Errorf("%s: %v", code, err)
				}
				continue
			}
			o := c.begin(byBank(5_000))
			c.hears(says(o, "1", no))
			if o = c.status(o.ID); o.Status != Failed || o.Failure.Code != fault.CodePaymentDeclined || o.Failure.DeclineCode != code || strings.Contains(o.Failure.Message, "card") {
				c.Errorf("%s: %s, %+v", code, o.Status, o.Failure)
			}
		}
	})
}

func TestWhatIsNotPaidInTimeExpires(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.begin(byPix(5_000))
		c.later(30 * time.Minute)
		if o = c.status(o.ID); o.Status != Expired || o.Failure.Code != fault.CodeExpired || !slices.Contains(c.events(), event.PaymentExpired) {
			c.Errorf("%s, %+v, %v", o.Status, o.Failure, c.events())
		}
	})
}

// The scheme lets go of what it shows before our own time is over, and says so; or the message is lost, and it says so when asked. Also
// when the payer had done their part and their bank did not.
func TestWhatTheSchemeLetsExpireHasExpired(t *testing.T) {
	lapsed := provider.Outcome{Class: provider.Approved, State: provider.Voided}
	for name, x := range map[string]struct {
		in      Create
		consent bool // the payer had
		later   bool // it awaits its payer, for a day
		lost    bool // the message
	}{
		"a code": {in: byPix(5_000)}, "a page": {in: byBank(5_000)}, "a page, found by asking": {in: byBank(5_000), lost: true},
		"a code, found by asking": {in: byPix(5_000), lost: true}, "a payer's consent": {in: byBank(5_000), consent: true},
		"a consent, found by asking": {in: byBank(5_000), consent: true, lost: true}, "time is left": {in: byBank(5_000), later: true},
	} {
		t.Run(name, func(t *testing.T) {
			eachCounter(t, func(c *counter) {
				x.in.Confirm = !x.later
				o, err := c.Create(c.Context(), x.in, alone{})
				if x.later && err == nil {
					o, err = c.Confirm(c.Context(), shop, o.ID, Confirmation{}, alone{})
				}
				if err != nil || o.Status != RequiresAction {
					c.Fatalf("%s, %v", o.Status, err)
				}
				if x.consent {
					c.hears(says(o, "1", provider.Outcome{Class: provider.Approved, State: provider.Pending}))
				}
				c.scheme.becomes(o.ID+"-1", lapsed)
				if x.lost {
					c.later(20 * time.Minute)
				} else {
					c.hears(says(o, "1", lapsed))
				}
				o = c.status(o.ID)
				if x.later {
					if o.Status != RequiresPaymentMethod || o.Failure.Code != fault.CodePaymentDeclined {
						c.Errorf("%s, %+v", o.Status, o.Failure)
					}
					return
				}
				if o.Status != Expired || o.Failure.Code != fault.CodeExpired || o.Attempts[0].Status != AttemptExpired {
					c.Errorf("%s, %+v, %s", o.Status, o.Failure, o.Attempts[0].Status)
				}
				if told := c.events(); told[len(told)-1] != event.PaymentExpired || slices.Contains(told, event.PaymentFailed) {
					c.Errorf("told %v", told)
				}
			})
		})
	}
}

func TestAMissedMessageIsFoundByAsking(t *testing.T) {
	eachCounter(t, func(c *counter) {
		o := c.begin(byPix(5_000))
		c.scheme.becomes(o.ID+"-1", captured(reais(5_000)))
		c.later(30 * time.Minute)
		c.expect(c.status(o.ID), Captured, 5_000, 0)
	})
}

func TestAMethodsLimitsAreKept(t *testing.T) {
	eachCounter(t, func(c *counter) {
		for name, x := range map[string]struct {
			change func(in *Create)
			param  string
			code   string
		}{
			"another currency":    {func(in *Create) { in.Currency = "EUR" }, "currency", fault.CodeCurrency},
			"too little":          {func(in *Create) { in.Amount = 99 }, "amount", fault.CodeAmountTooSmall},
			"too much":            {func(in *Create) { in.Amount = 1_000_001 }, "amount", fault.CodeAmountTooLarge},
			"only authorized":     {func(in *Create) { in.Capture = false }, "capture", fault.CodeInvalid},
			"without its payer":   {func(in *Create) { in.Asked.OffSession = true }, "off_session", fault.CodeInvalid},
			"a bank":              {func(in *Create) { in.Choice.Bank = "bank_1" }, "payment_method.bank", fault.CodeInvalid},
			"a method nobody has": {func(in *Create) { in.Choice.Type = provider.MethodUPI }, "payment_method.type", fault.CodeInvalid},
		} {
			in := byPix(5_000)
			x.change(&in)
			_, err := c.Create(c.Context(), in, alone{})
			var wrong *fault.Error
			if !errors.As(err, &wrong) || wrong.Kind != fault.Invalid || wrong.Param != x.param || wrong.Code != x.code {
				c.Errorf("%s: %v", name, err)
			}
		}
		if len(c.scheme.starts) != 0 || len(c.events()) != 0 {
			c.Errorf("%d started, %v told", len(c.scheme.starts), c.events())
		}
	})
}

// Whoever has the page or the code must not be able to pay what is over.
func TestWhatIsOverIsClosedAtTheProvider(t *testing.T) {
	for name, ends := range map[string]func(c *counter, o Object){
		"canceled": func(c *counter, o Object) {
			if _, err := c.Cancel(c.Context(), shop, o.ID, "", alone{}); err != nil {
				c.Error(err)
			}
		},
		"expired": func(c *counter, _ Object) { c.later(30 * time.Minute) },
		"another method": func(c *counter, o Object) {
			if _, err := c.Confirm(c.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: token}}, alone{}); err != nil {
				c.Error(err)
			}
		},
	} {
		for _, in := range []Create{byPix(5_000), byBank(5_000)} {
			for _, lost := range []int{0, 2} {
				t.Run(fmt.Sprintf("%s by %s, %d lost", name, in.Choice.Type, lost), func(t *testing.T) {
					eachCounter(t, func(c *counter) {
						c.scheme.deaf = lost
						in.Confirm = false
						o, err := c.Create(c.Context(), in, alone{})
						if err == nil {
							o, err = c.Confirm(c.Context(), shop, o.ID, Confirmation{}, alone{})
						}
						if err != nil || o.Status != RequiresAction {
							c.Fatalf("%s, %v", o.Status, err)
						}
						ends(c, o)
						if lost > 0 {
							c.later(time.Hour)
						}
						if now := c.scheme.stands(o.ID + "-1"); now != provider.Voided {
							c.Errorf("at the scheme it is %s", now)
						}
						if a, err := c.store.attempt(c.Context(), shop, o.ID, 1); err != nil || !a.DueAt.IsZero() {
							c.Errorf("still looked after: %+v, %v", a, err)
						}
					})
				})
			}
		}
	}
}

// The start never arrived. What is believed to be nothing is closed by our reference, so that it cannot begin later.
func TestAStartThatNeverArrivedFails(t *testing.T) {
	eachCounter(t, func(c *counter) {
		lost := provider.Doubt("no answer")
		c.scheme.next = &lost
		o, err := c.Create(c.Context(), byBank(5_000), alone{})
		if err != nil || o.Status != Processing {
			c.Fatalf("%s, %v", o.Status, err)
		}
		c.later(time.Hour)
		if o = c.status(o.ID); o.Status != Failed || o.Failure.Code != fault.CodeProviderUnavailable {
			c.Errorf("%s, %+v", o.Status, o.Failure)
		}
	})
}

func TestAPayerMayChangeTheMethod(t *testing.T) {
	eachCounter(t, func(c *counter) {
		in := byBank(5_000)
		in.Confirm, in.Choice = false, Choice{}
		o, err := c.Create(c.Context(), in, alone{})
		if err != nil || o.PaymentMethod != nil {
			c.Fatalf("%+v, %v", o, err)
		}
		if o, err = c.Confirm(c.Context(), shop, o.ID, Confirmation{Choice: Choice{Type: provider.MethodBankRedirect}}, alone{}); err != nil || o.Status != RequiresAction {
			c.Fatalf("%s, %v", o.Status, err)
		}
		o, err = c.Confirm(c.Context(), shop, o.ID, Confirmation{Choice: Choice{Token: token}}, alone{})
		if err != nil || o.Status != Captured || o.PaymentMethod.Type != provider.MethodCard {
			c.Errorf("%s by %+v, %v", o.Status, o.PaymentMethod, err)
		}
	})
}

func TestANamedAccountThatCannotTakeThePaymentIsToldFromOneThatIsNotThere(t *testing.T) {
	eachCounter(t, func(c *counter) {
		card := order(true)
		for name, x := range map[string]struct {
			in     Create
			change func(in *Create)
			want   string
		}{
			"not there":         {card, func(in *Create) { in.ProviderAccounts = []string{"alpha", "gamma"} }, "routing.provider_accounts[1]: no such provider account"},
			"no cards":          {card, func(in *Create) { in.ProviderAccounts = []string{"instant"} }, "routing.provider_accounts[0]: this provider account cannot take a payment by card"},
			"no codes":          {byPix(5_000), func(in *Create) { in.ProviderAccounts = []string{"instant", "alpha"} }, "routing.provider_accounts[1]: this provider account cannot take a payment by pix"},
			"not this currency": {byPix(5_000), func(in *Create) { in.Currency = "EUR" }, "routing.provider_accounts[0]: this provider account cannot take the payment: currency must be one of [BRL] for this method"},
			"not this little":   {byPix(99), func(*Create) {}, "routing.provider_accounts[0]: this provider account cannot take the payment: amount must be at least 1.00 BRL for this method"},
			"not without capture": {byPix(5_000), func(in *Create) { in.Capture = false },
				"routing.provider_accounts[0]: this provider account cannot take the payment: capture must be true: pix moves the money at once"},
		} {
			in := x.in
			in.ProviderAccounts = []string{"instant"}
			x.change(&in)
			if _, err := c.Create(c.Context(), in, alone{}); !fault.Is(err, fault.Invalid) || err.Error() != x.want {
				c.Errorf("%s: %v, want %s", name, err, x.want)
			}
		}
	})
}
