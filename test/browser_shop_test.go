package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
)

// shop is a merchant's own site, https://shop.example to the browser, whose pages take cards with florin.js.
type shop struct {
	f   *florin
	url string

	mu  sync.Mutex
	got []string // method, path and body of each request
}

// openShop starts a shop under a name that ends with .example.
func (f *florin) openShop(t *testing.T, name string) *shop {
	t.Helper()
	s := &shop{f: f}
	pages := http.FileServer(http.Dir("testdata/shop"))
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.got = append(s.got, r.Method+" "+r.URL.Path+" "+string(body))
		s.mu.Unlock()
		switch {
		case strings.HasPrefix(r.URL.Path, "/collect"):
			w.WriteHeader(http.StatusNoContent)
			return
		case path.Ext(r.URL.Path) == "" && r.URL.Path != "/":
			r.URL.Path += ".html"
		}
		pages.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	must(t, err)
	s.url = "https://" + name + ":" + at.Port()
	return s
}

// register lets the shop's pages act for the merchant.
func (s *shop) register() *shop {
	s.f.t.Helper()
	succeed(s.f.t, "", append([]string{"merchant", "update", "--merchant", s.f.account, "--origin", s.url}, s.f.books...)...)
	eventually(s.f.t, "the server knows the shop's origin", func() bool {
		return s.f.do(request{method: "GET", url: s.fields("card")}).status == http.StatusOK
	})
	return s
}

// fields is the address of a card field in the shop's pages.
func (s *shop) fields(kind string) string {
	return s.f.vault + "/fields/v1/" + kind + "?" + url.Values{"key": {s.f.public}, "origin": {s.url}}.Encode()
}

// page is the address of the shop's page; wishes are pairs of name and value, see shop.js.
func (s *shop) page(wishes ...string) string {
	q := url.Values{"key": {s.f.public}, "florin": {s.f.site() + "/florin.js"}}
	for i := 0; i < len(wishes); i += 2 {
		q.Set(wishes[i], wishes[i+1])
	}
	return s.url + "/?" + q.Encode()
}

// visits are the requests that the shop got.
func (s *shop) visits() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.got...)
}

// site is the public zone, where the checkout page is.
func (f *florin) site() string { return f.process.zone("public") }

// visit opens a shop's page for a payer.
func (s *shop) visit(t *testing.T, wishes ...string) *tab {
	t.Helper()
	p := s.f.payer(t)
	p.origins = append(p.origins, s.url)
	return p.open(s.page(wishes...)).await("the shop has loaded", "window.shop")
}

// result waits for what the shop's page shows of a call to florin.js.
func (p *tab) result() map[string]any {
	p.t.Helper()
	p.await("a result", "document.getElementById('result')?.textContent")
	var r map[string]any
	must(p.t, json.Unmarshal([]byte(ask[string](p, "document.getElementById('result').textContent")), &r))
	return r
}

// dig finds a value in nested objects, nil if it is not there.
func dig(object any, names ...string) any {
	for _, name := range names {
		m, _ := object.(map[string]any)
		object = m[name]
	}
	return object
}

func TestBrowserMakesATokenInTheVaultsFrames(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	for fields, write := range map[string]func(*tab, string) *tab{"card": (*tab).typeWholeCard, "split": (*tab).typeCard} {
		t.Run(fields, func(t *testing.T) {
			t.Parallel()
			p := s.visit(t, "fields", fields)
			write(p, markedPAN)
			p.await("the fields are complete", "shop.state.changes.filter((c) => c.complete).length > 0").await("the brand", "document.getElementById('brand').textContent === 'visa'")
			p.click("#token")
			made := p.result()
			id, _ := dig(made, "token", "id").(string)
			if !strings.HasPrefix(id, "pm_tok_") || dig(made, "token", "card", "last4") != markedPAN[12:] {
				t.Fatalf("result %v", made)
			}
			if n := len(p.log.posts(f.vault, "/v1/tokens")); n != 1 {
				t.Errorf("%d requests for one token", n)
			}
			paid := f.pay(id, "paid-"+fields, 4200, true).want(t, http.StatusCreated, "pay with the token")
			if paid.text("status") != "captured" {
				t.Errorf("payment %s", paid)
			}
			if again := f.pay(id, "again-"+fields, 4200, true); again.status != http.StatusConflict {
				t.Errorf("a token from a browser served a second payment: %s", again)
			}
		})
	}
	t.Cleanup(func() {
		if n := f.charges(); n != 2 {
			t.Errorf("the acquirers have %d charges, want 2", n)
		}
	})
}
