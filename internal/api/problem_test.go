package api

import (
	"net/http"
	"testing"

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

func TestADeclineThatNoOtherProviderIsLeftForIsForLater(t *testing.T) {
	for code, want := range map[provider.DeclineCode]string{provider.ProcessingError: "later", provider.BankUnavailable: "later", provider.StolenCard: "never", provider.IncorrectCVC: "fix_data"} {
		p := problemOf(&payment.DeclinedError{Code: fault.CodeCardDeclined, Decline: provider.Decline{Code: code}, Meaning: provider.Explain(code)})
		if p.Retry != want || p.Retryable != (want == "later") {
			t.Errorf("%s says %s, retryable %t", code, p.Retry, p.Retryable)
		}
	}
}
