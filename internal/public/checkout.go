package public

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// Checkout is what a checkout page is about: somebody pays an amount to a merchant. It is made of a payment; an order, which has a page of its
// own, begins one.
type Checkout struct {
	Reference string // what the payer can quote: pay_…
	Amount    money.Money
	State     CheckoutState
	Step      string // changes with each try, so that a page that was left open cannot pay twice; empty: nothing can be paid from here
	Declined  *payerFailure
	Card      *payerCard // of the last try
	Action    string     // where the payer has to go, for CheckoutAction
	Code      *payCode   // what the payer scans, for CheckoutScan
	Back      string     // the merchant's page; empty if there is none
	Saves     bool       // the merchant asks that the card is saved; the payer decides
	Order     string     // the order that is paid; empty if there is none. The template is given the address of its page
}

// CheckoutState is what the payer can do.
type CheckoutState string

// The states. Each has a part of the page.
const (
	CheckoutOpen     CheckoutState = "open"     // pay
	CheckoutAction   CheckoutState = "action"   // go to the bank
	CheckoutScan     CheckoutState = "scan"     // scan a code
	CheckoutWaiting  CheckoutState = "waiting"  // wait for the bank
	CheckoutReview   CheckoutState = "review"   // wait for the merchant
	CheckoutPaid     CheckoutState = "paid"     // be glad
	CheckoutFailed   CheckoutState = "failed"   // go back and begin again
	CheckoutExpired  CheckoutState = "expired"  // go back and begin again
	CheckoutCanceled CheckoutState = "canceled" // nothing
	CheckoutMoved    CheckoutState = "moved"    // the page's secret is of a step that is over
	CheckoutClosed   CheckoutState = "closed"   // the merchant is suspended
)

var checkoutStates = map[payment.Status]CheckoutState{
	payment.RequiresPaymentMethod: CheckoutOpen, payment.RequiresAction: CheckoutAction, payment.Processing: CheckoutWaiting,
	payment.InReview: CheckoutReview, payment.Authorized: CheckoutPaid, payment.Captured: CheckoutPaid, payment.Failed: CheckoutFailed,
	payment.Expired: CheckoutExpired, payment.Canceled: CheckoutCanceled,
}

// checkoutOf is the checkout of a payment.
func checkoutOf(o payment.Object, l *language) (Checkout, error) {
	p := payerOf(o, l)
	currency, err := money.ParseCurrency(p.Currency)
	if err != nil {
		return Checkout{}, fmt.Errorf("checkout of %s: %w", p.ID, err)
	}
	state, ok := checkoutStates[p.Status]
	if !ok {
		return Checkout{}, fmt.Errorf("checkout of %s: there is no page for a payment that is %s", p.ID, p.Status)
	}
	c := Checkout{
		Reference: p.ID, Amount: money.Of(p.Amount, currency), State: state, Declined: p.Failure, Back: p.back(),
	}
	if m := p.PaymentMethod; m != nil {
		c.Card = m.Card
	}
	if o.Order != nil {
		c.Order = *o.Order
	}
	c.Saves = o.SetupFutureUsage != "" && o.Customer != nil
	switch {
	case state == CheckoutOpen && p.ClientSecret == "":
		c.State = CheckoutMoved
	case state == CheckoutOpen:
		c.Step = stepOf(p.ClientSecret)
	case state == CheckoutAction && p.NextAction != nil && p.NextAction.Type == provider.ActionQR:
		c.State, c.Code = CheckoutScan, codeOf(*p.NextAction)
	case state == CheckoutAction:
		if c.Action = p.next(); c.Action == "" { // the payer can do nothing but wait
			c.State = CheckoutWaiting
		}
	}
	return c, nil
}

// payCode is a code as the page shows it.
type payCode struct {
	Image    string       // where its picture is
	Copy     string       // what the payer can paste in place of scanning
	Deeplink template.URL // opens the payer's app; empty: there is none
	Until    string       // when it is too late
}

// codeOf is a code to be scanned. Its deeplink comes from the provider, whose app it opens: any scheme but those that run here.
func codeOf(a payerAction) *payCode {
	c := &payCode{Image: a.QRImageURL, Copy: cmp.Or(a.CopyCode, a.QRCode)}
	if u, err := url.Parse(a.Deeplink); err == nil && u.Scheme != "" && !runsHere[strings.ToLower(u.Scheme)] {
		c.Deeplink = template.URL(a.Deeplink)
	}
	if a.ExpiresAt != nil {
		c.Until = a.ExpiresAt.UTC().Format("2006-01-02, 15:04 MST")
	}
	return c
}

// runsHere are schemes of what a browser would run or show in our name.
var runsHere = map[string]bool{"javascript": true, "data": true, "vbscript": true, "blob": true, "file": true}

