package public

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/order"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
)

// Orders shows an order to its payer, and has it paid. See order.Service.
type Orders interface {
	// ForPayer fails with fault.NotFound unless the secret is the order's.
	ForPayer(ctx context.Context, tenant, order, secret string) (order.Seen, error)
	// Pay begins a payment of the order, or goes on with one; amount 0 is all that is left.
	Pay(ctx context.Context, tenant, order, secret string, amount int64) (payment.Object, error)
}

// orderCookie holds the order's secret. It goes to the order's own page alone.
const orderCookie = "florin_order"

// fromOrderCookie tells the page of a payment that the payer came from the order's page, and so can go back there.
const fromOrderCookie = "florin_from_order"

func (v visit) orderPath() string { return "/order/" + v.tenant + "/" + v.order }

// The states of an order's page beyond those of an order.
const (
	orderWaiting = "waiting" // a payment is with the payer's bank
	orderClosed  = "closed"  // the merchant is suspended
	orderOverdue = "overdue" // open, and its day is over
)

// orderView is what the template shows of an order.
type orderView struct {
	State                       string // an order's, or one of those above
	Tone                        string // of the chip: good, wait, bad
	Path                        string
	Description                 string
	Lines                       []lineView
	Taxes, Total, PaidSum, Left string // amounts; empty: there is nothing to say
	LeftMinor                   int64  // what the page says is left
	Issued, Due, Until, PaidOn  string // days
	Payable, Partial            bool
	Plain, Range, Fault         string // of a part: what the field holds, what it may be, and what is wrong with it
	Decimals                    bool   // the currency has any
	Back                        string
}

type lineView struct{ Name, Each, Tax, Amount string }

// tones are the colours of states; each has a word and a shape as well.
var tones = map[string]string{
	string(order.Open): "wait", string(order.PartiallyPaid): "wait", orderWaiting: "wait", string(order.Paid): "good",
	string(order.Expired): "bad", string(order.Canceled): "bad", orderOverdue: "bad", orderClosed: "wait",
}

// showOrder shows an order, or an invoice, with the way to pay it. The first visit brings the secret in the address; from then on it is in a
// cookie, and the address can be read aloud.
func (p *Public) showOrder(ctx context.Context, v visit) error {
	query := v.r.URL.Query()
	lang := p.langs.named(query.Get("lang"))
	if given := query.Get("secret"); given != "" {
		if _, err := p.findOrder(ctx, v, given); err != nil {
			return err
		}
		p.setCookie(v, orderCookie, given, v.orderPath())
		to := v.orderPath()
		if lang != nil {
			to += "?lang=" + lang.Tag
		}
		http.Redirect(v.x, v.r, to, http.StatusSeeOther)
		return nil
	}
	if lang != nil {
		p.setCookie(v, languageCookie, lang.Tag, v.orderPath())
	}
	o, err := p.findOrder(ctx, v, v.cookie(orderCookie))
	if err != nil {
		return err
	}
	return p.renderOrder(v, http.StatusOK, o, "", "")
}

// findOrder is the order that a secret opens.
func (p *Public) findOrder(ctx context.Context, v visit, secret string) (order.Seen, error) {
	if secret == "" || len(secret) > maxSecret {
		return order.Seen{}, fault.Missing("order")
	}
	return p.Orders.ForPayer(ctx, v.tenant, v.order, secret)
}

// orderState is the state of an order's page.
func (p *Public) orderState(v visit, o order.Seen) string {
	open := o.Status == order.Open || o.Status == order.PartiallyPaid
	switch {
	case open && o.Waits:
		return orderWaiting
	case open && v.merchant.Suspended():
		return orderClosed
	case open && o.DueAt != nil && o.DueAt.Before(p.Clock.Now()):
		return orderOverdue
	}
	return string(o.Status)
}

// renderOrder shows the page. typed and wrong are of an amount that was refused.
func (p *Public) renderOrder(v visit, status int, o order.Seen, typed, wrong string) error {
	currency, err := money.ParseCurrency(o.Currency)
	if err != nil {
		return err
	}
	title := v.lang.say("order")
	switch {
	case o.DueAt != nil && o.InvoiceNumber != nil:
		title = v.lang.say("invoice_number", "number", *o.InvoiceNumber)
	case o.DueAt != nil:
		title = v.lang.say("invoice")
	case o.InvoiceNumber != nil:
		title = v.lang.say("order_number", "number", *o.InvoiceNumber)
	}
	w, err := p.view(v, "order", title)
	if err != nil {
		return err
	}
	w.Order = orderViewOf(v.lang, o, currency, p.orderState(v, o))
	w.Order.Path, w.Order.Fault, w.Checkout.Reference = v.orderPath(), wrong, o.ID
	if typed != "" {
		w.Order.Plain = typed
	}
	if w.Order.State == orderWaiting {
		w.Checkout.Watched, w.Checkout.Path = orderWaiting, v.orderPath()
	}
	return p.show(v, status, w, policy{forms: "'self'"})
}

