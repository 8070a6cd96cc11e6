package paycode

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

func invoice(t testing.TB) SEPA {
	return SEPA{Name: "Bäckerei Müller GmbH", IBAN: "DE89370400440532013000", Amount: of(t, 14990, "EUR"), Reference: "RF18539007547034"}
}

func swiss(t testing.TB) SEPA {
	return SEPA{Name: "Boulangerie Genève", IBAN: "CH9300762011623852957", BIC: "UBSWCHZH80A", Amount: of(t, 1, "EUR"), Purpose: "GDDS", Remittance: "Rechnung 2026-041", Information: "Merci!"}
}

func TestASEPACodeHasALineForEachElement(t *testing.T) {
	cases := []struct {
		name string
		s    SEPA
		want string
	}{
		{"a reference", invoice(t), "BCD\n002\n1\nSCT\n\nBäckerei Müller GmbH\nDE89370400440532013000\nEUR149.90\n\nRF18539007547034"},
		{"a BIC, outside the EEA", swiss(t), "BCD\n001\n1\nSCT\nUBSWCHZH80A\nBoulangerie Genève\nCH9300762011623852957\nEUR0.01\nGDDS\n\nRechnung 2026-041\nMerci!"},
		{"a BIC that need not be", SEPA{Name: "a", IBAN: "BE72000000001616", BIC: "BPOTBEB1"}, "BCD\n002\n1\nSCT\nBPOTBEB1\na\nBE72000000001616"},
		{"the payer fills in the amount", SEPA{Name: "a", IBAN: "BE72000000001616", Remittance: "b"}, "BCD\n002\n1\nSCT\n\na\nBE72000000001616\n\n\n\nb"},
		{"the most", SEPA{Name: "a", IBAN: "BE72000000001616", Amount: of(t, sepaMostAmount, "EUR")}, "BCD\n002\n1\nSCT\n\na\nBE72000000001616\nEUR999999999.99"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.s.Payload()
			if err != nil || got != c.want {
				t.Errorf("%q, %v", got, err)
			}
			for _, read := range []string{got, strings.ReplaceAll(got, "\n", "\r\n")} {
				if again, err := ParseSEPA(read); err != nil || again != c.s {
					t.Errorf("%q is read as %+v, %v", read, again, err)
				}
			}
		})
	}
}

func TestTheGuidelinesCodeIsRead(t *testing.T) {
	want := SEPA{Name: "Red Cross of Belgium", IBAN: "BE72000000001616", BIC: "BPOTBEB1", Amount: of(t, 100, "EUR"), Purpose: "CHAR",
		Remittance: "Urgency fund", Information: "Sample EPC QR code"}
	if got, err := ParseSEPA(ownVectors(t).Official["epc069_12_red_cross"]); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWrongFieldsOfASEPACodeAreNamed(t *testing.T) {
	const invalid = " " + fault.CodeInvalid
	cases := []struct {
		name  string
		alter func(*SEPA)
		want  []string
	}{
		{"no name", func(s *SEPA) { s.Name = "" }, []string{"name" + invalid}},
		{"a name of emoji", func(s *SEPA) { s.Name = "🥖" }, []string{"name" + invalid}},
		{"a line in the name", func(s *SEPA) { s.Name = "a\nDE89370400440532013000" }, []string{"name" + invalid}},
		{"no IBAN", func(s *SEPA) { s.IBAN = "" }, []string{"iban" + invalid}},
		{"an IBAN with spaces", func(s *SEPA) { s.IBAN = "DE89 3704 0044 0532 0130 00" }, []string{"iban" + invalid}},
		{"an IBAN with a wrong digit", func(s *SEPA) { s.IBAN = "DE89370400440532013001" }, []string{"iban" + invalid}},
		{"an IBAN from outside SEPA", func(s *SEPA) { s.IBAN = "TR330006100519786457841326" }, []string{"iban" + invalid}},
		{"no BIC outside the EEA", func(s *SEPA) { s.IBAN = "GB29NWBK60161331926819" }, []string{"bic" + invalid}},
		{"a BIC of nine", func(s *SEPA) { s.BIC = "COBADEFFX" }, []string{"bic" + invalid}},
		{"another currency", func(s *SEPA) { s.Amount = of(t, 100, "CHF") }, []string{"currency " + fault.CodeCurrency}},
		{"zero", func(s *SEPA) { s.Amount = of(t, 0, "EUR") }, []string{"amount " + fault.CodeAmountTooSmall}},
		{"a billion", func(s *SEPA) { s.Amount = of(t, sepaMostAmount+1, "EUR") }, []string{"amount " + fault.CodeAmountTooLarge}},
		{"a purpose of five", func(s *SEPA) { s.Purpose = "GOODS" }, []string{"purpose" + invalid}},
		{"a purpose in small letters", func(s *SEPA) { s.Purpose = "gdds" }, []string{"purpose" + invalid}},
		{"a reference with a wrong digit", func(s *SEPA) { s.Reference = "RF18539007547035" }, []string{"reference" + invalid}},
		{"a reference and a text", func(s *SEPA) { s.Remittance = "Rechnung 1" }, []string{"remittance" + invalid}},
		{"a text of 141", func(s *SEPA) { s.Reference, s.Remittance = "", strings.Repeat("a", 141) }, []string{"remittance" + invalid}},
		{"an emoji in the text", func(s *SEPA) { s.Reference, s.Remittance = "", "Rechnung 🥖" }, []string{"remittance" + invalid}},
		{"a line in the text", func(s *SEPA) { s.Reference, s.Remittance = "", "a\nb" }, []string{"remittance" + invalid}},
		{"a space behind the text", func(s *SEPA) { s.Reference, s.Remittance = "", "a " }, []string{"remittance" + invalid}},
		{"information of control characters", func(s *SEPA) { s.Information = "a\x07" }, []string{"information" + invalid}},
		{"more than 331 bytes", func(s *SEPA) {
			s.Name, s.Reference, s.Remittance = strings.Repeat("ü", 70), "", strings.Repeat("ü", 140)
		}, []string{"remittance" + invalid}},
		{"all at once", func(s *SEPA) { *s = SEPA{} }, []string{"iban" + invalid, "name" + invalid}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := invoice(t)
			c.alter(&s)
			_, err := s.Payload()
			mustRefuse(t, err, c.want...)
		})
	}
}

