package payment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/simcard"
	"github.com/florinpay/florin/internal/sandbox"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

// street is a till that is joined to the simulated acquirers by HTTP, both ways.
type street struct {
	*till
	world    *sandbox.World
	url      string
	receiver string // where webhooks go
	accounts places
	wallet   wallet
	heard    chan heard
}

// heard is a webhook, and what became of it.
type heard struct {
	kind    string
	attempt string // which it is about
	verdict Verdict
	err     error
}

// wallet is the cards by their tokens.
type wallet map[string]providertest.Card

func (w wallet) Describe(_ context.Context, _, token string) (vault.Description, error) {
	card, ok := w[token]
	if !ok {
		return vault.Description{}, fault.Missing("token")
	}
	return vault.Description{Token: token, Brand: "visa", Last4: card.Number[len(card.Number)-4:], ExpMonth: 8, ExpYear: 2031}, nil
}

// places are provider accounts in the merchant's order.
type places []provider.Account

func (p places) Get(_ context.Context, _, account string) (provider.Account, error) {
	for _, a := range p {
		if a.ID == account {
			return a, nil
		}
	}
	return provider.Account{}, fault.Missing("provider account")
}

func (p places) List(context.Context, string) ([]provider.Account, error) { return p, nil }

// eachStreet runs a test on both engines.
func eachStreet(t *testing.T, body func(*street)) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		s := &street{wallet: wallet{}, heard: make(chan heard, 1000)}
		s.open(t, now)
		sender := providertest.Sender{Client: &http.Client{Transport: &http.Transport{}}, Cards: s.wallet}
		s.till = newTill(t, d, now, Options{
			Cards: s.wallet, Accounts: s.accounts, Providers: provider.Registry{"simcard": simcard.New(sender)},
		})
		t.Cleanup(s.tells)
		body(s)
		s.audit()
	}, customer.Schema, event.Schema, ledger.Schema, Schema)
}

