package siminstant_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/paycode"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/siminstant"
	"github.com/florinpay/florin/internal/sandbox/instant"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

var update = flag.Bool("update", false, "write the golden requests anew")

func account(base string) provider.Account {
	return provider.Account{
		Merchant: "acct_dev:test", ID: "instant", Provider: "siminstant", Settings: map[string]string{"base_url": base + "/instant"},
		Credentials: map[string]secret.Text{
			"api_key": secret.New("instant-key-0001"), "signing_key": secret.New("instant-signing-0001"), "webhook_secret": secret.New("instant-hook-0001"),
		},
	}
}

func signed(a provider.Account, at time.Time, body []byte) http.Header {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(a.Credentials["webhook_secret"].Reveal()))
	mac.Write([]byte(stamp + "." + string(body)))
	return http.Header{"Instant-Signature": {"t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))}}
}

func in(code string, minor int64) money.Money {
	c, err := money.ParseCurrency(code)
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

const (
	chargeID = "instant_charge_01m89x00000000000000000000"
	refundID = "instant_refund_01m89x00000000000000000000"
	endToEnd = "E999999992026112211594242424242a"
)

func webhooks(t *testing.T) []providertest.Webhook {
	told := func(name, kind string, op provider.Operation, reference string, out provider.Outcome) providertest.Webhook {
		return providertest.Webhook{Name: name, Body: event(t, name), Want: provider.Notification{EventID: "instant_evt_1", Type: kind, Operation: op, Reference: reference,
			Attempt: "att_1", OccurredAt: time.Date(2026, 11, 22, 11, 59, 58, 500_000_000, time.UTC), Outcome: out}}
	}
	approved := func(state provider.State, amount money.Money, reference string) provider.Outcome {
		return provider.Outcome{Class: provider.Approved, State: state, Amount: amount, Reference: reference}
	}
	declined := func(code provider.DeclineCode, raw, message, reference string) provider.Outcome {
		return provider.Outcome{Class: provider.Declined, Reference: reference, Detail: message, Decline: provider.Decline{Code: code, Raw: raw, Message: message}}
	}
	came := func(name string, outcome provider.Outcome, attempt string) providertest.Webhook {
		w := told(name, "transfer.received", provider.OpTransfer, endToEnd, outcome)
		w.Want.Attempt = attempt
		w.Want.Transfer = provider.Transfer{Reference: endToEnd, Amount: in("BRL", 5000), Payer: "A*** S***, account •••• 4321", At: time.Date(2026, 11, 22, 11, 59, 58, 0, time.UTC)}
		return w
	}
	returned := declined(provider.InvalidAccount, "account_closed", "the payer's account is closed", refundID)
	returned.State = provider.Failed
	return []providertest.Webhook{
		came("transfer.received", approved(provider.Captured, in("BRL", 5000), chargeID), "att_1"),
		came("transfer.received.stray", approved(provider.Captured, in("BRL", 5000), ""), ""),
		told("charge.paid", "charge.paid", provider.OpAuthorize, "att_1", approved(provider.Captured, in("EUR", 9232), chargeID)),
		told("charge.expired", "charge.expired", provider.OpAuthorize, "att_1", approved(provider.Voided, in("BRL", 9232), chargeID)),
		told("charge.rejected", "charge.rejected", provider.OpAuthorize, "att_1", declined(provider.BankUnavailable, "bank_unavailable", "the payer's bank does not answer", chargeID)),
		told("refund.succeeded", "refund.succeeded", provider.OpRefund, "ref_1", approved(provider.Succeeded, in("BRL", 1000), refundID)),
		told("refund.failed", "refund.failed", provider.OpRefund, "ref_1", returned),
	}
}

// world is a sandbox that serves an account.
func world(t *testing.T, file string, a provider.Account) *instant.World {
	t.Helper()
	w, err := instant.Open(file, stage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := w.Register(stage.Account{APIKey: a.Credentials["api_key"], SigningKey: a.Credentials["signing_key"]}); err != nil {
		t.Fatal(err)
	}
	return w
}

// control does what a tester does at the sandbox's panel.
func control(t *testing.T, base, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(strings.TrimSuffix(base, "/instant")+"/control/instant"+path, "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", path, answer.Status, err)
	}
}

func TestConformance(t *testing.T) {
	worlds := 0
	providertest.RunStarter(t, providertest.Subject{
		New: func(s provider.Sender) provider.Connector { return siminstant.New(s) }, Account: account,
		Serve: func(a provider.Account) http.Handler {
			worlds++
			return world(t, filepath.Join(t.TempDir(), strconv.Itoa(worlds)+".db"), a).Handler()
		},
		Bankside: providertest.Bankside{
			Kinds: map[provider.Method]provider.ActionKind{
				provider.MethodPIX: provider.ActionQR, provider.MethodUPI: provider.ActionQR, provider.MethodSEPAQR: provider.ActionQR,
				provider.MethodPayID: provider.ActionAwait, provider.MethodFPX: provider.ActionRedirect, provider.MethodIDEAL: provider.ActionRedirect,
			},
			// A code is paid as a payer's bank does it: by what the connector says that the payer sees.
			Pay: func(t *testing.T, base string, _ provider.Account, _ provider.Start, out provider.Outcome) {
				t.Helper()
				switch seen := out.Action; seen.KindOf() {
				case provider.ActionQR:
					control(t, base, "/pay", map[string]any{"code": seen.Code})
				case provider.ActionAwait:
					control(t, base, "/pay", map[string]any{"code": seen.CopyCode})
				default:
					control(t, base, "/charges/"+out.Reference+"/approve", nil)
				}
			},
			Decline: func(t *testing.T, base string, _ provider.Account, _ provider.Start, out provider.Outcome) {
				t.Helper()
				control(t, base, "/charges/"+out.Reference+"/decline", nil)
			},
		},
		Sign: signed, Webhooks: webhooks(t),
		UnknownWebhook: `{"id":"instant_evt_9","type":"mandate.created","created_at":"2026-11-22T11:59:58Z","data":{}}`, UnknownWebhookType: "mandate.created",
	})
}

func TestAnInquiryTellsEveryTransferOfACode(t *testing.T) {
	faults, base := providertest.NewFaults(t)
	a := account(base)
	faults.Put(world(t, filepath.Join(t.TempDir(), "instant.db"), a).Handler())
	c := siminstant.New(providertest.Sender{Client: faults.Client()})
	out := c.Start(t.Context(), a, request(provider.MethodPIX))
	find := func() provider.Finding {
		return c.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpAuthorize, Reference: "att_1", Attempt: "att_1"})
	}
	pay := func(minor int64) {
		control(t, a.Settings["base_url"], "/charges/"+out.Reference+"/pay", map[string]any{"amount": minor})
	}
	pay(5000)
	if f := find(); f.Outcome.State != provider.ActionRequired || len(f.Transfers) != 1 || f.Transfers[0].Amount != in("BRL", 5000) {
		t.Errorf("after a part: %+v", f)
	}
	control(t, a.Settings["base_url"], "/charges/"+out.Reference+"/expire", nil)
	pay(9232)
	f := find()
	if f.Outcome.State != provider.Voided || len(f.Transfers) != 2 || f.Transfers[0].Amount != in("BRL", 5000) || f.Transfers[1].Amount != in("BRL", 9232) {
		t.Fatalf("after it expired: %+v", f)
	}
	// What came late goes back by the transfer alone.
	late := provider.Refund{Reference: "ref_1", Attempt: "att_1", Transfer: f.Transfers[1].Reference, Amount: in("BRL", 9232)}
	if back := c.Refund(t.Context(), a, late); back.State != provider.Succeeded || back.Amount != in("BRL", 9232) {
		t.Errorf("the late transfer: %+v", back)
	}
	over := provider.Refund{Reference: "ref_2", Attempt: "att_1", Transfer: f.Transfers[0].Reference, Amount: in("BRL", 5001)}
	if back := c.Refund(t.Context(), a, over); back.Class != provider.Declined {
		t.Errorf("more than the part: %+v", back)
	}
	faults.Spoil(providertest.Replace(`"end_to_end_id":"E`, `"no_id":"E`))
	if f := find(); f.Found || f.Outcome.Class != provider.Unknown || f.Transfers != nil {
		t.Errorf("transfers that cannot be told apart: %+v", f)
	}
}

