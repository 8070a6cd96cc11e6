package stripe

import (
	"math"
	"strings"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// exponents are the currencies whose minor unit at Stripe is not ISO 4217's.
// Source: docs.stripe.com/currencies, "Zero-decimal currencies" and "Special cases".
var exponents = map[string]int{"ISK": 2, "UGX": 2, "MGA": 0}

// wholeTens are the three-decimal currencies, in which Stripe takes amounts whose last digit is 0.
var wholeTens = map[string]bool{"BHD": true, "JOD": true, "KWD": true, "OMR": true, "TND": true}

// scale is by what ISO minor units are multiplied and then divided to become Stripe's.
func scale(c money.Currency) (times, by int64) {
	there, special := exponents[c.Code()]
	if !special {
		return 1, 1
	}
	times, by = 1, 1
	for here := c.Exponent(); here < there; here++ {
		times *= 10
	}
	for here := c.Exponent(); here > there; here-- {
		by *= 10
	}
	return times, by
}

// toStripe is the amount in Stripe's unit; false if it cannot be said exactly there.
func toStripe(m money.Money) (int64, bool) {
	times, by := scale(m.Currency())
	minor := m.Minor()
	if minor <= 0 || minor > math.MaxInt64/times || minor%by != 0 || wholeTens[m.Currency().Code()] && minor%10 != 0 {
		return 0, false
	}
	return minor * times / by, true
}

// fromStripe reads an amount that Stripe says, in its lower-case currency. The text is why it cannot be believed.
func fromStripe(amount *int64, code string) (money.Money, string) {
	currency, err := money.ParseCurrency(strings.ToUpper(code))
	if err != nil || code != strings.ToLower(code) || amount == nil {
		return money.Money{}, "the answer has no readable amount"
	}
	by, times := scale(currency)
	if *amount%by != 0 || *amount > math.MaxInt64/times || *amount < 0 {
		return money.Money{}, "the answer's amount does not exist in its currency"
	}
	return money.Of(*amount/by*times, currency), ""
}

func notRepresentable(m money.Money) provider.Outcome {
	return provider.Unable("Stripe cannot be asked for exactly " + m.String())
}
