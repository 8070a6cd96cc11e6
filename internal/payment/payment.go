// Package payment is the heart: payments, their attempts at providers, captures, voids and refunds. Decisions are pure
// functions; the intent is committed before a provider is called and the result after it.
package payment

import (
	"time"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/vault"
)

// Payment is money asked of a payer.
type Payment struct {
	Merchant            string
	ID                  string
	Status              Status
	Amount              money.Money
	Authorized          money.Money
	Captured            money.Money
	Refunded            money.Money // refunds that succeeded
	Refunding           money.Money // refunds whose outcome is open
	Disputed            money.Money
	Capture             bool              // take the money as soon as it is authorized
	AwaitsPayer         bool              // made without a method: a decline gives the payer another try
	Method              vault.Description // the zero value until there is one
	Attempts            int64
	Account             string // the provider account of the last attempt
	Reference           string // the provider's
	NetworkReference    string
	Failure             *FailureObject
	Plan                []string // the provider accounts that were asked for; empty: the merchant's own order
	StatementDescriptor string
	Description         string
	CancellationReason  string
	Metadata            map[string]string
	CaptureBefore       time.Time // asked for, then decided; zero: as long as the provider holds it
	ExpiresAt           time.Time // while it waits for its payer
	DueAt               time.Time // when time itself changes it: it expires, or its authorization is released
	CreatedAt           time.Time
	Version             int64
}

// Live tells the payment's mode.
func (p Payment) Live() bool { return id.Live(p.Merchant) }

// refundable is what may still be refunded: captured, not refunded, not on its way back.
func (p Payment) refundable() (money.Money, error) {
	left, err := p.Captured.Sub(p.Refunded)
	if err != nil {
		return money.Money{}, err
	}
	return left.Sub(p.Refunding)
}

// Attempt is one try at one provider.
type Attempt struct {
	Merchant         string
	Payment          string
	Number           int64
	ID               string
	State            AttemptState
	Account          string // the provider account
	Amount           money.Money
	Capture          bool
	Token            string
	Reference        string // the provider's
	NetworkReference string
	Failure          *FailureObject
	Detail           string // for operators
	Inquiries        int64
	NotFound         int64 // how often the provider said that it has no such transaction, when that could be believed
	SentAt           time.Time
	DueAt            time.Time
	CreatedAt        time.Time
	Version          int64
}

// Kind is which call an operation is.
type Kind string

// The kinds of operation.
const (
	KindCapture Kind = "capture"
	KindVoid    Kind = "void"
	KindRefund  Kind = "refund"
)

// Purpose is why an authorization is voided, and so what its payment becomes.
type Purpose string

// The purposes of a void.
const (
	PurposeNone   Purpose = ""
	PurposeCancel Purpose = "cancel"
	PurposeExpire Purpose = "expire"
)

// Operation is a capture, a void or a refund of an attempt.
type Operation struct {
	Merchant  string
	ID        string // cap_…, voi_… or ref_…: also our reference at the provider
	Payment   string
	Attempt   int64
	Kind      Kind
	State     OperationState
	Amount    money.Money // of a void: what it releases
	Final     bool        // of a capture: release the rest
	Purpose   Purpose
	Reason    string
	Reference string // the provider's
	Failure   *FailureObject
	Detail    string // for operators
	Inquiries int64
	NotFound  int64
	Metadata  map[string]string
	SentAt    time.Time
	DueAt     time.Time
	CreatedAt time.Time
	Version   int64
}

// open tells whether the operation's outcome is not known yet.
func (o Operation) open() bool { return len(operationMoves[o.State]) > 0 }