func TestPixCodesAreOfTheKindThatTheAccountSays(t *testing.T) {
	faults, base := providertest.NewFaults(t)
	a := account(base)
	faults.Put(world(t, filepath.Join(t.TempDir(), "instant.db"), a).Handler())
	c := siminstant.New(providertest.Sender{Client: faults.Client()})
	for kind, static := range map[string]bool{"": false, "dynamic": false, "static": true} {
		a.Settings["pix_code"] = kind
		if err := c.CheckAccount(a); err != nil {
			t.Errorf("%q: %v", kind, err)
		}
		r := request(provider.MethodPIX)
		r.Reference = "att_" + kind
		out := c.Start(t.Context(), a, r)
		p, err := paycode.ParsePix(out.Action.Code)
		if err != nil || (p.Key != "") != static || (p.URL == "") != static || static && p.Amount != in("BRL", 9232) {
			t.Errorf("%q: %+v, %v", kind, p, err)
		}
	}
	a.Settings["pix_code"] = "engraved"
	if err := c.CheckAccount(a); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "pix_code") {
		t.Errorf("a kind that there is not: %v", err)
	}
}

// A number in a code may look like a card's. Masked it could not be paid.
func TestNoCodeIsTakenForACard(t *testing.T) {
	names := siminstant.New(nil).Capabilities().References
	if !vault.MaskNumbers([]byte(`{"note":"0002-4242424242424242"}`), names...) {
		t.Fatal("nothing is masked at all")
	}
	for _, member := range []string{"code", "copy_code", "deeplink", "end_to_end_id"} {
		body := []byte(`{"` + member + `":"0002-4242424242424242"}`)
		if vault.MaskNumbers(body, names...) {
			t.Errorf("%s is masked: %s", member, body)
		}
	}
}

