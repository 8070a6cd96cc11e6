package stripe_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/stripe"
	"github.com/florinpay/florin/internal/vault"
)

var update = flag.Bool("update", false, "rewrite the golden requests")

func TestGoldenAnswersAreStripes(t *testing.T) {
	files, err := filepath.Glob("testdata/answers/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d golden answers, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		schema, _, _ := strings.Cut(name, ".")
		if err := schemaFaults(stripeSpec(t), schema, goldenText(t, "answers/"+name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGoldenEventsAreStripes(t *testing.T) {
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d golden events, %v", len(files), err)
	}
	for _, file := range files {
		text := goldenText(t, "events/"+strings.TrimSuffix(filepath.Base(file), ".json"))
		if err := schemaFaults(stripeSpec(t), "event", text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		var e struct {
			Data struct {
				Object json.RawMessage `json:"object"`
			} `json:"data"`
		}
		var head struct {
			Object string `json:"object"`
		}
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(e.Data.Object, &head); err != nil {
			t.Fatal(err)
		}
		if err := schemaFaults(stripeSpec(t), head.Object, e.Data.Object); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// answering is a connector before a server that gives one golden answer after another; the last one stays.
func answering(t *testing.T, answers ...string) (*stripe.Connector, provider.Account, *[]string) {
	t.Helper()
	faults, base := providertest.NewFaults(t)
	asked := &[]string{}
	faults.Put(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Method+" "+r.URL.Path)
		status, name, _ := strings.Cut(answers[min(len(*asked), len(answers))-1], " ")
		code := 0
		if _, err := fmt.Sscan(status, &code); err != nil {
			t.Error(err)
		}
		w.WriteHeader(code)
		_, _ = w.Write(goldenText(t, "answers/"+name))
	}))
	sender := providertest.Sender{Client: faults.Client(), Cards: map[string]providertest.Card{
		"pm_tok_1": {Number: "4242424242424242", ExpMonth: "08", ExpYear: "2031"},
	}}
	return stripe.New(sender), account(base), asked
}

// verdict is what a test compares of an outcome.
type verdict struct {
	class  provider.Class
	state  provider.State
	minor  int64
	code   provider.DeclineCode
	raw    string
	intent bool // it has the intent's id
}

func of(o provider.Outcome) verdict {
	return verdict{o.Class, o.State, o.Amount.Minor(), o.Decline.Code, o.Decline.Raw, o.Reference == "pi_3QFlorinTest01"}
}

func TestAuthorizationAnswersHaveTheirClass(t *testing.T) {
	declined := func(code provider.DeclineCode, raw string, intent bool) verdict {
		return verdict{provider.Declined, "", 0, code, raw, intent}
	}
	doubt := verdict{class: provider.Unknown}
	for answer, want := range map[string]verdict{
		"200 payment_intent.requires_capture":                                   {provider.Approved, provider.Authorized, 9232, "", "", true},
		"200 payment_intent.succeeded":                                          {provider.Approved, provider.Captured, 9232, "", "", true},
		"200 payment_intent.processing":                                         {provider.Approved, provider.Pending, 9232, "", "", true},
		"200 payment_intent.expired":                                            {provider.Approved, provider.Voided, 9232, "", "", true},
		"200 payment_intent.abandoned":                                          declined(provider.AuthenticationRequired, "requires_action", true),
		"200 payment_intent.requires_confirmation":                              doubt,
		"200 payment_intent.declined":                                           declined(provider.InsufficientFunds, "insufficient_funds", true),
		"200 payment_intent.requires_action|200 payment_intent.abandoned":       declined(provider.AuthenticationRequired, "requires_action", true),
		"200 payment_intent.requires_action|200 payment_intent.requires_action": doubt,
		"200 payment_intent.requires_action|500 error.api":                      doubt,
		"402 error.card_declined":                                               declined(provider.InsufficientFunds, "insufficient_funds", true),
		"402 error.authentication_required":                                     declined(provider.AuthenticationRequired, "authentication_not_handled", true),
		"402 error.incorrect_number":                                            declined(provider.IncorrectNumber, "incorrect_number", false),
		"402 error.unknown_decline":                                             declined(provider.GenericDecline, "mercury_retrograde", false),
		"402 error.fraudulent":                                                  declined(provider.RiskDecline, "fraudulent", false),
		"402 error.contradiction":                                               doubt,
		"400 error.parameter_missing":                                           declined(provider.ProcessingError, "parameter_missing", false),
		"400 error.amount_too_small":                                            declined(provider.TransactionNotAllowed, "amount_too_small", false),
		"401 error.api_key":                                                     declined(provider.ProcessingError, "invalid_request_error", false),
		"403 error.permission":                                                  declined(provider.ProcessingError, "more_permissions_required", false),
		"400 error.idempotency":                                                 doubt,
		"409 error.idempotency_in_use":                                          doubt,
		"429 error.lock_timeout":                                                {class: provider.NotSent},
		"429 error.rate_limit":                                                  {class: provider.NotSent},
		"500 error.api":                                                         doubt,
		"503 error.card_declined":                                               doubt,
		"424 error.api":                                                         doubt,
		"200 refund.succeeded":                                                  doubt,
		"200 error.card_declined":                                               doubt,
	} {
		t.Run(answer, func(t *testing.T) {
			connector, a, asked := answering(t, strings.Split(answer, "|")...)
			out := connector.Authorize(t.Context(), a, provider.Authorization{Reference: attempt, Amount: eur(9232), Card: "pm_tok_1"})
			if of(out) != want {
				t.Errorf("%+v, want %+v", out, want)
			}
			if strings.Contains(out.Detail, "sk_test") {
				t.Errorf("the detail shows a part of the key: %s", out.Detail)
			}
			if strings.Contains(answer, "requires_action") && (len(*asked) != 2 || !strings.HasSuffix((*asked)[1], "/cancel")) {
				t.Errorf("the intent that wants its payer stays open: %v", *asked)
			}
		})
	}
}

func TestRefundAnswersHaveTheirClass(t *testing.T) {
	for answer, want := range map[string]verdict{
		"200 refund.succeeded":         {class: provider.Approved, state: provider.Succeeded, minor: 1000},
		"200 refund.pending":           {class: provider.Approved, state: provider.Pending, minor: 1000},
		"200 refund.requires_action":   {class: provider.Approved, state: provider.Pending, minor: 1000},
		"200 refund.failed":            {class: provider.Declined, state: provider.Failed, code: provider.ExpiredCard, raw: "expired_or_canceled_card"},
		"200 refund.canceled":          {class: provider.Declined, state: provider.Failed, code: provider.GenericDecline, raw: "canceled"},
		"404 error.resource_missing":   {class: provider.Declined, state: provider.Missing, code: provider.ProcessingError, raw: "resource_missing"},
		"200 payment_intent.succeeded": {class: provider.Unknown},
		"429 error.lock_timeout":       {class: provider.NotSent},
		"409 error.idempotency_in_use": {class: provider.Unknown},
	} {
		t.Run(answer, func(t *testing.T) {
			connector, a, _ := answering(t, answer)
			out := connector.Refund(t.Context(), a, provider.Refund{Reference: refundID, Original: "pi_3QFlorinTest01", Attempt: attempt, Amount: eur(1000)})
			if of(out) != want {
				t.Errorf("%+v, want %+v", out, want)
			}
		})
	}
}

// An intent that Stripe told of cannot be gone: the key is another account's, and nothing may be concluded.
func TestLostIntentIsNoProof(t *testing.T) {
	connector, a, _ := answering(t, "404 error.resource_missing")
	for _, operation := range []provider.Operation{provider.OpAuthorize, provider.OpCapture, provider.OpVoid, provider.OpRefund} {
		found := connector.Inquire(t.Context(), a, provider.Inquiry{Operation: operation, Reference: attempt, Original: "pi_3QFlorinTest01", Attempt: attempt})
		if found.Found || found.Outcome.Class != provider.Unknown {
			t.Errorf("%s: %+v", operation, found)
		}
	}
}

// A payer who is there is led to Stripe's page. What only Stripe's own script could show is closed.
func TestPayerIsLedToStripesPage(t *testing.T) {
	ask := provider.Authorization{Reference: attempt, Amount: eur(9232), Card: "pm_tok_1", ReturnURL: "https://pay.example/3ds/1"}
	connector, a, asked := answering(t, "200 payment_intent.requires_action")
	out := connector.Authorize(t.Context(), a, ask)
	if out.Class != provider.Approved || out.State != provider.ActionRequired || out.Action.URL != "https://hooks.stripe.com/3d_secure_2/x" ||
		out.Reference != "pi_3QFlorinTest01" || out.Amount != eur(9232) || len(*asked) != 1 {
		t.Errorf("%+v after %v", out, *asked)
	}
	found := connector.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpAuthorize, Reference: attempt, Original: "pi_3QFlorinTest01", Attempt: attempt})
	if !found.Found || found.Outcome != out {
		t.Errorf("an inquiry finds %+v", found)
	}
	for name, change := range map[string]func(*provider.Authorization){
		"nobody is there":  func(r *provider.Authorization) { r.ReturnURL = "" },
		"off session":      func(r *provider.Authorization) { r.OffSession = true },
		"only by a script": func(*provider.Authorization) {},
	} {
		t.Run(name, func(t *testing.T) {
			first := "200 payment_intent.requires_action"
			if name == "only by a script" {
				first = "200 payment_intent.requires_sdk"
			}
			connector, a, asked := answering(t, first, "200 payment_intent.abandoned")
			r := ask
			change(&r)
			if out := connector.Authorize(t.Context(), a, r); out.Decline.Code != provider.AuthenticationRequired || len(*asked) != 2 {
				t.Errorf("%+v after %v", out, *asked)
			}
		})
	}
}

func TestStripesOwn3DSecureIsKept(t *testing.T) {
	connector, a, _ := answering(t, "200 payment_intent.authenticated")
	out := connector.Authorize(t.Context(), a, provider.Authorization{Reference: attempt, Amount: eur(9232), Card: "pm_tok_1"})
	want := provider.ThreeDS{Version: "2.2.0", Status: "Y", ECI: "05", DSTransID: "8d1d4f4c-7bd8-4b4b-9e4f-1f2c3a4b5c6d", Flow: provider.ChallengeFlow}
	if out.ThreeDS != want || out.State != provider.Captured {
		t.Errorf("kept %+v of %+v", out.ThreeDS, out)
	}
	connector, a, _ = answering(t, "200 payment_intent.unauthenticated")
	found := connector.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpAuthorize, Reference: attempt, Original: "pi_3QFlorinTest01", Attempt: attempt})
	if !found.Found || found.Outcome.Class != provider.Declined || found.Outcome.Decline.Code != provider.AuthenticationFailed {
		t.Errorf("a failed authentication is %+v", found)
	}
}

