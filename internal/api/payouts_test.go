package api

import (
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payout"
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
		{`{"amount":1,"currency":"EUR","closed_loop":"prefer",` + to + `}`, wrong{"customer": problem.CodeMissing}},
		{`{"amount":1,"currency":"EUR","closed_loop":"prefer","customer":"cus_` + someID + `"}`, wrong{"destination_token": invalid}},
		{`{"amount":1,"currency":"EUR","closed_loop":"require","customer":"cus_` + someID + `",` + to + `}`, wrong{"closed_loop": invalid}},
		{`{"amount":1,"currency":"EUR","closed_loop":"none","source_payment":"pay_` + someID + `",` + to + `}`, wrong{"closed_loop": invalid}},
		{`{"amount":1,"currency":"EUR","closed_loop_order":"newest",` + to + `}`, wrong{"closed_loop_order": invalid}},
		{`{"amount":1,"currency":"EUR","closed_loop":"maybe","closed_loop_order":"any","source_payment":"ref_1","customer":"pay_1",` + to + `}`,
			wrong{"closed_loop": invalid, "closed_loop_order": invalid, "source_payment": invalid, "customer": invalid}},
	} {
		faulty(t, d.call("POST", "/v1/payouts", c.body), c.want)
	}
	faulty(t, d.call("POST", "/v1/payouts/po_"+someID+"/approve", `{"by":"me"}`), wrong{"by": unknown})
	faulty(t, d.call("POST", "/v1/payouts/po_"+someID+"/cancel", `{"reason":"`+strings.Repeat("x", 201)+`"}`), wrong{"reason": invalid})
	faulty(t, d.call("POST", "/v1/payouts/batch", `{"csv":""}`), wrong{"csv": invalid})
	faulty(t, d.call("POST", "/v1/payouts/batch", `{"dry_run":"yes"}`), wrong{"csv": problem.CodeMissing, "dry_run": invalid})
	for query, param := range map[string]string{"status=lost": "status", "destination=po_1": "destination", "customer=pay_1": "customer", "batch=1": "batch", "starting_after=pay_1": "starting_after"} {
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

// Account numbers are kept sealed, as card numbers are in the vault. Only where they belong may a text look like either.
func TestAnAccountNumberMayLookLikeACardNumber(t *testing.T) {
	d := newDoor(t)
	body := func(field string) string {
		fields := map[string]string{"name": "Ada", "account_number": "12345678", "bank_code": "110000000"}
		fields[field] = "4242424242424242"
		return `{"type":"bank_account","country":"US","name":"` + fields["name"] + `","bank_code":"` + fields["bank_code"] + `","account_number":"` + fields["account_number"] + `"}`
	}
	if a := d.call("POST", "/v1/destinations", body("account_number")); a.Code != 201 {
		t.Errorf("an account number: %d %s", a.Code, a.Body)
	}
	for _, field := range []string{"name", "bank_code"} {
		faulty(t, d.call("POST", "/v1/destinations", body(field)), wrong{field: problem.CodeCardNumber})
	}
}

// What a payout does if it says where its money came from, and not how it goes back.
func TestASourcePaymentSaysThatTheMoneyGoesBack(t *testing.T) {
	for _, c := range []struct {
		body createPayout
		want payout.Mode
	}{
		{createPayout{}, payout.ModeNone}, {createPayout{Customer: "c"}, payout.ModeNone}, {createPayout{SourcePayment: "p"}, payout.ModeRequire},
		{createPayout{SourcePayment: "p", CardToken: "t"}, payout.ModePrefer}, {createPayout{SourcePayment: "p", ClosedLoop: "require"}, payout.ModeRequire},
	} {
		if got := c.body.mode(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.body, got, c.want)
		}
	}
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
