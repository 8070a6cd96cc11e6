package vault

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/sandbox/wallet"
)

// device is the sandbox's wallet: the vault's tests open what it seals, and share no code with it.
type device struct {
	*wallet.World
	t *testing.T
}

// walletSite is a vault that opens the tokens of a device.
func walletSite(t *testing.T, s *site) (*site, device) {
	t.Helper()
	w, err := wallet.Open(wallet.Options{Clock: s.clock})
	if err != nil {
		t.Fatal(err)
	}
	s.wallet = &Wallet{Type: "sandbox", URL: "http://127.0.0.1:8090" + wallet.SheetPath, Key: w.Key()}
	return s, device{w, t}
}

// eachWallet runs a test on both engines.
func eachWallet(t *testing.T, test func(t *testing.T, s *site, d device)) {
	t.Helper()
	each(t, func(t *testing.T, s *site) {
		s, d := walletSite(t, s)
		test(t, s, d)
	})
}

// known is what the vault tells of itself.
func (s *site) known(tenant string) walletObject {
	s.t.Helper()
	list := decode[walletList](s.t, s.call(http.MethodGet, "/v1/wallets", tenant, "").Body)
	if len(list.Data) != 1 {
		s.t.Fatalf("wallets %+v", list)
	}
	return list.Data[0]
}

// gives has the payer approve. The zero fields of an Ask are filled.
func (d device) gives(s *site, a wallet.Ask) string {
	d.t.Helper()
	at := s.known(shop)
	if a.Merchant == "" {
		a.Merchant = at.Merchant
	}
	if a.Key == "" {
		a.Key = at.PublicKey
	}
	a.Amount, a.Currency = 9232, "EUR"
	token, err := d.Token(a)
	if err != nil {
		d.t.Fatal(err)
	}
	return token
}

func walletJSON(token string) string {
	return `{"wallet":{"type":"sandbox","token":"` + token + `"}}`
}

