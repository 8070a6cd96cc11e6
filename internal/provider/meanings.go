package provider

import (
	"maps"
	"slices"
	"time"
)

// The decline codes of the contract, and consent_declined: a payer who said no at their bank. What a connector does not recognize is GenericDecline, with its raw code beside it.
const (
	InsufficientFunds      DeclineCode = "insufficient_funds"
	DoNotHonor             DeclineCode = "do_not_honor"
	GenericDecline         DeclineCode = "generic_decline"
	StolenCard             DeclineCode = "stolen_card"
	LostCard               DeclineCode = "lost_card"
	PickupCard             DeclineCode = "pickup_card"
	ExpiredCard            DeclineCode = "expired_card"
	IncorrectCVC           DeclineCode = "incorrect_cvc"
	IncorrectNumber        DeclineCode = "incorrect_number"
	LimitExceeded          DeclineCode = "limit_exceeded"
	VelocityExceeded       DeclineCode = "velocity_exceeded"
	RiskDecline            DeclineCode = "risk_decline"
	AuthenticationRequired DeclineCode = "authentication_required"
	AuthenticationFailed   DeclineCode = "authentication_failed"
	BankUnavailable        DeclineCode = "bank_unavailable"
	IssuerUnavailable      DeclineCode = "issuer_unavailable"
	ProcessingError        DeclineCode = "processing_error"
	NotPermitted           DeclineCode = "not_permitted"
	TransactionNotAllowed  DeclineCode = "transaction_not_allowed"
	InvalidAccount         DeclineCode = "invalid_account"
	StopPayment            DeclineCode = "stop_payment"
	DuplicateTransaction   DeclineCode = "duplicate_transaction"
	DoNotTryAgain          DeclineCode = "do_not_try_again"
	ConsentDeclined        DeclineCode = "consent_declined"
)

const (
	day = 24 * time.Hour

	textGeneric     = "Your card was declined. Please use another card or contact your bank."
	textLater       = "Your bank could not be reached. Please try again in a moment or use another card."
	textBankGeneric = "Your bank declined the payment. Please contact your bank or pay another way."
	textBankLater   = "Your bank could not be reached. Please try again in a moment or pay another way."

	textProcess = "The payment could not be processed. Please try again or use another card."
)

// meanings is the decline table: every code, once. Fraud reasons reach the payer as a generic decline,
// so that a thief learns nothing. A reason that nobody recognized is not repeated by itself: generic_decline is never.
// Groups and waiting times: the networks' public rules as collected in docs/providers.md.
var meanings = map[DeclineCode]Meaning{
	InsufficientFunds: {"limits", RetryLater, day, InsufficientFunds, "Your card has insufficient funds. Please use another card."},
	LimitExceeded:     {"limits", RetryLater, day, LimitExceeded, "The amount is over your card's limit. Please use another card or contact your bank."},
	VelocityExceeded:  {"limits", RetryLater, day, VelocityExceeded, "Your card was used too often. Please try again tomorrow or use another card."},

	ProcessingError:   {"transient", RetryOtherProvider, 0, ProcessingError, textProcess},
	BankUnavailable:   {"transient", RetryOtherProvider, 0, BankUnavailable, textLater},
	IssuerUnavailable: {"transient", RetryOtherProvider, 0, IssuerUnavailable, textLater},

	DoNotHonor:     {"opaque", RetryLater, day, DoNotHonor, textGeneric},
	GenericDecline: {"opaque", RetryNever, 0, GenericDecline, textGeneric},
	NotPermitted:   {"opaque", RetryLater, 3 * day, NotPermitted, "Your bank does not permit this payment. Please contact your bank or use another card."},

	AuthenticationRequired: {"authentication", RetryWith3DS, 0, AuthenticationRequired, "Your bank asks you to confirm this payment."},
	AuthenticationFailed:   {"authentication", RetryWith3DS, 0, AuthenticationFailed, "Your bank could not confirm that it is you. Please try again or use another card."},

	IncorrectNumber: {"data", RetryFixData, 0, IncorrectNumber, "The card number is incorrect. Please check it."},
	IncorrectCVC:    {"data", RetryFixData, 0, IncorrectCVC, "The card's security code is incorrect. Please check it."},
	ExpiredCard:     {"data", RetryFixData, 0, ExpiredCard, "The card has expired. Please check the date or use another card."},

	LostCard:    {"fraud", RetryNever, 0, GenericDecline, textGeneric},
	StolenCard:  {"fraud", RetryNever, 0, GenericDecline, textGeneric},
	PickupCard:  {"fraud", RetryNever, 0, GenericDecline, textGeneric},
	RiskDecline: {"fraud", RetryNever, 0, GenericDecline, textGeneric},

	InvalidAccount: {"permanent", RetryNever, 0, InvalidAccount, "The card's account is not valid. Please use another card."},
	StopPayment:    {"permanent", RetryNever, 0, StopPayment, "Payments to this merchant were stopped for this card. Please use another card or contact your bank."},
	DoNotTryAgain:  {"permanent", RetryNever, 0, DoNotTryAgain, textGeneric},

	TransactionNotAllowed: {"product", RetryFixData, 0, TransactionNotAllowed, "This card cannot be used for this kind of payment. Please use another card."},

	ConsentDeclined: {"payer", RetryNever, 0, ConsentDeclined, "You did not agree to the payment at your bank. Nothing was charged. Please try again or pay another way."},

	DuplicateTransaction: {"duplicate", RetryNever, 0, DuplicateTransaction, "The same payment was made a moment ago. Please check before you pay again."},
}

