package api

import (
	"slices"
	"testing"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/payout"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// The table of codes stands below the packages that give some of them, so it repeats their names.
func TestCodesAreCalledAsThoseWhoGiveThemCallThem(t *testing.T) {
	kinds := map[string]*fault.Error{
		access.CodeKeyMissing: {Kind: fault.Unauthorized}, access.CodeKeyInvalid: {Kind: fault.Unauthorized}, access.CodeKeyExpired: {Kind: fault.Unauthorized},
		provider.CodeSignature: {Kind: fault.Unauthorized},
		access.CodeScope:       {Kind: fault.Forbidden}, access.CodeKeyKind: {Kind: fault.Forbidden}, access.CodeAddress: {Kind: fault.Forbidden},
		access.CodeSuspended: {Kind: fault.Forbidden}, event.ErrTooManyEndpoints.Code: {Kind: fault.Conflict}, payment.CodeTokenUsed: {Kind: fault.Conflict},
		payment.CodeRefundWindow: {Kind: fault.Conflict}, payment.CodeReason: {Kind: fault.Invalid},
		payment.CodeConsentMissing: {Kind: fault.Conflict}, payment.CodeFirstPaymentMissing: {Kind: fault.Conflict},
		customer.CodeDetached: {Kind: fault.Conflict}, customer.CodeTooManyMethods: {Kind: fault.Conflict},
		payout.CodeBalance: {Kind: fault.Conflict}, payout.CodeBlocked: {Kind: fault.Conflict}, payout.CodeUnsupported: {Kind: fault.Invalid}, payout.CodeTwoPersons: {Kind: fault.Forbidden},
		vault.CodeWalletInvalid: {Kind: fault.Invalid}, vault.CodeWalletSignature: {Kind: fault.Invalid}, payment.CodeWalletMismatch: {Kind: fault.Invalid},
		vault.CodeWalletExpired: {Kind: fault.Conflict}, vault.CodeWalletUsed: {Kind: fault.Conflict},
		fault.CodeCursorExpired: {Kind: fault.Gone}, problem.CodeTooManyStreams: {Kind: fault.RateLimited},
		idempotency.CodeKeyInvalid: {Kind: fault.Malformed}, idempotency.CodeKeyReused: {Kind: fault.Reused}, idempotency.CodeKeyInUse: {Kind: fault.InUse},
	}
	for name, e := range kinds {
		i := slices.IndexFunc(problem.Codes, func(c problem.Code) bool { return c.Name == name })
		if i < 0 {
			t.Errorf("%s is not in the table", name)
			continue
		}
		e.Code = name
		if p := problem.Of(e); p.Status != problem.Codes[i].Status || p.Title != problem.Codes[i].Title || p.Code != name {
			t.Errorf("%s is answered as %d %s %q, the table says %d %q", name, p.Status, p.Code, p.Title, problem.Codes[i].Status, problem.Codes[i].Title)
		}
	}
	for kind, name := range map[fault.Kind]string{
		fault.Unauthorized: access.CodeKeyInvalid, fault.Forbidden: access.CodeScope, fault.Reused: idempotency.CodeKeyReused, fault.InUse: idempotency.CodeKeyInUse,
	} {
		if p := problem.Of(fault.New(kind, "", "")); p.Code != name {
			t.Errorf("kind %d without a code is %s, want %s", kind, p.Code, name)
		}
	}
}
