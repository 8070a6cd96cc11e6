package strict

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
)

// Reader reads bodies. Shapes are compiled once for each type.
type Reader struct {
	checks     map[string]Check
	everywhere Check    // of every text, a map's keys among them; nil: none
	shapes     sync.Map // of reflect.Type to *shape
}

// NewReader makes a reader that knows, beside the checks of this package, some of its own.
func NewReader(own map[string]Check) *Reader {
	r := &Reader{checks: maps.Clone(checks)}
	maps.Copy(r.checks, own)
	return r
}

// Everywhere sets a rule for every text of every body, a map's keys among them. It gives the reader back.
func (r *Reader) Everywhere(c Check) *Reader {
	r.everywhere = c
	return r
}

// Compile makes the shape of a type, so that one that cannot be made shows at start. It panics then.
func (r *Reader) Compile(t reflect.Type) { r.shapeOf(t) }

func (r *Reader) shapeOf(t reflect.Type) *shape {
	if s, ok := r.shapes.Load(t); ok {
		return s.(*shape)
	}
	s, _ := r.shapes.LoadOrStore(t, r.compile(t))
	return s.(*shape)
}

// Checked is a body with rules that tie several fields together.
type Checked interface {
	Check(f *Faults, now time.Time)
}

// Decode reads a body into a T and holds it against T's shape. It fails with fault.Malformed if the bytes are not one
// JSON object in UTF-8, else with one error that names every wrong parameter, those that were found before among them; what could be
// read comes with that. now is for rules about the future.
func Decode[T any](r *Reader, data []byte, before Faults, now time.Time) (*T, error) {
	into := new(T)
	s := scanner{data: data, Faults: before, everywhere: r.everywhere}
	v := reflect.ValueOf(into).Elem()
	if !utf8.Valid(data) {
		return nil, fault.New(fault.Malformed, problem.CodeMalformed, "the body is not UTF-8")
	}
	if c := s.peek(); c != '{' {
		return nil, fault.New(fault.Malformed, problem.CodeMalformed, "the body must be a JSON object")
	}
	err := s.fill(r.shapeOf(v.Type()), v, 1)
	if s.peek(); err == nil && s.at < len(data) {
		err = s.stop("something follows the object")
	}
	if err != nil {
		return nil, fault.New(fault.Malformed, problem.CodeMalformed, "the body is not JSON: "+s.why)
	}
	if c, ok := any(into).(Checked); ok {
		c.Check(&s.Faults, now)
	}
	return into, s.Err()
}

// fill reads an object into a struct.
func (s *scanner) fill(shape *shape, v reflect.Value, depth int) error {
	var present uint64 // shapes have fewer than 64 fields
	err := s.object(depth, func(key []byte) error {
		f, ok := shape.fields[string(key)]
		if !ok {
			s.path = append(s.path, keyStep(string(key)))
			s.wrong(problem.CodeUnknown, "there is no such parameter")
			err := s.skip(depth + 1)
			s.path = s.path[:len(s.path)-1]
			return err
		}
		present |= 1 << f.at
		s.path = append(s.path, keyStep(f.name))
		err := s.value(f, v.Field(f.at), depth+1)
		s.path = s.path[:len(s.path)-1]
		return err
	})
	if err != nil {
		return err
	}
	for _, f := range shape.order {
		if present&(1<<f.at) == 0 {
			s.absent(f, v.Field(f.at))
		}
	}
	return nil
}

// absent deals with a field that the body does not have.
func (s *scanner) absent(f *field, v reflect.Value) {
	switch {
	case f.required:
		s.path = append(s.path, keyStep(f.name))
		s.wrong(problem.CodeMissing, "is required")
		s.path = s.path[:len(s.path)-1]
	case f.preset == "":
	case f.kind == aBool:
		v.SetBool(f.preset == "true")
	case f.kind == aText:
		v.SetString(f.preset)
	}
}

// value reads one value into a field. A value of another type is a fault, and is skipped.
func (s *scanner) value(f *field, v reflect.Value, depth int) error {
	if f.pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	c := s.peek()
	switch {
	case c == 'n' && f.nullable:
		if f.kind == aMap {
			v.Set(reflect.MakeMap(v.Type()))
		}
		_, err := s.word()
		return err
	case c == '"' && (f.kind == aText || f.kind == aTime):
		return s.fillText(f, v)
	case f.kind == anInteger && (c == '-' || c >= '0' && c <= '9'):
		return s.fillInteger(f, v)
	case f.kind == aBool && (c == 't' || c == 'f'):
		word, err := s.word()
		v.SetBool(word == "true")
		return err
	case f.kind == anObject && c == '{':
		return s.fill(f.inner, v, depth)
	case f.kind == aList && c == '[':
		return s.fillList(f, v, depth)
	case f.kind == aMap && c == '{':
		return s.fillMap(f, v, depth)
	case f.kind == aRaw && c == '{':
		start := s.at
		err := s.skip(depth)
		v.SetBytes(slices.Clone(s.data[start:s.at]))
		return err
	}
	s.wrong(fault.CodeInvalid, "must be %s", kindWords[f.kind])
	return s.skip(depth)
}

