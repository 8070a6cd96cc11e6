package bank

import (
	"fmt"
	"strconv"
	"strings"
)

// spaces may stand between the groups of a number: the space of the paper format, and the one that copying from a document makes of it.
const spaces = " \u00a0"

// IBAN is an international bank account number, checked. The zero value is none.
type IBAN struct{ masked }

// ParseIBAN reads an IBAN in the electronic or the paper format, in capital or small letters. It checks the country, its length and
// structure, the two check digits, and the country's own check digits where nationalChecks has them. It fails with fault.Invalid on "iban".
// Source: ISO 13616-1; the check digits are ISO/IEC 7064 MOD 97-10.
func ParseIBAN(text string) (IBAN, error) {
	const param = "iban"
	s, ok := compact(text, spaces)
	if !ok {
		return IBAN{}, wrong(param, "must be letters and digits, with spaces between groups at most")
	}
	if len(s) < 5 {
		return IBAN{}, wrong(param, "is too short")
	}
	structure, ok := ibanCountries[s[:2]]
	if !ok {
		return IBAN{}, wrong(param, "must begin with the code of a country that has IBANs")
	}
	if want := 4 + structure.length(); len(s) != want {
		return IBAN{}, wrong(param, fmt.Sprintf("must have %d characters for %s, and has %d", want, s[:2], len(s)))
	}
	switch bban := s[4:]; {
	case !CheckDigitsFit(s):
		return IBAN{}, wrong(param, "is mistyped: the check digits do not fit")
	case !structure.matches(bban):
		return IBAN{}, wrong(param, "has a letter or a digit where "+s[:2]+" has none")
	case !nationalCheckFits(s[:2], bban):
		return IBAN{}, wrong(param, "is mistyped: the check digits of the national number within it do not fit")
	}
	return IBAN{mask(s)}, nil
}

// CheckDigitsFit tells whether the third and fourth characters of a code are the check digits of the whole, as in an IBAN and in the reference of a
// creditor (ISO 11649): two capital letters, two digits, then capital letters and digits. Source: ISO/IEC 7064 for MOD 97-10.
func CheckDigitsFit(code string) bool {
	if len(code) < 5 || !isLetter(code[0]) || !isLetter(code[1]) || strings.IndexFunc(code, func(r rune) bool { return r > 'Z' || !isDigit(byte(r)) && !isLetter(byte(r)) }) >= 0 {
		return false
	}
	// 00, 01 and 99 would pass the division in place of 97, 98 and 02, and are never computed.
	two := code[2:4]
	return allDigits(two) && two >= "02" && two <= "98" && mod97(code[4:]+code[:4]) == 1
}

// Country is the ISO 3166 code that the IBAN begins with.
func (i IBAN) Country() string {
	if s := i.Reveal(); s != "" {
		return s[:2]
	}
	return ""
}

// SEPA tells whether the account is in the Single Euro Payments Area.
func (i IBAN) SEPA() bool { return sepa[i.Country()] }

// structure is the structure of a BBAN in the registry's notation without its exclamation marks: 4n12c is four digits, then twelve letters
// or digits. n: digits, a: capital letters, c: either.
type structure string

// each calls f with each part's length and class, until f says no.
func (s structure) each(f func(length int, class byte) bool) {
	for i, from := 0, 0; i < len(s); i++ {
		if isDigit(s[i]) {
			continue
		}
		length, err := strconv.Atoi(string(s[from:i]))
		if err != nil || !f(length, s[i]) {
			return
		}
		from = i + 1
	}
}

func (s structure) length() int {
	sum := 0
	s.each(func(length int, _ byte) bool { sum += length; return true })
	return sum
}

// matches tells whether a text of the structure's length, of capital letters and digits, has each in its place.
func (s structure) matches(text string) bool {
	fits := true
	s.each(func(length int, class byte) bool {
		for ; length > 0; length, text = length-1, text[1:] {
			digit := isDigit(text[0])
			fits = fits && (class == 'c' || digit == (class == 'n'))
		}
		return fits
	})
	return fits
}

// mod97 is the number that the text spells, with A as 10 up to Z as 35, modulo 97. Source: ISO/IEC 7064 for MOD 97-10.
func mod97(text string) int {
	rest := 0
	for i := range len(text) {
		if c := text[i]; isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest
}
