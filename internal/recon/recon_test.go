package recon

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
)

const (
	shop  = "acct_shop:test"
	other = "acct_other:test"
)

type desk struct {
	*testing.T
	*Book
	told *event.Store
}

func each(t *testing.T, body func(k *desk)) {
	now := clock.NewManual(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		ids, told := id.NewSource(now, strings.NewReader(strings.Repeat("0123456789", 1000))), event.NewStore(d, nil)
		body(&desk{t, New(Options{DB: d, Outbox: event.NewOutbox(told, ids, now), Clock: now, IDs: ids}), told})
	}, event.Schema, Schema)
}

func cause(subject string, kind payment.BreakKind) payment.Break {
	return payment.Break{Kind: kind, Subject: subject, Account: "alpha", Detail: "it is voided, the provider says captured", Source: subject + " captured"}
}

// opens opens a break in a Change of its own.
func (k *desk) opens(b payment.Break) error {
	c := db.NewChange(shop)
	if err := k.Open(k.Context(), c, b); err != nil || c.Len() == 0 {
		return err
	}
	return k.DB.Commit(k.Context(), c)
}

func (k *desk) lists(f Filter) []Object {
	k.Helper()
	found, _, err := k.List(k.Context(), shop, db.Page{Limit: 10}, f)
	if err != nil {
		k.Fatal(err)
	}
	return found
}

func (k *desk) types() string {
	k.Helper()
	found, _, err := k.told.Events(k.Context(), shop, db.Page{Limit: 10}, "", "")
	if err != nil {
		k.Fatal(err)
	}
	var types []string
	for _, e := range found {
		types = append([]string{string(e.Type)}, types...)
	}
	return strings.Join(types, " ")
}

func quietly(*db.Change, Object) error { return nil }

func TestACauseOpensOneBreakHoweverOftenItIsHeard(t *testing.T) {
	each(t, func(k *desk) {
		euro, err := money.ParseCurrency("EUR")
		if err != nil {
			k.Fatal(err)
		}
		b := cause("pay_1", payment.BreakClearing)
		b.Amount = money.Of(12_001, euro)
		for range 2 {
			if err := k.opens(b); err != nil {
				k.Fatal(err)
			}
		}
		found := k.lists(Filter{})
		if len(found) != 1 || *found[0].Amount != 12_001 || *found[0].Currency != "EUR" || found[0].Status != Open || found[0].ClosedAt != nil || found[0].ClosedBy != nil {
			k.Fatalf("%+v", found)
		}
		if _, err := k.Close(k.Context(), shop, found[0].ID, "key_1", "It came back", quietly); err != nil {
			k.Fatal(err)
		}
		if err := k.opens(b); err != nil || len(k.lists(Filter{})) != 1 || len(k.lists(Filter{Status: "open"})) != 0 {
			k.Errorf("what was closed is opened again: %v", err)
		}
		if got := k.types(); got != "recon.break_opened recon.break_closed" {
			k.Errorf("told %s", got)
		}
	})
}

// settles closes a break in a Change of its own.
func (k *desk) settles(source, why string) error {
	c := db.NewChange(shop)
	if err := k.Settle(k.Context(), c, source, why); err != nil || c.Len() == 0 {
		return err
	}
	return k.DB.Commit(k.Context(), c)
}

func TestABreakClosesByItselfAndOpensAgain(t *testing.T) {
	each(t, func(k *desk) {
		b := cause("pay_1", payment.BreakContradiction)
		if err := k.settles(b.Source, "It went back"); err != nil || len(k.lists(Filter{})) != 0 {
			k.Fatalf("what was never opened: %v", err)
		}
		if err := k.opens(b); err != nil {
			k.Fatal(err)
		}
		for range 2 {
			if err := k.settles(b.Source, "It went back"); err != nil {
				k.Fatal(err)
			}
		}
		found := k.lists(Filter{})
		if len(found) != 1 || found[0].Status != Closed || found[0].Note != "It went back" || found[0].ClosedAt == nil || found[0].ClosedBy != nil {
			k.Fatalf("%+v", found)
		}
		if err := k.opens(b); err != nil {
			k.Fatal(err)
		}
		if again := k.lists(Filter{}); len(again) != 1 || again[0].ID != found[0].ID || again[0].Status != Open || again[0].Note != "" || again[0].ClosedAt != nil {
			k.Fatalf("%+v", again)
		}
		if _, err := k.Close(k.Context(), shop, found[0].ID, "key_1", "It came back", quietly); err != nil {
			k.Fatal(err)
		}
		if err := k.settles(b.Source, "It went back"); err != nil || k.lists(Filter{})[0].Note != "It came back" {
			k.Errorf("what a person found is overwritten: %v", err)
		}
		if got := k.types(); got != "recon.break_opened recon.break_closed recon.break_opened recon.break_closed" {
			k.Errorf("told %s", got)
		}
	})
}

