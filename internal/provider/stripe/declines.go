package stripe

import "github.com/florinpay/florin/internal/provider"

// declineCodes map the issuer's reasons and Stripe's own error codes. What is not here is a generic decline.
// Source: docs.stripe.com/declines/codes and docs.stripe.com/error-codes.
var declineCodes = map[string]provider.DeclineCode{
	"approve_with_id":                   provider.DoNotHonor,
	"authentication_not_handled":        provider.AuthenticationRequired,
	"authentication_required":           provider.AuthenticationRequired,
	"call_issuer":                       provider.DoNotHonor,
	"card_not_supported":                provider.TransactionNotAllowed,
	"card_velocity_exceeded":            provider.VelocityExceeded,
	"currency_not_supported":            provider.TransactionNotAllowed,
	"do_not_honor":                      provider.DoNotHonor,
	"do_not_try_again":                  provider.DoNotTryAgain,
	"duplicate_transaction":             provider.DuplicateTransaction,
	"expired_card":                      provider.ExpiredCard,
	"fraudulent":                        provider.RiskDecline,
	"generic_decline":                   provider.GenericDecline,
	"incorrect_cvc":                     provider.IncorrectCVC,
	"incorrect_number":                  provider.IncorrectNumber,
	"insufficient_funds":                provider.InsufficientFunds,
	"invalid_account":                   provider.InvalidAccount,
	"invalid_amount":                    provider.LimitExceeded,
	"invalid_cvc":                       provider.IncorrectCVC,
	"invalid_expiry_month":              provider.ExpiredCard,
	"invalid_expiry_year":               provider.ExpiredCard,
	"invalid_number":                    provider.IncorrectNumber,
	"issuer_not_available":              provider.IssuerUnavailable,
	"lost_card":                         provider.LostCard,
	"merchant_blacklist":                provider.RiskDecline,
	"new_account_information_available": provider.InvalidAccount,
	"no_action_taken":                   provider.DoNotHonor,
	"not_permitted":                     provider.NotPermitted,
	"offline_pin_required":              provider.TransactionNotAllowed,
	"online_or_offline_pin_required":    provider.TransactionNotAllowed,
	"pickup_card":                       provider.PickupCard,
	"pin_try_exceeded":                  provider.TransactionNotAllowed,
	"processing_error":                  provider.ProcessingError,
	"reenter_transaction":               provider.ProcessingError,
	"restricted_card":                   provider.PickupCard,
	"revocation_of_all_authorizations":  provider.StopPayment,
	"revocation_of_authorization":       provider.StopPayment,
	"security_violation":                provider.DoNotHonor,
	"service_not_allowed":               provider.NotPermitted,
	"stolen_card":                       provider.StolenCard,
	"stop_payment_order":                provider.StopPayment,
	"transaction_not_allowed":           provider.TransactionNotAllowed,
	"try_again_later":                   provider.IssuerUnavailable,
	"withdrawal_count_limit_exceeded":   provider.LimitExceeded,

	// a charge's outcome.reason
	"elevated_risk_level": provider.RiskDecline,
	"highest_risk_level":  provider.RiskDecline,
	"rule":                provider.RiskDecline,

	// error codes that come without a decline code
	"amount_too_large":                           provider.LimitExceeded,
	"amount_too_small":                           provider.TransactionNotAllowed,
	"balance_insufficient":                       provider.InsufficientFunds,
	"capture_charge_authorization_expired":       provider.NotPermitted,
	"card_decline_rate_limit_exceeded":           provider.VelocityExceeded,
	"charge_already_captured":                    provider.NotPermitted,
	"charge_already_refunded":                    provider.NotPermitted,
	"charge_disputed":                            provider.NotPermitted,
	"charge_exceeds_source_limit":                provider.LimitExceeded,
	"charge_exceeds_transaction_limit":           provider.LimitExceeded,
	"charge_expired_for_capture":                 provider.NotPermitted,
	"payment_intent_authentication_failure":      provider.AuthenticationFailed,
	"payment_intent_payment_attempt_expired":     provider.NotPermitted,
	"payment_intent_unexpected_state":            provider.NotPermitted,
	"payment_intent_payment_attempt_failed":      provider.GenericDecline,
	"payment_intent_incompatible_payment_method": provider.TransactionNotAllowed,
}

// refundFailures map a refund's failure_reason.
var refundFailures = map[string]provider.DeclineCode{
	"lost_or_stolen_card":                provider.LostCard,
	"expired_or_canceled_card":           provider.ExpiredCard,
	"insufficient_funds":                 provider.InsufficientFunds,
	"declined":                           provider.DoNotHonor,
	"charge_for_pending_refund_disputed": provider.NotPermitted,
	"merchant_request":                   provider.StopPayment,
	"unknown":                            provider.GenericDecline,
}

// decline reads an error: the issuer's reason if it gave one, else Stripe's own code. A request that Stripe refuses for
// reasons of its own is a processing error, which the payer's card has no part in.
func (e *apiError) decline() provider.Decline {
	raw := e.DeclineCode
	if _, known := declineCodes[raw]; !known && declineCodes[e.Code] != "" || raw == "" {
		raw = e.Code
	}
	if raw == "" {
		raw = e.Type
	}
	code, known := declineCodes[raw]
	switch {
	case !known && e.Type == "invalid_request_error":
		code = provider.ProcessingError
	case !known:
		code = provider.GenericDecline
	}
	return provider.Decline{Code: code, Raw: raw, NetworkDecline: e.NetworkDeclineCode, NetworkAdvice: e.NetworkAdviceCode, Message: e.Message}
}

func refundDecline(status, reason string) provider.Decline {
	if reason == "" {
		reason = status
	}
	code, known := refundFailures[reason]
	if !known {
		code = provider.GenericDecline
	}
	return provider.Decline{Code: code, Raw: reason}
}
