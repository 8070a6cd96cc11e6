package bank

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/fault"
)

// fourOfIt is a part of a number that a refusal must not repeat.
var fourOfIt = regexp.MustCompile(`^[A-Za-z]*[0-9][0-9A-Za-z]*$`)

// refused checks that err is a refusal of the field that repeats no four letters and digits of what was given.
func refused(t *testing.T, err error, param, given string) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid {
		t.Fatalf("%q: %v, want a refusal", given, err)
	}
	if e.Param != param {
		t.Errorf("%q: refused for %q (%s), want %q", given, e.Param, e.Detail, param)
	}
	for i := range max(len(given)-3, 0) {
		if part := given[i : i+4]; fourOfIt.MatchString(part) && strings.Contains(e.Error(), part) {
			t.Errorf("the refusal of %q repeats it: %s", given, e.Error())
		}
	}
}

func printed(v any) string {
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p"} {
		fmt.Fprintf(&out, verb+"\n", v)
	}
	encoded, err := json.Marshal(v)
	out.Write(encoded)
	fmt.Fprintln(&out, err)
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
	return out.String()
}

func TestANumberPrintsAsItsLastFour(t *testing.T) {
	iban, err := ParseIBAN("DE89370400440532013000")
	if err != nil {
		t.Fatal(err)
	}
	holder := struct {
		Name string
		To   IBAN
		Ptr  *IBAN
		own  IBAN
	}{"x", iban, &iban, iban}
	out := printed(iban) + printed(&iban) + printed(holder) + printed([]IBAN{holder.own})
	for _, leak := range []string{"37040044", "0440532", "DE89", "44453839", "64653839"} { // the last two: in hexadecimal; longer than what a time or an address holds by chance
		if strings.Contains(out, leak) {
			t.Errorf("%q leaked into:\n%s", leak, out)
		}
	}
	if !strings.Contains(out, "…3000") || iban.Last4() != "3000" || iban.Reveal() != "DE89370400440532013000" {
		t.Errorf("last four %q, printed:\n%s", iban.Last4(), out)
	}
}

func TestAShortNumberIsMaskedWhole(t *testing.T) {
	if m := mask("1234567"); m.Last4() != "" || strings.Contains(printed(m), "4567") {
		t.Errorf("shown: %s", m)
	}
	if (IBAN{}).Last4() != "" || (IBAN{}).Reveal() != "" || (IBAN{}).Country() != "" || (IBAN{}).SEPA() {
		t.Error("the zero IBAN is something")
	}
}
