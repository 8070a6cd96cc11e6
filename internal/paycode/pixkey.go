package paycode

import (
	"regexp"

	"github.com/florinpay/florin/internal/bank"
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
	if len(key) > pixKeyLength {
		return false
	}
	return bank.BrazilianTaxNumberFits(key) || pixPhone.MatchString(key) || pixRandom.MatchString(key) || pixEmail.MatchString(key)
}
