package api

import (
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
)

func TestAWrongFieldOfAPayoutIsRefusedByName(t *testing.T) {
	d := untouched(t)
	const to = `"destination_token":"dst_` + someID + `"`
	for _, c := range []struct {
		body string
		want wrong
	}{
		{`{"currency":"EUR",` + to + `}`, wrong{"amount": problem.CodeMissing}},
		{`{"amount":0,"currency":"EUR",` + to + `}`, wrong{"amount": fault.CodeAmountTooSmall}},
		{`{"amount":-5,"currency":"EUR",` + to + `}`, wrong{"amount": fault.CodeAmountTooSmall}},
		{`{"amount":1000000000000,"currency":"EUR",` + to + `}`, wrong{"amount": fault.CodeAmountTooLarge}},
		{`{"amount":92.32,"currency":"EUR",` + to + `}`, wrong{"amount": invalid}},
		{`{"amount":"9232","currency":"EUR",` + to + `}`, wrong{"amount": invalid}},
		{`{"amount":1,"currency":"eur",` + to + `}`, wrong{"currency": fault.CodeCurrency}},
		{`{"amount":1,"currency":"EUR"}`, wrong{"destination_token": invalid}},
		{`{"amount":1,"currency":"EUR","destination_token":"po_` + someID + `"}`, wrong{"destination_token": invalid}},
		{`{"amount":1,"currency":"EUR","card_token":"` + someToken + `",` + to + `}`, wrong{"destination_token": invalid}},
		{`{"amount":1,"currency":"EUR","bank_alias":{"type":"pix","value":"a@b.example","name":"A"},` + to + `}`, wrong{"destination_token": invalid}},
		{`{"amount":1,"currency":"EUR","bank_alias":{"type":"cash","value":"","name":""}}`, wrong{"bank_alias.type": invalid, "bank_alias.value": invalid, "bank_alias.name": invalid}},
		{`{"amount":1,"currency":"EUR","card_token":"4242424242424242"}`, wrong{"card_token": problem.CodeCardNumber}},
		{`{"amount":1,"currency":"EUR","statement_descriptor":"` + strings.Repeat("x", 36) + `",` + to + `}`, wrong{"statement_descriptor": invalid}},
		{`{"amount":1,"currency":"EUR","description":"a\nb",` + to + `}`, wrong{"description": invalid}},
		{`{"amount":1,"currency":"EUR","approved":true,` + to + `}`, wrong{"approved": unknown}},
	} {
		faulty(t, d.call("POST", "/v1/payouts", c.body), c.want)
	}
	faulty(t, d.call("POST", "/v1/payouts/po_"+someID+"/approve", `{"by":"me"}`), wrong{"by": unknown})
	faulty(t, d.call("POST", "/v1/payouts/po_"+someID+"/cancel", `{"reason":"`+strings.Repeat("x", 201)+`"}`), wrong{"reason": invalid})
	faulty(t, d.call("POST", "/v1/payouts/batch", `{"csv":""}`), wrong{"csv": invalid})
	faulty(t, d.call("POST", "/v1/payouts/batch", `{"dry_run":"yes"}`), wrong{"csv": problem.CodeMissing, "dry_run": invalid})
	for query, param := range map[string]string{"status=lost": "status", "destination=po_1": "destination", "batch=1": "batch", "starting_after=pay_1": "starting_after"} {
		faulty(t, d.call("GET", "/v1/payouts?"+query, ""), wrong{param: invalid})
	}
}

func TestAWrongFieldOfADestinationIsRefusedByName(t *testing.T) {
	d := untouched(t)
	for body, want := range map[string]wrong{
		`{}`: {"type": problem.CodeMissing}, `{"type":"cash"}`: {"type": invalid, "name": problem.CodeMissing},
		`{"type":"iban"}`: {"iban": problem.CodeMissing, "name": problem.CodeMissing},
		`{"type":"iban","name":"A","iban":"DE89370400440532013000","pix_key":"a@b.example"}`: {"pix_key": invalid},
		`{"type":"bank_account","name":"A"}`:                                                 {"country": problem.CodeMissing, "bank_code": problem.CodeMissing, "account_number": problem.CodeMissing},
		`{"type":"card","card_token":"pm_1"}`:                                                {"card_token": invalid},
		`{"type":"pix","name":"` + strings.Repeat("x", 141) + `","pix_key":"a@b.example"}`:   {"name": invalid},
		`{"type":"upi","name":"A","vpa":"ada@bank","blocked":true}`:                          {"blocked": unknown},
	} {
		faulty(t, d.call("POST", "/v1/destinations", body), want)
	}
	faulty(t, d.call("PATCH", "/v1/destinations/dst_"+someID, `{"blocked":"yes","iban":"DE89370400440532013000"}`), wrong{"blocked": invalid, "iban": unknown})
}

// What the service finds wrong has the name of another layer; the caller reads that of their own body.
func TestARefusalNamesTheFieldOfTheBodyThatWasSent(t *testing.T) {
	names := (&createPayout{BankAlias: &bankAlias{}}).names()
	err := renamed(fault.Wrong("pix_key", fault.CodeInvalid, "is no CPF"), names)
	if p := problemOf(err); p.Param != "bank_alias.value" || len(p.Errors) != 1 || p.Errors[0].Param != "bank_alias.value" || p.Status != 400 {
		t.Errorf("%+v", p)
	}
	if p := problemOf(renamed(fault.Wrong("destination", "destination_not_supported", "no"), names)); p.Param != "bank_alias" {
		t.Errorf("%+v", p)
	}
	if missing := fault.Missing("destination"); renamed(missing, names) != error(missing) {
		t.Error("a refusal without a field was changed")
	}
}
