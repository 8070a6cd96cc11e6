package inbound

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

func TestMessagesAreVerifiedRecordedOnceAndApplied(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.script.subject = "pay_1"
		for range 3 {
			x.hear("evt-1")
		}
		m := x.only()
		if !id.Has(m.ID, id.InboundWebhook) || m.Event != "evt-1" || m.Type != "test" || m.Duplicates != 2 || string(m.Body) != "evt-1" || m.Account != "alpha" {
			x.Errorf("recorded %+v", m)
		}
		if m.Verdict != payment.Applied || m.Subject != "pay_1" || !m.AppliedAt.Equal(x.now.Now()) || !m.CreatedAt.Equal(x.now.Now()) || !m.DueAt.IsZero() || x.script.applied.Load() != 1 {
			x.Errorf("recorded %+v, applied %d times", m, x.script.applied.Load())
		}
		x.counted("applied", 1)
		x.counted(duplicate, 2)
		if n := x.number("florin_inbound_webhook_seconds", "talker"); n != 3 {
			x.Errorf("%v were measured", n)
		}
	})
}

func TestWhatDoesNotVerifyIsRefusedAndCounted(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		broken := errors.New("cut off")
		for name, c := range map[string]struct {
			change func(*Message)
			kind   fault.Kind
			is     error
			count  string
		}{
			"forged":                 {func(m *Message) { m.Header = forged }, fault.Unauthorized, nil, badSignature},
			"not signed":             {func(m *Message) { m.Header = nil }, fault.Unauthorized, nil, badSignature},
			"of yesterday":           {func(m *Message) { m.Header = stale }, fault.Unauthorized, provider.ErrWebhookTime, tooOld},
			"cut off":                {func(m *Message) { m.Body = func() ([]byte, error) { return nil, broken } }, fault.Internal, broken, incomplete},
			"to an unknown merchant": {func(m *Message) { m.Merchant = "acct_none" }, fault.NotFound, nil, unknownAccount},
			"to an unknown account":  {func(m *Message) { m.Account = "gamma" }, fault.NotFound, nil, unknownAccount},
			"to a long merchant":     {func(m *Message) { m.Merchant = strings.Repeat("a", 65) }, fault.NotFound, nil, unknownAccount},
			"to a long account":      {func(m *Message) { m.Account = strings.Repeat("a", 65) }, fault.NotFound, nil, unknownAccount},
		} {
			m := letter(signed, "evt-1")
			c.change(&m)
			before := x.number("florin_inbound_webhooks_total", connectorOf(c.count), c.count)
			err := x.Receive(x.Context(), m)
			if !fault.Is(err, c.kind) || c.is != nil && !errors.Is(err, c.is) {
				x.Errorf("%s: %v", name, err)
			}
			x.counted(c.count, before+1)
		}
		if all := x.all(); len(all) != 0 || x.script.applied.Load() != 0 {
			x.Errorf("recorded %+v", all)
		}
	})
}

func connectorOf(count string) string {
	if count == unknownAccount {
		return nobody
	}
	return "talker"
}

func TestTheAccountIsFoundInItsMode(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.hear("evt-1")
		found, _, err := x.List(x.Context(), "acct_shop:live", db.Page{Limit: 2}, Filter{})
		if err != nil || len(found) != 1 || found[0].Event != "evt-1" {
			x.Errorf("recorded %+v, %v", found, err)
		}
		away := &fault.Error{Kind: fault.Unavailable, Detail: "away", RetryAfter: time.Second}
		x.Accounts = liveOnly{fails: away}
		if err := x.Receive(x.Context(), letter(signed, "evt-2")); !fault.Is(err, fault.Unavailable) {
			x.Errorf("without a database: %v", err)
		}
		x.Accounts = liveOnly{provider: "silent"}
		if err := x.Receive(x.Context(), letter(signed, "evt-3")); !fault.Is(err, fault.NotFound) {
			x.Errorf("of a provider without webhooks: %v", err)
		}
	}, func(o *ReceiverOptions) { o.Accounts = liveOnly{} })
}

func TestCopiesOfOneMessageAtOnceAreAppliedOnce(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		var all sync.WaitGroup
		for range 60 {
			all.Go(func() { x.hear("evt-1") })
		}
		all.Wait()
		if m, n := x.only(), x.script.applied.Load(); n != 1 || m.Duplicates != 59 {
			x.Errorf("applied %d times, %d duplicates", n, m.Duplicates)
		}
		x.counted(duplicate, 59)
	})
}

