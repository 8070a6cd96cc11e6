package paycode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

const randomKey = "123e4567-e12b-12d1-a456-426655440000"

func sale(t testing.TB) Pix {
	return Pix{Key: randomKey, Amount: of(t, 12345, "BRL"), TxID: "Pedido123", Description: "Pão de queijo", MerchantName: "Padaria São João", MerchantCity: "São Paulo"}
}

func charge() Pix {
	return Pix{URL: "pix.example.com/8b3da2f39a4140d1a91abd93113bd441", MerchantName: "Fulano de Tal", MerchantCity: "BRASILIA", Once: true}
}

func TestTheManualsCodesAreWrittenByteForByte(t *testing.T) {
	cases := map[string]Pix{
		"bcb_manual_static":  {Key: randomKey, MerchantName: "Fulano de Tal", MerchantCity: "BRASILIA"},
		"bcb_manual_dynamic": charge(),
	}
	for name, p := range cases {
		want := ownVectors(t).Official[name]
		if got, err := p.Payload(); err != nil || got != want {
			t.Errorf("%s\n%q, %v\n%q is published", name, got, err, want)
		}
		if got, err := ParsePix(want); err != nil || got != p {
			t.Errorf("%s is read as %+v, %v", name, got, err)
		}
	}
}

func TestPixCodesOfOurOwnStayTheSame(t *testing.T) {
	again := charge()
	again.Once = false
	cash := sale(t)
	cash.Facilitator, cash.Category = "12341234", "6011"
	cases := map[string]Pix{"sale": sale(t), "charge_again": again, "cash": cash}
	own := ownVectors(t).Pix
	if len(own) != len(cases) {
		t.Errorf("there are %d vectors for %d cases", len(own), len(cases))
	}
	for name, p := range cases {
		if got, err := p.Payload(); err != nil || got != own[name] {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
}

func TestPixCodesOfOthersAreReadAndWrittenAgain(t *testing.T) {
	v := publishedVectors(t)
	want := map[string]Pix{
		"STATIC_TEST_EMV": {Key: "thalesog@me.com", Amount: of(t, 1000, "BRL"), Description: "Pedido 123"},
		"STATIC_TEST_WITH_FSS": {Key: "4004901d-bd85-4769-8e52-cb4c42c506dc", Amount: of(t, 57757, "BRL"), Description: "Jornada pagador 43107",
			Facilitator: "99999008", TxID: "99ed983ea570413d8d336301d", MerchantName: "Pix", MerchantCity: "BRASILIA"},
		"STATIC_TEST_NO_VALUE_EMV":         {Key: "thalesog@me.com", Description: "Pedido 123"},
		"STATIC_TEST_NO_VALUE_WITHFSS_EMV": {Key: "thalesog@me.com", Description: "Pedido 123", Facilitator: "12341234"},
	}
	if len(v.Pix) != len(want) {
		t.Errorf("there are %d codes, %d are known here", len(v.Pix), len(want))
	}
	for name, code := range v.Pix {
		p := want[name]
		if p.MerchantName == "" {
			p.MerchantName, p.MerchantCity = "THALES OGLIARI", "SAO MIGUEL DO O"
		}
		got, err := ParsePix(code)
		if err != nil || got != p {
			t.Errorf("%s is read as %+v, %v", name, got, err)
		}
		if again, err := got.Payload(); err != nil || again != code {
			t.Errorf("%s\n%s is written again as\n%s, %v", name, code, again, err)
		}
	}
	for name, code := range v.Official {
		if own := ownVectors(t).Official[name]; own != code {
			t.Errorf("%s is %q here", name, own)
		}
	}
}

func TestWrongFieldsOfAPixCodeAreNamed(t *testing.T) {
	const invalid = " " + fault.CodeInvalid
	cases := []struct {
		name  string
		base  Pix
		alter func(*Pix)
		want  []string
	}{
		{"no key", sale(t), func(p *Pix) { p.Key = "" }, []string{"key" + invalid}},
		{"a key of no form", sale(t), func(p *Pix) { p.Key = "padaria" }, []string{"key" + invalid}},
		{"a key longer than the directory's", sale(t), func(p *Pix) { p.Key = strings.Repeat("a", 70) + "@b.com.br" }, []string{"key" + invalid, "description" + invalid}},
		{"another currency", sale(t), func(p *Pix) { p.Amount = of(t, 100, "EUR") }, []string{"currency " + fault.CodeCurrency}},
		{"a currency of another exponent", sale(t), func(p *Pix) { p.Amount = of(t, 100, "KWD") }, []string{"currency " + fault.CodeCurrency}},
		{"zero", sale(t), func(p *Pix) { p.Amount = of(t, 0, "BRL") }, []string{"amount " + fault.CodeAmountTooSmall}},
		{"less than zero", sale(t), func(p *Pix) { p.Amount = of(t, -1, "BRL") }, []string{"amount " + fault.CodeAmountTooSmall}},
		{"more than 13 characters", sale(t), func(p *Pix) { p.Amount = of(t, pixMostAmount+1, "BRL") }, []string{"amount " + fault.CodeAmountTooLarge}},
		{"a txid of 26", sale(t), func(p *Pix) { p.TxID = strings.Repeat("a", 26) }, []string{"txid" + invalid}},
		{"a txid with a sign", sale(t), func(p *Pix) { p.TxID = "pay_1" }, []string{"txid" + invalid}},
		{"a txid with an accent", sale(t), func(p *Pix) { p.TxID = "pão" }, []string{"txid" + invalid}},
		{"no name", sale(t), func(p *Pix) { p.MerchantName = "" }, []string{"merchant_name" + invalid}},
		{"a name of emoji", sale(t), func(p *Pix) { p.MerchantName = "🍞🍞" }, []string{"merchant_name" + invalid}},
		{"a line break in the name", sale(t), func(p *Pix) { p.MerchantName = "a\nb" }, []string{"merchant_name" + invalid}},
		{"no city", sale(t), func(p *Pix) { p.MerchantCity = " " }, []string{"merchant_city" + invalid}},
		{"a description of emoji", sale(t), func(p *Pix) { p.Description = "🍞" }, []string{"description" + invalid}},
		{"a control character in the description", sale(t), func(p *Pix) { p.Description = "a\x00b" }, []string{"description" + invalid}},
		{"no room for a description", sale(t), func(p *Pix) { p.Key = strings.Repeat("a", 70) + "@b.com" }, []string{"description" + invalid}},
		{"a category of letters", sale(t), func(p *Pix) { p.Category = "food" }, []string{"category" + invalid}},
		{"a facilitator of seven", sale(t), func(p *Pix) { p.Facilitator = "1234567" }, []string{"facilitator" + invalid}},
		{"a URL with its scheme", charge(), func(p *Pix) { p.URL = "https://" + p.URL }, []string{"url" + invalid}},
		{"a URL without a path", charge(), func(p *Pix) { p.URL = "pix.example.com" }, []string{"url" + invalid}},
		{"a URL without a host", charge(), func(p *Pix) { p.URL = "/a/b" }, []string{"url" + invalid}},
		{"a URL with a user", charge(), func(p *Pix) { p.URL = "bank@" + p.URL }, []string{"url" + invalid}},
		{"a URL with a space", charge(), func(p *Pix) { p.URL += " " }, []string{"url" + invalid}},
		{"a URL of 78", charge(), func(p *Pix) { p.URL += strings.Repeat("a", 78-len(p.URL)) }, []string{"url" + invalid}},
		{"a dynamic code with what its URL says", sale(t), func(p *Pix) { p.URL = charge().URL },
			[]string{"url" + invalid, "amount" + invalid, "txid" + invalid}},
		{"all at once", Pix{}, func(*Pix) {}, []string{"key" + invalid, "merchant_name" + invalid, "merchant_city" + invalid}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := c.base.Payload(); err != nil && c.base != (Pix{}) {
				t.Fatal(err)
			}
			p := c.base
			c.alter(&p)
			_, err := p.Payload()
			mustRefuse(t, err, c.want...)
		})
	}
}

func TestPixKeys(t *testing.T) {
	good := []string{
		randomKey, "thalesog@me.com", "a+b@loja.com.br", strings.Repeat("a", 69) + "@b.com.b",
		"+5511943214321", "+12125550123",
		"52998224725",                      // CPF
		"11222333000181", "12ABC34501DE35", // CNPJ, and the Receita's example with letters
	}
	for _, key := range good {
		if !pixKeyOK(key) {
			t.Errorf("%q does not pass", key)
		}
	}
	bad := []string{
		"", " ", "***", strings.ToUpper(randomKey), randomKey[:35], "Thales@me.com", "thales@", "@me.com", "a b@me.com", "a@-b.com", "a@b..c",
		strings.Repeat("a", 70) + "@b.com.b",
		"5511943214321", "+0551194321432", "+551194", "+5511943214321000",
		"52998224726", "52998224715", "11111111111", "00000000000", "529.982.247-25",
		"11222333000182", "12ABC34501DE36", "12abc34501de35", "12ABC34501DEAB", "00000000000000", "é1222333000181",
	}
	for _, key := range bad {
		if pixKeyOK(key) {
			t.Errorf("%q passes", key)
		}
	}
}

// altered is the code of the manual with other objects, and the checksum of those.
func altered(t *testing.T, change map[string]string) string {
	t.Helper()
	code, err := readEMV(ownVectors(t).Official["bcb_manual_static"])
	if err != nil {
		t.Fatal(err)
	}
	code = code[:len(code)-1]
	for i, o := range code {
		if value, ok := change[o.id]; ok {
			code[i].value = value
			delete(change, o.id)
		}
	}
	for id, value := range change {
		code = append(code, object{id, value})
	}
	return writeEMV(code)
}

func TestPixCodesThatNoBankTakesAreRefused(t *testing.T) {
	account := func(more ...object) string { return append(objects{{pixGUI, pixScheme}}, more...).write() }
	key := object{pixKey, randomKey}
	cases := []struct {
		name   string
		change map[string]string
	}{
		{"another currency", map[string]string{emvCurrency: "978"}},
		{"another country", map[string]string{emvCountry: "PT"}},
		{"no name", map[string]string{emvName: ""}},
		{"a name of 26", map[string]string{emvName: strings.Repeat("a", 26)}},
		{"no city", map[string]string{emvCity: ""}},
		{"a city of 16", map[string]string{emvCity: strings.Repeat("a", 16)}},
		{"no category", map[string]string{emvCategory: ""}},
		{"a category of letters", map[string]string{emvCategory: "abcd"}},
		{"used neither once nor again", map[string]string{emvInitiation: "13"}},
		{"no additional data", map[string]string{emvAdditional: ""}},
		{"no txid", map[string]string{emvAdditional: "0603***"}},
		{"a txid of 26", map[string]string{emvAdditional: "0526" + strings.Repeat("a", 26)}},
		{"a txid with a sign", map[string]string{emvAdditional: "0503a-b"}},
		{"another scheme", map[string]string{"26": "0003xyz0101a"}},
		{"two accounts", map[string]string{"27": account(key)}},
		{"neither key nor URL", map[string]string{"26": account()}},
		{"key and URL", map[string]string{"26": account(key, object{pixLocation, "a.br/b"})}},
		{"a key of no form", map[string]string{"26": account(object{pixKey, "x"})}},
		{"a URL that is none", map[string]string{"26": account(object{pixLocation, "x"})}},
		{"a URL and a description", map[string]string{"26": account(object{pixDescription, "x"}, object{pixLocation, "a.br/b"})}},
		{"a facilitator of letters", map[string]string{"26": account(key, object{pixFacilitator, "abcdefgh"})}},
		{"zero", map[string]string{emvAmount: "0.00"}},
		{"an amount of three decimals", map[string]string{emvAmount: "1.000"}},
		{"an amount with a comma", map[string]string{emvAmount: "1,00"}},
		{"an amount of 14 characters", map[string]string{emvAmount: "10000000000.00"}},
		{"a negative amount", map[string]string{emvAmount: "-1.00"}},
	}
	if _, err := ParsePix(altered(t, nil)); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParsePix(altered(t, c.change))
			mustRefuse(t, err, badPayload)
		})
	}
}

