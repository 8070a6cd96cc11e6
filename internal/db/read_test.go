package db_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// items are what lists are made of.
var items = &db.Table{Name: "item", Key: 2, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "kind"}, {Name: "created_at", Kind: db.Int}}}

var itemSchema = func() db.Schema {
	s := schemaOf("0001_item.sql", `CREATE TABLE item (merchant_id TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, created_at BIGINT NOT NULL,
		PRIMARY KEY (merchant_id, id));`)
	s.Tables = []*db.Table{items}
	return s
}()

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// item is the nth of a merchant, made n minutes past noon; every other is odd.
func item(merchant string, n int) *db.Change {
	kind := []string{"even", "odd"}[n%2]
	return db.NewChange(merchant, items.Insert(merchant, fmt.Sprintf("i%03d", n), kind, db.Micros(noon.Add(time.Duration(n)*time.Minute))))
}

func scanItem(s db.Scanner) (string, error) {
	var merchant, id, kind string
	var at int64
	err := s.Scan(&merchant, &id, &kind, &at)
	return id, err
}

// page reads a page of merchant m as its ids, "+" behind them if there are more.
func page(t *testing.T, d *db.DB, p db.Page, filters ...db.Filter) string {
	t.Helper()
	ids, more, err := db.ListPage(t.Context(), d, items, scanItem, "m", p, filters...)
	must(t, err)
	if more {
		ids = append(ids, "+")
	}
	return strings.Join(ids, " ")
}

func TestPagesAreNewestFirstAndStable(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for n := range 7 {
			must(t, d.Commit(t.Context(), item("m", n)))
			must(t, d.Commit(t.Context(), item("other", n)))
		}
		at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
		for name, c := range map[string]struct {
			page   db.Page
			filter []db.Filter
			want   string
		}{
			"first":               {db.Page{Limit: 3}, nil, "i006 i005 i004 +"},
			"next":                {db.Page{Limit: 3, StartingAfter: "i004"}, nil, "i003 i002 i001 +"},
			"last":                {db.Page{Limit: 3, StartingAfter: "i001"}, nil, "i000"},
			"past the end":        {db.Page{Limit: 3, StartingAfter: "i000"}, nil, ""},
			"back":                {db.Page{Limit: 3, EndingBefore: "i000"}, nil, "i003 i002 i001 +"},
			"back to the start":   {db.Page{Limit: 3, EndingBefore: "i003"}, nil, "i006 i005 i004"},
			"before the start":    {db.Page{Limit: 3, EndingBefore: "i006"}, nil, ""},
			"exactly what is":     {db.Page{Limit: 7}, nil, "i006 i005 i004 i003 i002 i001 i000"},
			"from, inclusive":     {db.Page{Limit: 9, CreatedFrom: at(5)}, nil, "i006 i005"},
			"to, exclusive":       {db.Page{Limit: 9, CreatedTo: at(2)}, nil, "i001 i000"},
			"filtered":            {db.Page{Limit: 2}, []db.Filter{{Column: "kind", Value: "odd"}}, "i005 i003 +"},
			"filtered and bound":  {db.Page{Limit: 9, StartingAfter: "i005", CreatedFrom: at(2)}, []db.Filter{{Column: "kind", Value: "odd"}}, "i003"},
			"a cursor not a row":  {db.Page{Limit: 1, StartingAfter: "i0035"}, nil, "i003 +"},
			"both ends of a list": {db.Page{Limit: 9, StartingAfter: "i005", EndingBefore: "i002"}, nil, "i004 i003"},
		} {
			if got := page(t, d, c.page, c.filter...); got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
		// What is added while somebody turns the pages neither shows up in between nor moves a row to another page.
		must(t, d.Commit(t.Context(), item("m", 7)))
		if got := page(t, d, db.Page{Limit: 3, StartingAfter: "i004"}); got != "i003 i002 i001 +" {
			t.Errorf("after an insert the next page is %q", got)
		}
		if got := page(t, d, db.Page{Limit: 3, EndingBefore: "i006"}); got != "i007" {
			t.Errorf("what is new is %q", got)
		}
	}, itemSchema)
}

