package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretsNeverPrint(t *testing.T) {
	const value = "hunter2-hunter2"
	s := New(value)
	holder := struct {
		Name string
		Key  Text
		Ptr  *Text
	}{"x", s, &s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p"} {
		fmt.Fprintf(&out, verb+" "+verb+"\n", s, holder)
	}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "secret", s, "holder", holder)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "secret", s, "holder", holder)
	for _, leak := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value)} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q leaked into:\n%s", leak, out.String())
		}
	}
	if s.Reveal() != value {
		t.Error("the value is lost")
	}
}

func TestEqualComparesValues(t *testing.T) {
	if !New("a").Equal(New("a")) || New("a").Equal(New("b")) || New("a").Equal(Text{}) || !(Text{}).Equal(New("")) {
		t.Error("Equal does not compare the values")
	}
	if !(Text{}).Empty() || !New("").Empty() || New("a").Empty() {
		t.Error("Empty is wrong")
	}
}

func TestSecretsCanBeRead(t *testing.T) {
	var v struct{ Key Text }
	if err := json.Unmarshal([]byte(`{"Key":"abc"}`), &v); err != nil || v.Key.Reveal() != "abc" {
		t.Errorf("%v, %q", err, v.Key.Reveal())
	}
}
