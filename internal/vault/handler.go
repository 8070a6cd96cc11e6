package vault

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/problem"
)

// maxBody is how large a tokenization may be.
const maxBody = 64 << 10

// Caller is who tokenizes.
type Caller struct {
	Merchant  string // the tenant
	Live      bool
	SingleUse bool // the key is publishable: its tokens serve one payment, and its calls are counted
}

// Authenticate tells who calls: a publishable key, or a secret key of scope vault:write. It fails with
// fault.Unauthorized or fault.Forbidden.
type Authenticate func(r *http.Request) (Caller, error)

// tokenObject is the answer to a tokenization.
type tokenObject struct {
	ID        string       `json:"id"`
	Object    string       `json:"object"`
	Livemode  bool         `json:"livemode"`
	Card      tokenCard    `json:"card"`             // of a wallet's token: as the device has it
	Wallet    *tokenWallet `json:"wallet,omitempty"` // of a wallet's token
	CreatedAt time.Time    `json:"created_at"`
}

type tokenWallet struct {
	Type     string `json:"type"`
	Amount   int64  `json:"amount"` // that the payer agreed to
	Currency string `json:"currency"`
}

type tokenCard struct {
	Brand       string `json:"brand"`
	Last4       string `json:"last4"`
	BIN         string `json:"bin"`
	ExpMonth    int    `json:"exp_month"`
	ExpYear     int    `json:"exp_year"`
	Country     string `json:"country"`
	Funding     string `json:"funding"`
	Fingerprint string `json:"fingerprint"`
}

func newTokenObject(r cardRow, live bool) tokenObject {
	d := r.description
	o := tokenObject{ID: d.Token, Object: "payment_method_token", Livemode: live, CreatedAt: r.createdAt,
		Card: tokenCard{d.Brand, d.Last4, d.BIN, d.ExpMonth, d.ExpYear, d.Country, d.Funding, d.Fingerprint}}
	if w := d.Wallet; w.Type != "" {
		o.Wallet = &tokenWallet{w.Type, w.Amount, w.Currency}
	}
	return o
}

// Handler is the door by which cards come in: POST /v1/tokens, the hosted fields that send it, what wallets need to know, and nothing else.
// No card can be read through it.
func (v *Vault) Handler(auth Authenticate) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/tokens", func(w http.ResponseWriter, r *http.Request) { v.serveTokens(w, r, auth) })
	mux.HandleFunc("/v1/wallets", func(w http.ResponseWriter, r *http.Request) { v.serveWallets(w, r, auth) })
	mux.HandleFunc("/fields/{version}/{field}", v.serveField)
	mux.HandleFunc(assetPath+"{name}", v.serveAsset)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { v.refuse(w, r, v.begin(w, r), errPath) })
	return mux
}

var errPath = fault.New(fault.NotFound, fault.CodeNotFound, "there is no such path")

// begin puts the headers of every answer, and names the request.
func (v *Vault) begin(w http.ResponseWriter, r *http.Request) string {
	request := v.ids.New(id.Request)
	h := w.Header()
	h.Set("Request-Id", request)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if v.https || r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return request
}

func (v *Vault) serveTokens(w http.ResponseWriter, r *http.Request, auth Authenticate) {
	request := v.begin(w, r)
	if bringsWallet(r) && preflight(w, r, http.MethodPost, "authorization", "content-type", "idempotency-key", walletHeader) {
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		v.refuse(w, r, request, problem.New(problem.CodeMethod, "the path takes POST only"))
		return
	}
	object, replayed, err := v.serveToken(w, r, auth)
	if err != nil {
		v.refuse(w, r, request, err)
		return
	}
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	v.write(w, r, request, http.StatusCreated, "application/json", object)
}

func (v *Vault) serveToken(w http.ResponseWriter, r *http.Request, auth Authenticate) (tokenObject, bool, error) {
	caller, err := v.admit(w, r, auth)
	if err != nil {
		return tokenObject{}, false, err
	}
	key, err := parseKey(r.Header.Values("Idempotency-Key"))
	if err != nil {
		return tokenObject{}, false, err
	}
	if !isJSON(r.Header) {
		return tokenObject{}, false, problem.New(problem.CodeMediaType, "the body must be application/json in UTF-8, not compressed")
	}
	body, err := readBody(http.MaxBytesReader(w, r.Body, maxBody), r.ContentLength)
	defer func() { clear(body) }()
	if err != nil {
		return tokenObject{}, false, err
	}
	c, err := v.newCard(caller, body, v.clock.Now())
	if err != nil {
		return tokenObject{}, false, err
	}
	defer c.wipe()
	if c.wallet == nil && foreign(r) {
		return tokenObject{}, false, errForeignPage
	}
	row, replayed, err := v.tokenize(r.Context(), caller, key, c)
	if err != nil {
		return tokenObject{}, false, err
	}
	return newTokenObject(row, caller.Live), replayed, nil
}

