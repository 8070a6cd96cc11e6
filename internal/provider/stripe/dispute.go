package stripe

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

// dispute is Stripe's dispute.
type dispute struct {
	ID                  string               `json:"id"`
	Object              string               `json:"object"`
	Status              string               `json:"status"`
	Amount              *int64               `json:"amount"`
	Currency            string               `json:"currency"`
	Reason              string               `json:"reason"`
	Charge              expandable[charge]   `json:"charge"`
	PaymentIntent       expandable[intent]   `json:"payment_intent"`
	BalanceTransactions []balanceTransaction `json:"balance_transactions"`
	EvidenceDetails     struct {
		DueBy           int64 `json:"due_by"`
		SubmissionCount int64 `json:"submission_count"`
	} `json:"evidence_details"`
	PaymentMethodDetails *struct {
		Card *struct {
			NetworkReasonCode string `json:"network_reason_code"`
		} `json:"card"`
	} `json:"payment_method_details"`
}

// balanceTransaction is what a dispute did to the balance at Stripe: at most one takes and one gives back.
type balanceTransaction struct {
	Amount   int64  `json:"amount"`
	Fee      int64  `json:"fee"`
	Currency string `json:"currency"`
}

func (d dispute) isObject() bool { return d.Object == "dispute" && d.ID != "" }

// Stripe's words for where a dispute stands. A warning is an inquiry; one that is closed has not become a chargeback.
var disputeStatuses = map[string]struct {
	stage  provider.DisputeStage
	status provider.DisputeStatus
}{
	"warning_needs_response": {provider.StageInquiry, provider.DisputeNeedsResponse},
	"warning_under_review":   {provider.StageInquiry, provider.DisputeUnderReview},
	"warning_closed":         {provider.StageInquiry, provider.DisputeWon},
	"needs_response":         {provider.StageChargeback, provider.DisputeNeedsResponse},
	"under_review":           {provider.StageChargeback, provider.DisputeUnderReview},
	"won":                    {provider.StageChargeback, provider.DisputeWon},
	"lost":                   {provider.StageChargeback, provider.DisputeLost},
}

// prevented is the status of a dispute that the network settled before it was one. What it did to the money the object does not tell, so
// the message is kept and not read.
const prevented = "prevented"

// readDispute reads how a dispute stands. Stripe names the payment by its own ids alone.
func readDispute(e event, n provider.Notification) (provider.Notification, error) {
	var d dispute
	if err := json.Unmarshal(e.Data.Object, &d); err != nil || !d.isObject() {
		return n.Unbelieved("the webhook's dispute cannot be read")
	}
	if d.Status == prevented {
		return n, nil
	}
	stands, known := disputeStatuses[d.Status]
	if !known {
		return n.Unbelieved("the webhook's dispute has an unknown status")
	}
	amount, doubt := positive(d.Amount, d.Currency)
	if doubt != "" {
		return n.Unbelieved("the webhook's dispute: " + doubt)
	}
	if d.open() && !slices.ContainsFunc(d.BalanceTransactions, balanceTransaction.takes) {
		stands.stage = provider.StageInquiry // nothing is taken yet, and the fee is not told; charge.dispute.funds_withdrawn follows
	}
	n.Operation, n.Reference = provider.OpDispute, d.ID
	n.Dispute = &provider.Dispute{
		Reference: d.ID, Stage: stands.stage, Status: stands.status, Amount: amount, Fee: d.fee(amount.Currency()), Reason: d.Reason,
		Original: cmp.Or(d.PaymentIntent.ID, d.Charge.ID),
	}
	if details := d.PaymentMethodDetails; details != nil && details.Card != nil {
		n.Dispute.ReasonCode = details.Card.NetworkReasonCode
	}
	if due := d.EvidenceDetails.DueBy; due > 0 && stands.status == provider.DisputeNeedsResponse {
		n.Dispute.EvidenceDueAt = time.Unix(due, 0).UTC()
	}
	return n, nil
}

// open tells whether it is not decided who has the money.
func (d dispute) open() bool {
	return disputeStatuses[d.Status].status == provider.DisputeNeedsResponse || disputeStatuses[d.Status].status == provider.DisputeUnderReview
}

