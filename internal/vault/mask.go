package vault

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/florinpay/florin/internal/id"
)

// maskMark stands where a digit stood. bareMark stands in a bare JSON number, which must stay a number: no card begins
// with 9 (ISO/IEC 7812-1 leaves it to national use).
const (
	maskMark = '*'
	bareMark = '9'
)

// shownDigits are left at the end of a masked number.
const shownDigits = 4

// masker covers card numbers in what a provider answered, in place: the length does not change.
//
// It covers every run of 12 to 19 digits, spaces or dashes between them allowed, that is a number of a known brand: right
// first digits, right length for the brand, right check digit. (By the check digit alone a tenth of all network references and
// timestamps would be covered.) Of the number that was sent it covers every trace: whatever stands between its digits,
// and packed two digits a byte.
//
// What the connector names as references is held against the number that was sent only. A scheme's transaction id has 15
// digits, as an American Express number has: one in five hundred would pass for one, and a covered reference is lost.
type masker struct {
	sent       []byte   // the digits that were sent; empty if none were
	packed     [][]byte // the same in BCD, begun on a byte and begun on half a byte
	references []string // names of JSON members
}

func newMasker(sent []byte, references ...string) *masker {
	m := &masker{sent: sent, references: references}
	if len(sent) == 0 {
		return m
	}
	even := sent[:len(sent)/2*2]
	odd := sent[1 : 1+(len(sent)-1)/2*2]
	for _, digits := range [][]byte{even, odd} {
		packed, err := encodeBCD(digits)
		if err == nil { // a pan holds digits only
			m.packed = append(m.packed, packed)
		}
	}
	return m
}

// MaskNumbers covers card numbers in what came from outside and is to be kept, in place, and tells whether there were any. It covers
// what it covers in a provider's answer; the members of these names hold references, which stay. See Request.References.
func MaskNumbers(b []byte, references ...string) (found bool) {
	return newMasker(nil, references...).body(b)
}

// wipe forgets the packed copies; the digits belong to the card.
func (m *masker) wipe() {
	for _, p := range m.packed {
		clear(p)
	}
}

// headers covers names and values. A name cannot be covered, so it goes.
func (m *masker) headers(h http.Header) (found bool) {
	for name, values := range h {
		if m.body([]byte(name)) {
			delete(h, name)
			found = true
			continue
		}
		for i, v := range values {
			if b := []byte(v); m.body(b) {
				values[i], found = string(b), true
			}
		}
	}
	return found
}

// body covers what it finds and tells whether there was anything. A covered number can uncover another that shared digits
// with it, so it goes on until it finds nothing.
func (m *masker) body(b []byte) (found bool) {
	for m.pass(b) {
		found = true
	}
	return found
}

func (m *masker) pass(b []byte) (found bool) {
	if len(m.sent) > 0 {
		found = m.coverPacked(b) || found
		found = m.coverSent(b) || found
	}
	return coverRuns(b, m.kept(b)) || found
}

// span is the bytes from the first to before the last.
type span struct{ from, to int }

// kept finds the values of the members that are references.
func (m *masker) kept(b []byte) (all []span) {
	for _, name := range m.references {
		key := []byte(`"` + name + `"`)
		for at := 0; ; {
			i := bytes.Index(b[at:], key)
			if i < 0 {
				break
			}
			at += i + len(key)
			if s, ok := value(b, at); ok {
				all = append(all, s)
				at = s.to
			}
		}
	}
	return all
}

// value is the string that is the value of the member whose name ends at i.
func value(b []byte, i int) (span, bool) {
	rest := bytes.TrimLeft(b[i:], " \t\r\n")
	rest, ok := bytes.CutPrefix(rest, []byte(":"))
	if !ok {
		return span{}, false
	}
	rest = bytes.TrimLeft(rest, " \t\r\n")
	rest, ok = bytes.CutPrefix(rest, []byte(`"`))
	end := bytes.IndexByte(rest, '"')
	if !ok || end < 0 {
		return span{}, false
	}
	from := len(b) - len(rest)
	return span{from, from + end}, true
}

func within(i int, spans []span) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return i >= s.from && i < s.to })
}

// coverPacked overwrites the number in BCD with what is no digit in BCD. Either its even or its odd digits begin on a byte.
func (m *masker) coverPacked(b []byte) (found bool) {
	for _, p := range m.packed {
		for {
			at := bytes.Index(b, p)
			if at < 0 {
				break
			}
			for i := range p {
				b[at+i] = 0xff
			}
			found = true
		}
	}
	return found
}

// maxGap is how many bytes may stand between two digits of the number that was sent.
const maxGap = 6

