package public

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// advised are all declines that a payment can have: each code, of each brand, with each advice that a network could give.
func advised(each func(code, brand string, d provider.Decline)) {
	codes := append(provider.Codes(), "", "of_tomorrow")
	for _, why := range []string{fault.CodeCardDeclined, fault.CodePaymentDeclined, fault.CodeProviderUnavailable, fault.CodeKillSwitch, fault.CodeExpired, "something_new"} {
		for _, code := range codes {
			for _, brand := range []string{"", "visa", "mastercard", "amex", "discover"} {
				for advice := range 100 {
					each(why, brand, provider.Decline{Code: code, NetworkAdvice: fmt.Sprintf("%02d", advice)})
				}
			}
		}
	}
}

// What the types of florin.js promise of retry is what the public zone answers: no word more, and none less.
func TestTheTypesListWhatAPayerIsToldToDoNext(t *testing.T) {
	text, err := os.ReadFile("js/florin.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^  retry: (.*) \| null;$`).FindSubmatch(text)
	if line == nil {
		t.Fatal("the types do not say what retry is")
	}
	var listed []provider.Retry
	for _, word := range regexp.MustCompile(`'(\w+)'`).FindAllSubmatch(line[1], -1) {
		listed = append(listed, provider.Retry(word[1]))
	}
	langs, err := readLanguages()
	if err != nil {
		t.Fatal(err)
	}
	told := map[provider.Retry]bool{}
	advised(func(code, brand string, d provider.Decline) {
		f := failureOf(code, d.Code, d.Meaning(brand), langs.all[0])
		if told[f.Retry] = true; !slices.Contains(listed, f.Retry) {
			t.Fatalf("%s %s of %q with advice %s says %q, which is not among %q", code, d.Code, brand, d.NetworkAdvice, f.Retry, listed)
		}
	})
	for _, word := range listed {
		if !told[word] {
			t.Errorf("%s is among the types, and nobody is told it", word)
		}
	}
}
