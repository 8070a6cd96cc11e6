package strict_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/strict"
)

type words map[string]string

func (words) Limits() (keys, key, value int) { return 2, 3, 4 }

type note struct {
	Text   string          `json:"text" maxLength:"5" check:"loud"`
	Count  int64           `json:"count,omitempty" minimum:"1" maximum:"9"`
	Words  words           `json:"words,omitempty"`
	Signal json.RawMessage `json:"signal,omitempty"`
	Token  string          `json:"token,omitempty" check:"token"`
}

func (n *note) Check(f *strict.Faults, now time.Time) {
	if n.Text == "PAST" && now.IsZero() {
		f.Add("text", fault.CodeInvalid, "needs a time")
	}
}

var reader = strict.NewReader(map[string]strict.Check{"loud": func(s string) (string, string) {
	if s != strings.ToUpper(s) {
		return fault.CodeInvalid, "must be loud"
	}
	return "", ""
}})

func TestABodyIsReadAsItsShapeSays(t *testing.T) {
	n, err := strict.Decode[note](reader, []byte(`{"text":"HEY","count":3,"words":{"a":"b"},"signal":{"x": [1, {"y":null}] }}`), strict.Faults{}, time.Time{})
	if err != nil || n.Text != "HEY" || n.Count != 3 || n.Words["a"] != "b" || string(n.Signal) != `{"x": [1, {"y":null}] }` {
		t.Errorf("read %+v, %v", n, err)
	}
}

func TestEveryFaultOfABodyIsToldWithItsCode(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want map[string]string
	}{
		"missing":              {`{}`, map[string]string{"text": problem.CodeMissing}},
		"unknown":              {`{"text":"A","colour":1}`, map[string]string{"colour": problem.CodeUnknown}},
		"twice":                {`{"text":"A","text":"B"}`, map[string]string{"text": problem.CodeDuplicate}},
		"twice inside":         {`{"text":"A","signal":{"x":1,"x":2}}`, map[string]string{"signal.x": problem.CodeDuplicate}},
		"own check":            {`{"text":"a"}`, map[string]string{"text": fault.CodeInvalid}},
		"house check":          {`{"text":"A","token":"4242424242424242"}`, map[string]string{"token": fault.CodeInvalid}},
		"check of the whole":   {`{"text":"PAST"}`, map[string]string{"text": fault.CodeInvalid}},
		"limits of a map":      {`{"text":"A","words":{"long":"","a":"12345","b":"","c":""}}`, map[string]string{"words": fault.CodeInvalid, "words.long": fault.CodeInvalid, "words.a": fault.CodeInvalid}},
		"a list for an object": {`{"text":"A","signal":[]}`, map[string]string{"signal": fault.CodeInvalid}},
		"several":              {`{"count":10,"x":0}`, map[string]string{"text": problem.CodeMissing, "count": fault.CodeInvalid, "x": problem.CodeUnknown}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := strict.Decode[note](reader, []byte(c.body), strict.Faults{}, time.Time{})
			var wrong *fault.Error
			if !errors.As(err, &wrong) || wrong.Kind != fault.Invalid {
				t.Fatalf("got %v", err)
			}
			got := map[string]string{}
			for _, f := range wrong.Fields {
				got[f.Param] = f.Code
			}
			if len(got) != len(c.want) {
				t.Errorf("told %v, want %v", got, c.want)
			}
			for param, code := range c.want {
				if got[param] != code {
					t.Errorf("%s is %q, want %q", param, got[param], code)
				}
			}
		})
	}
}

func TestNullIsForWhatCanBeTakenAway(t *testing.T) {
	type inner struct {
		Text string `json:"text"`
	}
	type body struct {
		Words words  `json:"words,omitempty" null:"empty"`
		Inner *inner `json:"inner,omitempty" null:"empty"`
		Other *inner `json:"other,omitempty"`
	}
	for text, want := range map[string]struct{ words, inner bool }{
		`{}`: {}, `{"words":null}`: {words: true}, `{"words":{}}`: {words: true}, `{"inner": null}`: {inner: true}, `{"words":null,"inner":null}`: {true, true},
	} {
		b, err := strict.Decode[body](reader, []byte(text), strict.Faults{}, time.Time{})
		if err != nil || (b.Words != nil) != want.words || len(b.Words) > 0 || (b.Inner != nil) != want.inner || b.Inner != nil && *b.Inner != (inner{}) {
			t.Errorf("%s: %+v, %v", text, b, err)
		}
	}
	for _, text := range []string{`{"other":null}`, `{"inner":{}}`} {
		if _, err := strict.Decode[body](reader, []byte(text), strict.Faults{}, time.Time{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{`{"inner":nul}`, `{"words":nullx}`} {
		if _, err := strict.Decode[body](reader, []byte(text), strict.Faults{}, time.Time{}); !fault.Is(err, fault.Malformed) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWhatIsNotOneObjectIsMalformed(t *testing.T) {
	for _, body := range []string{"", "[]", `"x"`, `{"text":"A"}{}`, `{"text":"A",}`, `{'text':"A"}`, "{\"text\":\"\xff\"}", `{"text":"A"`, `{"signal":{"a":}}`} {
		if _, err := strict.Decode[note](reader, []byte(body), strict.Faults{}, time.Time{}); !fault.Is(err, fault.Malformed) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestWhatWasWrongBeforeIsToldToo(t *testing.T) {
	var before strict.Faults
	before.Add("limit", problem.CodeUnknown, "there is no such parameter")
	_, err := strict.Decode[note](reader, []byte(`{"text":"A"}`), before, time.Time{})
	var wrong *fault.Error
	if !errors.As(err, &wrong) || len(wrong.Fields) != 1 || wrong.Param != "limit" {
		t.Errorf("got %v", err)
	}
}
