package simbank_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/simbank"
	"github.com/florinpay/florin/internal/sandbox/bank"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

var update = flag.Bool("update", false, "write the golden requests anew")

func account(base string) provider.Account {
	return provider.Account{
		Merchant: "acct_dev:test", ID: "bank", Provider: "simbank", Settings: map[string]string{"base_url": base + "/bank"},
		Credentials: map[string]secret.Text{
			"api_key": secret.New("bank-key-0001"), "signing_key": secret.New("bank-signing-0001"), "webhook_secret": secret.New("bank-hook-0001"),
		},
	}
}

func signed(a provider.Account, at time.Time, body []byte) http.Header {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(a.Credentials["webhook_secret"].Reveal()))
	mac.Write([]byte(stamp + "." + string(body)))
	return http.Header{"Bank-Signature": {"t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))}}
}

func eur(minor int64) money.Money {
	c, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	return money.Of(minor, c)
}

// event is a recorded webhook.
func event(t *testing.T, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const paymentID, refundID = "bank_payment_01m89x00000000000000000000", "bank_refund_01m89x00000000000000000000"

func webhooks(t *testing.T) []providertest.Webhook {
	told := func(name string, op provider.Operation, reference string, out provider.Outcome) providertest.Webhook {
		return providertest.Webhook{Name: name, Body: event(t, name), Want: provider.Notification{EventID: "bank_evt_1", Type: name, Operation: op, Reference: reference,
			Attempt: "att_1", OccurredAt: time.Date(2026, 11, 22, 11, 59, 58, 500_000_000, time.UTC), Outcome: out}}
	}
	declined := func(code provider.DeclineCode, raw, message string) provider.Outcome {
		return provider.Outcome{Class: provider.Declined, Reference: paymentID, Detail: message, Decline: provider.Decline{Code: code, Raw: raw, Message: message}}
	}
	returned := declined(provider.InvalidAccount, "account_closed", "the payer's account is closed")
	returned.State, returned.Reference = provider.Failed, refundID
	return []providertest.Webhook{
		told("payment.pending", provider.OpAuthorize, "att_1", provider.Outcome{Class: provider.Approved, State: provider.Pending, Amount: eur(9232), Reference: paymentID}),
		told("payment.paid", provider.OpAuthorize, "att_1", provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: eur(9232), Reference: paymentID}),
		told("payment.expired", provider.OpAuthorize, "att_1", provider.Outcome{Class: provider.Approved, State: provider.Voided, Amount: eur(9232), Reference: paymentID}),
		told("payment.rejected", provider.OpAuthorize, "att_1", declined(provider.ConsentDeclined, "consent_declined", "the payer did not consent")),
		told("refund.succeeded", provider.OpRefund, "ref_1", provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: eur(1000), Reference: refundID}),
		told("refund.failed", provider.OpRefund, "ref_1", returned),
	}
}

func TestConformance(t *testing.T) {
	worlds := 0
	press := func(event string) func(*testing.T, string, provider.Account, provider.Start, provider.Outcome) {
		return func(t *testing.T, base string, _ provider.Account, _ provider.Start, out provider.Outcome) {
			t.Helper()
			root := strings.TrimSuffix(base, "/bank")
			answer, err := http.Post(root+"/control/bank/payments/"+out.Reference+"/"+event, "application/json", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s, %v", event, answer.Status, err)
			}
		}
	}
	providertest.RunStarter(t, providertest.Subject{
		New: func(s provider.Sender) provider.Connector { return simbank.New(s) }, Account: account,
		Serve: func(a provider.Account) http.Handler {
			worlds++
			world, err := bank.Open(filepath.Join(t.TempDir(), strconv.Itoa(worlds)+".db"), stage.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := world.Close(); err != nil {
					t.Error(err)
				}
			})
			if err := world.Register(stage.Account{APIKey: a.Credentials["api_key"], SigningKey: a.Credentials["signing_key"]}); err != nil {
				t.Fatal(err)
			}
			return world.Handler()
		},
		Bankside: providertest.Bankside{
			Kinds: map[provider.Method]provider.ActionKind{provider.MethodBankRedirect: provider.ActionRedirect},
			Pay: func(t *testing.T, base string, a provider.Account, r provider.Start, out provider.Outcome) {
				press("approve")(t, base, a, r, out)
				press("complete")(t, base, a, r, out)
			},
			Decline: press("decline"),
		},
		Sign: signed, Webhooks: webhooks(t),
		UnknownWebhook: `{"id":"bank_evt_9","type":"mandate.created","created_at":"2026-11-22T11:59:58Z","data":{}}`, UnknownWebhookType: "mandate.created",
	})
}

