package customer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

const visa, other = "4242424242424242", "4000056655665556"

func TestASavedMethodIsKeptAsItWasMade(t *testing.T) {
	each(t, func(d *desk) {
		owner := d.makes(ada())
		token := d.token(visa, 2030)
		made := d.keeps(owner.ID, token)
		got, err := d.GetMethod(d.Context(), shop, made.ID)
		if err != nil || got.Card.Last4 != "4242" || got.Customer != owner.ID || got.Consent.IP != "203.0.113.7" || got.Consent.WithdrawnAt != nil || got.DetachedAt != nil || got.NetworkReference != nil {
			d.Errorf("read %+v, %v", got, err)
		}
		m, err := d.Store.Method(d.Context(), shop, made.ID)
		if err != nil || m.Token != token || !m.MayChargeAlone() {
			d.Errorf("stored %+v, %v", m, err)
		}
		if want := []string{token + " " + owner.ID + " " + made.ID}; !slices.Equal(d.vault.claimed, want) {
			d.Errorf("claimed %v, want %v", d.vault.claimed, want)
		}
		if _, err := d.GetMethod(d.Context(), "acct_other:test", made.ID); !fault.Is(err, fault.NotFound) {
			d.Errorf("another tenant reads it: %v", err)
		}
		if c, err := d.Get(d.Context(), shop, owner.ID); err != nil || *c.DefaultPaymentMethod != made.ID {
			d.Errorf("the first is not the default: %+v, %v", c, err)
		}
		second := d.keeps(owner.ID, d.token(other, 2030))
		page, more, err := d.Methods(d.Context(), shop, owner.ID, db.Page{Limit: 1})
		if err != nil || !more || len(page) != 1 || page[0].ID != second.ID {
			d.Errorf("the first page: %+v, %t, %v", page, more, err)
		}
		if c, err := d.Get(d.Context(), shop, owner.ID); err != nil || *c.DefaultPaymentMethod != made.ID {
			d.Errorf("the second became the default: %+v, %v", c, err)
		}
		if _, _, err := d.Methods(d.Context(), "acct_other:test", owner.ID, db.Page{Limit: 1}); !fault.Is(err, fault.NotFound) {
			d.Errorf("another tenant lists them: %v", err)
		}
	})
}

func TestACardIsSavedOnce(t *testing.T) {
	each(t, func(d *desk) {
		owner, friend := d.makes(ada()), d.makes(Person{})
		first := d.keeps(owner.ID, d.token(visa, 2030))
		old, err := d.Store.Method(d.Context(), shop, first.ID)
		if err != nil {
			d.Fatal(err)
		}
		renewed := d.token(visa, 2034)
		again, err := d.Keep(d.Context(), shop, Keep{Token: renewed, Customer: owner.ID}, aloneMethod)
		if err != nil || again.ID != first.ID || again.Card.ExpYear != 2034 || again.Consent == nil {
			d.Errorf("became %+v, %v", again, err)
		}
		d.sweep()
		if d.vault.has(old.Token) || !d.vault.has(renewed) {
			d.Error("the old token's card is there, or the new one's is not")
		}
		same, err := d.Keep(d.Context(), shop, Keep{Token: renewed, Customer: owner.ID}, aloneMethod)
		if err != nil || same.ID != first.ID {
			d.Errorf("the same token again: %+v, %v", same, err)
		}
		d.sweep()
		if !d.vault.has(renewed) {
			d.Error("the token that is kept was thrown away")
		}
		if theirs := d.keeps(friend.ID, d.token(visa, 2030)); theirs.ID == first.ID {
			d.Error("two customers share a method")
		}
		if _, err := d.Keep(d.Context(), shop, Keep{Token: renewed, Customer: friend.ID}, aloneMethod); !errors.Is(err, errTokenKept) {
			d.Errorf("a kept token is kept by another: %v", err)
		}
		if got, want := d.told.verbs(), []string{"attached", "updated", "updated", "attached"}; !slices.Equal(got, want) {
			d.Errorf("told %v, want %v", got, want)
		}
	})
}

