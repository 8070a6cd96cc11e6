package simcard_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/simcard"
	"github.com/florinpay/florin/internal/sandbox"
	"github.com/florinpay/florin/internal/vault"
)

const disputeData = `"data":{"id":"alpha_dp_1","authorization":"alpha_auth_1","authorization_reference":"att_1","stage":"chargeback","status":"open",
	"amount":9232,"fee":1500,"currency":"EUR","reason":"fraudulent","network_code":"10.4","evidence_due_at":"2026-12-02T13:00:00+01:00","created_at":"2026-11-22T12:00:00Z"}}`

func TestDisputesAreReadInThePortsWords(t *testing.T) {
	connector := simcard.New(nil)
	read := func(kind string, change ...string) (provider.Notification, error) {
		return connector.ReadWebhook(account("http://127.0.0.1:1"), []byte(head(kind)+strings.NewReplacer(change...).Replace(disputeData)))
	}
	n, err := read("dispute.opened")
	if err != nil {
		t.Fatal(err)
	}
	want := provider.Dispute{
		Reference: "alpha_dp_1", Stage: provider.StageChargeback, Status: provider.DisputeNeedsResponse, Amount: eur(9232), Fee: eur(1500),
		ReasonCode: "10.4", Reason: "fraudulent", EvidenceDueAt: time.Date(2026, 12, 2, 12, 0, 0, 0, time.UTC),
	}
	if n.Operation != provider.OpDispute || n.Attempt != "att_1" || n.Dispute == nil || *n.Dispute != want {
		t.Errorf("read as %+v, %+v", n, n.Dispute)
	}
	for kind, c := range map[string]struct {
		word  string
		stage string
		want  provider.DisputeStatus
		at    provider.DisputeStage
	}{
		"dispute.updated":  {"reviewing", "pre_arbitration", provider.DisputeUnderReview, provider.StagePreArbitration},
		"dispute.won":      {"won", "arbitration", provider.DisputeWon, provider.StageArbitration},
		"dispute.lost":     {"lost", "chargeback", provider.DisputeLost, provider.StageChargeback},
		"dispute.accepted": {"accepted", "chargeback", provider.DisputeAccepted, provider.StageChargeback},
		"dispute.expired":  {"expired", "retrieval", provider.DisputeExpired, provider.StageInquiry},
	} {
		n, err := read(kind, `"open"`, `"`+c.word+`"`, `"chargeback"`, `"`+c.stage+`"`)
		if err != nil || n.Dispute.Status != c.want || n.Dispute.Stage != c.at {
			t.Errorf("%s: %+v, %v", kind, n.Dispute, err)
		}
	}
	for name, change := range map[string][]string{
		"no id": {"alpha_dp_1", ""}, "unknown stage": {`"chargeback"`, `"duel"`}, "unknown status": {`"open"`, `"ajar"`}, "no amount": {`"amount":9232,`, ""},
		"nothing": {"9232", "0"}, "a fraction": {"9232", "92.32"}, "no currency": {`"EUR"`, `"EURO"`}, "no fee": {`"fee":1500,`, ""}, "a fee to us": {"1500", "-1500"},
	} {
		if n, err := read("dispute.opened", change...); !fault.Is(err, fault.Malformed) {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
}

// arena is the sandbox with one disputed payment.
type arena struct {
	*testing.T
	faults  *providertest.Faults
	account provider.Account
	speaks  *simcard.Connector
	world   *sandbox.World
	txn     string
	dispute string
	calls   int
}

func newArena(t *testing.T) *arena {
	t.Helper()
	a := &arena{T: t}
	world, err := sandbox.Open(filepath.Join(t.TempDir(), "sandbox.db"), sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
	})
	var base string
	a.faults, base = providertest.NewFaults(t)
	a.world, a.account = world, account(base)
	a.faults.Put(world.Handler())
	if err := world.Register(sandbox.Account{Acquirer: "alpha", APIKey: a.account.Credentials["api_key"], SigningKey: a.account.Credentials["signing_key"]}); err != nil {
		t.Fatal(err)
	}
	a.speaks = simcard.New(providertest.Sender{Client: a.faults.Client(), Cards: map[string]providertest.Card{
		"pm_tok_1": {Number: "4242424242424242", ExpMonth: "01", ExpYear: "2030"},
	}, Sent: func(vault.Request, []byte) { a.calls++ }})
	r := request()
	r.Amount, r.Capture = eur(9232), true
	out := a.speaks.Authorize(t.Context(), a.account, r)
	a.txn = out.Reference
	disputed, err := world.Happen(a.txn, "dispute", sandbox.Choice{})
	if err != nil {
		t.Fatalf("%+v: %v", out, err)
	}
	a.dispute = disputed.Disputes[0].ID
	a.calls = 0
	return a
}

func (a *arena) status() sandbox.Result {
	a.Helper()
	all, err := a.world.Transactions("alpha")
	if err != nil {
		a.Fatal(err)
	}
	return all[0].Disputes[0].Status
}

func (a *arena) evidence() provider.Evidence {
	return provider.Evidence{
		DisputeAnswer: provider.DisputeAnswer{Reference: "da_1", Dispute: a.dispute}, Texts: map[string]string{"explanation": "a \"quote\"\n", "customer_name": "Zoë"},
		Files: []provider.EvidenceFile{{Name: "large.txt", Type: "text/plain", Body: bytes.Repeat([]byte("evidence"), 300_000)}, {Name: "b.txt", Type: "text/plain", Body: []byte("x")}},
	}
}

func TestEvidenceGoesInPiecesAndCountsOnce(t *testing.T) {
	a := newArena(t)
	for range 2 {
		out := a.speaks.SubmitEvidence(t.Context(), a.account, a.evidence())
		if out.Class != provider.Approved || out.State != provider.Pending || a.status() != sandbox.Reviewing {
			t.Fatalf("%+v, at the acquirer it is %s", out, a.status())
		}
	}
	if a.calls != 2*(3+1+1) {
		t.Errorf("%d calls", a.calls)
	}
	other := a.evidence()
	other.Reference = "da_2"
	if out := a.speaks.SubmitEvidence(t.Context(), a.account, other); out.Class != provider.Declined || out.Decline.Raw != "state" {
		t.Errorf("a second answer: %+v", out)
	}
}

func TestAnswersHaveTheirClass(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*arena)
		want   provider.Class
	}{
		"down":          {func(a *arena) { a.down("unavailable") }, provider.NotSent},
		"no connection": {func(a *arena) { a.faults.Refuse() }, provider.NotSent},
		"broken":        {func(a *arena) { a.faults.Spoil(providertest.Status(500)) }, provider.Unknown},
		"half":          {func(a *arena) { a.faults.Spoil(providertest.Half) }, provider.Unknown},
		"of another":    {func(a *arena) { a.faults.Spoil(providertest.Replace(a.dispute, "alpha_dp_other")) }, provider.Unknown},
		"ended":         {func(a *arena) { a.happens("win") }, provider.Declined},
		"unknown":       {func(a *arena) { a.dispute = "alpha_dp_none" }, provider.Declined},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArena(t)
			c.before(a)
			if out := a.speaks.AcceptDispute(t.Context(), a.account, provider.DisputeAnswer{Reference: "da_1", Dispute: a.dispute}); out.Class != c.want {
				t.Errorf("accept: %+v", out)
			}
		})
	}
	a := newArena(t)
	a.down("unavailable")
	if out := a.speaks.SubmitEvidence(t.Context(), a.account, a.evidence()); out.Class != provider.NotSent || a.calls != 1 {
		t.Errorf("evidence whose first piece is refused: %+v after %d calls", out, a.calls)
	}
	if err := a.world.Up("alpha"); err != nil {
		t.Fatal(err)
	}
	if out := a.speaks.AcceptDispute(t.Context(), a.account, provider.DisputeAnswer{Reference: "da_1", Dispute: a.dispute}); out.Class != provider.Approved || out.State != provider.Succeeded || a.status() != sandbox.Accepted {
		t.Errorf("accepted: %+v, at the acquirer it is %s", out, a.status())
	}
}

func (a *arena) down(mode string) {
	a.Helper()
	if _, err := a.world.Down("alpha", time.Minute, mode); err != nil {
		a.Fatal(err)
	}
}

func (a *arena) happens(event string) {
	a.Helper()
	if _, err := a.world.Happen(a.txn, event, sandbox.Choice{}); err != nil {
		a.Fatal(err)
	}
}
