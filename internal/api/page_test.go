package api

import (
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
)

func TestAListIsAskedForByItsQuery(t *testing.T) {
	d := newDoor(t)
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for query, want := range map[string]db.Page{
		"":                                     {Limit: 20},
		"limit=1":                              {Limit: 1},
		"limit=100":                            {Limit: 100},
		"starting_after=pay_" + someID:         {Limit: 20, StartingAfter: "pay_" + someID},
		"ending_before=pay_" + someID:          {Limit: 20, EndingBefore: "pay_" + someID},
		"created_at[gte]=2026-11-22T12:00:00Z": {Limit: 20, CreatedFrom: at("2026-11-22T12:00:00Z")},
		"created_at%5Bgte%5D=2026-11-22T13:00:00%2B01:00": {Limit: 20, CreatedFrom: at("2026-11-22T12:00:00Z")},
		"created_at[gt]=2026-11-22T12:00:00Z":             {Limit: 20, CreatedFrom: at("2026-11-22T12:00:00.000001Z")},
		"created_at[lt]=2026-11-22T12:00:00Z":             {Limit: 20, CreatedTo: at("2026-11-22T12:00:00Z")},
		"created_at[lte]=2026-11-22T12:00:00Z":            {Limit: 20, CreatedTo: at("2026-11-22T12:00:00.000001Z")},
		"created_at[gte]=2026-11-22T12:00:00Z&created_at[lt]=2026-11-23T12:00:00Z&limit=7": {
			Limit: 7, CreatedFrom: at("2026-11-22T12:00:00Z"), CreatedTo: at("2026-11-23T12:00:00Z"),
		},
	} {
		accepted(t, d.call("GET", "/v1/payments?"+query, ""), 200)
		got := d.payments.paged
		same := got.CreatedFrom.Equal(want.CreatedFrom) && got.CreatedTo.Equal(want.CreatedTo)
		got.CreatedFrom, got.CreatedTo = want.CreatedFrom, want.CreatedTo
		if got != want || !same {
			t.Errorf("%s asks for %+v, want %+v", query, d.payments.paged, want)
		}
	}
}

func TestAnEmptyListIsAListAndNotNull(t *testing.T) {
	d := newDoor(t)
	for _, path := range []string{"/v1/payments", "/v1/refunds"} {
		if w := d.call("GET", path, ""); w.Code != 200 || w.Body.String() != "{\"object\":\"list\",\"data\":[],\"has_more\":false}\n" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestAStretchOfAListGoesByCursorAndTime(t *testing.T) {
	type one struct {
		id string
		at time.Time
	}
	var all []one // newest first
	for i := 9; i > 0; i-- {
		all = append(all, one{string(rune('0' + i)), start.Add(time.Duration(i) * time.Hour)})
	}
	hour := func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }
	for _, c := range []struct {
		page db.Page
		want string
		more bool
	}{
		{db.Page{Limit: 20}, "987654321", false}, {db.Page{Limit: 9}, "987654321", false}, {db.Page{Limit: 3}, "987", true},
		{db.Page{Limit: 3, StartingAfter: "7"}, "654", true}, {db.Page{Limit: 3, StartingAfter: "4"}, "321", false}, {db.Page{Limit: 3, StartingAfter: "1"}, "", false},
		{db.Page{Limit: 3, EndingBefore: "4"}, "765", true}, {db.Page{Limit: 3, EndingBefore: "6"}, "987", false}, {db.Page{Limit: 3, EndingBefore: "9"}, "", false},
		{db.Page{Limit: 20, CreatedFrom: hour(7)}, "987", false}, {db.Page{Limit: 20, CreatedTo: hour(3)}, "21", false},
		{db.Page{Limit: 1, CreatedFrom: hour(3), CreatedTo: hour(5)}, "4", true},
	} {
		got, more := stretch(all, c.page, func(o one) (string, time.Time) { return o.id, o.at })
		text := ""
		for _, o := range got {
			text += o.id
		}
		if text != c.want || more != c.more {
			t.Errorf("%+v: %q, %t; want %q, %t", c.page, text, more, c.want, c.more)
		}
	}
}
