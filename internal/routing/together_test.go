package routing

import (
	"errors"
	"slices"
	"testing"

	"github.com/florinpay/florin/internal/fault"
)

func TestAllThatIsWrongWithAPolicyIsToldAtOnceWhateverItsShape(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{`{"name": "", "rules": [{"id": "default", "when": "brand == 'vsia'", "then": {"strategy": "ordered", "accounts": ["gamma9"]}}]}`,
			[]string{"name", "rules[0].id", "rules[0].when", "rules[0].then.accounts[0]"}},
		{`{"name": "p", "rules": [{"id": "a", "when": "1 / 0 == 1", "then": {"strategy": "priority"}}, {"id": "b", "then": "alpha"}]}`,
			[]string{"rules[1].then", "rules[1].when", "rules[0].when"}}, // of rules[1] nothing is told that follows from its shape
		{`{"name": "p", "rules": [], "colour": 1, "default": {"then": {"strategy": "split", "weights": [{"account": "alpha", "weight": 70}]}}}`,
			[]string{"colour", "default.then.weights"}},
		{`{"name": "p", "rules": [], "default": {"then": {"strategy": "split", "weights": [{"account": "alpha", "weight": 7.5}]}}}`,
			[]string{"default.then.weights[0].weight"}},
		{`{"name": "", "rules": []}`, []string{"name"}},
	} {
		d, shape := Read([]byte(c.text))
		_, rest := Compile(d, threeAccounts)
		var wrong *fault.Error
		if err := Together(shape, rest); !errors.As(err, &wrong) || wrong.Kind != fault.Invalid {
			t.Errorf("%s\nis refused by %v", c.text, err)
			continue
		}
		var got []string
		for _, f := range wrong.Fields {
			got = append(got, f.Param)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s\nis refused for %q, want %q: %v", c.text, got, c.want, wrong)
		}
	}
}

func TestAPolicyThatCannotBeJudgedIsNotRefusedForItsShapeAlone(t *testing.T) {
	away := errors.New("the database is away")
	if err := Together(fault.Wrong("name", fault.CodeInvalid, "is empty"), away); !errors.Is(err, away) {
		t.Errorf("told %v", err)
	}
	broken := fault.New(fault.Malformed, "malformed", "the body is not JSON")
	if err := Together(broken, away); !errors.Is(err, broken) {
		t.Errorf("told %v", err)
	}
}