// A payment that the payer consented to is pending until the bank says more, whatever their browser saw.
func TestAConsentIsNotThePayment(t *testing.T) {
	world, err := bank.Open(filepath.Join(t.TempDir(), "bank.db"), stage.Options{Delays: stage.Delays{Settle: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
	})
	faults, base := providertest.NewFaults(t)
	faults.Put(world.Handler())
	a := account(base)
	if err := world.Register(stage.Account{APIKey: a.Credentials["api_key"], SigningKey: a.Credentials["signing_key"]}); err != nil {
		t.Fatal(err)
	}
	c := simbank.New(providertest.Sender{Client: faults.Client()})
	asked := request()
	asked.Bank, asked.ExpiresAt = "", time.Time{} // by the machine's clock
	out := c.Start(t.Context(), a, asked)
	u, err := url.Parse(out.Action.URL)
	if err != nil || !strings.HasPrefix(out.Action.URL, base+"/bank/pay/") {
		t.Fatalf("the payer is sent to %q, %v", out.Action.URL, err)
	}
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, form := range []url.Values{{"do": {"choose"}, "bank": {"northbank"}}, {"do": {"login"}, "user": {"a"}, "password": {"b"}}, {"do": {"approve"}}} {
		answer, err := stay.PostForm(u.String(), form)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusSeeOther {
			t.Fatalf("%v: %s, %v", form, answer.Status, err)
		}
	}
	f := c.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpAuthorize, Reference: "att_1", Attempt: "att_1"})
	if !f.Found || f.Outcome.State != provider.Pending {
		t.Errorf("an inquiry finds %+v", f)
	}
}

func request() provider.Start {
	return provider.Start{Reference: "att_1", Payment: "pay_1", Method: provider.MethodBankRedirect, Amount: eur(9232), Bank: "northbank",
		ReturnURL: "https://shop.example/return?a=1&b=2", Descriptor: "FLORIN SHOES", Description: `Order "17"`, ExpiresAt: time.Date(2026, 11, 22, 12, 15, 0, 0, time.UTC)}
}

// The requests are fixtures, so that a change of what goes over the wire is seen.
func TestRequestsAreThoseOfTheFixtures(t *testing.T) {
	calls := map[string]func(*simbank.Connector, provider.Account){
		"start": func(c *simbank.Connector, a provider.Account) { c.Start(t.Context(), a, request()) },
		"start_with_the_least": func(c *simbank.Connector, a provider.Account) {
			c.Start(t.Context(), a, provider.Start{Reference: "att_1", Method: provider.MethodBankRedirect, Amount: eur(1), ReturnURL: "https://shop.example/"})
		},
		"refund": func(c *simbank.Connector, a provider.Account) {
			c.Refund(t.Context(), a, provider.Refund{Reference: "ref_1", Original: "bank_payment_1", Attempt: "att_1", Amount: eur(1000), Reason: "requested_by_customer"})
		},
		"inquiry": func(c *simbank.Connector, a provider.Account) {
			c.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpAuthorize, Reference: "att_1", Attempt: "att_1"})
		},
		"inquiry_of_a_refund": func(c *simbank.Connector, a provider.Account) {
			c.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpRefund, Reference: "ref_1", Attempt: "att_1"})
		},
		"banks": func(c *simbank.Connector, a provider.Account) {
			if banks, err := c.Banks(t.Context(), a, provider.MethodBankRedirect); err == nil {
				t.Errorf("nobody serves, and there are %v", banks)
			}
		},
	}
	providertest.Requests(t, *update, account, simbank.New, calls)

}
