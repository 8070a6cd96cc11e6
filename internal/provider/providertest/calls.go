package providertest

import (
	"context"
	"reflect"
	"testing"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// The suite's calls: what a payment would ask, with fresh references.

func (b *bench) authorization(amount money.Money, capture bool) provider.Authorization {
	return provider.Authorization{
		Reference: b.ids.New(id.Attempt), Payment: b.ids.New(id.Payment), Amount: amount, Capture: capture, Card: token,
		Descriptor: "FLORIN SHOES", Description: `Order "17" & more`,
	}
}

func (b *bench) capture(of provider.Authorization, out provider.Outcome, amount money.Money, final bool) provider.Capture {
	return provider.Capture{Reference: b.ids.New(id.Capture), Original: out.Reference, Attempt: of.Reference, Amount: amount, Final: final}
}

func (b *bench) void(of provider.Authorization, original string) provider.Void {
	return provider.Void{Reference: b.ids.New(id.Void), Original: original, Attempt: of.Reference}
}

func (b *bench) refund(of provider.Authorization, out provider.Outcome, amount money.Money) provider.Refund {
	return provider.Refund{Reference: b.ids.New(id.Refund), Original: out.Reference, Attempt: of.Reference, Amount: amount, Reason: "requested_by_customer"}
}

func as[T any](t *testing.T, b *bench) T {
	t.Helper()
	capable, ok := b.connector.(T)
	if !ok {
		t.Skipf("the connector has no %s", reflect.TypeFor[T]())
	}
	return capable
}

func (b *bench) authorize(t *testing.T, r provider.Authorization) provider.Outcome {
	t.Helper()
	return as[provider.Authorizer](t, b).Authorize(t.Context(), b.account, r)
}

func (b *bench) inquire(t *testing.T, op provider.Operation, reference, original string, of provider.Authorization) provider.Finding {
	t.Helper()
	return as[provider.Inquirer](t, b).Inquire(t.Context(), b.account, provider.Inquiry{
		Operation: op, Reference: reference, Original: original, Attempt: of.Reference,
	})
}

// approved makes an authorization that the next steps of a test need.
func (b *bench) approved(t *testing.T, amount int64, capture bool) (provider.Authorization, provider.Outcome) {
	t.Helper()
	r := b.authorization(eur(t, amount), capture)
	out := b.authorize(t, r)
	state := provider.Authorized
	if capture {
		state = provider.Captured
	}
	want(t, out, provider.Approved, state, eur(t, amount))
	return r, out
}

// step is one call of any kind, for tests that treat all alike.
type step struct {
	name      string
	operation provider.Operation
	reference string
	of        provider.Authorization
	original  string
	amount    money.Money
	state     provider.State
	call      func(ctx context.Context) provider.Outcome
}

// steps prepares, without making them, one call of each operation, each on an authorization of its own.
func (b *bench) steps(t *testing.T) []step {
	t.Helper()
	held, heldOut := b.approved(t, 9232, false)
	open, openOut := b.approved(t, 9232, false)
	taken, takenOut := b.approved(t, 9232, true)
	authorization := b.authorization(eur(t, 9232), false)
	capture := b.capture(held, heldOut, eur(t, 9232), true)
	void := b.void(open, openOut.Reference)
	refund := b.refund(taken, takenOut, eur(t, 9232))
	authorizer, capturer, refunder := as[provider.Authorizer](t, b), as[provider.Capturer](t, b), as[provider.Refunder](t, b)
	return []step{
		{"authorize", provider.OpAuthorize, authorization.Reference, authorization, "", authorization.Amount, provider.Authorized,
			func(ctx context.Context) provider.Outcome { return authorizer.Authorize(ctx, b.account, authorization) }},
		{"capture", provider.OpCapture, capture.Reference, held, heldOut.Reference, capture.Amount, provider.Captured,
			func(ctx context.Context) provider.Outcome { return capturer.Capture(ctx, b.account, capture) }},
		{"void", provider.OpVoid, void.Reference, open, openOut.Reference, money.Money{}, provider.Voided,
			func(ctx context.Context) provider.Outcome { return capturer.Void(ctx, b.account, void) }},
		{"refund", provider.OpRefund, refund.Reference, taken, takenOut.Reference, refund.Amount, provider.Succeeded,
			func(ctx context.Context) provider.Outcome { return refunder.Refund(ctx, b.account, refund) }},
	}
}

// want checks an outcome. A zero amount is not compared.
func want(t *testing.T, out provider.Outcome, class provider.Class, state provider.State, amount money.Money) {
	t.Helper()
	if out.Class != class || out.State != state {
		t.Fatalf("outcome class %d state %q, want %d %q: %+v", out.Class, out.State, class, state, out)
	}
	if !amount.IsZero() && out.Amount != amount {
		t.Fatalf("outcome of %v, want %v: %+v", out.Amount, amount, out)
	}
	if class == provider.Approved && out.Reference == "" {
		t.Fatalf("approved without the provider's reference: %+v", out)
	}
}

func wantClass(t *testing.T, out provider.Outcome, class provider.Class) {
	t.Helper()
	if out.Class != class {
		t.Fatalf("outcome class %d, want %d: %+v", out.Class, class, out)
	}
	if class != provider.Approved && out.Detail == "" && out.Decline == (provider.Decline{}) {
		t.Fatalf("the outcome says nothing for operators: %+v", out)
	}
}
