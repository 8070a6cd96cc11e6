package paycode

import (
	"regexp"
	"strings"
)

// pixKeyForms is what the directory of Pix keys (DICT) knows.
const pixKeyForms = "must be a CPF, a CNPJ, a phone number as +55…, an e-mail address in small letters or a random key (UUID)"

const pixKeyLength = 77

var (
	pixPhone  = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)
	pixRandom = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	pixEmail  = regexp.MustCompile("^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$")
)

// pixKeyOK tells whether a key can be in the directory. Source: Banco Central do Brasil, "API DICT", type Key; a CNPJ has had letters
// since 2026-07 (Instrução Normativa RFB 2.229/2024).
func pixKeyOK(key string) bool {
	switch {
	case len(key) > pixKeyLength:
		return false
	case len(key) == 11 && all(key, isDigit):
		return checkDigits(key, 11)
	case len(key) == 14 && all(key, isCapitalOrDigit) && all(key[12:], isDigit):
		return checkDigits(key, 9)
	}
	return pixPhone.MatchString(key) || pixRandom.MatchString(key) || pixEmail.MatchString(key)
}

// checkDigits tells whether the last two digits of a CPF or CNPJ follow from the rest: by weights that rise from 2 at the right, and
// begin anew after most, modulo 11. A number of one digit only, such as 000…0, satisfies that and is nobody's.
func checkDigits(number string, most int) bool {
	if strings.Trim(number, number[:1]) == "" {
		return false
	}
	for end := len(number) - 2; end < len(number); end++ {
		sum, weight := 0, 2
		for i := end - 1; i >= 0; i-- {
			sum += int(number[i]-'0') * weight // a letter counts by its distance from '0', so says the Receita
			if weight++; weight > most {
				weight = 2
			}
		}
		digit := 11 - sum%11
		if digit > 9 {
			digit = 0
		}
		if int(number[end]-'0') != digit {
			return false
		}
	}
	return true
}
