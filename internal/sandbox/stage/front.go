package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
)

// Front is how a world answers those who come to it: well, late, or not at all, as outages and scenarios have it.
type Front struct {
	Title  string // for people: who is down
	Home   string // the path of its panel
	Clock  clock.Clock
	Logger *slog.Logger
	Slow   time.Duration                                    // until a late answer
	Hold   time.Duration                                    // how long a request is held before its connection is dropped
	Wait   func(ctx context.Context, d time.Duration) error // waits for d or until ctx ends, whose error it then returns
	Held   context.Context                                  // ends when held requests must be let go
}

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

// ErrClosed is the answer to work that comes after a world was closed.
var ErrClosed = errors.New("the simulated world is closed")

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

// Reply is what a call is answered with, if its fate allows.
type Reply struct {
	Status int
	Body   any
	Fate   Fate
}

// Answer ends a call: with the reply as its fate has it, or with what keeps it from one.
func (f *Front) Answer(rw http.ResponseWriter, r *http.Request, reply Reply, err error) {
	var before errFate
	switch {
	case errors.As(err, &before):
		f.failBefore(rw, r, before.fate)
	case err != nil:
		f.Fail(rw, r, err)
	default:
		f.finish(rw, r, reply)
	}
}

// Unread refuses a call whose body is longer than most bytes, or did not come.
func (f *Front) Unread(rw http.ResponseWriter, most int64) {
	Write(rw, http.StatusBadRequest, problem{wordInvalid, fmt.Sprintf("the body cannot be read: at most %d KiB", most>>10)})
}

// Stranger refuses a call that nobody known has signed.
func (f *Front) Stranger(rw http.ResponseWriter) {
	Write(rw, http.StatusUnauthorized, problem{wordUnauthorized, "the api key or the signature is wrong"})
}

// hold keeps a request until its client leaves, the world lets go, or the time is over.
func (f *Front) hold(r *http.Request, d time.Duration) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(f.Held, cancel)()
	if err := f.Wait(ctx, d); err != nil {
		f.Logger.Debug("sandbox let a held request go", "path", r.URL.Path, "error", err)
	}
}

// The modes of an outage: how a world that is down meets its callers.
const (
	modeUnavailable = "unavailable" // 503 not_accepted: refused before processing
	modeHang        = "hang"        // no answer until the caller gives up
	modeRefuse      = "refuse"      // the connection is reset
)

// OutageModes are all of them.
var OutageModes = []string{modeUnavailable, modeHang, modeRefuse}

// MaxOutage is how long an outage may be planned for.
const MaxOutage = time.Hour

// CheckOutage refuses an outage that is none, with fault.Invalid, and tells its mode: unavailable if it has none.
func CheckOutage(d time.Duration, mode string) (string, error) {
	var wrong fault.Collect
	if mode == "" {
		mode = modeUnavailable
	}
	if !slices.Contains(OutageModes, mode) {
		wrong.Add("mode", fault.CodeInvalid, fmt.Sprintf("must be one of %v", OutageModes))
	}
	if d <= 0 || d > MaxOutage {
		wrong.Add("seconds", fault.CodeInvalid, fmt.Sprintf("must be 1 to %d", MaxOutage/time.Second))
	}
	return mode, wrong.Err()
}

// OutageAsked is the body of a control call that begins an outage.
type OutageAsked struct {
	Seconds int64  `json:"seconds"`
	Mode    string `json:"mode"`
}

// For is how long the outage shall last: what no duration can hold is more than is allowed all the same.
func (o OutageAsked) For() time.Duration {
	return time.Duration(min(max(o.Seconds, 0), int64(MaxOutage/time.Second)+1)) * time.Second
}

// Down is how a world that is down meets a call.
func (f *Front) Down(rw http.ResponseWriter, r *http.Request, mode string) {
	switch mode {
	case modeHang:
		f.failBefore(rw, r, HeldBefore)
	case modeRefuse:
		reset(rw)
	default:
		f.failBefore(rw, r, Refused)
	}
}

