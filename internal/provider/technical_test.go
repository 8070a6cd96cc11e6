package provider

import (
	"fmt"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/vault"
)

func TestWhatSpeaksAgainstAProvider(t *testing.T) {
	declined := func(code DeclineCode, network string) Outcome {
		return Outcome{Class: Declined, Decline: Decline{Code: code, NetworkDecline: network}}
	}
	for _, c := range []struct {
		name string
		o    Outcome
		of   Operation
		want bool
	}{
		{"no answer", Doubt("no answer in time"), OpAuthorize, true},
		{"what nobody classified", Outcome{}, OpVoid, true},
		{"connection refused", FromSend(fmt.Errorf("%w: refused", vault.ErrNotSent)), OpRefund, true},
		{"a card that the vault has not", FromSend(fmt.Errorf("%w: %w", vault.ErrNotSent, fault.Missing("token"))), OpAuthorize, false},
		{"held back", Shut("breaker_open", time.Now()), OpAuthorize, false},
		{"approved", Outcome{Class: Approved, State: Authorized}, OpAuthorize, false},
		{"pending", Outcome{Class: Approved, State: Pending}, OpPayout, false},
		{"an issuer's no", declined(DoNotHonor, "05"), OpAuthorize, false},
		{"an issuer that is away", declined(IssuerUnavailable, "91"), OpAuthorize, false},
		{"a network's trouble", declined(ProcessingError, "96"), OpAuthorize, false},
		{"the provider's own trouble", declined(ProcessingError, ""), OpAuthorize, true},
		{"the provider's own trouble with a payout", declined(ProcessingError, ""), OpPayout, true},
		{"a capture that it refuses", declined(ProcessingError, ""), OpCapture, false},
		{"a transaction that it has not", Absent("unknown_transaction"), OpRefund, false},
	} {
		if got := c.o.Technical(c.of); got != c.want {
			t.Errorf("%s, of %s: %t", c.name, c.of, got)
		}
	}
}

func TestWhatOfAnAuthenticationSpeaksAgainstAProvider(t *testing.T) {
	said := func(status string) AuthenticationOutcome {
		return AuthenticationOutcome{Class: Approved, ThreeDS: ThreeDS{Status: status}}
	}
	for _, c := range []struct {
		name           string
		o              AuthenticationOutcome
		call, question bool
		class          string
	}{
		{"no answer", AuthenticationOutcome{Class: Unknown}, true, true, "unknown"},
		{"not sent, or of an inquiry: not found", AuthenticationOutcome{Class: NotSent}, true, false, "not_found"},
		{"a card that the vault has not", AuthenticationOutcome{Class: NotSent, Withheld: true}, false, false, "not_found"},
		{"it would not ask", AuthenticationOutcome{Class: Declined}, false, false, "declined"},
		{"authenticated", said("Y"), false, false, "approved"},
		{"not authenticated", said("N"), false, false, "approved"},
		{"rejected", said("R"), false, false, "approved"},
		{"not available", said("U"), false, false, "approved"},
		{"a challenge", AuthenticationOutcome{Class: Approved, Pending: true}, false, false, "approved"},
	} {
		if c.o.Technical() != c.call || c.o.TechnicalInquiry() != c.question || c.o.FoundClass() != c.class {
			t.Errorf("%s: %t, of an inquiry %t, %s", c.name, c.o.Technical(), c.o.TechnicalInquiry(), c.o.FoundClass())
		}
	}
}

func TestAnInquiryFailsOnlyIfItHasNoAnswer(t *testing.T) {
	for _, c := range []struct {
		f     Finding
		want  bool
		class string
	}{
		{Unanswered(Doubt("no answer in time")), true, "unknown"},
		{Unanswered(Shut("breaker_open", time.Now())), false, "unknown"},
		{NotFound(), false, "not_found"},
		{Found(Outcome{Class: Approved}), false, "approved"},
		{Found(Outcome{Class: Declined, Decline: Decline{Code: ProcessingError}}), false, "declined"},
		{Found(Outcome{}), true, "unknown"},
	} {
		if c.f.Technical() != c.want || c.f.Class() != c.class {
			t.Errorf("%+v: %t, %s", c.f, c.f.Technical(), c.f.Class())
		}
	}
}