func TestWhatAPixCodeMayDifferInIsRead(t *testing.T) {
	cases := []struct {
		name   string
		change map[string]string
		want   func(*Pix)
	}{
		{"the scheme in capitals", map[string]string{"26": "0014BR.GOV.BCB.PIX0136" + randomKey}, func(*Pix) {}},
		{"said to be used again", map[string]string{emvInitiation: "11"}, func(*Pix) {}},
		{"used once", map[string]string{emvInitiation: "12"}, func(p *Pix) { p.Once = true }},
		{"an account of another scheme beside it", map[string]string{"27": "0003xyz0101a"}, func(*Pix) {}},
		{"a postal code", map[string]string{"61": "70000000"}, func(*Pix) {}},
		{"an amount without decimals", map[string]string{emvAmount: "98"}, func(p *Pix) { p.Amount = of(t, 9800, "BRL") }},
		{"an amount that ends in a dot", map[string]string{emvAmount: "98."}, func(p *Pix) { p.Amount = of(t, 9800, "BRL") }},
		{"a name with an accent", map[string]string{emvName: "José"}, func(p *Pix) { p.MerchantName = "José" }},
		{"a dynamic code's amount and txid", map[string]string{"26": "0014br.gov.bcb.pix2506a.br/b", emvAmount: "0.00", emvAdditional: "0503abc"},
			func(p *Pix) { p.Key, p.URL = "", "a.br/b" }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := Pix{Key: randomKey, MerchantName: "Fulano de Tal", MerchantCity: "BRASILIA"}
			c.want(&want)
			if got, err := ParsePix(altered(t, c.change)); err != nil || got != want {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestEveryWrongCharacterOfAPixCodeIsNoticed(t *testing.T) {
	code, err := sale(t).Payload()
	if err != nil {
		t.Fatal(err)
	}
	for i := range code {
		for _, bit := range []byte{1, 2, 4, 8, 16, 32, 64} {
			broken := []byte(code)
			broken[i] ^= bit
			if got, err := ParsePix(string(broken)); err == nil {
				t.Errorf("byte %d changed: %+v", i, got)
			}
		}
		if _, err := ParsePix(code[:i]); err == nil {
			t.Errorf("the first %d bytes pass", i)
		}
	}
}

// anyPix draws codes that can be written, and texts that may not fit.
func anyPix(t *rapid.T) Pix {
	p := Pix{
		MerchantName: anyText().Draw(t, "name"), MerchantCity: anyText().Draw(t, "city"),
		Category: rapid.SampledFrom([]string{"", "5462", "9999"}).Draw(t, "category"), Once: rapid.Bool().Draw(t, "once"),
	}
	if rapid.Bool().Draw(t, "dynamic") {
		p.URL = rapid.StringMatching(`[a-z0-9]{1,20}\.com\.br(:[0-9]{1,4})?/[a-zA-Z0-9/_-]{1,40}`).Draw(t, "url")
		return p
	}
	p.Key = rapid.OneOf(
		rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), rapid.StringMatching(`[a-z0-9.]{1,60}@[a-z]{1,6}\.com\.br`),
		rapid.StringMatching(`\+[1-9][0-9]{7,14}`), rapid.SampledFrom([]string{"52998224725", "12ABC34501DE35"}),
	).Draw(t, "key")
	if minor := rapid.Int64Range(0, pixMostAmount).Draw(t, "amount"); minor > 0 {
		brl, _ := money.ParseCurrency("BRL")
		p.Amount = money.Of(minor, brl)
	}
	p.TxID = rapid.StringMatching(`[a-zA-Z0-9]{0,25}`).Draw(t, "txid")
	p.Description = anyText().Draw(t, "description")
	p.Facilitator = rapid.StringMatching(`([0-9]{8})?`).Draw(t, "facilitator")
	return p
}

func TestWhatAPixCodeSaysIsWhatWasMeant(t *testing.T) {
	written := 0
	rapid.Check(t, func(t *rapid.T) {
		p := anyPix(t)
		code, err := p.Payload()
		if err != nil {
			for _, param := range wrongFields(t, err) {
				if !slices.Contains([]string{"merchant_name", "merchant_city", "description"}, strings.Fields(param)[0]) {
					t.Fatalf("%s of %+v", param, p)
				}
			}
			return
		}
		written++
		want := p
		want.MerchantName, want.MerchantCity = fit(p.MerchantName, pixName, toASCII), fit(p.MerchantCity, pixCity, toASCII)
		got, err := ParsePix(code)
		if err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		if !strings.HasPrefix(fit(p.Description, 99, toASCII), got.Description) || (got.Description == "") != (p.Description == "") {
			t.Fatalf("%q is described as %q", p.Description, got.Description)
		}
		if want.Description = got.Description; got != want {
			t.Fatalf("%s\n%+v, want\n%+v", code, got, want)
		}
	})
	if written == 0 {
		t.Error("no code could be written")
	}
}

func FuzzParsePix(f *testing.F) {
	text, err := sale(f).Payload()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D")
	f.Add("00020101021226700014br.gov.bcb.pix2548pix.example.com/8b3da2f39a4140d1a91abd93113bd4415204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***6304")
	f.Fuzz(func(t *testing.T, code string) {
		// As it is, and with the checksum that a fuzzer does not find.
		for _, each := range []string{code, code + fmt.Sprintf("%04X", checksum(code))} {
			p, err := ParsePix(each)
			if err != nil {
				wrongFields(t, err)
				continue
			}
			again, err := p.Payload()
			if err != nil {
				continue // a name that ASCII does not have
			}
			once, err := ParsePix(again)
			if err != nil {
				t.Fatalf("%q is written again as %q: %v", each, again, err)
			}
			if twice, err := once.Payload(); err != nil || twice != again {
				t.Fatalf("%q is written again as %q, %v", again, twice, err)
			}
			if once.Key != p.Key || once.URL != p.URL || once.Amount != p.Amount || once.TxID != p.TxID {
				t.Fatalf("%q says %+v and then %+v", each, p, once)
			}
		}
	})
}
