package simcard

import "github.com/florinpay/florin/internal/provider"

// byReason maps the acquirer's words. They happen to be the contract's own, so the table is made from it.
var byReason = func() map[string]provider.DeclineCode {
	table := map[string]provider.DeclineCode{}
	for _, code := range provider.Codes() {
		table[string(code)] = code
	}
	return table
}()

// byResponseCode maps ISO 8583 response codes, for a decline without a reason that is known.
var byResponseCode = map[string]provider.DeclineCode{
	"04": provider.PickupCard,
	"05": provider.DoNotHonor,
	"06": provider.ProcessingError,
	"07": provider.PickupCard,
	"12": provider.TransactionNotAllowed,
	"14": provider.IncorrectNumber,
	"15": provider.IncorrectNumber,
	"19": provider.ProcessingError,
	"1A": provider.AuthenticationRequired,
	"41": provider.LostCard,
	"43": provider.StolenCard,
	"46": provider.InvalidAccount,
	"51": provider.InsufficientFunds,
	"54": provider.ExpiredCard,
	"57": provider.TransactionNotAllowed,
	"58": provider.TransactionNotAllowed,
	"59": provider.RiskDecline,
	"61": provider.LimitExceeded,
	"62": provider.NotPermitted,
	"63": provider.AuthenticationFailed,
	"65": provider.VelocityExceeded,
	"78": provider.InvalidAccount,
	"79": provider.DoNotTryAgain,
	"82": provider.IncorrectCVC,
	"91": provider.IssuerUnavailable,
	"92": provider.BankUnavailable,
	"94": provider.DuplicateTransaction,
	"96": provider.ProcessingError,
	"N7": provider.IncorrectCVC,
	"R0": provider.StopPayment,
	"R1": provider.StopPayment,
	"R3": provider.StopPayment,
}

// into completes a declined outcome. A decline without details, or with a code that nobody knows, is a generic decline.
func (d *decline) into(out provider.Outcome) provider.Outcome {
	if d == nil {
		d = &decline{}
	}
	code, known := byReason[d.Reason]
	if !known {
		code, known = byResponseCode[d.Code]
	}
	if !known {
		code = provider.GenericDecline
	}
	raw := d.Code
	if raw == "" || !known && d.Reason != "" {
		raw = d.Reason
	}
	out.Decline = provider.Decline{Code: code, Raw: raw, NetworkDecline: d.NetworkCode, NetworkAdvice: d.Advice, Message: d.Message}
	return out
}
