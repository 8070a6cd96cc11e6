// Package providertest is the conformance suite that every connector passes, and what its tests stand on: a sender that
// needs no vault, and faults that can be put before any fake provider.
package providertest

import (
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// Subject describes a connector to the suite.
type Subject struct {
	// New makes the connector.
	New func(provider.Sender) provider.Connector
	// Account is a contract with the fake provider that serves at base.
	Account func(base string) provider.Account
	// Serve makes a fresh fake provider: a hand-written handler with the state that the suite's calls need, which keeps
	// references idempotent as the real one does.
	Serve func(a provider.Account) http.Handler
	// Approved is a card number that the fake approves.
	Approved string
	// Declines are card numbers that it declines, and how the connector must report them.
	Declines map[string]provider.Decline
	// NoInitialReference says that the provider's API has no place for the network's reference of the payment at which its payer agreed.
	NoInitialReference bool
	// Issuer is what its issuers do; the zero value if the connector does not authenticate cardholders.
	Issuer Issuer
	// Bankside is for RunStarter.
	Bankside Bankside
	// Sign makes the headers of a webhook that is sent at a time.
	Sign func(a provider.Account, at time.Time, body []byte) http.Header
	// Webhooks are bodies and what they must be read as.
	Webhooks []Webhook
	// UnknownWebhook is a well-formed body of a type that the connector does not know, and that type.
	UnknownWebhook     string
	UnknownWebhookType string
}

// Webhook is a body and what it must be read as.
type Webhook struct {
	Name string
	Body string
	Want provider.Notification
}

// token is the payer's card in the suite.
const token = "pm_tok_test"

// SignedAt is when the suite's webhooks are signed and read.
var SignedAt = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// bench is one connector with its fake, ready for calls.
type bench struct {
	connector provider.Connector
	account   provider.Account
	faults    *Faults
	ids       *id.Source
	requests  *requestLog
}

func (s Subject) bench(t *testing.T, number string) *bench {
	t.Helper()
	log := &requestLog{}
	faults, base := NewFaults(t)
	account := s.Account(base)
	faults.Put(s.Serve(account))
	sender := Sender{Client: faults.Client(), Sent: log.add, Cards: map[string]Card{
		token: {Number: number, ExpMonth: "08", ExpYear: "2031", CVC: "123", Name: `Zoë "Q" O'Neil & Co`},
	}}
	return &bench{
		connector: s.New(sender), account: account, faults: faults, requests: log,
		ids: id.NewSource(clock.NewManual(SignedAt), rand.Reader),
	}
}

func eur(t testing.TB, minor int64) money.Money {
	t.Helper()
	c, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	return money.Of(minor, c)
}
