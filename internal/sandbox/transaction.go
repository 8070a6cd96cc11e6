package sandbox

import (
	"slices"
	"time"
)

// Status is where a transaction stands.
type Status string

// The statuses of a transaction.
const (
	Pending           Status = "pending"
	Authorized        Status = "authorized"
	PartiallyCaptured Status = "partially_captured"
	Captured          Status = "captured"
	Declined          Status = "declined"
	Voided            Status = "voided"
	Expired           Status = "expired"
)

var statuses = []Status{Pending, Authorized, PartiallyCaptured, Captured, Declined, Voided, Expired}

// Result is where an operation or a dispute stands.
type Result string

// The results. An operation is succeeded, pending or failed; a dispute is open, reviewing, won, lost, accepted or expired.
const (
	Succeeded Result = "succeeded"
	Waiting   Result = "pending"
	Failed    Result = "failed"
	Opened    Result = "open"
	Reviewing Result = "reviewing"
	Won       Result = "won"
	Lost      Result = "lost"
	Accepted  Result = "accepted"
	Lapsed    Result = "expired"
)

// Operation is a capture, void or refund of a transaction.
type Operation struct {
	ID            string    `json:"id"`
	Reference     string    `json:"reference"`     // the caller's; of a capture together with the authorization, the authorization's
	Authorization string    `json:"authorization"` // the transaction's id
	Kind          Kind      `json:"kind"`
	Status        Result    `json:"status"`
	Amount        int64     `json:"amount"` // minor units; of a void, what it released
	Currency      string    `json:"currency"`
	Decline       *Decline  `json:"decline,omitempty"` // why it failed
	CreatedAt     time.Time `json:"created_at"`

	// What was asked and first answered, so that a repeat is recognized and answered alike. Not shown to callers.
	Asked *asked `json:"asked,omitempty"`
}

// asked is an operation as it was asked for, and its first status.
type asked struct {
	Amount  int64  `json:"amount,omitempty"`
	Final   bool   `json:"final,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Answer  Result `json:"answer"`
	Decline bool   `json:"decline,omitempty"`
}

// shown is the operation as callers see it now.
func (o Operation) shown() Operation {
	o.Asked = nil
	return o
}

// first is the operation as it was first answered.
func (o Operation) first() Operation {
	if o.Asked != nil {
		if o.Kind != Void {
			o.Amount = o.Asked.Amount
		}
		o.Status = o.Asked.Answer
		if !o.Asked.Decline {
			o.Decline = nil
		}
	}
	return o.shown()
}

// Card is what is kept of a card.
type Card struct {
	Number   string `json:"number"` // masked: first six and last four
	Brand    string `json:"brand"`
	ExpMonth int    `json:"exp_month"`
	ExpYear  int    `json:"exp_year"`
}

// Settlement is the acquirer's payment of a captured transaction to the merchant's bank.
type Settlement struct {
	ID                     string    `json:"id"`
	Authorization          string    `json:"authorization"` // the transaction's id
	AuthorizationReference string    `json:"authorization_reference"`
	Amount                 int64     `json:"amount"`
	Currency               string    `json:"currency"`
	CreatedAt              time.Time `json:"created_at"`
}

// Moment is a line of a transaction's history, for people.
type Moment struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// Authorization is a transaction as the acquirer's callers see it. Amounts are minor units.
type Authorization struct {
	ID               string      `json:"id"`
	Reference        string      `json:"reference"` // the caller's
	Status           Status      `json:"status"`
	Amount           int64       `json:"amount"`
	AmountCaptured   int64       `json:"amount_captured"`
	AmountRefunded   int64       `json:"amount_refunded"` // by refunds that succeeded
	Currency         string      `json:"currency"`
	NetworkReference string      `json:"network_reference"` // 15 digits
	Decline          *Decline    `json:"decline"`
	CreatedAt        time.Time   `json:"created_at"`
	Operations       []Operation `json:"operations"`
}

// Transaction is all that this world knows of an authorization and what followed.
type Transaction struct {
	Authorization
	Acquirer    string            `json:"acquirer"`
	Capture     bool              `json:"capture"` // asked for together with the authorization
	Card        Card              `json:"card"`
	Descriptor  string            `json:"descriptor,omitempty"`
	Description string            `json:"description,omitempty"`
	ThreeDS     *ThreeDS          `json:"three_ds,omitempty"`       // as the authorization said it
	Authentic   string            `json:"authentication,omitempty"` // the id of the authentication that its 3-D Secure data names
	Stored      *StoredCredential `json:"stored_credential,omitempty"`
	// NetworkToken is there if the number is a device's, whose wallet the payer paid by.
	NetworkToken *NetworkToken `json:"network_token,omitempty"`
	Scenario     string        `json:"scenario,omitempty"`
	Trait        trait         `json:"trait,omitempty"`
	Disputes     []Dispute     `json:"disputes,omitempty"`
	Settlement   *Settlement   `json:"settlement,omitempty"`
	First        Status        `json:"first_status"` // as first answered
	History      []Moment      `json:"history"`
}

// shown is the transaction as callers see it now.
func (t *Transaction) shown() Authorization {
	a := t.Authorization
	a.Operations = make([]Operation, len(t.Operations))
	for i, o := range t.Operations {
		a.Operations[i] = o.shown()
	}
	return a
}

// first is the transaction as it was first answered: what a repeat of the authorization gets.
func (t *Transaction) first() Authorization {
	a := t.Authorization
	a.Status, a.AmountCaptured, a.AmountRefunded = t.First, 0, 0
	if t.First == Captured {
		a.AmountCaptured = t.Amount
	}
	if t.First != Declined {
		a.Decline = nil
	}
	a.Operations = []Operation{}
	for _, o := range t.Operations {
		if t.Capture && t.First != Pending && o.Reference == t.Reference { // the capture that came with the authorization
			a.Operations = append(a.Operations, o.first())
		}
	}
	return a
}

// asksSame tells whether a repeated authorization asks for the same thing. The number is compared as far as it is kept.
func (t *Transaction) asksSame(u *Transaction) bool {
	return t.Amount == u.Amount && t.Currency == u.Currency && t.Capture == u.Capture && t.Card == u.Card &&
		t.Descriptor == u.Descriptor && t.Description == u.Description && t.ThreeDS.same(u.ThreeDS)
}

// holdsMoney tells whether the payer's money is held or was taken.
func (t *Transaction) holdsMoney() bool {
	return slices.Contains([]Status{Pending, Authorized, PartiallyCaptured, Captured}, t.Status)
}

// operation finds an operation by the caller's reference; nil if there is none.
func (t *Transaction) operation(reference string) *Operation {
	i := slices.IndexFunc(t.Operations, func(o Operation) bool { return o.Reference == reference })
	if i < 0 {
		return nil
	}
	return &t.Operations[i]
}

// reserved is how much refunds have taken or may still take.
func (t *Transaction) reserved() int64 {
	var sum int64
	for _, o := range t.Operations {
		if o.Kind == Refund && o.Status != Failed {
			sum += o.Amount
		}
	}
	return sum
}

// last finds the newest operation that fits, or, with an id, that one if it fits; nil if there is none.
func (t *Transaction) last(id string, fits func(*Operation) bool) *Operation {
	for i := len(t.Operations) - 1; i >= 0; i-- {
		if o := &t.Operations[i]; (id == "" || o.ID == id || o.Reference == id) && fits(o) {
			return o
		}
	}
	return nil
}
