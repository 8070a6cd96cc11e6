package bank

import (
	"fmt"

	"github.com/florinpay/florin/internal/fault"
)

// Domestic is an account by the numbering of its own country (a BBAN), checked. The zero value is none. It prints as the end of the account
// number; what names the bank is no secret.
type Domestic struct {
	masked       // the account number
	country      string
	bank, branch string
}

// Country is the ISO 3166 code of the account's country.
func (d Domestic) Country() string { return d.country }

// BankCode is the routing number (US), sort code (GB), BSB (AU), IFSC (IN), ISPB or COMPE code (BR) or BIC (MY), without punctuation.
func (d Domestic) BankCode() string { return d.bank }

// Branch is the agência of a Brazilian account, else empty: elsewhere the bank code holds it.
func (d Domestic) Branch() string { return d.branch }

// part is one field of a domestic account.
type part struct {
	between     string      // characters that may stand in it
	structures  []structure // one of them fits
	least, most int         // or: from least to most digits
	check       func(string) bool
	canonical   func(string) string // nil: as it is
	must        string              // what is wrong with what does not fit
}

func (p part) read(text string) (string, bool) {
	s, ok := compact(text, p.between)
	if !ok || !p.fits(s) || p.check != nil && !p.check(s) {
		return "", false
	}
	if p.canonical != nil {
		s = p.canonical(s)
	}
	return s, true
}

func (p part) fits(s string) bool {
	for _, form := range p.structures {
		if len(s) == form.length() && form.matches(s) {
			return true
		}
	}
	return p.most > 0 && len(s) >= p.least && len(s) <= p.most && allDigits(s)
}

// numbering is how a country numbers accounts. A part without a must is not used there.
type numbering struct{ bank, branch, number part }

const dashes = spaces + "-"

// numberings are the countries whose accounts are named without an IBAN.
var numberings = map[string]numbering{
	// The ABA's routing number, with its check digit. An account has up to 17 digits. Source: Nacha Operating Rules, entry detail record.
	"US": {
		bank:   part{between: spaces, structures: []structure{"9n"}, check: abaFits, must: "must be an ABA routing number: nine digits of which the last checks the others"},
		number: part{between: dashes, least: 4, most: 17, must: "must have 4 to 17 digits"},
	},
	// Sort code and account number; an account of six or seven digits gets zeros before it. Source: Pay.UK, Validating Account Numbers, which
	// also has a modulus check by range of sort codes: its table changes several times a year, so the bank makes that check.
	"GB": {
		bank:   part{between: dashes, structures: []structure{"6n"}, must: "must be a sort code of six digits"},
		number: part{between: dashes, least: 6, most: 8, canonical: func(s string) string { return fmt.Sprintf("%08s", s) }, must: "must have eight digits"},
	},
	// The bank state branch number. Source: AusPayNet, BECS Procedures; an account of the direct entry system has up to nine digits.
	"AU": {
		bank:   part{between: dashes, structures: []structure{"6n"}, must: "must be a BSB of six digits"},
		number: part{between: dashes, least: 4, most: 9, must: "must have 4 to 9 digits"},
	},
	// The Indian financial system code: four letters, a zero, six letters or digits. Source: Reserve Bank of India.
	"IN": {
		bank: part{between: spaces, structures: []structure{"4a1n6c"}, check: func(s string) bool { return s[4] == '0' },
			must: "must be an IFSC: four letters, a zero, six letters or digits"},
		number: part{between: dashes, least: 9, most: 18, must: "must have 9 to 18 digits"},
	},
	// The bank's ISPB of eight digits or its COMPE code of three, the agência, and the account with its check digit, which can be X. Each
	// bank has its own rule for that. Source: Banco Central do Brasil, BR Code and Pix manuals.
	"BR": {
		bank:   part{between: spaces, structures: []structure{"8n", "3n"}, must: "must be an ISPB of eight digits or a bank code of three"},
		branch: part{between: spaces, structures: []structure{"4n"}, must: "must be an agência of four digits, without its check digit"},
		number: part{between: dashes + ".", least: 2, most: 20, structures: withLetter(1, 19), check: noLetterButX,
			must: "must have 2 to 20 digits with the check digit, which can be X"},
	},
	// The bank's BIC, by which PayNet routes.
	"MY": {
		bank: part{between: spaces, structures: []structure{bicStructure, bicStructure + "3c"}, check: func(s string) bool { return BIC(s).Country() == "MY" },
			must: "must be the BIC of a Malaysian bank"},
		number: part{between: dashes, least: 5, most: 17, must: "must have 5 to 17 digits"},
	},
}

// withLetter are numbers of so many digits, and a letter after them.
func withLetter(least, most int) []structure {
	var forms []structure
	for n := least; n <= most; n++ {
		forms = append(forms, structure(fmt.Sprintf("%dn1a", n)))
	}
	return forms
}

func noLetterButX(s string) bool { return !isLetter(s[len(s)-1]) || s[len(s)-1] == 'X' }

// ParseDomestic reads an account by its country's numbering, with the punctuation that is usual there. It fails with fault.Invalid on "country",
// "bank_code", "branch_code" and "account_number", naming all that is wrong.
func ParseDomestic(country, bankCode, branchCode, number string) (Domestic, error) {
	n, ok := numberings[country]
	if !ok {
		if _, iban := ibanCountries[country]; iban {
			return Domestic{}, wrong("country", "has IBANs: give one")
		}
		return Domestic{}, wrong("country", "must be one whose accounts can be paid to")
	}
	d := Domestic{country: country}
	var faults fault.Collect
	d.bank = n.bank.collect(&faults, "bank_code", bankCode)
	d.branch = n.branch.collect(&faults, "branch_code", branchCode)
	d.masked = mask(n.number.collect(&faults, "account_number", number))
	if err := faults.Err(); err != nil {
		return Domestic{}, err
	}
	return d, nil
}

func (p part) collect(faults *fault.Collect, param, text string) string {
	if p.must == "" {
		if text != "" {
			faults.Add(param, fault.CodeInvalid, "is not used in this country: leave it out")
		}
		return ""
	}
	s, ok := p.read(text)
	if !ok {
		faults.Add(param, fault.CodeInvalid, p.must)
	}
	return s
}

// abaFits: the first two digits are a Federal Reserve district (01 to 12), the same for thrift institutions (21 to 32) or for electronic
// transactions (61 to 72); the weighted sum is a multiple of 10. Source: ABA, routing number policy; Nacha, check digit computation.
func abaFits(s string) bool {
	district := int(s[0]-'0')*10 + int(s[1]-'0')
	inRange := district >= 1 && district <= 12 || district >= 21 && district <= 32 || district >= 61 && district <= 72
	return inRange && weighted(s, 3, 7, 1)%10 == 0
}
