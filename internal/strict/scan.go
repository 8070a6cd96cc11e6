package strict

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/problem"
)

// MaxDepth bounds how deep a body may nest, also where it is only skipped.
const MaxDepth = 32

// errUnreadable stops the reading: what follows the place cannot be understood.
var errUnreadable = errors.New("unreadable")

// scanner reads JSON as RFC 8259 has it and nothing beside: one value, no duplicate keys at any depth, UTF-8 without
// lone surrogates, no raw control characters. It never guesses and never repairs.
type scanner struct {
	data []byte
	at   int
	Faults
	path path
	why  string // after errUnreadable: what was wrong

	everywhere Check // of every text
}

func (s *scanner) stop(format string, args ...any) error {
	s.why = fmt.Sprintf(format, args...) + fmt.Sprintf(" at byte %d", s.at)
	return errUnreadable
}

// wrong notes a fault at the place where the reader stands.
func (s *scanner) wrong(code, format string, args ...any) {
	s.Add(s.path.String(), code, fmt.Sprintf(format, args...))
}

// peek skips white space and tells the next byte; 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte) error {
	if s.peek() != c {
		return s.unexpected("expected '" + string(c) + "'")
	}
	s.at++
	return nil
}

func (s *scanner) unexpected(wanted string) error {
	if s.at >= len(s.data) {
		return s.stop("%s, but the body ends", wanted)
	}
	return s.stop("%s", wanted)
}

// object reads an object and calls field at each value. It reports every key that stands twice, and skips its value.
// key is only valid until field returns.
func (s *scanner) object(depth int, field func(key []byte) error) error {
	if depth > MaxDepth {
		return s.stop("nested too deep")
	}
	if err := s.expect('{'); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.at++
		return nil
	}
	var seen keys
	for {
		if s.peek() != '"' {
			return s.unexpected("expected a key in double quotes")
		}
		key, _, err := s.text()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if !seen.add(key) {
			s.path = append(s.path, keyStep(string(key)))
			s.wrong(problem.CodeDuplicate, "stands twice")
			s.path = s.path[:len(s.path)-1]
			err = s.skip(depth + 1)
		} else {
			err = field(key)
		}
		if err != nil {
			return err
		}
		if more, err := s.more('}'); !more || err != nil {
			return err
		}
	}
}

// array reads an array and calls item at each value.
func (s *scanner) array(depth int, item func(i int) error) error {
	if depth > MaxDepth {
		return s.stop("nested too deep")
	}
	if err := s.expect('['); err != nil {
		return err
	}
	if s.peek() == ']' {
		s.at++
		return nil
	}
	for i := 0; ; i++ {
		if err := item(i); err != nil {
			return err
		}
		if more, err := s.more(']'); !more || err != nil {
			return err
		}
	}
}

// more reads what follows a value inside an object or array: a comma, or the end.
func (s *scanner) more(end byte) (bool, error) {
	switch s.peek() {
	case ',':
		s.at++
		return true, nil
	case end:
		s.at++
		return false, nil
	}
	return false, s.unexpected("expected ',' or '" + string(end) + "'")
}

// skip reads a value whose content does not matter, with all the rules but those of a shape.
func (s *scanner) skip(depth int) error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(depth, func(key []byte) error {
			s.path = append(s.path, keyStep(string(key)))
			err := s.skip(depth + 1)
			s.path = s.path[:len(s.path)-1]
			return err
		})
	case c == '[':
		return s.array(depth, func(i int) error {
			s.path = append(s.path, indexStep(i))
			err := s.skip(depth + 1)
			s.path = s.path[:len(s.path)-1]
			return err
		})
	case c == '"':
		_, _, err := s.text()
		return err
	case c == '-' || c >= '0' && c <= '9':
		_, _, err := s.number()
		return err
	}
	_, err := s.word()
	return err
}

// word reads true, false or null.
func (s *scanner) word() (string, error) {
	s.peek()
	for _, w := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(s.data[s.at:], []byte(w)) {
			s.at += len(w)
			return w, nil
		}
	}
	return "", s.unexpected("expected a value")
}

