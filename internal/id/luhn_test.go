package id

import "testing"

func TestLuhnTellsACheckDigit(t *testing.T) {
	for digits, want := range map[string]bool{
		"4242424242424242": true, "378282246310005": true, "79927398713": true, "0": true, "": true,
		"4242424242424241": false, "4242424242424224": false, "79927398710": false, "1": false,
	} {
		if Luhn(digits) != want || Luhn([]byte(digits)) != want {
			t.Errorf("%q: not %t", digits, want)
		}
	}
}
