package bank

import (
	"fmt"
	"regexp"
	"strings"
)

// AliasKind is what an alias is: by it the scheme finds the account.
type AliasKind string

// The kinds of alias.
const (
	AliasCPF          AliasKind = "cpf"          // PIX: a person's taxpayer number
	AliasCNPJ         AliasKind = "cnpj"         // PIX: a company's
	AliasEmail        AliasKind = "email"        // PIX, PayID
	AliasPhone        AliasKind = "phone"        // PIX, PayID
	AliasRandom       AliasKind = "random"       // PIX: the chave aleatória, a UUID
	AliasABN          AliasKind = "abn"          // PayID: an Australian business number
	AliasOrganisation AliasKind = "organisation" // PayID: what an organisation chose
	AliasVPA          AliasKind = "vpa"          // UPI: a virtual payment address
)

// Alias is what a payee is known by in an instant scheme, checked. The zero value is none.
type Alias struct {
	masked
	kind AliasKind
	rail RailName
}

// Kind is what the alias is.
func (a Alias) Kind() AliasKind { return a.kind }

// Rail is the rail whose alias it is: Pix, NPP or UPI.
func (a Alias) Rail() RailName { return a.rail }

func alias(rail RailName, kind AliasKind, canonical string) Alias {
	return Alias{mask(canonical), kind, rail}
}

// email is an address as DICT takes them; a domain has a dot, which keeps VPAs out.
var email = regexp.MustCompile("^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$")

func parseEmail(rail RailName, param, text string, longest int) (Alias, error) {
	text = strings.ToLower(text)
	if len(text) > longest || !email.MatchString(text) {
		return Alias{}, wrong(param, fmt.Sprintf("has an @ and is no e-mail address of at most %d characters", longest))
	}
	return alias(rail, AliasEmail, text), nil
}

// uuid is the form of a random PIX key: with hyphens, in small letters.
var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// brazilianPhone is +55, the area code, and a mobile number of nine digits or a landline of eight.
var brazilianPhone = regexp.MustCompile(`^\+55[1-9][0-9](?:9[0-9]{8}|[2-5][0-9]{7})$`)

// longestPixEmail is DICT's bound. Source: Banco Central do Brasil, API do DICT, key formats.
const longestPixEmail = 77

// ParsePIX reads a PIX key and tells its kind by its form: a CPF or CNPJ with or without punctuation, an e-mail address, a phone number that
// begins with +55, or a random key. A CNPJ can hold letters since July 2026. It fails with fault.Invalid on "pix_key".
// Sources: Banco Central do Brasil, Manual Operacional do DICT; Receita Federal, Instrução Normativa 2.229/2024.
func ParsePIX(text string) (Alias, error) {
	const param = "pix_key"
	text = strings.TrimSpace(text)
	switch {
	case len(text) > longestInput:
		return Alias{}, wrong(param, "is too long")
	case strings.Contains(text, "@"):
		return parseEmail(Pix, param, text, longestPixEmail)
	case strings.HasPrefix(text, "+"):
		if phone := withoutPunctuation(text); brazilianPhone.MatchString(phone) {
			return alias(Pix, AliasPhone, phone), nil
		}
		return Alias{}, wrong(param, "begins like a phone number and is none of Brazil: +55, area code, number")
	case uuid.MatchString(strings.ToLower(text)):
		return alias(Pix, AliasRandom, strings.ToLower(text)), nil
	}
	s, ok := compact(text, spaces+".-/")
	switch {
	case ok && len(s) == 11 && allDigits(s):
		if !cpfFits(s) {
			return Alias{}, wrong(param, "is no CPF: the check digits do not fit. A phone number begins with +55")
		}
		return alias(Pix, AliasCPF, s), nil
	case ok && len(s) == 14 && allDigits(s[12:]):
		if !cnpjFits(s) {
			return Alias{}, wrong(param, "is no CNPJ: the check digits do not fit")
		}
		return alias(Pix, AliasCNPJ, s), nil
	}
	return Alias{}, wrong(param, "must be a CPF, a CNPJ, an e-mail address, a phone number with +55 or a random key")
}

// BrazilianTaxNumberFits tells whether a text is a CPF or a CNPJ without punctuation, with its check digits.
func BrazilianTaxNumberFits(s string) bool {
	canonical, ok := compact(s, "")
	return ok && canonical == s && (len(s) == 11 && allDigits(s) && cpfFits(s) || len(s) == 14 && allDigits(s[12:]) && cnpjFits(s))
}