// orderViewOf puts an order into the payer's language.
func orderViewOf(l *language, o order.Seen, currency money.Currency, state string) orderView {
	sum := func(minor int64) string { return l.amount(money.Of(minor, currency)) }
	w := orderView{
		State: state, Tone: tones[state], Description: o.Description, Total: sum(o.Amount), Issued: l.date(o.CreatedAt),
		Payable: state == string(order.Open) || state == string(order.PartiallyPaid) || state == orderOverdue, Partial: o.PartialPayments == "allowed",
		Decimals: currency.Exponent() > 0,
	}
	var taxes int64
	for _, line := range o.Lines {
		shown := lineView{Name: line.Name, Each: strconv.FormatInt(line.Quantity, 10) + " × " + sum(line.UnitAmount), Amount: sum(line.Amount)}
		if line.TaxAmount != 0 || line.TaxRate != "" {
			shown.Tax = l.say("order_tax", "rate", line.TaxRate, "amount", sum(line.TaxAmount))
		}
		taxes += line.TaxAmount
		w.Lines = append(w.Lines, shown)
	}
	if taxes != 0 {
		w.Taxes = sum(taxes)
	}
	if o.AmountPaid > 0 {
		w.PaidSum = sum(o.AmountPaid)
	}
	if w.Payable || state == orderWaiting {
		w.Left, w.LeftMinor = sum(o.AmountLeft), o.AmountLeft
	}
	for _, day := range []struct {
		at   *time.Time
		into *string
	}{{o.DueAt, &w.Due}, {o.PaidAt, &w.PaidOn}, {o.ExpiresAt, &w.Until}} {
		if day.at != nil {
			*day.into = l.date(*day.at)
		}
	}
	if !w.Payable {
		w.Until = ""
	}
	if w.Partial {
		w.Plain = l.plain(money.Of(o.AmountLeft, currency))
		w.Range = l.say("order_range", "least", sum(leastPart(o)), "most", sum(o.AmountLeft))
	}
	if o.ReturnURL != nil {
		w.Back = backFrom(*o.ReturnURL, o)
	}
	return w
}

// leastPart is the least that may be paid now.
func leastPart(o order.Seen) int64 {
	if o.MinimumPayment == nil {
		return min(1, o.AmountLeft)
	}
	return min(*o.MinimumPayment, o.AmountLeft)
}

// backFrom is the merchant's page, told which order it was and how it stands.
func backFrom(address string, o order.Seen) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" { // no other is let in; a browser must never see one
		return ""
	}
	q := u.Query()
	q.Set("order", o.ID)
	q.Set("status", string(o.Status))
	u.RawQuery = q.Encode()
	return u.String()
}

// orderStanding tells how the order stands, for a page that waits.
func (p *Public) orderStanding(ctx context.Context, v visit) error {
	o, err := p.findOrder(ctx, v, v.cookie(orderCookie))
	if err != nil {
		return err
	}
	return v.tell(standing{CheckoutState(p.orderState(v, o))})
}

// maxForm is the largest form, in bytes.
const maxForm = 4 << 10

// payOrder begins a payment, or goes on with the one that waits, and leads to its page.
func (p *Public) payOrder(ctx context.Context, v visit) error {
	if p.foreign.Check(v.r) != nil {
		return problem.New(problem.CodeOrigin, "")
	}
	if err := p.take(p.tries, v.x, v.tenant+" "+v.order); err != nil {
		return err
	}
	secret := v.cookie(orderCookie)
	o, err := p.findOrder(ctx, v, secret)
	if err != nil {
		return err
	}
	if state := p.orderState(v, o); state == orderClosed || state == orderWaiting {
		http.Redirect(v.x, v.r, v.orderPath(), http.StatusSeeOther)
		return nil
	}
	amount, typed, err := p.partOf(v, o)
	if err != nil {
		return err
	}
	if left := v.r.PostForm.Get("left"); left != "" && left != strconv.FormatInt(o.AmountLeft, 10) { // a part was paid meanwhile
		http.Redirect(v.x, v.r, v.orderPath(), http.StatusSeeOther)
		return nil
	}
	wrong := v.lang.say("order_wrong")
	if amount < 0 {
		return p.renderOrder(v, http.StatusBadRequest, o, typed, wrong)
	}
	made, err := p.Orders.Pay(ctx, v.tenant, v.order, secret, amount)
	switch {
	case fault.Is(err, fault.Conflict): // somebody else was first: the page shows what became of it
		http.Redirect(v.x, v.r, v.orderPath(), http.StatusSeeOther)
		return nil
	case fault.Is(err, fault.Invalid):
		return p.renderOrder(v, http.StatusBadRequest, o, typed, wrong)
	case err != nil:
		return err
	case made.ClientSecret == "":
		return errors.New("a payment of an order has no secret for its payer")
	}
	to := visit{tenant: v.tenant, payment: made.ID}.checkoutPath()
	p.setCookie(v, fromOrderCookie, "1", to)
	http.Redirect(v.x, v.r, to+"?client_secret="+url.QueryEscape(made.ClientSecret), http.StatusSeeOther)
	return nil
}

// partOf is how much the payer wants to pay: all that is left, or what they typed. It is below 0 if that is no amount.
func (p *Public) partOf(v visit, o order.Seen) (amount int64, typed string, err error) {
	v.r.Body = http.MaxBytesReader(v.x, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		return 0, "", fault.New(fault.Malformed, problem.CodeMalformed, "the form cannot be read")
	}
	typed = v.r.PostForm.Get("amount")
	if o.PartialPayments != "allowed" || typed == "" {
		return 0, "", nil
	}
	if len(typed) > maxTyped {
		return -1, "", nil
	}
	currency, err := money.ParseCurrency(o.Currency)
	if err != nil {
		return 0, "", err
	}
	amount, ok := v.lang.read(typed, currency)
	if !ok || amount == 0 {
		amount = -1
	}
	return amount, typed, nil
}

// maxTyped bounds what is read as an amount, in bytes.
const maxTyped = 32
