package vault

import "testing"

func TestCardNumbersAreFoundInTexts(t *testing.T) {
	for text, want := range map[string]bool{
		"4242424242424242": true, "order 4242 4242 4242 4242, please": true, "3782-822463-10005": true, "x5555555555554444y": true,
		"": false, "ORD-1001": false, "4242424242424241": false, "1234567890123456": false, "2026-11-25 14:00:00": false,
		"pay_01jd9qk3v8m2x4r6t7w9y0a1b2": false, "9999999999999995": false,
	} {
		if got := HoldsCardNumber(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