// admit tells who may tokenize now.
func (v *Vault) admit(w http.ResponseWriter, r *http.Request, auth Authenticate) (Caller, error) {
	caller, err := v.count(w, r, auth)
	switch {
	case err != nil || !foreign(r):
		return caller, err
	case r.Header.Get(walletHeader) == "":
		return Caller{}, errForeignPage
	}
	return caller, v.letPage(w, r)
}

// count tells who calls. An address is counted unless a backend's key came from it: then the key was kept secret and its
// owner answers for it. Whoever has no right to be here is counted too.
func (v *Vault) count(w http.ResponseWriter, r *http.Request, auth Authenticate) (Caller, error) {
	caller, err := auth(r)
	if err != nil || caller.SingleUse {
		d := v.tokens.Take(limit.ByAddress(v.address(r)))
		d.Header(w.Header())
		if refused := d.Err(); refused != nil {
			return Caller{}, refused
		}
	}
	if err != nil {
		return Caller{}, err
	}
	return caller, nil
}

// foreign tells whether a page elsewhere sends the request.
func foreign(r *http.Request) bool { return sameOrigin.Check(r) != nil }

// sameOrigin tells the fields' own requests, and a backend's, from those of a page elsewhere. A browser would keep the answer
// from such a page anyhow; but the page would have had the card.
var (
	sameOrigin     = http.NewCrossOriginProtection()
	errForeignPage = fault.New(fault.Forbidden, problem.CodeOrigin, "a card comes from the hosted fields or from a backend, not from another page")
)

// isJSON tells whether a body is JSON in UTF-8, not compressed.
func isJSON(h http.Header) bool {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "application/json" || h.Get("Content-Encoding") != "" {
		return false
	}
	charset, given := params["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}

// readBody reads all of a body that a MaxBytesReader bounds, into one buffer: growing would leave copies of a number.
func readBody(from io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > maxBody {
		length = maxBody
	}
	body := make([]byte, length+1)
	n, err := io.ReadFull(from, body)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return body, fault.New(fault.TooLarge, problem.CodeTooLarge, "the body is over 64 KiB")
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return body[:n], nil
	}
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return body, problem.New(problem.CodeReadTimeout, "")
	}
	return body, fault.New(fault.Malformed, problem.CodeMalformed, "the body did not arrive")
}

var errKey = &fault.Error{Kind: fault.Malformed, Code: "idempotency_key_invalid", Param: "Idempotency-Key",
	Detail: "the Idempotency-Key must be 1 to 255 characters of printable ASCII, bare or as a quoted string"}

// parseKey reads an idempotency key: 1 to 255 printable ASCII characters, bare or as a quoted string. Empty if there is none.
func parseKey(values []string) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	key := strings.Trim(values[0], " \t")
	if inner, quoted := strings.CutPrefix(key, `"`); quoted {
		unescaped, ok := unquote(inner)
		if !ok {
			return "", errKey
		}
		key = unescaped
	}
	if len(values) > 1 || len(key) < 1 || len(key) > 255 {
		return "", errKey
	}
	for i := range len(key) {
		if key[i] < 0x20 || key[i] > 0x7e {
			return "", errKey
		}
	}
	return key, nil
}

// unquote reads what stands behind the opening quote of a string of RFC 9651, section 3.3.3.
func unquote(s string) (string, bool) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return out.String(), i == len(s)-1
		case s[i] == '\\':
			if i++; i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", false
			}
		}
		out.WriteByte(s[i])
	}
	return "", false
}

// write sends an answer. A caller that is gone is no fault of ours and is only noted.
func (v *Vault) write(w http.ResponseWriter, r *http.Request, request string, status int, kind string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		v.logger.ErrorContext(r.Context(), "vault cannot render an answer", "request_id", request, "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	if _, err := w.Write(append(text, '\n')); err != nil {
		v.logger.DebugContext(r.Context(), "caller did not take the answer", "request_id", request, "error", err)
	}
}

// refuse answers with a problem and logs what was our own fault.
func (v *Vault) refuse(w http.ResponseWriter, r *http.Request, request string, err error) {
	p := problem.Of(err)
	p.RequestID = request
	if p.Status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		v.logger.ErrorContext(r.Context(), "vault request failed", "request_id", request, "error", err)
	}
	maps.Copy(w.Header(), p.GetHeaders())
	v.write(w, r, request, p.Status, problem.ContentType, p)
}
