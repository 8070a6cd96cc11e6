package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/seal"
)

const (
	shop  = "acct_shop:test"
	other = "acct_other:test"
	// marked is a published test number that nothing else in these tests has.
	marked = "4000056655665556"
	// nobodys is a well-formed token that was never given out.
	nobodys = "pm_tok_00000000000000000000000000"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// site is a vault on a database, with a clock that the test moves.
type site struct {
	*Vault
	t     *testing.T
	db    *db.DB
	box   *seal.Box
	clock *clock.Manual
	log   *lockedBuffer
}

// lockedBuffer is a log that goroutines may write to.
type lockedBuffer struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}

func newBox(t *testing.T, dir string) *seal.Box {
	t.Helper()
	w, err := seal.FileWrapper(filepath.Join(dir, "wrap.key"))
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.Open(t.Context(), w, filepath.Join(dir, "keyset"))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func newSite(t *testing.T, d *db.DB, change ...func(*Options)) *site {
	t.Helper()
	return siteOn(t, d, newBox(t, t.TempDir()), clock.NewManual(noon), change...)
}

// siteOn opens a vault on what another may have used: a second process, or the first after a restart.
func siteOn(t *testing.T, d *db.DB, box *seal.Box, hands *clock.Manual, change ...func(*Options)) *site {
	t.Helper()
	s := &site{t: t, db: d, box: box, clock: hands, log: &lockedBuffer{}}
	o := Options{Clock: hands, IDs: id.NewSource(hands, rand.Reader), Logger: slog.New(slog.NewTextHandler(s.log, nil))}
	for _, c := range change {
		c(&o)
	}
	s.Vault = New(d, box, o)
	t.Cleanup(s.Close)
	return s
}

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, s *site)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { test(t, newSite(t, d)) }, Schema)
}

// onSQLite is a site for what does not depend on the engine.
func onSQLite(t *testing.T, change ...func(*Options)) *site {
	t.Helper()
	return newSite(t, dbtest.Open(t, dbtest.SQLite(t), db.Options{}, Schema), change...)
}

// byHeader authenticates by a header of the test's own; without it nobody may call.
func byHeader(r *http.Request) (Caller, error) {
	tenant := r.Header.Get("Tenant")
	if tenant == "" {
		return Caller{}, fault.New(fault.Unauthorized, "api_key_missing", "the request has no API key")
	}
	return Caller{Merchant: tenant, Live: id.Live(tenant)}, nil
}

// call is one request to the door for cards.
func (s *site) call(method, path, tenant, body string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Tenant", tenant)
	for i := 0; i < len(header); i += 2 {
		r.Header[header[i]] = append([]string(nil), header[i+1])
		if header[i+1] == "" {
			delete(r.Header, header[i])
		}
	}
	w := httptest.NewRecorder()
	s.Handler(byHeader).ServeHTTP(w, r)
	return w
}

func (s *site) tokens(body string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.call(http.MethodPost, "/v1/tokens", shop, body, header...)
}

func decode[T any](t *testing.T, from io.Reader) T {
	t.Helper()
	var v T
	if err := json.NewDecoder(from).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// token puts a card in.
func (s *site) token(number, cvc string) string {
	s.t.Helper()
	return s.tokenOf(shop, number, cvc)
}

func (s *site) tokenOf(tenant, number, cvc string) string {
	s.t.Helper()
	w := s.call(http.MethodPost, "/v1/tokens", tenant, cardJSON(number, cvc))
	if w.Code != http.StatusCreated {
		s.t.Fatalf("tokenize: %d %s", w.Code, w.Body)
	}
	return decode[tokenObject](s.t, w.Body).ID
}

// cardJSON is the body of a tokenization; an empty code is none.
func cardJSON(number, cvc string) string {
	code := "null"
	if cvc != "" {
		code = `"` + cvc + `"`
	}
	return `{"card":{"number":"` + number + `","exp_month":12,"exp_year":2030,"cvc":` + code + `,"name":"Ada Lovelace"}}`
}

// allow registers the origin of a server for account alpha.
func (s *site) allow(url string) {
	s.t.Helper()
	if err := s.AllowOrigin(s.t.Context(), shop, "alpha", url); err != nil {
		s.t.Fatal(err)
	}
}