func TestSEPACodesThatNoBankTakesAreRefused(t *testing.T) {
	lines := func(change func([]string)) string {
		code, err := swiss(t).Payload()
		if err != nil {
			t.Fatal(err)
		}
		l := strings.Split(code, "\n")
		change(l)
		return strings.Join(l, "\n")
	}
	cases := []struct{ name, code string }{
		{"nothing", ""},
		{"six lines", "BCD\n002\n1\nSCT\n\na"},
		{"a thirteenth line", lines(func(l []string) { l[sepaNote] += "\nx" })},
		{"more than 331 bytes", lines(func(l []string) { l[sepaNote] = strings.Repeat("a", 331) })},
		{"another tag", lines(func(l []string) { l[sepaTag] = "BCE" })},
		{"version 003", lines(func(l []string) { l[sepaVersion] = "003" })},
		{"another character set", lines(func(l []string) { l[sepaCharacters] = "2" })},
		{"another transfer", lines(func(l []string) { l[sepaTransfer] = "SDD" })},
		{"version 001 without a BIC", "BCD\n001\n1\nSCT\n\na\nBE72000000001616"},
		{"a wrong BIC", lines(func(l []string) { l[sepaBIC] = "UBSW" })},
		{"no name", lines(func(l []string) { l[sepaBeneficiary] = "" })},
		{"a name of 71", lines(func(l []string) { l[sepaBeneficiary] = strings.Repeat("a", 71) })},
		{"a name with a carriage return", lines(func(l []string) { l[sepaBeneficiary] = "a\rb" })},
		{"a name that is not UTF-8", lines(func(l []string) { l[sepaBeneficiary] = "B\xe4cker" })},
		{"a wrong IBAN", lines(func(l []string) { l[sepaIBAN] = "CH9300762011623852958" })},
		{"another currency", lines(func(l []string) { l[sepaAmount] = "CHF1.00" })},
		{"no currency", lines(func(l []string) { l[sepaAmount] = "1.00" })},
		{"zero", lines(func(l []string) { l[sepaAmount] = "EUR0.00" })},
		{"three decimals", lines(func(l []string) { l[sepaAmount] = "EUR0.001" })},
		{"a comma", lines(func(l []string) { l[sepaAmount] = "EUR1,00" })},
		{"a billion", lines(func(l []string) { l[sepaAmount] = "EUR1000000000" })},
		{"a reference that is none", lines(func(l []string) { l[sepaStructured], l[sepaUnstructured] = "2026-041", "" })},
		{"a reference and a text", lines(func(l []string) { l[sepaStructured] = "RF18539007547034" })},
		{"information of 71", lines(func(l []string) { l[sepaNote] = strings.Repeat("a", 71) })},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseSEPA(c.code)
			mustRefuse(t, err, badPayload)
		})
	}
}

