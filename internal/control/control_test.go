package control

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

const (
	shop  = "acct_shop:test"
	other = "acct_other:test"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

type desk struct {
	*testing.T
	*Control
	now *clock.Manual
}

func each(t *testing.T, body func(d *desk)) {
	now := clock.NewManual(noon)
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		ids := id.NewSource(now, strings.NewReader(strings.Repeat("0123456789", 1000)))
		outbox := event.NewOutbox(event.NewStore(d, nil), ids, now)
		body(&desk{t, New(Options{DB: d, Accounts: contracts{}, Outbox: outbox, Clock: now, IDs: ids}), now})
	}, event.Schema, Schema)
}

// contracts are the accounts that every merchant has, and with another merchant's those of all.
type contracts struct{}

func (contracts) Contracts(_ context.Context, tenant string) ([]Contract, error) {
	payments := []Operation{Authorize, Capture, Void, Refund, Inquiry}
	all := []Contract{{"alpha", payments}, {"beta", payments}, {"payouts", []Operation{Payout, Inquiry}}}
	if tenant == Everyone {
		all = append(all, Contract{"anothers", payments}, Contract{"alpha", []Operation{Payout}})
	}
	return all, nil
}

func quietly(*db.Change, Object) error { return nil }

func (d *desk) throw(s Switch) Object {
	d.Helper()
	if s.Reason == "" {
		s.Reason = "the acquirer loses messages"
	}
	if s.Merchant == "" {
		s.Merchant = shop
	}
	if s.Mode == "" {
		s.Mode = Block
	}
	o, err := d.Throw(d.Context(), s, quietly)
	if err != nil {
		d.Fatal(err)
	}
	return o
}

func (d *desk) blocked(tenant string, a Ask) bool {
	d.Helper()
	err := d.Blocked(d.Context(), tenant, a)
	var refused *fault.Error
	if err != nil && (!errors.As(err, &refused) || refused.Kind != fault.Unavailable || refused.Code != "kill_switch_on") {
		d.Fatalf("%v", err)
	}
	return err != nil
}

