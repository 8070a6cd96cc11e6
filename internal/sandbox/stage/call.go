package stage

import (
	"bytes"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

const maxBody = 64 << 10

// Call is an authenticated call.
type Call struct {
	Account Numbered
	Request *http.Request
	Body    []byte
}

// Answer is a handler of the world's protocol: it meets an outage, authenticates, and answers as the fate has it.
func (s *Stage) Answer(handle func(Call) (Reply, error)) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
		if err != nil {
			s.front.Unread(rw, maxBody)
			return
		}
		if mode, _, down := s.down.now(s.o.Clock.Now()); down {
			s.front.Down(rw, r, mode)
			return
		}
		a, ok, err := s.authenticate(r, body)
		if err == nil && !ok {
			s.front.Stranger(rw)
			return
		}
		var reply Reply
		if err == nil {
			reply, err = handle(Call{a, r, body})
		}
		s.front.Answer(rw, r, reply, err)
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

// CheckReference notes a reference, or another name of a caller's own, that is none.
func CheckReference(wrong *fault.Collect, param, reference string) {
	if reference == "" || len(reference) > MaxReference {
		wrong.Add(param, fault.CodeInvalid, "must be 1 to 128 characters")
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