// reset ends the connection without an answer; over TCP as a reset.
func reset(rw http.ResponseWriter) {
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
func (f *Front) failBefore(rw http.ResponseWriter, r *http.Request, fate Fate) {
	switch fate {
	case BrokenBefore:
		Write(rw, http.StatusInternalServerError, problem{wordInternal, "SCENARIO error_500: not processed"})
	case Refused:
		Write(rw, http.StatusServiceUnavailable, problem{wordNotAccepted, f.Title + " is down: not processed"})
	default:
		f.hold(r, f.Hold)
		panic(http.ErrAbortHandler) // no answer
	}
}

// finish is the end of a call that was processed.
func (f *Front) finish(rw http.ResponseWriter, r *http.Request, reply Reply) {
	switch reply.Fate {
	case HeldAfter:
		f.hold(r, f.Hold)
		panic(http.ErrAbortHandler) // no answer
	case Slowed:
		f.hold(r, f.Slow)
	}
	Write(rw, reply.Status, reply.Body)
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

// IsRefusal tells whether a failure is an answer to the caller, and not a mistake in the world.
func IsRefusal(err error) bool {
	_, known := refusals[fault.Of(err)]
	return known
}

// Fail answers a call with why it failed.
func (f *Front) Fail(rw http.ResponseWriter, r *http.Request, err error) {
	refusal, known := refusals[fault.Of(err)]
	switch {
	case known:
		Write(rw, refusal.status, problem{refusal.word, err.Error()})
	case errors.Is(err, ErrReused):
		Write(rw, http.StatusConflict, problem{wordReused, err.Error()})
	case errors.Is(err, ErrClosed):
		Write(rw, http.StatusServiceUnavailable, problem{wordNotAccepted, err.Error()})
	default:
		f.Logger.Error("sandbox call failed", "method", r.Method, "path", r.URL.Path, "error", err)
		Write(rw, http.StatusInternalServerError, problem{wordInternal, "see the sandbox's log"})
	}
}

var contentJSON = []string{"application/json"}

// Write answers with JSON.
func Write(rw http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // a type that does not marshal is a mistake in the world
		http.Error(rw, `{"error":"internal"}`, http.StatusInternalServerError)
		return
	}
	rw.Header()["Content-Type"] = contentJSON
	rw.WriteHeader(status)
	if _, err := rw.Write(body); err != nil {
		panic(http.ErrAbortHandler) // the client left; there is nobody to tell
	}
}

// Conclude answers a control call: JSON, or for a form the page it came from.
func (f *Front) Conclude(rw http.ResponseWriter, r *http.Request, v any, err error) {
	back := r.PostFormValue("back")
	switch {
	case back == "" && err != nil:
		f.Fail(rw, r, err)
	case back == "":
		Write(rw, http.StatusOK, v)
	case err != nil:
		f.FailPage(rw, r, f.within(back), err)
	default:
		http.Redirect(rw, r, f.within(back), http.StatusSeeOther)
	}
}

// within is where a form leads back to: nowhere but to a page of this server.
func (f *Front) within(back string) string {
	if strings.HasPrefix(back, "/") && !strings.HasPrefix(back, "//") && !strings.HasPrefix(back, `/\`) {
		return back
	}
	return f.Home
}

// FailPage tells a reader of pages what did not work, and leads back.
func (f *Front) FailPage(rw http.ResponseWriter, r *http.Request, back string, err error) {
	refusal, known := refusals[fault.Of(err)]
	detail := err.Error()
	if !known {
		f.Logger.Error("sandbox page failed", "path", r.URL.Path, "error", err)
		refusal.status, detail = http.StatusInternalServerError, "The sandbox's log says more."
	}
	f.Render(rw, r, shared, refusal.status, "error.html", struct {
		Frame
		Back, Detail string
	}{NewFrame(r, "That did not work", "", f.Clock.Now()), back, detail}, PanelPolicies())
}

// Render shows a page.
func (f *Front) Render(rw http.ResponseWriter, r *http.Request, pages *template.Template, status int, name string, data any, policies Policies) {
	var out strings.Builder
	if err := pages.ExecuteTemplate(&out, name, data); err != nil {
		f.Logger.Error("sandbox page failed", "path", r.URL.Path, "error", err)
		http.Error(rw, "This page has a fault. The sandbox's log says which.", http.StatusInternalServerError)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	for policy, value := range policies {
		h.Set(policy, value)
	}
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	if _, err := rw.Write([]byte(out.String())); err != nil {
		panic(http.ErrAbortHandler) // the reader left
	}
}