func (s *site) walletToken(token string) tokenObject {
	s.t.Helper()
	w := s.tokens(walletJSON(token))
	if w.Code != http.StatusCreated {
		s.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return decode[tokenObject](s.t, w.Body)
}

func TestAWalletsTokenIsOpenedAndDescribed(t *testing.T) {
	eachWallet(t, func(t *testing.T, s *site, d device) {
		answer := s.tokens(walletJSON(d.gives(s, wallet.Ask{Card: "mastercard"})))
		for _, hidden := range []string{"5555555555554444", "cryptogram", "eci"} {
			if strings.Contains(answer.Body.String(), hidden) {
				t.Errorf("the answer holds %s: %s", hidden, answer.Body)
			}
		}
		o := decode[tokenObject](t, answer.Body)
		if answer.Code != http.StatusCreated || o.Card.Brand != "mastercard" || o.Card.Last4 != "4444" || o.Card.ExpYear != 2030 ||
			o.Wallet == nil || *o.Wallet != (tokenWallet{"sandbox", 9232, "EUR"}) {
			t.Fatalf("%d %+v", answer.Code, o)
		}
		for _, at := range []*site{s, siteOn(t, s.db, s.box, s.clock)} { // as it was made, and as it is stored
			known, err := at.Describe(t.Context(), shop, o.ID)
			if err != nil || !known.SingleUse || known.Wallet != (WalletToken{"sandbox", 9232, "EUR", "02"}) {
				t.Errorf("described %+v, %v", known, err)
			}
		}
	})
}

func TestAWalletsTokenThatIsNotGoodIsRefused(t *testing.T) {
	eachWallet(t, func(t *testing.T, s *site, d device) {
		other := s.known("acct_other:test")
		good := d.gives(s, wallet.Ask{})
		changed := func(change func(map[string]any)) string {
			raw, err := base64.RawURLEncoding.DecodeString(good)
			var e map[string]any
			if err != nil || json.Unmarshal(raw, &e) != nil {
				t.Fatal("the token is no JSON")
			}
			change(e)
			raw, err = json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			return base64.RawURLEncoding.EncodeToString(raw)
		}
		for name, c := range map[string]struct{ body, code string }{
			"expired":                {walletJSON(d.gives(s, wallet.Ask{Defect: "expired"})), CodeWalletExpired},
			"signed by another":      {walletJSON(d.gives(s, wallet.Ask{Defect: "wrong_signature"})), CodeWalletSignature},
			"changed":                {walletJSON(changed(func(e map[string]any) { e["ciphertext"] = "AAAA" })), CodeWalletSignature},
			"for another's key":      {walletJSON(d.gives(s, wallet.Ask{Key: other.PublicKey})), CodeWalletInvalid},
			"for another merchant":   {walletJSON(d.gives(s, wallet.Ask{Defect: "other_merchant"})), CodeWalletInvalid},
			"of another form":        {walletJSON(changed(func(e map[string]any) { e["version"] = "2" })), CodeWalletInvalid},
			"with more in it":        {walletJSON(changed(func(e map[string]any) { e["more"] = 1 })), CodeWalletInvalid},
			"garbage":                {walletJSON("AAAA"), CodeWalletInvalid},
			"empty":                  {walletJSON(""), CodeWalletInvalid},
			"of another wallet":      {`{"wallet":{"type":"apple_pay","token":"AAAA"}}`, "parameter_invalid"},
			"no text":                {`{"wallet":{"type":"sandbox","token":{}}}`, "parameter_missing"},
			"no object":              {`{"wallet":"sandbox"}`, "parameter_invalid"},
			"with something beside":  {`{"wallet":{"type":"sandbox","token":"AAAA","amount":1}}`, "parameter_unknown"},
			"together with a card":   {`{"card":{},"wallet":{"type":"sandbox","token":"AAAA"}}`, "parameter_invalid"},
			"a card's data in place": {`{"wallet":{"number":"` + marked + `"}}`, "parameter_unknown"},
		} {
			w := s.tokens(c.body)
			p := decode[problem.Problem](t, w.Body)
			if w.Code/100 != 4 || p.Code != c.code && (len(p.Errors) == 0 || p.Errors[0].Code != c.code) {
				t.Errorf("%s: %d %+v, want %s", name, w.Code, p, c.code)
			}
		}
		if w := s.call(http.MethodPost, "/v1/tokens", "acct_shop:live", walletJSON(good)); w.Code != http.StatusBadRequest {
			t.Errorf("in live mode: %d %s", w.Code, w.Body)
		}
		s.walletToken(good) // none of this has used it up
	})
}

func TestAWalletsTokenServesOnce(t *testing.T) {
	eachWallet(t, func(t *testing.T, s *site, d device) {
		token := d.gives(s, wallet.Ask{})
		refused := func(header ...string) {
			t.Helper()
			w := s.tokens(walletJSON(token), header...)
			if p := decode[problem.Problem](t, w.Body); w.Code != http.StatusConflict || p.Code != CodeWalletUsed {
				t.Errorf("again: %d %+v", w.Code, p)
			}
		}
		first := s.tokens(walletJSON(token), "Idempotency-Key", "a")
		repeat := s.tokens(walletJSON(token), "Idempotency-Key", "a")
		if first.Code != http.StatusCreated || repeat.Code != http.StatusCreated || repeat.Header().Get("Idempotent-Replayed") != "true" || first.Body.String() != repeat.Body.String() {
			t.Fatalf("a repeat of the request: %d %s, then %d %s", first.Code, first.Body, repeat.Code, repeat.Body)
		}
		refused()
		refused("Idempotency-Key", "b")
		if err := s.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		refused()
		s.clock.Advance(11 * time.Minute)
		if err := s.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := db.Get(t.Context(), s.db, func(r db.Scanner) (n int, err error) { return n, r.Scan(&n) }, "SELECT count(*) FROM vault_wallet_token"); err != nil || n != 0 {
			t.Errorf("%d used tokens are kept for ever, %v", n, err)
		}
		if w := s.tokens(walletJSON(token)); decode[problem.Problem](t, w.Body).Code != CodeWalletExpired {
			t.Errorf("when it is forgotten it is not refused as expired: %d", w.Code)
		}
	})
}

func TestOfTwoWhoBringTheSameWalletTokenOneGetsIt(t *testing.T) {
	eachWallet(t, func(t *testing.T, s *site, d device) {
		token := d.gives(s, wallet.Ask{})
		codes := make([]int, 8)
		var all sync.WaitGroup
		for i := range codes {
			all.Go(func() { codes[i] = s.tokens(walletJSON(token)).Code })
		}
		all.Wait()
		got := 0
		for _, code := range codes {
			switch code {
			case http.StatusCreated:
				got++
			case http.StatusConflict:
			default:
				t.Errorf("answered with %d", code)
			}
		}
		if got != 1 {
			t.Errorf("%d got a token", got)
		}
	})
}

// tokenCharge asks for all that a network token has, and for a CVC.
func tokenCharge(url, token string) Request {
	r := charge(url, token)
	r.Body = []Segment{
		Card(Number, JSON), OptionalCard(" code ", CVC, JSON, ""), OptionalCard(" cryptogram ", Cryptogram, JSON, ""), OptionalCard(" name ", Name, JSON, ""),
	}
	return r
}

func TestACryptogramIsSentOnceAndIsNoCVC(t *testing.T) {
	eachWallet(t, func(t *testing.T, s *site, d device) {
		p := newProvider(t)
		s.allow(p.URL)
		token := s.walletToken(d.gives(s, wallet.Ask{CardholderName: "Ada Lovelace"})).ID
		for range 2 {
			if _, err := s.Send(t.Context(), tokenCharge(p.URL, token)); err != nil {
				t.Fatal(err)
			}
		}
		came := p.arrivals()
		first, rest, has := strings.Cut(came[0].body, " cryptogram ")
		cryptogram, name, named := strings.Cut(rest, " name ")
		if first != "4242424242424242" || !has || len(cryptogram) != 28 || !named || name != "Ada Lovelace" {
			t.Errorf("first %q", came[0].body)
		}
		if came[1].body != "4242424242424242 name Ada Lovelace" {
			t.Errorf("then %q", came[1].body)
		}
		card := s.token(marked, "987")
		if _, err := s.Send(t.Context(), tokenCharge(p.URL, card)); err != nil {
			t.Fatal(err)
		}
		if body := p.arrivals()[2].body; body != marked+" code 987 name Ada Lovelace" {
			t.Errorf("of a card: %q", body)
		}
	})
}

func TestACryptogramIsNowhereButInMemory(t *testing.T) {
	eachWallet(t, func(t *testing.T, s *site, d device) {
		p := newProvider(t)
		s.allow(p.URL)
		sealed := d.gives(s, wallet.Ask{})
		token := s.tokens(walletJSON(sealed), "Idempotency-Key", "k")
		id := decode[tokenObject](t, token.Body).ID
		other := siteOn(t, s.db, s.box, s.clock) // has the database, and not the memory
		other.wallet = s.wallet
		if w := other.tokens(walletJSON(sealed), "Idempotency-Key", "k"); w.Code != http.StatusCreated {
			t.Fatalf("the repeat: %d %s", w.Code, w.Body)
		}
		for name, at := range map[string]*site{"another process": other, "the same, after half an hour": s} {
			if at == s {
				s.clock.Advance(cvcAge)
			}
			if _, err := at.Send(t.Context(), tokenCharge(p.URL, id)); err != nil {
				t.Fatal(err)
			}
			came := p.arrivals()
			if last := came[len(came)-1].body; strings.Contains(last, "cryptogram") {
				t.Errorf("%s sends %q", name, last)
			}
		}
	})
}

func TestOnlyAPageOfTheMerchantsMaySendAWalletsToken(t *testing.T) {
	s, d := walletSite(t, onSQLite(t, shown))
	good := d.gives(s, wallet.Ask{})
	send := func(body string, header map[string]string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/tokens", strings.NewReader(body))
		for name, value := range map[string]string{"Content-Type": "application/json", "Tenant": shop, "Authorization": "Bearer " + shopKey, "Florin-Wallet": "sandbox", "Sec-Fetch-Site": "cross-site"} {
			r.Header.Set(name, value)
		}
		for name, value := range header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		s.Handler(byHeader).ServeHTTP(w, r)
		return w
	}
	for name, c := range map[string]struct {
		body   string
		header map[string]string
	}{
		"another's page":     {walletJSON(good), map[string]string{"Origin": "https://evil.example"}},
		"no page":            {walletJSON(good), map[string]string{"Origin": "null"}},
		"no origin":          {walletJSON(good), nil},
		"without the header": {walletJSON(good), map[string]string{"Origin": shopPage, "Florin-Wallet": ""}},
		"with a secret key":  {walletJSON(good), map[string]string{"Origin": shopPage, "Authorization": "Bearer sk_test_x"}},
		"a card":             {cardJSON(marked, "123"), map[string]string{"Origin": shopPage}},
	} {
		if w := send(c.body, c.header); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := send(walletJSON(good), map[string]string{"Origin": shopPage}); w.Code != http.StatusCreated || w.Header().Get("Access-Control-Allow-Origin") != shopPage {
		t.Errorf("the shop's page: %d %v %s", w.Code, w.Header(), w.Body)
	}
	asks := func(path, method, headers string) *httptest.ResponseRecorder {
		return s.call(http.MethodOptions, path, shop, "", "Origin", shopPage, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", headers)
	}
	if w := asks("/v1/tokens", "POST", "authorization,content-type,florin-wallet"); w.Code != http.StatusNoContent || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Florin-Wallet") {
		t.Errorf("a preflight for a wallet's token: %d %v", w.Code, w.Header())
	}
	if w := asks("/v1/tokens", "POST", "authorization,content-type"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a preflight for a card: %d %v", w.Code, w.Header())
	}
	if w := asks("/v1/wallets", "GET", "authorization"); w.Code != http.StatusNoContent {
		t.Errorf("a preflight for the list: %d %v", w.Code, w.Header())
	}
}

func TestWalletsAreToldInTestModeOnly(t *testing.T) {
	s, _ := walletSite(t, onSQLite(t))
	if at := s.known(shop); at.Type != "sandbox" || at.Merchant != shop || at.KeyID == "" || at.PublicKey == s.known("acct_other:test").PublicKey {
		t.Errorf("told %+v", at)
	}
	if list := decode[walletList](t, s.call(http.MethodGet, "/v1/wallets", "acct_shop:live", "").Body); len(list.Data) != 0 {
		t.Errorf("in live mode %+v", list)
	}
	if w := s.call(http.MethodPost, "/v1/wallets", shop, "{}"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("a POST: %d", w.Code)
	}
	if w := s.call(http.MethodGet, "/v1/wallets", "", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("nobody: %d", w.Code)
	}
	s.wallet = nil
	if list := decode[walletList](t, s.call(http.MethodGet, "/v1/wallets", shop, "").Body); len(list.Data) != 0 {
		t.Errorf("without a wallet %+v", list)
	}
	if w := s.tokens(walletJSON("AAAA")); w.Code != http.StatusBadRequest {
		t.Errorf("a token without a wallet: %d", w.Code)
	}
}

func FuzzWalletContent(f *testing.F) {
	f.Add([]byte(`{"id":"a","merchant":"acct_shop:test","amount":1,"currency":"EUR","issued_at":1,"expires_at":2,"device_account_number":"` + marked +
		`","exp_month":12,"exp_year":2030,"cryptogram":"AAAA","eci":"05"}`))
	f.Fuzz(func(t *testing.T, plain []byte) {
		c, err := parseWallet(plain, shop, noon)
		if err == nil && (c.wallet.Amount < 1 || c.wallet.Currency == "" || len(c.cvc) == 0 || len(c.data.number.digits()) < minDigits) {
			t.Errorf("taken: %+v", c.wallet)
		}
	})
}