func TestASwitchCoversWhatAgreesWithAllThatItNames(t *testing.T) {
	pay := Ask{Operation: Authorize, Account: "alpha", Method: "card", Country: "DE"}
	for name, c := range map[string]struct {
		scope Scope
		ask   Ask
		want  bool
	}{
		"everything":                    {Scope{}, pay, true},
		"refunds go on":                 {Scope{}, Ask{Operation: Refund, Account: "alpha"}, false},
		"voids go on":                   {Scope{Account: "alpha"}, Ask{Operation: Void, Account: "alpha"}, false},
		"inquiries go on":               {Scope{}, Ask{Operation: Inquiry, Account: "alpha"}, false},
		"a refund that is named":        {Scope{Operation: Refund}, Ask{Operation: Refund, Account: "alpha"}, true},
		"captures with everything":      {Scope{}, Ask{Operation: Capture}, true},
		"payouts with everything":       {Scope{}, Ask{Operation: Payout}, true},
		"its account":                   {Scope{Account: "alpha"}, pay, true},
		"another account":               {Scope{Account: "beta"}, pay, false},
		"its method":                    {Scope{Method: "card"}, pay, true},
		"another method":                {Scope{Method: "pix"}, pay, false},
		"its country":                   {Scope{Country: "DE"}, pay, true},
		"a country that nobody knows":   {Scope{Country: "DE"}, Ask{Operation: Authorize}, false},
		"all that it names":             {Scope{Authorize, "alpha", "card", "DE"}, pay, true},
		"but for one":                   {Scope{Authorize, "alpha", "card", "FR"}, pay, false},
		"another operation than it has": {Scope{Operation: Capture}, pay, false},
	} {
		if got := c.scope.covers(Block, c.ask); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestASwitchWorksUntilItIsLiftedOrExpires(t *testing.T) {
	each(t, func(d *desk) {
		pay := Ask{Operation: Authorize, Account: "alpha", Method: "card"}
		if d.blocked(shop, pay) {
			d.Fatal("nothing is switched off")
		}
		o := d.throw(Switch{Scope: Scope{Account: "alpha"}})
		if !d.blocked(shop, pay) || d.blocked(other, pay) {
			d.Error("it works at once, and for its merchant alone")
		}
		if _, err := d.Lift(d.Context(), shop, o.ID, "key_1", quietly); err != nil || d.blocked(shop, pay) {
			d.Errorf("lifted: %v", err)
		}
		if _, err := d.Lift(d.Context(), shop, o.ID, "key_1", quietly); !fault.Is(err, fault.Conflict) {
			d.Errorf("lifted twice: %v", err)
		}
		var refused *fault.Error
		forever := d.throw(Switch{})
		if err := d.Blocked(d.Context(), shop, pay); !errors.As(err, &refused) || refused.RetryAfter != openEnded {
			d.Errorf("without an end: %+v", err)
		}
		if _, err := d.Lift(d.Context(), shop, forever.ID, "key_1", quietly); err != nil {
			d.Fatal(err)
		}
		d.throw(Switch{ExpiresAt: d.now.Now().Add(2 * time.Minute)})
		d.now.Advance(time.Minute)
		if err := d.Blocked(d.Context(), shop, pay); !errors.As(err, &refused) || refused.RetryAfter != time.Minute || !strings.Contains(refused.Detail, "loses messages") {
			d.Errorf("it says when and why: %+v", err)
		}
		d.now.Advance(time.Minute)
		if d.blocked(shop, pay) {
			d.Error("it has expired")
		}
	})
}

// Whoever is refused is told what holds for the most, and when all of it may be over.
func TestOfSwitchesThatCoverTheSameTheWidestGivesItsReason(t *testing.T) {
	each(t, func(d *desk) {
		pay := Ask{Operation: Authorize, Account: "alpha", Method: "card", Country: "DE"}
		now := d.now.Now()
		d.throw(Switch{Scope: Scope{Account: "alpha"}, Reason: "Acquirer loses messages", ExpiresAt: now.Add(time.Hour)})
		d.throw(Switch{Scope: Scope{Operation: Authorize}, Reason: "We move house", ExpiresAt: now.Add(time.Minute)})
		d.throw(Switch{Scope: Scope{Operation: Authorize, Method: "card", Country: "DE"}, Reason: "Fraud from there", ExpiresAt: now.Add(time.Second)})
		var refused *fault.Error
		if err := d.Blocked(d.Context(), shop, pay); !errors.As(err, &refused) || !strings.Contains(refused.Detail, "We move house") || refused.RetryAfter != time.Hour {
			d.Errorf("of three: %+v", err)
		}
		d.throw(Switch{Scope: Scope{Operation: Authorize, Account: "alpha", Method: "card"}, Reason: "For good"})
		if err := d.Blocked(d.Context(), shop, pay); !errors.As(err, &refused) || !strings.Contains(refused.Detail, "We move house") || refused.RetryAfter != openEnded {
			d.Errorf("with one that has no end: %+v", err)
		}
		pay.Account = "beta"
		if err := d.Blocked(d.Context(), shop, pay); !errors.As(err, &refused) || refused.RetryAfter != time.Minute {
			d.Errorf("at another account: %+v", err)
		}
	})
}

// What has expired is never lifted; each payment would be held against it for ever.
func TestWhatHasExpiredIsNotReadAnyMore(t *testing.T) {
	each(t, func(d *desk) {
		for i := range 5 {
			d.throw(Switch{Scope: Scope{Account: "alpha"}, ExpiresAt: d.now.Now().Add(time.Duration(i+1) * time.Hour)})
		}
		lasting := d.throw(Switch{Scope: Scope{Account: "beta"}})
		d.now.Advance(4 * time.Hour)
		read, err := d.open(d.Context(), shop)
		if err != nil || len(read) != 2 || !d.blocked(shop, Ask{Operation: Payout, Account: "alpha"}) || !d.blocked(shop, Ask{Operation: Payout, Account: "beta"}) {
			d.Errorf("read %+v, %v", read, err)
		}
		d.now.Advance(time.Hour)
		if read, err = d.open(d.Context(), shop); err != nil || len(read) != 1 || read[0].ID != lasting.ID {
			d.Errorf("read %+v, %v", read, err)
		}
		if all, _, err := d.List(d.Context(), shop, db.Page{Limit: 10}); err != nil || len(all) != 6 {
			d.Errorf("%d are listed, %v", len(all), err)
		}
	})
}

func TestAnotherNodeKnowsASwitchWithinASecond(t *testing.T) {
	each(t, func(d *desk) {
		node, pay := New(d.Options), Ask{Operation: Authorize}
		if err := node.Blocked(d.Context(), shop, pay); err != nil {
			d.Fatal(err)
		}
		d.throw(Switch{})
		d.throw(Switch{Merchant: Everyone, Scope: Scope{Operation: Refund}})
		d.now.Advance(time.Second)
		if node.Blocked(d.Context(), shop, pay) == nil || node.Blocked(d.Context(), other, Ask{Operation: Refund}) == nil {
			d.Error("it goes on a second later")
		}
		seen, err := node.OfEveryone(d.Context(), other)
		if err != nil || len(seen) != 1 || !seen[0].Everyone {
			d.Errorf("%+v, %v", seen, err)
		}
		if _, err := d.Lift(d.Context(), other, seen[0].ID, "key_1", quietly); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "whole installation") {
			d.Errorf("a merchant lifts everybody's: %v", err)
		}
		if _, err := d.Lift(d.Context(), other, d.throw(Switch{Scope: Scope{Operation: Void}}).ID, "key_1", quietly); !fault.Is(err, fault.NotFound) {
			d.Errorf("a merchant lifts another one's: %v", err)
		}
	})
}

func TestApprovalIsAskedOfOnePersonAndAboveTheAmountOfTwo(t *testing.T) {
	each(t, func(d *desk) {
		d.throw(Switch{Mode: Approve, TwoAbove: []Amount{{10_000, "EUR"}}})
		euro, err := money.ParseCurrency("EUR")
		if err != nil {
			d.Fatal(err)
		}
		for amount, want := range map[int64]int{10_000: 1, 10_001: 2} {
			for operation, asked := range map[Operation]bool{Refund: true, Payout: true, Authorize: false, Capture: false} {
				got, err := d.Persons(d.Context(), shop, Ask{Operation: operation}, money.Of(amount, euro))
				if err != nil || asked && got != want || !asked && got != 0 {
					d.Errorf("%s of %d: %d persons, %v", operation, amount, got, err)
				}
			}
		}
		if d.blocked(shop, Ask{Operation: Payout}) {
			d.Error("approval blocks nothing")
		}
	})
}

func TestAWrongSwitchIsRefusedWithAllThatIsWrong(t *testing.T) {
	each(t, func(d *desk) {
		_, err := d.Throw(d.Context(), Switch{
			Merchant: shop, Mode: Approve, Scope: Scope{Operation: Authorize}, TwoAbove: []Amount{{1, "EURO"}, {1, "EUR"}, {2, "EUR"}, {-1, "USD"}}, ExpiresAt: d.now.Now(),
		}, quietly)
		var refused *fault.Error
		if !errors.As(err, &refused) || len(refused.Fields) != 6 {
			d.Errorf("%+v", err)
		}
	})
}

func TestASwitchThatWouldCoverNothingIsRefused(t *testing.T) {
	each(t, func(d *desk) {
		for param, scope := range map[string]Scope{
			"scope.provider_account": {Account: "alhpa"}, "scope.method": {Method: "cards"}, "scope.country": {Country: "germany"},
		} {
			_, err := d.Throw(d.Context(), Switch{Merchant: shop, Mode: Block, Scope: scope, Reason: "x"}, quietly)
			if !strings.Contains(wrongs(err), param) {
				d.Errorf("%+v: %v", scope, err)
			}
		}
		if _, err := d.Throw(d.Context(), Switch{Merchant: shop, Mode: Block, Scope: Scope{Country: "UK"}, Reason: "x"}, quietly); !strings.Contains(wrongs(err), "scope.country") {
			d.Errorf("the United Kingdom is GB, and its cards go on: %v", err)
		}
		_, err := d.Throw(d.Context(), Switch{Merchant: shop, Mode: Block, Scope: Scope{Operation: Payout, Method: "pix", Country: "BR"}, Reason: "x"}, quietly)
		if got := wrongs(err); !strings.Contains(got, "scope.method") || !strings.Contains(got, "scope.country") {
			d.Errorf("payouts by method and country: %v", err)
		}
		if d.blocked(shop, Ask{Operation: Authorize, Account: "alpha", Method: "card", Country: "DE"}) {
			d.Error("a switch that was refused works")
		}
		for name, s := range map[string]Switch{
			"nobody has it":        {Merchant: Everyone, Mode: Block, Scope: Scope{Account: "alhpa"}},
			"another merchant has": {Merchant: shop, Mode: Block, Scope: Scope{Account: "anothers"}},
		} {
			s.Reason = "x"
			if _, err := d.Throw(d.Context(), s, quietly); !strings.Contains(wrongs(err), "scope.provider_account") || !strings.Contains(err.Error(), "there are alpha, ") {
				d.Errorf("%s: %v", name, err)
			}
		}
		d.throw(Switch{Merchant: Everyone, Scope: Scope{Account: "anothers"}})
	})
}

func TestASwitchOfWhatItsAccountCannotDoIsRefused(t *testing.T) {
	each(t, func(d *desk) {
		for name, c := range map[string]struct {
			s  Switch
			ok bool
		}{
			"payouts by cards' acquirer":          {Switch{Merchant: shop, Mode: Block, Scope: Scope{Account: "alpha", Operation: Payout}}, false},
			"refunds by a bank of payouts":        {Switch{Merchant: shop, Mode: Approve, Scope: Scope{Account: "payouts", Operation: Refund}}, false},
			"all that a bank of payouts does":     {Switch{Merchant: shop, Mode: Block, Scope: Scope{Account: "payouts"}}, true},
			"approval of what an acquirer does":   {Switch{Merchant: shop, Mode: Approve, Scope: Scope{Account: "alpha"}}, true},
			"one merchant's of that name does":    {Switch{Merchant: Everyone, Mode: Block, Scope: Scope{Account: "alpha", Operation: Payout}}, true},
			"nobody's of that name does":          {Switch{Merchant: Everyone, Mode: Block, Scope: Scope{Account: "beta", Operation: Payout}}, false},
			"inquiries at either kind of account": {Switch{Merchant: shop, Mode: Block, Scope: Scope{Account: "payouts", Operation: Inquiry}}, true},
		} {
			c.s.Reason = "x"
			_, err := d.Throw(d.Context(), c.s, quietly)
			if c.ok && err != nil || !c.ok && !strings.Contains(wrongs(err), "scope.provider_account") {
				d.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestACurrencyThatASwitchDoesNotNameNeedsTwo(t *testing.T) {
	yen, err := money.ParseCurrency("JPY")
	if err != nil {
		t.Fatal(err)
	}
	if got := (Switch{TwoAbove: []Amount{{10_000, "EUR"}, {20_000, "USD"}}}).persons(money.Of(1, yen)); got != 2 {
		t.Errorf("%d persons", got)
	}
	if got := (Switch{}).persons(money.Of(1, yen)); got != 1 {
		t.Errorf("without amounts: %d persons", got)
	}
}

func wrongs(err error) string {
	var refused *fault.Error
	if !errors.As(err, &refused) {
		return ""
	}
	all := refused.Param
	for _, f := range refused.Fields {
		all += " " + f.Param
	}
	return all
}

func TestTheMethodsOfASwitchAreThoseThatTheContractNames(t *testing.T) {
	field, ok := reflect.TypeFor[Scope]().FieldByName("Method")
	if !ok || field.Tag.Get("enum") != strings.Join(methods, ",") {
		t.Errorf("the contract has %q, the check %q", field.Tag.Get("enum"), methods)
	}
}
