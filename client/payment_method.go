package client

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"time"
)

// SavedPaymentMethod is what a customer left to be charged again: its ID goes into [CreatePayment].PaymentMethodToken.
type SavedPaymentMethod struct {
	ID               string            `json:"id"`
	Livemode         bool              `json:"livemode"`
	Type             string            `json:"type"` // card
	Customer         string            `json:"customer"`
	Card             *Card             `json:"card"`              // nil once the customer is erased
	Consent          *Consent          `json:"consent"`           // to be charged while the customer is not there; nil: not given
	NetworkReference *string           `json:"network_reference"` // of the first payment
	FirstPayment     *string           `json:"first_payment"`
	DetachedAt       *time.Time        `json:"detached_at"` // since when it cannot be charged
	Metadata         map[string]string `json:"metadata"`
	CreatedAt        time.Time         `json:"created_at"`
}

// Consent is a customer's word that a method may be charged while they are not there. It prints without where they were.
type Consent struct {
	GivenAt     time.Time  `json:"given_at"`
	TextVersion string     `json:"text_version,omitempty"`
	TextSHA256  string     `json:"text_sha256,omitempty"`
	IP          string     `json:"ip,omitempty"`
	Channel     string     `json:"channel,omitempty"` // web, app, phone, mail or in_store
	WithdrawnAt *time.Time `json:"withdrawn_at"`      // since when it holds no more
}

// String hides from logs where the customer was.
func (c Consent) String() string { return "consent of " + c.GivenAt.UTC().Format(time.RFC3339) }

// GoString hides from logs where the customer was.
func (c Consent) GoString() string { return c.String() }

// LogValue hides from logs, also from those in JSON, where the customer was.
func (c Consent) LogValue() slog.Value { return slog.StringValue(c.String()) }

// ConsentRequest tells of a consent. TextVersion or TextSHA256 is needed.
type ConsentRequest struct {
	GivenAt     *time.Time `json:"given_at,omitempty"` // nil: now
	TextVersion string     `json:"text_version,omitempty"`
	TextSHA256  string     `json:"text_sha256,omitempty"` // of the text that was agreed to, in lower-case hexadecimal
	IP          string     `json:"ip,omitempty"`
	Channel     string     `json:"channel"` // web, app, phone, mail or in_store
}

// String hides from logs where the customer was.
func (ConsentRequest) String() string { return "a consent" }

// GoString hides from logs where the customer was.
func (c ConsentRequest) GoString() string { return c.String() }

// LogValue hides from logs, also from those in JSON, where the customer was.
func (c ConsentRequest) LogValue() slog.Value { return slog.StringValue(c.String()) }

// KeepPaymentMethod saves a token for a customer.
type KeepPaymentMethod struct {
	Token    string            `json:"token"` // pm_tok_…; one that a browser made is used up by this
	Customer string            `json:"customer"`
	Consent  *ConsentRequest   `json:"consent,omitempty"` // to be charged while the customer is not there
	Metadata map[string]string `json:"metadata,omitempty"`
}

// UpdatePaymentMethod changes what is given and leaves the rest.
type UpdatePaymentMethod struct {
	Consent  *ConsentRequest   `json:"consent,omitempty"`  // takes the place of the one before
	Metadata map[string]string `json:"metadata,omitempty"` // replaces all of it
}

// PaymentMethodService calls /v1/payment_methods.
type PaymentMethodService struct{ core *core }

const paymentMethods = "/v1/payment_methods"

// Keep saves a token for a customer. A card that they have saved already is not saved twice: it gives the method that is there.
func (s *PaymentMethodService) Keep(ctx context.Context, p KeepPaymentMethod, options ...CallOption) (*SavedPaymentMethod, error) {
	return post[SavedPaymentMethod](ctx, s.core, paymentMethods, p, options)
}

// Get reads a saved method, also one that was detached.
func (s *PaymentMethodService) Get(ctx context.Context, id string, options ...CallOption) (*SavedPaymentMethod, error) {
	path, err := under(paymentMethods, id)
	if err != nil {
		return nil, err
	}
	return get[SavedPaymentMethod](ctx, s.core, path, nil, options)
}

// List walks what a customer has saved and not detached, newest first.
func (s *PaymentMethodService) List(ctx context.Context, customer string, p Page, options ...CallOption) iter.Seq2[*SavedPaymentMethod, error] {
	path, err := under(customers, customer, "payment_methods")
	if err != nil {
		return func(yield func(*SavedPaymentMethod, error) bool) { yield(nil, err) }
	}
	return all(ctx, s.core, path, p.values(), func(m *SavedPaymentMethod) string { return m.ID }, options)
}

// Update changes a saved method.
func (s *PaymentMethodService) Update(ctx context.Context, id string, p UpdatePaymentMethod, options ...CallOption) (*SavedPaymentMethod, error) {
	path, err := under(paymentMethods, id)
	if err != nil {
		return nil, err
	}
	return write[SavedPaymentMethod](ctx, s.core, http.MethodPatch, s.core.base, path, p, options)
}

// WithdrawConsent ends the consent to charge a method while its customer is not there.
func (s *PaymentMethodService) WithdrawConsent(ctx context.Context, id string, options ...CallOption) (*SavedPaymentMethod, error) {
	path, err := under(paymentMethods, id, "withdraw_consent")
	if err != nil {
		return nil, err
	}
	return post[SavedPaymentMethod](ctx, s.core, path, nil, options)
}

// Detach has a method charged no more, and its card destroyed.
func (s *PaymentMethodService) Detach(ctx context.Context, id string, options ...CallOption) error {
	path, err := under(paymentMethods, id)
	if err != nil {
		return err
	}
	_, err = remove[struct{}](ctx, s.core, path, options)
	return err
}
