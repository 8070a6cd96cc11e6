package simpayout_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/simpayout"
	"github.com/florinpay/florin/internal/sandbox/payouts"
	"github.com/florinpay/florin/internal/secret"
)

func account(base string) provider.Account {
	return provider.Account{
		Merchant: "acct_shop:test", ID: "payouts", Provider: "simpayout", Settings: map[string]string{"base_url": base + payouts.Prefix + "/"},
		Credentials: map[string]secret.Text{"api_key": secret.New("key"), "signing_key": secret.New("sign"), "webhook_secret": secret.New("hook")},
	}
}

func euros(minor int64) money.Money {
	c, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	return money.Of(minor, c)
}

func webhook(state, more string) string {
	return fmt.Sprintf(`{"id":"evt_1","type":"payout.%s","created_at":"2026-11-22T12:00:00Z","data":{"id":"bank_1","reference":"po_1","status":%[1]q,"amount":9232,"currency":"EUR"%s}}`, state, more)
}

func heard(state string, o provider.Outcome) provider.Notification {
	return provider.Notification{EventID: "evt_1", Type: "payout." + state, Operation: provider.OpPayout, Reference: "po_1", OccurredAt: providertest.SignedAt, Outcome: o}
}

func TestConformanceWithTheSandbox(t *testing.T) {
	worlds := 0
	to := func(name string) provider.Payee {
		return provider.Payee{Name: name, Country: "DE", Number: secret.New("DE89370400440532013000")}
	}
	closed := provider.Decline{Code: provider.InvalidAccount, Raw: "invalid_account"}
	providertest.RunPayouts(t, providertest.PaySubject{
		New: func(s provider.Sender) provider.Connector { return simpayout.New(s) }, Account: account,
		Serve: func(a provider.Account) http.Handler {
			worlds++
			world, err := payouts.Open(filepath.Join(t.TempDir(), strconv.Itoa(worlds)+".db"), payouts.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := world.Close(); err != nil {
					t.Error(err)
				}
			})
			if err := world.Register(payouts.Account{APIKey: a.Credentials["api_key"], SigningKey: a.Credentials["signing_key"]}); err != nil {
				t.Fatal(err)
			}
			return world.Handler()
		},
		Payee: to("Ada Lovelace"), Refused: to("SCENARIO refuse"), Rail: bank.SEPAInstant, Card: "4000056655665556",
		Sign: func(a provider.Account, at time.Time, body []byte) http.Header {
			mac := hmac.New(sha256.New, []byte(a.Credentials["webhook_secret"].Reveal()))
			fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
			return http.Header{"Bank-Signature": {fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))}}
		},
		Webhooks: []providertest.Webhook{
			{Name: "taken", Body: webhook("pending", ""), Want: heard("pending", provider.Outcome{Class: provider.Approved, State: provider.Pending, Reference: "bank_1", Amount: euros(9232)})},
			{Name: "paid", Body: webhook("paid", ""), Want: heard("paid", provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Reference: "bank_1", Amount: euros(9232)})},
			{Name: "failed", Body: webhook("failed", `,"reason":"invalid_account"`), Want: heard("failed", provider.Outcome{Class: provider.Declined, State: provider.Failed, Reference: "bank_1", Decline: closed})},
			{Name: "returned", Body: webhook("returned", `,"reason":"invalid_account"`), Want: heard("returned", provider.Outcome{Class: provider.Approved, State: provider.Returned, Reference: "bank_1", Amount: euros(9232), Decline: closed})},
		},
		UnknownWebhook: `{"id":"evt_1","type":"payout.pondered","created_at":"2026-11-22T12:00:00Z","data":{"id":"bank_1","reference":"po_1","status":"paid"}}`,
	})
}
