package provider_test

import (
	"testing"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simcard"
	"github.com/florinpay/florin/internal/provider/simpayout"
	"github.com/florinpay/florin/internal/provider/simproto"
	"github.com/florinpay/florin/internal/provider/stripe"
)

func TestEveryCodeOfTheContractIsReachedByAProvidersWord(t *testing.T) {
	reached := map[provider.DeclineCode]bool{}
	for name, table := range map[string]provider.Table{
		"simcard": simcard.Declines, "stripe": stripe.Declines, "stripe refunds": stripe.Refunds, "simproto": simproto.Declines, "simpayout": simpayout.Declines,
	} {
		if len(table.Codes()) == 0 {
			t.Errorf("the table of %s is empty", name)
		}
		for raw, code := range table.Codes() {
			if d := table.Decline(raw); d.Code != code || d.Raw != raw || d.Unrecognized {
				t.Errorf("%s: %q is %+v", name, raw, d)
			}
			reached[code] = true
		}
	}
	for _, code := range provider.Codes() {
		if !reached[code] {
			t.Errorf("no provider's word stands for %s", code)
		}
	}
}
