package vault

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func testCard(t *testing.T, number, name string) cardData {
	t.Helper()
	p, _, wrong := parseNumber([]byte(number))
	if wrong != "" {
		t.Fatalf("test card: %s", wrong)
	}
	return cardData{number: p, month: 3, year: 2031, name: name}
}

func TestSegmentsAreFilled(t *testing.T) {
	const visa16, amex15 = "4242424242424242", "378282246310005"
	seg := func(f Field, e Encoding, l Length) []Segment { return []Segment{{Field: f, Encoding: e, Length: l}} }
	cases := []struct {
		name     string
		number   string
		holder   string
		cvc      string
		segments []Segment
		want     string // hexadecimal if it begins with 0x
		fails    string
	}{
		{"literal", visa16, "", "", []Segment{Literal([]byte("a\x00b"))}, "a\x00b", ""},
		{"nothing", visa16, "", "", nil, "", ""},
		{"number in JSON", visa16, "", "", []Segment{Literal([]byte(`{"n":"`)), Card(Number, JSON), Literal([]byte(`"}`))}, `{"n":"4242424242424242"}`, ""},
		{"number twice", visa16, "", "", []Segment{Card(Number, ASCII), Card(Number, JSON), Card(Number, ASCII)}, strings.Repeat(visa16, 3), ""},
		{"month and years", visa16, "", "", []Segment{Card(ExpMonth, ASCII), Card(ExpYear, ASCII), Card(ExpYear2, ASCII)}, "03203131", ""},
		{"code", visa16, "", "123", seg(CVC, ASCII, NoLength), "123", ""},
		{"code twice", visa16, "", "123", []Segment{Card(CVC, ASCII), Card(CVC, JSON)}, "123123", ""},
		{"no code", visa16, "", "", seg(CVC, ASCII, NoLength), "", "segment 0: the card has no cvc"},
		{"optional code", visa16, "", "123", []Segment{OptionalCard(`,"cvc":"`, CVC, JSON, `"`)}, `,"cvc":"123"`, ""},
		{"optional code that is not there", visa16, "", "", []Segment{OptionalCard(`,"cvc":"`, CVC, JSON, `"`)}, "", ""},
		{"name in JSON", visa16, `A "B" \ <ß> 😀`, "", seg(Name, JSON, NoLength), `A \"B\" \\ \u003cß\u003e 😀`, ""},
		{"name in a form", visa16, "A&B=C ß+%", "", seg(Name, Form, NoLength), "A%26B%3DC+%C3%9F%2B%25", ""},
		{"name in XML", visa16, `<A> & "B" 'C'`, "", seg(Name, XML, NoLength), "&lt;A&gt; &amp; &#34;B&#34; &#39;C&#39;", ""},
		{"name as it is", visa16, "ß <&>", "", seg(Name, ASCII, NoLength), "ß <&>", ""},
		{"name in BCD", visa16, "AB", "", seg(Name, BCD, NoLength), "", "BCD holds digits only"},
		{"no name", visa16, "", "", seg(Name, JSON, NoLength), "", "the card has no name"},
		{"even number in BCD", visa16, "", "", seg(Number, BCD, NoLength), "0x4242424242424242", ""},
		{"odd number in BCD", amex15, "", "", seg(Number, BCD, NoLength), "0x0378282246310005", ""},
		{"LL", visa16, "", "", seg(Number, ASCII, LLASCII), "16" + visa16, ""},
		{"LLL", visa16, "", "", seg(Number, ASCII, LLLASCII), "016" + visa16, ""},
		{"LL in BCD before ASCII", "30569309025904", "", "", seg(Number, ASCII, LLBCD), "\x1430569309025904", ""},
		{"LL in BCD counts digits", amex15, "", "", seg(Number, BCD, LLBCD), "0x150378282246310005", ""},
		{"LLL in BCD counts digits", amex15, "", "", seg(Number, BCD, LLLBCD), "0x00150378282246310005", ""},
		{"length counts bytes as written", visa16, "ß", "", seg(Name, Form, LLASCII), "06%C3%9F", ""},
		{"length over LL", visa16, strings.Repeat("x", 100), "", seg(Name, ASCII, LLASCII), "", "do not fit"},
		{"length of 100 in LLL", visa16, strings.Repeat("x", 100), "", seg(Name, ASCII, LLLASCII), "100" + strings.Repeat("x", 100), ""},
		{"before stands before the length", visa16, "", "", []Segment{{Field: Number, Length: LLASCII, Before: []byte("<"), After: []byte(">")}}, "<16" + visa16 + ">", ""},
		{"unknown field", visa16, "", "", seg(99, ASCII, NoLength), "", "neither"},
		{"unknown encoding", visa16, "", "", seg(Number, 99, NoLength), "", "unknown encoding 99"},
		{"unknown length", visa16, "", "", seg(Number, ASCII, 99), "", "unknown length"},
		{"literal and field", visa16, "", "", []Segment{{Literal: []byte("x"), Field: Number}}, "", "neither"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := &fields{card: testCard(t, c.number, c.holder), proof: CVC, code: func() []byte { return []byte(c.cvc) }}
			got, err := fill(c.segments, f)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), c.number) {
					t.Fatalf("error %v, want %q", err, c.fails)
				}
				return
			}
			want := []byte(c.want)
			if digits, ok := strings.CutPrefix(c.want, "0x"); ok {
				if want, err = hex.DecodeString(digits); err != nil {
					t.Fatal(err)
				}
			}
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("filled %q (%v), want %q", got, err, want)
			}
		})
	}
}

func TestFilledBodyNeverGrows(t *testing.T) {
	f := &fields{card: testCard(t, "4242424242424242", strings.Repeat("\"", 200)), proof: CVC, code: func() []byte { return []byte("1234") }}
	var segments []Segment
	for _, e := range []Encoding{ASCII, JSON, Form, XML} {
		segments = append(segments, Card(Name, e), Card(Number, e), Card(CVC, e), Segment{Field: Number, Encoding: e, Length: LLLASCII})
	}
	bound := bodyBound(segments, f)
	body, err := fill(segments, f)
	if err != nil || len(body) > bound || cap(body) != bound {
		t.Errorf("body of %d bytes in %d, bound %d: %v", len(body), cap(body), bound, err)
	}
}

func TestPlainFormIsReadBack(t *testing.T) {
	for _, number := range []string{"4242424242424242", "378282246310005", "000000000000"} {
		for _, name := range []string{"", "Zoë"} {
			c := testCard(t, number, name)
			got, err := parsePlain(c.plain())
			if err != nil || string(got.number.digits()) != number || got.month != 3 || got.year != 2031 || got.name != name {
				t.Errorf("read back %d/%d %q: %v", got.month, got.year, got.name, err)
			}
		}
	}
	good := testCard(t, "4242424242424242", "").plain()
	for n := range len(good) {
		if _, err := parsePlain(good[:n]); err == nil {
			t.Errorf("%d of %d bytes were accepted", n, len(good))
		}
	}
}

func TestSignatures(t *testing.T) {
	// RFC 4231, test case 2: key "Jefe", data "what do ya want for nothing?".
	want := map[string]string{
		"hmac-sha256-hex":    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		"hmac-sha256-base64": "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=",
		"hmac-sha512-hex": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554" +
			"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
	}
	if len(want) != len(schemes) {
		t.Errorf("%d schemes, %d vectors", len(schemes), len(want))
	}
	for name, signature := range want {
		if got := schemes[name]([]byte("Jefe"), []byte("what do ya want for nothing?")); got != signature {
			t.Errorf("%s: %s, want %s", name, got, signature)
		}
	}
}
