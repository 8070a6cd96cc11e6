package sandbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

const (
	maxBody     = 64 << 10
	maxPartBody = 2 << 20 // of evidence: a piece of a file of 1 MiB in base 64, or the texts
)

// The error words of the acquirers' protocol.
const (
	wordUnauthorized = "unauthorized"
	wordNotFound     = "not_found"
	wordInvalid      = "invalid"
	wordState        = "state"
	wordReused       = "reference_reused"
	wordNotAccepted  = "not_accepted"
	wordInternal     = "internal"
)

// errReused means that a reference came back with another request.
var errReused = errors.New("the reference was used for another request")

// errFate carries a fate out of the writer that keeps a call from being processed.
type errFate struct{ fate fate }

func (errFate) Error() string { return "the scenario does not let this call through" }

func (w *World) routeAcquirers(mux *http.ServeMux) {
	for _, acq := range acquirers {
		base := "/" + acq.name + "/v1"
		mux.Handle("POST "+base+"/authorizations", w.call(acq, w.authorize))
		mux.Handle("GET "+base+"/authorizations", w.call(acq, w.findAuthorization))
		mux.Handle("GET "+base+"/authorizations/{id}", w.call(acq, w.getAuthorization))
		mux.Handle("POST "+base+"/authentications", w.call(acq, w.postAuthentication))
		mux.Handle("GET "+base+"/authentications", w.call(acq, w.findAuthentication))
		mux.Handle("POST "+base+"/authorizations/{id}/captures", w.call(acq, w.ordered(Capture)))
		mux.Handle("POST "+base+"/authorizations/{id}/voids", w.call(acq, w.ordered(Void)))
		mux.Handle("POST "+base+"/authorizations/{id}/refunds", w.call(acq, w.ordered(Refund)))
		mux.Handle("POST "+base+"/reversals", w.call(acq, w.ordered(Void)))
		mux.Handle("GET "+base+"/operations", w.call(acq, w.findOperation))
		mux.Handle("POST "+base+"/disputes/{id}/files", w.callOf(acq, maxPartBody, w.putPart))
		mux.Handle("POST "+base+"/disputes/{id}/evidence", w.callOf(acq, maxPartBody, w.answered(false)))
		mux.Handle("POST "+base+"/disputes/{id}/acceptance", w.call(acq, w.answered(true)))
		mux.Handle("/"+acq.name+"/", w.call(acq, func(caller) (int, any, fate, error) {
			return 0, nil, processed, fault.Missing("path")
		}))
	}
}

// caller is an authenticated call.
type caller struct {
	acquirer
	account account
	request *http.Request
	body    []byte
}

// call is a handler of the acquirers' protocol: it meets outages, authenticates, and answers as the fate has it.
func (w *World) call(acq acquirer, handle func(caller) (int, any, fate, error)) http.Handler {
	return w.callOf(acq, maxBody, handle)
}

// callOf is call with a bound of its own for the body.
func (w *World) callOf(acq acquirer, most int64, handle func(caller) (int, any, fate, error)) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, most))
		if err != nil {
			answer(rw, http.StatusBadRequest, problem{wordInvalid, fmt.Sprintf("the body cannot be read: at most %d KiB", most>>10)})
			return
		}
		if out, down := w.outages.now(acq.name); down {
			w.refuse(rw, r, out.Mode)
			return
		}
		a, ok := w.authenticate(acq, r, body)
		if !ok {
			answer(rw, http.StatusUnauthorized, problem{wordUnauthorized, "the api key or the signature is wrong"})
			return
		}
		status, v, end, err := handle(caller{acq, a, r, body})
		var before errFate
		if errors.As(err, &before) {
			w.failBefore(rw, r, before.fate)
			return
		}
		if err != nil {
			w.fail(rw, r, err)
			return
		}
		w.finish(rw, r, end, status, v)
	})
}

// authenticate finds the account by its key and checks the signature of what changes something.
func (w *World) authenticate(acq acquirer, r *http.Request, body []byte) (account, bool) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return account{}, false
	}
	a, ok := w.book.find(acq.name, key)
	if !ok || r.Method != http.MethodPost {
		return a, ok
	}
	got, err := hex.DecodeString(r.Header.Get("Acquirer-Signature"))
	return a, err == nil && hmac.Equal(got, bodySignature(a.SigningKey, body))
}

func bodySignature(key secret.Text, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write(body) // never fails, by hash.Hash
	return mac.Sum(nil)
}

// hold keeps a request until its client leaves, the world lets go, or the time is over.
func (w *World) hold(r *http.Request, d time.Duration) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(w.held, cancel)()
	if err := w.o.Wait(ctx, d); err != nil {
		w.o.Logger.Debug("sandbox let a held request go", "path", r.URL.Path, "error", err)
	}
}

// refuse is how an acquirer that is down meets a call.
func (w *World) refuse(rw http.ResponseWriter, r *http.Request, mode outageMode) {
	switch mode {
	case modeHang:
		w.failBefore(rw, r, heldBefore)
	case modeRefuse:
		stage.Reset(rw)
	default:
		w.failBefore(rw, r, refused)
	}
}

// failBefore is the end of a call that was not processed.
func (w *World) failBefore(rw http.ResponseWriter, r *http.Request, f fate) {
	switch f {
	case brokenBefore:
		answer(rw, http.StatusInternalServerError, problem{wordInternal, "SCENARIO error_500: not processed"})
	case refused:
		answer(rw, http.StatusServiceUnavailable, problem{wordNotAccepted, "the acquirer is down: not processed"})
	default:
		w.hold(r, w.o.Delays.Hold)
		panic(http.ErrAbortHandler) // no answer
	}
}

// finish is the end of a call that was processed.
func (w *World) finish(rw http.ResponseWriter, r *http.Request, f fate, status int, v any) {
	switch f {
	case heldAfter:
		w.hold(r, w.o.Delays.Hold)
		panic(http.ErrAbortHandler) // no answer
	case slowed:
		w.hold(r, w.o.Delays.Slow)
	}
	answer(rw, status, v)
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

func (w *World) fail(rw http.ResponseWriter, r *http.Request, err error) {
	refusal, known := refusals[fault.Of(err)]
	switch {
	case known:
		answer(rw, refusal.status, problem{refusal.word, err.Error()})
	case errors.Is(err, errReused):
		answer(rw, http.StatusConflict, problem{wordReused, err.Error()})
	case errors.Is(err, errClosed):
		answer(rw, http.StatusServiceUnavailable, problem{wordNotAccepted, err.Error()})
	default:
		w.o.Logger.Error("sandbox call failed", "method", r.Method, "path", r.URL.Path, "error", err)
		answer(rw, http.StatusInternalServerError, problem{wordInternal, "see the sandbox's log"})
	}
}
