package bank

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/fault"
)

func TestDomesticAccountsAreRead(t *testing.T) {
	for _, c := range []struct {
		country, bank, branch, number string // as given
		code, account                 string // canonical
		rails                         []RailName
	}{
		{"US", "021000021", "", "000123456789", "021000021", "000123456789", []RailName{ACH}}, // JPMorgan Chase, New York
		{"US", "0110 0001 5", "", "1234-5678", "011000015", "12345678", []RailName{ACH}},      // Federal Reserve Bank of Boston
		{"US", "322271627", "", "1234", "322271627", "1234", []RailName{ACH}},
		{"GB", "60-16-13", "", "31926819", "601613", "31926819", []RailName{FPS, Bacs}}, // the account of the IBAN Registry's example
		{"GB", "20 20 15", "", "555555", "202015", "00555555", []RailName{FPS, Bacs}},
		{"AU", "062-000", "", "1234 5678", "062000", "12345678", []RailName{NPP}},
		{"IN", "hdfc0000001", "", "50100012345678", "HDFC0000001", "50100012345678", []RailName{UPI}},
		{"BR", "00360305", "0001", "0009795493-1", "00360305", "00097954931", []RailName{Pix}},
		{"BR", "001", "1234", "12345-x", "001", "12345X", []RailName{Pix}},
		{"MY", "mbbemykl", "", "114012345678", "MBBEMYKL", "114012345678", []RailName{FPX}},
	} {
		d, err := ParseDomestic(c.country, c.bank, c.branch, c.number)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if d.Country() != c.country || d.BankCode() != c.code || d.Branch() != c.branch || d.Reveal() != c.account || !slices.Equal(d.Rails(), c.rails) {
			t.Errorf("%+v: %s %s %s %s %v", c, d.Country(), d.BankCode(), d.Branch(), d.Reveal(), d.Rails())
		}
		again, err := ParseDomestic(d.Country(), d.BankCode(), d.Branch(), d.Reveal())
		if err != nil || again.Reveal() != d.Reveal() {
			t.Errorf("%+v: the canonical form is read as %q, %v", c, again.Reveal(), err)
		}
	}
}

func TestWrongDomesticAccountsAreRefused(t *testing.T) {
	for _, c := range []struct{ country, bank, branch, number, param string }{
		{"DE", "37040044", "", "532013000", "country"},
		{"ZZ", "1", "", "1", "country"},
		{"", "", "", "", "country"},
		{"us", "021000021", "", "123456789", "country"},
		{"US", "021000022", "", "123456789", "bank_code"}, // check digit
		{"US", "02100002", "", "123456789", "bank_code"},
		{"US", "800000004", "", "123456789", "bank_code"}, // no district; travellers' cheques had it
		{"US", "000000000", "", "123456789", "bank_code"},
		{"US", "", "", "123456789", "bank_code"},
		{"US", "021000021", "", "123", "account_number"},
		{"US", "021000021", "", "123456789012345678", "account_number"},
		{"US", "021000021", "", "12345678A", "account_number"},
		{"US", "021000021", "0001", "123456789", "branch_code"},
		{"GB", "60161", "", "31926819", "bank_code"},
		{"GB", "601613", "", "319268190", "account_number"},
		{"GB", "601613", "", "31926", "account_number"},
		{"AU", "06200", "", "12345678", "bank_code"},
		{"AU", "062000", "", "1234567890", "account_number"},
		{"IN", "HDFC1000001", "", "50100012345678", "bank_code"}, // the fifth is always zero
		{"IN", "HDF00000001", "", "50100012345678", "bank_code"},
		{"IN", "HDFC0000001", "", "12345678", "account_number"},
		{"BR", "0036030", "0001", "00097954931", "bank_code"},
		{"BR", "00360305", "1", "00097954931", "branch_code"},
		{"BR", "00360305", "", "00097954931", "branch_code"},
		{"BR", "00360305", "0001", "12345Y", "account_number"},
		{"BR", "00360305", "0001", "12X45", "account_number"},
		{"MY", "DEUTDEFF", "", "114012345678", "bank_code"},
		{"MY", "MBBEMYKL", "", "1140", "account_number"},
	} {
		d, err := ParseDomestic(c.country, c.bank, c.branch, c.number)
		refused(t, err, c.param, c.bank+c.number)
		if d.Reveal() != "" || d.Country() != "" {
			t.Errorf("%+v: refused, and something came of it", c)
		}
	}
}

