package vault

import (
	"fmt"
	"testing"
)

func TestCardNumbersAreFoundInTexts(t *testing.T) {
	for text, want := range map[string]bool{
		"4242424242424242": true, "order 4242 4242 4242 4242, please": true, "3782-822463-10005": true, "x5555555555554444y": true,
		"card:4012888888881881": true, "30569309025904": true, "3056 930902 5904": true, "ORD-4242424242424242": true,
		"": false, "ORD-1001": false, "4242424242424241": false, "1234567890123456": false, "2026-11-25 14:00:00": false,
		"pay_01jd9qk3v8m2x4r6t7w9y0a1b2": false, "9999999999999995": false, "42424242424242424242": false,
		"ORD-50-0000001234": false, "6304000000000000": false, "4242 42424242 4242": false, "4242-4242 4242-4242": false,
		"4242 4242 4242 4242 1": false, "4222222222222": false,
	} {
		if got := HoldsCardNumber(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// No merchant whose orders are counted, however they are written, meets a refusal.
func TestCountedOrdersAreNoCards(t *testing.T) {
	for _, shape := range []string{"ORD-%d-%010d", "%d-%08d", "2026-%04d-%06d", "%04d %04d"} {
		for client := range 100 {
			for n := range 100 {
				if text := fmt.Sprintf(shape, client, n); HoldsCardNumber(text) {
					t.Fatalf("%s passes for a card number", text)
				}
			}
		}
	}
}
