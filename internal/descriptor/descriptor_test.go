package descriptor

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestADescriptorIsFittedToTheNetworkAndTheProvider(t *testing.T) {
	stripe := Terms{Refused: `<>\'"*`, PrintsName: true}
	for _, c := range []struct{ composed, network, want string }{
		{"FLORIN SHOP", "visa", "FLORIN SHOP"},
		{"FLORIN SHOP* ORD-1001", "visa", "FLORIN SHOP* ORD-1001"},
		{"FLORIN FLOWER SHOP* ORD-1001", "visa", "FLORIN FLOWER S* ORD-1001"},
		{"FLORIN FLOWER SHOP* ORD-1001", "mastercard", "FLORIN FLOWE* ORD-1001"},
		{"FLORIN FLOWER SHOP* ORD-1001", "", "FLORIN FLOWE* ORD-1001"},
		{"FLORIN SHOP* ORDER 1001 OF MAY", "mastercard", "FLO* ORDER 1001 OF MAY"},
		{"24 SEVEN SHOP* 12345678901234567", "mastercard", "24 SEVEN SHOP"},
		{"", "visa", ""},
	} {
		if got := Fit(c.composed, c.network, Terms{}); got != c.want {
			t.Errorf("%q on %s: %q, want %q", c.composed, c.network, got, c.want)
		}
	}
	for composed, want := range map[string]string{
		"FLORIN SHOP* ORD-1001": "ORD-1001", "FLORIN SHOP": "FLORIN SHOP", "FLORIN'S <SHOP>": "FLORINS SHOP",
	} {
		if got := Fit(composed, "visa", stripe); got != want {
			t.Errorf("%q where the provider prints the name: %q, want %q", composed, got, want)
		}
	}
	if got := Fit("FLORIN SHOP* ORD-1001", "visa", Terms{Length: 13}); got != "FLO* ORD-1001" {
		t.Errorf("at most 13: %q", got)
	}
}

func TestWhateverIsComposedFits(t *testing.T) {
	text := rapid.StringMatching(`[A-Za-z][A-Za-z0-9 .,/&+-]{0,30}`)
	rapid.Check(t, func(t *rapid.T) {
		name, suffix := text.Draw(t, "name"), rapid.OneOf(rapid.Just(""), text).Draw(t, "suffix")
		terms := Terms{Length: rapid.SampledFrom([]int{0, 13, 20, 22, 40}).Draw(t, "length"), PrintsName: rapid.Bool().Draw(t, "prints")}
		got := Fit(Compose(name, suffix), rapid.SampledFrom([]string{"visa", "mastercard", "amex", ""}).Draw(t, "network"), terms)
		limit := 25
		if terms.Length > 0 {
			limit = min(limit, terms.Length)
		}
		if utf8.RuneCountInString(got) > limit || got != strings.TrimSpace(got) || got == "" {
			t.Errorf("%q of %q and %q", got, name, suffix)
		}
	})
}
