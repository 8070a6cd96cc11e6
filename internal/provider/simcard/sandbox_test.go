package simcard_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/simcard"
	"github.com/florinpay/florin/internal/sandbox"
)

// The fake acquirer of these tests says what the protocol is; the sandbox must speak the same.
func TestConformanceWithTheSandbox(t *testing.T) {
	worlds := 0
	serve := func(a provider.Account) http.Handler {
		worlds++
		world, err := sandbox.Open(filepath.Join(t.TempDir(), strconv.Itoa(worlds)+".db"), sandbox.Options{})
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
