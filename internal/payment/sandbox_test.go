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
	for patience := time.After(10 * time.Second); ; {
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
	for patience := time.After(10 * time.Second); ; {
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

// Every name of the contract that makes something go wrong, and the end that it must come to.
func TestScenariosOfTheContract(t *testing.T) {
	eachStreet(t, func(s *street) {
		for scenario, c := range map[string]struct {
			first, last Status
			charges     int
		}{
			"":                      {Captured, Captured, 1},
			"slow":                  {Captured, Captured, 1},
			"timeout_before":        {Processing, Failed, 0},
			"timeout_after":         {Processing, Captured, 1},
			"error_500":             {Processing, Failed, 0},
			"down":                  {Captured, Captured, 1}, // at the second
			"duplicate_webhook":     {Captured, Captured, 1},
			"late_webhook":          {Captured, Captured, 1},
			"out_of_order_webhooks": {Captured, Captured, 1},
			"no_webhook":            {Captured, Captured, 1},
			"late_approval":         {Processing, Captured, 1},
		} {
			o, err := s.buy(visa, scenario, true)
			overtaken := o.Status == c.last && scenario == "timeout_after" // by the webhook
			if o.Status != c.first && !overtaken || (err != nil) != (c.first == Failed) {
				s.Errorf("%q: %s, %v", scenario, o.Status, err)
			}
			s.passes(20 * time.Minute)
			if scenario == "late_approval" { // the world looks at its clock in its own time
				s.told(attemptReference(o.ID, 1), "authorization.late_approved")
			}
			s.passes(20 * time.Minute)
			if o = s.status(o.ID); o.Status != c.last {
				s.Errorf("%q ends %s, want %s", scenario, o.Status, c.last)
			}
			s.charges(o, c.charges)
			if rows, err := s.store.contradictions(s.Context(), shop, o.ID); err != nil || len(rows) > 0 {
				s.Errorf("%q: %+v, %v", scenario, rows, err)
			}
		}
	})
}

// The same for what follows an authorization: the operation ends as the acquirer has it, once.
func TestScenariosOfOperations(t *testing.T) {
	eachStreet(t, func(s *street) {
		for _, fate := range []string{"timeout_before", "timeout_after", "slow", "error_500", "down"} {
			clean := map[string]bool{"timeout_after": true, "slow": true}[fate] // else the scenario meets each repeat, too
			held, _ := s.buy(visa, fate+" capture", false)
			canceled, _ := s.buy(visa, fate+" void", false)
			sold, _ := s.buy(visa, fate+" refund", true)
			_, _ = s.Capture(s.Context(), shop, held.ID, 4_000, true, alone{})
			_, _ = s.Cancel(s.Context(), shop, canceled.ID, "", alone{})
			if _, err := s.Refund(s.Context(), shop, sold.ID, RefundRequest{Amount: 4_000}, alone{}); err != nil {
				s.Errorf("%s: refund: %v", fate, err)
			}
			s.passes(time.Hour)
			held, canceled, sold = s.status(held.ID), s.status(canceled.ID), s.status(sold.ID)
			if clean {
				s.expect(held, Captured, 4_000, 0)
				s.expect(canceled, Canceled, 0, 0)
				s.expect(sold, Captured, 10_000, 4_000)
				continue
			}
			s.expect(held, Authorized, 0, 0)
			s.expect(canceled, Authorized, 0, 0)
			if state := sold.Refunds[0].Status; state != "pending" { // nobody knows, or it waits until the acquirer is back
				s.Errorf("%s: the refund is %s", fate, state)
			}
		}
	})
}

func TestWebhooksOfTheContractAreApplied(t *testing.T) {
	eachStreet(t, func(s *street) {
		if _, err := s.buy(visa, "duplicate_webhook", true); err != nil {
			s.Fatal(err)
		}
		for range 2 {
			if v := s.hook("authorization.captured"); !agrees(v) {
				s.Errorf("a duplicate is %s", v)
			}
		}
		if _, err := s.buy(visa, "late_webhook", true); err != nil {
			s.Fatal(err)
		}
		s.passes(time.Minute)
		if v := s.hook("authorization.captured"); v != Known {
			s.Errorf("a late webhook is %s", v)
		}
		if _, err := s.buy(visa, "out_of_order_webhooks", true); err != nil {
			s.Fatal(err)
		}
		s.hook("authorization.captured")
		s.passes(time.Minute)
		if v := s.hook("authorization.authorized"); v != Known {
			s.Errorf("a message of before is %s", v)
		}
		o, _ := s.buy(visa, "late_approval", true)
		s.now.Advance(6 * time.Second)
		s.world.Wake()
		if v := s.hook("authorization.late_approved"); v != Applied {
			s.Errorf("a late approval is %s", v)
		}
		s.expect(s.status(o.ID), Captured, 10_000, 0)
	})
}

func TestAShiftedAmountIsFollowed(t *testing.T) {
	eachStreet(t, func(s *street) {
		sale, _ := s.buy(visa, "amount_shift", true)
		s.passes(time.Minute)
		if v := s.hook("authorization.captured"); v != Applied {
			s.Errorf("the clearing of a sale is %s", v)
		}
		held, _ := s.buy(visa, "amount_shift", false)
		if _, err := s.Capture(s.Context(), shop, held.ID, 5_000, true, alone{}); err != nil {
			s.Fatal(err)
		}
		s.passes(time.Minute)
		if v := s.hook("operation.succeeded"); v != Applied {
			s.Errorf("the clearing of a capture is %s", v)
		}
		for o, captured := range map[*Object]int64{&sale: 10_000, &held: 5_000} {
			s.expect(s.status(o.ID), Captured, captured*9/10, 0)
			if entries := s.entries(o.ID, "contradiction"); len(entries) != 0 {
				s.Errorf("the timeline has %v", entries)
			}
		}
	})
}

func TestACardWhoseCaptureFails(t *testing.T) {
	const number = "4000000000000341"
	eachStreet(t, func(s *street) {
		o, _ := s.buy(number, "", false)
		s.expect(o, Authorized, 0, 0)
		var refused *DeclinedError
		if _, err := s.Capture(s.Context(), shop, o.ID, 0, false, alone{}); !errors.As(err, &refused) || refused.Decline.Code != provider.TransactionNotAllowed {
			s.Errorf("captured: %v", err)
		}
		if v := s.hook("operation.failed"); !agrees(v) {
			s.Errorf("its webhook is %s", v)
		}
		s.passes(time.Minute)
		s.expect(s.status(o.ID), Authorized, 0, 0)
		if o, err := s.Cancel(s.Context(), shop, o.ID, "", alone{}); err != nil || o.Status != Canceled {
			s.Errorf("canceled: %+v, %v", o, err)
		}
		sale, err := s.buy(number, "", true)
		if err != nil {
			s.Fatal(err)
		}
		s.expect(sale, Authorized, 0, 0)
		if v := s.hook("operation.failed"); v != Known {
			s.Errorf("the webhook of a sale is %s", v)
		}
		s.passes(8 * 24 * time.Hour)
		s.passes(time.Hour)
		s.expect(s.status(sale.ID), Expired, 0, 0)
		s.charges(sale, 0)
	})
}

func TestACardWhoseRefundFailsLater(t *testing.T) {
	const number = "4000000000005126"
	eachStreet(t, func(s *street) {
		for scenario, told := range map[string]bool{"": true, "no_webhook": false} {
			o, _ := s.buy(number, scenario, true)
			r, err := s.Refund(s.Context(), shop, o.ID, RefundRequest{Amount: 6_000}, alone{})
			if err != nil || r.Status != "pending" {
				s.Fatalf("%+v, %v", r, err)
			}
			s.expect(s.status(o.ID), Captured, 10_000, 6_000)
			s.now.Advance(4 * time.Second)
			if told {
				s.world.Wake()
				if v := s.hook("operation.failed"); v != Applied {
					s.Errorf("its webhook is %s", v)
				}
			} else if err := s.world.CatchUp(); err != nil {
				s.Fatal(err)
			}
			s.passes(time.Hour)
			if r, err = s.GetRefund(s.Context(), shop, r.ID); err != nil || r.Status != "failed" || r.Failure.DeclineCode != provider.InvalidAccount {
				s.Errorf("%+v, %v", r, err)
			}
			s.expect(s.status(o.ID), Captured, 10_000, 0)
		}
		if s.balance("refund_flight") != 0 || s.balance("merchant_available") != 0 {
			s.Error("a failed refund is still in the books")
		}
	})
}

func TestCardsOfTheContractAreDeclinedForTheirReason(t *testing.T) {
	eachStreet(t, func(s *street) {
		for number, code := range map[string]provider.DeclineCode{
			"4000000000000002": provider.DoNotHonor, "4000000000009995": provider.InsufficientFunds, "4000000000009979": provider.StolenCard,
			"4000000000000069": provider.ExpiredCard, "4000000000000127": provider.IncorrectCVC, "4000000000000119": provider.ProcessingError,
			"4100000000000019": provider.RiskDecline,
		} {
			o, err := s.buy(number, "", true)
			var refused *DeclinedError
			if !errors.As(err, &refused) || refused.Decline.Code != code || o.Failure.DeclineCode != code || o.Status != Failed {
				s.Errorf("%s: %v, %+v", number, err, o.Failure)
			}
			if v := s.hook("authorization.declined"); !agrees(v) {
				s.Errorf("%s: its webhook is %s", number, v)
			}
			s.charges(o, 0)
		}
		for _, number := range []string{visa, "5555555555554444", "378282246310005", "4000000000000259"} {
			o, err := s.buy(number, "", true)
			if err != nil || o.Status != Captured {
				s.Errorf("%s: %+v, %v", number, o, err)
			}
		}
		in := order(true)
		in.Choice.Token, in.ProviderAccounts = s.card("4000000000000077", ""), []string{"beta"}
		if o, err := s.Create(s.Context(), in, alone{}); err != nil || o.Status != Captured || o.Provider != "beta" {
			s.Errorf("at beta: %+v, %v", o, err)
		}
		s.passes(time.Minute)
		if v := s.hook("dispute.opened"); v != Unsupported {
			s.Errorf("a dispute is %s", v)
		}
	})
}

func TestWhatTheAcquirerDoesUnaskedIsHeard(t *testing.T) {
	eachStreet(t, func(s *street) {
		for button, kind := range map[string]string{"void": "authorization.voided", "expire": "authorization.expired"} {
			o, _ := s.buy(visa, "", false)
			s.happens(o, button)
			if v := s.hook(kind); v != Applied {
				s.Errorf("%s is %s", kind, v)
			}
			s.expect(s.status(o.ID), Expired, 0, 0)
			silent, _ := s.buy(visa, "no_webhook", false)
			s.happens(silent, button)
			if _, err := s.Capture(s.Context(), shop, silent.ID, 0, false, alone{}); !errors.As(err, new(*DeclinedError)) {
				s.Errorf("captured what is gone: %v", err)
			}
			s.passes(time.Minute)
			s.expect(s.status(silent.ID), Expired, 0, 0)
		}
		o, _ := s.buy(visa, "", true)
		r, err := s.Refund(s.Context(), shop, o.ID, RefundRequest{}, alone{})
		if err != nil || r.Status != "succeeded" {
			s.Fatalf("%+v, %v", r, err)
		}
		s.happens(o, "fail_refund")
		if v := s.hook("operation.failed"); v != Contradicted {
			s.Errorf("a refund that came back is %s", v)
		}
		if s.balance("auth_hold") != 0 {
			s.Error("something is still on hold in the books")
		}
	})
}
