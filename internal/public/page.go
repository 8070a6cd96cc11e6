package public

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strconv"

	"github.com/florinpay/florin/internal/exchange"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/obs"
	"github.com/florinpay/florin/internal/problem"
)

var templates = template.Must(template.New("").ParseFS(embedded, "page/*.html"))

// visit is one payer's look at one payment's pages.
type visit struct {
	x               *exchange.Exchange
	r               *http.Request
	lang            *language
	tenant, payment string
	order           string // of a page about an order; there is no payment then
	merchant        merchant.Merchant
}

// view is what a template shows.
type view struct {
	lang      *language
	Languages []*language
	Nonce     string
	Files     *files
	Look      look
	Kind      string // which part of the template: see kinds in checkout.go, and the messages below
	Title     string
	Merchant  string // name; empty if nobody knows whose page it is
	Testing   bool
	RequestID string

	Checkout checkoutView
	Leave    leaveView
	Order    orderView
}

// Lang is the language of the page, as HTML names it.
func (v view) Lang() string { return v.lang.Tag }

// Say is a text of the page's language; see language.say.
func (v view) Say(key string, pairs ...string) string { return v.lang.say(key, pairs...) }

// StateOfOrder is how the order of the page stands, in a word or two.
func (v view) StateOfOrder() string {
	key := "order_" + v.Order.State + "_title"
	return v.lang.say(key)
}

// page serves a page about one payment. What goes wrong is told in plain words.
func (p *Public) page(serve func(ctx context.Context, v visit) error) http.HandlerFunc {
	return p.visited(serve, p.apologize)
}

// data serves what a page's script asks for. What goes wrong is a Problem.
func (p *Public) data(serve func(ctx context.Context, v visit) error) http.HandlerFunc {
	return p.visited(serve, func(v visit, err error) { v.x.Answer(refusal(v.x, err, v.lang)) })
}

func (p *Public) visited(serve func(ctx context.Context, v visit) error, fail func(visit, error)) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		v := visit{x: exchangeOf(r), r: r, lang: p.langs.of(r), tenant: r.PathValue("tenant"), payment: r.PathValue("payment"), order: r.PathValue("order")}
		v.x.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		ctx, done := patience(r.Context(), r.Method == http.MethodPost)
		defer done()
		err := p.enter(ctx, &v)
		if err == nil {
			err = serve(obs.With(obs.With(ctx, obs.MerchantID, v.tenant), obs.PaymentID, v.payment), v)
		}
		if err != nil {
			fail(v, err)
		}
	}
}

// tell answers a page's script.
func (v visit) tell(object any) error {
	given, err := rendered(http.StatusOK, exchange.JSON, object)
	if err == nil {
		v.x.Answer(given)
	}
	return err
}

// enter lets a visit in: the address does not ask too often, and there may be such a payment.
func (p *Public) enter(ctx context.Context, v *visit) error {
	if err := p.take(p.pages, v.x, limit.ByAddress(p.Address(v.r))); err != nil {
		return err
	}
	if !merchant.IsTenant(v.tenant) || !id.Has(v.payment, id.Payment) && (v.payment != "" || !id.Has(v.order, id.Order)) {
		return fault.Missing("payment")
	}
	m, err := p.Merchants.Of(ctx, v.tenant)
	if err != nil {
		return err
	}
	v.merchant, v.x.Merchant = m, v.tenant
	return nil
}

// view begins what a template shows.
func (p *Public) view(v visit, kind, title string) (view, error) {
	nonce := make([]byte, 16)
	if _, err := io.ReadFull(p.Random, nonce); err != nil {
		return view{}, fmt.Errorf("draw a nonce: %w", err)
	}
	return view{
		lang: v.lang, Languages: p.langs.all, Nonce: base64.RawURLEncoding.EncodeToString(nonce), Files: p.files, Look: lookOf(v.merchant.Color),
		Kind: kind, Title: title, Merchant: v.merchant.Name, Testing: v.merchant.ID != "" && !id.Live(v.tenant), RequestID: v.x.ID,
	}, nil
}

// show writes a page. The policy says where its forms go and who may frame it; the nonce is the view's.
func (p *Public) show(v visit, status int, w view, c policy) error {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "page.html", w); err != nil {
		return fmt.Errorf("render page %s: %w", w.Kind, err)
	}
	c.nonce, c.ancestors = w.Nonce, v.merchant.FrameAncestors(id.Live(v.tenant))
	if v.merchant.ID == "" {
		c.ancestors = nil
	}
	h := v.x.Header()
	h.Set("Content-Security-Policy", p.site.csp(c))
	h.Set("Vary", "Accept-Language, Cookie")
	v.x.Answer(exchange.Answer{Status: status, ContentType: "text/html; charset=utf-8", Body: b.Bytes()})
	return nil
}

// message shows a page of words alone: texts key_title and key_text.
func (p *Public) message(v visit, status int, key string) error {
	w, err := p.view(v, "message", v.lang.say(key+"_title"))
	if err != nil {
		return err
	}
	w.Checkout.Text = v.lang.say(key+"_text", "merchant", v.merchant.Name, "request", v.x.ID)
	return p.show(v, status, w, policy{})
}

// apologize tells in plain words what went wrong, and logs what is ours.
func (p *Public) apologize(v visit, err error) {
	wrong := problem.Of(err)
	v.x.Failed(wrong, err)
	key := "wrong"
	switch {
	case wrong.Status == http.StatusTooManyRequests:
		key = "busy"
	case wrong.Status < http.StatusInternalServerError:
		key, wrong.Status = "unknown", http.StatusNotFound // whatever is wrong with the address: it leads nowhere
	}
	if wrong.RetryAfter > 0 {
		v.x.Header().Set("Retry-After", strconv.FormatInt(wrong.RetryAfter, 10))
	}
	if err := p.message(v, wrong.Status, key); err != nil {
		v.x.Refuse(problem.Of(errors.Join(err)))
	}
}
