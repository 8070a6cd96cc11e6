package provider

import (
	"slices"
	"testing"
)

// able has any capabilities; what it does is never called.
type able struct{ can Capabilities }

func (a able) Capabilities() Capabilities { return a.can }

type (
	acquirer struct {
		able
		Authorizer
	}
	starter struct {
		able
		Starter
	}
)

func TestAnAccountTakesWhatItsConnectorCanDoWithIt(t *testing.T) {
	pix := Capabilities{Methods: map[Method]MethodTerms{MethodPIX: {}, MethodIDEAL: {}}}
	r := Registry{
		"cards": acquirer{able: able{}}, "wallets": acquirer{able: able{Capabilities{NetworkTokens: true}}},
		"rails": starter{able: able{pix}}, "nothing": able{pix},
	}
	for provider, want := range map[string][]Method{
		"cards": {MethodCard}, "wallets": {MethodCard, MethodWallet}, "rails": {MethodIDEAL, MethodPIX}, "nothing": nil, "unknown": nil,
	} {
		if got := r.Methods(Account{Provider: provider}); !slices.Equal(got, want) {
			t.Errorf("%s takes %v, want %v", provider, got, want)
		}
	}
}