func (t balanceTransaction) takes() bool { return t.Amount < 0 }

// fee is what Stripe took on top when it took the money; the zero value if it says nothing of one, or takes it in another currency.
func (d dispute) fee(c money.Currency) money.Money {
	for _, t := range d.BalanceTransactions {
		if t.takes() && t.Fee > 0 {
			if said, doubt := fromStripe(&t.Fee, t.Currency); doubt == "" && said.Currency() == c {
				return said
			}
		}
	}
	return money.Money{}
}

// evidenceTexts are the fields of evidence that Stripe has a field for. What it has none for goes with the explanation.
var evidenceTexts = map[string]string{
	"product_description": "product_description", "customer_name": "customer_name", "customer_email": "customer_email_address",
	"customer_ip": "customer_purchase_ip", "billing_address": "billing_address", "shipping_address": "shipping_address",
	"shipping_carrier": "shipping_carrier", "shipping_tracking_number": "shipping_tracking_number", "shipping_date": "shipping_date",
	"service_date": "service_date", "refund_policy": "refund_policy_disclosure", "refund_refusal": "refund_refusal_explanation",
	"duplicate_explanation": "duplicate_charge_explanation", "cancellation_policy": "cancellation_policy_disclosure",
	"cancellation_explanation": "cancellation_rebuttal", "explanation": freeText,
}

const (
	freeText = "uncategorized_text"
	freeFile = "uncategorized_file"
)

// evidenceFiles are the documents that Stripe has a place for: a file is put there by its name. Any other is the one free file.
var evidenceFiles = []string{
	"receipt", "cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation", "refund_policy",
	"service_documentation", "shipping_documentation",
}

// fileTypes are those that Stripe takes as evidence. Source: docs.stripe.com/file-upload.
var fileTypes = []string{"application/pdf", "image/jpeg", "image/png"}

// maxFile is how large one may be, in bytes. Source: docs.stripe.com/file-upload, dispute_evidence.
const maxFile = 5_000_000

// placed is a file and the field that it goes to.
type placed struct {
	provider.EvidenceFile
	field string
}

// place finds a field for each file. The text is why that cannot be, for the merchant.
func place(files []provider.EvidenceFile) (all []placed, why string) {
	taken := map[string]string{}
	for _, f := range files {
		field := strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(f.Name, path.Ext(f.Name))), "-", "_")
		if !slices.Contains(evidenceFiles, field) {
			field = freeFile
		}
		switch {
		case !slices.Contains(fileTypes, f.Type):
			return nil, f.Name + ": Stripe takes PDF, JPEG and PNG. Give text as explanation"
		case len(f.Body) > maxFile:
			return nil, f.Name + ": Stripe takes files of at most 5 MB"
		case taken[field] != "":
			return nil, fmt.Sprintf("%s and %s: Stripe takes one file for each of %s, by the file's name, and one of any other name",
				taken[field], f.Name, strings.Join(evidenceFiles, ", "))
		}
		taken[field] = f.Name
		all = append(all, placed{f, field})
	}
	return all, ""
}

// SubmitEvidence uploads the files and submits them with the texts. Until the last call nothing has come about.
func (c *Connector) SubmitEvidence(ctx context.Context, a provider.Account, e provider.Evidence) provider.Outcome {
	files, why := place(e.Files)
	if why != "" {
		return provider.Refused(provider.TransactionNotAllowed, "evidence_not_representable", why) // nothing was asked of Stripe
	}
	form := newForm()
	for _, field := range texts(e.Texts) {
		form.set("evidence["+field[0]+"]", field[1])
	}
	for i, f := range files {
		id, failure := c.upload(ctx, a, e.Reference+"-"+strconv.Itoa(i+1), f)
		if failure != nil {
			return failure.outcome
		}
		form.set("evidence["+f.field+"]", id)
	}
	form.set("submit", "true")
	return c.answerDispute(ctx, a, post(a, disputePath(e.Dispute), e.Reference, []vault.Segment{vault.Literal(form.bytes())}), e.DisputeAnswer, submitted)
}

