package vault

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/problem"
)

func TestACardBecomesAToken(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		w := s.call(http.MethodPost, "/v1/tokens", "acct_shop:live", `{"card":{"number":"4242 4242-4242 4242","exp_month":1,"exp_year":30,"cvc":"123","name":"Zoë"}}`)
		if w.Code != http.StatusCreated {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		h := w.Header()
		if !strings.HasPrefix(h.Get("Request-Id"), "req_") || h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", h)
		}
		if text := w.Body.String(); strings.Contains(text, "424242424242") || strings.Contains(text, "Zo") || strings.Contains(text, "123\"") {
			t.Errorf("the answer says too much: %s", text)
		}
		o := decode[tokenObject](t, w.Body)
		if !id.Has(o.ID, id.Token) || o.Object != "payment_method_token" || !o.Livemode || !o.CreatedAt.Equal(noon) {
			t.Errorf("object %+v", o)
		}
		c := o.Card
		if c.Brand != "visa" || c.Last4 != "4242" || c.BIN != "424242" || c.ExpMonth != 1 || c.ExpYear != 2030 || c.Country != "US" ||
			c.Funding != "credit" || len(c.Fingerprint) != 32 {
			t.Errorf("card %+v", c)
		}
		d, err := s.Describe(t.Context(), "acct_shop:live", o.ID)
		if err != nil || d.Token != o.ID || d.Fingerprint != c.Fingerprint || d.ExpYear != 2030 {
			t.Errorf("described %+v, %v", d, err)
		}
	})
}

