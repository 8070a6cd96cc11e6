package vault

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestAnswersAreMasked(t *testing.T) {
	const sent = "4000056655665556"
	cases := []struct{ name, in, want string }{
		{"nothing", `{"id":"auth_1","amount":1000}`, `{"id":"auth_1","amount":1000}`},
		{"sent number", `{"n":"4000056655665556"}`, `{"n":"************5556"}`},
		{"another card", `{"n":"4242424242424242"}`, `{"n":"************4242"}`},
		{"amex", "=378282246310005", "=***********0005"},
		{"spaces", "card 4242 4242 4242 4242 ok", "card **** **** **** 4242 ok"},
		{"dashes", "4242-4242-4242-4242", "****-****-****-4242"},
		{"within words", "PAN4242424242424242END", "PAN************4242END"},
		{"two cards", "n=4242424242424242,m=5555555555554444", "n=************4242,m=************4444"},
		{"beside other numbers", "100 4242424242424242 12", "100 ************4242 12"},
		{"bare JSON number", `{"n":4242424242424242,"m":[5555555555554444]}`, `{"n":9999999999994242,"m":[9999999999994444]}`},
		{"nothing but a number", "378282246310005", "999999999990005"},
		{"negative and fractional JSON numbers", `[-4242424242424242, 5555555555554444.00]`, `[-9999999999994242, 9999999999994444.00]`},
		{"sent number in a longer JSON number", `{"n":1114000056655665556}`, `{"n":1119999999999995556}`},
		{"sent number over several JSON numbers", `[4000, 566, 5566, 5556, "0", 4000,566]`, `[4000, 566, 5566, 5556, "0", 4000,566]`},
		{"escaped text", `"\u4242424242424242"`, `"\u9999********4242"`},
		{"wrong check digit", "4242424242424241", "4242424242424241"},
		{"no brand", "9999999999999995", "9999999999999995"},
		{"wrong length for the brand", "483297487231504", "483297487231504"},
		{"within a longer run", "114242424242424242", "114242424242424242"},
		{"time in milliseconds", "1785225600001", "1785225600001"},
		{"sent number in a longer run", "00004000056655665556", "0000************5556"},
		{"sent number, dots", "4000.0566.5566.5556", "****.****.****.5556"},
		{"sent number, escaped spaces", "4000%200566%205566%205556", "****%20****%20****%205556"},
		{"sent number, plus signs", "4000+0566+5566+5556", "****+****+****+5556"},
		{"sent number, entities", "4000&nbsp;0566&nbsp;5566&nbsp;5556", "****&nbsp;****&nbsp;****&nbsp;5556"},
		{"sent number, single digits", "4 0 0 0 0 5 6 6 5 5 6 6 5 5 5 6", "* * * * * * * * * * * * 5 5 5 6"},
		{"sent number, escaped in JSON", `{"n":"\u0034\u0030\u0030\u0030\u0030\u0035\u0036\u0036\u0035\u0035\u0036\u0036\u0035\u0035\u0035\u0036"}`,
			`{"n":"\u0039\u0039\u0039\u0039\u0039\u0039\u0039\u0039\u0039\u0039\u0039\u0039\u0035\u0035\u0035\u0036"}`},
		{"sent number, first digit escaped in JSON", `"\u0034000056655665556"`, `"\u0039***********5556"`},
		{"sent number, escaped no-break spaces in JSON", `"4000\u00a00566\u00a05566\u00a05556"`, `"****\u00a0****\u00a0****\u00a05556"`},
		{"sent number, escaped spaces in JSON", `"4000\u00200566\u00205566\u00205556"`, `"****\u0020****\u0020****\u00205556"`},
		{"sent number, escaped in a URL", "%34%30%30%30%30%35%36%36%35%35%36%36%35%35%35%36", "%39%39%39%39%39%39%39%39%39%39%39%39%35%35%35%36"},
		{"sent number, escaped in XML, decimal", "&#52;&#48;&#48;&#48;&#48;&#53;&#54;&#54;&#53;&#53;&#54;&#54;&#53;&#53;&#53;&#54;",
			"&#59;&#49;&#49;&#49;&#49;&#59;&#59;&#59;&#59;&#59;&#59;&#59;&#53;&#53;&#53;&#54;"},
		{"sent number, no-break spaces of XML", "4000&#160;0566&#xa0;5566&#160;5556", "****&#160;****&#xa0;****&#160;5556"},
		{"sent number, escaped in XML", "&#x34;&#x30;&#x30;&#x30;&#x30;&#x35;&#x36;&#x36;&#x35;&#x35;&#x36;&#x36;&#x35;&#x35;&#x35;&#x36;",
			"&#x39;&#x39;&#x39;&#x39;&#x39;&#x39;&#x39;&#x39;&#x39;&#x39;&#x39;&#x39;&#x35;&#x35;&#x35;&#x36;"},
		{"another card, escaped spaces in JSON", `"4242\u00204242\u00204242\u00204242"`, `"****\u0020****\u0020****\u00204242"`},
		{"sent number in BCD", "x\x40\x00\x05\x66\x55\x66\x55\x56y", "x\xff\xff\xff\xff\xff\xff\xff\xffy"},
		{"sent number in BCD, half a byte later", "\x04\x00\x00\x56\x65\x56\x65\x55\x6f", "\x04\xff\xff\xff\xff\xff\xff\xff\x6f"},
		{"half of the sent number", "40000566", "40000566"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := []byte(c.in)
			found := newMasker([]byte(sent)).body(b)
			if string(b) != c.want || found != (c.in != c.want) {
				t.Errorf("masked %q (found %v), want %q", b, found, c.want)
			}
		})
	}
}

