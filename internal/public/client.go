package public

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/exchange"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/obs"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/risk"
	"github.com/florinpay/florin/internal/strict"
	"github.com/florinpay/florin/internal/vault"
)

// headerSecret carries the client secret: not the path and not the query, which end up in logs.
const headerSecret = "Florin-Client-Secret"

// A call writes if a suspended merchant may not make it.
const (
	reads  = false
	writes = true
)

// caller is whose page calls.
type caller struct {
	access.Principal
	x    *exchange.Exchange
	lang *language // of the payer
}

// call admits a request of florin.js, and answers what serve gives.
func (p *Public) call(writing bool, serve func(ctx context.Context, c caller, r *http.Request) (exchange.Answer, error)) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r)
		x.Header()["Vary"] = []string{"Origin, Accept-Language"}
		ctx, done := patience(r.Context(), writing)
		defer done()
		c, err := p.admit(ctx, x, r, writing)
		if err != nil {
			x.Answer(refusal(x, err, p.langs.all[0]))
			return
		}
		given, err := serve(obs.With(ctx, obs.MerchantID, c.Tenant), c, r)
		if err != nil {
			given = refusal(x, err, c.lang)
		}
		x.Answer(given)
	}
}

// patience is how long a request may take. Once money may move, a page that is closed does not stop the work.
func patience(ctx context.Context, writing bool) (context.Context, context.CancelFunc) {
	if writing {
		return context.WithTimeout(context.WithoutCancel(ctx), workTimeout)
	}
	return context.WithTimeout(ctx, lookTimeout)
}

var errOrigin = problem.New(problem.CodeOrigin, "pages of this origin may not act for the merchant of this key: add it with florin merchant update --origin")

// admit tells whose page calls, and whether it may: the address does not ask too often, the key is publishable, and the page
// is one of the merchant's. A caller that is no page names no origin; the client secret is what it needs.
func (p *Public) admit(ctx context.Context, x *exchange.Exchange, r *http.Request, writing bool) (caller, error) {
	if err := p.take(p.calls, x, limit.ByAddress(p.Address(r))); err != nil {
		return caller{}, err
	}
	principal, err := p.Authenticate(ctx, r)
	if err != nil {
		return caller{}, err
	}
	x.Merchant = principal.Tenant
	if origins := r.Header["Origin"]; len(origins) > 0 && (len(origins) > 1 || origins[0] != p.site.origin) {
		m, err := p.Merchants.Of(ctx, principal.Tenant)
		if err != nil {
			return caller{}, err
		}
		if len(origins) > 1 || !m.AllowsOrigin(origins[0], principal.Live) {
			return caller{}, errOrigin
		}
	}
	allow(x.Header(), r.Header.Get("Origin"))
	return caller{principal, x, p.langs.accepted(r.Header.Get("Accept-Language"))}, principal.RequireClient(writing)
}

// take takes one from a bucket and tells how much is left.
func (p *Public) take(from *limit.Limiter, x *exchange.Exchange, key string) error {
	d := from.Take(key)
	d.Header(x.Header())
	return d.Err()
}

