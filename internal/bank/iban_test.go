package bank

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTheRegistrysExamplesAreRead(t *testing.T) {
	for _, example := range registryExamples {
		iban, err := ParseIBAN(example)
		if err != nil || iban.Reveal() != example || iban.Country() != example[:2] {
			t.Errorf("%s: %q, %v", example, iban.Reveal(), err)
		}
	}
	if len(registryExamples) != len(ibanCountries) {
		t.Errorf("%d examples for %d countries", len(registryExamples), len(ibanCountries))
	}
}

func TestEverySEPACountryHasIBANs(t *testing.T) {
	for country := range sepa {
		if ibanCountries[country] == "" {
			t.Errorf("%s is in SEPA and not in the registry", country)
		}
	}
}

// Other published numbers: ECBS, national banks' pages and the test suites of python-stdnum, schwifty and ibantools.
func TestOtherPublishedNumbersAreRead(t *testing.T) {
	for _, text := range []string{
		"BE71096123456769", "BE54050000017797", // check digits 97, where 0 would be
		"CZ9455000000001011038930", "FR7630006000011234567890189", "GB33BUKB20201555555555",
		"IT12D3918913896CHTEE9UATVVO", "IT70Y4907675919YB4EQZ0PL4GT", "IT37W3981469135LSLLPTLPK716", "IT87A76494164602SBPQELOX4WG",
		"LI2108810000232401 3AA", "SI56191000000123438", "SK8975000000000012345671",
		"NO8330001234567", "EE471000001020145685", "HU42117730161111101800000000",
	} {
		if _, err := ParseIBAN(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestThePaperFormatAndSmallLettersAreRead(t *testing.T) {
	const canonical = "MT84MALT011000012345MTLCAST001S"
	for _, text := range []string{
		"MT84 MALT 0110 0001 2345 MTLC AST0 01S", "mt84malt011000012345mtlcast001s", " MT84 MALT\u00a0011000012345MTLCAST001S ",
	} {
		if iban, err := ParseIBAN(text); err != nil || iban.Reveal() != canonical {
			t.Errorf("%q: %q, %v", text, iban.Reveal(), err)
		}
	}
}

func TestWhatIsNoIBANIsRefused(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"", "letters and digits"},
		{"   ", "letters and digits"},
		{"DE89", "too short"},
		{"DE89-3704-0044-0532-0130-00", "letters and digits"},
		{"DE８9370400440532013000", "letters and digits"}, // a full-width digit
		{strings.Repeat(" ", longestInput) + "DE89370400440532013000", "letters and digits"},
		{"XX89370400440532013000", "country"},
		{"US89370400440532013000", "country"},
		{"GP1420041010050500013M02606", "country"}, // Guadeloupe's begin with FR
		{"DE8937040044053201300", "22 characters for DE, and has 21"},
		{"DE893704004405320130000", "has 23"},
		{"DE88370400440532013000", "check digits"},
		{"DEAA370400440532013000", "check digits"},
		{"DE8937040044053201300O", "check digits"},
		{"NO9186011117947", "check digits"},
	} {
		_, err := ParseIBAN(c.text)
		refused(t, err, "iban", c.text)
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %q, want %q in it", c.text, err, c.says)
		}
	}
}

// withCheckDigits makes an IBAN of a country and a BBAN as ISO 13616 says.
func withCheckDigits(country, bban string) string {
	check := 98 - mod97(bban+country+"00")
	return country + string([]byte{'0' + byte(check/10), '0' + byte(check%10)}) + bban
}