func TestCheckDigitsOfAccounts(t *testing.T) {
	// From SWIFT's IBAN registry.
	for _, iban := range []string{
		"AT611904300234573201", "BE68539007547034", "CH9300762011623852957", "DE89370400440532013000", "ES9121000418450200051332", "FI2112345600000785",
		"FR1420041010050500013M02606", "GB29NWBK60161331926819", "IE29AIBK93115212345678", "IT60X0542811101000000123456", "MT84MALT011000012345MTLCAST001S",
		"NL91ABNA0417164300", "NO9386011117947", "PL61109010140000071219812874", "PT50000201231234567890154", "SE4550000000058398257466",
	} {
		if !ibanOK(iban) {
			t.Errorf("%s does not pass", iban)
		}
		for i := range iban {
			wrong := []byte(iban)
			if wrong[i]++; ibanOK(string(wrong)) {
				t.Errorf("%s passes", wrong)
			}
		}
	}
	for _, iban := range []string{"", "DE", "DE89", "DE8937040044053201300", "de89370400440532013000", "DE8937040044053201300é", "XX89370400440532013000"} {
		if ibanOK(iban) {
			t.Errorf("%q passes", iban)
		}
	}
}

func TestCheckDigitsOfCreditorReferences(t *testing.T) {
	for _, ref := range []string{"RF18539007547034", "RF18000000000539007547034", "RF712348231", "RF332348236"} {
		if !creditorReferenceOK(ref) {
			t.Errorf("%s does not pass", ref)
		}
	}
	// The last has check digits that are right modulo 97 and out of their range.
	for _, ref := range []string{"", "RF18", "RF19539007547034", "rf18539007547034", "RE18539007547034", "RF18 5390 0754 7034", "RF18" + strings.Repeat("0", 22), sameModulo97(t)} {
		if creditorReferenceOK(ref) {
			t.Errorf("%q passes", ref)
		}
	}
}

// sameModulo97 is a reference whose check digits 97 lower are as good for the sum.
func sameModulo97(t *testing.T) string {
	t.Helper()
	for _, last := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		for _, before := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
			if body := string(before) + string(last); creditorReferenceOK("RF97" + body) {
				return "RF00" + body
			}
		}
	}
	t.Fatal("no reference has the check digits 97")
	return ""
}

func TestWhatASEPACodeSaysIsWhatWasMeant(t *testing.T) {
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	rapid.Check(t, func(t *rapid.T) {
		s := SEPA{
			Name: anyText().Draw(t, "name"), Information: anyText().Draw(t, "information"),
			Purpose:    rapid.StringMatching(`[A-Z0-9]{0,4}`).Draw(t, "purpose"),
			Remittance: anyText().Draw(t, "remittance"),
		}
		account := rapid.SampledFrom([]SEPA{
			{IBAN: "DE89370400440532013000"}, {IBAN: "GB29NWBK60161331926819", BIC: "NWBKGB2L"}, {IBAN: "NL91ABNA0417164300", BIC: "ABNANL2AXXX"},
		}).Draw(t, "account")
		s.IBAN, s.BIC = account.IBAN, account.BIC
		if rapid.Bool().Draw(t, "structured") {
			s.Reference, s.Remittance = "RF18539007547034", ""
		}
		if minor := rapid.Int64Range(0, sepaMostAmount).Draw(t, "amount"); minor > 0 {
			s.Amount = money.Of(minor, eur)
		}
		code, err := s.Payload()
		if err != nil {
			for _, param := range wrongFields(t, err) {
				if !slices.Contains([]string{"name", "information", "remittance"}, strings.Fields(param)[0]) {
					t.Fatalf("%s of %+v", param, s)
				}
			}
			return
		}
		written++
		s.Name, s.Information = fit(s.Name, sepaName, keepPlain), fit(s.Information, sepaInformation, keepPlain)
		if got, err := ParseSEPA(code); err != nil || got != s {
			t.Fatalf("%q\n%+v, %v, want\n%+v", code, got, err, s)
		}
	})
	if written == 0 {
		t.Error("no code could be written")
	}
}

func FuzzParseSEPA(f *testing.F) {
	for _, s := range []SEPA{invoice(f), swiss(f)} {
		code, err := s.Payload()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(code)
		f.Add(strings.ReplaceAll(code, "\n", "\r\n"))
	}
	f.Fuzz(func(t *testing.T, code string) {
		s, err := ParseSEPA(code)
		if err != nil {
			wrongFields(t, err)
			return
		}
		again, err := s.Payload()
		if err != nil {
			// Two decimals where the code had none may be the bytes too many.
			if got := wrongFields(t, err); len(code) < sepaBytes-3 || !slices.Equal(got, []string{"remittance " + fault.CodeInvalid}) {
				t.Fatalf("%q is read and cannot be written: %q", code, got)
			}
			return
		}
		once, err := ParseSEPA(again)
		if err != nil || once.IBAN != s.IBAN || once.Amount != s.Amount || once.Reference != s.Reference || once.Remittance != s.Remittance {
			t.Fatalf("%q says %+v and then %+v, %v", code, s, once, err)
		}
	})
}