func TestEveryWrongFieldIsNamed(t *testing.T) {
	s := onSQLite(t)
	const good = `"number":"4242424242424242","exp_month":12,"exp_year":2030`
	card := func(members string) string { return `{"card":{` + members + `}}` }
	cases := []struct {
		name, body string
		params     string // all that is named, in order
	}{
		{"no card", `{}`, "card"},
		{"card is null", `{"card":null}`, "card"},
		{"card is text", `{"card":"4242424242424242"}`, "card"},
		{"card is a list", `{"card":[]}`, "card"},
		{"empty card", card(``), "card.number card.exp_month card.exp_year"},
		{"number is a number", card(`"number":4242424242424242,"exp_month":12,"exp_year":2030`), "card.number"},
		{"number is null", card(`"number":null,"exp_month":12,"exp_year":2030`), "card.number"},
		{"number is empty", card(`"number":"","exp_month":12,"exp_year":2030`), "card.number"},
		{"number is a word", card(`"number":"card","exp_month":12,"exp_year":2030`), "card.number"},
		{"number fails the check digit", card(`"number":"4242424242424241","exp_month":12,"exp_year":2030`), "card.number"},
		{"number has NUL", card(`"number":"4242424242424242\u0000","exp_month":12,"exp_year":2030`), "card.number"},
		{"month 0", card(`"number":"4242424242424242","exp_month":0,"exp_year":2030`), "card.exp_month"},
		{"month 13", card(`"number":"4242424242424242","exp_month":13,"exp_year":2030`), "card.exp_month"},
		{"month negative", card(`"number":"4242424242424242","exp_month":-1,"exp_year":2030`), "card.exp_month"},
		{"month fractional", card(`"number":"4242424242424242","exp_month":1.5,"exp_year":2030`), "card.exp_month"},
		{"month with exponent", card(`"number":"4242424242424242","exp_month":1e0,"exp_year":2030`), "card.exp_month"},
		{"month is text", card(`"number":"4242424242424242","exp_month":"12","exp_year":2030`), "card.exp_month"},
		{"month huge", card(`"number":"4242424242424242","exp_month":1000000000000000000,"exp_year":2030`), "card.exp_month"},
		{"year of three digits", card(`"number":"4242424242424242","exp_month":12,"exp_year":203`), "card.exp_year"},
		{"year too far", card(`"number":"4242424242424242","exp_month":12,"exp_year":2077`), "card.exp_year"},
		{"year past", card(`"number":"4242424242424242","exp_month":12,"exp_year":2025`), "card.exp_year"},
		{"month past", card(`"number":"4242424242424242","exp_month":10,"exp_year":2026`), "card.exp_month"},
		{"year is an object", card(`"number":"4242424242424242","exp_month":12,"exp_year":{}`), "card.exp_year"},
		{"cvc is a number", card(good + `,"cvc":123`), "card.cvc"},
		{"cvc too short", card(good + `,"cvc":"12"`), "card.cvc"},
		{"cvc of four on visa", card(good + `,"cvc":"1234"`), "card.cvc"},
		{"cvc of three on amex", card(`"number":"378282246310005","exp_month":12,"exp_year":2030,"cvc":"123"`), "card.cvc"},
		{"cvc empty", card(good + `,"cvc":""`), "card.cvc"},
		{"cvc of letters", card(good + `,"cvc":"12a"`), "card.cvc"},
		{"name is a number", card(good + `,"name":7`), "card.name"},
		{"name too long", card(good + `,"name":"` + strings.Repeat("ß", 201) + `"`), "card.name"},
		{"name with a line break", card(good + `,"name":"a\nb"`), "card.name"},
		{"name with NUL", card(good + `,"name":"a\u0000"`), "card.name"},
		{"name with half a character", card(good + `,"name":"\ud800"`), "card.name"},
		{"unknown in the card", card(good + `,"pin":"1234"`), "card.pin"},
		{"unknown beside the card", `{"card":{` + good + `},"customer":"cus_1"}`, "customer"},
		{"key in capitals", card(`"Number":"4242424242424242","exp_month":12,"exp_year":2030`), "card.Number card.number"},
		{"twice", card(good + `,"exp_year":2031`), "card.exp_year"},
		{"card twice", `{"card":{` + good + `},"card":{` + good + `}}`, "card"},
		{"number as a key", card(good + `,"4242424242424242":1`), "card.9999999999994242"},
		{"all at once", card(`"number":"1","exp_month":0,"exp_year":1999,"cvc":"x","name":1,"x":1`), "card.x card.number card.exp_month card.exp_year card.cvc card.name"},
		{"no object", `[]`, "-"},
		{"text", `"card"`, "-"},
		{"null", `null`, "-"},
		{"empty", ``, "-"},
		{"cut", `{"card":{` + good, "-"},
		{"something behind", `{"card":{` + good + `}} {}`, "-"},
		{"not UTF-8", card(good + `,"name":"` + "\xff" + `"`), "-"},
		{"byte order mark", "\ufeff" + card(good), "-"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := s.tokens(c.body)
			text := w.Body.String()
			if w.Code != http.StatusBadRequest || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Fatalf("%d %s", w.Code, text)
			}
			if strings.Contains(text, "4242424242") || strings.Contains(text, "378282246310005") {
				t.Errorf("the refusal repeats the number: %s", text)
			}
			p := decode[problem.Problem](t, w.Body)
			var params []string
			for _, f := range p.Errors {
				params = append(params, f.Param)
			}
			want := c.params
			if want == "-" {
				want = ""
			}
			if strings.Join(params, " ") != want || p.Status != 400 || p.Title == "" || p.Code == "" || p.RequestID == "" {
				t.Errorf("named %v, want %s: %+v", params, want, p)
			}
		})
	}
	s.wantCards(0)
}

// wantCards counts the cards that are stored.
func (s *site) wantCards(n int) {
	s.t.Helper()
	rows, err := s.store.cardsAfter(s.t.Context(), cardKey{}, 1000)
	if err != nil || len(rows) != n {
		s.t.Errorf("%d cards are stored (%v), want %d", len(rows), err, n)
	}
}

