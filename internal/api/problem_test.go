package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

func TestADeclineNamesTheParameterThatItsRequestHas(t *testing.T) {
	for name, c := range map[string]struct {
		refused payment.Kind
		code    string
		param   string
	}{
		"a card":                   {"", fault.CodeCardDeclined, "payment_method_token"},
		"another method":           {"", fault.CodePaymentDeclined, "payment_method"},
		"nobody was asked":         {"", fault.CodeProviderUnavailable, ""},
		"a capture":                {payment.KindCapture, fault.CodeCardDeclined, ""},
		"a cancellation":           {payment.KindVoid, fault.CodePaymentDeclined, ""},
		"a cancellation, not sent": {payment.KindVoid, fault.CodeProviderUnavailable, ""},
	} {
		p := problemOf(&payment.DeclinedError{Refused: c.refused, Code: c.code, Decline: provider.Decline{Code: provider.DoNotHonor}})
		if p.Status != http.StatusPaymentRequired || p.Code != c.code || p.Param != c.param {
			t.Errorf("%s: %d %s names %q", name, p.Status, p.Code, p.Param)
		}
	}
}

// The payment is there and waits; what the answer says is what a request is told that was refused before anything was begun.
func TestWhatASwitchHasStoppedIsNoDecline(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	o := payment.Object{ID: "pay_1", PaymentMethod: &payment.MethodObject{Type: provider.MethodCard}}
	p := problemOf(payment.Refusal(o, &payment.FailureObject{Code: fault.CodeKillSwitch, Message: "authorize is switched off: a fraud wave. Nothing was charged.", RetryAt: new(at.Add(time.Hour))}, at))
	if p.Status != http.StatusServiceUnavailable || p.Code != fault.CodeKillSwitch || p.Detail != "authorize is switched off: a fraud wave. Nothing was charged." || p.Payment != "pay_1" ||
		p.Param != "" || p.DeclineCode != "" || p.Retry != "later" || !p.Retryable || p.RetryAfter != 3600 || p.GetHeaders().Get("Retry-After") != "3600" {
		t.Errorf("told %+v, %v", p, p.GetHeaders())
	}
}

func TestADeclineThatNoOtherProviderIsLeftForIsForLater(t *testing.T) {
	for code, want := range map[provider.DeclineCode]string{provider.ProcessingError: "later", provider.BankUnavailable: "later", provider.StolenCard: "never", provider.IncorrectCVC: "fix_data"} {
		p := problemOf(&payment.DeclinedError{Code: fault.CodeCardDeclined, Decline: provider.Decline{Code: code}, Meaning: provider.Explain(code)})
		if p.Retry != want || p.Retryable != (want == "later") {
			t.Errorf("%s says %s, retryable %t", code, p.Retry, p.Retryable)
		}
	}
}
