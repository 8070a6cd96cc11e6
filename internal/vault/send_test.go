package vault

import (
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/secret"
)

// provider is a server that notes what came.
type provider struct {
	*httptest.Server
	mu   sync.Mutex
	came []arrival
	give http.HandlerFunc // how it answers; nil: 200
}

type arrival struct {
	method, uri, host, body string
	header                  http.Header
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	p.mu.Lock()
	if err == nil {
		p.came = append(p.came, arrival{r.Method, r.URL.RequestURI(), r.Host, string(body), r.Header.Clone()})
	}
	give := p.give
	p.mu.Unlock()
	if give != nil {
		give(w, r)
	}
}

func (p *provider) arrivals() []arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]arrival(nil), p.came...)
}

// charge is a request that asks for the whole card, its code if there is one.
func charge(url, token string) Request {
	return Request{
		Merchant: shop, Account: "alpha", Card: token, Method: http.MethodPost, URL: url + "/v1/charges?expand=all",
		Header: map[string]secret.Text{"Authorization": secret.New("Bearer hush"), "Idempotency-Key": secret.New("att_1")},
		Body: []Segment{
			Literal([]byte(`{"n":"`)), Card(Number, JSON), Literal([]byte(`","y":`)), Card(ExpYear, ASCII), Literal([]byte(`,"m":"`)), Card(ExpMonth, JSON),
			Literal([]byte(`"`)), OptionalCard(`,"cvc":"`, CVC, JSON, `"`), OptionalCard(`,"name":"`, Name, JSON, `"`), Literal([]byte(`}`)),
		},
		Sign:    &Signature{Scheme: "hmac-sha256-hex", Key: secret.New("signing key"), Header: "acquirer-signature"},
		Timeout: 10 * time.Second,
	}
}

const (
	withCode    = `{"n":"` + marked + `","y":2030,"m":"12","cvc":"987","name":"Ada Lovelace"}`
	withoutCode = `{"n":"` + marked + `","y":2030,"m":"12","name":"Ada Lovelace"}`
)

func TestARequestIsFilledSignedAndSent(t *testing.T) {
	s, p := onSQLite(t), newProvider(t)
	s.allow(p.URL)
	p.give = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Provider", "yes")
		w.WriteHeader(http.StatusPaymentRequired)
		if _, err := io.WriteString(w, `{"declined":true}`); err != nil {
			t.Error(err)
		}
	}
	answer, err := s.Send(t.Context(), charge(p.URL, s.token(marked, "987")))
	if err != nil || answer.Status != 402 || answer.Header.Get("Provider") != "yes" || string(answer.Body) != `{"declined":true}` {
		t.Fatalf("answer %+v, %v", answer, err)
	}
	got := p.arrivals()[0]
	if got.method != "POST" || got.uri != "/v1/charges?expand=all" || got.host != strings.TrimPrefix(p.URL, "http://") || got.body != withCode {
		t.Errorf("sent %+v", got)
	}
	mac := hmac.New(sha256.New, []byte("signing key"))
	mac.Write([]byte(withCode))
	for name, want := range map[string]string{
		"Acquirer-Signature": hex.EncodeToString(mac.Sum(nil)), "Authorization": "Bearer hush", "Idempotency-Key": "att_1",
		"Accept-Encoding": "identity", "User-Agent": "Florin",
	} {
		if v := got.header.Get(name); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
}

func TestACodeIsSentOnceWithinItsTime(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		p := newProvider(t)
		s.allow(p.URL)
		bodies := func() (all []string) {
			for _, a := range p.arrivals() {
				all = append(all, a.body)
			}
			return all
		}
		send := func(token string) {
			t.Helper()
			if _, err := s.Send(t.Context(), charge(p.URL, token)); err != nil {
				t.Fatal(err)
			}
		}
		first, late := s.token(marked, "987"), s.token(marked, "987")
		send(first)
		send(first)
		s.clock.Advance(cvcAge)
		send(late)
		if got := bodies(); len(got) != 3 || got[0] != withCode || got[1] != withoutCode || got[2] != withoutCode {
			t.Errorf("sent %q", got)
		}
		spent := charge(p.URL, first)
		spent.Body = []Segment{Card(CVC, ASCII)}
		if _, err := s.Send(t.Context(), spent); !errors.Is(err, ErrNotSent) || len(bodies()) != 3 {
			t.Errorf("a request that must have the code: %v", err)
		}
	})
}

