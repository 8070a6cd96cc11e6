package paycode

import (
	"strings"
	"testing"
)

func TestChecksumIsTheCatalogues(t *testing.T) {
	// The check value of CRC-16/CCITT-FALSE, also known as CRC-16/IBM-3740.
	if got := checksum("123456789"); got != 0x29B1 {
		t.Errorf("%04X", got)
	}
}

// TestLengthsCountCharactersAndTheChecksumBytes: EMVCo's own example has Chinese names in object 64, whose lengths are right in
// characters only and whose checksum is right over UTF-8 only.
func TestLengthsCountCharactersAndTheChecksumBytes(t *testing.T) {
	code, err := readEMV(ownVectors(t).Official["emvco_mpm_appendix"])
	if err != nil {
		t.Fatal(err)
	}
	language, err := readObjects(code.get(emvLanguage))
	if err != nil || language.get("01") != "最佳运输" || language.get("02") != "北京" {
		t.Errorf("%q, %v", language, err)
	}
	if code.get(emvAmount) != "23.72" || code.get(emvName) != "BEST TRANSPORT" {
		t.Errorf("%q", code)
	}
	if again := writeEMV(code[:len(code)-1]); again != ownVectors(t).Official["emvco_mpm_appendix"] {
		t.Errorf("is written again as %q", again)
	}
	if _, err := ParsePix(ownVectors(t).Official["emvco_mpm_appendix"]); err == nil {
		t.Error("a code of another scheme is a Pix code")
	}
}

func TestBrokenObjectsAreRefused(t *testing.T) {
	cases := []struct{ name, text string }{
		{"nothing", ""},
		{"no length", "00"},
		{"half a length", "000"},
		{"letters for a number", "0A02ab"},
		{"letters for a length", "00x2ab"},
		{"a negative length", "00-1ab"},
		{"longer than what is left", "0003ab"},
		{"longer in characters than in bytes", "0003éa"},
		{"empty", "0000"},
		{"twice", "0001a0001b"},
		{"bytes behind the last", "0001ab"},
		{"other digits", "٠٠01a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := readObjects(c.text)
			mustRefuse(t, err, badPayload)
		})
	}
}

func TestTemplatesAreLookedInto(t *testing.T) {
	frame := objects{{emvFormat, "01"}}
	cases := []struct {
		name string
		o    object
		ok   bool
	}{
		{"an account", object{"26", "0001a"}, true},
		{"a broken account", object{"26", "0009a"}, false},
		{"the last account", object{"51", "x"}, false},
		{"an account that is no template", object{"25", "x"}, true},
		{"the country", object{"58", "BR"}, true},
		{"broken additional data", object{"62", "0503**"}, false},
		{"a broken language", object{"64", "x"}, false},
		{"what EMVCo keeps for itself", object{"65", "x"}, true},
		{"broken unreserved", object{"80", "0002a"}, false},
		{"a system within the additional data", object{"62", "50050001a"}, true},
		{"a broken system within the additional data", object{"62", "50050009a"}, false},
		{"a system of an account is text", object{"26", "50050009a"}, true},
		{"below a system all is text", object{"62", "5009" + "50050009a"}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := readEMV(writeEMV(append(frame, c.o))); (err == nil) != c.ok {
				t.Error(err)
			}
		})
	}
}

func TestACodeHasABeginAndAnEnd(t *testing.T) {
	good := writeEMV(objects{{emvFormat, "01"}, {emvCountry, "BR"}})
	if _, err := readEMV(good); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, code string }{
		{"bytes behind the checksum", good + "x"},
		{"an object behind the checksum", good + "5802BR"},
		{"a line behind the checksum", good + "\n"},
		{"no checksum", strings.TrimSuffix(good, good[len(good)-8:])},
		{"a wrong checksum", good[:len(good)-4] + "0000"},
		{"a checksum in small letters", good[:len(good)-4] + strings.ToLower(good[len(good)-4:])},
		{"another format", writeEMV(objects{{emvFormat, "02"}})},
		{"another first object", writeEMV(objects{{emvCountry, "BR"}, {emvFormat, "01"}})},
		{"not UTF-8", writeEMV(objects{{emvFormat, "01"}, {emvName, "\xff"}})},
		{"a control character", writeEMV(objects{{emvFormat, "01"}, {emvName, "a\nb"}})},
		{"more than 512 bytes", writeEMV(objects{{emvFormat, "01"},
			{"65", strings.Repeat("a", 99)}, {"66", strings.Repeat("a", 99)}, {"67", strings.Repeat("a", 99)}, {"68", strings.Repeat("a", 99)}, {"69", strings.Repeat("a", 99)}})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := readEMV(c.code)
			mustRefuse(t, err, badPayload)
		})
	}
}