// number reads a number as it is written, and tells whether it is an integer without fraction and exponent.
func (s *scanner) number() (literal []byte, whole bool, err error) {
	start := s.at
	if s.data[s.at] == '-' {
		s.at++
	}
	first := s.at
	if s.digits() == 0 {
		return nil, false, s.unexpected("expected a digit")
	}
	if s.data[first] == '0' && s.at-first > 1 {
		return nil, false, s.stop("a number must not begin with 0")
	}
	whole = true
	if s.at < len(s.data) && s.data[s.at] == '.' {
		s.at++
		if whole = false; s.digits() == 0 {
			return nil, false, s.unexpected("expected a digit")
		}
	}
	if s.at < len(s.data) && (s.data[s.at] == 'e' || s.data[s.at] == 'E') {
		s.at++
		if s.at < len(s.data) && (s.data[s.at] == '+' || s.data[s.at] == '-') {
			s.at++
		}
		if whole = false; s.digits() == 0 {
			return nil, false, s.unexpected("expected a digit")
		}
	}
	return s.data[start:s.at], whole, nil
}

func (s *scanner) digits() int {
	start := s.at
	for s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9' {
		s.at++
	}
	return s.at - start
}

// text reads a string; the bytes belong to the body or to a copy that nobody else holds. nul tells whether it has a
// NUL, which no database keeps.
func (s *scanner) text() (value []byte, nul bool, err error) {
	s.at++ // the quote
	start := s.at
	for s.at < len(s.data) {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			return s.data[start : s.at-1 : s.at-1], false, nil
		case c == '\\':
			return s.escaped(slices.Clone(s.data[start:s.at]))
		case c < ' ':
			return nil, false, s.stop("a raw control character in a string")
		}
		s.at++
	}
	return nil, false, s.stop("a string without an end")
}

// escaped reads the rest of a string from its first backslash.
func (s *scanner) escaped(value []byte) ([]byte, bool, error) {
	nul := false
	for s.at < len(s.data) {
		c := s.data[s.at]
		switch {
		case c == '"':
			s.at++
			return value, nul, nil
		case c < ' ':
			return nil, false, s.stop("a raw control character in a string")
		case c != '\\':
			value = append(value, c)
			s.at++
			continue
		}
		r, err := s.escape()
		if err != nil {
			return nil, false, err
		}
		nul = nul || r == 0
		value = utf8.AppendRune(value, r)
	}
	return nil, false, s.stop("a string without an end")
}

var simpleEscapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads one escape sequence; a surrogate must come with its other half.
func (s *scanner) escape() (rune, error) {
	if s.at+1 >= len(s.data) {
		return 0, s.stop("a string without an end")
	}
	c := s.data[s.at+1]
	if r, ok := simpleEscapes[c]; ok {
		s.at += 2
		return r, nil
	}
	high, ok := s.unit()
	if !ok {
		return 0, s.stop("an unknown escape in a string")
	}
	if !utf16.IsSurrogate(high) {
		return high, nil
	}
	low, ok := s.unit()
	if r := utf16.DecodeRune(high, low); ok && r != utf8.RuneError {
		return r, nil
	}
	return 0, s.stop("half a surrogate pair in a string")
}

// unit reads \uXXXX.
func (s *scanner) unit() (rune, bool) {
	if s.at+6 > len(s.data) || s.data[s.at] != '\\' || s.data[s.at+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s.data[s.at+2 : s.at+6] {
		digit := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if digit < 0 || c < '0' {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	s.at += 6
	return r, true
}

// keys remembers the keys of one object: a few in a list, many in a map.
type keys struct {
	few  [8][]byte
	n    int
	many map[string]bool
}

// add is false if the key was there.
func (k *keys) add(key []byte) bool {
	if k.many != nil {
		if k.many[string(key)] {
			return false
		}
		k.many[string(key)] = true
		return true
	}
	for _, other := range k.few[:k.n] {
		if bytes.Equal(other, key) {
			return false
		}
	}
	if k.n < len(k.few) {
		k.few[k.n] = key
		k.n++
		return true
	}
	k.many = map[string]bool{string(key): true}
	for _, other := range k.few {
		k.many[string(other)] = true
	}
	return true
}
