package public

import (
	"slices"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// toBank is what the core does when the payer goes to their bank.
func (c *core) toBank(payment.Confirmation) error {
	c.object.Status = payment.RequiresAction
	c.object.NextAction = &payment.NextAction{Type: "redirect", URL: "https://bank.example/pay/1", ExpiresAt: noon}
	return nil
}

func TestThePageOffersWhatTheMerchantTakes(t *testing.T) {
	card, ideal, code := payment.Way{Type: provider.MethodCard}, payment.Way{Type: provider.MethodIDEAL, Banks: true}, payment.Way{Type: provider.MethodSEPAQR}
	for name, x := range map[string]struct {
		ways        []payment.Way
		has, hasNot []string
	}{
		"all":         {[]payment.Way{card, ideal, code}, []string{`id="card"`, `value="card" checked`, `value="ideal" data-banks`, "iDEAL", "SEPA transfer by code", `id="bank"`}, nil},
		"cards alone": {[]payment.Way{card}, []string{`id="card"`, `type="hidden" name="way" value="card"`}, []string{`type="radio"`, `id="bank"`}},
		"no cards":    {[]payment.Way{ideal, code}, []string{`value="ideal" data-banks checked`, `id="lock" hidden`}, []string{`id="card"`}},
		"nothing":     {nil, []string{`id="card"`}, []string{`type="radio"`}},
	} {
		d := newDoor(t)
		d.core.ways = x.ways
		w := d.visit(0)
		says(t, w, 200, x.has...)
		for _, part := range x.hasNot {
			if strings.Contains(text(w), part) {
				t.Errorf("%s: the page has %s", name, part)
			}
		}
	}
}

func TestThePageTakesAMethodAndABank(t *testing.T) {
	d := newDoor(t)
	d.core.then = d.core.toBank
	by := func(method string) string {
		return `{"step":"` + stepOf(secretAt(0)) + `",` + method + `}`
	}
	for _, wrong := range []string{
		`"payment_method":{"type":"card"}`, `"payment_method":{"type":"ideal","bank":"` + strings.Repeat("x", 65) + `"}`, `"payment_method":{"type":"ideal","bank":7}`,
		`"payment_method":{"type":"ideal"},"payment_method_token":"` + token + `"`,
	} {
		refused(t, d.press(0, by(wrong)), 400, "parameter_invalid")
	}
	refused(t, d.press(0, by(`"browser":{}`)), 400, "parameter_missing")
	got := given[outcome](t, d.press(0, by(`"payment_method":{"type":"ideal","bank":"ideal_canal"}`)), 200)
	if got.Outcome != "leave" || got.URL != "https://bank.example/pay/1" {
		t.Errorf("%+v", got)
	}
	if len(d.core.confirmed) != 1 || d.core.confirmed[0].Choice != (payment.Choice{Type: provider.MethodIDEAL, Bank: "ideal_canal"}) {
		t.Errorf("confirmed %+v", d.core.confirmed)
	}
}

func TestAPageOfTheMerchantsTakesAMethodAndABank(t *testing.T) {
	d := newDoor(t)
	d.core.then = d.core.toBank
	refused(t, d.call("POST", confirm, `{"payment_method":{"type":"ideal"},"payment_method_token":"`+token+`"}`), 400, "parameter_invalid")
	got := given[payerPayment](t, d.call("POST", confirm, `{"payment_method":{"type":"ideal","bank":"ideal_canal"}}`), 200)
	if got.NextAction == nil || d.core.confirmed[0].Choice != (payment.Choice{Type: provider.MethodIDEAL, Bank: "ideal_canal"}) {
		t.Errorf("%+v after %+v", got, d.core.confirmed)
	}
}

func TestBanksAreListedToPagesOfTheMerchantAndToThePayer(t *testing.T) {
	d := newDoor(t)
	want := []payment.BankObject{{ID: "ideal_canal", Object: "bank", Name: "Canal Bank", Available: true}, {ID: "ideal_polder", Object: "bank", Name: "Polder Bank"}}
	cookie := []string{"Cookie", secretCookie + "=" + secretAt(0)}
	for name, got := range map[string]bankList{
		"the merchant's": given[bankList](t, d.call("GET", "/v1/client/banks?method=ideal&currency=EUR", ""), 200),
		"ours":           given[bankList](t, d.send("GET", checkoutPath+"/banks?method=ideal", "", cookie...), 200),
	} {
		if got.Object != "list" || !slices.Equal(got.Data, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	refused(t, d.call("GET", "/v1/client/banks?method=fpx", ""), 503, fault.CodeProviderUnavailable)
	refused(t, d.call("GET", "/v1/client/banks?method=card", ""), 400, fault.CodeInvalid)
	refused(t, d.send("GET", checkoutPath+"/banks?method=ideal", ""), 404, fault.CodeNotFound)
	refused(t, d.call("GET", "/v1/client/banks?method=ideal", "", "Authorization", "Bearer sk_test_shop"), 403, access.CodeKeyKind)
}
