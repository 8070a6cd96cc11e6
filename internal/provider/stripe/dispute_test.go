package stripe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/stripe"
	"github.com/florinpay/florin/internal/vault"
)

const (
	answerID  = "da_01jd9qk3v8m2x4r6t7w9y0a1b2"
	disputeID = "dp_3QFlorinTest01"
)

// everyText has all fields of evidence that there are.
func everyText() map[string]string {
	all := map[string]string{}
	for _, field := range []string{
		"explanation", "product_description", "customer_name", "customer_email", "customer_ip", "customer_communication", "billing_address",
		"shipping_address", "shipping_carrier", "shipping_tracking_number", "shipping_date", "service_date", "refund_policy", "refund_refusal",
		"duplicate_explanation", "cancellation_policy", "cancellation_explanation",
	} {
		all[field] = "the " + field
	}
	return all
}

func TestDisputesAreReadAsTheyStand(t *testing.T) {
	due := time.Unix(1796212900, 0).UTC()
	stands := func(stage provider.DisputeStage, status provider.DisputeStatus, change ...func(*provider.Dispute)) provider.Dispute {
		d := provider.Dispute{Reference: disputeID, Stage: stage, Status: status, Amount: eur(9232), ReasonCode: "10.4", Reason: "fraudulent", Original: "pi_3QFlorinTest01"}
		if stage == provider.StageChargeback {
			d.Fee = eur(1500)
		}
		if status == provider.DisputeNeedsResponse {
			d.EvidenceDueAt = due
		}
		for _, c := range change {
			c(&d)
		}
		return d
	}
	const inquiry, chargeback = provider.StageInquiry, provider.StageChargeback
	for name, want := range map[string]provider.Dispute{
		"dispute":                  stands(chargeback, provider.DisputeNeedsResponse),
		"dispute_withdrawn":        stands(chargeback, provider.DisputeNeedsResponse),
		"dispute_reviewed":         stands(chargeback, provider.DisputeUnderReview),
		"dispute_won":              stands(chargeback, provider.DisputeWon),
		"dispute_lost":             stands(chargeback, provider.DisputeLost),
		"dispute_inquiry":          stands(inquiry, provider.DisputeNeedsResponse),
		"dispute_inquiry_reviewed": stands(inquiry, provider.DisputeUnderReview),
		"dispute_inquiry_closed":   stands(inquiry, provider.DisputeWon),
		"dispute_not_withdrawn":    stands(inquiry, provider.DisputeNeedsResponse),
		"dispute_part":             stands(chargeback, provider.DisputeNeedsResponse, func(d *provider.Dispute) { d.Amount = eur(4000) }),
		"dispute_other_currency":   stands(chargeback, provider.DisputeNeedsResponse, func(d *provider.Dispute) { d.Fee = money.Money{} }),
		"dispute_of_a_charge":      stands(chargeback, provider.DisputeNeedsResponse, func(d *provider.Dispute) { d.Original = "ch_3QFlorinTest01" }),
	} {
		n, err := stripe.New(nil).ReadWebhook(account(""), goldenText(t, "events/"+name))
		if err != nil || n.Operation != provider.OpDispute || n.Reference != disputeID || n.Attempt != "" || n.Dispute == nil || *n.Dispute != want {
			t.Errorf("%s is read as %+v\n%+v, %v; want\n%+v", name, n, n.Dispute, err, want)
		}
	}
	n, err := stripe.New(nil).ReadWebhook(account(""), goldenText(t, "events/dispute_prevented"))
	if err != nil || n.Operation != "" || n.Dispute != nil {
		t.Errorf("a dispute that was prevented is read as %+v, %v", n, err)
	}
}

