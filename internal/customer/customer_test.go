package customer

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

func TestACustomerIsKeptAsItWasMade(t *testing.T) {
	each(t, func(d *desk) {
		made := d.makes(ada())
		got, err := d.Get(d.Context(), shop, made.ID)
		if err != nil || !reflect.DeepEqual(got, made) {
			d.Errorf("read %+v, %v\nmade %+v", got, err, made)
		}
		if *got.Name != "Ada Lovelace" || *got.Email != "Ada@Shop.example" || got.Address.City != "Berlin" || got.Metadata["plan"] != "gold-plan" || got.Livemode || got.ErasedAt != nil {
			d.Errorf("read %+v", got)
		}
		if _, err := d.Get(d.Context(), "acct_other:test", made.ID); !fault.Is(err, fault.NotFound) {
			d.Errorf("another tenant reads it: %v", err)
		}
		empty := d.makes(Person{Address: &Address{}})
		if got, err := d.Get(d.Context(), shop, empty.ID); err != nil || got.Name != nil || got.Email != nil || got.Address != nil || got.Metadata == nil {
			d.Errorf("of nobody in particular: %+v, %v", got, err)
		}
	})
}

func TestCustomersAreFoundByExactlyWhatTheyAre(t *testing.T) {
	each(t, func(d *desk) {
		first := d.makes(ada())
		d.now.Advance(time.Second)
		second := d.makes(Person{Email: "ada@shop.example", Reference: "user-78"})
		d.now.Advance(time.Second)
		d.makes(Person{Name: "Grace Hopper"})
		for name, c := range map[string]struct {
			f    Filter
			want []string
		}{
			"the address in any case": {Filter{Email: "ADA@shop.example"}, []string{second.ID, first.ID}},
			"the reference":           {Filter{Reference: "user-77"}, []string{first.ID}},
			"both":                    {Filter{Email: "ada@shop.example", Reference: "user-78"}, []string{second.ID}},
			"the reference's case":    {Filter{Reference: "USER-77"}, nil},
			"a part":                  {Filter{Email: "da@shop.example"}, nil},
			"the other's word":        {Filter{Email: "user-77@x.example"}, nil},
		} {
			found, more, err := d.List(d.Context(), shop, db.Page{Limit: 10}, c.f)
			var ids []string
			for _, o := range found {
				ids = append(ids, o.ID)
			}
			if err != nil || more || !reflect.DeepEqual(ids, c.want) {
				d.Errorf("%s: %v, %t, %v; want %v", name, ids, more, err, c.want)
			}
		}
		page, more, err := d.List(d.Context(), shop, db.Page{Limit: 1, StartingAfter: second.ID}, Filter{Email: "ada@shop.example"})
		if err != nil || more || len(page) != 1 || page[0].ID != first.ID {
			d.Errorf("the page behind: %v, %t, %v", page, more, err)
		}
		if found, _, err := d.List(d.Context(), "acct_other:test", db.Page{Limit: 10}, Filter{Email: "ada@shop.example"}); err != nil || len(found) > 0 {
			d.Errorf("another tenant finds %v, %v", found, err)
		}
	})
}

func TestAChangeTouchesWhatItNamesOnly(t *testing.T) {
	each(t, func(d *desk) {
		made := d.makes(ada())
		phone, none, email := "+4930999999", "", "ada@new.example"
		got, err := d.Update(d.Context(), shop, made.ID, Change{Phone: &phone, Reference: &none, Email: &email, Address: &Address{}}, alone)
		if err != nil || *got.Name != "Ada Lovelace" || *got.Phone != phone || got.Reference != nil || got.Address != nil || got.Metadata["plan"] != "gold-plan" {
			d.Errorf("became %+v, %v", got, err)
		}
		for text, want := range map[string]int{email: 1, "ada@shop.example": 0} {
			if found, _, err := d.List(d.Context(), shop, db.Page{Limit: 10}, Filter{Email: text}); err != nil || len(found) != want {
				d.Errorf("%s finds %d, %v", text, len(found), err)
			}
		}
		if _, err := d.Update(d.Context(), "acct_other:test", made.ID, Change{Phone: &phone}, alone); !fault.Is(err, fault.NotFound) {
			d.Errorf("another tenant changes it: %v", err)
		}
	})
}

