// Package strict reads what callers send, and takes nothing for granted: one JSON object in UTF-8, no key twice, none that is
// not known, every rule of the fields held, and all that is wrong told at once.
package strict

import (
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/obs"
)

// MaxFaults bounds how many faults of one request are told.
const MaxFaults = 100

// Faults gathers what is wrong with a request, one fault for each parameter: the first is the one to mend.
type Faults struct {
	fields []fault.Field
	seen   map[string]bool
}

// Add notes a fault, unless the parameter has one already.
func (f *Faults) Add(param, code, detail string) {
	if f.seen[param] || len(f.fields) >= MaxFaults {
		return
	}
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	f.seen[param] = true
	f.fields = append(f.fields, fault.Field{Param: param, Code: code, Detail: detail})
}

// Fields are the faults, in the order in which they were found.
func (f *Faults) Fields() []fault.Field { return f.fields }

// Err is nil if nothing was wrong, else one error that names every parameter.
func (f *Faults) Err() error {
	if len(f.fields) == 0 {
		return nil
	}
	first := f.fields[0]
	return &fault.Error{Kind: fault.Invalid, Code: first.Code, Param: first.Param, Detail: first.Detail, Fields: f.fields}
}

// path is where in a body the reader stands. It becomes text only when something is wrong there.
type path []step

// step is a key, or an index if it is one.
type step struct {
	key     string
	index   int
	isIndex bool
}

func keyStep(key string) step { return step{key: key} }

func indexStep(i int) step { return step{index: i, isIndex: true} }

// maxStep bounds how much of a caller's own key is told back.
const maxStep = 40

func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.isIndex:
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.index))
			b.WriteByte(']')
			continue
		case i > 0:
			b.WriteByte('.')
		}
		b.WriteString(Shorten(s.key))
	}
	return b.String()
}

// Shorten makes a caller's own key fit to be told back: short, and without a card number that got into its place.
func Shorten(key string) string {
	key = obs.Mask(key)
	n := 0
	for i := range key {
		if n++; n > maxStep {
			return key[:i] + "…"
		}
	}
	return key
}
