package health

import "errors"

// words are the reasons of a refusal as a timeline tells them: without a time, which is another one at each look.
var words = map[string]string{
	Open:        "its provider is down",
	Maintenance: "its provider account is in maintenance",
	Overloaded:  "its provider has as many calls under way as it can bear",
}

// Words is why a call would be refused, as a timeline tells it; empty if it would not be.
func (s State) Words() string { return words[s.Reason] }

// Words is the refusal of a call as a timeline tells it.
func Words(err error) string {
	var shut *Closed
	if errors.As(err, &shut) {
		return words[shut.Reason]
	}
	return err.Error()
}
