package audit_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

var key = audit.By{Actor: "key_1", RequestID: "req_1"}

// book writes records, a second apart.
type book struct {
	*testing.T
	*audit.Trail
	db    *db.DB
	clock *clock.Manual
	ids   *id.Source
}

func each(t *testing.T, body func(b *book)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		hands := clock.NewManual(noon)
		body(&book{t, audit.NewTrail(d), d, hands, id.NewSource(hands, rand.Reader)})
	}, audit.Schema)
}

// did writes a record and gives its id.
func (b *book) did(by audit.By, merchant string, action audit.Action, object string, detail map[string]string) string {
	b.Helper()
	r := by.Record(b.ids, b.clock.Now(), merchant, action, object, detail)
	if err := b.db.Commit(context.Background(), db.NewChange(r.Merchant, r.Row())); err != nil {
		b.Fatal(err)
	}
	b.clock.Advance(time.Second)
	return r.ID
}

// ids are those of records, as one word each.
func ids(records []audit.Record) []string {
	all := make([]string, len(records))
	for i, r := range records {
		all[i] = r.ID
	}
	return all
}

func TestAMerchantSeesItsModeItsAccountAndWhatConcernsAll(t *testing.T) {
	each(t, func(b *book) {
		first := b.did(key, "acct_a:test", "kill_switch.created", "ks_1", map[string]string{"mode": "block"})
		b.did(key, "acct_a:live", "kill_switch.created", "ks_2", nil)
		settings := b.did(audit.Operator, "acct_a", "merchant.updated", "acct_a", map[string]string{"name": "A"})
		b.did(audit.Operator, "acct_b", "merchant.updated", "acct_b", nil)
		b.did(key, "acct_b:test", "kill_switch.created", "ks_3", nil)
		everybodys := b.did(audit.Operator, audit.Installation, "kill_switch.created", "ks_4", nil)
		last := b.did(audit.System, "acct_a:test", "routing_experiment.stopped", "rp_1", nil)

		got, more, err := b.List(b.Context(), "acct_a:test", db.Page{Limit: 10}, audit.Filter{})
		if err != nil || more || !slices.Equal(ids(got), []string{last, everybodys, settings, first}) {
			b.Fatalf("%v, %t, %v", got, more, err)
		}
		want := []audit.Object{
			{Actor: "system", Concerns: audit.OfMode}, {Actor: "operator", Concerns: audit.OfInstallation}, {Actor: "operator", Concerns: audit.OfAccount}, {Actor: "key_1", Concerns: audit.OfMode},
		}
		for i, r := range got {
			if o := r.ObjectFor("acct_a:test"); o.Actor != want[i].Actor || o.Concerns != want[i].Concerns || o.Livemode {
				b.Errorf("%d: %+v", i, o)
			}
		}
		if o := got[3].ObjectFor("acct_a:test"); o.RequestID == nil || *o.RequestID != "req_1" || o.Subject != "ks_1" || o.Details["mode"] != "block" || !o.CreatedAt.Equal(noon) {
			b.Errorf("the first: %+v", o)
		}
		if o := got[1].ObjectFor("acct_a:live"); !o.Livemode || o.RequestID != nil || len(o.Details) != 0 {
			b.Errorf("the installation's, to the other mode: %+v", o)
		}
		for _, entry := range []string{first, settings, everybodys} {
			if r, err := b.Get(b.Context(), "acct_a:test", entry); err != nil || r.ID != entry {
				b.Errorf("%s: %+v, %v", entry, r, err)
			}
		}
		for tenant, entry := range map[string]string{"acct_a:live": first, "acct_b:test": settings, "acct_b:live": last} {
			if _, err := b.Get(b.Context(), tenant, entry); !fault.Is(err, fault.NotFound) {
				b.Errorf("%s reads %s: %v", tenant, entry, err)
			}
		}
	})
}

func TestThePagesOfATrailAreWhole(t *testing.T) {
	each(t, func(b *book) {
		var all []string // newest first
		for i := range 9 {
			merchant := []string{"acct_a:test", "acct_a", audit.Installation}[i%3]
			all = append([]string{b.did(key, merchant, "kill_switch.created", fmt.Sprintf("ks_%d", i), nil)}, all...)
		}
		for limit := 1; limit <= 10; limit++ {
			var older, newer []string
			page := db.Page{Limit: limit}
			for more := true; more; {
				some, follow, err := b.List(b.Context(), "acct_a:test", page, audit.Filter{})
				if err != nil || len(some) == 0 {
					b.Fatalf("by %d: %v, %v", limit, some, err)
				}
				older, more, page.StartingAfter = append(older, ids(some)...), follow, some[len(some)-1].ID
			}
			page = db.Page{Limit: limit, EndingBefore: all[len(all)-1]}
			for more := true; more; {
				some, follow, err := b.List(b.Context(), "acct_a:test", page, audit.Filter{})
				if err != nil || len(some) == 0 {
					b.Fatalf("back by %d: %v, %v", limit, some, err)
				}
				newer, more, page.EndingBefore = append(ids(some), newer...), follow, some[0].ID
			}
			if !slices.Equal(older, all) || !slices.Equal(newer, all[:len(all)-1]) {
				b.Errorf("by %d: down %v, up %v", limit, older, newer)
			}
		}
		between := db.Page{Limit: 10, CreatedFrom: noon.Add(2 * time.Second), CreatedTo: noon.Add(5 * time.Second)}
		if got, more, err := b.List(b.Context(), "acct_a:test", between, audit.Filter{}); err != nil || more || !slices.Equal(ids(got), all[4:7]) {
			b.Errorf("between two times: %v, %t, %v", ids(got), more, err)
		}
	})
}

