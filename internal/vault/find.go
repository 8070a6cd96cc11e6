package vault

import (
	"slices"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/problem"
)

// writtenAs are the ways in which people write card numbers: in one piece of a length that cards have, or in groups.
var writtenAs = [][]int{{14}, {15}, {16}, {17}, {18}, {19}, {4, 4, 4, 4}, {4, 4, 4, 4, 3}, {4, 6, 5}, {4, 6, 4}}

// HoldsCardNumber tells whether a text has a card number in it, as people write them: right first digits and length for a
// brand, right check digit. Callers keep such texts out of every database but the vault's.
//
// It is narrower than what masks the answers of providers. That may cover too much and nobody minds; this refuses what a
// merchant calls its orders. So ORD-50-0000001234 is none, though its digits could be a Maestro card's, and neither is
// anything of 13 digits or less. Of random numbers of 16 digits one in forty still passes for a card's.
func HoldsCardNumber(text string) bool {
	for at := 0; at < len(text); at++ {
		if !isDigit(text[at]) || at > 0 && isDigit(text[at-1]) {
			continue
		}
		if digits := numberAt(text, at); digits != "" && couldBeCard(digits) {
			return true
		}
	}
	return false
}

// numberAt is the digits of the number that is written at a place, if it is written like a card's.
func numberAt(text string, at int) string {
	var digits []byte
	var sizes []int
	var between byte
	for {
		from := at
		for at < len(text) && isDigit(text[at]) {
			at++
		}
		digits, sizes = append(digits, text[from:at]...), append(sizes, at-from)
		if slices.ContainsFunc(writtenAs, func(shape []int) bool { return slices.Equal(shape, sizes) }) && !goesOn(text, at) {
			return string(digits)
		}
		if !goesOn(text, at) || len(sizes) == 5 || between != 0 && text[at] != between {
			return ""
		}
		between = text[at]
		at++
	}
}

// goesOn tells whether another group of digits follows.
func goesOn(text string, at int) bool {
	return at+1 < len(text) && (text[at] == ' ' || text[at] == '-') && isDigit(text[at+1])
}

// couldBeCard leaves Maestro out: its ranges and lengths are so wide that they take in what is no card at all.
func couldBeCard(digits string) bool {
	b := brandOf([]byte(digits))
	return b.name != otherBrand.name && b.name != "maestro" && b.fits(len(digits)) && id.Luhn(digits)
}

// NoCardNumber is the rule of every edge for every text that it is sent: a card number in metadata, a description or an address would
// end in the books, in events and in other people's logs. It gives no code if there is none.
func NoCardNumber(text string) (code, detail string) {
	if HoldsCardNumber(text) {
		return problem.CodeCardNumber, "looks like a card number: put cards into the vault, and letters into a number that is none"
	}
	return "", ""
}