// bankTexts are the texts for payers who pay from their account, by whatever method: their bank says the same codes, and there is no card.
var bankTexts = map[DeclineCode]string{
	InsufficientFunds: "There is not enough money in your account. Please use another account or pay another way.",
	LimitExceeded:     "The amount is over your account's limit. Please contact your bank or pay another way.",
	VelocityExceeded:  "You have paid from this account too often. Please try again tomorrow or pay another way.",

	ProcessingError:   "The payment could not be processed. Please try again or pay another way.",
	BankUnavailable:   textBankLater,
	IssuerUnavailable: textBankLater,

	DoNotHonor:   textBankGeneric,
	NotPermitted: "Your bank does not permit this payment. Please contact your bank or pay another way.",

	AuthenticationRequired: "Your bank asks you to confirm this payment.",
	AuthenticationFailed:   "Your bank could not confirm that it is you. Please try again or pay another way.",

	InvalidAccount: "The account is not valid. Please use another account or pay another way.",
	StopPayment:    "Payments to this merchant were stopped for your account. Please contact your bank or pay another way.",
	DoNotTryAgain:  textBankGeneric,

	TransactionNotAllowed: "This cannot be paid this way. Please pay another way.",
	ConsentDeclined:       "You did not agree to the payment at your bank. Nothing was charged. Please try again or pay another way.",
	DuplicateTransaction:  "The same payment was made a moment ago. Please check before you pay again.",
}

// TextOf is what a payer is told of a code, by what they paid with. What only a card can be declined for is a generic decline to others.
func TextOf(m Method, code DeclineCode) string {
	if m == "" || m == MethodCard || m == MethodWallet {
		return Explain(code).Text
	}
	if text, ok := bankTexts[code]; ok {
		return text
	}
	return textBankGeneric
}

// neverAgain are network advice codes after which another try costs the merchant a fee, whatever the decline code says.
// Source: Mastercard merchant advice codes, 03 "do not try again" and 21 "stop recurring payment".
var neverAgain = map[string]bool{"03": true, "21": true}

// Explain is what the table says of a code. A code that is not in the contract means what generic_decline means.
func Explain(code DeclineCode) Meaning {
	m, ok := meanings[code]
	if !ok {
		return meanings[GenericDecline]
	}
	return m
}

// Meaning is what the table says of this decline, made stricter by the network's advice.
func (d Decline) Meaning() Meaning {
	m := Explain(d.Code)
	if neverAgain[d.NetworkAdvice] {
		m.Retry, m.After = RetryNever, 0
	}
	return m
}

// Codes are all decline codes of the contract, sorted.
func Codes() []DeclineCode { return slices.Sorted(maps.Keys(meanings)) }