func request(m provider.Method) provider.Start {
	currency := map[provider.Method]string{provider.MethodPIX: "BRL", provider.MethodFPX: "MYR"}[m]
	return provider.Start{Reference: "att_1", Payment: "pay_1", Method: m, Amount: in(currency, 9232), ReturnURL: "https://shop.example/return?a=1&b=2",
		Descriptor: "FLORIN SHOES", Description: `Order "17"`}
}

// The requests are fixtures, so that a change of what goes over the wire is seen.
func TestRequestsAreThoseOfTheFixtures(t *testing.T) {
	calls := map[string]func(*siminstant.Connector, provider.Account){
		"start": func(c *siminstant.Connector, a provider.Account) {
			a.Settings["pix_code"] = "static" // of Pix alone
			r := request(provider.MethodFPX)
			r.Bank, r.ExpiresAt = "fpx_straits", time.Date(2026, 11, 22, 12, 15, 0, 0, time.UTC)
			c.Start(t.Context(), a, r)
		},
		"start_static": func(c *siminstant.Connector, a provider.Account) {
			a.Settings["pix_code"] = "static"
			c.Start(t.Context(), a, request(provider.MethodPIX))
		},
		"refund": func(c *siminstant.Connector, a provider.Account) {
			c.Refund(t.Context(), a, provider.Refund{Reference: "ref_1", Original: "instant_charge_1", Attempt: "att_1", Amount: in("BRL", 1000), Reason: "requested_by_customer"})
		},
		"refund_of_a_transfer": func(c *siminstant.Connector, a provider.Account) {
			c.Refund(t.Context(), a, provider.Refund{Reference: "ref_1", Transfer: endToEnd, Amount: in("BRL", 1000)})
		},
		"inquiry": func(c *siminstant.Connector, a provider.Account) {
			c.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpAuthorize, Reference: "att_1", Attempt: "att_1"})
		},
		"inquiry_of_a_refund": func(c *siminstant.Connector, a provider.Account) {
			c.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpRefund, Reference: "ref_1", Attempt: "att_1"})
		},
		"banks": func(c *siminstant.Connector, a provider.Account) {
			if banks, err := c.Banks(t.Context(), a, provider.MethodFPX); err == nil {
				t.Errorf("nobody serves, and there are %v", banks)
			}
		},
	}
	providertest.Requests(t, *update, account, siminstant.New, calls)

}