// However often and by how many at once a card is brought, there is one method of it, and one token.
func TestTokensOfOneCardThatMeetMakeOneMethod(t *testing.T) {
	each(t, func(d *desk) {
		owner := d.makes(ada())
		var all sync.WaitGroup
		for range 6 {
			token := d.token(visa, 2030)
			all.Go(func() {
				if _, err := d.Keep(d.Context(), shop, Keep{Token: token, Customer: owner.ID}, aloneMethod); err != nil {
					d.Error(err)
				}
			})
		}
		all.Wait()
		d.sweep()
		has, err := d.Store.attached(d.Context(), shop, owner.ID)
		if err != nil || len(has) != 1 || len(d.vault.cards) != 1 || !d.vault.has(has[0].Token) {
			d.Errorf("attached are %+v, %v; the vault has %d cards", has, err, len(d.vault.cards))
		}
	})
}

func TestACustomerHasFiftyMethodsAtMost(t *testing.T) {
	each(t, func(d *desk) {
		owner := d.makes(ada())
		for i := range MaxMethods {
			d.keeps(owner.ID, d.token(fmt.Sprintf("40000000000%05d", i), 2030))
		}
		if _, err := d.Keep(d.Context(), shop, Keep{Token: d.token(visa, 2030), Customer: owner.ID}, aloneMethod); !errors.Is(err, errTooMany) {
			d.Errorf("one more: %v", err)
		}
		if _, err := d.Keep(d.Context(), shop, Keep{Token: d.token("4000000000000007", 2031), Customer: owner.ID}, aloneMethod); err != nil {
			d.Errorf("one of them again: %v", err)
		}
	})
}

func TestWhatCannotBeSaved(t *testing.T) {
	each(t, func(d *desk) {
		owner := d.makes(ada())
		for name, c := range map[string]struct {
			in    Keep
			param string
		}{
			"a token that nobody has":    {Keep{Token: d.IDs.New(id.Token), Customer: owner.ID}, "token"},
			"a customer that nobody has": {Keep{Token: d.token(visa, 2030), Customer: d.IDs.New(id.Customer)}, "customer"},
		} {
			var refused *fault.Error
			if _, err := d.Keep(d.Context(), shop, c.in, aloneMethod); !errors.As(err, &refused) || refused.Kind != fault.NotFound || refused.Param != c.param {
				d.Errorf("%s: %v", name, err)
			}
		}
		if _, err := d.Erase(d.Context(), shop, owner.ID, alone); err != nil {
			d.Fatal(err)
		}
		if _, err := d.Keep(d.Context(), shop, Keep{Token: d.token(visa, 2030), Customer: owner.ID}, aloneMethod); !errors.Is(err, errErased) {
			d.Errorf("by somebody who is erased: %v", err)
		}
	})
}

func TestADetachedMethodsCardIsDestroyed(t *testing.T) {
	each(t, func(d *desk) {
		owner := d.makes(ada())
		token := d.token(visa, 2030)
		made := d.keeps(owner.ID, token)
		d.vault.busy[token] = true
		for range 2 {
			gone, err := d.Detach(d.Context(), shop, made.ID, aloneMethod)
			if err != nil || gone.DetachedAt == nil || gone.Card.Last4 != "4242" || gone.Card.Fingerprint != "" || gone.Consent == nil {
				d.Errorf("left %+v, %v", gone, err)
			}
		}
		if got, want := d.told.verbs(), []string{"attached", "detached"}; !slices.Equal(got, want) {
			d.Errorf("told %v, want %v", got, want)
		}
		if c, err := d.Get(d.Context(), shop, owner.ID); err != nil || c.DefaultPaymentMethod != nil {
			d.Errorf("it is still the default: %+v, %v", c, err)
		}
		d.sweep()
		if !d.vault.has(token) {
			d.Error("the card of a try that is under way was destroyed")
		}
		d.vault.busy[token], d.vault.down = false, fault.New(fault.Unavailable, fault.CodeOverloaded, "the vault is not available")
		d.now.Advance(2 * busyFor)
		for _, s := range d.Sweeps() {
			if _, err := d.DB.SweepOnce(d.Context(), s); err != nil {
				d.Fatal(err)
			}
		}
		d.vault.down = nil
		d.now.Advance(2 * discardLease)
		d.sweep()
		if d.vault.has(token) {
			d.Error("the card is still there")
		}
		d.now.Advance(24 * time.Hour)
		d.sweep()
		if left, err := d.Store.discard(d.Context(), shop, token); err != nil || !left.dueAt.IsZero() {
			d.Errorf("it is still to be destroyed: %+v, %v", left, err)
		}
		if m, err := d.Store.Method(d.Context(), shop, made.ID); err != nil || m.MayChargeAlone() || m.Token != "" {
			d.Errorf("stored %+v, %v", m, err)
		}
		if back := d.keeps(owner.ID, d.token(visa, 2030)); back.ID == made.ID {
			d.Error("a method that was detached came back")
		}
	})
}

