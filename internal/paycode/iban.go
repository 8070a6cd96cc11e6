package paycode

import (
	"strings"

	"github.com/florinpay/florin/internal/bank"
)

// outsideEEA are the countries of the SEPA area whose accounts need a BIC.
const outsideEEA = "AD AL CH GB GI MC MD ME MK RS SM VA"

// needsBIC tells whether an account is outside the European Economic Area.
func needsBIC(iban string) bool {
	return len(iban) > 2 && strings.Contains(" "+outsideEEA+" ", " "+iban[:2]+" ")
}

// ibanOK tells whether a text is the IBAN of an account in the SEPA area, in the electronic format.
func ibanOK(iban string) bool {
	parsed, err := bank.ParseIBAN(iban)
	return err == nil && parsed.Reveal() == iban && parsed.SEPA()
}

// bicOK tells whether a text is a business identifier code, in capitals.
func bicOK(code string) bool {
	parsed, err := bank.ParseBIC(code)
	return err == nil && string(parsed) == code
}

// creditorReferenceOK tells whether a text is a creditor reference: RF, two check digits, and up to 21 capitals and digits.
// Source: ISO 11649:2009.
func creditorReferenceOK(ref string) bool {
	return len(ref) <= 25 && strings.HasPrefix(ref, "RF") && bank.CheckDigitsFit(ref)
}