// An inquiry that finds an intent waiting for what cannot be shown closes it, as the call itself would have.
func TestInquiryClosesAnOpenIntent(t *testing.T) {
	connector, a, asked := answering(t, "200 payment_intent.requires_sdk", "200 payment_intent.abandoned")
	found := connector.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpAuthorize, Reference: attempt, Original: "pi_3QFlorinTest01", Attempt: attempt})
	if !found.Found || found.Outcome.Decline.Code != provider.AuthenticationRequired || len(*asked) != 2 {
		t.Errorf("%+v after %v", found, *asked)
	}
}

func TestAmountsAreSaidInStripesUnit(t *testing.T) {
	for _, c := range []struct {
		amount money.Money
		want   string // empty: refused before anything is sent
	}{
		{eur(9232), "9232"}, {amount("JPY", 500), "500"}, {amount("KWD", 1230), "1230"}, {amount("KWD", 1235), ""}, {amount("ISK", 5), "500"},
		{amount("UGX", 7), "700"}, {amount("MGA", 500), "5"}, {amount("MGA", 550), ""}, {eur(0), ""}, {eur(-1), ""},
	} {
		var sent string
		sender := providertest.Sender{Client: &http.Client{}, Cards: map[string]providertest.Card{"pm_tok_1": {Number: "4242424242424242", ExpMonth: "08", ExpYear: "2031"}},
			Sent: func(_ vault.Request, body []byte) {
				values, err := url.ParseQuery(string(body))
				if err != nil {
					t.Error(err)
				}
				sent = values.Get("amount")
			}}
		out := stripe.New(sender).Authorize(t.Context(), account("http://127.0.0.1:1"), provider.Authorization{Reference: attempt, Amount: c.amount, Card: "pm_tok_1"})
		if withheld := out.Class == provider.NotSent && out.Withheld; sent != c.want || (c.want == "") != withheld || out.Technical(provider.OpAuthorize) == withheld {
			t.Errorf("%s is sent as %q: %+v", c.amount, sent, out)
		}
	}
}

