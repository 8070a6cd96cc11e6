// Package money counts amounts in a currency's minor unit, exactly. There is no float here and none comes near.
package money

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// ErrCurrency means that an operation met two currencies, or an unknown one.
var ErrCurrency = errors.New("currency")

// ErrOverflow means that a result does not fit 64 bits.
var ErrOverflow = errors.New("amount overflows")

// Currency is an ISO 4217 currency. The zero value is no currency.
type Currency struct {
	code     string
	numeric  string
	exponent int
}

// ParseCurrency reads a code of three capital letters. It fails with ErrCurrency if ISO 4217 does not list it.
func ParseCurrency(code string) (Currency, error) {
	c, ok := currencies[code]
	if !ok {
		return Currency{}, fmt.Errorf("%w %q is not an ISO 4217 code", ErrCurrency, code)
	}
	return c, nil
}

// Code is the three-letter code, such as EUR.
func (c Currency) Code() string { return c.code }

// Numeric is the three-digit code, such as 978.
func (c Currency) Numeric() string { return c.numeric }

// Exponent is how many decimal digits the minor unit has: 2 for EUR, 0 for JPY, 3 for KWD.
func (c Currency) Exponent() int { return c.exponent }

func (c Currency) String() string { return c.code }

// Money is an amount in the currency's minor unit. The zero value has no currency and adds to nothing.
type Money struct {
	minor    int64
	currency Currency
}

// Of makes an amount of minor units: Of(9232, EUR) is 92.32 EUR.
func Of(minor int64, c Currency) Money { return Money{minor, c} }

// Minor is the amount in minor units.
func (m Money) Minor() int64 { return m.minor }

// Currency is the currency of the amount.
func (m Money) Currency() Currency { return m.currency }

// IsZero tells whether the amount is nothing, in whatever currency.
func (m Money) IsZero() bool { return m.minor == 0 }

// Add fails with ErrCurrency on another currency and with ErrOverflow past 64 bits.
func (m Money) Add(n Money) (Money, error) {
	if m.currency != n.currency {
		return Money{}, fmt.Errorf("add %s to %s: %w", n.currency, m.currency, ErrCurrency)
	}
	sum := m.minor + n.minor
	if (sum > m.minor) != (n.minor > 0) {
		return Money{}, ErrOverflow
	}
	return Money{sum, m.currency}, nil
}

// Sub fails like Add.
func (m Money) Sub(n Money) (Money, error) {
	if n.minor == math.MinInt64 {
		return Money{}, ErrOverflow
	}
	return m.Add(Money{-n.minor, n.currency})
}

// Compare is negative, zero or positive as m is less than, equal to or more than n. It fails with ErrCurrency.
func (m Money) Compare(n Money) (int, error) {
	if m.currency != n.currency {
		return 0, fmt.Errorf("compare %s with %s: %w", n.currency, m.currency, ErrCurrency)
	}
	return cmp.Compare(m.minor, n.minor), nil
}

// BasisPoints is the share of m in hundredths of a percent, rounded half to even, as a fee is counted.
// It fails with ErrOverflow if the share does not fit, and on negative arguments.
func (m Money) BasisPoints(points int64) (Money, error) {
	const whole = 10_000
	if m.minor < 0 || points < 0 {
		return Money{}, fmt.Errorf("%d basis points of %s: %w", points, m, ErrOverflow)
	}
	hi, lo := bits.Mul64(uint64(m.minor), uint64(points))
	if hi >= whole {
		return Money{}, ErrOverflow
	}
	share, rest := bits.Div64(hi, lo, whole)
	if rest > whole/2 || rest == whole/2 && share%2 == 1 {
		share++
	}
	if share > math.MaxInt64 {
		return Money{}, ErrOverflow
	}
	return Money{int64(share), m.currency}, nil
}

// String is the amount in major units with its currency after it: "92.32 EUR", "-0.005 KWD", "500 JPY".
func (m Money) String() string {
	digits := strconv.FormatInt(m.minor, 10)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if e := m.currency.exponent; e > 0 {
		if pad := e + 1 - len(digits); pad > 0 {
			digits = strings.Repeat("0", pad) + digits
		}
		digits = digits[:len(digits)-e] + "." + digits[len(digits)-e:]
	}
	return strings.TrimRight(sign+digits+" "+m.currency.code, " ")
}