func TestALetterInTheWrongPlaceIsRefused(t *testing.T) {
	for _, text := range []string{withCheckDigits("DE", "37040044053201300A"), withCheckDigits("GB", "NWB160161331926819"), withCheckDigits("NL", "ABNA041716430A")} {
		_, err := ParseIBAN(text)
		refused(t, err, "iban", text)
		if !strings.Contains(err.Error(), "a letter or a digit") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCheckDigitsOutsideTheirRangeAreRefused(t *testing.T) {
	for _, c := range []struct{ instead, computed string }{{"00", "97"}, {"01", "98"}, {"99", "02"}} {
		bban := ""
		for n := 100000000; bban == ""; n++ { // a German one with the check digits that the others pass for
			candidate := "37040044" + "0" + string([]byte{'0' + byte(n/100000000%10), '0' + byte(n/10000000%10), '0' + byte(n/1000000%10),
				'0' + byte(n/100000%10), '0' + byte(n/10000%10), '0' + byte(n/1000%10), '0' + byte(n/100%10), '0' + byte(n/10%10), '0' + byte(n%10)})
			if withCheckDigits("DE", candidate)[2:4] == c.computed {
				bban = candidate
			}
		}
		if _, err := ParseIBAN("DE" + c.computed + bban); err != nil {
			t.Fatalf("%s: %v", c.computed, err)
		}
		text := "DE" + c.instead + bban
		if mod97(bban+"DE"+c.instead) != 1 {
			t.Fatalf("%s does not pass the division", c.instead)
		}
		_, err := ParseIBAN(text)
		refused(t, err, "iban", text)
	}
}

func TestWrongCheckDigitsAreRefusedForEveryCountry(t *testing.T) {
	for _, example := range registryExamples {
		for check := range 100 {
			two := string([]byte{'0' + byte(check/10), '0' + byte(check%10)})
			if two == example[2:4] {
				continue
			}
			text := example[:2] + two + example[4:]
			_, err := ParseIBAN(text)
			refused(t, err, "iban", text)
		}
	}
}

// A wrong national number within an IBAN whose own check digits are right: as whoever computes an IBAN from a mistyped number makes it.
func TestAWrongDigitIsRefusedByTheCountrysOwnCheck(t *testing.T) {
	// covered says which characters of the BBAN the national check covers.
	covered := map[string][2]int{"AL": {0, 8}, "EE": {2, 16}, "PL": {0, 8}, "CZ": {4, 20}, "SK": {4, 20}}
	for _, example := range registryExamples {
		country, bban := example[:2], example[4:]
		if nationalChecks[country] == nil {
			continue
		}
		span, ok := covered[country]
		if !ok {
			span = [2]int{0, len(bban)}
		}
		for i := span[0]; i < span[1]; i++ {
			if !isDigit(bban[i]) {
				continue
			}
			for d := byte('0'); d <= '9'; d++ {
				if changed := bban[:i] + string(d) + bban[i+1:]; changed != bban {
					text := withCheckDigits(country, changed)
					_, err := ParseIBAN(text)
					refused(t, err, "iban", text)
				}
			}
		}
	}
}

func TestTheseCountriesHaveChecksOfTheirOwn(t *testing.T) {
	const want = "AL BA BE CZ EE ES FI FR HR HU IT MC ME MK MR NO PL PT RS SI SK SM ST TL TN XK"
	if got := strings.Join(slices.Sorted(maps.Keys(nationalChecks)), " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// CFONB's table, by the digit that the letters stand for. The key of an account with a letter is that of the account with the digit.
func TestALetterInAFrenchAccountStandsForADigit(t *testing.T) {
	for i, letters := range []string{"AJ", "BKS", "CLT", "DMU", "ENV", "FOW", "GPX", "HQY", "IRZ"} {
		digit := string(byte('1' + i))
		head, tail := "20041010050500013", "026"
		rest := mod97(head + digit + tail + "00")
		key := string([]byte{'0' + byte((97-rest)/10), '0' + byte((97-rest)%10)})
		for _, letter := range strings.Split(letters, "") {
			if _, err := ParseIBAN(withCheckDigits("FR", head+letter+tail+key)); err != nil {
				t.Errorf("%s for %s: %v", letter, digit, err)
			}
		}
	}
}

func TestASpanishCheckDigitOfTenIsOne(t *testing.T) {
	const account = "0000000002" // 2 times 6 is 12: one more than a multiple of 11, which leaves ten
	for control := byte('0'); control <= '9'; control++ {
		_, err := ParseIBAN(withCheckDigits("ES", "210004184"+string(control)+account))
		if (err == nil) != (control == '1') {
			t.Errorf("%c: %v", control, err)
		}
	}
}

func TestTheItalianLetterIsChecked(t *testing.T) {
	const bban = "X0542811101000000123456"
	for c := byte('A'); c <= 'Z'; c++ {
		_, err := ParseIBAN(withCheckDigits("IT", string(c)+bban[1:]))
		if (err == nil) != (c == 'X') {
			t.Errorf("%c: %v", c, err)
		}
	}
}

func TestANorwegianAccountMayLeaveItsBankOut(t *testing.T) {
	// 0000 and 5 digits whose own modulus 11 fits, at a bank with which the whole does not fit.
	const account = "0012343" // 1*5+2*4+3*3+4*2+3 = 33
	if weighted(account[2:], 5, 4, 3, 2, 1)%11 != 0 || weighted("8602"+account, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0 {
		t.Fatal("not the case this test is about")
	}
	if _, err := ParseIBAN(withCheckDigits("NO", "8602"+account)); err != nil {
		t.Error(err)
	}
	if _, err := ParseIBAN(withCheckDigits("NO", "86020012344")); err == nil {
		t.Error("a wrong check digit passes")
	}
}

func TestOneWrongDigitOrTwoSwappedAreRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(rapid.SampledFrom(registryExamples).Draw(t, "example"))
		i := rapid.IntRange(2, len(text)-2).Draw(t, "place")
		changed := append([]byte(nil), text...)
		if rapid.Bool().Draw(t, "swap") {
			changed[i], changed[i+1] = changed[i+1], changed[i]
		} else {
			changed[i] = byte('0' + rapid.IntRange(0, 9).Draw(t, "digit"))
		}
		if !isDigit(text[i]) || !isDigit(text[i+1]) || string(changed) == string(text) {
			t.Skip("no digit changed")
		}
		if mod97(string(changed[4:])+string(changed[:4])) == 1 {
			t.Fatalf("MOD 97-10 does not see the change of %s to %s", text, changed)
		}
		if _, err := ParseIBAN(string(changed)); err == nil {
			t.Fatalf("%s, from %s, passes", changed, text)
		}
	})
}

func TestAComputedIBANIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		countries := []string{"AT", "DE", "CH", "LT", "RO", "GB", "SE", "SA"} // without a national check
		country := rapid.SampledFrom(countries).Draw(t, "country")
		bban := ""
		ibanCountries[country].each(func(length int, class byte) bool {
			set := map[byte]string{'n': "[0-9]", 'a': "[A-Z]", 'c': "[0-9A-Z]"}[class]
			for range length {
				bban += rapid.StringMatching(set).Draw(t, "character")
			}
			return true
		})
		text := withCheckDigits(country, bban)
		if _, err := ParseIBAN(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	})
}

