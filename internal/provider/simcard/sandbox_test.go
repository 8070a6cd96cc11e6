package simcard_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/simcard"
	"github.com/florinpay/florin/internal/sandbox"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/vault"
)

// openWorld is the sandbox with one account.
func openWorld(t *testing.T, path string, a provider.Account) http.Handler {
	t.Helper()
	world, err := sandbox.Open(path, sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
	})
	err = world.Register(sandbox.Account{Acquirer: "alpha", APIKey: a.Credentials["api_key"], SigningKey: a.Credentials["signing_key"]})
	if err != nil {
		t.Fatal(err)
	}
	return world.Handler()
}

// The fake acquirer of these tests says what the protocol is; the sandbox must speak the same.
func TestConformanceWithTheSandbox(t *testing.T) {
	worlds := 0
	serve := func(a provider.Account) http.Handler {
		worlds++
		return openWorld(t, filepath.Join(t.TempDir(), strconv.Itoa(worlds)+".db"), a)
	}
	providertest.Run(t, providertest.Subject{
		New: func(s provider.Sender) provider.Connector { return simcard.New(s) }, Account: account, Serve: serve, Approved: "4242424242424242",
		Declines: map[string]provider.Decline{
			"4000000000009995": {Code: provider.InsufficientFunds, Raw: "51", NetworkDecline: "51", NetworkAdvice: "02"},
			"4000000000009979": {Code: provider.StolenCard, Raw: "43", NetworkDecline: "43", NetworkAdvice: "03"},
			"4000000000000127": {Code: provider.IncorrectCVC, Raw: "N7", NetworkDecline: "N7", NetworkAdvice: "01"},
			"4000000000000119": {Code: provider.ProcessingError, Raw: "96", NetworkDecline: "96", NetworkAdvice: "24"},
		},
		Issuer: providertest.Issuer{Frictionless: frictionless, Challenged: challenged, Finish: atTheBank},
		Sign:   signed, Webhooks: webhooks(),
		UnknownWebhook: head("settlement.paid") + `"data":{"id":"alpha_set_1"}}`, UnknownWebhookType: "settlement.paid",
	})
}

// atTheBank does what a payer does at the sandbox's challenge page.
func atTheBank(t *testing.T, client *http.Client, c provider.Challenge, how providertest.Ending) {
	t.Helper()
	submit := func(address string, form url.Values) string {
		r, err := client.PostForm(address, form)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != http.StatusOK {
			t.Fatalf("%s answers %s", address, r.Status)
		}
		return r.Request.URL.String() // of the page behind the redirect
	}
	page := submit(c.ACSURL, url.Values{"creq": {c.CReq}})
	forms := map[providertest.Ending][]url.Values{
		providertest.Passed:   {{"code": {"123456"}}},
		providertest.Failed:   {{"code": {"1"}}, {"code": {"2"}}, {"code": {"3"}}},
		providertest.Canceled: {{"do": {"cancel"}}},
		providertest.TimedOut: {{"do": {"time_out"}}},
	}
	for _, form := range forms[how] {
		submit(page, form)
	}
}

func TestANetworkTokenGoesOutWithItsCryptogramAndWithoutACVC(t *testing.T) {
	server := httptest.NewServer(openWorld(t, filepath.Join(t.TempDir(), "world.db"), account("")))
	t.Cleanup(server.Close)
	const number = "4000002760003184" // a card that is declined without 3-D Secure
	good, err := stage.NewCryptogram(number, 8, 2031, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	card := func(cryptogram string) providertest.Card {
		return providertest.Card{Number: number, ExpMonth: "08", ExpYear: "2031", CVC: "123", Cryptogram: cryptogram}
	}
	var sent struct {
		Card  map[string]string `json:"card"`
		Token map[string]string `json:"network_token"`
	}
	connector := simcard.New(providertest.Sender{
		Client: server.Client(), Cards: map[string]providertest.Card{"good": card(good), "spent": card(""), "wrong": card("AAAA")},
		Sent: func(_ vault.Request, body []byte) {
			sent.Card, sent.Token = nil, nil
			if err := json.Unmarshal(body, &sent); err != nil {
				t.Errorf("%s: %v", body, err)
			}
		},
	})
	for token, class := range map[string]provider.Class{"good": provider.Approved, "spent": provider.Declined, "wrong": provider.Declined} {
		r := provider.Authorization{Reference: "att_" + token, Amount: eur(9232), Capture: true, Card: token,
			NetworkToken: &provider.NetworkToken{Wallet: "sandbox", ECI: "05"}}
		out := connector.Authorize(t.Context(), account(server.URL), r)
		if out.Class != class || class == provider.Declined && out.Decline.Code != provider.AuthenticationFailed {
			t.Errorf("%s: %+v", token, out)
		}
		if sent.Token["eci"] != "05" || sent.Token["wallet"] != "sandbox" || sent.Card["cvc"] != "" || (sent.Card["cryptogram"] == "") != (token == "spent") {
			t.Errorf("%s sent %+v", token, sent)
		}
	}
	if !connector.Capabilities().NetworkTokens {
		t.Error("it does not say so")
	}
}
