package problem

import (
	"net/http"

	"github.com/florinpay/florin/internal/fault"
)

// The codes that only the edge gives. Those that more than one package gives are in fault.
const (
	CodeMalformed      = "body_malformed"
	CodeMissing        = "parameter_missing"
	CodeUnknown        = "parameter_unknown"
	CodeCardNumber     = "card_number_not_allowed"
	CodeDuplicate      = "parameter_duplicate"
	CodeVersion        = "version_unknown"
	CodeMethod         = "method_not_allowed"
	CodeTooLarge       = "body_too_large"
	CodeMediaType      = "media_type_not_supported"
	CodeRateLimited    = "rate_limited"
	CodeTooManyStreams = "too_many_streams"
	CodeInternal       = "internal_error"
	CodeReadTimeout    = "request_timeout"

	CodeOrigin       = "origin_not_allowed"
	CodeClientSecret = "client_secret_missing"
)

// Codes that packages above give, by the names that they have there. A test of the api zone holds them to those.
const (
	codeKeyMissing         = "api_key_missing"
	codeKeyInvalid         = "api_key_invalid"
	codeKeyExpired         = "api_key_expired"
	codeKeyKind            = "api_key_kind_not_allowed"
	codeSignature          = "webhook_signature_invalid"
	codeScope              = "scope_missing"
	codeAddress            = "address_not_allowed"
	codeSuspended          = "account_suspended"
	codeTooManyEndpoints   = "too_many_endpoints"
	codeTokenUsed          = "token_used"
	codeErased             = "customer_erased"
	codeTooManyMethods     = "too_many_payment_methods"
	codeDetached           = "payment_method_detached"
	codeConsentMissing     = "consent_missing"
	codeRefundWindow       = "refund_window_closed"
	codeReason             = "reason_not_allowed"
	codeFirstPayment       = "first_payment_missing"
	codeBalance            = "balance_insufficient"
	codeBlocked            = "destination_blocked"
	codeUnsupported        = "destination_not_supported"
	codeWalletInvalid      = "wallet_token_invalid"
	codeWalletSignature    = "wallet_signature_invalid"
	codeWalletMismatch     = "wallet_token_mismatch"
	codeWalletExpired      = "wallet_token_expired"
	codeWalletUsed         = "wallet_token_used"
	codeLoopShort          = "closed_loop_insufficient"
	codeManySources        = "too_many_sources"
	codeTwoPersons         = "second_person_required"
	codeIdempotencyInvalid = "idempotency_key_invalid"
	codeIdempotencyReused  = "idempotency_key_reused"
	codeIdempotencyInUse   = "idempotency_key_in_use"
)

// Code is one word of the contract: what a program acts upon when a request is refused.
type Code struct {
	Name   string
	Status int
	Title  string
	Advice string // what the caller can do, for the reference page
}

