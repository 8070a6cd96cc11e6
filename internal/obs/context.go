package obs

import "context"

// Field is what a context can carry for the log lines that are written under it. The set is closed.
type Field string

// The fields.
const (
	RequestID      Field = "request_id"
	IdempotencyKey Field = "idempotency_key"
	PaymentID      Field = "payment_id"
	AttemptID      Field = "attempt_id"
	MerchantID     Field = "merchant_id"
)

// fields are the closed set, in the order of a log line.
var fields = [...]Field{RequestID, IdempotencyKey, PaymentID, AttemptID, MerchantID}

// carried has a place for each field: adding one to a context is one small copy.
type carried [len(fields)]string

type carriedKey struct{}

// With is a context under which log lines carry a field. An empty value takes the field away; an unknown field is a
// mistake in the program and panics.
func With(ctx context.Context, f Field, value string) context.Context {
	var next carried
	if c := carriedBy(ctx); c != nil {
		next = *c
	}
	next[f.place()] = value
	return context.WithValue(ctx, carriedKey{}, &next)
}

// Value is what a context carries for a field; empty if nothing.
func Value(ctx context.Context, f Field) string {
	if c := carriedBy(ctx); c != nil {
		return c[f.place()]
	}
	return ""
}

func (f Field) place() int {
	for i, known := range fields {
		if f == known {
			return i
		}
	}
	panic("obs: no such field: " + string(f))
}

func carriedBy(ctx context.Context) *carried {
	c, _ := ctx.Value(carriedKey{}).(*carried)
	return c
}
