package audit

import (
	"time"

	"github.com/florinpay/florin/internal/id"
)

// Object is a record as the contract shows it.
type Object struct {
	ID        string            `json:"id" example:"aud_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object    string            `json:"object" enum:"audit_entry"`
	Livemode  bool              `json:"livemode" doc:"The mode in which it was done; that of your key for what concerns more than one mode."`
	Concerns  Reach             `json:"concerns" enum:"mode,account,installation" doc:"Whom it concerns: you in this mode, you in both modes, or every merchant of this Florin."`
	Action    Action            `json:"action" doc:"What was done." example:"kill_switch.created"`
	Actor     string            `json:"actor" doc:"Who did it: the id of a key; operator, by the command line; system, Florin by itself." example:"key_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Subject   string            `json:"subject" doc:"The id of what it was done to." example:"ks_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Details   map[string]string `json:"details" doc:"What changed, by field. Never a secret or a card number; of a customer only which fields."`
	RequestID *string           `json:"request_id" doc:"The request by which it was done; null if by none."`
	CreatedAt time.Time         `json:"created_at"`
}

// Reach is whom a record concerns.
type Reach string

// The reaches.
const (
	OfMode         Reach = "mode"         // a merchant in one of its modes
	OfAccount      Reach = "account"      // a merchant in both
	OfInstallation Reach = "installation" // every merchant
)

// Reach is whom the record concerns.
func (r Record) Reach() Reach {
	if r.Merchant == Installation {
		return OfInstallation
	}
	if _, _, ok := id.SplitTenant(r.Merchant); ok {
		return OfMode
	}
	return OfAccount
}

// ObjectFor is the record as a tenant sees it.
func (r Record) ObjectFor(tenant string) Object {
	o := Object{
		ID: r.ID, Object: "audit_entry", Livemode: id.Live(tenant), Concerns: r.Reach(), Action: r.Action, Actor: r.Actor, Subject: r.Object, Details: r.Detail,
		CreatedAt: r.CreatedAt,
	}
	if r.RequestID != "" {
		o.RequestID = &r.RequestID
	}
	return o
}