// Codes is every code of the contract, in the order in which the documentation tells them.
var Codes = []Code{
	{CodeMalformed, 400, "The body cannot be read", "Send one JSON object in UTF-8. The detail says where reading stopped."},
	{CodeMissing, 400, "A required parameter is missing", "Add the parameter."},
	{CodeUnknown, 400, "There is no such parameter", "Remove it, or correct its name. Nothing is ignored silently."},
	{CodeCardNumber, 400, "A card number is in the wrong place", "Cards go into the vault only. If it is another number, put a letter between its digits."},
	{CodeDuplicate, 400, "A parameter stands twice", "Send it once."},
	{"incorrect_number", 400, "The card number is not valid", "In the vault zone: let the payer correct it. As a decline_code it comes from the issuer."},
	{"incorrect_cvc", 400, "The card's security code is not valid", "In the vault zone: let the payer correct it."},
	{"expired_card", 400, "The card has expired", "In the vault zone: let the payer take another one, or correct the date."},
	{codeWalletInvalid, 400, "The wallet's token is not valid", "In the vault zone: it is no token of this wallet, or not for this merchant. Ask the wallet with what GET /v1/wallets says."},
	{codeWalletSignature, 400, "The wallet's signature is not valid", "In the vault zone: the token is not as the wallet made it. Let the payer approve again."},
	{codeWalletMismatch, 400, "The payer agreed to another payment", "A wallet's token is for one amount and currency. Let the payer approve again what the payment says."},
	{fault.CodeInvalid, 400, "A parameter is not valid", "Correct it as the detail says."},
	{codeReason, 400, "The reason is not one that your returns policy knows", "Give one of those that the detail names."},
	{fault.CodeAmountTooSmall, 400, "The amount is too small", "Amounts are positive integers in the currency's minor unit."},
	{fault.CodeAmountTooLarge, 400, "The amount is too large", "Amounts have at most twelve digits; a capture or a refund at most what is left."},
	{fault.CodeCurrency, 400, "The currency is not supported", "Send an ISO 4217 code in capital letters that the provider account takes."},
	{codeUnsupported, 400, "The destination cannot be paid to", "No provider account of yours has a rail that reaches it. Take another destination."},
	{CodeVersion, 400, "There is no such version of the API", "Send a published Florin-Version, or leave the header out."},
	{codeIdempotencyInvalid, 400, "The idempotency key is not well formed", "Send 1 to 255 characters of printable ASCII, bare or as a quoted string."},
	{codeKeyMissing, 401, "The API key is missing", "Send Authorization: Bearer with a secret or restricted key."},
	{codeKeyInvalid, 401, "The API key is not valid", "Check that it is whole, not revoked, and of this installation. Development keys work on loopback only."},
	{codeKeyExpired, 401, "The API key has expired", "Use its successor, or make a new one."},
	{codeSignature, 401, "The webhook's signature is not valid", "For providers: sign the body as it is sent, now, with the webhook secret of the provider account. Compare that secret on both sides, and the clocks."},
	{fault.CodeCardDeclined, 402, "The card was declined", "decline_code and retry say what may follow. The payment's id is in payment."},
	{fault.CodePaymentDeclined, 402, "The payment was declined", "By the payer's bank or scheme, not by a card's issuer. decline_code and retry say what may follow. The payment's id is in payment."},
	{fault.CodeProviderUnavailable, 402, "No provider could be reached", "No money moved. If a payment was made, its id is in payment and it has failed: make a new one later, with a new idempotency key. With 503 none was made, as no provider account can take it."},
	{CodeClientSecret, 401, "The client secret is missing", "In the public zone a publishable key is not enough: send the payment's client_secret as Florin-Client-Secret."},
	{codeScope, 403, "The API key lacks a scope", "Use a key that has the scope that the detail names."},
	{codeKeyKind, 403, "A key of this kind does not work here", "Publishable keys work in the public and vault zones only."},
	{codeTwoPersons, 403, "A second person must approve it", "Approve it with another key than the one that asked for it, and than those that have agreed."},
	{codeAddress, 403, "The API key does not work from this address", "Call from an address on its allow-list, or change the list."},
	{CodeOrigin, 403, "The origin is not allowed", "Pages act for a merchant from its own origins only. Register the page's by florin merchant update --origin."},
	{codeSuspended, 403, "The account is suspended", "It can read, not write. Ask the operator."},
	{fault.CodeNotFound, 404, "There is no such thing", "Check the path and the id, and that the key is of the same merchant and mode."},
	{CodeMethod, 405, "The path does not take this method", "The Allow header lists the methods it takes."},
	{CodeReadTimeout, 408, "The request took too long to arrive", "Send it again."},
	{fault.CodeStateConflict, 409, "The state does not allow this", "Read the object again and decide anew."},
	{codeTokenUsed, 409, "The token serves something else", "A token that a browser made serves one payment, or is saved by one customer. Let the payer enter the card again."},
	{codeWalletExpired, 409, "The wallet's token has expired", "In the vault zone: let the payer approve again."},
	{codeWalletUsed, 409, "The wallet's token was used", "In the vault zone: it serves once. Let the payer approve again."},
	{codeErased, 409, "The customer was erased", "Nothing can be changed or charged any more. Make a new customer."},
	{codeDetached, 409, "The payment method was detached", "Let the payer enter a card again, and save it anew."},
	{codeRefundWindow, 409, "The payment can no longer be refunded", "refundable_until has passed. It is the end of your returns policy or of the method's own window. Pay the payer out, or change the policy for payments to come."},
	{codeConsentMissing, 409, "The customer did not agree to be charged off session", "Record their consent with the payment method, or let them pay themselves, without off_session."},
	{codeFirstPayment, 409, "There is no payment to refer to", "Let the customer pay with the method once, with setup_future_usage or a consent on record. Later payments refer to that one."},
	{codeTooManyMethods, 409, "The customer has too many payment methods", "Detach one that is not used."},
	{codeBalance, 409, "The available balance does not suffice", "The detail says how much is available. Pay out less, or wait until more is."},
	{codeLoopShort, 409, "The sources do not take so much", "With closed_loop require all of it must go back. The detail says how much can, and the customer's funds why. Pay out less, or take closed_loop prefer with a destination."},
	{codeManySources, 409, "The payout would touch too many payments", "One payout goes back to, or draws on, at most 200 payments of a customer. Pay out in parts."},
	{codeBlocked, 409, "The destination is blocked", "Nothing is paid to the account. Ask those who blocked it."},
	{codeTooManyEndpoints, 409, "There are too many webhook endpoints", "Change one that exists."},
	{fault.CodeExpired, 409, "It has expired", "Make a new one."},
	{codeIdempotencyInUse, 409, "The first request with this idempotency key is still running", "Wait as long as Retry-After says and send the same request again."},
	{fault.CodeCursorExpired, 410, "The place in the stream is no longer kept", "Begin without it, or list the events that are kept and begin behind the oldest."},
	{CodeTooLarge, 413, "The body is too large", "A body has at most 1 MiB, a file of evidence 10 MiB."},
	{CodeMediaType, 415, "The body's type is not supported", "Send Content-Type: application/json, not compressed."},
	{codeIdempotencyReused, 422, "The idempotency key was used for another request", "Use a new key for a new request; repeat a request with the same body, byte for byte."},
	{CodeRateLimited, 429, "Too many requests", "Wait as long as Retry-After says. The vault and the public zone tell their limits in RateLimit and RateLimit-Policy; the api zone limits only providers' webhooks that do not verify."},
	{CodeTooManyStreams, 429, "Too many streams are open", "A merchant has 10 in each mode. Close one, and wait as long as Retry-After says; read one stream and share it out on your side."},
	{CodeInternal, 500, "Something went wrong on our side", "Nothing is known to have happened. Send the request again with the same idempotency key; quote request_id if it stays."},
	{fault.CodeKillSwitch, 503, "It is switched off", "People have switched this off for the time being: the detail says what and why. Nothing was charged. Send the request again with the same idempotency key when it is on again; if payment names a payment, that one waits: confirm it again instead of making another. Retry-After says when that will be if they have said so, and else to look again in a minute."},
	{fault.CodeOverloaded, 503, "Too busy just now", "Too much is asked for at once, of Florin or of one object. Wait as long as Retry-After says and send the request again with the same idempotency key."},
}