// withoutPunctuation is a phone number without what people write between its digits.
func withoutPunctuation(phone string) string {
	return strings.NewReplacer(" ", "", "\u00a0", "", "-", "", ".", "", "(", "", ")", "").Replace(phone)
}

// cpfFits: two check digits, each the weighted sum of what is before it, modulo 11. Eleven times the same digit would fit and is given to nobody.
func cpfFits(s string) bool {
	return !sameThroughout(s) &&
		brazilianCheck(s[:9], 10, 9, 8, 7, 6, 5, 4, 3, 2) == s[9] && brazilianCheck(s[:10], 11, 10, 9, 8, 7, 6, 5, 4, 3, 2) == s[10]
}

// cnpjFits is the same over twelve characters; a letter counts as its ASCII code less 48.
func cnpjFits(s string) bool {
	return !sameThroughout(s) &&
		brazilianCheck(s[:12], 5, 4, 3, 2, 9, 8, 7, 6) == s[12] && brazilianCheck(s[:13], 6, 5, 4, 3, 2, 9, 8, 7) == s[13]
}

func brazilianCheck(s string, weights ...int) byte {
	rest := weighted(s, weights...) % 11
	if rest < 2 {
		return '0'
	}
	return '0' + byte(11-rest)
}

func sameThroughout(s string) bool { return strings.Count(s, s[:1]) == len(s) }

// The forms of PayIDs. Source: NPP Australia, alias types TELI, EMAL, AUBN and ORGN. An organisation's is printable ASCII without capital
// letters, of 2 to 256 characters.
var (
	australianPhone = regexp.MustCompile(`^(?:\+61|0)([23478][0-9]{8})$`)
	organisation    = regexp.MustCompile(`^[!-@[-~][ -@[-~]{0,254}[!-@[-~]$`)
)

const longestPayID = 256

// ParsePayID reads a PayID and tells its kind by its form: an e-mail address, an Australian phone number (kept as +61-412345678), an ABN, or what
// an organisation chose. Digits alone are a phone number or an ABN, never an organisation's. It fails with fault.Invalid on "payid".
func ParsePayID(text string) (Alias, error) {
	const param = "payid"
	text = strings.TrimSpace(text)
	if len(text) > longestPayID {
		return Alias{}, wrong(param, "must have at most 256 characters")
	}
	if strings.Contains(text, "@") {
		return parseEmail(NPP, param, text, longestPayID)
	}
	digits := withoutPunctuation(text)
	if phone := australianPhone.FindStringSubmatch(digits); phone != nil {
		return alias(NPP, AliasPhone, "+61-"+phone[1]), nil
	}
	switch {
	case strings.HasPrefix(text, "+"):
		return Alias{}, wrong(param, "begins like a phone number and is none of Australia: +61 and nine digits")
	case allDigits(digits) && (len(digits) != 11 || !abnFits(digits)):
		return Alias{}, wrong(param, "is neither a phone number nor an ABN: the length or the check digits do not fit")
	case allDigits(digits):
		return alias(NPP, AliasABN, digits), nil
	case organisation.MatchString(strings.ToLower(text)):
		return alias(NPP, AliasOrganisation, strings.ToLower(text)), nil
	}
	return Alias{}, wrong(param, "must be an e-mail address, a phone number, an ABN or an organisation's id")
}

// abnFits: with one taken from the first digit the weighted sum is a multiple of 89. Source: Australian Business Register, format of the ABN.
func abnFits(s string) bool {
	return s[0] != '0' && (weighted(s, 10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)-10)%89 == 0
}

// vpa is name@handle; a handle has no dot, which keeps e-mail addresses out. Source: NPCI, UPI Linking Specifications.
var vpa = regexp.MustCompile(`^[a-z0-9._-]{2,255}@[a-z][a-z0-9]{1,63}$`)

// longestVPA is the bound of the field. Source: NPCI, UPI Linking Specifications, parameter pa.
const longestVPA = 255

// ParseUPI reads a virtual payment address, kept in small letters. It checks the shape; whether it exists the scheme says. It fails with
// fault.Invalid on "vpa".
func ParseUPI(text string) (Alias, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if len(text) > longestVPA || !vpa.MatchString(text) {
		return Alias{}, wrong("vpa", "must be a virtual payment address: name@handle")
	}
	return alias(UPI, AliasVPA, text), nil
}
