package vault

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/secret"
)

// Internal is the door for Florin's other processes: describe, forget and send, for Remote. It takes requests only with a client
// certificate that the listener verified and with the token as bearer; an empty token takes none.
func (v *Vault) Internal(token secret.Text) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+describePath, func(w http.ResponseWriter, r *http.Request) {
		hop(v, w, r, token, func(in wireDescribe) (Description, error) {
			return v.Describe(r.Context(), in.Merchant, in.Token)
		})
	})
	mux.HandleFunc("POST "+forgetPath, func(w http.ResponseWriter, r *http.Request) {
		hop(v, w, r, token, func(in wireDescribe) (struct{}, error) {
			return struct{}{}, v.Forget(r.Context(), in.Merchant, in.Token)
		})
	})
	mux.HandleFunc("POST "+sendPath, func(w http.ResponseWriter, r *http.Request) {
		hop(v, w, r, token, func(in wireRequest) (wireResponse, error) {
			out, err := v.Send(r.Context(), in.request())
			return wireResponse(out), err
		})
	})
	return mux
}

// hop serves one call of Remote. What fails before do was not sent.
func hop[In, Out any](v *Vault, w http.ResponseWriter, r *http.Request, token secret.Text, do func(In) (Out, error)) {
	request := v.begin(w, r)
	var in In
	err := checkCaller(r, token)
	if err == nil {
		err = readHop(w, r, &in)
	}
	if err != nil {
		// Without its kind: that two processes of ours do not get along is no fault of whoever asked one of them.
		v.write(w, r, request, problem.Of(err).Status, "application/json", wireError{Message: err.Error(), NotSent: true})
		return
	}
	out, err := do(in)
	if err != nil {
		v.write(w, r, request, problem.Of(err).Status, "application/json", newWireError(err))
		return
	}
	v.write(w, r, request, http.StatusOK, "application/json", out)
}

func checkCaller(r *http.Request, token secret.Text) error {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case r.TLS == nil || len(r.TLS.VerifiedChains) == 0:
		return fault.New(fault.Unauthorized, "certificate_required", "a verified client certificate is required")
	case !ok || token.Empty() || !token.Equal(secret.New(given)):
		return fault.New(fault.Unauthorized, "token_invalid", "the internal token is missing or wrong")
	}
	return nil
}

// readHop decodes strictly: a field that this version does not know may change what is to be sent.
func readHop(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxHop))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fault.New(fault.Malformed, problem.CodeMalformed, "the vault process cannot read the request")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Malformed, problem.CodeMalformed, "something follows the request")
	}
	return nil
}
