package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// DisputeStatus is where a dispute stands. An unknown one is kept as it came.
type DisputeStatus string

// The statuses of disputes.
const (
	DisputeNeedsResponse DisputeStatus = "needs_response"
	DisputeUnderReview   DisputeStatus = "under_review"
	DisputeWon           DisputeStatus = "won"
	DisputeLost          DisputeStatus = "lost"
	DisputeAccepted      DisputeStatus = "accepted"
	DisputeExpired       DisputeStatus = "expired"
)

// Dispute is a payment, or a part of one, that its payer denies.
type Dispute struct {
	ID                string            `json:"id"`
	Livemode          bool              `json:"livemode"`
	Payment           *string           `json:"payment"` // nil: the provider names a payment that is not known
	Stage             string            `json:"stage"`   // inquiry, chargeback, pre_arbitration or arbitration
	Status            DisputeStatus     `json:"status"`
	Amount            int64             `json:"amount"` // in the currency's minor unit
	Fee               int64             `json:"fee"`    // what the provider takes on top, and keeps
	Currency          string            `json:"currency"`
	Money             string            `json:"money"` // none, held, returned or gone
	Reason            string            `json:"reason"`
	ReasonCode        string            `json:"reason_code"` // the network's
	Provider          string            `json:"provider"`
	ProviderReference string            `json:"provider_reference"`
	EvidenceDueAt     *time.Time        `json:"evidence_due_at"`
	EvidenceFields    []string          `json:"evidence_fields"`
	EvidenceFiles     []DisputeFile     `json:"evidence_files"`
	Response          *DisputeResponse  `json:"response"`           // the last answer that was given; nil: none
	EvidenceErasedAt  *time.Time        `json:"evidence_erased_at"` // when the evidence was destroyed; nil: it was not
	ReminderDays      *int64            `json:"reminder_days"`      // of an event that reminds: how many days are left
	EndedAt           *time.Time        `json:"ended_at"`
	Metadata          map[string]string `json:"metadata"`
	CreatedAt         time.Time         `json:"created_at"`
}

// DisputeFile is a file of the evidence, without its content.
type DisputeFile struct {
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	CreatedAt time.Time `json:"created_at"`
}

// DisputeResponse is an answer to a dispute.
type DisputeResponse struct {
	Type   string    `json:"type"`   // submit or accept
	Status string    `json:"status"` // pending, taken, refused or overtaken
	Detail string    `json:"detail"` // why it was refused
	At     time.Time `json:"at"`
}

// DisputeEvidence is all evidence of a dispute.
type DisputeEvidence struct {
	Dispute  string            `json:"dispute"`
	Livemode bool              `json:"livemode"`
	Texts    map[string]string `json:"texts"` // by field
	Files    []DisputeFile     `json:"files"`
}

// SetDisputeEvidence changes texts of the evidence. What is nil stays; an empty text takes one back.
type SetDisputeEvidence struct {
	Explanation             *string `json:"explanation,omitempty"`
	ProductDescription      *string `json:"product_description,omitempty"`
	CustomerName            *string `json:"customer_name,omitempty"`
	CustomerEmail           *string `json:"customer_email,omitempty"`
	CustomerIP              *string `json:"customer_ip,omitempty"`
	CustomerCommunication   *string `json:"customer_communication,omitempty"`
	BillingAddress          *string `json:"billing_address,omitempty"`
	ShippingAddress         *string `json:"shipping_address,omitempty"`
	ShippingCarrier         *string `json:"shipping_carrier,omitempty"`
	ShippingTrackingNumber  *string `json:"shipping_tracking_number,omitempty"`
	ShippingDate            *string `json:"shipping_date,omitempty"`
	ServiceDate             *string `json:"service_date,omitempty"`
	RefundPolicy            *string `json:"refund_policy,omitempty"`
	RefundRefusal           *string `json:"refund_refusal,omitempty"`
	DuplicateExplanation    *string `json:"duplicate_explanation,omitempty"`
	CancellationPolicy      *string `json:"cancellation_policy,omitempty"`
	CancellationExplanation *string `json:"cancellation_explanation,omitempty"`
}

