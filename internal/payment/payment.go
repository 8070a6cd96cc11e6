// Package payment is the heart: payments, their attempts at providers, captures, voids and refunds. Decisions are pure
// functions; the intent is committed before a provider is called and the result after it.
package payment

import (
	"time"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
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
	Disputed            money.Money // taken back, or held, by disputes that are not won
	Withdrawn           money.Money // what its customer has taken to somewhere else by payouts
	Capture             bool        // take the money as soon as it is authorized
	AwaitsPayer         bool        // made without a method, or stopped by a switch: a decline gives the payer another try
	Method              Method      // the zero value until there is one
	Attempts            int64
	Account             string // the provider account of the last attempt
	Reference           string // the provider's
	NetworkReference    string
	Failure             *FailureObject
	Order               string   // ord_…, that is paid with it; empty: none
	Customer            string   // cus_…, who pays; empty: nobody that is known
	Plan                []string // the provider accounts that were asked for; empty: the merchant's own order
	StatementDescriptor string
	Description         string
	CancellationReason  string
	Metadata            map[string]string
	ReturnURL           string    // where the payer goes in the end; empty: to a page of ours
	Asked               Asked     // what the merchant asked of 3-D Secure
	Proof               *Proof    // what the last authentication said; nil: there was none
	Action              *Action   // what the payer must do; nil: nothing
	Later               *Later    // how it is asked for again by itself; nil: it is not
	Challenges          int64     // how often the payer was led to the bank
	CaptureBefore       time.Time // asked for, then decided; zero: as long as the provider holds it
	ExpiresAt           time.Time // while it waits for its payer
	DueAt               time.Time // when time itself changes it: it expires, or its authorization is released
	RefundableUntil     time.Time // by the merchant's policy when it was captured, or by the method's own window; zero: without end
	EndedAt             time.Time // when it came to a state that it cannot leave
	CreatedAt           time.Time
	Version             int64

	proven *Attempt // the try that it was stopped at, whose proof goes along with the next; not stored
}

// Proof is an authentication's result, and the exemption that was claimed with it.
type Proof struct {
	provider.ThreeDS
	Exemption string `json:"exemption,omitempty"`
}

// Action is what a payer must do before the money can move.
type Action struct {
	Kind      provider.ActionKind `json:"kind,omitempty"`      // empty: they are led to a page
	URL       string              `json:"url,omitempty"`       // a page of the provider's; empty: ours, which leads to the bank
	Code      string              `json:"code,omitempty"`      // what they scan
	CopyCode  string              `json:"copy_code,omitempty"` // what they paste
	Deeplink  string              `json:"deeplink,omitempty"`  // what opens their app
	ExpiresAt time.Time           `json:"expires_at"`
}

// Live tells the payment's mode.
func (p Payment) Live() bool { return id.Live(p.Merchant) }

// refundable is what may still be refunded: captured, not refunded, not on its way back, and not disputed, for the payer gets
// that back by another way. A bank may take back what was refunded already: then nothing is left, and not less.
func (p Payment) refundable() (money.Money, error) {
	left := p.Captured
	for _, gone := range []money.Money{p.Refunded, p.Refunding, p.Disputed} {
		var err error
		if left, err = left.Sub(gone); err != nil {
			return money.Money{}, err
		}
	}
	if left.Minor() < 0 {
		return money.Of(0, left.Currency()), nil
	}
	return left, nil
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
	Token            string // of a card
	Reference        string // the provider's
	NetworkReference string
	Failure          *FailureObject
	Detail           string // for operators
	Inquiries        int64
	NotFound         int64 // how often the provider said that it has no such transaction, when that could be believed
	SentAt           time.Time
	DueAt            time.Time
	Secure           *Secure   // nil: the money was asked for without authenticating the cardholder first
	Route            *Route    // how it came to its account; nil: nobody wrote that down
	AskedAt          time.Time // when its provider was last asked what became of it
	ManualAt         time.Time // since when its outcome is a person's business; zero: it is not
	ManualReason     ManualReason
	ByHand           *ByHand
	Country          string // the issuer's, of a try whose payer is not there
	Descriptor       string // what its payer reads on their statement, as it fits the card's network and the provider
	CreatedAt        time.Time
	MovedAt          time.Time // when it came to its state
	Version          int64

	was AttemptState // as it was stored
}

// Secure is an attempt's authentication, which goes before its authorization. While Asking or Challenge is set no money was
// asked for yet, so nothing can have been charged.
type Secure struct {
	Asking    bool                        `json:"asking,omitempty"` // the issuer is being asked
	Indicator provider.ChallengeIndicator `json:"indicator"`
	Exemption string                      `json:"exemption,omitempty"`
	Required  bool                        `json:"required,omitempty"` // without a proof the money is not asked for
	Challenge *provider.Challenge         `json:"challenge,omitempty"`
	Result    provider.ThreeDS            `json:"result"`
	Ready     time.Time                   `json:"ready,omitzero"` // since when the money could be asked for, if there were room; zero: it did not have to wait
}

// waitsForRoom tells whether the issuer has answered, and only room for the call for the money is missing.
func (a Attempt) waitsForRoom() bool { return a.asking() && !a.Secure.Ready.IsZero() }

// asking tells whether the issuer is being asked, and no money was asked for.
func (a Attempt) asking() bool {
	return a.State == AttemptSending && a.Secure != nil && a.Secure.Asking
}

// challenged tells whether the payer is at the issuer's challenge, and no money was asked for.
func (a Attempt) challenged() bool {
	return a.State == AttemptAction && a.Secure != nil && a.Secure.Challenge != nil
}

// proof is what the attempt's authorization carries of its authentication; nil if there is nothing to say.
func (a Attempt) proof() *provider.ThreeDS {
	if a.Secure == nil || a.Secure.Result.Status == "" {
		return nil
	}
	d := a.Secure.Result
	return &d
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
	PurposeCancel Purpose = "cancel"
	PurposeExpire Purpose = "expire"
)

// Operation is a capture, a void or a refund of an attempt.
type Operation struct {
	Merchant  string
	ID        string // cap_…, voi_… or ref_…: also our reference at the provider
	Payment   string
	Attempt   int64
	Account   string // the provider account, which is the attempt's
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
	Payout    string // po_…, that it is a part of; empty: none
	// RequestedBy and ApprovedBy are the keys of those who asked for a refund, and who agreed to it (see control.Approvers), where a policy wants to know.
	RequestedBy, ApprovedBy string
	SentAt                  time.Time
	DueAt                   time.Time
	ManualAt                time.Time // since when its outcome is a person's business; zero: it is not
	ManualReason            ManualReason
	ByHand                  *ByHand
	AskedAt                 time.Time // when its provider was last asked what became of it
	Deadline                time.Time // of what has waited for its provider: until when it may; zero: it did not have to
	Waited                  []Wait    // why it had to, the first reason first
	CreatedAt               time.Time
	MovedAt                 time.Time // when it came to its state
	Version                 int64

	was   OperationState // as it was stored
	again bool           // it is sent once more, having been tried in vain; not stored
}

// open tells whether the operation's outcome is not known yet.
func (o Operation) open() bool { return len(operationMoves[o.State]) > 0 }