func (s *scanner) fillText(f *field, v reflect.Value) error {
	raw, nul, err := s.text()
	if err != nil {
		return err
	}
	if nul {
		s.wrong(fault.CodeInvalid, "must not contain NUL")
		return nil
	}
	if f.kind == aTime {
		t, err := time.Parse(time.RFC3339, string(raw))
		if err != nil {
			s.wrong(fault.CodeInvalid, "must be a time in RFC 3339, such as 2026-11-22T12:00:00Z")
			return nil
		}
		v.Set(reflect.ValueOf(t.UTC()))
		return nil
	}
	text := string(raw)
	s.judge(f, text)
	v.SetString(text)
	return nil
}

// banned tells whether a text breaks the rule for every text.
func (s *scanner) banned(text string) bool {
	if s.everywhere == nil {
		return false
	}
	code, detail := s.everywhere(text)
	if code != "" {
		s.wrong(code, "%s", detail)
	}
	return code != ""
}

// judge holds a text against its rules.
func (s *scanner) judge(f *field, text string) {
	if !f.exempt && s.banned(text) {
		return
	}
	length := int64(utf8.RuneCountInString(text))
	switch {
	case length < f.min && length == 0:
		s.wrong(fault.CodeInvalid, "must not be empty")
	case length < f.min:
		s.wrong(fault.CodeInvalid, "must have at least %d characters", f.min)
	case f.max > 0 && length > f.max:
		s.wrong(fault.CodeInvalid, "must have at most %d characters", f.max)
	case f.enum != nil && !slices.Contains(f.enum, text):
		s.wrong(fault.CodeInvalid, "must be one of %v", f.enum)
	case f.check != nil:
		if code, detail := f.check(text); code != "" {
			s.wrong(code, "%s", detail)
			return
		}
		fallthrough
	default:
		if f.pattern != nil && !f.pattern.MatchString(text) {
			s.wrong(fault.CodeInvalid, "%s", f.says)
		}
	}
}

// fillInteger takes digits only: 10.0 and 1e3 are integers to a mathematician, but who writes them has gone through a
// float, and money must not.
func (s *scanner) fillInteger(f *field, v reflect.Value) error {
	literal, whole, err := s.number()
	if err != nil {
		return err
	}
	if !whole {
		s.wrong(fault.CodeInvalid, "must be an integer, written without fraction and exponent")
		return nil
	}
	n, err := strconv.ParseInt(string(literal), 10, 64)
	switch {
	case err != nil && literal[0] == '-', err == nil && n < f.min:
		s.wrong(f.low, "must be at least %d", f.min)
	case err != nil, f.max > 0 && n > f.max:
		s.wrong(f.high, "must be at most %d", f.max)
	default:
		v.SetInt(n)
	}
	return nil
}

func (s *scanner) fillList(f *field, v reflect.Value, depth int) error {
	list := reflect.MakeSlice(v.Type(), 0, 4)
	count := 0
	err := s.array(depth, func(i int) error {
		if count = i + 1; f.maxCount > 0 && i >= f.maxCount {
			return s.skip(depth + 1)
		}
		item := reflect.New(v.Type().Elem()).Elem()
		s.path = append(s.path, indexStep(i))
		err := s.value(f.item, item, depth+1)
		s.path = s.path[:len(s.path)-1]
		list = reflect.Append(list, item)
		return err
	})
	if err != nil {
		return err
	}
	if f.maxCount > 0 && count > f.maxCount {
		s.wrong(fault.CodeInvalid, "must have at most %d items", f.maxCount)
	}
	v.Set(list)
	return nil
}

// fillMap reads an object of texts, such as metadata.
func (s *scanner) fillMap(f *field, v reflect.Value, depth int) error {
	texts := reflect.MakeMapWithSize(v.Type(), 4)
	count := 0
	err := s.object(depth, func(key []byte) error {
		name := string(key)
		s.path = append(s.path, keyStep(name))
		defer func() { s.path = s.path[:len(s.path)-1] }()
		count++
		if f.maxCount > 0 && count > f.maxCount {
			return s.skip(depth + 1)
		}
		if s.keyFault(f, name) || s.peek() != '"' {
			if s.peek() != '"' {
				s.wrong(fault.CodeInvalid, "must be a string")
			}
			return s.skip(depth + 1)
		}
		raw, nul, err := s.text()
		if err != nil {
			return err
		}
		if nul {
			s.wrong(fault.CodeInvalid, "must not contain NUL")
			return nil
		}
		text := string(raw)
		s.judge(f.item, text)
		texts.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(text))
		return nil
	})
	if err != nil {
		return err
	}
	if f.maxCount > 0 && count > f.maxCount {
		s.wrong(fault.CodeInvalid, "must have at most %d keys", f.maxCount)
	}
	v.Set(texts)
	return nil
}

// keyFault holds a map's key against its rules and tells whether it broke one.
func (s *scanner) keyFault(f *field, name string) bool {
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		s.wrong(fault.CodeInvalid, "a key must not be empty")
	case f.keyMax > 0 && n > f.keyMax:
		s.wrong(fault.CodeInvalid, "a key must have at most %d characters", f.keyMax)
	default:
		for i := range len(name) {
			if name[i] == 0 {
				s.wrong(fault.CodeInvalid, "a key must not contain NUL")
				return true
			}
		}
		return s.banned(name)
	}
	return true
}