// gapSkip is where the next digit is from i on: over bytes that are no digits, and over escaped characters.
func gapSkip(b []byte, i int) int {
	for end := min(len(b), i+maxGap); i < end; {
		if _, _, _, ok := digitAt(b, i); ok {
			return i
		}
		if _, _, after, ok := escapeAt(b, i); ok {
			i = after
			continue
		}
		i++
	}
	return i
}

// coverSent looks for the digits that were sent, one after the other, whatever stands between.
func (m *masker) coverSent(b []byte) (found bool) {
	var at [maxDigits]int
	for start := 0; start < len(b); start++ {
		next, n := start, 0
		for n < len(m.sent) && next < len(b) {
			digit, place, after, ok := digitAt(b, next)
			if !ok || digit != m.sent[n] {
				break
			}
			at[n] = place
			n++
			next = gapSkip(b, after)
		}
		if n == len(m.sent) {
			cover(b, at[:n])
			found = true
		}
	}
	return found
}

// coverRuns looks for any card number outside the spans: groups of digits with one space or dash, plain or escaped, between
// them.
func coverRuns(b []byte, keep []span) (found bool) {
	var at []int // where the digits of the run under way are
	var groups []int
	flush := func() {
		if len(at) >= minDigits && !within(at[0], keep) {
			found = coverGroups(b, at, append(groups, len(at))) || found
		}
		at, groups = at[:0], groups[:0]
	}
	for i := 0; i < len(b); i++ {
		switch {
		case isDigit(b[i]):
			if len(at) == 0 || at[len(at)-1] != i-1 {
				groups = append(groups, len(at)) // a group begins
			}
			at = append(at, i)
		default:
			if n := separator(b, i); n > 0 && i > 0 && isDigit(b[i-1]) && i+n < len(b) && isDigit(b[i+n]) {
				i += n - 1
				continue
			}
			flush()
		}
	}
	flush()
	return found
}

// coverGroups covers every stretch of whole groups that is a card number. bounds are the groups' beginnings and the end.
func coverGroups(b []byte, at, bounds []int) (found bool) {
	var digits [maxDigits]byte
	for from := 0; from < len(bounds)-1; from++ {
		for to := from + 1; to < len(bounds); to++ {
			stretch := at[bounds[from]:bounds[to]]
			if len(stretch) > maxDigits {
				break
			}
			if len(stretch) < minDigits {
				continue
			}
			if looksLikeCard(b, stretch, digits[:0]) {
				cover(b, stretch)
				found = true
				break
			}
		}
	}
	clear(digits[:])
	return found
}

// looksLikeCard tells whether the bytes at these places are a number of a known brand. Places that were covered are none.
func looksLikeCard(b []byte, at []int, digits []byte) bool {
	for _, i := range at {
		if !isDigit(b[i]) {
			return false
		}
		digits = append(digits, b[i])
	}
	known := brandOf(digits)
	return known.name != otherBrand.name && known.fits(len(digits)) && id.Luhn(digits)
}

// cover overwrites all but the last digits. What was valid JSON stays valid.
func cover(b []byte, at []int) {
	hide := at[:len(at)-shownDigits]
	changed := false
	for from := 0; from < len(hide); {
		to := from + 1
		for to < len(hide) && hide[to] == hide[to-1]+1 {
			to++
		}
		mark := markFor(b, hide[from], hide[to-1]+1)
		for _, i := range hide[from:to] {
			m := mark
			if escaped(b, i) {
				m = bareMark
			}
			changed = changed || b[i] != m
			b[i] = m
		}
		from = to
	}
	if !changed { // 9999… was covered with itself
		for _, i := range hide {
			b[i] = bareMark - 1 // 88 is nobody's either
		}
	}
}

// maxNumber is how long a JSON number can be on either side of a card number; it bounds the search.
const maxNumber = 64

// markFor is what covers the digits between first and end: a digit if they are part of a number that is a JSON value.
func markFor(b []byte, first, end int) byte {
	for low := max(0, first-maxNumber); first > low && inNumber(b[first-1]); {
		first--
	}
	for high := min(len(b), end+maxNumber); end < high && inNumber(b[end]); {
		end++
	}
	before, after := bytes.TrimRight(b[:first], " \t\r\n"), bytes.TrimLeft(b[end:], " \t\r\n")
	opened := len(before) == 0 || bytes.IndexByte([]byte(":,["), before[len(before)-1]) >= 0
	closed := len(after) == 0 || bytes.IndexByte([]byte(",]}"), after[0]) >= 0
	if opened && closed && json.Valid(b[first:end]) {
		return bareMark
	}
	return maskMark
}

func inNumber(c byte) bool {
	return isDigit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}