// ListDisputes chooses disputes.
type ListDisputes struct {
	Page
	Payment   string // of one payment
	Status    DisputeStatus
	Unmatched bool // of payments that are not known
}

// DisputeService calls /v1/disputes.
type DisputeService struct{ core *core }

const disputes = "/v1/disputes"

// Get reads a dispute.
func (s *DisputeService) Get(ctx context.Context, id string, options ...CallOption) (*Dispute, error) {
	path, err := under(disputes, id)
	if err != nil {
		return nil, err
	}
	return get[Dispute](ctx, s.core, path, nil, options)
}

// List walks disputes, newest first, page by page as it goes.
func (s *DisputeService) List(ctx context.Context, p ListDisputes, options ...CallOption) iter.Seq2[*Dispute, error] {
	query := p.values()
	set(query, "payment", p.Payment)
	set(query, "status", string(p.Status))
	if p.Unmatched {
		set(query, "unmatched", "true")
	}
	return all(ctx, s.core, disputes, query, func(d *Dispute) string { return d.ID }, options)
}

// Evidence reads the evidence of a dispute. Files are told of, not given back.
func (s *DisputeService) Evidence(ctx context.Context, id string, options ...CallOption) (*DisputeEvidence, error) {
	path, err := under(disputes, id, "evidence")
	if err != nil {
		return nil, err
	}
	return get[DisputeEvidence](ctx, s.core, path, nil, options)
}

// SetEvidence changes texts of the evidence. Nothing goes to the provider before Submit.
func (s *DisputeService) SetEvidence(ctx context.Context, id string, p SetDisputeEvidence, options ...CallOption) (*Dispute, error) {
	path, err := under(disputes, id, "evidence")
	if err != nil {
		return nil, err
	}
	return post[Dispute](ctx, s.core, path, p, options)
}

// Upload adds a file to the evidence, or replaces the one of the same name. kind is its media type: application/pdf, image/png,
// image/jpeg or text/plain. It has at most 10 MiB.
func (s *DisputeService) Upload(ctx context.Context, id, name, kind string, file []byte, options ...CallOption) (*Dispute, error) {
	path, err := filePath(id, name)
	if err != nil {
		return nil, err
	}
	if file == nil {
		file = []byte{}
	}
	return do[Dispute](ctx, s.core, &call{method: http.MethodPost, base: s.core.base, path: path, body: file, kind: kind, key: s.core.newKey()}, options)
}

// File reads a file of the evidence, with its media type. That it was read goes on record.
func (s *DisputeService) File(ctx context.Context, id, name string, options ...CallOption) (file []byte, kind string, err error) {
	path, err := filePath(id, name)
	if err != nil {
		return nil, "", err
	}
	k := &call{method: http.MethodGet, base: s.core.base, path: path}
	for _, option := range options {
		option(k)
	}
	got, err := s.core.run(ctx, k)
	return got.body, got.header.Get("Content-Type"), err
}

// RemoveFile takes a file out of the evidence.
func (s *DisputeService) RemoveFile(ctx context.Context, id, name string, options ...CallOption) (*Dispute, error) {
	path, err := filePath(id, name)
	if err != nil {
		return nil, err
	}
	return remove[Dispute](ctx, s.core, path, options)
}

func filePath(id, name string) (string, error) {
	path, err := under(disputes, id, "evidence")
	return path + "/" + url.PathEscape(name), err
}

// Submit sends the evidence to the provider, once and for all. Look at Response of what comes back.
func (s *DisputeService) Submit(ctx context.Context, id string, options ...CallOption) (*Dispute, error) {
	path, err := under(disputes, id, "submit")
	if err != nil {
		return nil, err
	}
	return post[Dispute](ctx, s.core, path, nil, options)
}

// Accept tells the provider that the payer is right.
func (s *DisputeService) Accept(ctx context.Context, id string, options ...CallOption) (*Dispute, error) {
	path, err := under(disputes, id, "accept")
	if err != nil {
		return nil, err
	}
	return post[Dispute](ctx, s.core, path, nil, options)
}
