package idempotency

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
)

func TestKeysAreReadBareAndQuoted(t *testing.T) {
	long := strings.Repeat("k", 255)
	for name, c := range map[string]struct {
		values []string
		key    string
		ok     bool
	}{
		"none":                      {nil, "", false},
		"bare":                      {[]string{"abc-1"}, "abc-1", true},
		"quoted is the same key":    {[]string{`"abc-1"`}, "abc-1", true},
		"with spaces around":        {[]string{"  abc-1\t"}, "abc-1", true},
		"with spaces inside":        {[]string{"abc 1"}, "abc 1", true},
		"escaped quote":             {[]string{`"a\"b"`}, `a"b`, true},
		"escaped backslash":         {[]string{`"a\\b"`}, `a\b`, true},
		"bare backslash as it is":   {[]string{`a\b`}, `a\b`, true},
		"bare quote inside":         {[]string{`a"b`}, `a"b`, true},
		"255 characters":            {[]string{long}, long, true},
		"255 characters and quotes": {[]string{`"` + long + `"`}, long, true},
		"one character":             {[]string{"~"}, "~", true},
	} {
		t.Run(name, func(t *testing.T) {
			if key, ok, err := Parse(c.values); key != c.key || ok != c.ok || err != nil {
				t.Errorf("got %q, %t, %v; want %q, %t", key, ok, err, c.key, c.ok)
			}
		})
	}
}

func TestMalformedKeysAreRefused(t *testing.T) {
	for name, values := range map[string][]string{
		"empty":               {""},
		"spaces":              {"   "},
		"empty string":        {`""`},
		"256 characters":      {strings.Repeat("k", 256)},
		"256 quoted":          {`"` + strings.Repeat("k", 256) + `"`},
		"two headers":         {"a", "a"},
		"not closed":          {`"abc`},
		"a quote alone":       {`"`},
		"something behind":    {`"abc"d`},
		"parameters":          {`"abc";a=1`},
		"two strings":         {`"abc", "d"`},
		"unknown escape":      {`"a\nb"`},
		"escape at the end":   {`"abc\`},
		"escaped closing":     {`"abc\"`},
		"control character":   {"a\x01b"},
		"NUL quoted":          {"\"a\x00b\""},
		"tab inside":          {"a\tb"},
		"DEL":                 {"a\x7f"},
		"not ASCII":           {"schlüssel"},
		"not ASCII in quotes": {`"schlüssel"`},
		"not UTF-8":           {"a\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			key, ok, err := Parse(values)
			if !fault.Is(err, fault.Malformed) || key != "" || ok {
				t.Fatalf("got %q, %t, %v", key, ok, err)
			}
			if len(values[0]) > 1 && strings.Contains(err.Error(), values[0]) {
				t.Errorf("the key is in the error: %v", err)
			}
		})
	}
}

func TestBothFormsOfATextAreOneKey(t *testing.T) {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[!#-~]([ -~]{0,253}[!-~])?`).Draw(t, "text")
		bare, _, err := Parse([]string{text})
		if err != nil {
			t.Fatal(err)
		}
		quoted, _, err := Parse([]string{`"` + escape.Replace(text) + `"`})
		if err != nil || quoted != bare || bare != text {
			t.Fatalf("bare %q, quoted %q, %v", bare, quoted, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(`"a\"b"`)
	f.Add("abc")
	f.Fuzz(func(t *testing.T, s string) {
		key, ok, err := Parse([]string{s})
		if ok != (err == nil) || ok && (len(key) < 1 || len(key) > 255) {
			t.Errorf("Parse(%q) = %q, %t, %v", s, key, ok, err)
		}
	})
}

func TestTheScopeOfAKeyIsMethodAndPath(t *testing.T) {
	base := Key{Merchant: "acct_a:test", Method: "POST", Path: "/v1/payments", Key: "k", Body: []byte("{}")}
	for name, change := range map[string]func(*Key){
		"method": func(k *Key) { k.Method = "PATCH" },
		"path":   func(k *Key) { k.Path = "/v1/payment" },
		"key":    func(k *Key) { k.Key = "K" },
		"shift":  func(k *Key) { k.Path, k.Key = "/v1/payment", "sk" },
	} {
		other := base
		change(&other)
		if bytes.Equal(base.scope(), other.scope()) {
			t.Errorf("another %s has the same scope", name)
		}
		if !bytes.Equal(base.request(), other.request()) {
			t.Errorf("another %s is another request", name)
		}
	}
	for name, change := range map[string]func(*Key){
		"body":  func(k *Key) { k.Body = []byte("{} ") },
		"query": func(k *Key) { k.Query = "expand=attempts" },
		"shift": func(k *Key) { k.Query, k.Body = "{", []byte("}") },
	} {
		other := base
		change(&other)
		if !bytes.Equal(base.scope(), other.scope()) {
			t.Errorf("another %s has another scope", name)
		}
		if bytes.Equal(base.request(), other.request()) {
			t.Errorf("another %s is the same request", name)
		}
	}
}