func TestAConsentHoldsUntilItIsWithdrawn(t *testing.T) {
	each(t, func(d *desk) {
		owner := d.makes(ada())
		made := d.keeps(owner.ID, d.token(visa, 2030))
		d.now.Advance(time.Hour)
		at := d.now.Now()
		for range 2 {
			got, err := d.Withdraw(d.Context(), shop, made.ID, aloneMethod)
			if err != nil || got.Consent.WithdrawnAt == nil || !got.Consent.WithdrawnAt.Equal(at) || !got.Consent.GivenAt.Equal(at.Add(-time.Hour)) {
				d.Errorf("withdrawn: %+v, %v", got.Consent, err)
			}
			d.now.Advance(time.Hour)
		}
		if m, err := d.Store.Method(d.Context(), shop, made.ID); err != nil || m.MayChargeAlone() {
			d.Errorf("stored %+v, %v", m, err)
		}
		again := Consent{GivenAt: d.now.Now(), TextSHA256: strings.Repeat("0", 64), Channel: Phone}
		if got, err := d.UpdateMethod(d.Context(), shop, made.ID, &again, nil, aloneMethod); err != nil || got.Consent.WithdrawnAt != nil || got.Consent.Channel != Phone || got.Consent.TextVersion != "" {
			d.Errorf("given again: %+v, %v", got.Consent, err)
		}
		bare, err := d.Keep(d.Context(), shop, Keep{Token: d.token(other, 2030), Customer: owner.ID}, aloneMethod)
		if err != nil || bare.Consent != nil {
			d.Errorf("without one: %+v, %v", bare, err)
		}
		if _, err := d.Withdraw(d.Context(), shop, bare.ID, aloneMethod); !fault.Is(err, fault.Conflict) {
			d.Errorf("withdrawn what was never given: %v", err)
		}
		if _, err := d.Detach(d.Context(), shop, made.ID, aloneMethod); err != nil {
			d.Fatal(err)
		}
		if _, err := d.Withdraw(d.Context(), shop, made.ID, aloneMethod); !errors.Is(err, errDetached) {
			d.Errorf("withdrawn behind the end: %v", err)
		}
	})
}

func TestAnErasureTakesWhatWasSaved(t *testing.T) {
	each(t, func(d *desk) {
		owner := d.makes(ada())
		tokens := []string{d.token(visa, 2030), d.token(other, 2030), d.token("5555555555554444", 2030)}
		var made []MethodObject
		for _, token := range tokens {
			made = append(made, d.keeps(owner.ID, token))
		}
		if _, err := d.Detach(d.Context(), shop, made[0].ID, aloneMethod); err != nil {
			d.Fatal(err)
		}
		if _, err := d.Erase(d.Context(), shop, owner.ID, alone); err != nil {
			d.Fatal(err)
		}
		d.sweep()
		for i, m := range made {
			got, err := d.GetMethod(d.Context(), shop, m.ID)
			if err != nil || got.Card != nil || got.Consent != nil || got.DetachedAt == nil || d.vault.has(tokens[i]) {
				d.Errorf("of method %d there is left %+v, %v; in the vault %t", i, got, err, d.vault.has(tokens[i]))
			}
		}
		if got, want := d.told.verbs(), []string{"attached", "attached", "attached", "detached", "detached", "detached"}; !slices.Equal(got, want) {
			d.Errorf("told %v, want %v", got, want)
		}
		if strings.Contains(strings.Join(d.told.landed[4:], ""), "4444") {
			d.Errorf("the events of the erasure tell of a card: %v", d.told.landed[4:])
		}
	})
}

