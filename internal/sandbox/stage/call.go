package stage

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

const maxBody = 64 << 10

// The error words of the worlds' protocols.
const (
	wordUnauthorized = "unauthorized"
	wordNotFound     = "not_found"
	wordInvalid      = "invalid"
	wordState        = "state"
	wordReused       = "reference_reused"
	wordNotAccepted  = "not_accepted"
	wordInternal     = "internal"
)

// ErrReused means that a reference came back with another request.
var ErrReused = errors.New("the reference was used for another request")

// errFate carries a fate that keeps a call from being processed.
type errFate struct{ fate Fate }

func (errFate) Error() string { return "the scenario does not let this call through" }

// NotProcessed is the failure of a call that a scenario keeps from being processed.
func NotProcessed(f Fate) error { return errFate{f} }

// problem is an error answer.
type problem struct {
	Error   string `json:"error"`
	Message string `json:"message,omitempty"`
}

// Call is an authenticated call.
type Call struct {
	Account Numbered
	Request *http.Request
	Body    []byte
}

// Reply is what a call is answered with, if its fate allows.
type Reply struct {
	Status int
	Body   any
	Fate   Fate
}

// Answer is a handler of the world's protocol: it meets an outage, authenticates, and answers as the fate has it.
func (s *Stage) Answer(handle func(Call) (Reply, error)) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
		if err != nil {
			write(rw, http.StatusBadRequest, problem{wordInvalid, "the body cannot be read: at most 64 KiB"})
			return
		}
		if mode, _, down := s.down.now(s.o.Clock.Now()); down {
			s.refuse(rw, r, mode)
			return
		}
		a, ok, err := s.authenticate(r, body)
		if err == nil && !ok {
			write(rw, http.StatusUnauthorized, problem{wordUnauthorized, "the api key or the signature is wrong"})
			return
		}
		var reply Reply
		if err == nil {
			reply, err = handle(Call{a, r, body})
		}
		var before errFate
		switch {
		case errors.As(err, &before):
			s.failBefore(rw, r, before.fate)
		case err != nil:
			s.fail(rw, r, err)
		default:
			s.finish(rw, r, reply)
		}
	})
}

// Nowhere is the handler of paths that the protocol does not have.
func (s *Stage) Nowhere() http.Handler {
	return s.Answer(func(Call) (Reply, error) { return Reply{}, fault.Missing("path") })
}

// authenticate finds the account by its key and checks the signature of what changes something.
func (s *Stage) authenticate(r *http.Request, body []byte) (Numbered, bool, error) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return Numbered{}, false, nil
	}
	var a Numbered
	err := s.Do(func(b *Batch) (err error) {
		a, ok, err = b.account(`api_key = ?`, key)
		return err
	})
	if err != nil || !ok || r.Method != http.MethodPost {
		return a, ok, err
	}
	got, err := hex.DecodeString(r.Header.Get(s.world.Header))
	return a, err == nil && hmac.Equal(got, HMAC(a.SigningKey, string(body))), nil
}

// hold keeps a request until its client leaves, the world lets go, or the time is over.
func (s *Stage) hold(r *http.Request, f Fate) {
	d := s.o.Delays.Hold
	if f == slowed {
		d = s.o.Delays.Slow
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.held, cancel)()
	if err := s.o.Wait(ctx, d); err != nil {
		s.o.Logger.Debug("sandbox let a held request go", "path", r.URL.Path, "error", err)
	}
}

// The modes of an outage.
const (
	modeUnavailable = "unavailable" // 503 not_accepted: refused before processing
	modeHang        = "hang"        // no answer until the caller gives up
	modeRefuse      = "refuse"      // the connection is reset
)

var outageModes = []string{modeUnavailable, modeHang, modeRefuse}

// refuse is how a world that is down meets a call.
func (s *Stage) refuse(rw http.ResponseWriter, r *http.Request, mode string) {
	switch mode {
	case modeHang:
		s.failBefore(rw, r, heldBefore)
	case modeRefuse:
		Reset(rw)
	default:
		s.failBefore(rw, r, refused)
	}
}

// Reset ends the connection without an answer; over TCP as a reset.
func Reset(rw http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(rw).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			if err := tcp.SetLinger(0); err != nil {
				panic(http.ErrAbortHandler)
			}
		}
		if conn.Close() == nil {
			return
		}
	}
	panic(http.ErrAbortHandler)
}

