package sandbox

import (
	"crypto/hmac"
	"encoding/hex"
	"io"
	"net/http"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

const (
	maxBody     = 64 << 10
	maxPartBody = 2 << 20 // of evidence: a piece of a file of 1 MiB in base 64, or the texts
)

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
			w.front.Unread(rw, most)
			return
		}
		if out, down := w.outages.now(acq.name); down {
			w.front.Down(rw, r, out.Mode)
			return
		}
		a, ok := w.authenticate(acq, r, body)
		if !ok {
			w.front.Stranger(rw)
			return
		}
		status, v, end, err := handle(caller{acq, a, r, body})
		w.front.Answer(rw, r, stage.Reply{Status: status, Body: v, Fate: end}, err)
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
	return a, err == nil && hmac.Equal(got, stage.HMAC(a.SigningKey, string(body)))
}
