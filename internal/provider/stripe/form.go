package stripe

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// form writes application/x-www-form-urlencoded, in the order given and with brackets as they are, as Stripe's own
// libraries do. An empty value is left out: to Stripe it would mean "unset".
type form struct{ out []byte }

func newForm() *form { return &form{make([]byte, 0, 512)} }

func (f *form) set(name, value string) *form {
	if value == "" {
		return f
	}
	if len(f.out) > 0 {
		f.out = append(f.out, '&')
	}
	f.out = append(f.out, brackets.Replace(url.QueryEscape(name))...)
	f.out = append(f.out, '=')
	f.out = append(f.out, url.QueryEscape(value)...)
	return f
}

func (f *form) number(name string, value int64) *form {
	return f.set(name, strconv.FormatInt(value, 10))
}

func (f *form) flag(name string, value bool) *form { return f.set(name, strconv.FormatBool(value)) }

func (f *form) bytes() []byte { return f.out }

var (
	brackets = strings.NewReplacer("%5B", "[", "%5D", "]")
)

// clip cuts a text to at most so many bytes, between characters.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
