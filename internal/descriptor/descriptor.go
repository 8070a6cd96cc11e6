// Package descriptor makes what a payer reads on their statement: who was paid and, behind it, what for. Networks print so many
// characters and no more, and providers take some characters and not others, so that one text is fitted to where a payment goes.
package descriptor

import (
	"regexp"
	"strings"
	"unicode"
)

// MaxSuffix is how many characters may say what a payment was for: on the shortest statement there is room for a bit of the name beside
// them. The API's limit of statement_descriptor_suffix is a literal, which a test there holds to this one.
const MaxSuffix = shortest - len(separator) - minName

const (
	// separator stands between the name and the rest, as on the networks' own statements. No text that is taken has an asterisk.
	separator = "* "
	// minName is how much of the name is left however long the rest is: Visa's shortest prefix.
	minName = 3
	// shortest is what every network prints.
	shortest = 22
)

// Rule says what Valid takes, for people.
const Rule = "5 to 22 characters of A to Z, a to z, 0 to 9, space and . , / & + -, with at least one letter"

var valid = regexp.MustCompile(`^[0-9 .,/&+-]*[A-Za-z][A-Za-z0-9 .,/&+-]*$`)

// Valid tells whether a text may be a descriptor, or the name in one.
func Valid(s string) bool {
	return len(s) >= 5 && len(s) <= shortest && valid.MatchString(s) && strings.TrimSpace(s) == s
}

// lengths are what networks print of a merchant's name, in characters, where it is more than the shortest. Sources: the acquirer Cielo's
// public rules by brand (docs.cielo.com.br, "Soft Descriptor": Visa 25, Mastercard 22), Stripe's for every network (22).
var lengths = map[string]int{"visa": 25}

// Terms are what a provider makes of a descriptor. The zero value takes all that the network prints.
type Terms struct {
	Length     int    // characters at most; 0: as the network
	Refused    string // characters that it does not take, which are left out
	PrintsName bool   // it puts the name that its account has before what it is sent, so the rest alone is sent
}

// Compose puts a name and what the payment is for together. Either may be empty.
func Compose(name, suffix string) string {
	if name == "" || suffix == "" {
		return name + suffix
	}
	return name + separator + suffix
}

// Fit is a composed descriptor as it can be printed for a card of a network, such as visa, at a provider. The name gives way first; what
// the payment is for is cut only where the name is as short as it may be.
func Fit(composed, network string, t Terms) string {
	name, suffix, both := strings.Cut(composed, separator)
	if both && t.PrintsName {
		name, suffix, both = suffix, "", false
	}
	limit := max(shortest, lengths[network])
	if t.Length > 0 {
		limit = min(limit, t.Length)
	}
	name, suffix = t.taken(name), t.taken(suffix)
	if !both || suffix == "" {
		return cut(name, limit)
	}
	room := max(limit-len(separator)-len(suffix), minName)
	if short := cut(name, room); strings.ContainsFunc(short+suffix, unicode.IsLetter) {
		return cut(short+separator+suffix, limit)
	}
	return cut(name, limit) // what is left would be figures alone, which networks refuse
}

// taken is a text without what the provider refuses.
func (t Terms) taken(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if strings.ContainsRune(t.Refused, r) {
			return -1
		}
		return r
	}, s))
}

// cut is the beginning of a text, of at most so many characters.
func cut(s string, limit int) string {
	if runes := []rune(s); len(runes) > limit {
		s = string(runes[:limit])
	}
	return strings.TrimSpace(s)
}
