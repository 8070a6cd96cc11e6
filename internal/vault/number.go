package vault

import (
	"fmt"
	"log/slog"

	"github.com/florinpay/florin/internal/id"
)

// The lengths of a card number. Source: ISO/IEC 7812-1 (to 19), Maestro (from 12).
const (
	minDigits = 12
	maxDigits = 19
)

// pan is a card number. Only this package can name the type. It prints masked in every verb, in JSON and in logs; the
// digits sit behind a function, which no formatter looks into: fmt asks no method of a field that is not exported, and
// follows a pointer to a slice when the verb does not fit.
type pan struct{ reveal func() []byte }

const maskedNumber = "[card number]"

func newPAN(digits []byte) pan { return pan{func() []byte { return digits }} }

// digits are the bytes themselves, '0' to '9': wipe the pan and they are gone.
func (p pan) digits() []byte {
	if p.reveal == nil {
		return nil
	}
	return p.reveal()
}

func (p pan) bin() string   { return string(p.digits()[:6]) }
func (p pan) last4() string { return string(p.digits()[len(p.digits())-4:]) }

// wipe overwrites the digits. Copies that the runtime or a library made are out of its reach: it is best effort.
func (p pan) wipe() { clear(p.digits()) }

func (pan) String() string                 { return maskedNumber }
func (pan) GoString() string               { return maskedNumber }
func (pan) LogValue() slog.Value           { return slog.StringValue(maskedNumber) }
func (pan) MarshalText() ([]byte, error)   { return []byte(maskedNumber), nil }
func (pan) MarshalJSON() ([]byte, error)   { return []byte(`"` + maskedNumber + `"`), nil }
func (pan) MarshalBinary() ([]byte, error) { return []byte(maskedNumber), nil }

// Format masks the verbs that would look past String.
func (pan) Format(f fmt.State, _ rune) { fmt.Fprint(f, maskedNumber) }

// numberFault is what is wrong with a card number, in words that do not repeat it.
type numberFault string

// The faults of a number.
const (
	faultCharacters numberFault = "must be digits, with spaces or dashes between them at most"
	faultDigits     numberFault = "must have 12 to 19 digits"
	faultCheckDigit numberFault = "is not a card number: the check digit does not fit"
	faultLength     numberFault = "has the wrong length for its brand"
)

// parseNumber reads a card number as people write it. The empty fault means that it is one; the pan is a copy.
func parseNumber(text []byte) (pan, brand, numberFault) {
	digits := make([]byte, 0, maxDigits)
	for i, c := range text {
		switch {
		case c >= '0' && c <= '9':
			if len(digits) == maxDigits {
				clear(digits)
				return pan{}, brand{}, faultDigits
			}
			digits = append(digits, c)
		case (c == ' ' || c == '-') && i > 0 && i < len(text)-1: // between digits
		default:
			clear(digits)
			return pan{}, brand{}, faultCharacters
		}
	}
	b := brandOf(digits)
	fault := numberFault("")
	switch {
	case len(digits) < minDigits:
		fault = faultDigits
	case !b.fits(len(digits)):
		fault = faultLength
	case !id.Luhn(digits):
		fault = faultCheckDigit
	}
	if fault != "" {
		clear(digits)
		return pan{}, brand{}, fault
	}
	return newPAN(digits), b, ""
}
