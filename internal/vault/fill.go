package vault

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"strconv"
)

// fieldNames are for errors and for the wire.
var fieldNames = map[Field]string{
	Number: "number", ExpMonth: "exp_month", ExpYear: "exp_year", ExpYear2: "exp_year2", CVC: "cvc", Name: "name",
	Cryptogram: "cryptogram",
}

// encoders write a field's characters.
var encoders = map[Encoding]func(value []byte) ([]byte, error){
	ASCII: func(v []byte) ([]byte, error) { return v, nil },
	JSON:  encodeJSON,
	Form:  func(v []byte) ([]byte, error) { return []byte(url.QueryEscape(string(v))), nil },
	XML:   encodeXML,
	BCD:   encodeBCD,
}

func encodeJSON(value []byte) ([]byte, error) {
	quoted, err := json.Marshal(string(value))
	if err != nil {
		return nil, err
	}
	return quoted[1 : len(quoted)-1], nil
}

func encodeXML(value []byte) ([]byte, error) {
	var out bytes.Buffer
	if err := xml.EscapeText(&out, value); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

var errDigitsOnly = errors.New("BCD holds digits only")

func encodeBCD(digits []byte) ([]byte, error) {
	out := make([]byte, (len(digits)+1)/2)
	odd := len(digits) % 2 // an odd count begins with a nibble of zero
	for i, c := range digits {
		if c < '0' || c > '9' {
			return nil, errDigitsOnly
		}
		at := i + odd
		out[at/2] |= (c - '0') << (4 * (1 - at%2))
	}
	return out, nil
}

// prefixes say how a length is written: in how many digits, and whether as BCD.
var prefixes = map[Length]struct {
	digits int
	bcd    bool
}{
	NoLength: {}, LLASCII: {2, false}, LLLASCII: {3, false}, LLBCD: {2, true}, LLLBCD: {3, true},
}

var errUnknownLength = errors.New("unknown length prefix")

func encodeLength(l Length, n int) ([]byte, error) {
	p, ok := prefixes[l]
	if !ok {
		return nil, errUnknownLength
	}
	if p.digits == 0 {
		return nil, nil
	}
	text := padded(n, p.digits)
	if len(text) > p.digits {
		return nil, fmt.Errorf("%d characters do not fit a length of %d digits", n, p.digits)
	}
	if p.bcd {
		return encodeBCD(text)
	}
	return text, nil
}

// fields gives a card's fields, and remembers what of them must not outlive the request.
type fields struct {
	card  cardData
	proof Field         // which of CVC and Cryptogram it can have: a network token has no CVC, a card no cryptogram
	code  func() []byte // the proof; asked once, when a segment names it
	got   []byte
	took  bool
}

func (f *fields) value(name Field) []byte {
	if name != f.proof {
		return f.card.field(name)
	}
	if !f.took {
		f.got, f.took = f.code(), true
	}
	return f.got
}

// fill writes the body. Its errors name fields and segments, never a value.
func fill(segments []Segment, f *fields) ([]byte, error) {
	out := make([]byte, 0, bodyBound(segments, f))
	for i, s := range segments {
		part, err := fillSegment(out, s, f)
		if err != nil {
			clear(out)
			return nil, fmt.Errorf("segment %d: %w", i, err)
		}
		out = part
	}
	return out, nil
}

// bodyBound is more than the body will need: a body that had to grow would leave copies of the number behind.
func bodyBound(segments []Segment, f *fields) int {
	n := 0
	for _, s := range segments {
		n += len(s.Literal)
		if s.Field != NoField {
			longest := max(maxDigits, len(f.card.name))
			if s.Field == Cryptogram {
				longest = maxCryptogram
			}
			n += len(s.Before) + len(s.After) + 3 + 8*longest // &#xFFFD; is the longest escape
		}
	}
	return n
}

func fillSegment(out []byte, s Segment, f *fields) ([]byte, error) {
	if s.Field == NoField {
		return append(out, s.Literal...), nil
	}
	name, ok := fieldNames[s.Field]
	if !ok || len(s.Literal) > 0 {
		return nil, errors.New("is neither literal bytes nor one card field")
	}
	value := f.value(s.Field)
	if len(value) == 0 {
		if s.Optional {
			return out, nil
		}
		return nil, fmt.Errorf("the card has no %s", name)
	}
	encode, ok := encoders[s.Encoding]
	if !ok {
		return nil, errors.New("unknown encoding " + strconv.Itoa(int(s.Encoding)))
	}
	written, err := encode(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	count := len(written)
	if s.Encoding == BCD {
		count = len(value)
	}
	length, err := encodeLength(s.Length, count)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	out = append(append(append(append(out, s.Before...), length...), written...), s.After...)
	if s.Encoding != ASCII && s.Field == Number {
		clear(written) // with ASCII it is the card's own bytes, which later segments may ask for
	}
	return out, nil
}

// asksCard tells whether any segment names a card field.
func asksCard(segments []Segment) bool {
	for _, s := range segments {
		if s.Field != NoField {
			return true
		}
	}
	return false
}
