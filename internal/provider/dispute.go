package provider

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/money"
)

// DisputeStage is how far a dispute has gone.
type DisputeStage string

// The stages, in their order. An inquiry holds no money.
const (
	StageInquiry        DisputeStage = "inquiry"
	StageChargeback     DisputeStage = "chargeback"
	StagePreArbitration DisputeStage = "pre_arbitration"
	StageArbitration    DisputeStage = "arbitration"
)

// DisputeStatus is where a dispute stands within its stage.
type DisputeStatus string

// The statuses.
const (
	DisputeNeedsResponse DisputeStatus = "needs_response"
	DisputeUnderReview   DisputeStatus = "under_review"
	DisputeWon           DisputeStatus = "won"
	DisputeLost          DisputeStatus = "lost"
	DisputeAccepted      DisputeStatus = "accepted"
	DisputeExpired       DisputeStatus = "expired"
)

// Dispute is what a provider says of a payer who denies a payment.
type Dispute struct {
	Reference     string // the provider's own id of the dispute
	Stage         DisputeStage
	Status        DisputeStatus
	Amount        money.Money // what is denied: the payment, or a part of it
	Fee           money.Money // what the provider takes on top when it takes the money; the zero value: it says nothing of one
	ReasonCode    string      // the network's, such as 10.4
	Reason        string      // a category, such as fraudulent
	EvidenceDueAt time.Time   // zero: nothing is awaited
	Original      string      // the provider's own reference of the authorization, where the Notification's Attempt is empty
}

// DisputeAnswer names a dispute that is answered.
type DisputeAnswer struct {
	Reference string // ours, of the answer: the key by which the provider recognizes a repeat
	Dispute   string // the provider's id
}

// Evidence is what a merchant has to say to a dispute.
type Evidence struct {
	DisputeAnswer
	Texts map[string]string // by field, such as customer_name
	Files []EvidenceFile
}

// EvidenceFile is a document.
type EvidenceFile struct {
	Name string
	Type string // such as application/pdf
	Body []byte
}

// DisputeResponder can answer disputes. Evidence that is taken is Approved and Pending, an acceptance Approved and Succeeded. A
// repeat with the same reference is answered alike and changes nothing.
type DisputeResponder interface {
	SubmitEvidence(ctx context.Context, a Account, e Evidence) Outcome
	AcceptDispute(ctx context.Context, a Account, d DisputeAnswer) Outcome
}
