package public

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/exchange"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/strict"
)

// methodBody is a method other than a card, as a browser names it.
type methodBody struct {
	Type string `json:"type" enum:"bank_redirect,pix,ideal,payid,fpx,upi,sepa_qr"`
	Bank string `json:"bank,omitempty" maxLength:"64" check:"printable"`
}

// choice is what a payer chose: a token or a method.
func choice(token string, m *methodBody) payment.Choice {
	if m == nil {
		return payment.Choice{Token: token}
	}
	return payment.Choice{Type: provider.Method(m.Type), Bank: m.Bank}
}

func (b *clientConfirmBody) Check(f *strict.Faults, _ time.Time) { oneChoice(f, b.Token, b.Method) }

func (b *checkoutConfirmBody) Check(f *strict.Faults, _ time.Time) {
	oneChoice(f, b.Token, b.Method)
	if b.Token == "" && b.Method == nil {
		f.Add("payment_method_token", "parameter_missing", "is required, or payment_method")
	}
}

func oneChoice(f *strict.Faults, token string, m *methodBody) {
	if token != "" && m != nil {
		f.Add("payment_method", fault.CodeInvalid, "cannot stand beside payment_method_token")
	}
}

// listed are the methods that may have a list of banks.
var listed = []provider.Method{provider.MethodBankRedirect, provider.MethodIDEAL, provider.MethodFPX}

type bankList struct {
	Object  string               `json:"object"`
	Data    []payment.BankObject `json:"data"`
	HasMore bool                 `json:"has_more"`
}

// banks are what the query of a request asks for.
func (p *Public) banks(ctx context.Context, tenant string, r *http.Request, currency string) (bankList, error) {
	method := provider.Method(r.URL.Query().Get("method"))
	if !slices.Contains(listed, method) {
		return bankList{}, fault.Wrong("method", fault.CodeInvalid, "must be bank_redirect, ideal or fpx")
	}
	found, err := p.Ways.Banks(ctx, tenant, method, currency)
	return bankList{"list", payment.BankObjects(found), false}, err
}

// clientBanks lists banks for a page of the merchant's own.
func (p *Public) clientBanks(ctx context.Context, c caller, r *http.Request) (exchange.Answer, error) {
	found, err := p.banks(ctx, c.Tenant, r, r.URL.Query().Get("currency"))
	return shown(http.StatusOK, found, err)
}

// checkoutBanks lists banks for the checkout page of a payment, in its currency.
func (p *Public) checkoutBanks(ctx context.Context, v visit) error {
	o, err := p.find(ctx, v.tenant, v.payment, v.cookie(secretCookie))
	if err != nil {
		return err
	}
	found, err := p.banks(ctx, v.tenant, v.r, o.Currency)
	if err != nil {
		return err
	}
	return v.tell(found)
}

// wayView is a method as the page offers it.
type wayView struct {
	Type  provider.Method
	Name  string
	Banks bool
	First bool
}

// brandNames are the methods that are called the same in every language; the others have words.
var brandNames = map[provider.Method]string{
	provider.MethodIDEAL: "iDEAL", provider.MethodFPX: "FPX", provider.MethodPIX: "Pix", provider.MethodUPI: "UPI", provider.MethodPayID: "PayID",
}

// method is what a method is called.
func (l *language) method(m provider.Method) string {
	switch m {
	case provider.MethodCard:
		return l.say("method_card")
	case provider.MethodBankRedirect:
		return l.say("method_bank_redirect")
	case provider.MethodSEPAQR:
		return l.say("method_sepa_qr")
	}
	return brandNames[m]
}

// offer is what the page offers. A merchant of whom nothing can be offered just now has the card fields: the answer says why.
func (p *Public) offer(ctx context.Context, v visit) ([]wayView, error) {
	found, err := p.Ways.Ways(ctx, v.tenant, v.payment, v.cookie(secretCookie))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		found = []payment.Way{{Type: provider.MethodCard}}
	}
	var offered []wayView
	for _, w := range found {
		offered = append(offered, wayView{w.Type, v.lang.method(w.Type), w.Banks, len(offered) == 0})
	}
	return offered, nil
}
