// Package secret holds values that must never be printed: keys, passwords, signing secrets.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

const mask = "[secret]"

// Text is a secret string. It prints as [secret] in every verb, in JSON, in logs and by reflection, because the value
// sits behind a pointer. The zero value is the empty secret.
type Text struct{ hidden *string }

// New hides a value.
func New(value string) Text { return Text{&value} }

// Reveal gives the value away. Each call is a place to look at in a review.
func (t Text) Reveal() string {
	if t.hidden == nil {
		return ""
	}
	return *t.hidden
}

// Empty tells whether there is nothing to hide.
func (t Text) Empty() bool { return t.hidden == nil || *t.hidden == "" }

// Equal compares in constant time.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

func (Text) String() string                 { return mask }
func (Text) GoString() string               { return mask }
func (Text) LogValue() slog.Value           { return slog.StringValue(mask) }
func (Text) MarshalText() ([]byte, error)   { return []byte(mask), nil }
func (Text) MarshalJSON() ([]byte, error)   { return []byte(`"` + mask + `"`), nil }
func (Text) MarshalBinary() ([]byte, error) { return []byte(mask), nil }

// Format masks the verbs that would look past String, such as %x and %#v.
func (Text) Format(f fmt.State, _ rune) { fmt.Fprint(f, mask) }

// UnmarshalText lets a configuration or a request hold a secret.
func (t *Text) UnmarshalText(text []byte) error {
	*t = New(string(text))
	return nil
}
