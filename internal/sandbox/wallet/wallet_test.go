package wallet

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/fault"
)

// What a token says and who can open it is tested where it is opened: see internal/vault/wallet_test.go.

func open(t *testing.T) (*World, string) {
	t.Helper()
	w, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	k, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return w, base64.RawURLEncoding.EncodeToString(k.PublicKey().Bytes())
}

func asks(key string, change map[string]string) url.Values {
	q := url.Values{"merchant": {"acct_shop:test"}, "key": {key}, "amount": {"9232"}, "currency": {"EUR"}, "label": {"Shop & Co"}, "origin": {"https://shop.example"}}
	for name, value := range change {
		q.Set(name, value)
	}
	return q
}

func (w *World) serve(method string, q url.Values, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, SheetPath+"?"+q.Encode(), strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a := httptest.NewRecorder()
	w.Handler().ServeHTTP(a, r)
	return a
}

func TestTheSheetAsksAndTellsThePageThatAsked(t *testing.T) {
	w, key := open(t)
	a := w.serve("GET", asks(key, nil), nil)
	if body := html.UnescapeString(a.Body.String()); a.Code != 200 || !strings.Contains(body, "Shop & Co") || !strings.Contains(body, "•••• 4242") {
		t.Fatalf("%d %s", a.Code, body)
	}
	if csp := a.Header().Get("Content-Security-Policy"); !strings.HasSuffix(csp, "frame-ancestors https://shop.example") {
		t.Errorf("it may be framed by others: %s", csp)
	}
	for do, want := range map[string]string{"approve": `data-outcome="approved" data-token="ey`, "cancel": `data-outcome="canceled" data-token=""`} {
		a := w.serve("POST", asks(key, nil), url.Values{"do": {do}, "card": {"visa"}})
		if body := a.Body.String(); a.Code != 200 || !strings.Contains(body, want) || !strings.Contains(body, `data-origin="https://shop.example"`) || strings.Contains(body, "4242424242424242") {
			t.Errorf("%s: %d %s", do, a.Code, body)
		}
	}
}

func TestASheetThatCannotBeIsRefused(t *testing.T) {
	w, key := open(t)
	for name, q := range map[string]url.Values{
		"no amount":             asks(key, map[string]string{"amount": ""}),
		"a fraction":            asks(key, map[string]string{"amount": "92.32"}),
		"no currency":           asks(key, map[string]string{"currency": "XXX1"}),
		"no merchant":           asks(key, map[string]string{"merchant": ""}),
		"no key":                asks("AAAA", nil),
		"no origin":             asks(key, map[string]string{"origin": ""}),
		"an origin with a path": asks(key, map[string]string{"origin": "https://shop.example/x"}),
		"an origin with more":   asks(key, map[string]string{"origin": "https://shop.example;script-src"}),
		"a script for origin":   asks(key, map[string]string{"origin": "javascript:alert(1)"}),
	} {
		for _, method := range []string{"GET", "POST"} {
			if a := w.serve(method, q, url.Values{"do": {"approve"}}); a.Code != http.StatusBadRequest {
				t.Errorf("%s, %s: %d", name, method, a.Code)
			}
		}
	}
	a := w.serve("POST", asks(key, nil), url.Values{"do": {"approve"}, "defect": {"replayed"}})
	if a.Code != 200 || !strings.Contains(a.Body.String(), "there was no token yet") {
		t.Errorf("what cannot be replayed: %d %s", a.Code, a.Body)
	}
}

func TestTheControlGivesTokensToThisMachineOnly(t *testing.T) {
	w, key := open(t)
	post := func(body string, header ...string) (*httptest.ResponseRecorder, string) {
		r := httptest.NewRequest("POST", "/control/wallet/tokens", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		a := httptest.NewRecorder()
		w.Handler().ServeHTTP(a, r)
		var said struct{ Token string }
		if err := json.Unmarshal(a.Body.Bytes(), &said); err != nil {
			t.Errorf("%s: %v", a.Body, err)
		}
		return a, said.Token
	}
	good := `{"merchant":"acct_shop:test","key":"` + key + `","amount":1,"currency":"EUR"`
	if a, _ := post(good + `,"defect":"replayed"}`); a.Code != http.StatusConflict {
		t.Errorf("nothing to replay: %d %s", a.Code, a.Body)
	}
	_, first := post(good + `}`)
	_, second := post(good + `}`)
	if _, again := post(good + `,"defect":"replayed"}`); first == "" || first == second || again != second {
		t.Error("tokens are not each of their own, or the last one does not come again")
	}
	for _, body := range []string{good + `,"card":"none"}`, good + `,"defect":"none"}`, good + `,"more":1}`, `{}`, `[`, `{"merchant":"m","key":"AAAA","amount":1,"currency":"EUR"}`} {
		if a, _ := post(body); a.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", body, a.Code)
		}
	}
	if a, _ := post(good+`}`, "Origin", "https://evil.example"); a.Code != http.StatusForbidden {
		t.Errorf("a page elsewhere: %d", a.Code)
	}
	if _, err := w.Token(Ask{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an empty ask: %v", err)
	}
}