// written is a body as the connector writes it: card fields are placeholders, and no card number reaches a fixture.
func written(body []vault.Segment) string {
	names := map[vault.Field]string{vault.Number: "{number}", vault.ExpMonth: "{month}", vault.ExpYear: "{year}", vault.CVC: "{cvc}", vault.Name: "{name}"}
	var out strings.Builder
	for _, s := range body {
		out.WriteString(string(s.Literal) + string(s.Before) + names[s.Field] + string(s.After))
		if s.Optional {
			out.WriteString("?")
		}
	}
	return out.String()
}

// The requests are golden too: a change in what goes over the wire is seen in review.
func TestGoldenRequests(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			var wire strings.Builder
			faults, base := providertest.NewFaults(t)
			faults.Put(http.NotFoundHandler())
			sender := providertest.Sender{Client: faults.Client(), Cards: map[string]providertest.Card{"pm_tok_1": {Number: "4242424242424242", ExpMonth: "08", ExpYear: "2031", CVC: "123", Name: "Ada"}},
				Sent: func(r vault.Request, _ []byte) {
					fmt.Fprintf(&wire, "%s %s\n", r.Method, strings.TrimPrefix(r.URL, base))
					names := []string{}
					for header := range r.Header {
						names = append(names, header)
					}
					sort.Strings(names)
					for _, header := range names {
						fmt.Fprintf(&wire, "%s: %s\n", header, r.Header[header].Reveal())
					}
					fmt.Fprintf(&wire, "\n%s\n", strings.ReplaceAll(written(r.Body), "&", "\n&"))
				}}
			call(t, stripe.New(sender), account(base))
			file := "testdata/requests/" + strings.ReplaceAll(name, " ", "_") + ".txt"
			if *update {
				if err := os.WriteFile(file, []byte(wire.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if wire.String() != string(golden) {
				t.Errorf("sent\n%s\nwant\n%s", wire.String(), golden)
			}
		})
	}
}
