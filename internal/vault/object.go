package vault

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
)

// The codes of a request that cannot be taken. They are the API's, whose package lies above.
const (
	codeKeyMissing = "api_key_missing"
	codeKeyKind    = "api_key_kind_not_allowed"
)

// maxFaults bounds how many faults of one request are told.
const maxFaults = 100

// member is one pair of a JSON object. The value is a part of the body, so that wiping the body wipes it.
type member struct {
	key   string
	value []byte
}

// members cuts a JSON object into its pairs. encoding/json would do, but it drops duplicate keys, knows keys in any case, and
// leaves copies of a card number in buffers that nobody can wipe. b must be valid JSON; false if it is no object.
func members(b []byte) ([]member, bool) {
	i := skipSpace(b, 0)
	if i == len(b) || b[i] != '{' {
		return nil, false
	}
	var all []member
	for i = skipSpace(b, i+1); b[i] != '}'; {
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
		end := valueEnd(b, i)
		var key string
		if err := json.Unmarshal(b[i:end], &key); err != nil {
			return nil, false // a key of valid JSON is a string
		}
		i = skipSpace(b, skipSpace(b, end)+1) // over the colon
		end = valueEnd(b, i)
		all = append(all, member{key, b[i:end]})
		i = skipSpace(b, end)
	}
	return all, true
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// valueEnd is where the value that begins at i ends.
func valueEnd(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = stringEnd(b, i)
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // of the object around a bare value
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// stringEnd is where the closing quote of the string that begins at i is.
func stringEnd(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}

// faults gathers what is wrong with a request.
type faults struct {
	fault.Collect
	told int
}

func (f *faults) add(param, code, detail string) {
	if f.told++; f.told <= maxFaults {
		f.Add(param, code, detail)
	}
}

// object reads an object that may have these keys only, and notes unknown and repeated ones. ok is false if it is none.
func object(b []byte, at string, f *faults, keys ...string) (values map[string][]byte, ok bool) {
	all, ok := members(b)
	if !ok {
		return nil, false
	}
	values = make(map[string][]byte, len(keys))
	for _, k := range keys {
		values[k] = nil
	}
	for _, m := range all {
		old, known := values[m.key]
		switch {
		case !known:
			f.add(at+shownKey(m.key), problem.CodeUnknown, "there is no such parameter")
		case old != nil:
			f.add(at+m.key, problem.CodeDuplicate, "stands twice")
		default:
			values[m.key] = m.value
		}
	}
	return values, true
}

// maxShownKey bounds how much of a caller's own key is told back.
const maxShownKey = 40

// shownKey is a caller's key as it may be told: short, and without a card number that got into its place.
func shownKey(key string) string {
	b := []byte(key)
	newMasker(nil).body(b)
	if len(b) <= maxShownKey {
		return string(b)
	}
	cut := maxShownKey
	for cut > 0 && !utf8.RuneStart(b[cut]) {
		cut--
	}
	return string(b[:cut]) + "…"
}

// isNull tells whether a value is absent: not there, or null.
func isNull(raw []byte) bool { return raw == nil || string(raw) == "null" }

// text reads a JSON string; false if it is something else. Without escapes it is a part of the body.
func text(raw []byte) ([]byte, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, false
	}
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c == '\\' {
			var s string
			if err := json.Unmarshal(raw, &s); err != nil {
				return nil, false
			}
			return []byte(s), true
		}
	}
	return inner, true
}

// whole reads a JSON integer of at most four digits without sign, fraction or exponent.
func whole(raw []byte) (int, bool) {
	if len(raw) == 0 || len(raw) > 4 {
		return 0, false
	}
	n := 0
	for _, c := range raw {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
