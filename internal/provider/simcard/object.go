package simcard

import (
	"strconv"
	"unicode/utf8"
)

// object writes one JSON object. Authorizations go out thousands of times a second: no reflection, one buffer.
type object struct{ bytes []byte }

func newObject() *object { return &object{append(make([]byte, 0, 256), '{')} }

// newTail goes on with an object whose nested object is being closed.
func newTail() *object { return &object{append(make([]byte, 0, 128), '}')} }

func (o *object) key(name string) {
	if last := o.bytes[len(o.bytes)-1]; last != '{' {
		o.bytes = append(o.bytes, ',')
	}
	o.bytes = append(o.bytes, '"')
	o.bytes = append(o.bytes, name...)
	o.bytes = append(o.bytes, '"', ':')
}

func (o *object) text(name, value string) *object {
	o.key(name)
	o.bytes = appendQuoted(o.bytes, value)
	return o
}

func (o *object) number(name string, value int64) *object {
	o.key(name)
	o.bytes = strconv.AppendInt(o.bytes, value, 10)
	return o
}

func (o *object) flag(name string, value bool) *object {
	o.key(name)
	o.bytes = strconv.AppendBool(o.bytes, value)
	return o
}

// raw writes a value that is JSON already.
func (o *object) raw(name string, value []byte) *object {
	o.key(name)
	o.bytes = append(o.bytes, value...)
	return o
}

// open begins a nested object with what is given and leaves both open.
func (o *object) open(name, begin string) []byte {
	o.key(name)
	return append(o.bytes, begin...)
}

func (o *object) end() []byte { return append(o.bytes, '}') }

const hexDigits = "0123456789abcdef"

// appendQuoted writes a JSON string. Bytes that are no UTF-8 become the replacement character.
func appendQuoted(out []byte, s string) []byte {
	out = append(out, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
			i++
		case c < ' ':
			out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			i++
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			out = utf8.AppendRune(out, r)
			i += size
		}
	}
	return append(out, '"')
}