func TestOddNumberInBCDIsMasked(t *testing.T) {
	m := newMasker([]byte("378282246310005"))
	for _, in := range []string{"\x03\x78\x28\x22\x46\x31\x00\x05", "\x37\x82\x82\x24\x63\x10\x00\x5f"} {
		b := []byte(in)
		if !m.body(b) || bytes.Contains(b, []byte("\x82\x24")) || bytes.Contains(b, []byte("\x28\x22")) {
			t.Errorf("%x became %x", in, b)
		}
	}
}

func TestNumbersOfUnknownBrandsAreMaskedIfSent(t *testing.T) {
	for _, sent := range []string{"000000000000", "9999999999999995", "99999999999999999995"[:19], "8888888888888888"} {
		b := []byte(`{"a":"` + sent + `","b":` + strings.TrimLeft(sent, "0") + `1}`)
		b2 := []byte(`{"b":` + sent + `}`)
		m := newMasker([]byte(sent))
		m.body(b)
		m.body(b2)
		if bytes.Contains(b, []byte(sent)) || bytes.Contains(b2, []byte(sent)) {
			t.Errorf("%s is left: %s %s", sent, b, b2)
		}
	}
}

// A scheme's transaction id may pass for a card number. Where the connector expects one it stays, unless it is the number
// that was sent.
func TestReferencesStayAsTheyAre(t *testing.T) {
	for _, c := range [][2]string{
		{`{"network_reference":"378282246310005"}`, `{"network_reference":"378282246310005"}`},
		{`{"network_reference" : "378282246310005","number":"378282246310005"}`, `{"network_reference" : "378282246310005","number":"***********0005"}`},
		{`[{"network_reference":"378282246310005"},{"network_reference":"5555555555554444"}]`, `[{"network_reference":"378282246310005"},{"network_reference":"5555555555554444"}]`},
		{`{"network_reference":"4242424242424242"}`, `{"network_reference":"************4242"}`}, // it was sent
		{`{"network_reference":null,"x":"378282246310005"}`, `{"network_reference":null,"x":"***********0005"}`},
		{`{"network_reference":{"x":"378282246310005"}}`, `{"network_reference":{"x":"***********0005"}}`},
		{`{"network_reference":"378282246310005`, `{"network_reference":"***********0005`}, // torn
		{`{"my_network_reference":"378282246310005"}`, `{"my_network_reference":"***********0005"}`},
	} {
		b := []byte(c[0])
		newMasker([]byte("4242424242424242"), "network_reference").body(b)
		if string(b) != c[1] {
			t.Errorf("%s became %s, want %s", c[0], b, c[1])
		}
	}
}