func TestACardIsGoodThroughTheEndOfItsMonth(t *testing.T) {
	s := onSQLite(t)
	body := `{"card":{"number":"4242424242424242","exp_month":11,"exp_year":2026}}`
	if w := s.tokens(body); w.Code != http.StatusCreated {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.clock.Advance(9 * 24 * time.Hour) // 1 December
	w := s.tokens(body)
	if p := decode[problem.Problem](t, w.Body); w.Code != http.StatusBadRequest || p.Code != codeExpired || p.Param != "card.exp_month" {
		t.Errorf("%d %+v", w.Code, p)
	}
}

func TestTheDoorIsNarrow(t *testing.T) {
	s := onSQLite(t)
	good := cardJSON(marked, "123")
	huge := `{"card":{"name":"` + strings.Repeat("x", maxBody) + `"}}`
	cases := []struct {
		name         string
		method, path string
		body         string
		header       []string
		status       int
		code         string
	}{
		{"another method", "GET", "/v1/tokens", "", nil, 405, problem.CodeMethod},
		{"put", "PUT", "/v1/tokens", good, nil, 405, problem.CodeMethod},
		{"another path", "POST", "/v1/tokens/", good, nil, 404, fault.CodeNotFound},
		{"reading a token", "GET", "/v1/tokens/pm_tok_1", "", nil, 404, fault.CodeNotFound},
		{"the internal door is elsewhere", "POST", sendPath, good, nil, 404, fault.CodeNotFound},
		{"nobody", "POST", "/v1/tokens", good, []string{"Tenant", ""}, 401, "api_key_missing"},
		{"no type", "POST", "/v1/tokens", good, []string{"Content-Type", ""}, 415, problem.CodeMediaType},
		{"a form", "POST", "/v1/tokens", good, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, problem.CodeMediaType},
		{"another charset", "POST", "/v1/tokens", good, []string{"Content-Type", "application/json; charset=utf-16"}, 415, problem.CodeMediaType},
		{"compressed", "POST", "/v1/tokens", good, []string{"Content-Encoding", "gzip"}, 415, problem.CodeMediaType},
		{"too large", "POST", "/v1/tokens", huge, nil, 413, problem.CodeTooLarge},
		{"empty key", "POST", "/v1/tokens", good, []string{"Idempotency-Key", `""`}, 400, "idempotency_key_invalid"},
		{"long key", "POST", "/v1/tokens", good, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "idempotency_key_invalid"},
		{"key with an open quote", "POST", "/v1/tokens", good, []string{"Idempotency-Key", `"a`}, 400, "idempotency_key_invalid"},
		{"key with letters beyond ASCII", "POST", "/v1/tokens", good, []string{"Idempotency-Key", "ß"}, 400, "idempotency_key_invalid"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := s.call(c.method, c.path, shop, c.body, c.header...)
			if strings.Contains(w.Body.String(), marked) {
				t.Error("the refusal repeats the number")
			}
			if p := decode[problem.Problem](t, w.Body); w.Code != c.status || p.Code != c.code || p.Status != c.status {
				t.Errorf("%d %+v", w.Code, p)
			}
		})
	}
	if w := s.call(http.MethodGet, "/v1/tokens", shop, ""); w.Header().Get("Allow") != "POST" {
		t.Error("a refused method is not told which it takes")
	}
	if w := s.call(http.MethodPost, "/v1/tokens", "", good); w.Header().Get("WWW-Authenticate") == "" {
		t.Error("a 401 does not say how to authenticate")
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/tokens", bytes.NewReader([]byte(huge)))
	r.ContentLength = -1 // chunked: nothing says in advance how long it is
	r.Header = http.Header{"Content-Type": {"application/json"}, "Tenant": {shop}}
	w := httptest.NewRecorder()
	s.Handler(byHeader).ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a chunked body over the bound: %d", w.Code)
	}
	if w := s.tokens(good, "Content-Type", "application/json; charset=UTF-8"); w.Code != http.StatusCreated {
		t.Errorf("UTF-8 by name: %d", w.Code)
	}
	s.wantCards(1)
	if strings.Contains(s.log.String(), marked) {
		t.Error("the number is in the log")
	}
}

