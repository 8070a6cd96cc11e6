package payment

import "slices"

// Status is a payment's state.
type Status string

// The payment's states.
const (
	RequiresPaymentMethod Status = "requires_payment_method"
	RequiresAction        Status = "requires_action"
	Processing            Status = "processing"
	InReview              Status = "in_review"
	Authorized            Status = "authorized"
	Captured              Status = "captured"
	Canceled              Status = "canceled"
	Expired               Status = "expired"
	Failed                Status = "failed"
)

// paymentMoves are the legal moves. What is not here is refused. A payment that was made without a payer's method and
// confirmed later goes back to requires_payment_method when a card is declined, so that the payer can try another one.
var paymentMoves = map[Status][]Status{
	RequiresPaymentMethod: {RequiresAction, Processing, InReview, Canceled, Expired, Failed},
	RequiresAction:        {RequiresPaymentMethod, Processing, Authorized, Captured, Canceled, Expired, Failed},
	Processing:            {RequiresPaymentMethod, RequiresAction, Authorized, Captured, Failed, Canceled, Expired},
	InReview:              {Processing, Canceled, Expired, Failed},
	Authorized:            {Captured, Canceled, Expired},
}

// AttemptState is the state of one try at one provider.
type AttemptState string

// The attempt's states.
const (
	AttemptSending    AttemptState = "sending"
	AttemptAction     AttemptState = "requires_action"
	AttemptPending    AttemptState = "pending"
	AttemptAuthorized AttemptState = "authorized"
	AttemptCaptured   AttemptState = "captured"
	AttemptDeclined   AttemptState = "declined"
	AttemptNotSent    AttemptState = "not_sent"
	AttemptUnknown    AttemptState = "unknown"
	AttemptVoided     AttemptState = "voided"
	AttemptExpired    AttemptState = "expired"
)

var attemptMoves = map[AttemptState][]AttemptState{
	AttemptSending: {AttemptNotSent, AttemptDeclined, AttemptAction, AttemptPending, AttemptAuthorized, AttemptCaptured, AttemptUnknown},
	AttemptAction: {AttemptSending, // the payer has proved who they are, and now the money is asked for
		AttemptPending, AttemptAuthorized, AttemptCaptured, AttemptDeclined, AttemptUnknown, AttemptVoided, AttemptExpired},
	AttemptPending:    {AttemptAuthorized, AttemptCaptured, AttemptDeclined, AttemptVoided, AttemptExpired},
	AttemptUnknown:    {AttemptAction, AttemptAuthorized, AttemptCaptured, AttemptDeclined, AttemptVoided}, // only an inquiry or the provider's own webhook may say so
	AttemptAuthorized: {AttemptCaptured, AttemptVoided, AttemptExpired},
}

// awaitsIssuer are the payment's states in which the issuer may yet be asked about the payer.
var awaitsIssuer = map[Status]bool{RequiresPaymentMethod: true, RequiresAction: true, Processing: true, InReview: true}

// inquirable are the attempt's states in which its outcome is open.
var inquirable = map[AttemptState]bool{AttemptSending: true, AttemptUnknown: true, AttemptPending: true}

// holdsNothing are the states of an attempt that ended without the payer's money: none of them contradicts another.
var holdsNothing = map[AttemptState]bool{AttemptDeclined: true, AttemptNotSent: true, AttemptVoided: true, AttemptExpired: true}

// OperationState is the state of a capture, a void or a refund.
type OperationState string

// The operation's states. Queued, sending, pending and unknown are still open: a refund in them shows as pending.
const (
	OperationHeld      OperationState = "held"   // a refund: a second person must agree
	OperationQueued    OperationState = "queued" // nothing was sent: it waits for its provider, or for the worker
	OperationSending   OperationState = "sending"
	OperationPending   OperationState = "pending"
	OperationUnknown   OperationState = "unknown"
	OperationSucceeded OperationState = "succeeded"
	OperationFailed    OperationState = "failed"
)

var operationMoves = map[OperationState][]OperationState{
	OperationHeld:    {OperationQueued, OperationSending, OperationFailed},
	OperationQueued:  {OperationSending, OperationPending, OperationUnknown, OperationSucceeded, OperationFailed}, // it may have arrived when it was said that it had not
	OperationSending: {OperationQueued, OperationPending, OperationUnknown, OperationSucceeded, OperationFailed},
	OperationPending: {OperationUnknown, OperationSucceeded, OperationFailed},
	OperationUnknown: {OperationPending, OperationSucceeded, OperationFailed},
}

func allowed[S comparable](moves map[S][]S, from, to S) bool { return slices.Contains(moves[from], to) }
