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
func (l *language) amount(m money.Money) string {
	n, code := l.Numbers, m.Currency().Code()
	digits, _ := strings.CutSuffix(m.String(), " "+code) // 1234.50, exact
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
