package simcard

import (
	_ "embed"

	"github.com/florinpay/florin/internal/provider"
)

//go:embed declines.json
var declinesData []byte

// Declines are the acquirer's words, and ISO 8583 response codes for a decline without a word that is known.
var Declines = provider.NewTable(declinesData)

// into completes a declined outcome. A decline without details, or with a code that nobody knows, is a generic decline.
func (d *decline) into(out provider.Outcome) provider.Outcome {
	if d == nil {
		d = &decline{}
	}
	found := Declines.Decline(d.Reason)
	if found.Unrecognized && Declines.Knows(d.Code) {
		found = Declines.Decline(d.Code)
	}
	if d.Code != "" && (!found.Unrecognized || d.Reason == "") {
		found.Raw = d.Code
	}
	found.NetworkDecline, found.NetworkAdvice, found.Message = d.NetworkCode, d.Advice, d.Message
	out.Decline = found
	return out
}
