package api

import (
	"bytes"
	"context"
	"fmt"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/inbound"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

type fakeBooks struct{}

func eur(minor int64) money.Money {
	c, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	return money.Of(minor, c)
}

func (fakeBooks) Balances(context.Context, string) ([]ledger.Balance, error) {
	return []ledger.Balance{
		{Account: ledger.MerchantAvailable, Class: ledger.Liability, Amount: eur(-1000)},
		{Account: ledger.MerchantPending, Class: ledger.Liability, Amount: eur(9232)},
		{Account: ledger.PSPReceivable + "alpha", Class: ledger.Asset, Amount: eur(8232)},
	}, nil
}

func (fakeBooks) Transactions(context.Context, string, db.Page, string) ([]ledger.Transaction, bool, error) {
	return []ledger.Transaction{{
		Merchant: tenant, ID: "txn_" + someID, Kind: ledger.Sale, Subject: "pay_" + someID, Cause: "att_" + someID, At: start,
		Lines: []ledger.Line{{Account: ledger.MerchantPending, Amount: eur(-9232)}, {Account: ledger.PSPReceivable + "alpha", Amount: eur(9232)}},
	}}, true, nil
}

type fakeEvents struct{}

func someEvent() event.Event {
	body := `{"id":"evt_` + someID + `","object":"event","type":"payment.captured","api_version":"2026-11-22","created_at":"2026-11-22T12:00:00Z","livemode":false,"data":{"id":"pay_` + someID + `","note":"<&>"}}`
	return event.Event{Merchant: tenant, ID: "evt_" + someID, Type: event.PaymentCaptured, Body: []byte(body), CreatedAt: start}
}

func (fakeEvents) Event(_ context.Context, merchant, _ string) (event.Event, error) {
	if merchant != tenant {
		return event.Event{}, fault.Missing("event")
	}
	return someEvent(), nil
}

func (fakeEvents) EventsOf(context.Context, string, db.Page, []event.Type, string) ([]event.Event, bool, error) {
	return []event.Event{someEvent()}, false, nil
}

type fakeAccounts struct{}

func (fakeAccounts) List(context.Context, string) ([]provider.Account, error) {
	return []provider.Account{{Merchant: tenant, ID: "alpha", Provider: "simcard", Settings: map[string]string{"base_url": "http://127.0.0.1:8090/alpha"}}, {ID: "beta", Provider: "simcard"}}, nil
}

func (f fakeAccounts) Get(ctx context.Context, tenant, account string) (provider.Account, error) {
	all, err := f.List(ctx, tenant)
	for _, a := range all {
		if a.ID == account {
			return a, err
		}
	}
	return provider.Account{}, fault.Missing("provider account")
}

// Banks are of iDEAL; the scheme of FPX does not answer.
func (fakeAccounts) Banks(_ context.Context, _ string, m provider.Method, currency string) ([]provider.Bank, error) {
	switch {
	case m == provider.MethodFPX:
		return nil, fault.New(fault.Unavailable, fault.CodeProviderUnavailable, "the provider does not list its banks now")
	case m != provider.MethodIDEAL || currency != "" && currency != "EUR":
		return nil, fault.Wrong("method", fault.CodeInvalid, "has no list of banks")
	}
	return []provider.Bank{{ID: "ideal_canal", Name: "Canal Bank", Available: true}}, nil
}

type fakeKeys struct{}

func someKey() access.Key {
	return access.Key{Tenant: tenant, ID: "key_" + someID, Kind: access.Restricted, Name: "checkout", Hint: "rk_test_…abcd", CreatedAt: start}
}

func (fakeKeys) Get(_ context.Context, merchant, _ string) (access.Key, error) {
	if merchant != tenant {
		return access.Key{}, fault.Missing("key")
	}
	return someKey(), nil
}

func (fakeKeys) List(context.Context, string, db.Page) ([]access.Key, bool, error) {
	return []access.Key{someKey()}, false, nil
}

func (k fakeKeys) Revoke(ctx context.Context, merchant, id string, by audit.By) (access.Key, error) {
	if by.Actor == "" || by.RequestID == "" {
		return access.Key{}, fmt.Errorf("nobody acts: %+v", by)
	}
	key, err := k.Get(ctx, merchant, id)
	key.RevokedAt = start
	return key, err
}

type fakeReceiver struct {
	heard  func(account, provider string, body []byte) error
	commit func(*db.Change) error
}

func (f fakeReceiver) Receive(_ context.Context, m inbound.Message) error {
	body, err := m.Body()
	if err != nil || f.heard == nil {
		return err
	}
	return f.heard(m.Merchant, m.Account, body)
}

func someInbound() inbound.Webhook {
	return inbound.Webhook{
		Merchant: tenant, ID: "iw_" + someID, Account: "alpha", Event: "wh_1", Type: "authorization.captured", Verdict: payment.Unmatched,
		Detail: "reference order-77", Body: []byte(`{"id":"wh_1"}`), Duplicates: 2, CreatedAt: start, Version: 1,
	}
}

func (f fakeReceiver) Get(_ context.Context, merchant, _ string) (inbound.Webhook, error) {
	if merchant != tenant {
		return inbound.Webhook{}, fault.Missing("inbound webhook")
	}
	return someInbound(), nil
}

func (f fakeReceiver) List(context.Context, string, db.Page, inbound.Filter) ([]inbound.Webhook, bool, error) {
	m := someInbound()
	m.Body = nil
	return []inbound.Webhook{m}, false, nil
}

func (f fakeReceiver) Replay(ctx context.Context, merchant, inbound string, with func(*db.Change, inbound.Webhook) error) (inbound.Webhook, error) {
	m, err := f.Get(ctx, merchant, inbound)
	if err != nil {
		return m, err
	}
	m.Verdict, m.Subject, m.AppliedAt = payment.Applied, "pay_"+someID, start
	c := db.NewChange(merchant)
	if err := with(c, m); err != nil || f.commit == nil {
		return m, err
	}
	return m, f.commit(c)
}

type noKeys struct{}

func (noKeys) Find(context.Context, idempotency.Key) (idempotency.Record, bool, error) {
	return idempotency.Record{}, false, nil
}

// plainSealer marks what it sealed, so that a test can see it.
type plainSealer struct{}

func (plainSealer) Seal(plain, _ []byte) ([]byte, error) {
	sealed := bytes.Clone(plain)
	for i := range sealed {
		sealed[i] ^= 0x5a
	}
	return sealed, nil
}

func (s plainSealer) Open(sealed, associated []byte) ([]byte, error) {
	return s.Seal(sealed, associated)
}