func TestADisputeThatCannotBeReadIsNotBelieved(t *testing.T) {
	good := string(goldenText(t, "events/dispute"))
	for name, change := range map[string][2]string{
		"no id": {`"id": "dp_3QFlorinTest01"`, `"id": ""`}, "another object": {`"object": "dispute"`, `"object": "charge"`},
		"unknown status": {`"status": "needs_response"`, `"status": "sorry"`}, "no amount": {`"amount": 9232,`, ``}, "nothing": {`"amount": 9232,`, `"amount": 0,`},
		"a fraction": {`"amount": 9232,`, `"amount": 92.32,`}, "no currency": {"\"currency\": \"eur\",\n      \"enhanced", "\"currency\": \"euro\",\n      \"enhanced"},
	} {
		body := strings.Replace(good, change[0], change[1], 1)
		if body == good {
			t.Fatalf("%s changes nothing", name)
		}
		if n, err := stripe.New(nil).ReadWebhook(account(""), []byte(body)); !fault.Is(err, fault.Malformed) {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
}

func TestAnswersToDisputesHaveTheirClass(t *testing.T) {
	submit := func(c *stripe.Connector, a provider.Account) provider.Outcome {
		return c.SubmitEvidence(t.Context(), a, provider.Evidence{
			DisputeAnswer: provider.DisputeAnswer{Reference: answerID, Dispute: disputeID}, Texts: map[string]string{"explanation": "Delivered."},
		})
	}
	file := func(c *stripe.Connector, a provider.Account) provider.Outcome {
		return c.SubmitEvidence(t.Context(), a, provider.Evidence{DisputeAnswer: provider.DisputeAnswer{Reference: answerID, Dispute: disputeID},
			Files: []provider.EvidenceFile{{Name: "receipt.pdf", Type: "application/pdf", Body: []byte("%PDF")}}})
	}
	accept := func(c *stripe.Connector, a provider.Account) provider.Outcome {
		return c.AcceptDispute(t.Context(), a, provider.DisputeAnswer{Reference: answerID, Dispute: disputeID})
	}
	for _, c := range []struct {
		name, answers string
		do            func(*stripe.Connector, provider.Account) provider.Outcome
		class         provider.Class
		state         provider.State
		calls         int
	}{
		{"submitted", "200 dispute.under_review", submit, provider.Approved, provider.Pending, 1},
		{"submitted with a file", "200 file.uploaded|200 dispute.under_review", file, provider.Approved, provider.Pending, 2},
		{"not submitted after all", "200 dispute.needs_response", submit, provider.Unknown, "", 1},
		{"refused", "400 error.parameter_missing|200 dispute.needs_response", submit, provider.Declined, "", 2},
		{"submitted before", "400 error.parameter_missing|200 dispute.under_review", submit, provider.Approved, provider.Pending, 2},
		{"unknown there", "404 error.resource_missing|404 error.resource_missing", submit, provider.Declined, provider.Missing, 2},
		{"refused, and it cannot be seen why", "400 error.parameter_missing|500 error.api", submit, provider.Unknown, "", 2},
		{"no answer", "500 error.api", submit, provider.Unknown, "", 1},
		{"too many at once", "429 error.rate_limit", submit, provider.NotSent, "", 1},
		{"a file that is refused", "400 error.parameter_missing", file, provider.Declined, "", 1},
		{"a file without an answer", "500 error.api", file, provider.Unknown, "", 1},
		{"another object", "200 refund.succeeded", submit, provider.Unknown, "", 1},
		{"accepted", "200 dispute.lost", accept, provider.Approved, provider.Succeeded, 1},
		{"accepted before", "400 error.parameter_missing|200 dispute.lost", accept, provider.Approved, provider.Succeeded, 2},
		{"accepted too late", "400 error.parameter_missing|200 dispute.under_review", accept, provider.Declined, "", 2},
		{"not closed after all", "200 dispute.needs_response", accept, provider.Unknown, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			connector, a, asked := answering(t, strings.Split(c.answers, "|")...)
			out := c.do(connector, a)
			if out.Class != c.class || out.State != c.state || len(*asked) != c.calls || c.class == provider.Approved && out.Reference != disputeID {
				t.Errorf("%+v after %v", out, *asked)
			}
		})
	}
	connector, a, _ := answering(t, "200 dispute.under_review")
	out := connector.SubmitEvidence(t.Context(), a, provider.Evidence{DisputeAnswer: provider.DisputeAnswer{Reference: answerID, Dispute: "dp_other"}})
	if out.Class != provider.Unknown {
		t.Errorf("an answer about another dispute is %+v", out)
	}
}

// What Stripe has no place for is said before anything is sent.
func TestEvidenceThatStripeHasNoPlaceForIsRefused(t *testing.T) {
	pdf := func(name string) provider.EvidenceFile {
		return provider.EvidenceFile{Name: name, Type: "application/pdf", Body: []byte("%PDF")}
	}
	for name, files := range map[string][]provider.EvidenceFile{
		"text":                 {{Name: "mail.txt", Type: "text/plain", Body: []byte("hello")}},
		"too large":            {{Name: "scan.pdf", Type: "application/pdf", Body: bytes.Repeat([]byte("x"), 5_000_001)}},
		"two of any name":      {pdf("one.pdf"), pdf("two.pdf")},
		"two of the same name": {pdf("receipt.pdf"), {Name: "Receipt.png", Type: "image/png", Body: []byte("png")}},
	} {
		connector, a, asked := answering(t, "200 dispute.under_review")
		out := connector.SubmitEvidence(t.Context(), a, provider.Evidence{DisputeAnswer: provider.DisputeAnswer{Reference: answerID, Dispute: disputeID}, Files: files})
		if out.Class != provider.Declined || out.Decline.Code != provider.TransactionNotAllowed || !strings.Contains(out.Detail, files[0].Name) || len(*asked) != 0 {
			t.Errorf("%s: %+v after %v", name, out, *asked)
		}
	}
}

// wire is what evidence becomes: each upload's parts, and the form of the last call.
func wire(t *testing.T, e provider.Evidence, base string) (urls []string, forms []map[string][]string) {
	t.Helper()
	sender := senderFunc(func(r vault.Request) vault.Response {
		urls = append(urls, r.URL)
		form, err := readForm(r.Header["Content-Type"].Reveal(), []byte(written(r.Body)))
		if err != nil {
			t.Fatal(err)
		}
		forms = append(forms, form)
		if strings.HasSuffix(r.URL, "/v1/files") {
			var answer object
			if err := json.Unmarshal(goldenText(t, "answers/file.uploaded"), &answer); err != nil {
				t.Fatal(err)
			}
			answer["id"] = "file_" + r.Header["Idempotency-Key"].Reveal()
			body, err := json.Marshal(answer)
			if err != nil {
				t.Fatal(err)
			}
			return vault.Response{Status: 200, Body: body}
		}
		return vault.Response{Status: 200, Body: goldenText(t, "answers/dispute.under_review")}
	})
	if out := stripe.New(sender).SubmitEvidence(t.Context(), account(base), e); out.Class != provider.Approved {
		t.Fatalf("%+v", out)
	}
	return urls, forms
}

func TestEvidenceGoesWhereStripeReadsIt(t *testing.T) {
	e := provider.Evidence{DisputeAnswer: provider.DisputeAnswer{Reference: answerID, Dispute: disputeID}, Texts: everyText(), Files: []provider.EvidenceFile{
		{Name: "Customer-Signature.png", Type: "image/png", Body: []byte("\x89PNG\r\n\x1a\n--")}, {Name: "photo.jpg", Type: "image/jpeg", Body: []byte("jpeg")},
	}}
	urls, forms := wire(t, e, "")
	if !slices.Equal(urls, []string{"https://files.stripe.com/v1/files", "https://files.stripe.com/v1/files", "https://api.stripe.com/v1/disputes/" + disputeID}) {
		t.Errorf("called %v", urls)
	}
	if got := forms[0]; got["purpose"][0] != "dispute_evidence" || got["file"][0] != "\x89PNG\r\n\x1a\n--" {
		t.Errorf("uploaded %q", got)
	}
	last := forms[2]
	for field, want := range map[string]string{
		"evidence[customer_signature]": "file_" + answerID + "-1", "evidence[uncategorized_file]": "file_" + answerID + "-2", "submit": "true",
		"evidence[uncategorized_text]":       "the explanation\n\nCommunication with the customer:\nthe customer_communication",
		"evidence[refund_policy_disclosure]": "the refund_policy",
		"evidence[customer_email_address]":   "the customer_email",
		"evidence[cancellation_rebuttal]":    "the cancellation_explanation",
		"evidence[shipping_tracking_number]": "the shipping_tracking_number",
		"evidence[customer_purchase_ip]":     "the customer_ip",
	} {
		if len(last[field]) != 1 || last[field][0] != want {
			t.Errorf("%s is %q, want %q", field, last[field], want)
		}
	}
	for field, text := range everyText() {
		if !slices.ContainsFunc(slices.Collect(valuesOf(last)), func(v string) bool { return strings.Contains(v, text) }) {
			t.Errorf("%s is lost", field)
		}
	}
	again, repeated := wire(t, e, "")
	if !slices.Equal(urls, again) || len(repeated) != len(forms) || repeated[0]["file"][0] != forms[0]["file"][0] {
		t.Error("a repeat is another request")
	}
	if urls, _ := wire(t, e, "http://127.0.0.1:1/"); urls[0] != "http://127.0.0.1:1/v1/files" {
		t.Errorf("with a base of its own files go to %s", urls[0])
	}
}

func valuesOf(form map[string][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, values := range form {
			for _, v := range values {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// senderFunc answers requests in place of a server, whatever host they name.
type senderFunc func(vault.Request) vault.Response

func (f senderFunc) Send(_ context.Context, r vault.Request) (vault.Response, error) {
	return f(r), nil
}
