package bank

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPIXKeysAreReadByTheirForm(t *testing.T) {
	for _, c := range []struct {
		text, canonical string
		kind            AliasKind
	}{
		// The examples of Banco Central's API do DICT.
		{"12345678909", "12345678909", AliasCPF},
		{"00038166000105", "00038166000105", AliasCNPJ},
		{"+5510998765432", "+5510998765432", AliasPhone},
		{"pix@bcb.gov.br", "pix@bcb.gov.br", AliasEmail},
		{"123e4567-e89b-12d3-a456-426655440000", "123e4567-e89b-12d3-a456-426655440000", AliasRandom},
		// As people write them.
		{"529.982.247-25", "52998224725", AliasCPF},
		{"00.038.166/0001-05", "00038166000105", AliasCNPJ},
		{"12.abc.345/01DE-35", "12ABC34501DE35", AliasCNPJ}, // the example of Receita Federal for a CNPJ with letters
		{"+55 (11) 2345-6789", "+551123456789", AliasPhone},
		{" Fulano.Da.Silva@Example.COM ", "fulano.da.silva@example.com", AliasEmail},
		{"123E4567-E89B-12D3-A456-426655440000", "123e4567-e89b-12d3-a456-426655440000", AliasRandom},
	} {
		a, err := ParsePIX(c.text)
		if err != nil || a.Reveal() != c.canonical || a.Kind() != c.kind || a.Rail() != Pix {
			t.Errorf("%q: %s %q on %s, %v; want %s %q", c.text, a.Kind(), a.Reveal(), a.Rail(), err, c.kind, c.canonical)
		}
	}
}

func TestWhatIsNoPIXKeyIsRefused(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"", "must be"},
		{"12345678900", "no CPF"},
		{"11111111111", "no CPF"}, // fits, and is given to nobody
		{"11987654321", "no CPF"}, // a phone number without +55
		{"00038166000106", "no CNPJ"},
		{"00000000000000", "no CNPJ"},
		{"12ABC34501DE36", "no CNPJ"},
		{"12ABC34501DEAA", "must be"},
		{"+4915112345678", "phone"},
		{"+5511887654321", "phone"}, // a mobile number begins with 9
		{"+551198765432", "phone"},
		{"a@b", "e-mail"},
		{"@example.com", "e-mail"},
		{"a b@example.com", "e-mail"},
		{strings.Repeat("x", 70) + "@xx.com.br", "e-mail"},
		{"123e4567e89b12d3a456426655440000", "must be"},
		{"123e4567-e89b-12d3-a456-42665544000g", "must be"},
		{strings.Repeat("1", 10_000), "too long"},
	} {
		_, err := ParsePIX(c.text)
		refused(t, err, "pix_key", c.text)
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %q, want %q in it", c.text, err, c.says)
		}
	}
}

func TestATaxpayerNumberWithOneWrongDigitIsRefused(t *testing.T) {
	for _, good := range []string{"52998224725", "00038166000105", "12ABC34501DE35"} {
		for i := range good {
			for d := '0'; d <= '9'; d++ {
				if changed := good[:i] + string(d) + good[i+1:]; changed != good && isDigit(good[i]) {
					_, err := ParsePIX(changed)
					refused(t, err, "pix_key", changed)
				}
			}
		}
	}
}

func TestPayIDsAreReadByTheirForm(t *testing.T) {
	for _, c := range []struct {
		text, canonical string
		kind            AliasKind
	}{
		{"0412 345 678", "+61-412345678", AliasPhone},
		{"+61412345678", "+61-412345678", AliasPhone},
		{"+61-412345678", "+61-412345678", AliasPhone},
		{"(02) 9876 5432", "+61-298765432", AliasPhone},
		{"Jo@Example.com.au", "jo@example.com.au", AliasEmail},
		{"51 824 753 556", "51824753556", AliasABN}, // the Australian Taxation Office, the register's own example
		{"53004085616", "53004085616", AliasABN},    // the Australian Business Register's example
		{"Florin Coffee (Sydney)", "florin coffee (sydney)", AliasOrganisation},
	} {
		a, err := ParsePayID(c.text)
		if err != nil || a.Reveal() != c.canonical || a.Kind() != c.kind || a.Rail() != NPP {
			t.Errorf("%q: %s %q on %s, %v; want %s %q", c.text, a.Kind(), a.Reveal(), a.Rail(), err, c.kind, c.canonical)
		}
	}
}

func TestWhatIsNoPayIDIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "x", "51824753557", "51 824 753 55", "5182475355600", "01824753556", "+64211234567", "+6141234567", "0512345678", "jo@example", "jo@",
		"caf\u00e9 sydney", "two\nlines", strings.Repeat("x", 257),
	} {
		_, err := ParsePayID(text)
		refused(t, err, "payid", text)
	}
}

func TestVirtualPaymentAddressesAreRead(t *testing.T) {
	for text, canonical := range map[string]string{
		"merchant@okhdfcbank": "merchant@okhdfcbank", "Jane.Doe-1@YBL": "jane.doe-1@ybl", " 9876543210@paytm ": "9876543210@paytm", "a_b@yes0": "a_b@yes0",
	} {
		if a, err := ParseUPI(text); err != nil || a.Reveal() != canonical || a.Kind() != AliasVPA || a.Rail() != UPI {
			t.Errorf("%q: %q, %v", text, a.Reveal(), err)
		}
	}
	for _, text := range []string{"", "merchant", "a@ybl", "merchant@", "@ybl", "jane@example.com", "ja ne@ybl", "jane@@ybl", "jane@1bl", "jane@y", strings.Repeat("x", 300) + "@ybl"} {
		_, err := ParseUPI(text)
		refused(t, err, "vpa", text)
	}
}

func TestAnAliasPrintsAsItsEnd(t *testing.T) {
	a, err := ParsePIX("fulano.da.silva@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if out := printed(a) + printed(struct{ To Alias }{a}); strings.Contains(out, "fulano") || strings.Contains(out, "example") || !strings.Contains(out, "….com") {
		t.Errorf("printed:\n%s", out)
	}
}

func TestComputedTaxpayerNumbersAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cpf := rapid.StringMatching(`[0-9]{8}`).Draw(t, "cpf") + "1"
		cpf += string(brazilianCheck(cpf, 10, 9, 8, 7, 6, 5, 4, 3, 2))
		cpf += string(brazilianCheck(cpf, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2))
		cnpj := rapid.StringMatching(`[0-9A-Z]{11}`).Draw(t, "cnpj") + "1"
		cnpj += string(brazilianCheck(cnpj, 5, 4, 3, 2, 9, 8, 7, 6))
		cnpj += string(brazilianCheck(cnpj, 6, 5, 4, 3, 2, 9, 8, 7))
		for _, text := range []string{cpf, cnpj} {
			if a, err := ParsePIX(text); !sameThroughout(text) && (err != nil || a.Reveal() != text) {
				t.Fatalf("%s: %v", text, err)
			}
		}
	})
}

func FuzzParseAlias(f *testing.F) {
	for _, seed := range []string{"12.ABC.345/01DE-35", "+55 11 98765-4321", "pix@bcb.gov.br", "0412 345 678", "51 824 753 556", "jane@ybl", "Florin Coffee"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for param, parse := range map[string]func(string) (Alias, error){"pix_key": ParsePIX, "payid": ParsePayID, "vpa": ParseUPI} {
			a, err := parse(text)
			if err != nil {
				refused(t, err, param, text)
				continue
			}
			again, err := parse(a.Reveal())
			if err != nil || again.Reveal() != a.Reveal() || again.Kind() != a.Kind() {
				t.Errorf("%q: the canonical form %q is read as %q, %v", text, a.Reveal(), again.Reveal(), err)
			}
		}
	})
}
