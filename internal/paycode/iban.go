package paycode

import "strings"

// sepaLengths is how long an IBAN is in each country of the SEPA area. Sources: EPC409-09, the list of SEPA countries, of 2025-11;
// SWIFT's IBAN registry, release 99. Territories that use another country's IBAN, such as Jersey, have no line.
var sepaLengths = map[string]int{
	// The European Economic Area.
	"AT": 20, "BE": 16, "BG": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GR": 27, "HR": 21, "HU": 28,
	"IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24,
	"SI": 19, "SK": 24,
	// Outside it.
	"AD": 24, "AL": 28, "CH": 21, "GB": 22, "GI": 23, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "RS": 22, "SM": 27, "VA": 22,
}

// outsideEEA are the countries of the SEPA area whose accounts need a BIC.
const outsideEEA = "AD AL CH GB GI MC MD ME MK RS SM VA"

// needsBIC tells whether an account is outside the European Economic Area.
func needsBIC(iban string) bool {
	return len(iban) > 2 && strings.Contains(" "+outsideEEA+" ", " "+iban[:2]+" ")
}

// ibanOK tells whether an IBAN of the SEPA area has the length of its country and its check digits.
func ibanOK(iban string) bool {
	return len(iban) > 4 && len(iban) == sepaLengths[iban[:2]] && checked(iban)
}

// creditorReferenceOK tells whether a text is a creditor reference: RF, two check digits, and up to 21 capitals and digits.
// Source: ISO 11649:2009.
func creditorReferenceOK(ref string) bool {
	return len(ref) > 4 && len(ref) <= 25 && strings.HasPrefix(ref, "RF") && checked(ref)
}

// checked tells whether the third and fourth characters are the check digits of the whole: with the first four at the end, and
// letters as the numbers 10 to 35, it is 1 modulo 97. Source: ISO/IEC 7064, MOD 97-10. The check digits are of 02 to 98.
func checked(code string) bool {
	if !all(code[:2], isCapital) || !all(code[2:4], isDigit) || !all(code[4:], isCapitalOrDigit) || code[2:4] < "02" || code[2:4] > "98" {
		return false
	}
	rest := 0
	for _, r := range code[4:] + code[:4] {
		if isDigit(r) {
			rest = (rest*10 + int(r-'0')) % 97
		} else {
			rest = (rest*100 + int(r-'A') + 10) % 97
		}
	}
	return rest == 1
}
