// Package bank knows where money can be sent and by when it arrives: account numbers with their check digits, aliases of instant schemes,
// and the rails with their limits, cut-offs and holidays. It decides and remembers nothing, and asks nobody.
//
//	iban, err := bank.ParseIBAN("de89 3704 0044 0532 0130 00")
//	rail, _ := bank.RailNamed(bank.SEPACredit)
//	earliest, latest := bank.Estimate(rail, clock.Now())
//
// Numbers and aliases are personal data: they print as their last four characters, and only Reveal gives them away. What a parser refuses is
// a fault.Invalid that names the field and never repeats the value.
package bank

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/secret"
)

// shownEnd is how much of the end of a number is shown, leastShown how long it must be for that: what is shorter is masked whole.
const (
	shownEnd   = 4
	leastShown = 8
)

// masked is a number or an alias in its canonical form. It prints as "…3000" in every verb, in JSON, in logs and by reflection. It cannot be
// compared by ==, which would compare where two values stand in memory: compare what Reveal gives.
type masked struct {
	_      [0]func()
	hidden secret.Text
}

func mask(canonical string) masked { return masked{hidden: secret.New(canonical)} }

// Reveal gives the canonical value away: for the connector that sends it, and for the seal that keeps it.
func (m masked) Reveal() string { return m.hidden.Reveal() }

// Last4 is the end of the number, to show to whoever knows it; empty if the number is too short to show any of it.
func (m masked) Last4() string {
	value := m.hidden.Reveal()
	if len(value) < leastShown {
		return ""
	}
	return value[len(value)-shownEnd:]
}

func (m masked) String() string               { return "…" + m.Last4() }
func (m masked) GoString() string             { return m.String() }
func (m masked) LogValue() slog.Value         { return slog.StringValue(m.String()) }
func (m masked) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
func (m masked) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(m.String())), nil }

// Format masks the verbs that would look past String, such as %x and %#v.
func (m masked) Format(f fmt.State, _ rune) { fmt.Fprint(f, m.String()) }

// wrong refuses a field. The detail never holds what was given.
func wrong(param, detail string) error { return fault.Wrong(param, fault.CodeInvalid, detail) }

// longestInput bounds what a parser looks at: no number, alias or name has as many bytes.
const longestInput = 512

// compact is text in capital letters without the characters that people put between groups. ok is false if anything but ASCII letters and
// digits remains, or nothing.
func compact(text, between string) (canonical string, ok bool) {
	if len(text) > longestInput {
		return "", false
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z':
			b.WriteRune(r)
		case r >= 'a' && r <= 'z':
			b.WriteRune(r - 'a' + 'A')
		case strings.ContainsRune(between, r):
		default:
			return "", false
		}
	}
	return b.String(), b.Len() > 0
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' }

func allDigits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
