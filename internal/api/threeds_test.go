package api

import (
	"testing"

	"github.com/florinpay/florin/internal/payment"
)

// What a merchant asks of 3-D Secure, and what a payer's browser brought, reach the payment as they are.
func TestWhatIsAskedOf3DSecureIsPassedOn(t *testing.T) {
	d := newDoor(t)
	const shop, session = "https://shop.example/thanks?order=1", "ds_" + someID
	accepted(t, d.call("POST", "/v1/payments", `{"amount":9232,"currency":"EUR","payment_method_token":"`+someToken+`","return_url":"`+shop+`",
		"three_ds":{"challenge":"no_preference","exemption":"tra"},"off_session":false,"device":{"session":"`+session+`"}}`), 201)
	got := d.payments.last
	if want := (payment.Asked{Challenge: payment.ChallengeNoPreference, Exemption: "tra", Device: session}); got.Asked != want || got.ReturnURL != shop {
		t.Errorf("asked %+v, %q", got.Asked, got.ReturnURL)
	}
	made := accepted(t, d.call("POST", "/v1/payments", `{"amount":9232,"currency":"EUR","payment_method_token":"`+someToken+`","off_session":true}`), 201)
	if want := (payment.Asked{OffSession: true}); d.payments.last.Asked != want {
		t.Errorf("asked %+v", d.payments.last.Asked)
	}
	accepted(t, d.call("POST", "/v1/payments/"+made["id"].(string)+"/confirm", `{"payment_method_token":"`+someToken+`","return_url":"`+shop+`","result":"e30","device":{"session":"`+session+`"}}`), 200)
	if want := (payment.Confirmation{Choice: payment.Choice{Token: someToken}, ReturnURL: shop, Result: "e30", DeviceSession: session}); d.payments.confirmed != want {
		t.Errorf("confirmed with %+v", d.payments.confirmed)
	}
}
