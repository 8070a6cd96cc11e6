package stripe

import (
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// charge is Stripe's try to take an intent's money.
type charge struct {
	ID                   string             `json:"id"`
	Object               string             `json:"object"`
	Status               string             `json:"status"`
	Currency             string             `json:"currency"`
	Amount               *int64             `json:"amount"`
	AmountCaptured       *int64             `json:"amount_captured"`
	Captured             *bool              `json:"captured"`
	FailureCode          string             `json:"failure_code"`
	FailureMessage       string             `json:"failure_message"`
	Metadata             map[string]string  `json:"metadata"`
	PaymentIntent        expandable[intent] `json:"payment_intent"`
	PaymentMethodDetails *struct {
		Card *struct {
			NetworkTransactionID string        `json:"network_transaction_id"`
			ThreeDSecure         *threeDSecure `json:"three_d_secure"`
		} `json:"card"`
	} `json:"payment_method_details"`
	Outcome *struct {
		Reason             string `json:"reason"`
		NetworkDeclineCode string `json:"network_decline_code"`
		NetworkAdviceCode  string `json:"network_advice_code"`
	} `json:"outcome"`
}

func (c charge) isObject() bool { return c.Object == "charge" && c.ID != "" }

// network is the scheme's transaction id, empty if it is not known.
func (c *charge) network() string {
	if c == nil || c.PaymentMethodDetails == nil || c.PaymentMethodDetails.Card == nil {
		return ""
	}
	return c.PaymentMethodDetails.Card.NetworkTransactionID
}

// threeDSecure is what a charge says of its authentication. Stripe keeps the cardholder's proof (the CAVV) to itself.
type threeDSecure struct {
	Flow          string `json:"authentication_flow"` // frictionless, challenge
	ECI           string `json:"electronic_commerce_indicator"`
	Result        string `json:"result"`
	ResultReason  string `json:"result_reason"`
	TransactionID string `json:"transaction_id"`
	Version       string `json:"version"`
}

// transStatuses are Stripe's results as EMV's transStatus.
var transStatuses = map[string]string{
	"authenticated":        "Y",
	"attempt_acknowledged": "A",
	"exempted":             "I",
	"data_share_only":      "I",
	"failed":               "N",
	"not_supported":        "U",
	"processing_error":     "U",
}

// threeDS is the zero value for a charge without 3-D Secure.
func (c *charge) threeDS() provider.ThreeDS {
	if c == nil || c.PaymentMethodDetails == nil || c.PaymentMethodDetails.Card == nil || c.PaymentMethodDetails.Card.ThreeDSecure == nil {
		return provider.ThreeDS{}
	}
	d := c.PaymentMethodDetails.Card.ThreeDSecure
	status, known := transStatuses[d.Result]
	if !known {
		status = "U"
	}
	flow := provider.Frictionless
	if d.Flow == "challenge" {
		flow = provider.ChallengeFlow
	}
	return provider.ThreeDS{Version: d.Version, Status: status, StatusReason: d.ResultReason, ECI: d.ECI, DSTransID: d.TransactionID, Flow: flow}
}

// authorized is what a charge says of its authorization.
func (c charge) authorized() provider.Outcome {
	out := provider.Outcome{Class: provider.Approved, Reference: c.PaymentIntent.ID, NetworkReference: c.network(), ThreeDS: c.threeDS()}
	var doubt string
	switch {
	case c.Captured == nil:
		doubt = "the charge does not say whether it is captured"
	case c.Status == "failed":
		out.Class, out.Decline = provider.Declined, c.decline()
	case c.Status == "pending":
		out.State = provider.Pending
		out.Amount, doubt = positive(c.Amount, c.Currency)
	case c.Status == "succeeded" && *c.Captured:
		out.State = provider.Captured
		out.Amount, doubt = positive(c.AmountCaptured, c.Currency)
	case c.Status == "succeeded":
		out.State = provider.Authorized
		out.Amount, doubt = positive(c.Amount, c.Currency)
	default:
		doubt = "the charge has an unknown status"
	}
	if doubt != "" {
		return provider.Doubt(doubt)
	}
	return out
}

func (c charge) decline() provider.Decline {
	e := apiError{Type: "card_error", Code: c.FailureCode, Message: c.FailureMessage}
	if c.Outcome != nil {
		e.DeclineCode, e.NetworkDeclineCode, e.NetworkAdviceCode = c.Outcome.Reason, c.Outcome.NetworkDeclineCode, c.Outcome.NetworkAdviceCode
	}
	return e.decline()
}

func positive(amount *int64, code string) (said money.Money, doubt string) {
	if said, doubt = fromStripe(amount, code); doubt == "" {
		doubt = provider.Confirm(said, money.Money{})
	}
	return said, doubt
}

// refund is Stripe's refund.
type refund struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	Status        string            `json:"status"`
	Currency      string            `json:"currency"`
	Amount        *int64            `json:"amount"`
	FailureReason string            `json:"failure_reason"`
	Metadata      map[string]string `json:"metadata"`
}

func (r refund) isObject() bool { return r.Object == "refund" && r.ID != "" }

func (r refund) outcome(want asked) provider.Outcome {
	if r.Metadata[metaReference] != want.reference {
		return provider.Doubt("the answer is about another reference")
	}
	said, doubt := fromStripe(r.Amount, r.Currency)
	if doubt == "" {
		doubt = provider.Confirm(said, want.amount)
	}
	if doubt != "" {
		return provider.Doubt(doubt)
	}
	out := provider.Outcome{Class: provider.Approved, Reference: r.ID, Amount: said}
	switch r.Status {
	case "succeeded":
		out.State = provider.Succeeded
	case "pending", "requires_action":
		out.State = provider.Pending
	case "failed", "canceled":
		out.Class, out.State, out.Amount = provider.Declined, provider.Failed, money.Money{}
		out.Decline = refundDecline(r.Status, r.FailureReason)
	default:
		return provider.Doubt("the refund has an unknown status")
	}
	return out
}
