package sandbox

import (
	"strings"
	"time"

	"github.com/florinpay/florin/internal/id"
)

// Decline is why an acquirer or an issuer refused.
type Decline struct {
	Code        string `json:"code"`             // the acquirer's: here the network's
	Reason      string `json:"reason"`           // in words
	NetworkCode string `json:"network_code"`     // the issuer's response code
	Advice      string `json:"advice,omitempty"` // the merchant advice code, if the issuer gives one
}

// declines are the reasons this world knows, with the codes that card networks use for them.
// Advice: 01 new data, 02 later, 03 never, 24 after an hour.
var declines = map[string]Decline{
	"do_not_honor":            {"05", "do_not_honor", "05", ""},
	"insufficient_funds":      {"51", "insufficient_funds", "51", "02"},
	"stolen_card":             {"43", "stolen_card", "43", "03"},
	"expired_card":            {"54", "expired_card", "54", "01"},
	"incorrect_cvc":           {"N7", "incorrect_cvc", "N7", "01"},
	"incorrect_number":        {"14", "incorrect_number", "14", "01"},
	"processing_error":        {"96", "processing_error", "96", "24"},
	"risk_decline":            {"59", "risk_decline", "59", "03"},
	"bank_unavailable":        {"91", "bank_unavailable", "91", "24"},
	"authentication_required": {"1A", "authentication_required", "1A", "01"},
	"authentication_failed":   {"63", "authentication_failed", "63", ""}, // 63: security violation
	cryptogramMissing:         {"63", cryptogramMissing, "63", ""},
	cryptogramWrong:           {"63", cryptogramWrong, "63", ""},
	cryptogramUsed:            {"63", cryptogramUsed, "63", ""},
	"transaction_not_allowed": {"57", "transaction_not_allowed", "57", ""},
	"invalid_account":         {"46", "invalid_account", "46", "03"},
}

// declined is the decline for a reason at a card's network.
func declined(reason, brand string) *Decline {
	d := declines[reason]
	if reason == "incorrect_cvc" && brand != "visa" { // N7 is Visa's own word for it
		d.Code, d.NetworkCode = "82", "82"
	}
	return &d
}

// trait is what a card does after it was authorized.
type trait string

// The traits.
const (
	captureFails trait = "capture_fails"
	refundFails  trait = "refund_fails"
	isDisputed   trait = "disputed"
)

// behaviour is a row of the card table.
type behaviour struct {
	number string
	title  string // for people
	// secure is what 3-D Secure says. A card that has it is declined without; to any other 3-D Secure says Y, but nothing
	// needs it.
	secure  TransStatus
	decline string // the reason it is declined for, once it is authenticated; empty: approved
	at      string // the only acquirer that declines it; empty: every one
	trait   trait
}

// cards is the card table. A number that is not in it is approved.
var cards = []behaviour{
	{number: "4242424242424242", title: "Approved"},
	{number: "5555555555554444", title: "Approved"},
	{number: "378282246310005", title: "Approved"},
	{number: "4000000000000002", title: "Do not honor", decline: "do_not_honor"},
	{number: "4000000000009995", title: "Insufficient funds", decline: "insufficient_funds"},
	{number: "4000000000009979", title: "Stolen card", decline: "stolen_card"},
	{number: "4000000000000069", title: "Expired card", decline: "expired_card"},
	{number: "4000000000000127", title: "Incorrect CVC", decline: "incorrect_cvc"},
	{number: "4000000000000119", title: "Processing error", decline: "processing_error"},
	{number: "4100000000000019", title: "Declined as risky", decline: "risk_decline"},
	{number: "4000000000000077", title: "Bank unavailable at alpha, approved at beta", decline: "bank_unavailable", at: "alpha"},
	{number: "4000002760003184", title: "3-D Secure challenge", secure: ChallengeRequired},
	{number: "4000000000003220", title: "3-D Secure challenge", secure: ChallengeRequired},
	{number: "4000000000003055", title: "3-D Secure, frictionless", secure: Authenticated},
	{number: "4000008400001629", title: "Challenge passes, then do not honor", secure: ChallengeRequired, decline: "do_not_honor"},
	{number: "4000008260003178", title: "Challenge passes, then insufficient funds", secure: ChallengeRequired, decline: "insufficient_funds"},
	{number: "4000000000001018", title: "3-D Secure fails without a challenge (N)", secure: NotAuthenticated},
	{number: "4000000000001026", title: "3-D Secure attempted (A)", secure: Attempted},
	{number: "4000000000001034", title: "3-D Secure unavailable (U)", secure: Unavailable},
	{number: "4000000000001042", title: "3-D Secure rejected by the issuer (R)", secure: Rejected},
	{number: "4000000000000259", title: "Captured, then disputed", trait: isDisputed},
	{number: "4000000000005126", title: "Refund fails later", trait: refundFails},
	{number: "4000000000000341", title: "Authorizes, capture fails", trait: captureFails},
}

var cardTable = func() map[string]behaviour {
	table := make(map[string]behaviour, len(cards))
	for _, c := range cards {
		table[c.number] = c
	}
	return table
}()

// pan is a card number on its way through. It is used to decide and then dropped; what is kept is masked.
type pan string

// String masks, so that no format verb of a log or an error shows more.
func (p pan) String() string { return p.masked() }

// GoString masks as String does.
func (p pan) GoString() string { return p.masked() }

func (p pan) masked() string {
	if len(p) < 12 {
		return strings.Repeat("*", len(p))
	}
	return string(p[:6]) + strings.Repeat("*", len(p)-10) + string(p[len(p)-4:])
}

// wellFormed tells whether it is 12 to 19 digits.
func (p pan) wellFormed() bool {
	if len(p) < 12 || len(p) > 19 {
		return false
	}
	for i := range len(p) {
		if p[i] < '0' || p[i] > '9' {
			return false
		}
	}
	return true
}

func (p pan) brand() string {
	for _, b := range []struct{ prefix, brand string }{
		{"4", "visa"}, {"34", "amex"}, {"37", "amex"}, {"51", "mastercard"}, {"52", "mastercard"}, {"53", "mastercard"},
		{"54", "mastercard"}, {"55", "mastercard"}, {"22", "mastercard"}, {"23", "mastercard"}, {"24", "mastercard"},
		{"25", "mastercard"}, {"26", "mastercard"}, {"27", "mastercard"}, {"6011", "discover"}, {"65", "discover"},
		{"35", "jcb"}, {"36", "diners"}, {"62", "unionpay"},
	} {
		if strings.HasPrefix(string(p), b.prefix) {
			return b.brand
		}
	}
	return "unknown"
}

// outdated tells whether a card has expired: it is good through the end of its month.
func outdated(month, year int, now time.Time) bool {
	return !now.Before(time.Date(year, time.Month(month)+1, 1, 0, 0, 0, 0, time.UTC))
}

// issuer decides what the bank behind a card says to an authorization at an acquirer: nil if it approves. A wrong CVC is
// never found out: there is no right one.
func issuer(p pan, month, year int, acquirer string, now time.Time, secure proof) (*Decline, trait) {
	brand := p.brand()
	card := cardTable[string(p)]
	switch {
	case !id.Luhn(p):
		return declined("incorrect_number", brand), ""
	case outdated(month, year, now):
		return declined("expired_card", brand), ""
	case secure == falseProof:
		return declined("authentication_failed", brand), ""
	case card.secure != "" && secure != goodProof:
		return declined("authentication_required", brand), ""
	case card.decline != "" && (card.at == "" || card.at == acquirer):
		return declined(card.decline, brand), ""
	}
	return nil, card.trait
}