// Years of methods that came and went do not stand in the way of an erasure.
func TestAnErasureTakesALongHistory(t *testing.T) {
	d := open(t, dbtest.SQLite(t))
	owner := d.makes(ada())
	const many = 2*erasePortion + 3
	c := db.NewChange(shop)
	var ids []string
	for range many {
		m := Method{Merchant: shop, ID: d.IDs.New(id.PaymentMethod), Customer: owner.ID, Card: Card{Brand: "visa", Last4: "4242"}, DetachedAt: d.now.Now(), CreatedAt: d.now.Now()}
		row, err := d.Store.MethodRow(m)
		if err != nil {
			t.Fatal(err)
		}
		c.Add(row)
		ids = append(ids, m.ID)
	}
	if err := d.DB.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Erase(t.Context(), shop, owner.ID, alone); err != nil {
		t.Fatal(err)
	}
	for _, one := range ids {
		if m, err := d.GetMethod(t.Context(), shop, one); err != nil || m.Card != nil {
			t.Fatalf("left %+v, %v", m, err)
		}
	}
}

// A card that is saved while its owner is erased is either refused or erased with them.
func TestNothingIsSavedBehindAnErasure(t *testing.T) {
	each(t, func(d *desk) {
		for range 8 {
			owner, token := d.makes(ada()), d.token(visa, 2030)
			var both sync.WaitGroup
			both.Go(func() {
				if _, err := d.Keep(d.Context(), shop, Keep{Token: token, Customer: owner.ID}, aloneMethod); err != nil && !errors.Is(err, errErased) {
					d.Error(err)
				}
			})
			both.Go(func() {
				if _, err := d.Erase(d.Context(), shop, owner.ID, alone); err != nil {
					d.Error(err)
				}
			})
			both.Wait()
			if has, err := d.Store.attached(d.Context(), shop, owner.ID); err != nil || len(has) > 0 {
				d.Errorf("attached to somebody who is erased: %+v, %v", has, err)
			}
			if c, err := d.Get(d.Context(), shop, owner.ID); err != nil || c.ErasedAt == nil || c.DefaultPaymentMethod != nil {
				d.Errorf("left %+v, %v", c, err)
			}
		}
	})
}

func TestADefaultIsAttachedToItsCustomer(t *testing.T) {
	each(t, func(d *desk) {
		owner, friend := d.makes(ada()), d.makes(Person{})
		first, second, theirs := d.keeps(owner.ID, d.token(visa, 2030)), d.keeps(owner.ID, d.token(other, 2030)), d.keeps(friend.ID, d.token(visa, 2030))
		set := func(method string) error {
			_, err := d.Update(d.Context(), shop, owner.ID, Change{DefaultMethod: &method}, alone)
			return err
		}
		if err := set(second.ID); err != nil {
			d.Error(err)
		}
		if _, err := d.Detach(d.Context(), shop, first.ID, aloneMethod); err != nil {
			d.Fatal(err)
		}
		if c, err := d.Get(d.Context(), shop, owner.ID); err != nil || *c.DefaultPaymentMethod != second.ID {
			d.Errorf("the default went with another one: %+v, %v", c, err)
		}
		for name, method := range map[string]string{"detached": first.ID, "somebody else's": theirs.ID, "nobody's": d.IDs.New(id.PaymentMethod)} {
			var refused *fault.Error
			if err := set(method); !errors.As(err, &refused) || refused.Param != "default_payment_method" || refused.Kind != fault.Invalid {
				d.Errorf("%s: %v", name, err)
			}
		}
		if err := set(""); err != nil {
			d.Error(err)
		}
		if c, err := d.Get(d.Context(), shop, owner.ID); err != nil || c.DefaultPaymentMethod != nil {
			d.Errorf("still %+v, %v", c, err)
		}
	})
}
