package control

import (
	"errors"
	"testing"

	"github.com/florinpay/florin/internal/fault"
)

func TestWhatWaitsGoesOnceAsManyHaveAgreedAsMustByThen(t *testing.T) {
	for name, c := range map[string]struct {
		so      string
		who     Person
		persons int
		now     string
		enough  bool
		refused bool
	}{
		"the one person":                          {"", Another, 1, "key_x", true, false},
		"one, where nobody must any more":         {"", Another, 0, "key_x", true, false},
		"the first of two":                        {"", Another, 2, "key_x", false, false},
		"the second of two":                       {"key_a", Another, 2, "key_a key_x", true, false},
		"who asked":                               {"", Asker, 1, "", false, true},
		"who asked, where nobody must any more":   {"key_a", Asker, 0, "key_a", false, true},
		"the first of two again":                  {"key_a", Approver, 2, "key_a", false, true},
		"the first again, where one is enough":    {"key_a", Approver, 1, "key_a", true, false},
		"the first again, where nobody must":      {"key_a", Approver, 0, "key_a", true, false},
		"another than the first, where one would": {"key_a", Another, 1, "key_a key_x", true, false},
	} {
		now, enough, err := Agree("refund", c.so, "key_x", c.who, c.persons)
		if now != c.now || enough != c.enough || fault.Is(err, fault.Forbidden) != c.refused || !c.refused && err != nil {
			t.Errorf("%s: %q, %t, %v", name, now, enough, err)
		}
	}
}

func TestKeysOfOnePersonAreOne(t *testing.T) {
	rolled := func(one, other string) (bool, error) { return one == other || one+"_rolled" == other, nil }
	for key, want := range map[string]Person{
		"key_a": Asker, "key_a_rolled": Asker, "key_b": Approver, "key_b_rolled": Approver, "key_c_rolled": Approver, "key_d": Another,
	} {
		if got, err := PersonOf(key, "key_a", "key_b key_c", rolled); got != want || err != nil {
			t.Errorf("%s: %d, want %d, %v", key, got, want, err)
		}
	}
	broken := errors.New("no keys")
	if _, err := PersonOf("key_d", "key_a", "", func(string, string) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("the keys cannot be read: %v", err)
	}
}
