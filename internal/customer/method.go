package customer

import (
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// Method is a payment method that a customer left to be charged again.
type Method struct {
	Merchant string // the tenant
	ID       string // pm_…
	Customer string
	Token    string   // of the vault; empty once it is detached
	Card     Card     // what may be shown of it; the zero value once the customer is erased
	Consent  *Consent // to be charged while nobody is there; nil: none was given
	// NetworkReference is the card network's name of the first payment, made while the customer was there. Later ones, made while
	// nobody is, refer to it. Empty until there was one.
	NetworkReference string
	FirstPayment     string // pay_…, whose reference it is
	Metadata         map[string]string
	DetachedAt       time.Time // zero: it can be charged
	CreatedAt        time.Time
	Version          int64
}

// Card is what may be known of a card.
type Card struct {
	Brand       string `json:"brand"`
	Last4       string `json:"last4"`
	BIN         string `json:"bin"`
	ExpMonth    int    `json:"exp_month"`
	ExpYear     int    `json:"exp_year"`
	Country     string `json:"country,omitempty"` // the issuer's
	Funding     string `json:"funding"`
	Fingerprint string `json:"fingerprint,omitempty" doc:"The same for the same number."`
}

// Consent is a customer's word that their method may be charged while they are not there, with what proves it.
type Consent struct {
	GivenAt     time.Time `json:"given_at"`
	TextVersion string    `json:"text_version,omitempty"` // the merchant's name of the text that was agreed to
	TextSHA256  string    `json:"text_sha256,omitempty"`  // of that text, in hexadecimal
	IP          string    `json:"ip,omitempty"`           // where the customer was
	Channel     Channel   `json:"channel,omitempty"`
	WithdrawnAt time.Time `json:"withdrawn_at,omitzero"` // zero: it holds
}

// Channel is how a consent was given.
type Channel string

// The channels.
const (
	Web     Channel = "web"
	App     Channel = "app"
	Phone   Channel = "phone"
	Mail    Channel = "mail"
	InStore Channel = "in_store"
)

// MaxMethods is how many methods a customer can have attached.
const MaxMethods = 50

// The codes of refusals about saved methods.
const (
	CodeTokenUsed      = "token_used"
	CodeTooManyMethods = "too_many_payment_methods"
	CodeDetached       = "payment_method_detached"
)

var (
	errTokenKept = &fault.Error{Kind: fault.Conflict, Code: CodeTokenUsed, Param: "token", Detail: "the token is kept by another customer"}
	errTooMany   = fault.New(fault.Conflict, CodeTooManyMethods, "a customer may have 50 payment methods")
	errDetached  = fault.New(fault.Conflict, CodeDetached, "the payment method was detached")
)

// Attached tells whether the method can be charged.
func (m Method) Attached() bool { return m.DetachedAt.IsZero() }

// MayChargeAlone tells whether the method may be charged while its customer is not there.
func (m Method) MayChargeAlone() bool {
	return m.Attached() && m.Consent != nil && m.Consent.WithdrawnAt.IsZero()
}

// keep decides what comes of a method when its card is brought again: by another token, perhaps with another date or consent.
func (m Method) keep(token string, card Card, consent *Consent, metadata map[string]string) Method {
	m.Token, m.Card = token, card
	if consent != nil {
		m.Consent = consent
	}
	if metadata != nil {
		m.Metadata = metadata
	}
	return m
}

// change decides a change of what was said about a method. It fails with fault.Conflict if it was detached.
func (m Method) change(consent *Consent, metadata map[string]string) (Method, error) {
	if !m.Attached() {
		return m, errDetached
	}
	return m.keep(m.Token, m.Card, consent, metadata), nil
}

// withdraw decides that the consent holds no more. What was withdrawn stays so since when it was. It fails with fault.Conflict if
// there is none.
func (m Method) withdraw(now time.Time) (Method, error) {
	switch {
	case !m.Attached():
		return m, errDetached
	case m.Consent == nil:
		return m, fault.State("no consent was given for the payment method")
	case m.Consent.WithdrawnAt.IsZero():
		withdrawn := *m.Consent
		withdrawn.WithdrawnAt = now
		m.Consent = &withdrawn
	}
	return m, nil
}

// detach decides that the method cannot be charged any more. What it looked like stays, and so does the proof of the consent.
func (m Method) detach(now time.Time) Method {
	if m.Attached() {
		m.Token, m.DetachedAt = "", now
		m.Card.Fingerprint = ""
	}
	return m
}

// erase decides what is left of a method of somebody who is erased: the id, and when it came and went.
func (m Method) erase(now time.Time) Method {
	m = m.detach(now)
	return Method{Merchant: m.Merchant, ID: m.ID, Customer: m.Customer, DetachedAt: m.DetachedAt, CreatedAt: m.CreatedAt, Version: m.Version}
}

// First decides that a payment, made while the customer was there, is the one that later ones refer to. The first stays the first.
func (m Method) First(payment, networkReference string) Method {
	if m.NetworkReference == "" {
		m.FirstPayment, m.NetworkReference = payment, networkReference
	}
	return m
}

// MethodObject is a saved payment method as the contract shows it.
type MethodObject struct {
	ID               string            `json:"id" example:"pm_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object           string            `json:"object" enum:"payment_method"`
	Livemode         bool              `json:"livemode"`
	Type             string            `json:"type" enum:"card"`
	Customer         string            `json:"customer"`
	Card             *Card             `json:"card" doc:"Null once the customer is erased."`
	Consent          *ConsentObject    `json:"consent" doc:"To be charged while the customer is not there. Null if it was not given."`
	NetworkReference *string           `json:"network_reference" doc:"The card network's name of the first payment, to which those refer that are made while the customer is not there."`
	FirstPayment     *string           `json:"first_payment" doc:"Whose reference that is."`
	DetachedAt       *time.Time        `json:"detached_at" doc:"Since when it cannot be charged. Null if it can."`
	Metadata         map[string]string `json:"metadata"`
	CreatedAt        time.Time         `json:"created_at"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o MethodObject) ObjectID() string { return o.ID }

// ConsentObject is a consent as the contract shows it.
type ConsentObject struct {
	GivenAt     time.Time  `json:"given_at"`
	TextVersion string     `json:"text_version,omitempty" doc:"Your name of the text that was agreed to." example:"terms-2026-11"`
	TextSHA256  string     `json:"text_sha256,omitempty" doc:"Of that text."`
	IP          string     `json:"ip,omitempty" doc:"Where the customer was. Not in webhooks."`
	Channel     Channel    `json:"channel,omitempty" enum:"web,app,phone,mail,in_store"`
	WithdrawnAt *time.Time `json:"withdrawn_at" doc:"Since when it holds no more. Null if it holds."`
}

// Object shows the method.
func (m Method) Object() MethodObject {
	o := MethodObject{
		ID: m.ID, Object: "payment_method", Livemode: id.Live(m.Merchant), Type: "card", Customer: m.Customer, NetworkReference: known(m.NetworkReference),
		FirstPayment: known(m.FirstPayment), Metadata: m.Metadata, CreatedAt: m.CreatedAt,
	}
	if m.Card != (Card{}) {
		o.Card = &m.Card
	}
	if c := m.Consent; c != nil {
		o.Consent = &ConsentObject{GivenAt: c.GivenAt, TextVersion: c.TextVersion, TextSHA256: c.TextSHA256, IP: c.IP, Channel: c.Channel}
		if !c.WithdrawnAt.IsZero() {
			o.Consent.WithdrawnAt = &c.WithdrawnAt
		}
	}
	if !m.Attached() {
		o.DetachedAt = &m.DetachedAt
	}
	if m.Metadata == nil {
		o.Metadata = map[string]string{}
	}
	return o
}

// Told is the method as its events show it: they are kept, and sent to others, so they do not tell where anybody was.
func (m Method) Told() MethodObject {
	o := m.Object()
	if o.Consent != nil {
		o.Consent.IP = ""
	}
	return o
}