func TestOfTwoWhoOpenTheSameBreakOneDecidesAnew(t *testing.T) {
	each(t, func(k *desk) {
		first, second := db.NewChange(shop), db.NewChange(shop)
		for _, c := range []*db.Change{first, second} {
			if err := k.Open(k.Context(), c, cause("pay_1", payment.BreakContradiction)); err != nil {
				k.Fatal(err)
			}
		}
		if err := k.DB.Commit(k.Context(), first); err != nil {
			k.Fatal(err)
		}
		if err := k.DB.Commit(k.Context(), second); !fault.Is(err, fault.Exists) || !strings.Contains(err.Error(), payment.BreakTable) {
			k.Errorf("the second: %v", err)
		}
	})
}

func TestABreakIsClosedOnceWithWhatWasFound(t *testing.T) {
	each(t, func(k *desk) {
		if err := k.opens(cause("pay_1", payment.BreakContradiction)); err != nil {
			k.Fatal(err)
		}
		b := k.lists(Filter{})[0]
		for _, note := range []string{"", " ", "two\nlines", strings.Repeat("x", MaxNote+1)} {
			if _, err := k.Close(k.Context(), shop, b.ID, "key_1", note, quietly); !fault.Is(err, fault.Invalid) {
				k.Errorf("%q: %v", note, err)
			}
		}
		if _, err := k.Close(k.Context(), other, b.ID, "key_1", "Mine", quietly); !fault.Is(err, fault.NotFound) {
			k.Errorf("another merchant closes it: %v", err)
		}
		errs := make([]error, 2)
		var both sync.WaitGroup
		for i := range errs {
			both.Go(func() { _, errs[i] = k.Close(k.Context(), shop, b.ID, "key_1", "It came back", quietly) })
		}
		both.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !fault.Is(errs[0], fault.Conflict) && !fault.Is(errs[1], fault.Conflict) {
			k.Errorf("closed twice: %v", errs)
		}
		got, err := k.Get(k.Context(), shop, b.ID)
		if err != nil || got.Status != Closed || got.Note != "It came back" || *got.ClosedBy != "key_1" || got.ClosedAt == nil || got.Amount != nil || got.Currency != nil {
			k.Errorf("%+v, %v", got, err)
		}
		if got := k.types(); got != "recon.break_opened recon.break_closed" {
			k.Errorf("told %s", got)
		}
	})
}

func TestBreaksAreChosenByWhatTheyAre(t *testing.T) {
	each(t, func(k *desk) {
		for subject, kind := range map[string]payment.BreakKind{"pay_1": payment.BreakContradiction, "pay_2": payment.BreakClearing, "dp_1": payment.BreakUnknownDispute} {
			if err := k.opens(cause(subject, kind)); err != nil {
				k.Fatal(err)
			}
		}
		for f, want := range map[Filter]int{
			{}: 3, {Status: "open"}: 3, {Status: "closed"}: 0, {Kind: "clearing"}: 1, {Subject: "dp_1"}: 1, {Subject: "pay_1", Kind: "clearing"}: 0,
		} {
			if found := k.lists(f); len(found) != want {
				k.Errorf("%+v finds %d", f, len(found))
			}
		}
		if found, _, err := k.List(k.Context(), other, db.Page{Limit: 10}, Filter{}); err != nil || len(found) != 0 {
			k.Errorf("another merchant sees %d, %v", len(found), err)
		}
	})
}
