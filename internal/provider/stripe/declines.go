package stripe

import (
	_ "embed"

	"github.com/florinpay/florin/internal/provider"
)

var (
	//go:embed declines.json
	declinesData []byte
	//go:embed refunds.json
	refundsData []byte
)

// Declines are the issuer's reasons and Stripe's own error codes; Refunds are a refund's failure_reason.
var (
	Declines = provider.NewTable(declinesData)
	Refunds  = provider.NewTable(refundsData)
)

// decline reads an error: the issuer's reason if it gave one, else Stripe's own code. A request that Stripe refuses for
// reasons of its own is a processing error, which the payer's card has no part in.
func (e *apiError) decline() provider.Decline {
	raw := e.DeclineCode
	if !Declines.Knows(raw) && Declines.Knows(e.Code) || raw == "" {
		raw = e.Code
	}
	if raw == "" {
		raw = e.Type
	}
	d := Declines.Decline(raw)
	if d.Unrecognized && e.Type == "invalid_request_error" {
		d.Code, d.Unrecognized = provider.ProcessingError, false
	}
	d.NetworkDecline, d.NetworkAdvice, d.Message = e.NetworkDeclineCode, e.NetworkAdviceCode, e.Message
	return d
}

func refundDecline(status, reason string) provider.Decline {
	if reason == "" {
		reason = status
	}
	return Refunds.Decline(reason)
}