func FuzzParseIBAN(f *testing.F) {
	for _, example := range registryExamples {
		f.Add(example)
	}
	f.Add("gb29 nwbk 6016 1331 9268 19")
	f.Fuzz(func(t *testing.T, text string) {
		iban, err := ParseIBAN(text)
		if err != nil {
			refused(t, err, "iban", text)
			return
		}
		again, err := ParseIBAN(iban.Reveal())
		if err != nil || again.Reveal() != iban.Reveal() {
			t.Errorf("%q: the canonical form %q is read as %q, %v", text, iban.Reveal(), again.Reveal(), err)
		}
	})
}

// sharedData is what others published. It is not part of the repository.
const sharedData = "../../../shared/data/"

func shared(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(sharedData + pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("%s%s is not here", sharedData, pattern)
	}
	texts := make([]string, len(files))
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	return texts
}

func TestTheNumbersInPublishedBankFilesAreRead(t *testing.T) {
	invented := map[string]bool{"ES8201822200150201504058": true} // its check digits do not fit
	found := 0
	for _, text := range shared(t, "iso20022/samples/*.xml") {
		for _, number := range regexp.MustCompile(`<IBAN>([A-Z]{2}[0-9]{2}[^<]+)`).FindAllStringSubmatch(text, -1) {
			found++
			if _, err := ParseIBAN(number[1]); (err != nil) != invented[number[1]] {
				t.Errorf("%s: %v", number[1], err)
			}
		}
		for _, code := range regexp.MustCompile(`<BIC(?:FI)?>([^<]+)`).FindAllStringSubmatch(text, -1) {
			if _, err := ParseBIC(code[1]); err != nil && code[1] != "Bank BIC" {
				t.Errorf("%s: %v", code[1], err)
			}
		}
	}
	if found < 10 {
		t.Errorf("%d numbers: the pattern finds too few", found)
	}
}