func TestChangesThatMeetAllCount(t *testing.T) {
	each(t, func(d *desk) {
		made := d.makes(ada())
		name, phone, email, reference := "Ada King", "+4930111111", "king@shop.example", "user-1"
		var all sync.WaitGroup
		for _, change := range []Change{{Name: &name}, {Phone: &phone}, {Email: &email}, {Reference: &reference}} {
			all.Go(func() {
				if _, err := d.Update(d.Context(), shop, made.ID, change, alone); err != nil {
					d.Error(err)
				}
			})
		}
		all.Wait()
		got, err := d.Get(d.Context(), shop, made.ID)
		if err != nil || *got.Name != name || *got.Phone != phone || *got.Email != email || *got.Reference != reference {
			d.Errorf("became %+v, %v", got, err)
		}
	})
}

func TestAnErasedCustomerLeavesAnIdAndNothingElse(t *testing.T) {
	each(t, func(d *desk) {
		made := d.makes(ada())
		d.now.Advance(time.Hour)
		at := d.now.Now()
		gone, err := d.Erase(d.Context(), shop, made.ID, alone)
		if err != nil {
			d.Fatal(err)
		}
		want := Object{ID: made.ID, Object: "customer", ErasedAt: &at, Metadata: map[string]string{}, CreatedAt: made.CreatedAt}
		got, err := d.Get(d.Context(), shop, made.ID)
		if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(gone, want) {
			d.Errorf("left %+v, %v\nwant %+v", got, err, want)
		}
		for _, f := range []Filter{{Email: "ada@shop.example"}, {Reference: "user-77"}} {
			if found, _, err := d.List(d.Context(), shop, db.Page{Limit: 10}, f); err != nil || len(found) > 0 {
				d.Errorf("still found by %+v: %v, %v", f, found, err)
			}
		}
		d.now.Advance(time.Hour)
		if again, err := d.Erase(d.Context(), shop, made.ID, alone); err != nil || !again.ErasedAt.Equal(at) {
			d.Errorf("erased again: %+v, %v", again, err)
		}
		name := "Ada"
		var refused *fault.Error
		if _, err := d.Update(d.Context(), shop, made.ID, Change{Name: &name}, alone); !errors.As(err, &refused) || refused.Code != CodeErased || refused.Kind != fault.Conflict {
			d.Errorf("changed after all: %v", err)
		}
	})
}

// A change that meets an erasure must not bring back what was to go.
func TestNothingComesBackBehindAnErasure(t *testing.T) {
	each(t, func(d *desk) {
		for range 8 {
			made := d.makes(ada())
			email := "late@shop.example"
			var both sync.WaitGroup
			both.Go(func() {
				if _, err := d.Update(d.Context(), shop, made.ID, Change{Email: &email}, alone); err != nil && !errors.Is(err, errErased) {
					d.Error(err)
				}
			})
			both.Go(func() {
				if _, err := d.Erase(d.Context(), shop, made.ID, alone); err != nil {
					d.Error(err)
				}
			})
			both.Wait()
			if got, err := d.Get(d.Context(), shop, made.ID); err != nil || got.ErasedAt == nil || got.Email != nil {
				d.Errorf("left %+v, %v", got, err)
			}
		}
		if found, _, err := d.List(d.Context(), shop, db.Page{Limit: 10}, Filter{Email: "late@shop.example"}); err != nil || len(found) > 0 {
			d.Errorf("found %v, %v", found, err)
		}
	})
}

// What the caller adds belongs to the Change: if it fails, nothing is written.
func TestWithoutTheCallersRowsNothingIsWritten(t *testing.T) {
	each(t, func(d *desk) {
		no := errors.New("no")
		refuse := func(*db.Change, Object) error { return no }
		made := d.makes(ada())
		if _, err := d.Create(d.Context(), shop, ada(), refuse); !errors.Is(err, no) {
			d.Error(err)
		}
		if _, err := d.Erase(d.Context(), shop, made.ID, refuse); !errors.Is(err, no) {
			d.Error(err)
		}
		found, _, err := d.List(d.Context(), shop, db.Page{Limit: 10}, Filter{})
		if err != nil || len(found) != 1 || found[0].ErasedAt != nil {
			d.Errorf("there are %+v, %v", found, err)
		}
	})
}

// What was said about somebody in disputes goes by the very Change that erases them.
func TestAnErasureTakesTheEvidenceOfDisputesAlong(t *testing.T) {
	each(t, func(d *desk) {
		made := d.makes(ada())
		var landed *db.Change
		with := func(c *db.Change, _ Object) error { landed = c; return nil }
		if _, err := d.Erase(d.Context(), shop, made.ID, with); err != nil || d.tells.said[landed] != made.ID || len(d.tells.said) != 1 {
			d.Errorf("told %v, %v", d.tells.said, err)
		}
		if _, err := d.Erase(d.Context(), shop, made.ID, alone); err != nil || len(d.tells.said) != 1 {
			d.Errorf("erased again: told %v, %v", d.tells.said, err)
		}
	})
}
