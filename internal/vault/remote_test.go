package vault

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/secret"
)

// authority signs the certificates of one test.
type authority struct {
	t    *testing.T
	cert tls.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert = a.issue()
	return a
}

// issue makes a certificate for this machine: the authority's own if there is none yet.
func (a *authority) issue() tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	now := clock.System{}.Now()
	shape := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixMicro()), Subject: pkix.Name{CommonName: "test"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true, IsCA: a.cert.Leaf == nil,
	}
	signer, signerKey := shape, any(key)
	if a.cert.Leaf != nil {
		signer, signerKey = a.cert.Leaf, a.cert.PrivateKey
	}
	raw, err := x509.CreateCertificate(rand.Reader, shape, signer, &key.PublicKey, signerKey)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert.Leaf)
	return pool
}

// config is that of one side of the door.
func (a *authority) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.issue()}, RootCAs: a.pool(), ClientCAs: a.pool(), ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13}
}

var hopToken = secret.New("0123456789abcdef0123456789abcdef")

// door serves a handler as the vault process does, and gives the way there.
func door(t *testing.T, a *authority, h http.Handler) *Remote {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.TLS = a.config()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return remote(t, server.URL, a.config(), hopToken)
}

func remote(t *testing.T, url string, config *tls.Config, token secret.Text) *Remote {
	t.Helper()
	r := NewRemote(url, config, token)
	t.Cleanup(r.Close)
	return r
}

func TestAVaultBehindTheDoorDoesAsOneInTheProcess(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		far, p := door(t, newAuthority(t), s.Internal(hopToken)), newProvider(t)
		s.allow(p.URL)
		token := s.token(marked, "987")
		near, err := s.Describe(t.Context(), shop, token)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := far.Describe(t.Context(), shop, token); err != nil || d != near {
			t.Errorf("described %+v, %v", d, err)
		}
		gone := s.token(marked, "987")
		if err := far.Forget(t.Context(), shop, gone); err != nil {
			t.Error(err)
		}
		if _, err := s.Describe(t.Context(), shop, gone); !fault.Is(err, fault.NotFound) {
			t.Errorf("forgotten from afar and still there: %v", err)
		}
		if err := far.Forget(t.Context(), shop, gone); !fault.Is(err, fault.NotFound) {
			t.Errorf("forgotten twice: %v", err)
		}
		p.give = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Echo", marked)
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, `{"echo":"`+marked+`"}`)
		}
		answer, err := far.Send(t.Context(), charge(p.URL, token))
		if err != nil || answer.Status != http.StatusTeapot || string(answer.Body) != `{"echo":"************5556"}` || answer.Header.Get("Echo") != "9999999999995556" {
			t.Errorf("answer %+v, %v", answer, err)
		}
		if got := p.arrivals()[0]; got.body != withCode || got.header.Get("Authorization") != "Bearer hush" || len(got.header.Get("Acquirer-Signature")) != 64 {
			t.Errorf("sent %+v", got)
		}
	})
}

func TestErrorsKeepTheirMeaningOverTheHop(t *testing.T) {
	s := onSQLite(t)
	far := door(t, newAuthority(t), s.Internal(hopToken))
	hangUp := newProvider(t)
	hangUp.give = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	hangUp.Config.ErrorLog = log.New(io.Discard, "", 0)
	silent := newProvider(t)
	silent.give = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	token := s.token(marked, "987")
	for _, url := range []string{"http://127.0.0.1:1", hangUp.URL, silent.URL} {
		s.allow(url)
	}
	impatient := charge(silent.URL, token)
	impatient.Timeout = 100 * time.Millisecond
	for name, c := range map[string]struct {
		q       Request
		notSent bool
		kind    fault.Kind
		is      error
	}{
		"refused connection": {charge("http://127.0.0.1:1", token), true, fault.Internal, ErrNotSent},
		"refused origin":     {charge("https://elsewhere.example", token), true, fault.Forbidden, ErrNotSent},
		"no such card":       {charge(hangUp.URL, nobodys), true, fault.NotFound, ErrNotSent},
		"broken off":         {charge(hangUp.URL, token), false, fault.Internal, nil},
		"timed out":          {impatient, false, fault.Internal, context.DeadlineExceeded},
	} {
		answer := func(send func(context.Context, Request) (Response, error)) (err error) {
			if name == "timed out" {
				return sendInTime(t, send, c.q, func() int { return len(silent.arrivals()) })
			}
			_, err = send(t.Context(), c.q)
			return err
		}
		near, err := answer(s.Send), answer(far.Send)
		if err == nil || errors.Is(err, ErrNotSent) != c.notSent || fault.Of(err) != c.kind || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
		}
		if near == nil || errors.Is(near, ErrNotSent) != c.notSent || fault.Of(near) != c.kind {
			t.Errorf("%s, in the process: %v", name, near)
		}
	}
	if _, err := far.Describe(t.Context(), other, token); !fault.Is(err, fault.NotFound) {
		t.Errorf("another tenant's card: %v", err)
	}
}

