package obs

import (
	"strings"

	"github.com/florinpay/florin/internal/id"
)

// The marks that stand where something was hidden.
const (
	maskedPAN = "[card number]"
	maskedKey = "[secret]"
)

const (
	shortestPAN = 12
	longestPAN  = 19
)

// secretPrefixes begin what is a key as far as its letters and digits go. Those that stand in the middle of an id
// (a client secret) hide only what follows.
var secretPrefixes = []string{"sk_test_", "sk_live_", "rk_test_", "rk_live_", "whsec_", "_secret_"}

// Mask hides what looks like a card number (12 to 19 digits with a right check digit, also in groups with a space or a
// dash between; any digits beyond 19 in a row, since they may hold one) and what looks like a secret key, a restricted
// key, a webhook secret or a client secret. What it lets through unchanged it does not copy.
func Mask(s string) string {
	if len(s) >= shortestPAN {
		s = maskPANs(s)
	}
	for _, prefix := range secretPrefixes {
		s = maskAfter(s, prefix)
	}
	return s
}

// maskAfter hides the letters, digits and base64 characters behind each occurrence of a prefix.
func maskAfter(s, prefix string) string {
	at := strings.Index(s, prefix)
	if at < 0 {
		return s
	}
	var out strings.Builder
	for at >= 0 {
		end := at + len(prefix)
		out.WriteString(s[:end])
		s = s[end:]
		n := 0
		for n < len(s) && inKey(s[n]) {
			n++
		}
		if n > 0 {
			out.WriteString(maskedKey)
		}
		s = s[n:]
		at = strings.Index(s, prefix)
	}
	out.WriteString(s)
	return out.String()
}

func inKey(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '+' || c == '/' || c == '='
}

// group is a row of digits in a text.
type group struct{ from, to int }

func (g group) digits() int { return g.to - g.from }

// maskPANs hides the card numbers of a text. A number in groups is looked for between any two of its groups, so that an
// expiry date behind it does not hide it.
func maskPANs(s string) string {
	var out strings.Builder
	var room [longestPAN]group // here, so that it is not on the heap anew for each digit of a text
	done := 0
	for at := 0; at < len(s); {
		if !isDigit(s[at]) {
			at++
			continue
		}
		chain := chainAt(room[:0], s, at)
		from, to := findPAN(s, chain)
		if to == 0 {
			// The next chain begins one group later: a long one is taken in overlapping stretches.
			at = chain[0].to
			continue
		}
		out.WriteString(s[done:from])
		out.WriteString(maskedPAN)
		done, at = to, to
	}
	if done == 0 {
		return s
	}
	out.WriteString(s[done:])
	return out.String()
}

// chainAt appends the groups of digits from a digit on that stand one separator apart, as many as one number can have.
func chainAt(chain []group, s string, at int) []group {
	for digits := 0; digits <= longestPAN && len(chain) < cap(chain); {
		g := group{at, at}
		for g.to < len(s) && isDigit(s[g.to]) {
			g.to++
		}
		if g.digits() == 0 {
			break
		}
		chain = append(chain, g)
		digits += g.digits()
		if at = g.to; at >= len(s) || (s[at] != ' ' && s[at] != '-') {
			break
		}
		at++
	}
	return chain
}

// findPAN is where a number stands that begins with the first group of a chain; to is 0 if none does.
func findPAN(s string, chain []group) (from, to int) {
	if first := chain[0]; first.digits() > longestPAN {
		return first.from, first.to
	}
	var number [longestPAN]byte
	n := 0
	for _, g := range chain {
		if n+g.digits() > longestPAN {
			break
		}
		n += copy(number[n:], s[g.from:g.to])
		if n >= shortestPAN && id.Luhn(number[:n]) {
			from, to = chain[0].from, g.to
		}
	}
	return from, to
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
