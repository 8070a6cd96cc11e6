package providertest

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/secret"
)

// PaySubject describes a connector that pays out to the suite.
type PaySubject struct {
	// New makes the connector.
	New func(provider.Sender) provider.Connector
	// Account is a contract with the fake provider that serves at base.
	Account func(base string) provider.Account
	// Serve makes a fresh provider, which keeps references idempotent as the real one does.
	Serve func(a provider.Account) http.Handler
	// Payee is one whose payouts are taken, Refused one whose payouts are refused at once.
	Payee, Refused provider.Payee
	Rail           bank.RailName
	// Card is a card number that takes money.
	Card string
	// Sign makes the headers of a webhook that is sent at a time.
	Sign func(a provider.Account, at time.Time, body []byte) http.Header
	// Webhooks are bodies and what they must be read as.
	Webhooks []Webhook
	// UnknownWebhook is a well-formed body of a type that the connector does not know.
	UnknownWebhook string
}

// payBench is one connector with its provider, ready for calls.
type payBench struct {
	*testing.T
	PaySubject
	payer   provider.Payer
	account provider.Account
	faults  *Faults
	log     *requestLog
	ids     *id.Source
}

func (s PaySubject) bench(t *testing.T) *payBench {
	t.Helper()
	b := &payBench{T: t, PaySubject: s, log: &requestLog{}, ids: id.NewSource(clock.NewManual(SignedAt), rand.Reader)}
	faults, base := NewFaults(t)
	b.faults, b.account = faults, s.Account(base)
	faults.Put(s.Serve(b.account))
	connector := s.New(Sender{Client: faults.Client(), Sent: b.log.add, Cards: map[string]Card{
		token: {Number: s.Card, ExpMonth: "08", ExpYear: "2031", Name: `Zoë "Q" O'Neil & Co`},
	}})
	payer, ok := connector.(provider.Payer)
	if !ok {
		t.Fatal("the connector does not pay out")
	}
	b.payer = payer
	return b
}

func (b *payBench) order(to provider.Payee) provider.Payout {
	return provider.Payout{Reference: b.ids.New(id.Payout), Amount: eur(b.T, 9232), Rail: b.Rail, Payee: to, Descriptor: "FLORIN"}
}

func (b *payBench) pay(p provider.Payout) provider.Outcome {
	ctx, cancel := context.WithTimeout(b.Context(), time.Second)
	defer cancel()
	return b.payer.Pay(ctx, b.account, p)
}

func (b *payBench) ask(reference string) provider.Finding {
	ctx, cancel := context.WithTimeout(b.Context(), time.Second)
	defer cancel()
	return b.payer.InquirePayout(ctx, b.account, provider.PayoutInquiry{Reference: reference})
}

// RunPayouts is the suite of connectors that pay out: what the core relies on.
func RunPayouts(t *testing.T, s PaySubject) {
	for name, run := range map[string]func(*payBench){
		"Taken": testTaken, "Refused": testPayRefused, "ReplayIsStable": testPayReplay, "NotFound": testPayNotFound, "ToACard": testToACard,
		"Faults": testPayFaults, "RefusedConnectionIsNotSent": testPayNotSent, "NumbersAreNotInURLs": testPayRequests, "Webhooks": testPayWebhooks,
	} {
		t.Run(name, func(t *testing.T) { run(s.bench(t)) })
	}
}

func testTaken(b *payBench) {
	p := b.order(b.Payee)
	out := b.pay(p)
	if out.Class != provider.Approved || out.State != provider.Pending && out.State != provider.Succeeded || out.Reference == "" || out.Amount != p.Amount {
		b.Fatalf("taken: %+v", out)
	}
	found := b.ask(p.Reference)
	if !found.Found || found.Outcome.Class != provider.Approved || found.Outcome.Reference != out.Reference {
		b.Errorf("an inquiry finds %+v", found)
	}
}

func testPayRefused(b *payBench) {
	p := b.order(b.PaySubject.Refused)
	out := b.pay(p)
	if out.Class != provider.Declined || out.Decline.Code == "" {
		b.Fatalf("refused: %+v", out)
	}
	if found := b.ask(p.Reference); found.Found && found.Outcome.Class != provider.Declined {
		b.Errorf("an inquiry finds %+v", found)
	}
}

func testPayReplay(b *payBench) {
	p := b.order(b.Payee)
	first, second := b.pay(p), b.pay(p)
	if first.Reference == "" || first.Reference != second.Reference {
		b.Errorf("a repeat made another payout: %+v, %+v", first, second)
	}
	p.Amount = eur(b.T, 1)
	if out := b.pay(p); out.Class == provider.Approved || out.Class == provider.NotSent {
		b.Errorf("another payout with the same reference: %+v", out)
	}
}