// next is where the payer has to go; empty if nowhere.
func (p payerPayment) next() string {
	if p.NextAction == nil || p.NextAction.Type != "redirect" {
		return ""
	}
	if u, err := url.Parse(p.NextAction.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return p.NextAction.URL
}

// stepOf names the step that a client secret is for without giving it away.
func stepOf(secret string) string {
	sum := sha256.Sum256([]byte("step " + secret))
	return hex.EncodeToString(sum[:8])
}

// The cookies. That with the client secret goes to the payment's own page alone; the other one tells, on the way back from the
// bank, that the payer came from that page.
const (
	secretCookie = "florin_payment"
	cameCookie   = "florin_checkout"
)

func (v visit) checkoutPath() string { return "/pay/" + v.tenant + "/" + v.payment }

func (v visit) challengePath() string { return "/3ds/" + v.tenant + "/" + v.payment }

// setCookie sets a cookie that scripts and other sites cannot use. Lax, not Strict: the payer comes back from a bank's page.
func (p *Public) setCookie(v visit, name, value, path string) {
	http.SetCookie(v.x, &http.Cookie{
		Name: name, Value: value, Path: path, MaxAge: int(cookieAge.Seconds()), HttpOnly: true, Secure: p.site.secure, SameSite: http.SameSiteLaxMode,
	})
}

// remember keeps the secret of the step that the payer is at.
func (p *Public) remember(v visit, secret string) {
	p.setCookie(v, secretCookie, secret, v.checkoutPath())
	p.setCookie(v, cameCookie, "1", v.challengePath())
}

func (v visit) cookie(name string) string {
	c, err := v.r.Cookie(name)
	if err != nil || len(c.Value) > maxSecret {
		return ""
	}
	return c.Value
}

// checkout shows the page. The first visit brings the secret in the address; from then on it is in a cookie, and the address
// can be read aloud.
func (p *Public) checkout(ctx context.Context, v visit) error {
	if given := v.r.URL.Query().Get("client_secret"); given != "" {
		return p.arrive(ctx, v, given)
	}
	if lang := p.langs.named(v.r.URL.Query().Get("lang")); lang != nil {
		p.setCookie(v, languageCookie, lang.Tag, v.checkoutPath())
		p.setCookie(v, languageCookie, lang.Tag, v.challengePath())
	}
	c, err := p.checkoutAsItStands(ctx, v)
	if err != nil {
		return err
	}
	return p.showCheckout(ctx, v, c)
}

// arrive takes the secret out of the address. An older one than the browser has already, from an older link to the same
// payment, does not replace it.
func (p *Public) arrive(ctx context.Context, v visit, given string) error {
	if len(given) > maxSecret {
		return fault.Missing("payment")
	}
	o, err := p.find(ctx, v.tenant, v.payment, given)
	if err != nil {
		return err
	}
	if had := v.cookie(secretCookie); o.ClientSecret != "" || had == "" {
		p.remember(v, given)
	} else if _, err := p.find(ctx, v.tenant, v.payment, had); err != nil {
		p.remember(v, given)
	}
	to := v.checkoutPath()
	if lang := p.langs.named(v.r.URL.Query().Get("lang")); lang != nil {
		to += "?lang=" + lang.Tag
	}
	http.Redirect(v.x, v.r, to, http.StatusSeeOther)
	return nil
}

// checkoutView is what the template shows of a checkout.
type checkoutView struct {
	Checkout
	Sum       string // the amount as the language writes it
	Text      string // of a page of words alone
	What      string // a decline
	Next      string
	Brand     string
	Key, Path string // for the script
	Wallet    bool   // the simulated wallet is offered
	Watched   string // what the script looks for changes of; empty: nothing
	Ways      []wayView
	SaveText  string // what the payer agrees to
}

// Cards tells whether a card can pay; the fields for it are on the page then.
func (c checkoutView) Cards() bool {
	return slices.ContainsFunc(c.Ways, func(w wayView) bool { return w.Type == provider.MethodCard })
}

// Banks tells whether a way lets the payer choose their bank.
func (c checkoutView) Banks() bool {
	return slices.ContainsFunc(c.Ways, func(w wayView) bool { return w.Banks })
}

// brands are the names of card brands, as people write them.
var brands = map[string]string{
	"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover", "diners": "Diners Club", "jcb": "JCB",
	"unionpay": "UnionPay", "maestro": "Maestro", "elo": "Elo", "hipercard": "Hipercard",
}

func brandName(brand string) string {
	if name, ok := brands[brand]; ok {
		return name
	}
	return brand
}

func (p *Public) showCheckout(ctx context.Context, v visit, c Checkout) error {
	title := v.lang.say("title_pay", "merchant", v.merchant.Name)
	if c.State == CheckoutOpen && v.merchant.Suspended() {
		c.State = CheckoutClosed
	}
	if c.State != CheckoutOpen {
		title = v.lang.say(string(c.State)+"_title", "merchant", v.merchant.Name)
	}
	w, err := p.view(v, string(c.State), title)
	if err != nil {
		return err
	}
	w.Checkout = checkoutView{Checkout: c, Sum: v.lang.amount(c.Amount), Path: v.checkoutPath()}
	if w.Checkout.Order = ""; c.Order != "" && v.cookie(fromOrderCookie) != "" {
		w.Checkout.Order = visit{tenant: v.tenant, order: c.Order}.orderPath()
	}
	if c.Card != nil {
		w.Checkout.Brand = brandName(c.Card.Brand)
	}
	switch c.State {
	case CheckoutOpen:
		w.Checkout.Wallet = w.Testing && p.site.walletOrigin != ""
		if w.Checkout.Key, err = p.HostedKey(ctx, v.tenant); err != nil {
			return err
		}
		if c.Saves {
			w.Checkout.SaveText = v.saveText()
		}
		if w.Checkout.Ways, err = p.offer(ctx, v); err != nil {
			return err
		}
		if c.Declined != nil {
			said := v.lang.decline(c.Declined)
			w.Checkout.What, w.Checkout.Next = said.What, said.Next
		}
	case CheckoutAction, CheckoutScan, CheckoutWaiting, CheckoutReview:
		w.Checkout.Watched = string(c.State)
	}
	return p.show(v, http.StatusOK, w, policy{wallet: w.Checkout.Wallet})
}
