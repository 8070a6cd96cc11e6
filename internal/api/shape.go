package api

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

// A shape is what a request's body must look like. It is compiled once from the tags of a Go struct, the same tags from
// which the OpenAPI document is made, so that what is promised and what is checked cannot differ. One pass over the
// bytes reads, checks and fills the struct.
//
// Tags: json, required (default true unless json has omitempty), default, minLength, maxLength, pattern, enum, minimum,
// maximum, maxItems; and ours: check (a name in checks), low and high (the codes for a number under its minimum and over
// its maximum). A map is Metadata, whose limits are its own.
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
	required bool
	preset   string // the default

	min, max         int64 // of a number, or of a text's characters
	low, high        string
	pattern          *regexp.Regexp
	enum             []string
	check            func(string) (code, detail string)
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
)

// kindWords say what was expected, in the words of JSON.
var kindWords = map[kind]string{
	aText: "a string", anInteger: "an integer", aBool: "true or false", aTime: "a time in RFC 3339, as a string",
	anObject: "an object", aList: "a list", aMap: "an object",
}

var timeType = reflect.TypeFor[time.Time]()

// compile makes the shape of a struct. It panics on what no body can hold: that is a mistake in this package.
func compile(t reflect.Type) *shape {
	s := &shape{fields: map[string]*field{}}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			panic(fmt.Sprintf("api: %s.%s has no json name", t, f.Name))
		}
		one := compileField(f.Type, f.Tag)
		one.name, one.at = name, i
		s.fields[name] = one
		s.order = append(s.order, one)
	}
	return s
}

func compileField(t reflect.Type, tag reflect.StructTag) *field {
	f := &field{
		preset: tag.Get("default"), pointer: t.Kind() == reflect.Pointer,
		required: !strings.Contains(tag.Get("json"), ",omitempty") && tag.Get("required") != "false",
		low:      orElse(tag.Get("low"), fault.CodeInvalid), high: orElse(tag.Get("high"), fault.CodeInvalid),
		maxCount: bound(tag, "maxItems", 0),
	}
	if f.pointer {
		t = t.Elem()
	}
	f.kind = kindOf(t)
	f.min, f.max = int64(bound(tag, "minLength", bound(tag, "minimum", 0))), int64(bound(tag, "maxLength", bound(tag, "maximum", 0)))
	if p := tag.Get("pattern"); p != "" {
		f.pattern = regexp.MustCompile(p)
	}
	if e := tag.Get("enum"); e != "" {
		f.enum = strings.Split(e, ",")
	}
	if c := tag.Get("check"); c != "" {
		if f.check = checks[c]; f.check == nil {
			panic("api: no check named " + c)
		}
	}
	switch f.kind {
	case anObject:
		f.inner = compile(t)
	case aMap:
		f.maxCount, f.keyMax = maxMetadataKeys, maxMetadataKey
		f.item = &field{kind: aText, max: maxMetadataValue}
	case aList: // the tags of length, pattern and check are those of the items
		item := *f
		item.kind, item.pointer = kindOf(t.Elem()), false
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
	case t.Kind() == reflect.Slice:
		return aList
	case t == reflect.TypeFor[Metadata]():
		return aMap
	}
	panic(fmt.Sprintf("api: a body cannot hold a %s", t))
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func bound(tag reflect.StructTag, name string, otherwise int) int {
	text, ok := tag.Lookup(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(fmt.Sprintf("api: tag %s: %v", name, err))
	}
	return n
}

// checks are the rules on texts that a pattern cannot tell. They give no code if the text is right.
var checks = map[string]func(string) (code, detail string){
	"currency": func(s string) (string, string) {
		if _, err := money.ParseCurrency(s); err != nil {
			return fault.CodeCurrency, "must be an ISO 4217 code of three capital letters"
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
	"name": func(s string) (string, string) {
		for i := range len(s) {
			if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
				return fault.CodeInvalid, "must consist of a-z, 0-9, _ and -"
			}
		}
		return "", ""
	},
	"filter": func(s string) (string, string) {
		if event.CheckFilter(s) != nil {
			return fault.CodeInvalid, "must be a type of event, a prefix such as payment.*, or *"
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