func TestTheSameIdempotencyKeyGivesTheSameToken(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		keyed := func(tenant, key, number string) (int, string, bool) {
			t.Helper()
			w := s.call(http.MethodPost, "/v1/tokens", tenant, cardJSON(number, "123"), "Idempotency-Key", key)
			return w.Code, decode[tokenObject](t, w.Body).ID, w.Header().Get("Idempotent-Replayed") == "true"
		}
		code, first, replayed := keyed(shop, "order-1", marked)
		if code != 201 || replayed {
			t.Fatalf("first: %d, replayed %t", code, replayed)
		}
		if code, again, replayed := keyed(shop, `"order-1"`, marked); code != 201 || again != first || !replayed {
			t.Errorf("again: %d %s, replayed %t", code, again, replayed)
		}
		if code, _, _ := keyed(shop, "order-1", "4242424242424242"); code != http.StatusUnprocessableEntity {
			t.Errorf("another card: %d", code)
		}
		if _, elsewhere, replayed := keyed(other, "order-1", marked); elsewhere == first || replayed {
			t.Error("two tenants share a key")
		}
		s.clock.Advance(onceAge)
		if code, later, replayed := keyed(shop, "order-1", "4242424242424242"); code != 201 || later == first || replayed {
			t.Errorf("a day later: %d %s, replayed %t", code, later, replayed)
		}
		s.clock.Advance(onceAge + time.Second)
		if err := s.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.once(t.Context(), shop, s.box.Derive("idempotency key", shop, "order-1")[:hashSize]); !fault.Is(err, fault.NotFound) {
			t.Errorf("the old key is still there: %v", err)
		}
	})
}

func TestFiftyWithOneKeyMakeOneCard(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		ids := make([]string, 50)
		var callers sync.WaitGroup
		for i := range ids {
			callers.Go(func() {
				w := s.tokens(cardJSON(marked, "123"), "Idempotency-Key", "one")
				ids[i] = fmt.Sprint(w.Code, " ", decode[tokenObject](t, w.Body).ID)
			})
		}
		callers.Wait()
		for _, got := range ids {
			if got != ids[0] || !strings.HasPrefix(got, "201 ") {
				t.Fatalf("got %s and %s", ids[0], got)
			}
		}
		s.wantCards(1)
	})
}

func TestAVaultWithoutItsDatabaseSaysSoAndNoMore(t *testing.T) {
	s := onSQLite(t)
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	w := s.tokens(cardJSON(marked, "123"))
	text := w.Body.String()
	if w.Code < 500 || strings.Contains(text, "sql") || strings.Contains(text, marked) || strings.Contains(s.log.String(), marked) {
		t.Errorf("%d %s\n%s", w.Code, text, s.log)
	}
	if w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		t.Error("a 503 without Retry-After")
	}
}

func FuzzNewCard(f *testing.F) {
	f.Add([]byte(cardJSON(marked, "123")))
	f.Add([]byte(`{"card":{"number":"4242 4242 4242 4242","exp_month":12,"exp_year":30,"cvc":"","name":"\ud800"}}`))
	f.Add([]byte(` { "card" : { "a\u0000" : [ { } , "]" , 1e5 ] , "a" : null , "number" : "\u0034" } } `))
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		c, err := (&Vault{}).newCard(Caller{}, body, noon)
		if !bytes.Equal(body, before) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			if k := fault.Of(err); k != fault.Malformed && k != fault.Invalid {
				t.Fatalf("kind %d: %v", k, err)
			}
			return
		}
		if n := len(c.data.number.digits()); n < minDigits || n > maxDigits || c.data.month < 1 || c.data.month > 12 || c.data.year < 2026 {
			t.Fatalf("accepted %d digits, %d/%d", n, c.data.month, c.data.year)
		}
		back, err := parsePlain(c.data.plain())
		if err != nil || !bytes.Equal(back.number.digits(), c.data.number.digits()) || back.name != c.data.name {
			t.Fatalf("it does not come back: %v", err)
		}
	})
}