// allow lets pages of an origin read the answer.
func allow(h http.Header, origin string) {
	if origin == "" {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Request-Id, Retry-After, RateLimit, RateLimit-Policy, "+idempotency.Replayed)
}

// preflight tells a browser what may be asked. It cannot tell by whom: the key comes with the call itself, which is refused,
// and not readable, if its origin is not registered.
func (p *Public) preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Vary"] = []string{"Origin"}
	if origin := r.Header.Get("Origin"); origin != "" && r.Header.Get("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept-Language, "+idempotency.Header+", "+headerSecret)
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

// refusal is what a payer's page is told of an error. One that is ours is logged.
func refusal(x *exchange.Exchange, err error, l *language) exchange.Answer {
	d := problemOf(err, l)
	x.Failed(d.Problem, err)
	d.RequestID = x.ID
	given, err := rendered(d.Status, problem.ContentType, d)
	if err != nil { // nothing in a Problem can fail to render
		return x.Problem(problem.Of(err))
	}
	given.Header = d.GetHeaders()
	return given
}

func rendered(status int, kind string, object any) (exchange.Answer, error) {
	body, err := problem.Render(object)
	return exchange.Answer{Status: status, ContentType: kind, Body: body}, err
}

// shown is the answer that shows an object.
func shown(status int, object any, err error) (exchange.Answer, error) {
	if err != nil {
		return exchange.Answer{}, err
	}
	return rendered(status, exchange.JSON, object)
}

// secretOf is the client secret of a call.
func secretOf(r *http.Request) (string, error) {
	values := r.Header[headerSecret]
	if len(values) != 1 || values[0] == "" || len(values[0]) > maxSecret {
		return "", problem.New(problem.CodeClientSecret, "send it as "+headerSecret+": pay_…_secret_…")
	}
	return values[0], nil
}

// maxSecret bounds a client secret, in characters.
const maxSecret = 200

func (p *Public) clientPayment(ctx context.Context, c caller, r *http.Request) (exchange.Answer, error) {
	secret, err := secretOf(r)
	if err != nil {
		return exchange.Answer{}, err
	}
	o, err := p.find(ctx, c.Tenant, r.PathValue("id"), secret)
	return shown(http.StatusOK, payerOf(o, c.lang), err)
}

// find is a payment that its payer shows the secret of.
func (p *Public) find(ctx context.Context, tenant, pay, secret string) (payment.Object, error) {
	if !id.Has(pay, id.Payment) {
		return payment.Object{}, fault.Missing("payment")
	}
	return p.Payments.ForPayer(ctx, tenant, pay, secret)
}

// clientConfirmBody is the body of a confirmation, as florin.js sends it.
type clientConfirmBody struct {
	Token         string       `json:"payment_method_token,omitempty" check:"token" maxLength:"64"`
	Method        *methodBody  `json:"payment_method,omitempty"`
	Save          bool         `json:"save_payment_method,omitempty"`
	ReturnURL     string       `json:"return_url,omitempty" maxLength:"2000"`
	Result        string       `json:"result,omitempty" maxLength:"20000"`
	DeviceSession string       `json:"device_session,omitempty" check:"device" maxLength:"64"`
	Browser       *browserBody `json:"browser,omitempty"`
}

// browserBody is what a browser says of itself to the payer's bank.
type browserBody struct {
	Language          string `json:"language,omitempty" maxLength:"35" check:"printable"`
	ColorDepth        int64  `json:"color_depth,omitempty" minimum:"0" maximum:"64"`
	ScreenHeight      int64  `json:"screen_height,omitempty" minimum:"0" maximum:"999999"`
	ScreenWidth       int64  `json:"screen_width,omitempty" minimum:"0" maximum:"999999"`
	TimeZone          int64  `json:"time_zone,omitempty" minimum:"-1440" maximum:"1440"`
	JavaEnabled       bool   `json:"java_enabled,omitempty"`
	JavaScriptEnabled bool   `json:"javascript_enabled,omitempty"`
}

// bodies reads what browsers send.
var bodies = strict.NewReader(map[string]strict.Check{
	"device": func(s string) (string, string) {
		if s != "" && !id.Has(s, id.DeviceSession) {
			return fault.CodeInvalid, "must be a device session, which begins with ds_"
		}
		return "", ""
	},
}).Everywhere(vault.NoCardNumber)

func (p *Public) clientConfirm(ctx context.Context, c caller, r *http.Request) (exchange.Answer, error) {
	pay := r.PathValue("id")
	if err := p.take(p.tries, c.x, c.Tenant+" "+pay); err != nil {
		return exchange.Answer{}, err
	}
	secret, err := secretOf(r)
	if err != nil {
		return exchange.Answer{}, err
	}
	raw, err := readJSON(c.x, r)
	if err != nil {
		return exchange.Answer{}, err
	}
	confirmation, err := p.confirmation(ctx, c, r, raw)
	if err != nil {
		return exchange.Answer{}, err
	}
	return p.once(ctx, c, r, raw, secret, func(with payment.Companion) (payment.Object, error) {
		return p.confirm(ctx, c.Tenant, pay, secret, confirmation, with)
	})
}

// confirmation reads what a page sends to confirm.
func (p *Public) confirmation(ctx context.Context, c caller, r *http.Request, raw []byte) (payment.Confirmation, error) {
	body, err := strict.Decode[clientConfirmBody](bodies, raw, strict.Faults{}, p.Clock.Now())
	if err != nil {
		return payment.Confirmation{}, err
	}
	if body.ReturnURL != "" {
		m, err := p.Merchants.Of(ctx, c.Tenant)
		if err == nil {
			err = m.CheckReturn(body.ReturnURL, c.Live)
		}
		if err != nil {
			return payment.Confirmation{}, err
		}
	}
	return payment.Confirmation{
		Choice: choice(body.Token, body.Method), Agreed: p.agreed(body.Save, ""), ReturnURL: body.ReturnURL, Result: body.Result, DeviceSession: body.DeviceSession, Browser: p.browser(r, body.Browser),
	}, nil
}

// confirm goes on with a payment for its payer.
func (p *Public) confirm(ctx context.Context, tenant, pay, secret string, c payment.Confirmation, with payment.Companion) (payment.Object, error) {
	if !id.Has(pay, id.Payment) {
		return payment.Object{}, fault.Missing("payment")
	}
	return p.Payments.ConfirmByPayer(ctx, tenant, pay, secret, c, with)
}

// browser is what the payer's bank is told of the browser: what it says of itself, and what its request says.
func (p *Public) browser(r *http.Request, said *browserBody) provider.Browser {
	b := provider.Browser{AcceptHeader: shorten(r.Header.Get("Accept"), 2048), UserAgent: shorten(r.UserAgent(), 2048)}
	if a := p.Address(r); a.IsValid() {
		b.IP = a.Unmap().WithZone("").String()
	}
	if said != nil {
		b.Language, b.ColorDepth, b.TimeZone = said.Language, colorDepth(said.ColorDepth), int(said.TimeZone)
		b.ScreenHeight, b.ScreenWidth = int(said.ScreenHeight), int(said.ScreenWidth)
		b.JavaEnabled, b.JavaScriptEnabled = said.JavaEnabled, said.JavaScriptEnabled
	}
	if b.Language == "" {
		first, _, _ := strings.Cut(r.Header.Get("Accept-Language"), ",")
		first, _, _ = strings.Cut(first, ";")
		b.Language = shorten(strings.TrimSpace(first), 35)
	}
	return b
}

// colorDepths are what a 3-D Secure server takes for browserColorDepth. Source: EMV 3-D Secure 2.2.0, AReq.
var colorDepths = []int{48, 32, 24, 16, 15, 8, 4, 1}

// colorDepth is the largest depth of the standard that a screen has: some have 30 bits, which it does not know. 0 stays unsaid.
func colorDepth(bits int64) int {
	for _, known := range colorDepths {
		if bits >= int64(known) {
			return known
		}
	}
	return 0
}

// shorten cuts a header to what the other side takes, whole characters, in ASCII as headers are.
func shorten(s string, most int) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, s)
	return s[:min(len(s), most)]
}