func TestMessagesThatAreNotUnderstoodAreKept(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		for _, verdict := range []payment.Verdict{payment.Unsupported, payment.Unmatched, payment.Contradicted, payment.Known} {
			x.script.verdict = verdict
			x.hear("evt " + string(verdict))
			m := x.all()[0]
			if m.Verdict != verdict || m.Detail != "test" || string(m.Body) != "evt "+string(verdict) || !m.AppliedAt.IsZero() {
				x.Errorf("%s: kept %+v", verdict, m)
			}
			found, _, err := x.List(x.Context(), shop, db.Page{Limit: 100}, Filter{Account: "alpha", Verdict: verdict})
			if err != nil || len(found) != 1 || found[0].ID != m.ID || found[0].Body != nil {
				x.Errorf("%s: listed %+v, %v", verdict, found, err)
			}
		}
		if found, _, err := x.List(x.Context(), shop, db.Page{Limit: 100}, Filter{Account: "beta"}); err != nil || len(found) != 0 {
			x.Errorf("of another account: %+v, %v", found, err)
		}
		if _, err := x.Get(x.Context(), "acct_other:test", x.all()[0].ID); !fault.Is(err, fault.NotFound) {
			x.Errorf("another merchant's: %v", err)
		}
	})
}

// A provider would send what cannot be read again and again, and in the end nothing at all.
func TestWhatIsSignedAndCannotBeReadIsKept(t *testing.T) {
	for body, detail := range map[string]string{
		"mumble":                  "it mumbles",
		"mumble \xff\xfe\x00\x80": "it mumbles",
		"hollow":                  "the webhook has characters that cannot be kept",
	} {
		t.Run(fmt.Sprintf("%q", body), func(t *testing.T) {
			eachInbox(t, func(x *inbox) {
				x.hear(body)
				x.hear(body)
				m := x.only()
				if m.Verdict != Unreadable || m.Detail != detail || string(m.Body) != body || m.Duplicates != 1 || !m.DueAt.IsZero() || x.script.applied.Load() != 0 {
					x.Errorf("kept %+v", m)
				}
				x.counted("unreadable", 1)
			})
		})
	}
}

func TestWhatCannotBeBelievedKeepsItsName(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.hear("nonsense 1")
		x.hear("nonsense 2") // the same event, told in other words
		if m := x.only(); m.Verdict != Unreadable || m.Event != "nonsense" || m.Type != "absurd" || m.Duplicates != 1 || string(m.Body) != "nonsense 1" {
			x.Errorf("kept %+v", m)
		}
	})
}

func TestAMessageWithoutAnIDThatCanBeKeptIsKnownByItsBody(t *testing.T) {
	for name, body := range map[string]string{
		"none":          "anonymous",
		"empty":         "",
		"invalid UTF-8": "evt \xff",
		"NUL":           "evt \x00",
		"line break":    "evt\n1",
		"too long":      strings.Repeat("e", 256),
		"a card number": "evt 4242424242424242",
	} {
		t.Run(name, func(t *testing.T) {
			eachInbox(t, func(x *inbox) {
				for range 2 {
					x.hear(body)
				}
				sum := sha256.Sum256([]byte(body))
				if m := x.only(); m.Event != "sha256:"+hex.EncodeToString(sum[:]) || m.Verdict != payment.Applied || m.Duplicates != 1 {
					x.Errorf("recorded %+v", m)
				}
				x.hear("anonymous, another")
				if n := len(x.all()); n != 2 {
					x.Errorf("%d records of two messages", n)
				}
			})
		})
	}
}

func TestCardNumbersAreNotKept(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.hear(`{"n":"4242 4242 4242 4242","reference":"378282246310005","m":[5555555555554444]}`)
		m := x.only()
		if want := `{"n":"**** **** **** 4242","reference":"378282246310005","m":[9999999999994444]}`; string(m.Body) != want {
			x.Errorf("kept %s", m.Body)
		}
		if m.Event != eventID("", []byte(`{"n":"4242 4242 4242 4242","reference":"378282246310005","m":[5555555555554444]}`)) {
			x.Errorf("known as %s", m.Event)
		}
	})
	for in, want := range map[string]string{
		"card 4242424242424242 declined": "card ************4242 declined",
		"a\x00b\xffc\nd\u202e":           "abcd",
		strings.Repeat("é", 300):         strings.Repeat("é", 250),
		strings.Repeat("x", 499) + "é":   strings.Repeat("x", 499),
	} {
		if got := words(in, maxDetail); got != want {
			t.Errorf("%q is kept as %q", in, got)
		}
	}
}

func TestTheBodyIsReadAfterTheCallerIsKnown(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		m := letter(signed, "")
		m.Account, m.Body = "gamma", func() ([]byte, error) {
			x.Error("the body of a message to nobody was read")
			return nil, nil
		}
		if err := x.Receive(x.Context(), m); !fault.Is(err, fault.NotFound) {
			x.Error(err)
		}
	})
}

func TestMessagesLeaveWhenTheyAreOldEnough(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.hear("evt-1")
		x.script.fails.Store(1 << 30)
		x.hear("evt-2") // it waits to be applied
		kept := x.now.Now().Add(time.Hour)
		x.now.Advance(time.Hour)
		x.hear("evt-3")
		for step, want := range []int64{2, 0} {
			if n, err := x.Prune(x.Context(), kept); n != want || err != nil {
				x.Errorf("step %d: %d deleted, %v", step, n, err)
			}
		}
		if m := x.only(); m.Event != "evt-3" {
			x.Errorf("left %+v", m)
		}
	})
}