func TestHeadersAreMasked(t *testing.T) {
	h := http.Header{
		"Location":           {"https://x.example/?n=4242424242424242"},
		"Set-Cookie":         {"a=1", "b=4242 4242 4242 4242"},
		"X-4242424242424242": {"1"},
		"Date":               {"Mon, 02 Jan 2006 15:04:05 GMT"},
	}
	if !newMasker(nil).headers(h) {
		t.Error("found nothing")
	}
	if h.Get("Location") != "https://x.example/?n=************4242" || h["Set-Cookie"][1] != "b=**** **** **** 4242" ||
		h["Set-Cookie"][0] != "a=1" || h.Get("Date") == "" || len(h) != 3 {
		t.Errorf("headers %q", h)
	}
}

func FuzzMask(f *testing.F) {
	f.Add([]byte("4242424242424242"), []byte(`{"n":4242424242424242}`))
	f.Add([]byte("000000000000"), []byte(`[000000000000]`))
	f.Add([]byte("9999999999999995"), []byte(`{"n":9999999999999995,"m":"9999-9999 9999%209995"}`))
	f.Add([]byte("378282246310005"), []byte("\x03\x78\x28\x22\x46\x31\x00\x05 3782 822463 10005 4242 4242 4242 4242 5555"))
	f.Add([]byte("4242424242424242"), []byte(`"\u00342424242\u00344242\u0020\u003424%3242" 4242%204242\u00a04242&#x34;242`))
	f.Add([]byte("4242424242424242"), []byte("42424242424242424242424242424242424242424242424242424242424242424242"))
	f.Fuzz(func(t *testing.T, number, body []byte) {
		sent, _, wrong := parseNumber(number)
		if wrong != "" {
			sent = pan{}
		}
		m := newMasker(sent.digits())
		valid, size := json.Valid(body), len(body)
		m.body(body)
		if len(body) != size {
			t.Fatal("the length changed")
		}
		if valid && !json.Valid(body) {
			t.Fatalf("JSON broke: %q", body)
		}
		if m.pass(bytes.Clone(body)) {
			t.Fatalf("something is left: %q", body)
		}
		if wrong == "" && bytes.Contains(body, sent.digits()) {
			t.Fatalf("the number that was sent is left: %q", body)
		}
	})
}

func BenchmarkMask(b *testing.B) {
	answer := []byte(`{"id":"alpha_auth_01kq3f0000000000000000000","reference":"att_01kq3f","status":"captured","amount":9232,` +
		`"amount_captured":9232,"amount_refunded":0,"currency":"EUR","network_reference":"483297487231504","decline":null,` +
		`"created_at":"2026-11-22T10:00:00Z","operations":[]}`)
	m := newMasker([]byte("4242424242424242"))
	b.SetBytes(int64(len(answer)))
	for b.Loop() {
		m.body(answer)
	}
}

func TestWhatIsKeptIsMaskedButForReferences(t *testing.T) {
	for in, want := range map[string]string{
		`{"n":"4242424242424242"}`:                          `{"n":"************4242"}`,
		`{"ref":"378282246310005","n":"378282246310005"}`:   `{"ref":"378282246310005","n":"***********0005"}`,
		"\xff4242 4242 4242 4242\x00":                       "\xff**** **** **** 4242\x00",
		`{"id":"evt_1","at":"2026-11-22T12:00:00.123456Z"}`: `{"id":"evt_1","at":"2026-11-22T12:00:00.123456Z"}`,
	} {
		b := []byte(in)
		if found := MaskNumbers(b, "ref"); string(b) != want || found != (in != want) {
			t.Errorf("%q became %q, found %v", in, b, found)
		}
	}
}
