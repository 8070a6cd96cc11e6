package vault

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
)

// tokenBy makes a token as a browser or as a backend does.
func (s *site) tokenBy(singleUse bool, key string) string {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/v1/tokens", strings.NewReader(cardJSON(marked, "123")))
	r.Header = http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {key}}
	w := httptest.NewRecorder()
	s.Handler(func(*http.Request) (Caller, error) { return Caller{Merchant: shop, SingleUse: singleUse}, nil }).ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		s.t.Fatalf("tokenize: %d %s", w.Code, w.Body)
	}
	return decode[tokenObject](s.t, w.Body).ID
}

func TestATokenFromABrowserIsForOneUse(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		browser, backend := s.tokenBy(true, "a"), s.tokenBy(false, "b")
		other := siteOn(t, s.db, s.box, s.clock) // reads what is stored
		for _, site := range []*site{s, other} {
			for token, want := range map[string]bool{browser: true, backend: false} {
				if d, err := site.Describe(t.Context(), shop, token); err != nil || d.SingleUse != want {
					t.Errorf("described %+v, %v; want single use %v", d, err, want)
				}
			}
		}
		if err := s.box.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Rekey(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d, err := siteOn(t, s.db, s.box, s.clock).Describe(t.Context(), shop, browser); err != nil || !d.SingleUse {
			t.Errorf("after new keys: %+v, %v", d, err)
		}
	})
}

// A publishable key is no secret: by it nobody may get at the token that a backend made with an idempotency key of its own.
func TestABrowsersIdempotencyKeysAreItsOwn(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		backend, browser := s.tokenBy(false, "same"), s.tokenBy(true, "same")
		if backend == browser {
			t.Error("the browser was given the backend's token")
		}
		if s.tokenBy(false, "same") != backend || s.tokenBy(true, "same") != browser {
			t.Error("a repetition does not get its own token again")
		}
	})
}

func TestCardsFromBeforeAreForManyUses(t *testing.T) {
	first, err := migrations.ReadFile("migrations/0001_vault.sql")
	if err != nil {
		t.Fatal(err)
	}
	table := *cardTable // as the release before knew it
	table.Columns = slices.Clone(table.Columns[:slices.IndexFunc(table.Columns, func(c db.Column) bool { return c.Name == "single_use" })])
	before := db.Schema{Package: Schema.Package, Tables: []*db.Table{&table}, Migrations: fstest.MapFS{"migrations/0001_vault.sql": {Data: first}}}
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			old := dbtest.Open(t, url, db.Options{}, before)
			s := newSite(t, old)
			row, err := s.newRow(Caller{Merchant: shop}, mustCard(t, marked))
			if err != nil {
				t.Fatal(err)
			}
			values := row.values()
			if err := old.Commit(t.Context(), db.NewChange(shop, table.Insert(values[:len(table.Columns)]...))); err != nil {
				t.Fatal(err)
			}
			s = siteOn(t, dbtest.Open(t, url, db.Options{}, Schema), s.box, s.clock)
			if d, err := s.Describe(t.Context(), shop, row.description.Token); err != nil || d.SingleUse || d.Last4 != row.description.Last4 {
				t.Errorf("described %+v, %v", d, err)
			}
		})
	}
}

func mustCard(t *testing.T, number string) newCard {
	t.Helper()
	c, err := (&Vault{}).newCard(Caller{}, []byte(cardJSON(number, "")), noon)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