// open makes the world, the accounts in it, and the receiver of its webhooks. What a scenario holds is let go at once: the
// caller then has no answer, without having waited for it.
func (s *street) open(t *testing.T, now *clock.Manual) {
	t.Helper()
	world, err := sandbox.Open(filepath.Join(t.TempDir(), "world.db"), sandbox.Options{
		Clock: now, Wait: func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(s.receive))
	outside := httptest.NewServer(world.Handler())
	t.Cleanup(func() {
		outside.Close()
		if err := world.Close(); err != nil {
			t.Error(err)
		}
		receiver.Close()
	})
	s.world, s.url, s.receiver = world, outside.URL, receiver.URL
	for _, name := range []string{"alpha", "beta"} {
		key, hook := secret.New("key-"+name), secret.New("hook-"+name)
		err := world.Register(sandbox.Account{Acquirer: name, APIKey: key, SigningKey: key, WebhookURL: receiver.URL + "/" + name, WebhookSecret: hook})
		if err != nil {
			t.Fatal(err)
		}
		s.accounts = append(s.accounts, provider.Account{
			Merchant: shop, ID: name, Provider: "simcard", Settings: map[string]string{"base_url": outside.URL + "/" + name},
			Credentials: map[string]secret.Text{"api_key": key, "signing_key": key, "webhook_secret": hook},
		})
	}
}

// tells shows of a test that failed what the acquirers said to every try: the decline that a payment ended with does not say it.
func (s *street) tells() {
	if !s.Failed() {
		return
	}
	ctx := context.WithoutCancel(s.Context())
	all, _, err := s.store.payments(ctx, shop, Page{Limit: 100}, Filter{})
	for _, p := range all {
		var tries []Attempt
		if tries, err = s.store.attempts(ctx, shop, p.ID); err != nil {
			break
		}
		for _, a := range tries {
			s.Logf("%s at %s: %s: %s", a.ourReference(), a.Account, a.State, a.Detail)
		}
	}
	if err != nil {
		s.Logf("what was tried cannot be read: %v", err)
	}
}

func (s *street) receive(w http.ResponseWriter, r *http.Request) {
	account, err := s.accounts.Get(r.Context(), shop, strings.TrimPrefix(r.URL.Path, "/"))
	var body []byte
	if err == nil {
		body, err = io.ReadAll(r.Body)
	}
	var n provider.Notification
	if err == nil {
		err = (*simcard.Connector)(nil).VerifyWebhook(account, r.Header, body, s.now.Now())
	}
	if err == nil {
		n, err = (*simcard.Connector)(nil).ReadWebhook(account, body)
	}
	h := heard{kind: n.Type, attempt: n.Attempt}
	if err == nil {
		err = s.Notify(r.Context(), account, n, func(_ *db.Change, said Heard) error { h.verdict = said.Verdict; return nil })
	}
	if h.err = err; err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
	s.heard <- h
}

// hook waits for a webhook of a type and tells what became of it. Others that come before are let pass.
func (s *street) hook(kind string) Verdict {
	s.Helper()
	for patience := time.After(time.Minute); ; {
		select {
		case h := <-s.heard:
			if h.err != nil {
				s.Fatalf("webhook %s: %v", h.kind, h.err)
			}
			if h.kind == kind {
				return h.verdict
			}
		case <-patience:
			s.Fatalf("no webhook %s came", kind)
		}
	}
}

// told waits until a webhook about an attempt came, whatever became of it: the world has come as far. Others that come before are let pass.
func (s *street) told(attempt, kind string) {
	s.Helper()
	for patience := time.After(time.Minute); ; {
		select {
		case h := <-s.heard:
			if h.attempt == attempt && h.kind == kind {
				return
			}
		case <-patience:
			s.Fatalf("no webhook %s of %s came", kind, attempt)
		}
	}
}

// agrees tells whether a message said what was known, or was faster than the answer to the call.
func agrees(v Verdict) bool { return v == Known || v == Applied }

// passes moves the clock for the worker and for the world.
func (s *street) passes(d time.Duration) {
	s.Helper()
	s.later(d)
	s.world.Wake()
}

// card puts a card into the wallet. A name is SCENARIO and what is to go wrong.
func (s *street) card(number, scenario string) string {
	name := "Ada Lovelace"
	if scenario != "" {
		name = "SCENARIO " + scenario
	}
	token := fmt.Sprintf("pm_tok_%026d", len(s.wallet))
	s.wallet[token] = providertest.Card{Number: number, ExpMonth: "08", ExpYear: "2031", CVC: "123", Name: name}
	return token
}

// buy makes a payment at the first acquirer. A decline is no failure of the test.
func (s *street) buy(number, scenario string, capture bool) (Object, error) {
	s.Helper()
	in := order(capture)
	in.Choice.Token = s.card(number, scenario)
	o, err := s.Create(s.Context(), in, alone{})
	var refused *DeclinedError
	if err != nil && !errors.As(err, &refused) {
		s.Fatalf("create: %v", err)
	}
	return o, err
}

// happens presses one of the world's buttons.
func (s *street) happens(o Object, what string) {
	s.Helper()
	r, err := http.Post(s.url+"/control/transactions/"+o.ProviderReference+"/"+what, "application/json", strings.NewReader("{}"))
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		body, err := io.ReadAll(r.Body)
		s.Fatalf("%s: %s %s %v", what, r.Status, body, err)
	}
}

// charges is how many transactions of a payment hold or took money, at both acquirers.
func (s *street) charges(o Object, want int) {
	s.Helper()
	sum := 0
	for number := range int64(3) {
		n, err := s.world.Charges(attemptReference(o.ID, number+1))
		if err != nil {
			s.Error(err)
		}
		sum += n
	}
	if sum != want {
		s.Errorf("the acquirers have %d charges, want %d", sum, want)
	}
}

const visa = "4242424242424242"
