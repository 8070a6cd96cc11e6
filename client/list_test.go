package client

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// pages serves ids in pages of two, newest first, by both cursors.
func pages(ids ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, to := 0, len(ids)
		for i, id := range ids {
			if id == r.URL.Query().Get("starting_after") {
				from = i + 1
			}
			if id == r.URL.Query().Get("ending_before") {
				to = i
			}
		}
		more := to-from > 2
		if r.URL.Query().Has("ending_before") {
			from = max(from, to-2)
		} else {
			to = min(to, from+2)
		}
		list := List[Event]{HasMore: more}
		for _, id := range ids[from:to] {
			list.Data = append(list.Data, Event{ID: id})
		}
		_ = json.NewEncoder(w).Encode(list)
	}
}

func TestListWalksAllPagesInBothDirections(t *testing.T) {
	c, a, _ := serve(t, []http.HandlerFunc{pages("e5", "e4", "e3", "e2", "e1")})
	for name, k := range map[string]struct {
		page Page
		want string
	}{
		"from the newest": {Page{}, "e5 e4 e3 e2 e1"},
		"older than":      {Page{StartingAfter: "e4"}, "e3 e2 e1"},
		"newer than":      {Page{EndingBefore: "e1"}, "e2 e3 e4 e5"},
		"nothing newer":   {Page{EndingBefore: "e5"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			events := c.Events.List(t.Context(), ListEvents{Page: k.page})
			for range 2 { // a sequence can be walked again
				var got []string
				for e, err := range events {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, e.ID)
				}
				if strings.Join(got, " ") != k.want {
					t.Errorf("walked %v, want %s", got, k.want)
				}
			}
		})
	}
	before := len(a.sent())
	for range c.Events.List(t.Context(), ListEvents{}) {
		break
	}
	if len(a.sent()) != before+1 {
		t.Errorf("a walk that stops at once read %d pages", len(a.sent())-before)
	}
}

func TestListEndsWithItsError(t *testing.T) {
	c, _, _ := serve(t, []http.HandlerFunc{pages("e3", "e2", "e1"), refusal(401, `{"code":"unauthorized"}`)})
	var got []string
	var last error
	for e, err := range c.Events.List(t.Context(), ListEvents{}) {
		if last = err; err == nil {
			got = append(got, e.ID)
		}
	}
	if len(got) != 2 || !IsUnauthorized(last) {
		t.Errorf("walked %v, then %v", got, last)
	}
}