func TestOneOfManyRequestsHasTheCode(t *testing.T) {
	s, p := onSQLite(t), newProvider(t)
	s.allow(p.URL)
	token := s.token(marked, "987")
	var senders sync.WaitGroup
	for range 20 {
		senders.Go(func() {
			if _, err := s.Send(t.Context(), charge(p.URL, token)); err != nil {
				t.Error(err)
			}
		})
	}
	senders.Wait()
	with := 0
	for _, a := range p.arrivals() {
		if a.body == withCode {
			with++
		} else if a.body != withoutCode {
			t.Errorf("sent %s", a.body)
		}
	}
	if with != 1 || len(p.arrivals()) != 20 {
		t.Errorf("%d of %d had the code", with, len(p.arrivals()))
	}
}

func TestARequestThatWasNotSentKeepsItsCode(t *testing.T) {
	s, p := onSQLite(t), newProvider(t)
	s.allow(p.URL)
	s.allow("http://127.0.0.1:1")
	token := s.token(marked, "987")
	unfit := charge(p.URL, token)
	unfit.Body = append(unfit.Body, Card(Number, 99))
	unsigned := charge(p.URL, token)
	unsigned.Sign.Scheme = "hmac-md5"
	for name, r := range map[string]Request{"refused": charge("http://127.0.0.1:1", token), "not fillable": unfit, "not signable": unsigned} {
		if _, err := s.Send(t.Context(), r); !errors.Is(err, ErrNotSent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Send(t.Context(), charge(p.URL, token)); err != nil {
		t.Fatal(err)
	}
	if got := p.arrivals(); len(got) != 1 || got[0].body != withCode {
		t.Errorf("sent %+v", got)
	}
}

func TestRequestsGoToRegisteredOriginsOnly(t *testing.T) {
	s, p, thief := onSQLite(t), newProvider(t), newProvider(t)
	s.allow(p.URL)
	host, elsewhere := strings.TrimPrefix(p.URL, "http://"), strings.TrimPrefix(thief.URL, "http://")
	token := s.token(marked, "987")
	port := host[strings.LastIndex(host, ":"):]
	for _, url := range []string{
		thief.URL, "https://" + host, "http://" + host + "@" + elsewhere, "http://user:pw@" + host, "http://" + elsewhere + "#@" + host,
		"http://" + elsewhere + `\@` + host, "http://" + elsewhere + "?@" + host, "http://localhost" + port, "http://127.0.0.2" + port, "http://127.1" + port,
		"http://[::ffff:127.0.0.1]" + port, "http://0.0.0.0" + port, "http://" + host + "0", "//" + host, host, "http:" + host, "", "http://", "http://%31" + host[1:],
		"http://127.0.0.1", "file:///etc/passwd",
	} {
		r := charge("", token)
		r.URL = url
		_, err := s.Send(t.Context(), r)
		if !errors.Is(err, ErrNotSent) || len(p.arrivals())+len(thief.arrivals()) > 0 {
			t.Errorf("%q went: %v", url, err)
		}
	}
	for name, change := range map[string]func(*Request){
		"another account":  func(r *Request) { r.Account = "beta" },
		"another tenant":   func(r *Request) { r.Merchant, r.Card = other, s.tokenOf(other, marked, "") },
		"another's card":   func(r *Request) { r.Card = s.tokenOf(other, marked, "") },
		"no card":          func(r *Request) { r.Card = "" },
		"a card of nobody": func(r *Request) { r.Card = nobodys },
		"a header's break": func(r *Request) { r.Header["X"] = secret.New("a\r\nHost: evil.example") },
		"a wrong method":   func(r *Request) { r.Method = "PO ST" },
	} {
		r := charge(p.URL, token)
		change(&r)
		if _, err := s.Send(t.Context(), r); !errors.Is(err, ErrNotSent) || len(p.arrivals()) > 0 {
			t.Errorf("%s went: %v", name, err)
		}
	}
	forbidden := charge(thief.URL, token)
	if _, err := s.Send(t.Context(), forbidden); !fault.Is(err, fault.Forbidden) {
		t.Errorf("another origin: %v", err)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	s, p, thief := onSQLite(t), newProvider(t), newProvider(t)
	s.allow(p.URL)
	s.allow(thief.URL) // even so
	for _, status := range []int{301, 302, 303, 307, 308} {
		p.give = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL, status) }
		answer, err := s.Send(t.Context(), charge(p.URL, s.token(marked, "987")))
		if err != nil || answer.Status != status || len(thief.arrivals()) != 0 {
			t.Errorf("%d: %+v, %v", status, answer, err)
		}
	}
}

func TestANumberInAnAnswerIsMasked(t *testing.T) {
	s, p := onSQLite(t), newProvider(t)
	s.allow(p.URL)
	p.give = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://acs.example/?pan="+marked)
		w.Header().Set("X-"+marked, "1")
		if _, err := io.WriteString(w, `{"echo":"`+marked+`","groups":"4000 0566 5566 5556","bare":`+marked+`,"amount":9232}`); err != nil {
			t.Error(err)
		}
	}
	answer, err := s.Send(t.Context(), charge(p.URL, s.token(marked, "987")))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"echo":"************5556","groups":"**** **** **** 5556","bare":9999999999995556,"amount":9232}`; string(answer.Body) != want {
		t.Errorf("body %s", answer.Body)
	}
	if answer.Header.Get("Location") != "https://acs.example/?pan=************5556" || answer.Header.Get("X-"+marked) != "" {
		t.Errorf("headers %v", answer.Header)
	}
	if log := s.log.String(); !strings.Contains(log, "which was masked") || strings.Contains(log, marked) {
		t.Errorf("log %s", log)
	}
}

// What is compressed cannot be searched for numbers, and nobody asked for it.
func TestACompressedAnswerIsNotHandedOn(t *testing.T) {
	s, p := onSQLite(t), newProvider(t)
	s.allow(p.URL)
	p.give = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		if _, err := io.WriteString(z, marked); err != nil {
			t.Error(err)
		}
		if err := z.Close(); err != nil {
			t.Error(err)
		}
	}
	answer, err := s.Send(t.Context(), charge(p.URL, s.token(marked, "987")))
	if !errors.Is(err, errAnswerCoded) || errors.Is(err, ErrNotSent) || answer.Body != nil {
		t.Errorf("%+v, %v", answer, err)
	}
}

func TestErrorsOfSendSayNothingOfWhatWasSent(t *testing.T) {
	s := onSQLite(t)
	s.allow("http://127.0.0.1:1")
	token := s.token(marked, "987")
	unread := charge("http://127.0.0.1:1", token)
	unread.URL = "http://127.0.0.1:1/" + marked + "\x7f?key=hush"
	elsewhere := charge("https://elsewhere.example/"+marked, token)
	unfit := charge("http://127.0.0.1:1", token)
	unfit.Body = []Segment{{Field: Name, Encoding: BCD}}
	for _, r := range []Request{charge("http://127.0.0.1:1/"+marked, token), unread, elsewhere, unfit} {
		_, err := s.Send(t.Context(), r)
		if err == nil {
			t.Fatal("it went")
		}
		for _, trace := range []string{marked, "hush", "signing key", "expand", "charges", "987", "Lovelace"} {
			if strings.Contains(err.Error(), trace) {
				t.Errorf("%q is in: %v", trace, err)
			}
		}
	}
}

func TestTheBodyIsWipedOnceItIsSent(t *testing.T) {
	p := &payload{data: []byte(marked)}
	p.handed()
	p.wipe()
	if string(p.data) != marked {
		t.Error("wiped while a connection reads it")
	}
	p.written()
	if strings.ContainsAny(string(p.data), "0123456789") {
		t.Errorf("left: %q", p.data)
	}
}
