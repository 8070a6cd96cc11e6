package payment

import (
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// DeclinedError says that the provider or the issuer refused, that no provider could be reached, or that people have switched off
// what the payment needed next. The object is there and says so as well.
type DeclinedError struct {
	Payment Object // as it is after the refusal
	Refused Kind   // the operation that was refused; empty: the payment itself
	Code    string // fault.CodeCardDeclined, fault.CodePaymentDeclined, fault.CodeProviderUnavailable or fault.CodeKillSwitch
	Decline provider.Decline
	Meaning provider.Meaning
	Rule    string // the card network's rule by which nobody was asked; empty: somebody was
}

func (e *DeclinedError) Error() string {
	return fmt.Sprintf("payment %s: %s %s", e.Payment.ID, e.Code, e.Decline.Code)
}

// Unwrap gives the error its kind.
func (e *DeclinedError) Unwrap() error {
	switch e.Code {
	case fault.CodeProviderUnavailable:
		return fault.New(fault.Unavailable, e.Code, "no provider could take this payment")
	case fault.CodeKillSwitch:
		return fault.New(fault.Unavailable, e.Code, e.Decline.Message)
	}
	return fault.New(fault.Declined, e.Code, e.Meaning.Text)
}

// declined says why an outcome of the payment's method is not a success.
func (p Payment) declined(o provider.Outcome) *FailureObject {
	f := declined(o)
	if f.Code == fault.CodeCardDeclined && !p.Method.isCard() {
		f.Code, f.Message = fault.CodePaymentDeclined, provider.TextOf(p.Method.Type, o.Decline.Code)
	}
	return f
}

// declined says why an outcome is not a success, for the object. The payer's words for fraud reasons are generic; the
// merchant sees the code itself.
func declined(o provider.Outcome) *FailureObject {
	switch {
	case o.Class == provider.NotSent && !o.OffUntil.IsZero():
		return stopped(o, textUncharged)
	case o.Class == provider.NotSent:
		return &FailureObject{Code: fault.CodeProviderUnavailable, Message: textUnreachable}
	}
	return &FailureObject{
		Code: fault.CodeCardDeclined, DeclineCode: o.Decline.Code, Message: provider.Explain(o.Decline.Code).Text,
		NetworkDeclineCode: o.Decline.NetworkDecline, NetworkAdviceCode: o.Decline.NetworkAdvice,
	}
}

// operationTexts are what is said of an operation that did not succeed: what has not happened, and that its provider refused.
var operationTexts = map[Kind]struct{ nothing, refused string }{
	KindCapture: {"Nothing was captured.", "The capture failed. Nothing was captured."},
	KindVoid:    {"Nothing was released.", "The authorization could not be released."},
	KindRefund:  {"Nothing was refunded.", "The refund failed. Nothing was refunded."},
}

// declined says why an outcome of an operation is not a success. The texts of the decline table are about paying.
func (o Operation) declined(p Payment, out provider.Outcome) *FailureObject {
	text := operationTexts[o.Kind]
	if out.Class == provider.NotSent && !out.OffUntil.IsZero() {
		return stopped(out, text.nothing)
	}
	f := p.declined(out)
	if f.Message = text.refused; out.Class == provider.NotSent {
		f.Message = "The provider could not be reached. " + text.nothing
	}
	return f
}

// refused is the error that goes with an operation that failed; nil if it did not.
func (s *Service) refused(object Object, o Operation) error {
	err := s.refusal(object, o.Failure)
	var e *DeclinedError
	if errors.As(err, &e) {
		e.Refused, e.Meaning.Text = o.Kind, o.Failure.Message
	}
	return err
}

// Meaning is what the decline table and the rules of a card's brand say of a failure. After is that of the table.
func (f *FailureObject) Meaning(brand string) provider.Meaning {
	m := f.decline().Meaning(brand)
	if f.RetryAt != nil && m.Retry != provider.RetryNever {
		m.Retry = provider.RetryLater // whatever the payer corrects: the card has been tried too often
	}
	return m
}

func (f *FailureObject) decline() provider.Decline {
	return provider.Decline{Code: f.DeclineCode, NetworkDecline: f.NetworkDeclineCode, NetworkAdvice: f.NetworkAdviceCode, Message: f.Message}
}

// refusal is the error that goes with a payment or an operation that failed; nil if it did not.
func (s *Service) refusal(object Object, f *FailureObject) error {
	if f == nil || f.Code == fault.CodeExpired {
		return nil // nobody refused: its time ran out, which the object says
	}
	return Refusal(object, f, s.Clock.Now())
}

// Refusal is the error that goes with a failure of a payment.
func Refusal(object Object, f *FailureObject, now time.Time) *DeclinedError {
	meaning := f.Meaning(object.Brand())
	if object.PaymentMethod != nil {
		meaning.Text = provider.TextOf(object.PaymentMethod.Type, f.DeclineCode)
	}
	if f.RetryAt != nil && (meaning.Retry == provider.RetryLater || f.Code == fault.CodeKillSwitch) {
		meaning.Retry = provider.RetryLater
		meaning.After = max(time.Second, f.RetryAt.Sub(now))
	}
	return &DeclinedError{Payment: object, Code: f.Code, Decline: f.decline(), Meaning: meaning, Rule: f.RetryRule}
}