// deviceSession is the answer to a browser that told of itself.
type deviceSession struct {
	ID       string `json:"id"`
	Object   string `json:"object"`
	Livemode bool   `json:"livemode"`
}

func (p *Public) clientDevice(ctx context.Context, c caller, r *http.Request) (exchange.Answer, error) {
	raw, err := readJSON(c.x, r)
	if err != nil {
		return exchange.Answer{}, err
	}
	made, err := p.Devices.Open(ctx, c.Tenant, json.RawMessage(raw), risk.RequestFacts{IP: p.Address(r), UserAgent: r.UserAgent()})
	return shown(http.StatusCreated, deviceSession{made, "device_session", c.Live}, err)
}

// readJSON reads a body that must be JSON.
func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset, given := params["charset"]; err != nil || kind != exchange.JSON || given && !strings.EqualFold(charset, "utf-8") || r.Header.Get("Content-Encoding") != "" {
		return nil, problem.New(problem.CodeMediaType, "")
	}
	return readBody(w, r)
}

// readBody reads a body up to its bound.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, fault.New(fault.TooLarge, problem.CodeTooLarge, "the body is larger than 64 KiB")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem.New(problem.CodeReadTimeout, "")
	case err != nil:
		return nil, fault.New(fault.Malformed, problem.CodeMalformed, "the body did not arrive whole")
	}
	return body, nil
}

// cookieAge is how long a browser keeps the secret of the payment that it pays.
const cookieAge = 7 * 24 * time.Hour