func testPayNotFound(b *payBench) {
	if found := b.ask(b.ids.New(id.Payout)); found.Found || found.Outcome.Class == provider.Unknown {
		b.Errorf("an inquiry about nothing finds %+v", found)
	}
	b.faults.Spoil(Answer(404, "<html>not here</html>"))
	if found := b.ask(b.ids.New(id.Payout)); found.Found || found.Outcome.Class != provider.Unknown {
		b.Errorf("a 404 that is not the provider's own proves nothing: %+v", found)
	}
}

func testToACard(b *payBench) {
	out := b.pay(b.order(provider.Payee{Card: token}))
	if out.Class != provider.Approved {
		b.Errorf("pushed to a card: %+v", out)
	}
}

// What was sent and not answered as it should be is unknown, and an inquiry that fails proves nothing.
func testPayFaults(b *payBench) {
	for name, spoil := range map[string]Spoil{
		"silence": Silence, "500": Status(500), "502": Answer(502, "bad gateway"), "half": Half, "cut": Cut, "empty": Answer(200, ""), "null": Answer(200, "null"),
		"another amount": Replace("9232", "9231"), "another currency": Replace(`"EUR"`, `"USD"`),
	} {
		b.faults.Spoil(nil)
		p := b.order(b.Payee)
		b.faults.Spoil(spoil)
		if out := b.pay(p); out.Class != provider.Unknown {
			b.Errorf("%s: %+v", name, out)
		}
		if name != "another amount" && name != "another currency" {
			if found := b.ask(p.Reference); found.Found || found.Outcome.Class != provider.Unknown {
				b.Errorf("%s: an inquiry finds %+v", name, found)
			}
		}
		b.faults.Spoil(nil)
		if found := b.ask(p.Reference); !found.Found {
			b.Errorf("%s: the payout was taken, and an inquiry finds %+v", name, found)
		}
	}
}

func testPayNotSent(b *payBench) {
	b.faults.Refuse()
	if out := b.pay(b.order(b.Payee)); out.Class != provider.NotSent {
		b.Errorf("a refused connection: %+v", out)
	}
	if found := b.ask("po_1"); found.Found || found.Outcome.Class != provider.Unknown {
		b.Errorf("an inquiry that was not sent proves nothing: %+v", found)
	}
}

// Numbers are personal data: they stand in bodies, never in an address, which others log.
func testPayRequests(b *payBench) {
	p := b.order(b.Payee)
	b.pay(p)
	b.ask(p.Reference)
	for _, r := range b.log.all() {
		if number := b.Payee.Number.Reveal(); number != "" && strings.Contains(r.URL, number) {
			b.Errorf("%s has the payee's number", r.URL)
		}
		if r.Timeout <= 0 || r.Account != b.account.ID || r.Merchant != b.account.Merchant {
			b.Errorf("a request without a deadline, or of another account: %+v", r.Request)
		}
	}
}

func testPayWebhooks(b *payBench) {
	reader, ok := b.payer.(provider.WebhookReader)
	if !ok {
		b.Skip("it takes no webhooks")
	}
	for _, w := range b.PaySubject.Webhooks {
		n, err := reader.ReadWebhook(b.account, []byte(w.Body))
		if err != nil || n != w.Want {
			b.Errorf("%s: read as %+v, %v; want %+v", w.Name, n, err, w.Want)
		}
		body, headers := []byte(w.Body), b.Sign(b.account, SignedAt, []byte(w.Body))
		if err := reader.VerifyWebhook(b.account, headers, body, SignedAt); err != nil {
			b.Errorf("%s: %v", w.Name, err)
		}
		if err := reader.VerifyWebhook(b.account, headers, append(body, ' '), SignedAt); err == nil {
			b.Errorf("%s: changed, and taken", w.Name)
		}
		if err := reader.VerifyWebhook(b.account, headers, body, SignedAt.Add(time.Hour)); err == nil {
			b.Errorf("%s: an hour old, and taken", w.Name)
		}
		other := b.account
		other.Credentials = map[string]secret.Text{}
		if err := reader.VerifyWebhook(other, headers, body, SignedAt); err == nil {
			b.Errorf("%s: taken without a secret", w.Name)
		}
	}
	if n, err := reader.ReadWebhook(b.account, []byte(b.UnknownWebhook)); err != nil || n.Operation != "" {
		b.Errorf("an unknown type: %+v, %v", n, err)
	}
	for _, body := range []string{"", "{", "null", "[]", `{"id":"evt_1"}`} {
		if n, err := reader.ReadWebhook(b.account, []byte(body)); err == nil {
			b.Errorf("%q is read as %+v", body, n)
		}
	}
}
