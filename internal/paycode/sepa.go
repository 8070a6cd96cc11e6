package paycode

import (
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// The bounds of a SEPA credit transfer code. Source: European Payments Council, EPC069-12 version 2.1, sections 3 and 4.
const (
	sepaBytes       = 331 // what a QR code of version 13 holds at level M
	sepaName        = 70  // characters
	sepaPurpose     = 4
	sepaRemittance  = 140
	sepaInformation = 70
	sepaMostAmount  = 99_999_999_999 // minor units: EUR 999999999.99
)

// The elements of the code, each on its line.
const (
	sepaTag = iota
	sepaVersion
	sepaCharacters
	sepaTransfer
	sepaBIC
	sepaBeneficiary
	sepaIBAN
	sepaAmount
	sepaPurposeCode
	sepaStructured
	sepaUnstructured
	sepaNote
	sepaElements
)

// SEPA is an EPC code, known as GiroCode: what a payer's bank in Europe scans to fill in a credit transfer in euro.
type SEPA struct {
	Name string // the beneficiary; fitted to 70 characters
	IBAN string // without spaces
	BIC  string // of 8 or 11 characters; needed for an account outside the European Economic Area

	Amount      money.Money // EUR; the zero Money: the payer fills it in
	Purpose     string      // up to four capitals or digits, ISO 20022's external purpose code
	Reference   string      // structured: a creditor reference of ISO 11649, RF…; or
	Remittance  string      // unstructured: up to 140 characters, never cut, since it says what was paid
	Information string      // for the payer to see; fitted to 70 characters
}

// Payload writes the code, in version 002, or in 001 if the account needs a BIC. It fails with fault.Invalid and names every wrong field.
func (s SEPA) Payload() (string, error) {
	var wrong fault.Collect
	s.check(&wrong)
	lines := make([]string, sepaElements)
	lines[sepaTag], lines[sepaVersion], lines[sepaCharacters], lines[sepaTransfer] = "BCD", "002", "1", "SCT"
	if needsBIC(s.IBAN) {
		lines[sepaVersion] = "001"
	}
	lines[sepaBIC], lines[sepaIBAN] = s.BIC, s.IBAN
	lines[sepaBeneficiary] = fitted(&wrong, "name", s.Name, sepaName, keepPlain)
	if s.Amount != (money.Money{}) {
		lines[sepaAmount] = "EUR" + decimal(s.Amount)
	}
	lines[sepaPurposeCode], lines[sepaStructured], lines[sepaUnstructured] = s.Purpose, s.Reference, s.Remittance
	if s.Information != "" {
		lines[sepaNote] = fitted(&wrong, "information", s.Information, sepaInformation, keepPlain)
	}
	payload := strings.TrimRight(strings.Join(lines, "\n"), "\n") // nothing follows the last element that is there
	if len(payload) > sepaBytes {
		wrong.Add("remittance", fault.CodeInvalid, "the texts together are longer than the code can carry")
	}
	if err := wrong.Err(); err != nil {
		return "", err
	}
	return payload, nil
}

// check notes what is wrong with the fields that are not fitted.
func (s SEPA) check(wrong *fault.Collect) {
	if !ibanOK(s.IBAN) {
		wrong.Add("iban", fault.CodeInvalid, "must be an IBAN of the SEPA area, without spaces, with its check digits")
	}
	switch {
	case s.BIC != "" && !bicOK(s.BIC):
		wrong.Add("bic", fault.CodeInvalid, "must have 8 or 11 characters")
	case s.BIC == "" && needsBIC(s.IBAN):
		wrong.Add("bic", fault.CodeInvalid, "is needed outside the European Economic Area")
	}
	checkAmount(wrong, s.Amount, "EUR", sepaMostAmount)
	if !purposeOK(s.Purpose) {
		wrong.Add("purpose", fault.CodeInvalid, "must be at most four capitals or digits")
	}
	if s.Reference != "" && !creditorReferenceOK(s.Reference) {
		wrong.Add("reference", fault.CodeInvalid, "must be a creditor reference of ISO 11649 with its check digits")
	}
	if !carries(s.Remittance, sepaRemittance) {
		wrong.Add("remittance", fault.CodeInvalid, "must be at most 140 letters, digits and signs, without spaces around them")
	}
	if s.Reference != "" && s.Remittance != "" {
		wrong.Add("remittance", fault.CodeInvalid, "a code has either a reference or a remittance text")
	}
}

// ParseSEPA reads an EPC code in UTF-8, of version 001 or 002, with lines that end in LF or CR LF. Elements at the end may be left out.
func ParseSEPA(payload string) (SEPA, error) {
	lines, err := sepaLines(payload)
	if err != nil {
		return SEPA{}, err
	}
	s := SEPA{
		Name: lines[sepaBeneficiary], IBAN: lines[sepaIBAN], BIC: lines[sepaBIC], Purpose: lines[sepaPurposeCode],
		Reference: lines[sepaStructured], Remittance: lines[sepaUnstructured], Information: lines[sepaNote],
	}
	if amount := lines[sepaAmount]; amount != "" {
		number, ok := strings.CutPrefix(amount, "EUR")
		if !ok {
			return SEPA{}, unreadable("the amount is not in euro")
		}
		if s.Amount, err = readAmount(number, "EUR", sepaMostAmount); err != nil {
			return SEPA{}, err
		}
	}
	var wrong fault.Collect
	s.check(&wrong)
	switch err := wrong.Err(); {
	case err != nil:
		return SEPA{}, unreadable("%v", err)
	case lines[sepaVersion] == "001" && s.BIC == "":
		return SEPA{}, unreadable("version 001 needs a BIC")
	case s.Name == "" || !carries(s.Name, sepaName):
		return SEPA{}, unreadable("the beneficiary's name is missing or too long")
	case !carries(s.Information, sepaInformation):
		return SEPA{}, unreadable("the information is too long")
	}
	return s, nil
}

// sepaLines are the elements of a code, all of them, in a frame that can be read.
func sepaLines(payload string) ([]string, error) {
	if len(payload) > sepaBytes {
		return nil, unreadable("is longer than %d bytes", sepaBytes)
	}
	end := "\n"
	if strings.Contains(payload, "\r\n") {
		end = "\r\n"
	}
	lines := strings.Split(payload, end)
	if len(lines) <= sepaIBAN || len(lines) > sepaElements {
		return nil, unreadable("has too few lines or too many")
	}
	lines = append(lines, make([]string, sepaElements-len(lines))...)
	for _, line := range lines {
		if hidden(line) {
			return nil, unreadable("has a character that cannot be shown")
		}
	}
	switch {
	case lines[sepaTag] != "BCD" || lines[sepaTransfer] != "SCT":
		return nil, unreadable("is no SEPA credit transfer")
	case lines[sepaVersion] != "001" && lines[sepaVersion] != "002":
		return nil, unreadable("has an unknown version")
	case lines[sepaCharacters] != "1":
		return nil, unreadable("is not in UTF-8")
	}
	return lines, nil
}

func purposeOK(code string) bool {
	return len(code) <= sepaPurpose && all(code, isCapitalOrDigit)
}
