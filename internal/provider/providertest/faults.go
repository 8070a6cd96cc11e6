package providertest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/florinpay/florin/internal/vault"
)

// Faults is a server before a fake provider that can spoil its answers.
type Faults struct {
	server *httptest.Server

	mu      sync.Mutex
	handler http.Handler
	spoil   Spoil
}

// Spoil gets the provider's real answer, already worked out, and answers something else. A nil Spoil lets it through.
type Spoil func(w http.ResponseWriter, r *http.Request, status int, body []byte)

// NewFaults starts a server and gives its base URL. Put says what it serves.
func NewFaults(t testing.TB) (*Faults, string) {
	t.Helper()
	f := &Faults{}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f, f.server.URL
}

// Put sets what is served.
func (f *Faults) Put(h http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handler = h
}

// Client is an HTTP client for this server alone.
func (f *Faults) Client() *http.Client { return f.server.Client() }

// Spoil sets what happens to the answers from now on.
func (f *Faults) Spoil(s Spoil) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoil = s
}

// Refuse closes the server: connections to it are refused from now on.
func (f *Faults) Refuse() { f.server.Close() }

func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	handler, spoil := f.handler, f.spoil
	f.mu.Unlock()
	if spoil == nil {
		handler.ServeHTTP(w, r)
		return
	}
	real := httptest.NewRecorder()
	handler.ServeHTTP(real, r)
	spoil(w, r, real.Code, real.Body.Bytes())
}

// Silence processes the request and never answers: the caller's patience ends it.
func Silence(_ http.ResponseWriter, r *http.Request, _ int, _ []byte) { <-r.Context().Done() }

// Answer answers with a status and a body of its own.
func Answer(status int, body string) Spoil {
	return func(w http.ResponseWriter, _ *http.Request, _ int, _ []byte) { write(w, status, []byte(body)) }
}

// Status keeps the body under another status.
func Status(status int) Spoil {
	return func(w http.ResponseWriter, _ *http.Request, _ int, body []byte) { write(w, status, body) }
}

// Half answers with the first half of the body, whole as far as HTTP can tell.
func Half(w http.ResponseWriter, _ *http.Request, status int, body []byte) {
	write(w, status, body[:len(body)/2])
}

// Cut promises the whole body, sends half and drops the connection.
func Cut(w http.ResponseWriter, _ *http.Request, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	write(w, status, body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

// Replace changes a text wherever it stands in the body.
func Replace(old, new string) Spoil {
	return func(w http.ResponseWriter, _ *http.Request, status int, body []byte) {
		write(w, status, bytes.ReplaceAll(body, []byte(old), []byte(new)))
	}
}

// ReplaceFold is Replace for lower and upper case alike.
func ReplaceFold(old, new string) Spoil {
	return func(w http.ResponseWriter, _ *http.Request, status int, body []byte) {
		text := strings.ReplaceAll(string(body), strings.ToLower(old), strings.ToLower(new))
		write(w, status, []byte(strings.ReplaceAll(text, strings.ToUpper(old), strings.ToUpper(new))))
	}
}

// write ignores the error of a caller that is gone: the test is about the caller.
func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// requestLog keeps what the connector gave to the sender.
type requestLog struct {
	mu   sync.Mutex
	sent []sentRequest
}

type sentRequest struct {
	vault.Request
	body []byte
}

func (l *requestLog) add(r vault.Request, body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, sentRequest{r, body})
}

func (l *requestLog) all() []sentRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]sentRequest(nil), l.sent...)
}
