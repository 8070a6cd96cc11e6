package vault

import (
	"encoding/json"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
)

const (
	maxName = 200 // characters
	// maxYears is how far ahead an expiry may lie. Networks issue for 20 years at most; more is a typing mistake.
	maxYears = 50
)

// The codes of a card that cannot be right. Issuers decline with the same words.
const (
	codeNumber  = "incorrect_number"
	codeCVC     = "incorrect_cvc"
	codeExpired = "expired_card"
)

// newCard is a card as it came in. Wipe it.
type newCard struct {
	data  cardData
	brand brand
	cvc   []byte // empty if none was given; of a wallet's token: the cryptogram

	wallet *opened // nil: a card
}

func (c newCard) wipe() {
	c.data.wipe()
	clear(c.cvc)
}

// newCard reads {"card":{…}} or {"wallet":{…}}. It fails with fault.Malformed if that is no JSON object in UTF-8, and else with one
// fault.Invalid that names everything that is wrong. No error repeats a value.
func (v *Vault) newCard(by Caller, body []byte, now time.Time) (newCard, error) {
	switch {
	case !utf8.Valid(body):
		return newCard{}, fault.New(fault.Malformed, problem.CodeMalformed, "the body is not UTF-8")
	case !json.Valid(body):
		return newCard{}, fault.New(fault.Malformed, problem.CodeMalformed, "the body is not JSON")
	}
	var f faults
	top, ok := object(body, "", &f, "card", "wallet")
	if !ok {
		return newCard{}, fault.New(fault.Malformed, problem.CodeMalformed, "the body must be a JSON object")
	}
	if wallet := top["wallet"]; !isNull(wallet) {
		if !isNull(top["card"]) {
			f.add("wallet", fault.CodeInvalid, "cannot stand beside card")
		}
		if err := f.Err(); err != nil {
			return newCard{}, err
		}
		return v.openWallet(by, wallet, now)
	}
	c := parseCardObject(top["card"], now, &f)
	if err := f.Err(); err != nil {
		c.wipe()
		return newCard{}, err
	}
	return c, nil
}

func parseCardObject(raw []byte, now time.Time, f *faults) newCard {
	if isNull(raw) {
		f.add("card", problem.CodeMissing, "is required")
		return newCard{}
	}
	in, ok := object(raw, "card.", f, "number", "exp_month", "exp_year", "cvc", "name")
	if !ok {
		f.add("card", fault.CodeInvalid, "must be an object")
		return newCard{}
	}
	c := newCard{brand: otherBrand}
	c.data.number, c.brand = parseNumberField(in["number"], f)
	c.data.month, c.data.year = parseExpiry(in["exp_month"], in["exp_year"], now, f)
	c.cvc = parseCVC(in["cvc"], c.brand, f)
	c.data.name = parseName(in["name"], f)
	return c
}

func parseNumberField(raw []byte, f *faults) (pan, brand) {
	if isNull(raw) {
		f.add("card.number", problem.CodeMissing, "is required")
		return pan{}, otherBrand
	}
	digits, ok := text(raw)
	if !ok {
		f.add("card.number", fault.CodeInvalid, "must be a string")
		return pan{}, otherBrand
	}
	number, b, wrong := parseNumber(digits)
	if wrong != "" {
		f.add("card.number", codeNumber, string(wrong))
		return pan{}, otherBrand
	}
	return number, b
}

// parseExpiry reads the month and the year, of two or four digits. A card is good until the end of its month.
func parseExpiry(rawMonth, rawYear []byte, now time.Time, f *faults) (month, year int) {
	month, okMonth := integer(rawMonth, "card.exp_month", f)
	year, okYear := integer(rawYear, "card.exp_year", f)
	if okMonth && (month < 1 || month > 12) {
		f.add("card.exp_month", fault.CodeInvalid, "must be 1 to 12")
		okMonth = false
	}
	switch {
	case !okYear:
		return month, year
	case year < 100:
		year += 2000
	case year < 1000:
		f.add("card.exp_year", fault.CodeInvalid, "must have two or four digits")
		return month, year
	}
	switch {
	case year > now.Year()+maxYears:
		f.add("card.exp_year", fault.CodeInvalid, "is too far ahead")
	case year < now.Year():
		f.add("card.exp_year", codeExpired, "the card has expired")
	case okMonth && !now.Before(time.Date(year, time.Month(month)+1, 1, 0, 0, 0, 0, time.UTC)):
		f.add("card.exp_month", codeExpired, "the card has expired")
	}
	return month, year
}

func integer(raw []byte, param string, f *faults) (int, bool) {
	if isNull(raw) {
		f.add(param, problem.CodeMissing, "is required")
		return 0, false
	}
	n, ok := whole(raw)
	if !ok {
		f.add(param, fault.CodeInvalid, "must be an integer of at most four digits")
	}
	return n, ok
}

func parseCVC(raw []byte, b brand, f *faults) []byte {
	if isNull(raw) {
		return nil
	}
	digits, ok := text(raw)
	if !ok {
		f.add("card.cvc", fault.CodeInvalid, "must be a string")
		return nil
	}
	if wrong := b.cvcFault(digits); wrong != "" {
		f.add("card.cvc", codeCVC, wrong)
		return nil
	}
	return append([]byte(nil), digits...)
}

func parseName(raw []byte, f *faults) string {
	if isNull(raw) {
		return ""
	}
	name, ok := text(raw)
	switch {
	case !ok:
		f.add("card.name", fault.CodeInvalid, "must be a string")
	case utf8.RuneCount(name) > maxName:
		f.add("card.name", fault.CodeInvalid, "must have at most 200 characters")
	case !printable(string(name)):
		f.add("card.name", fault.CodeInvalid, "must not have control characters")
	}
	return string(name)
}

// printable tells whether a text has no control characters, and no half of a character (which JSON can write).
func printable(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return false
		}
	}
	return true
}