// texts are Stripe's fields and what is in them, sorted: a repeat must be the same.
func texts(given map[string]string) (all [][2]string) {
	for field, text := range given {
		if name := evidenceTexts[field]; name != "" && name != freeText {
			all = append(all, [2]string{name, text})
		}
	}
	free := given["explanation"]
	if words := given["customer_communication"]; words != "" {
		free = strings.TrimSpace(free + "\n\nCommunication with the customer:\n" + words)
	}
	all = append(all, [2]string{freeText, free})
	slices.SortFunc(all, func(x, y [2]string) int { return strings.Compare(x[0], y[0]) })
	return all
}

// upload gives Stripe a file, and tells its id there.
func (c *Connector) upload(ctx context.Context, a provider.Account, key string, f placed) (string, *failure) {
	sum := sha256.Sum256([]byte(key))
	boundary := hex.EncodeToString(sum[:]) // the same for a repeat, and in no file by chance
	var body bytes.Buffer
	fmt.Fprintf(&body, "--%s\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\ndispute_evidence\r\n", boundary)
	fmt.Fprintf(&body, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=%q\r\nContent-Type: %s\r\n\r\n", boundary, f.Name, f.Type)
	body.Write(f.Body)
	fmt.Fprintf(&body, "\r\n--%s--\r\n", boundary)
	r := post(a, "/v1/files", key, []vault.Segment{vault.Literal(body.Bytes())})
	if a.Settings[settingBase] == "" {
		r.URL = filesOrigin + "/v1/files"
	}
	r.Header["Content-Type"] = secret.New("multipart/form-data; boundary=" + boundary)
	file, failure := call[file](ctx, c.send, r)
	return file.ID, failure
}

// file is Stripe's file.
type file struct {
	ID     string `json:"id"`
	Object string `json:"object"`
}

func (f file) isObject() bool { return f.Object == "file" && f.ID != "" }

// AcceptDispute gives in.
func (c *Connector) AcceptDispute(ctx context.Context, a provider.Account, d provider.DisputeAnswer) provider.Outcome {
	return c.answerDispute(ctx, a, post(a, disputePath(d.Dispute)+"/close", d.Reference, nil), d, accepted)
}

// taken is what an answer has come to, by how the dispute stands: an empty State if it has not been taken.
type taken func(dispute) provider.State

func submitted(d dispute) provider.State {
	if d.EvidenceDetails.SubmissionCount > 0 || !slices.Contains([]string{"needs_response", "warning_needs_response"}, d.Status) {
		return provider.Pending
	}
	return ""
}

func accepted(d dispute) provider.State {
	if d.Status == "lost" || d.Status == "warning_closed" {
		return provider.Succeeded
	}
	return ""
}

// answerDispute makes the call that is the merchant's answer. Stripe forgets a key after a day, and refuses the same answer then: so what is refused
// is looked at before it counts as refused.
func (c *Connector) answerDispute(ctx context.Context, a provider.Account, r vault.Request, d provider.DisputeAnswer, by taken) provider.Outcome {
	said, refusal := call[dispute](ctx, c.send, r)
	if refusal != nil {
		if refusal.outcome.Class != provider.Declined {
			return refusal.outcome
		}
		stands, failure := call[dispute](ctx, c.send, get(a, disputePath(d.Dispute), newForm()))
		switch {
		case failure != nil && failure.outcome.Class == provider.Declined, failure == nil && by(stands) == "":
			return refusal.outcome
		case failure != nil:
			return provider.Doubt("refused, and then: " + failure.outcome.Detail)
		}
		said = stands
	}
	if said.ID != d.Dispute {
		return provider.Doubt("the answer is about another dispute")
	}
	state := by(said)
	if state == "" {
		return provider.Doubt("Stripe has taken the answer, and the dispute is " + said.Status)
	}
	return provider.Outcome{Class: provider.Approved, State: state, Reference: said.ID}
}

func disputePath(id string) string { return "/v1/disputes/" + url.PathEscape(id) }