// failBefore is the end of a call that was not processed.
func (s *Stage) failBefore(rw http.ResponseWriter, r *http.Request, f Fate) {
	switch f {
	case brokenBefore:
		write(rw, http.StatusInternalServerError, problem{wordInternal, "SCENARIO error_500: not processed"})
	case refused:
		write(rw, http.StatusServiceUnavailable, problem{wordNotAccepted, s.world.Title + " is down: not processed"})
	default:
		s.hold(r, f)
		panic(http.ErrAbortHandler) // no answer
	}
}

// finish is the end of a call that was processed.
func (s *Stage) finish(rw http.ResponseWriter, r *http.Request, reply Reply) {
	switch reply.Fate {
	case heldAfter:
		s.hold(r, heldAfter)
		panic(http.ErrAbortHandler) // no answer
	case slowed:
		s.hold(r, slowed)
	}
	write(rw, reply.Status, reply.Body)
}

// refusals turn kinds of faults into the protocol's statuses and words.
var refusals = map[fault.Kind]struct {
	status int
	word   string
}{
	fault.Malformed: {http.StatusBadRequest, wordInvalid},
	fault.Invalid:   {http.StatusBadRequest, wordInvalid},
	fault.NotFound:  {http.StatusNotFound, wordNotFound},
	fault.Conflict:  {http.StatusConflict, wordState},
}

func (s *Stage) fail(rw http.ResponseWriter, r *http.Request, err error) {
	refusal, known := refusals[fault.Of(err)]
	switch {
	case known:
		write(rw, refusal.status, problem{refusal.word, err.Error()})
	case errors.Is(err, ErrReused):
		write(rw, http.StatusConflict, problem{wordReused, err.Error()})
	case errors.Is(err, errClosed):
		write(rw, http.StatusServiceUnavailable, problem{wordNotAccepted, err.Error()})
	default:
		s.o.Logger.Error("sandbox call failed", "method", r.Method, "path", r.URL.Path, "error", err)
		write(rw, http.StatusInternalServerError, problem{wordInternal, "see the sandbox's log"})
	}
}

func write(rw http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // a type that does not marshal is a mistake in the world
		http.Error(rw, `{"error":"internal"}`, http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	if _, err := rw.Write(body); err != nil {
		panic(http.ErrAbortHandler) // the client left; there is nobody to tell
	}
}

// Unreadable is the refusal of a form that cannot be read.
func Unreadable() error {
	return fault.New(fault.Malformed, fault.CodeInvalid, "the form cannot be read: at most 64 KiB")
}

// Decode reads a body strictly: a field that a world does not know is more likely a mistake than an extension.
func Decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		detail := "the body is not the JSON that this call takes"
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok && len(name) < 40 {
			detail += ": unknown field " + name
		}
		return fault.New(fault.Malformed, fault.CodeInvalid, detail)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Malformed, fault.CodeInvalid, "there is more than one JSON value in the body")
	}
	return nil
}

// MaxReference bounds a caller's reference, in bytes.
const MaxReference = 128

// MaxAmount is the largest amount that a world takes, in minor units.
const MaxAmount = 999_999_999_999

// CheckReference notes a reference that is none.
func CheckReference(wrong *fault.Collect, reference string) {
	if reference == "" || len(reference) > MaxReference {
		wrong.Add("reference", fault.CodeInvalid, "must be 1 to 128 characters")
	}
}

// CheckAmount notes an amount that is none.
func CheckAmount(wrong *fault.Collect, amount int64) {
	if amount < 1 || amount > MaxAmount {
		wrong.Add("amount", fault.CodeInvalid, "must be 1 to 999999999999 minor units")
	}
}

// CheckReturnURL notes what a payer's browser cannot be sent back to.
func CheckReturnURL(wrong *fault.Collect, text string) {
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		wrong.Add("return_url", fault.CodeInvalid, "must be an http or https URL")
	}
}

// CheckExpiry notes a time that is over. None is fine.
func CheckExpiry(wrong *fault.Collect, at *time.Time, now time.Time) {
	if at != nil && !at.After(now) {
		wrong.Add("expires_at", fault.CodeInvalid, "must lie in the future")
	}
}

// SameTime tells whether two times are one instant, or both are not given.
func SameTime(a, b *time.Time) bool { return (a == nil) == (b == nil) && (a == nil || a.Equal(*b)) }