func TestADoorThatCannotBeReachedSendsNothing(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	s := onSQLite(t)
	good := door(t, ca, s.Internal(hopToken))
	bare := ca.config()
	bare.Certificates = nil
	alien := ca.config()
	alien.Certificates = []tls.Certificate{stranger.issue()}
	for name, r := range map[string]*Remote{
		"nobody there":             remote(t, "https://127.0.0.1:1", ca.config(), hopToken),
		"no TLS":                   remote(t, strings.Replace(good.base.String(), "https", "http", 1), ca.config(), hopToken),
		"no certificate":           remote(t, good.base.String(), bare, hopToken),
		"a stranger's certificate": remote(t, good.base.String(), alien, hopToken),
		"a stranger's vault":       remote(t, good.base.String(), stranger.config(), hopToken),
		"another token":            remote(t, good.base.String(), ca.config(), secret.New("x")),
		"no token":                 remote(t, good.base.String(), ca.config(), secret.Text{}),
	} {
		if _, err := r.Send(t.Context(), Request{Merchant: shop, Account: "alpha"}); !errors.Is(err, ErrNotSent) {
			t.Errorf("%s: sent: %v", name, err)
		}
		// Whoever asked Florin did nothing wrong: it must not look like a fault of the caller's.
		if _, err := r.Describe(t.Context(), shop, "pm_tok_1"); err == nil || fault.Of(err) != fault.Unavailable && fault.Of(err) != fault.Internal {
			t.Errorf("%s: described: kind %d, %v", name, fault.Of(err), err)
		}
	}
	closed := door(t, ca, s.Internal(secret.Text{}))
	closed.token = secret.Text{}
	if _, err := closed.Describe(t.Context(), shop, s.token(marked, "")); err == nil {
		t.Error("a door without a token is open")
	}
}

func TestAHopThatBreaksMidwayIsUnknown(t *testing.T) {
	ca := newAuthority(t)
	for name, h := range map[string]http.HandlerFunc{
		"the vault process dies": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		},
		"an answer that is none":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"an error that is none":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) },
		"an error that says nothing": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{}`, http.StatusInternalServerError) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"an answer without its status": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) },
	} {
		r := door(t, ca, h)
		if answer, err := r.Send(t.Context(), Request{Merchant: shop, Account: "alpha"}); err == nil || errors.Is(err, ErrNotSent) {
			t.Errorf("%s: %+v, %v", name, answer, err)
		}
		if d, err := r.Describe(t.Context(), shop, "pm_tok_1"); err == nil || !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: described %+v, %v", name, d, err)
		}
		if err := r.Forget(t.Context(), shop, "pm_tok_1"); err == nil && name != "an answer without its status" || err != nil && !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: forgotten, %v", name, err)
		}
	}
}

func TestTheInternalDoorIsStrict(t *testing.T) {
	s := onSQLite(t)
	h := s.Internal(hopToken)
	knock := func(path, body string, verified bool) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+hopToken.Reveal())
		if verified {
			r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{}}}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	token := s.token(marked, "")
	describe := `{"merchant":"` + shop + `","token":"` + token + `"}`
	if w := knock(describePath, describe, true); w.Code != http.StatusOK || strings.Contains(w.Body.String(), marked) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for name, c := range map[string]struct {
		path, body string
		verified   bool
		status     int
	}{
		"no certificate":     {describePath, describe, false, http.StatusUnauthorized},
		"an unknown field":   {describePath, `{"merchant":"a","token":"b","live":true}`, true, http.StatusBadRequest},
		"something behind":   {describePath, describe + `{}`, true, http.StatusBadRequest},
		"forgetting unknown": {forgetPath, describe, false, http.StatusUnauthorized},
		"no JSON":            {sendPath, `x`, true, http.StatusBadRequest},
		"another path":       {"/v1/tokens", cardJSON(marked, ""), true, http.StatusNotFound},
		"reading the number": {"/internal/reveal", describe, true, http.StatusNotFound},
	} {
		if w := knock(c.path, c.body, c.verified); w.Code != c.status {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestEveryFieldOfARequestGoesOverTheHop(t *testing.T) {
	q := charge("https://acquirer.example", "pm_tok_1")
	q.References = []string{"network_reference"}
	q.Body = append(q.Body, Segment{Field: Number, Encoding: BCD, Length: LLBCD, Before: []byte("b"), After: []byte("a"), Optional: true})
	for v, i := reflect.ValueOf(q), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("the test leaves %s out", v.Type().Field(i).Name)
		}
	}
	got := newWireRequest(q).request()
	if got.Header["Authorization"].Reveal() != "Bearer hush" || got.Sign.Key.Reveal() != "signing key" {
		t.Error("a secret was lost")
	}
	got.Header, got.Sign.Key = q.Header, q.Sign.Key // each secret sits behind a pointer of its own
	if !reflect.DeepEqual(got, q) {
		t.Errorf("came over as %+v, was %+v", got, q)
	}
}