func TestAllThatIsWrongWithAnAccountIsNamed(t *testing.T) {
	_, err := ParseDomestic("BR", "1", "2", "?")
	var e *fault.Error
	if !errors.As(err, &e) || len(e.Fields) != 3 {
		t.Errorf("%v", err)
	}
}

func TestARoutingNumberWithOneWrongDigitIsRefused(t *testing.T) {
	const good = "021000021"
	for i := range good {
		for d := '0'; d <= '9'; d++ {
			if changed := good[:i] + string(d) + good[i+1:]; changed != good && abaFits(changed) {
				t.Errorf("%s passes", changed)
			}
		}
	}
}

// The routing numbers of the receiving banks in published ACH files: positions 4 to 12 of an entry detail record.
func TestTheRoutingNumbersInPublishedFilesAreRead(t *testing.T) {
	found := 0
	for _, text := range shared(t, "bank-files/nacha/*.ach") {
		for _, entry := range regexp.MustCompile(`(?m)^6[0-9]{2}([0-9]{9})`).FindAllStringSubmatch(text, -1) {
			found++
			if !abaFits(entry[1]) {
				t.Errorf("%s is refused", entry[1])
			}
		}
	}
	if found == 0 {
		t.Error("the files hold no entry")
	}
}

func TestADomesticAccountPrintsAsItsLastFour(t *testing.T) {
	d, err := ParseDomestic("US", "021000021", "", "000123456789")
	if err != nil {
		t.Fatal(err)
	}
	if out := printed(d) + printed(&d) + printed(struct{ To Domestic }{d}); strings.Contains(out, "00012345") || !strings.Contains(out, "…6789") {
		t.Errorf("printed:\n%s", out)
	}
}

func TestBICsAreRead(t *testing.T) {
	for text, country := range map[string]string{"DEUTDEFF": "DE", "deutdeff500": "DE", " NEDSZAJJXXX ": "ZA", "E097AEXX": "AE"} {
		if bic, err := ParseBIC(text); err != nil || bic.Country() != country || string(bic) != strings.ToUpper(strings.TrimSpace(text)) {
			t.Errorf("%q: %q, %v", text, bic, err)
		}
	}
	for _, text := range []string{"", "DEUTDEF", "DEUTDEFF5", "DEUTDEFF50", "DEUTDEFF5000", "DEUT1EFF", "DEUT DEFF", "DEUTD\u00cbFF"} {
		_, err := ParseBIC(text)
		refused(t, err, "bic", text)
	}
	if BIC("").Country() != "" {
		t.Error("the zero BIC has a country")
	}
}

func TestHolderNames(t *testing.T) {
	for given, want := range map[string]string{
		"Erika  Mustermann ": "Erika Mustermann", "\tJoão\nda Silva": "João da Silva", "王小明": "王小明", "O'Brien & Sons, Ltd.": "O'Brien & Sons, Ltd.",
		strings.Repeat("é", 70): strings.Repeat("é", 70),
	} {
		if got, err := ParseHolder(given); err != nil || got != want {
			t.Errorf("%q: %q, %v", given, got, err)
		}
	}
	for _, given := range []string{"", "  ", "12345", strings.Repeat("x", 71), "Eve\x00", "Eve\u202e", "\xff\xfe", strings.Repeat("x ", 10_000), "…"} {
		_, err := ParseHolder(given)
		refused(t, err, "holder_name", given)
	}
}

func FuzzParseDomestic(f *testing.F) {
	f.Add("US", "021000021", "", "000123456789")
	f.Add("BR", "001", "1234", "12345-X")
	f.Add("GB", "60-16-13", "", "555555")
	f.Fuzz(func(t *testing.T, country, bank, branch, number string) {
		d, err := ParseDomestic(country, bank, branch, number)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%v", err)
			}
			return
		}
		if len(d.Rails()) == 0 {
			t.Errorf("no rail reaches an account in %s", d.Country())
		}
		again, err := ParseDomestic(d.Country(), d.BankCode(), d.Branch(), d.Reveal())
		if err != nil || again.Reveal() != d.Reveal() || fmt.Sprint(again) != fmt.Sprint(d) {
			t.Errorf("the canonical form is not read: %v", err)
		}
	})
}