func TestAFilterSaysToTheEngineWhatItsIndexesAreOver(t *testing.T) {
	text, args := db.PageStatement(things, "m", db.Page{Limit: 1, StartingAfter: "b"}, db.Filter{Column: "slot", Value: "x", Some: true}, db.Filter{Column: "id", Value: "up", Constant: true})
	if want := things.Select() + " WHERE merchant_id = $1 AND id < $2 AND slot = $3 AND slot <> '' AND id = 'up' ORDER BY id DESC LIMIT $4"; text != want || len(args) != 4 {
		t.Errorf("%s with %v, want %s", text, args, want)
	}
}

func TestAPageOfSomeKindsIsThoseKindsMerged(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for n := range 7 {
			must(t, d.Commit(t.Context(), item("m", n)))
		}
		for name, c := range map[string]struct {
			page   db.Page
			kinds  []string
			filter []db.Filter
			want   string
		}{
			"both":           {db.Page{Limit: 3}, []string{"odd", "even"}, nil, "i006 i005 i004 +"},
			"the rest":       {db.Page{Limit: 9, StartingAfter: "i004"}, []string{"odd", "even"}, nil, "i003 i002 i001 i000"},
			"back":           {db.Page{Limit: 2, EndingBefore: "i001"}, []string{"odd", "even"}, nil, "i003 i002 +"},
			"exactly a page": {db.Page{Limit: 3}, []string{"odd", "none"}, nil, "i005 i003 i001"},
			"no kind":        {db.Page{Limit: 3}, nil, nil, ""},
			"a constant":     {db.Page{Limit: 9}, []string{"odd", "even"}, []db.Filter{{Column: "merchant_id", Value: "m", Constant: true}}, "i006 i005 i004 i003 i002 i001 i000"},
		} {
			ids, more, err := db.ListAny(t.Context(), d, items, scanItem, func(id string) string { return id }, "m", c.page, "kind", c.kinds, c.filter...)
			must(t, err)
			if more {
				ids = append(ids, "+")
			}
			if got := strings.Join(ids, " "); got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
		defer func() {
			if recover() == nil {
				t.Error("a value from outside is written into a statement")
			}
		}()
		page(t, d, db.Page{Limit: 1}, db.Filter{Column: "kind", Value: "x' OR ''='", Constant: true})
	}, itemSchema)
}

// Ids are made by a clock of their own, which may differ from the one that a row's time comes from.
func TestTimesBoundIdsWithRoomForClocks(t *testing.T) {
	dated := *items
	dated.IDs = id.Event
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, slow := range []time.Duration{-10 * time.Minute, 0, 10 * time.Minute} {
			ids := id.NewSource(clock.NewManual(noon.Add(slow)), rand.Reader)
			must(t, d.Commit(t.Context(), db.NewChange("m", items.Insert("m", ids.New(id.Event), "even", db.Micros(noon)))))
		}
		for name, c := range map[string]struct {
			page db.Page
			want int
		}{
			"within":     {db.Page{Limit: 9, CreatedFrom: noon, CreatedTo: noon.Add(1)}, 0},
			"the moment": {db.Page{Limit: 9, CreatedFrom: noon, CreatedTo: noon.Add(time.Microsecond)}, 3},
			"after":      {db.Page{Limit: 9, CreatedFrom: noon.Add(time.Microsecond)}, 0},
			"before":     {db.Page{Limit: 9, CreatedTo: noon}, 0},
		} {
			got, _, err := db.ListPage(t.Context(), d, &dated, scanItem, "m", c.page)
			if must(t, err); len(got) != c.want {
				t.Errorf("%s: %d, want %d", name, len(got), c.want)
			}
		}
	}, itemSchema)
}

