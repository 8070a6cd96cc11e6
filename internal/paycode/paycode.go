// Package paycode writes and reads the codes that payers scan: Pix BR Codes, SEPA credit transfer codes and UPI links, and draws them.
//
//	payload, err := paycode.Pix{Key: key, Amount: amount, MerchantName: "Café São João", MerchantCity: "São Paulo", TxID: txid}.Payload()
//	image, err := paycode.PNG(payload, 8)
//
// A code is text. Each rail has a type with the fields of its standard: Payload writes them, and Parse… reads what a payer's app would
// read. Both refuse what the standard does not allow, with fault.Invalid; no error repeats a value.
//
// What people only read is made to fit: a name is cut and loses what the rail cannot carry. What identifies a payment never is.
package paycode

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// unreadable is the refusal of a payload.
func unreadable(format string, args ...any) error {
	return fault.Wrong("payload", fault.CodeInvalid, fmt.Sprintf(format, args...))
}

// decimal writes an amount in major units with a dot and all the digits of its currency: 10.00, and 500 for a currency without minor units.
func decimal(m money.Money) string {
	number, _, _ := strings.Cut(m.String(), " ")
	return number
}

// parseDecimal reads digits, and at most as many behind a dot as the currency has. False on anything else, such as a sign, an
// exponent, a comma or what does not fit 64 bits.
func parseDecimal(text, code string) (money.Money, bool) {
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return money.Money{}, false
	}
	whole, fraction, dotted := strings.Cut(text, ".")
	if whole == "" || dotted && fraction == "" || len(fraction) > currency.Exponent() {
		return money.Money{}, false
	}
	const most = 18 // digits that fit 64 bits, whatever they are
	digits := whole + fraction + strings.Repeat("0", currency.Exponent()-len(fraction))
	if !all(digits, isDigit) || len(strings.TrimLeft(digits, "0")) > most {
		return money.Money{}, false
	}
	var minor int64
	for _, d := range []byte(digits) {
		minor = minor*10 + int64(d-'0')
	}
	return money.Of(minor, currency), true
}

// checkAmount notes what is wrong with the amount of a code. The zero Money is none: the payer fills in the amount. most is the
// standard's largest, in minor units.
func checkAmount(wrong *fault.Collect, m money.Money, code string, most int64) {
	switch {
	case m == money.Money{}:
	case m.Currency().Code() != code:
		wrong.Add("currency", fault.CodeCurrency, "the code carries "+code+" only")
	case m.Minor() <= 0:
		wrong.Add("amount", fault.CodeAmountTooSmall, "must be more than zero")
	case m.Minor() > most:
		wrong.Add("amount", fault.CodeAmountTooLarge, "is more than the code can carry")
	}
}

// readAmount reads the amount of a payload under the rules of checkAmount.
func readAmount(text, code string, most int64) (money.Money, error) {
	m, ok := parseDecimal(text, code)
	switch {
	case !ok:
		return money.Money{}, unreadable("the amount is no amount of %s", code)
	case m.Minor() <= 0 || m.Minor() > most:
		return money.Money{}, unreadable("the amount is out of bounds")
	}
	return m, nil
}

// hidden tells whether a text is not UTF-8, or has characters that would break a line, cannot be seen, or turn others around.
func hidden(text string) bool {
	if !utf8.ValidString(text) {
		return true
	}
	return strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Bidi_Control, r)
	})
}

// plain is a letter with its accents, a number, punctuation, a space, or a symbol such as + or €. An emoji, and what makes one of
// another character, is none of them.
func plain(r rune) bool {
	return unicode.In(r, unicode.L, unicode.Mn, unicode.Mc, unicode.N, unicode.P, unicode.Sc, unicode.Sm, unicode.Zs) && !unicode.Is(unicode.Variation_Selector, r)
}

// carries tells whether a text can go as it is: all of it plain, not longer than limit characters, without spaces around it.
func carries(text string, limit int) bool {
	return !hidden(text) && all(text, plain) && utf8.RuneCountInString(text) <= limit && strings.TrimSpace(text) == text
}

// keepPlain is what fit makes of a character where a rail carries UTF-8.
func keepPlain(r rune) string {
	if !plain(r) {
		return ""
	}
	return string(r)
}

// fit makes a text at most limit characters long: keep says what becomes of each, runs of spaces become one, none are left around it.
func fit(text string, limit int, keep func(rune) string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteString(keep(r))
	}
	fitted := []rune(strings.Join(strings.Fields(b.String()), " "))
	return strings.TrimSpace(string(fitted[:min(len(fitted), limit)]))
}

// fitted notes a text with hidden characters, and one of which nothing is left.
func fitted(wrong *fault.Collect, param, text string, limit int, keep func(rune) string) string {
	if hidden(text) {
		wrong.Add(param, fault.CodeInvalid, "has a character that cannot be shown, such as a line break")
		return ""
	}
	s := fit(text, limit, keep)
	if s == "" {
		wrong.Add(param, fault.CodeInvalid, "has no character that the code can carry")
	}
	return s
}

func all(text string, allowed func(rune) bool) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !allowed(r) })
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isCapital(r rune) bool { return r >= 'A' && r <= 'Z' }

func isCapitalOrDigit(r rune) bool { return isCapital(r) || isDigit(r) }

func isAlphanumeric(r rune) bool { return isCapitalOrDigit(r) || r >= 'a' && r <= 'z' }
