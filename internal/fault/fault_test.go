package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestKindSurvivesWrapping(t *testing.T) {
	err := fmt.Errorf("capture pay_1: %w", State("payment is canceled"))
	if Of(err) != Conflict || !Is(err, Conflict) || Is(err, Stale) {
		t.Errorf("kind %v", Of(err))
	}
	if Of(errors.New("plain")) != Internal || Is(nil, Internal) {
		t.Error("an error without a kind is internal, and nil is none")
	}
}

func TestEveryWrongFieldIsReported(t *testing.T) {
	var c Collect
	if c.Err() != nil {
		t.Fatal("nothing was wrong")
	}
	c.Add("amount", CodeAmountTooSmall, "must be positive")
	c.Add("currency", CodeCurrency, "unknown")
	var e *Error
	if err := c.Err(); !errors.As(err, &e) || len(e.Fields) != 2 || e.Param != "amount" || e.Kind != Invalid {
		t.Errorf("collected %+v", e)
	}
}