var byName = func() map[string]Code {
	names := make(map[string]Code, len(Codes))
	for _, c := range Codes {
		names[c.Name] = c
	}
	return names
}()

// standard is how a kind of failure is answered: with this status, and with this code if the error has none of its own.
type standard struct {
	status    int
	code      string
	retryable bool // the same request may succeed later
}

// kinds is the one table from a failure's kind to its status.
var kinds = map[fault.Kind]standard{
	fault.Internal:     {http.StatusInternalServerError, CodeInternal, true},
	fault.Malformed:    {http.StatusBadRequest, CodeMalformed, false},
	fault.Invalid:      {http.StatusBadRequest, fault.CodeInvalid, false},
	fault.Unauthorized: {http.StatusUnauthorized, codeKeyInvalid, false},
	fault.Forbidden:    {http.StatusForbidden, codeScope, false},
	fault.NotFound:     {http.StatusNotFound, fault.CodeNotFound, false},
	fault.Conflict:     {http.StatusConflict, fault.CodeStateConflict, false},
	fault.Exists:       {http.StatusConflict, fault.CodeStateConflict, false},
	fault.Stale:        {http.StatusServiceUnavailable, fault.CodeOverloaded, true}, // others changed the same, round after round
	fault.Reused:       {http.StatusUnprocessableEntity, codeIdempotencyReused, false},
	fault.InUse:        {http.StatusConflict, codeIdempotencyInUse, true},
	fault.TooLarge:     {http.StatusRequestEntityTooLarge, CodeTooLarge, false},
	fault.Declined:     {http.StatusPaymentRequired, fault.CodeCardDeclined, false},
	fault.RateLimited:  {http.StatusTooManyRequests, CodeRateLimited, true},
	fault.Gone:         {http.StatusGone, fault.CodeCursorExpired, false},
	fault.Unavailable:  {http.StatusServiceUnavailable, fault.CodeOverloaded, true},
}
