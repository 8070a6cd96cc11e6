package strict

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

// A shape is what a request's body must look like. It is compiled once from the tags of a Go struct, the same tags from
// which the OpenAPI document is made, so that what is promised and what is checked cannot differ. One pass over the
// bytes reads, checks and fills the struct.
//
// Tags: json, required (default true unless json has omitempty), default, minLength, maxLength, pattern, enum, minimum,
// maximum, maxItems; and ours: check (a name in checks), says (a pattern in words), low and high (the codes for a number
// under its minimum and over its maximum). A map of texts tells its own limits (see Limited). A
// json.RawMessage takes any object as it is. With null:"empty", null is taken for an empty object: what was not sent at
// all is a nil map or pointer, so the two are told apart. With exempt:"true" a text is not
// held against the rule for every text: it is kept like what that rule looks for, and may look like it.
type shape struct {
	fields map[string]*field
	order  []*field
}

// field is one value of a shape.
type field struct {
	name     string
	at       int // which field of the struct
	kind     kind
	pointer  bool
	nullable bool // null is taken, for the empty value
	exempt   bool // from the rule for every text
	required bool
	preset   string // the default

	min, max         int64 // of a number, or of a text's characters
	low, high        string
	pattern          *regexp.Regexp
	says             string // the pattern in words
	enum             []string
	check            Check
	maxCount, keyMax int

	inner *shape // of an object
	item  *field // of a list or a map
}

type kind uint8

const (
	aText kind = iota
	anInteger
	aBool
	aTime
	anObject
	aList
	aMap
	aRaw
)

// kindWords say what was expected, in the words of JSON.
var kindWords = map[kind]string{
	aText: "a string", anInteger: "an integer", aBool: "true or false", aTime: "a time in RFC 3339, as a string",
	anObject: "an object", aList: "a list", aMap: "an object", aRaw: "an object",
}

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
)

// Limited is a map of texts with its limits: how many keys, and how many characters a key and a value may have.
type Limited interface {
	Limits() (keys, key, value int)
}

// Check is a rule on a text that a pattern cannot tell. It gives no code if the text is right.
type Check func(text string) (code, detail string)

// compile makes the shape of a struct. It panics on what no body can hold: that is a mistake in this package.
func (r *Reader) compile(t reflect.Type) *shape {
	s := &shape{fields: map[string]*field{}}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			panic(fmt.Sprintf("strict: %s.%s has no json name", t, f.Name))
		}
		one := r.compileField(f.Type, f.Tag)
		one.name, one.at = name, i
		s.fields[name] = one
		s.order = append(s.order, one)
	}
	return s
}

func (r *Reader) compileField(t reflect.Type, tag reflect.StructTag) *field {
	f := &field{
		preset: tag.Get("default"), pointer: t.Kind() == reflect.Pointer,
		required: !strings.Contains(tag.Get("json"), ",omitempty") && tag.Get("required") != "false",
		low:      cmp.Or(tag.Get("low"), fault.CodeInvalid), high: cmp.Or(tag.Get("high"), fault.CodeInvalid),
		maxCount: bound(tag, "maxItems", 0), nullable: tag.Get("null") == "empty", exempt: tag.Get("exempt") == "true",
	}
	if f.pointer {
		t = t.Elem()
	}
	f.kind = kindOf(t)
	f.min, f.max = int64(bound(tag, "minLength", bound(tag, "minimum", 0))), int64(bound(tag, "maxLength", bound(tag, "maximum", 0)))
	if p := tag.Get("pattern"); p != "" {
		f.pattern, f.says = regexp.MustCompile(p), cmp.Or(tag.Get("says"), "must match "+p)
	}
	if e := tag.Get("enum"); e != "" {
		f.enum = strings.Split(e, ",")
	}
	if c := tag.Get("check"); c != "" {
		if f.check = r.checks[c]; f.check == nil {
			panic("strict: no check named " + c)
		}
	}
	switch f.kind {
	case anObject:
		f.inner = r.compile(t)
	case aMap:
		keys, key, value := reflect.Zero(t).Interface().(Limited).Limits()
		f.maxCount, f.keyMax = keys, key
		f.item = &field{kind: aText, max: int64(value)}
	case aList: // the tags of length, pattern and check are those of the items
		item := *f
		item.kind, item.pointer = kindOf(t.Elem()), false
		if item.kind == anObject {
			item.inner = r.compile(t.Elem())
		}
		f.item = &item
	}
	return f
}

func kindOf(t reflect.Type) kind {
	switch {
	case t == timeType:
		return aTime
	case t.Kind() == reflect.String:
		return aText
	case t.Kind() == reflect.Int64:
		return anInteger
	case t.Kind() == reflect.Bool:
		return aBool
	case t.Kind() == reflect.Struct:
		return anObject
	case t == rawType:
		return aRaw
	case t.Kind() == reflect.Slice:
		return aList
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.String && t.Implements(reflect.TypeFor[Limited]()):
		return aMap
	}
	panic(fmt.Sprintf("strict: a body cannot hold a %s", t))
}

func bound(tag reflect.StructTag, name string, otherwise int) int {
	text, ok := tag.Lookup(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(fmt.Sprintf("strict: tag %s: %v", name, err))
	}
	return n
}

// checks are those that every edge has.
var checks = map[string]Check{
	"currency": func(s string) (string, string) {
		if _, err := money.ParseCurrency(s); err != nil {
			return fault.CodeCurrency, "must be the ISO 4217 code, in capital letters, of a currency that people pay in"
		}
		return "", ""
	},
	// A token that is not one cannot be anybody's. It is not told back: it may be a card number in the wrong place.
	"token": func(s string) (string, string) {
		if s != "" && !id.Has(s, id.Token) {
			return fault.CodeInvalid, "must be a token of the vault, which begins with pm_tok_"
		}
		return "", ""
	},
	"printable": func(s string) (string, string) {
		for _, r := range s {
			if r < ' ' || r == 0x7f {
				return fault.CodeInvalid, "must not contain control characters"
			}
		}
		return "", ""
	},
}