func TestALongReadIsOfOneMomentAndHoldsUpNoWriter(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const n = 300
		var first []*db.Change
		for i := range n {
			first = append(first, item("m", i))
		}
		for _, err := range commits(t.Context(), d, first...) {
			must(t, err)
		}
		var ids []string
		sql, args := items.Select()+" WHERE merchant_id = $1 ORDER BY id", []any{"m"}
		must(t, db.Each(t.Context(), d, scanItem, sql, args, func(id string) error {
			if len(ids) < 20 {
				must(t, d.Commit(t.Context(), item("m", n+len(ids))))
				if got := page(t, d, db.Page{Limit: 1}); got != fmt.Sprintf("i%03d +", n+len(ids)) {
					t.Errorf("read amid a long read: %s", got)
				}
			}
			ids = append(ids, id)
			return nil
		}))
		if len(ids) != n || !slices.IsSorted(ids) {
			t.Errorf("%d rows", len(ids))
		}
		enough := errors.New("enough")
		err := db.Each(t.Context(), d, scanItem, sql, args, func(string) error { return enough })
		if !errors.Is(err, enough) {
			t.Errorf("stopped with %v", err)
		}
		// Each has few connections of its own: one that was stopped must have given its back.
		for range 10 {
			if err := db.Each(t.Context(), d, scanItem, sql, args, func(string) error { return enough }); !errors.Is(err, enough) {
				t.Fatal(err)
			}
		}
	}, itemSchema)
}

func TestReadsSayWhatIsMissing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		sql := things.Select() + " WHERE merchant_id = $1 AND id = $2"
		if _, err := db.Get(t.Context(), d, scanThing, sql, "m", "none"); !fault.Is(err, fault.NotFound) {
			t.Errorf("no row: %v", err)
		}
		if _, err := db.Get(t.Context(), d, scanThing, "SELECT nothing FROM nowhere"); err == nil || fault.Of(err) != fault.Internal {
			t.Errorf("a broken query: %v", err)
		}
		if all, err := db.List(t.Context(), d, scanThing, things.Select()+" WHERE id IN "+db.In(1, 2), "a", "b"); err != nil || len(all) != 0 {
			t.Errorf("%v, %v", all, err)
		}
	}, schema)
}

func TestTextThatAnEngineCannotHoldIsRefusedOnBoth(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, id := range []string{"a\x00b", "a\xffb"} {
			if err := d.Commit(t.Context(), db.NewChange("m", entries.Insert("m", id, int64(1)))); !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", id, err)
			}
		}
		for name, c := range map[string]*db.Change{
			"a key twice":     db.NewChange("m", entries.Insert("m", "e", int64(1)), entries.Insert("m", "e", int64(2))),
			"a foreign table": db.NewChange("m", items.Insert("m", "i", "odd", int64(1))),
		} {
			if err := d.Commit(t.Context(), c); err == nil {
				t.Errorf("%s passes", name)
			}
		}
		if n := count(t, d, entries); n != 0 {
			t.Errorf("%d rows landed", n)
		}
		must(t, d.Commit(t.Context(), db.NewChange("m")))
	}, schema)
}

func TestPruningTakesTheOldestFirst(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for n := range 9 {
			must(t, d.Commit(t.Context(), item("m", n)))
		}
		before := db.Micros(noon.Add(5 * time.Minute))
		for step, want := range []int64{3, 2, 0} {
			if n, err := d.Prune(t.Context(), items, "created_at", before, 3); err != nil || n != want {
				t.Errorf("step %d: %d, %v", step, n, err)
			}
			if step == 0 {
				if got := page(t, d, db.Page{Limit: 9, CreatedTo: noon.Add(5 * time.Minute)}); got != "i004 i003" {
					t.Errorf("the first step left %s", got)
				}
			}
		}
		if got := page(t, d, db.Page{Limit: 9}); got != "i008 i007 i006 i005" {
			t.Errorf("kept %s", got)
		}
		if _, err := d.Prune(t.Context(), items, "no_column", before, 3); err == nil {
			t.Error("by a column that is not there")
		}
	}, itemSchema)
}
