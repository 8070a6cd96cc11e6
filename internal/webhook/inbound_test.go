package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

var signed = http.Header{"Word": {"open sesame"}}

// scripted records what it is told with a verdict of its own, after it has failed as often as it shall.
type scripted struct {
	db      *db.DB
	verdict payment.Verdict
	fails   atomic.Int64
	applied atomic.Int64
}

func (s *scripted) Notify(ctx context.Context, a provider.Account, n provider.Notification, with func(*db.Change, payment.Verdict, string)) error {
	if s.fails.Add(-1) >= 0 {
		return errors.New("the database is away")
	}
	c := db.NewChange(a.Merchant)
	with(c, s.verdict, n.Type)
	if err := s.db.Commit(ctx, c); err != nil {
		return err
	}
	s.applied.Add(1)
	return nil
}

func eachReceiver(t *testing.T, body func(t *testing.T, r *Receiver, s *scripted)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := &scripted{db: d, verdict: payment.Applied}
		body(t, &Receiver{DB: d, Accounts: oneAccount{}, Providers: provider.Registry{"talker": talker{}}, Payments: s, Clock: clock.System{}}, s)
	}, Schema)
}

func TestCopiesOfOneMessageAtOnceAreAppliedOnce(t *testing.T) {
	eachReceiver(t, func(t *testing.T, r *Receiver, s *scripted) {
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := r.Receive(t.Context(), "acct_shop", "alpha", signed, []byte("evt-1")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		m, err := r.find(t.Context(), inbound{Merchant: shop, Account: "alpha", Event: "evt-1"})
		if n := s.applied.Load(); err != nil || n != 1 || m.Duplicates < 1 || m.Duplicates > 9 {
			t.Errorf("applied %d times, %d duplicates, %v", n, m.Duplicates, err)
		}
	})
}

func TestMessagesThatAreNotUnderstoodAreKept(t *testing.T) {
	eachReceiver(t, func(t *testing.T, r *Receiver, s *scripted) {
		for i, verdict := range []payment.Verdict{payment.Unsupported, payment.Unmatched, payment.Contradicted, payment.Known} {
			s.verdict = verdict
			body := fmt.Sprintf("evt-%d", i)
			if err := r.Receive(t.Context(), "acct_shop", "alpha", signed, []byte(body)); err != nil {
				t.Errorf("%s: %v", verdict, err)
			}
			m, err := r.find(t.Context(), inbound{Merchant: shop, Account: "alpha", Event: body})
			if err != nil || m.Verdict != verdict || m.Detail != "test" || string(m.Body) != body {
				t.Errorf("%s: kept %+v, %v", verdict, m, err)
			}
		}
	})
}

// What could not be applied is not recorded, so that the provider's next copy of it is not taken for a duplicate.
func TestAMessageThatCouldNotBeAppliedIsAppliedWhenItComesAgain(t *testing.T) {
	eachReceiver(t, func(t *testing.T, r *Receiver, s *scripted) {
		s.fails.Store(1)
		if err := r.Receive(t.Context(), "acct_shop", "alpha", signed, []byte("evt-1")); err == nil {
			t.Error("it was answered as if it had been applied")
		}
		if _, err := r.find(t.Context(), inbound{Merchant: shop, Account: "alpha", Event: "evt-1"}); !fault.Is(err, fault.NotFound) {
			t.Errorf("recorded: %v", err)
		}
		if err := r.Receive(t.Context(), "acct_shop", "alpha", signed, []byte("evt-1")); err != nil || s.applied.Load() != 1 {
			t.Errorf("applied %d times, %v", s.applied.Load(), err)
		}
	})
}

func TestAMessageWithoutAnIDIsRefused(t *testing.T) {
	eachReceiver(t, func(t *testing.T, r *Receiver, s *scripted) {
		if err := r.Receive(t.Context(), "acct_shop", "alpha", signed, nil); err == nil || s.applied.Load() != 0 {
			t.Errorf("applied %d times, %v", s.applied.Load(), err)
		}
	})
}

// silent is a provider that sends no webhooks.
type silent struct{}

func (silent) Capabilities() provider.Capabilities { return provider.Capabilities{} }

// liveOnly has the account in live mode.
type liveOnly struct{ fails error }

func (l liveOnly) Get(_ context.Context, tenant, account string) (provider.Account, error) {
	if l.fails != nil {
		return provider.Account{}, l.fails
	}
	if tenant != "acct_shop:live" {
		return provider.Account{}, fault.Missing("provider account")
	}
	return provider.Account{Merchant: tenant, ID: account, Provider: "talker"}, nil
}

func TestTheAccountIsFoundInItsMode(t *testing.T) {
	eachReceiver(t, func(t *testing.T, r *Receiver, s *scripted) {
		r.Accounts = liveOnly{}
		if err := r.Receive(t.Context(), "acct_shop", "alpha", signed, []byte("evt-1")); err != nil {
			t.Fatal(err)
		}
		if _, err := r.find(t.Context(), inbound{Merchant: "acct_shop:live", Account: "alpha", Event: "evt-1"}); err != nil {
			t.Error(err)
		}
		away := &fault.Error{Kind: fault.Unavailable, Detail: "away", RetryAfter: time.Second}
		r.Accounts = liveOnly{away}
		if err := r.Receive(t.Context(), "acct_shop", "alpha", signed, []byte("evt-2")); !fault.Is(err, fault.Unavailable) {
			t.Errorf("without a database: %v", err)
		}
		r.Accounts, r.Providers = liveOnly{}, provider.Registry{"talker": silent{}}
		if err := r.Receive(t.Context(), "acct_shop", "alpha", signed, []byte("evt-3")); !fault.Is(err, fault.NotFound) {
			t.Errorf("of a provider without webhooks: %v", err)
		}
	})
}
