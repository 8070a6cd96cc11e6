package vault

import "strconv"

// A provider may write a character by its number, as JSON, URLs and XML allow. Where card numbers are looked for, such a
// character is read as what it stands for.

// escapes are the ways to do so: what stands before the number, how many digits of which base it has, what stands after.
// Zero digits: as many as come, up to six.
var escapes = []struct {
	before string
	digits int
	base   int
	after  string
}{
	{`\u`, 4, 16, ""},
	{"%", 2, 16, ""},
	{"&#x", 0, 16, ";"},
	{"&#", 0, 10, ";"},
}

// escapeAt reads an escaped character at i: which it is, where the last digit of its number is, and where it ends.
func escapeAt(b []byte, i int) (char rune, last, end int, ok bool) {
	if c := b[i]; c != '\\' && c != '%' && c != '&' {
		return 0, 0, 0, false
	}
	for _, e := range escapes {
		from := i + len(e.before)
		if from > len(b) || string(b[i:from]) != e.before {
			continue
		}
		to, most := from, 6
		if e.digits > 0 {
			most = e.digits
		}
		for to < len(b) && to < from+most && isHex(b[to]) {
			to++
		}
		if e.digits > 0 && to != from+e.digits || to+len(e.after) > len(b) || string(b[to:to+len(e.after)]) != e.after {
			continue
		}
		n, err := strconv.ParseInt(string(b[from:to]), e.base, 32)
		if err == nil {
			return rune(n), to - 1, to + len(e.after), true
		}
	}
	return 0, 0, 0, false
}

// digitAt reads a decimal digit at i, plain or escaped: which it is ('0' to '9'), the place that makes it another
// when it is overwritten, and where it ends.
func digitAt(b []byte, i int) (digit byte, place, end int, ok bool) {
	if isDigit(b[i]) {
		return b[i], i, i + 1, true
	}
	char, last, end, ok := escapeAt(b, i)
	return byte(char), last, end, ok && char >= '0' && char <= '9'
}

// separators are what people write between the groups of a number.
var separators = map[rune]bool{' ': true, '-': true, '\u00a0': true, '\u202f': true, '\u2011': true}

// separator is how long the separator at i is, plain or escaped; 0 if there is none.
func separator(b []byte, i int) int {
	if b[i] == ' ' || b[i] == '-' {
		return 1
	}
	if char, _, end, ok := escapeAt(b, i); ok && separators[char] {
		return end - i
	}
	return 0
}

// escaped tells whether a digit belongs to the number of an escaped character: then only a digit may take its place.
func escaped(b []byte, i int) bool {
	for from := i; from >= max(0, i-9); from-- {
		if _, last, _, ok := escapeAt(b, from); ok && i <= last {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
