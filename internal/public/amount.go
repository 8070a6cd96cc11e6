package public

import (
	"strings"

	"github.com/florinpay/florin/internal/money"
)

// numbers is how a language writes amounts. Source: CLDR, number elements and patterns of currencies.
type numbers struct {
	Decimal string            `json:"decimal"`
	Group   string            `json:"group"`
	Least   int               `json:"least"` // how many digits stand before the first group mark at least
	First   bool              `json:"first"` // the currency stands before the digits
	Close   bool              `json:"close"` // … without a space between, if it is a sign
	Signs   map[string]string `json:"signs"` // by code; a currency without one goes by its code
}

const noBreak = "\u00a0"

// amount writes an amount: €92.32, 92,32 €.
func (l *language) amount(m money.Money) (written string) {
	n, code := l.Numbers, m.Currency().Code()
	digits, _ := strings.CutSuffix(m.String(), " "+code) // 1234.50, exact
	if less, negative := strings.CutPrefix(digits, "-"); negative {
		digits = less
		defer func() { written = "-" + written }()
	}
	whole, fraction, broken := strings.Cut(digits, ".")
	text := n.grouped(whole)
	if broken {
		text += n.Decimal + fraction
	}
	sign, has := n.Signs[code]
	if !has {
		sign = code
	}
	switch {
	case !n.First:
		return text + noBreak + sign
	case n.Close && has:
		return sign + text
	}
	return sign + noBreak + text
}

// grouped puts a mark before every third digit from the end.
func (n numbers) grouped(whole string) string {
	if len(whole) < 3+n.Least {
		return whole
	}
	first := len(whole) % 3
	var parts []string
	if first > 0 {
		parts = append(parts, whole[:first])
	}
	for i := first; i < len(whole); i += 3 {
		parts = append(parts, whole[i:i+3])
	}
	return strings.Join(parts, n.Group)
}

// plain writes an amount as people type it: 1234.50, 1234,50.
func (l *language) plain(m money.Money) string {
	digits, _ := strings.CutSuffix(m.String(), " "+m.Currency().Code())
	return strings.Replace(digits, ".", l.Numbers.Decimal, 1)
}

// read is an amount as people type it, in minor units. The last mark begins the fraction, whichever of the two it is, unless three digits
// follow it that can only be a group. Not ok: it is no amount, or has more digits than the currency.
func (l *language) read(typed string, currency money.Currency) (minor int64, ok bool) {
	text := strings.Join(strings.Fields(strings.ReplaceAll(typed, noBreak, " ")), "")
	for _, sign := range []string{currency.Code(), l.Numbers.Signs[currency.Code()]} {
		text = strings.TrimPrefix(strings.TrimSuffix(text, sign), sign)
	}
	whole, fraction := text, ""
	if at := strings.LastIndexAny(text, ".,"); at >= 0 && currency.Exponent() > 0 {
		if len(text)-at-1 != 3 || text[at:at+1] == l.Numbers.Decimal {
			whole, fraction = text[:at], text[at+1:]
		}
	}
	for i, group := range strings.FieldsFunc(whole, func(r rune) bool { return r == '.' || r == ',' }) {
		if i > 0 && len(group) != 3 || i == 0 && len(group) > 3 && strings.ContainsAny(whole, ".,") {
			return 0, false
		}
	}
	whole = strings.NewReplacer(".", "", ",", "").Replace(whole)
	if len(fraction) > currency.Exponent() || whole == "" || len(whole) > 12 || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	for _, digit := range whole + fraction + strings.Repeat("0", currency.Exponent()-len(fraction)) {
		minor = minor*10 + int64(digit-'0')
	}
	return minor, true
}
