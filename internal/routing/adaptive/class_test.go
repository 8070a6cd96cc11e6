package adaptive_test

import (
	"testing"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing/adaptive"
)

func TestEveryDeclineCodeHasAClass(t *testing.T) {
	issuer := map[provider.DeclineCode]bool{
		provider.DoNotHonor: true, provider.GenericDecline: true, provider.NotPermitted: true, provider.RiskDecline: true,
		provider.BankUnavailable: true, provider.IssuerUnavailable: true,
	}
	for _, code := range provider.Codes() {
		want := adaptive.Customer
		switch {
		case issuer[code]:
			want = adaptive.Issuer
		case code == provider.ProcessingError:
			want = adaptive.Technical
		}
		if got := adaptive.ClassOf(string(code), provider.Explain(code).Category); got != want {
			t.Errorf("%s is of class %d, want %d", code, got, want)
		}
	}
	if got := adaptive.ClassOf("brand_new", "brand_new"); got != adaptive.Issuer {
		t.Errorf("what nobody knows is of class %d", got)
	}
}
