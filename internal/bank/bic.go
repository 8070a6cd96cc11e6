package bank

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// BIC is a business identifier code of 8 or 11 characters: it names a bank, and is no secret.
type BIC string

// bicStructure is party prefix, country, party suffix; a branch of three characters may follow.
const bicStructure structure = "4c2a2c"

// ParseBIC reads a BIC in capital or small letters. It checks the shape, not whether a bank has it, and fails with fault.Invalid on "bic".
// Source: ISO 9362:2022.
func ParseBIC(text string) (BIC, error) {
	s, ok := compact(strings.TrimSpace(text), "")
	head := bicStructure.length()
	if !ok || len(s) != head && len(s) != head+3 || !bicStructure.matches(s[:head]) {
		return "", wrong("bic", "must be 8 or 11 letters and digits, the fifth and sixth of which are a country")
	}
	return BIC(s), nil
}

// Country is the ISO 3166 code within the BIC.
func (b BIC) Country() string {
	if len(b) < bicStructure.length() {
		return ""
	}
	return string(b[4:6])
}

// longestHolder is how much of a name a rail carries: 70 characters, of the SEPA schemes. Source: EPC125-05, AT-P001. ACH keeps the first 22.
const longestHolder = 70

// ParseHolder reads the name of an account's holder: it joins runs of spaces to one, and fails with fault.Invalid on "holder_name" if the name
// is longer than rails carry, has no letter, or holds what cannot be printed.
func ParseHolder(name string) (string, error) {
	const param = "holder_name"
	if len(name) > longestInput || !utf8.ValidString(name) {
		return "", wrong(param, "must have at most 70 characters, in UTF-8")
	}
	name = strings.Join(strings.Fields(name), " ")
	switch {
	case utf8.RuneCountInString(name) > longestHolder:
		return "", wrong(param, "must have at most 70 characters")
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", wrong(param, "holds a character that cannot be printed")
	case !strings.ContainsFunc(name, unicode.IsLetter):
		return "", wrong(param, "must hold a letter")
	}
	return name, nil
}