func TestATrailIsChosenByWhoDidWhatToWhat(t *testing.T) {
	each(t, func(b *book) {
		created := b.did(key, "acct_a:test", "kill_switch.created", "ks_1", nil)
		lifted := b.did(audit.By{Actor: "key_2"}, "acct_a:test", "kill_switch.lifted", "ks_1", nil)
		another := b.did(key, "acct_a:test", "kill_switch.created", "ks_2", nil)
		everybodys := b.did(audit.Operator, audit.Installation, "kill_switch.created", "ks_3", nil)
		for name, c := range map[string]struct {
			filter audit.Filter
			want   []string
		}{
			"by a key":           {audit.Filter{Actor: "key_1"}, []string{another, created}},
			"by the operator":    {audit.Filter{Actor: "operator"}, []string{everybodys}},
			"what was done":      {audit.Filter{Action: "kill_switch.created"}, []string{everybodys, another, created}},
			"to what":            {audit.Filter{Object: "ks_1"}, []string{lifted, created}},
			"all three":          {audit.Filter{Actor: "key_1", Action: "kill_switch.created", Object: "ks_1"}, []string{created}},
			"what nobody did":    {audit.Filter{Action: "recon_break.closed"}, []string{}},
			"by somebody absent": {audit.Filter{Actor: "key_3", Object: "ks_1"}, []string{}},
		} {
			got, more, err := b.List(b.Context(), "acct_a:test", db.Page{Limit: 10}, c.filter)
			if err != nil || more || !slices.Equal(ids(got), c.want) {
				b.Errorf("%s: %v, %t, %v", name, got, more, err)
			}
		}
	})
}

func TestTheOperatorSeesAllMerchantsOrOne(t *testing.T) {
	each(t, func(b *book) {
		var all []string
		for _, merchant := range []string{"acct_b:live", "acct_a:test", audit.Installation, "acct_a", "acct_a:live", "acct_b:test"} {
			all = append([]string{b.did(key, merchant, "kill_switch.created", "ks_1", nil)}, all...)
		}
		for limit := 1; limit <= 7; limit++ {
			got, more, err := b.Everybodys(b.Context(), db.Page{Limit: limit}, audit.Filter{Object: "ks_1"})
			if err != nil || more != (limit < 6) || !slices.Equal(ids(got), all[:min(limit, 6)]) {
				b.Errorf("%d of all: %v, %t, %v", limit, ids(got), more, err)
			}
		}
		got, more, err := b.Everybodys(b.Context(), db.Page{Limit: 2, StartingAfter: all[1]}, audit.Filter{})
		if err != nil || !more || !slices.Equal(ids(got), all[2:4]) {
			b.Errorf("the next of all: %v, %t, %v", ids(got), more, err)
		}
		got, more, err = b.OfAccount(b.Context(), "acct_a", db.Page{Limit: 10}, audit.Filter{})
		if err != nil || more || !slices.Equal(ids(got), all[1:5]) {
			b.Errorf("one merchant's: %v, %t, %v", ids(got), more, err)
		}
	})
}

func TestNoCardNumberOrKeyGetsIntoARecord(t *testing.T) {
	each(t, func(b *book) {
		entry := b.did(key, "acct_a:test", "recon_break.closed", "brk_1", map[string]string{
			"note": "the payer read 4242 4242 4242 4242 to me, and somebody used sk_live_0123456789abcdef", "kind": "clearing",
		})
		r, err := b.Get(b.Context(), "acct_a:test", entry)
		if err != nil || r.Detail["kind"] != "clearing" {
			b.Fatalf("%+v, %v", r, err)
		}
		if note := r.Detail["note"]; note != "the payer read [card number] to me, and somebody used sk_live_[secret]" {
			b.Errorf("the note: %s", note)
		}
	})
}

func TestARecordIsNeitherChangedNorDeleted(t *testing.T) {
	each(t, func(b *book) {
		b.did(key, "acct_a:test", "kill_switch.created", "ks_1", nil)
		if n, err := b.db.Prune(b.Context(), audit.Table, "created_at", noon.Add(time.Hour).UnixMicro(), 10); err == nil || n != 0 {
			b.Errorf("deleted %d: %v", n, err)
		}
		if got, _, err := b.List(b.Context(), "acct_a:test", db.Page{Limit: 10}, audit.Filter{}); err != nil || len(got) != 1 {
			b.Errorf("left: %v, %v", got, err)
		}
	})
}

func TestAnIncompleteRecordIsAMistake(t *testing.T) {
	for name, r := range map[string]audit.Record{
		"nobody":             {Merchant: "m", ID: "aud_1", Action: "kill_switch.created", Object: "o"},
		"nothing":            {Merchant: "m", ID: "aud_1", Actor: "operator", Object: "o"},
		"to what":            {Merchant: "m", ID: "aud_1", Actor: "operator", Action: "kill_switch.created"},
		"of no known action": {Merchant: "m", ID: "aud_1", Actor: "operator", Action: "kill_switch.thrown", Object: "o"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was made into a row")
				}
			}()
			r.Row()
		})
	}
}

func TestActionsAreNounAndVerbAndEachIsThereOnce(t *testing.T) {
	seen := map[audit.Action]bool{}
	for _, a := range audit.Actions() {
		noun, verb, ok := strings.Cut(string(a), ".")
		if !ok || noun == "" || verb == "" || strings.Trim(string(a), "abcdefghijklmnopqrstuvwxyz_.") != "" || seen[a] {
			t.Errorf("%q is no action, or stands twice", a)
		}
		seen[a] = true
	}
}
