package webhook

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// talker is a provider whose messages are their own event id, signed by a word.
type talker struct{}

func (talker) Capabilities() provider.Capabilities { return provider.Capabilities{} }

func (talker) ReadWebhook(_ provider.Account, h http.Header, body []byte, _ time.Time) (provider.Notification, error) {
	if h.Get("Word") != "open sesame" {
		return provider.Notification{}, fault.New(fault.Unauthorized, "signature_invalid", "wrong word")
	}
	return provider.Notification{EventID: string(body), Type: "test"}, nil
}

type oneAccount struct{}

func (oneAccount) Get(_ context.Context, tenant, account string) (provider.Account, error) {
	if tenant != shop || account != "alpha" {
		return provider.Account{}, fault.Missing("provider account")
	}
	return provider.Account{Merchant: shop, ID: "alpha", Provider: "talker"}, nil
}

// ledgerless counts what is applied and records it, as payments do.
type ledgerless struct {
	db      *db.DB
	applied int
}

func (l *ledgerless) Notify(ctx context.Context, a provider.Account, _ provider.Notification, with func(*db.Change, payment.Verdict, string)) error {
	c := db.NewChange(a.Merchant)
	with(c, payment.Applied, "")
	if err := l.db.Commit(ctx, c); err != nil {
		return err
	}
	l.applied++
	return nil
}

func TestMessagesAreVerifiedRecordedOnceAndApplied(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		payments := &ledgerless{db: d}
		r := &Receiver{DB: d, Accounts: oneAccount{}, Providers: provider.Registry{"talker": talker{}}, Payments: payments, Clock: clock.System{}}
		signed := http.Header{"Word": {"open sesame"}}
		for range 3 {
			if err := r.Receive(t.Context(), "acct_shop", "alpha", signed, []byte("evt-1")); err != nil {
				t.Fatal(err)
			}
		}
		m, err := r.find(t.Context(), inbound{Merchant: shop, Account: "alpha", Event: "evt-1"})
		if err != nil || m.Duplicates != 2 || string(m.Body) != "evt-1" || m.Verdict != payment.Applied || payments.applied != 1 {
			t.Errorf("recorded %+v, %v; applied %d times", m, err, payments.applied)
		}
		for name, c := range map[string]struct {
			account, provider string
			header            http.Header
			want              fault.Kind
		}{
			"forged":           {"acct_shop", "alpha", http.Header{}, fault.Unauthorized},
			"unknown merchant": {"acct_none", "alpha", signed, fault.NotFound},
			"unknown provider": {"acct_shop", "gamma", signed, fault.NotFound},
		} {
			if err := r.Receive(t.Context(), c.account, c.provider, c.header, []byte("evt-2")); !fault.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := r.find(t.Context(), inbound{Merchant: shop, Account: "alpha", Event: "evt-2"}); !fault.Is(err, fault.NotFound) {
			t.Errorf("a refused message was recorded: %v", err)
		}
	}, Schema)
}
