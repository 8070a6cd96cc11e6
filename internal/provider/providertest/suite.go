package providertest

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

// Run is the suite: what the core relies on from every connector.
func Run(t *testing.T, s Subject) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Subject)
	}{
		{"Authorize", testAuthorize},
		{"Sale", testSale},
		{"Agreements", testAgreements},
		{"Declines", testDeclines},
		{"PartialCaptures", testPartialCaptures},
		{"FinalCaptureReleasesTheRest", testFinalCapture},
		{"InquiryTellsWhatStands", testWhatStands},
		{"VoidByOwnReference", testVoidByOwnReference},
		{"VoidOfNothing", testVoidOfNothing},
		{"RefundsInParts", testRefunds},
		{"ReplayIsStable", testReplay},
		{"Inquiries", testInquiries},
		{"FailedInquiryProvesNothing", testFailedInquiry},
		{"Faults", testFaults},
		{"RefusedConnectionIsNotSent", testRefusedConnection},
		{"CanceledCallIsUnknown", testCanceled},
		{"RequestsKeepToTheContract", testRequests},
		{"Webhooks", testWebhooks},
		{"Authentication", testAuthentication},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

func testAuthorize(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	_, out := b.approved(t, 9232, false)
	if out.NetworkReference == "" {
		t.Error("the scheme's transaction id is lost")
	}
}

func testSale(t *testing.T, s Subject) {
	s.bench(t, s.Approved).approved(t, 1, true)
}

// What is charged while nobody is there refers to the payment at which its payer agreed, and that one refers to none.
func testAgreements(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	first := b.authorization(eur(t, 9232), true)
	first.Stored = true
	out := b.authorize(t, first)
	want(t, out, provider.Approved, provider.Captured, eur(t, 9232))
	sent := b.requests.all()
	agreed := sent[len(sent)-1].body
	later := b.authorization(eur(t, 500), true)
	later.OffSession, later.InitialNetworkReference = true, out.NetworkReference
	want(t, b.authorize(t, later), provider.Approved, provider.Captured, eur(t, 500))
	sent = b.requests.all()
	charged := sent[len(sent)-1].body
	if reference := []byte(out.NetworkReference); out.NetworkReference == "" || bytes.Contains(agreed, reference) || bytes.Contains(charged, reference) == s.NoInitialReference {
		t.Errorf("the agreement sent %s\nand what it allows %s, which should refer to %q unless it cannot", agreed, charged, reference)
	}
	for _, special := range []struct {
		provider.Authorization
		body []byte
	}{{first, agreed}, {later, charged}} {
		plain := b.authorization(special.Amount, true)
		plain.Reference, plain.Payment = special.Reference, special.Payment
		b.authorize(t, plain)
		if sent = b.requests.all(); bytes.Equal(special.body, sent[len(sent)-1].body) {
			t.Errorf("an agreement, or what it allows, is sent like any other payment: %s", special.body)
		}
	}
}

func testDeclines(t *testing.T, s Subject) {
	for number, decline := range s.Declines {
		t.Run(decline.Raw, func(t *testing.T) {
			b := s.bench(t, number)
			r := b.authorization(eur(t, 9232), true)
			out := b.authorize(t, r)
			wantClass(t, out, provider.Declined)
			out.Decline.Message = decline.Message
			if out.Decline != decline {
				t.Errorf("declined with %+v, want %+v", out.Decline, decline)
			}
			found := b.inquire(t, provider.OpAuthorize, r.Reference, out.Reference, r)
			if !found.Found || found.Outcome.Class != provider.Declined || found.Outcome.Decline.Code != decline.Code {
				t.Errorf("an inquiry finds %+v", found)
			}
		})
	}
}

func testPartialCaptures(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	if !provider.CapabilitiesOf(b.connector, b.account).PartialCaptures {
		t.Skip("one capture is all it can do")
	}
	r, out := b.approved(t, 9232, false)
	for _, part := range []int64{5000, 4000, 232} {
		capture := b.capture(r, out, eur(t, part), false)
		want(t, as[provider.Capturer](t, b).Capture(t.Context(), b.account, capture), provider.Approved, provider.Captured, eur(t, part))
	}
	wantClass(t, as[provider.Capturer](t, b).Capture(t.Context(), b.account, b.capture(r, out, eur(t, 1), false)), provider.Declined)
}

func testFinalCapture(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	r, out := b.approved(t, 9232, false)
	want(t, as[provider.Capturer](t, b).Capture(t.Context(), b.account, b.capture(r, out, eur(t, 5000), true)),
		provider.Approved, provider.Captured, eur(t, 5000))
	wantClass(t, as[provider.Capturer](t, b).Capture(t.Context(), b.account, b.capture(r, out, eur(t, 1), true)), provider.Declined)
}

// The core asks how an authorization stands after an operation on it: what was captured in all, or that it is gone. What is
// over cannot be voided or captured, and says so as a refusal.
func testWhatStands(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	capturer := as[provider.Capturer](t, b)
	stands := func(r provider.Authorization, out provider.Outcome, state provider.State, amount money.Money) {
		t.Helper()
		found := b.inquire(t, provider.OpAuthorize, r.Reference, out.Reference, r)
		if !found.Found {
			t.Fatalf("an inquiry finds nothing: %+v", found)
		}
		want(t, found.Outcome, provider.Approved, state, amount)
	}
	held, heldOut := b.approved(t, 9232, false)
	stands(held, heldOut, provider.Authorized, eur(t, 9232))
	want(t, capturer.Capture(t.Context(), b.account, b.capture(held, heldOut, eur(t, 5000), true)), provider.Approved, provider.Captured, eur(t, 5000))
	stands(held, heldOut, provider.Captured, eur(t, 5000))
	gone, goneOut := b.approved(t, 9232, false)
	want(t, capturer.Void(t.Context(), b.account, b.void(gone, goneOut.Reference)), provider.Approved, provider.Voided, money.Money{})
	stands(gone, goneOut, provider.Voided, money.Money{})
	wantClass(t, capturer.Capture(t.Context(), b.account, b.capture(gone, goneOut, eur(t, 1), true)), provider.Declined)
	sold, soldOut := b.approved(t, 9232, true)
	wantClass(t, capturer.Void(t.Context(), b.account, b.void(sold, soldOut.Reference)), provider.Declined)
	stands(sold, soldOut, provider.Captured, eur(t, 9232))
}

func testVoidByOwnReference(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	r, _ := b.approved(t, 9232, false)
	want(t, as[provider.Capturer](t, b).Void(t.Context(), b.account, b.void(r, "")), provider.Approved, provider.Voided, money.Money{})
	if found := b.inquire(t, provider.OpAuthorize, r.Reference, "", r); found.Outcome.State != provider.Voided {
		t.Errorf("after the void an inquiry finds %+v", found)
	}
}

// A reversal of what never arrived must say so, and not pass for a void that was done.
func testVoidOfNothing(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	out := as[provider.Capturer](t, b).Void(t.Context(), b.account, b.void(b.authorization(eur(t, 1), true), ""))
	want(t, out, provider.Declined, provider.Missing, money.Money{})
}

func testRefunds(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	r, out := b.approved(t, 9232, true)
	for _, part := range []int64{1000, 8000, 232} {
		want(t, as[provider.Refunder](t, b).Refund(t.Context(), b.account, b.refund(r, out, eur(t, part))),
			provider.Approved, provider.Succeeded, eur(t, part))
	}
	wantClass(t, as[provider.Refunder](t, b).Refund(t.Context(), b.account, b.refund(r, out, eur(t, 1))), provider.Declined)
}

// The same call again must be the same bytes, so that the provider can recognize it, and end in the same outcome.
func testReplay(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	for _, step := range b.steps(t) {
		t.Run(step.name, func(t *testing.T) {
			before := len(b.requests.all())
			first, second := step.call(t.Context()), step.call(t.Context())
			want(t, first, provider.Approved, step.state, step.amount)
			if first != second {
				t.Errorf("first %+v, then %+v", first, second)
			}
			sent := b.requests.all()[before:]
			for i, j := 0, len(sent)/2; j < len(sent); i, j = i+1, j+1 {
				if sent[i].URL != sent[j].URL || !bytes.Equal(sent[i].body, sent[j].body) || !maps.EqualFunc(sent[i].Header, sent[j].Header, equalSecret) {
					t.Errorf("request %d differs when it is made again", i)
				}
			}
		})
	}
}

func testInquiries(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	for _, step := range b.steps(t) {
		t.Run(step.name, func(t *testing.T) {
			if found := b.inquire(t, step.operation, step.reference, step.original, step.of); found.Found || found.Outcome.Class == provider.Unknown {
				t.Fatalf("before the call an inquiry finds %+v", found)
			}
			out := step.call(t.Context())
			originals := []string{step.original}
			if step.original != "" {
				originals = append(originals, "") // the provider never told its reference
			}
			for _, original := range originals {
				found := b.inquire(t, step.operation, step.reference, original, step.of)
				if !found.Found {
					t.Fatalf("after the call an inquiry finds nothing: %+v", found)
				}
				want(t, found.Outcome, provider.Approved, out.State, out.Amount)
				if found.Outcome.Reference != out.Reference {
					t.Errorf("an inquiry finds %q, the call was %q", found.Outcome.Reference, out.Reference)
				}
			}
		})
	}
}

func testFailedInquiry(t *testing.T, s Subject) {
	for name, spoil := range map[string]Spoil{
		"500": Answer(500, `{"error":"oops"}`), "garbage": Answer(200, "<html>"), "half": Half, "401": Answer(401, `{}`), "404 page": Answer(404, "404 page not found"),
	} {
		t.Run(name, func(t *testing.T) {
			b := s.bench(t, s.Approved)
			r, _ := b.approved(t, 9232, false)
			b.faults.Spoil(spoil)
			if found := b.inquire(t, provider.OpAuthorize, r.Reference, "", r); found.Found || found.Outcome.Class != provider.Unknown {
				t.Errorf("found %+v", found)
			}
		})
	}
	t.Run("refused connection", func(t *testing.T) {
		b := s.bench(t, s.Approved)
		b.faults.Refuse()
		r := b.authorization(eur(t, 1), true)
		if found := b.inquire(t, provider.OpAuthorize, r.Reference, "", r); found.Found || found.Outcome.Class != provider.Unknown {
			t.Errorf("found %+v", found)
		}
	})
}

// Every answer that cannot be believed leaves the call unknown, whatever the operation; and the inquiry then tells.
func testFaults(t *testing.T, s Subject) {
	for name, spoil := range map[string]Spoil{
		"500": Answer(500, `{"error":"internal"}`), "502 page": Answer(502, "<html>Bad Gateway</html>"), "500 with a good body": Status(500),
		"garbage": Answer(200, "<html>welcome</html>"), "empty": Answer(200, ""), "null": Answer(200, "null"), "empty object": Answer(200, "{}"),
		"half a body": Half, "connection cut": Cut, "3xx": Answer(302, "{}"), "unreadable refusal": Answer(400, "no"),
	} {
		t.Run(name, func(t *testing.T) {
			b := s.bench(t, s.Approved)
			steps := b.steps(t)
			b.faults.Spoil(spoil)
			for _, step := range steps {
				wantClass(t, step.call(t.Context()), provider.Unknown)
			}
			b.faults.Spoil(nil)
			for _, step := range steps {
				if found := b.inquire(t, step.operation, step.reference, step.original, step.of); !found.Found || found.Outcome.Class != provider.Approved {
					t.Errorf("the provider did it, but an inquiry about %s finds %+v", step.name, found)
				}
			}
		})
	}
	for name, spoil := range map[string]func(step) Spoil{
		"other reference": func(p step) Spoil { return Replace(p.reference, "att_other") },
		"other currency":  func(step) Spoil { return ReplaceFold("eur", "usd") },
		"no currency":     func(step) Spoil { return ReplaceFold("eur", "") },
		"larger amount":   func(step) Spoil { return Replace("9232", "92320") },
		"amount as text":  func(step) Spoil { return Replace("9232", `"9232"`) },
		"zero amount":     func(step) Spoil { return Replace("9232", "0") },
		"fraction":        func(step) Spoil { return Replace("9232", "92.32") },
		"amount missing":  func(step) Spoil { return Replace(`"amount`, `"no_amount`) },
	} {
		t.Run(name, func(t *testing.T) {
			b := s.bench(t, s.Approved)
			for _, step := range b.steps(t) {
				if step.operation == provider.OpVoid {
					continue // its answer need not have an amount, and the reference may be in the path alone
				}
				b.faults.Spoil(spoil(step))
				wantClass(t, step.call(t.Context()), provider.Unknown)
			}
		})
	}
}

func testRefusedConnection(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	steps := b.steps(t)
	b.faults.Refuse()
	for _, step := range steps {
		wantClass(t, step.call(t.Context()), provider.NotSent)
	}
}

// A caller that loses patience after the request was written knows nothing.
func testCanceled(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	steps := b.steps(t)
	for _, step := range steps {
		ctx, cancel := context.WithCancel(t.Context())
		b.faults.Spoil(func(w http.ResponseWriter, r *http.Request, status int, body []byte) {
			cancel()
			Silence(w, r, status, body)
		})
		wantClass(t, step.call(ctx), provider.Unknown)
	}
	for _, step := range steps {
		ctx := &deadline{Context: t.Context(), passed: make(chan struct{})}
		b.faults.Spoil(func(w http.ResponseWriter, r *http.Request, status int, body []byte) {
			ctx.pass()
			Silence(w, r, status, body)
		})
		wantClass(t, step.call(ctx), provider.Unknown)
	}
}

// deadline is a context whose time is over when the test says so: once the request has arrived, however slow the machine is.
type deadline struct {
	context.Context
	once   sync.Once
	passed chan struct{}
}

func (d *deadline) pass() { d.once.Do(func() { close(d.passed) }) }

func (d *deadline) Done() <-chan struct{} { return d.passed }

func (d *deadline) Err() error {
	select {
	case <-d.passed:
		return context.DeadlineExceeded
	default:
		return d.Context.Err()
	}
}

// A request names its tenant and account, goes where the account says, and has card fields only where a card is named.
func testRequests(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	for _, step := range b.steps(t) {
		step.call(t.Context())
		b.inquire(t, step.operation, step.reference, step.original, step.of)
	}
	capabilities := provider.CapabilitiesOf(b.connector, b.account)
	for i, r := range b.requests.all() {
		if r.Merchant != b.account.Merchant || r.Account != b.account.ID {
			t.Errorf("request %d is for %s %s", i, r.Merchant, r.Account)
		}
		if !strings.HasPrefix(r.URL, b.account.Settings["base_url"]+"/") {
			t.Errorf("request %d goes to %s", i, r.URL)
		}
		if r.Timeout != capabilities.Timeout {
			t.Errorf("request %d waits %s, the connector promised %s", i, r.Timeout, capabilities.Timeout)
		}
		fields := 0
		for _, segment := range r.Request.Body {
			if segment.Field != vault.NoField {
				fields++
			}
		}
		if (fields > 0) != (r.Card != "") {
			t.Errorf("request %d has %d card fields and names card %q", i, fields, r.Card)
		}
		for name, value := range b.account.Credentials {
			if strings.Contains(r.URL, value.Reveal()) || bytes.Contains(r.body, []byte(value.Reveal())) {
				t.Errorf("request %d shows %s outside its headers", i, name)
			}
		}
	}
	if got := len(b.requests.all()); got == 0 {
		t.Error("nothing was sent")
	}
}

func equalSecret(a, b secret.Text) bool { return a.Equal(b) }
