// Package simcard speaks to the sandbox's simulated card acquirers, over HTTP, as a real connector would.
package simcard

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simproto"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

const (
	timeout          = 10 * time.Second
	settleDelay      = 5 * time.Second
	authorizationTTL = 7 * 24 * time.Hour
	signatureScheme  = "hmac-sha256-hex"
	signatureHeader  = "Acquirer-Signature"
)

// Connector is the client of the simulated acquirers. It keeps nothing between calls.
type Connector struct{ send provider.Sender }

// New makes a connector that sends through s.
func New(s provider.Sender) *Connector { return &Connector{s} }

// Capabilities are the same for every simulated acquirer.
func (*Connector) Capabilities() provider.Capabilities {
	return provider.Capabilities{
		AuthorizationTTL: authorizationTTL,
		PartialCaptures:  true,
		NetworkTokens:    true,
		SettleDelay:      settleDelay,
		Timeout:          timeout,
		Secrets:          []string{"api_key", "signing_key", "webhook_secret"},
		Settings:         []string{"base_url"},
		References:       references,
	}
}

// Authorize asks for money. The acquirer recognizes a repeat by the reference.
func (c *Connector) Authorize(ctx context.Context, a provider.Account, r provider.Authorization) provider.Outcome {
	request := post(a, "/v1/authorizations", authorizationBody(r))
	request.Card = r.Card
	response, err := c.send.Send(ctx, request)
	if err != nil {
		return provider.FromSend(err)
	}
	answer, outcome, ok := simproto.Read[authorization](response)
	if !ok {
		return outcome
	}
	return answer.outcome(asked{reference: r.Reference, amount: r.Amount})
}

// Capture takes authorized money.
func (c *Connector) Capture(ctx context.Context, a provider.Account, r provider.Capture) provider.Outcome {
	body := newObject().text("reference", r.Reference).number("amount", r.Amount.Minor()).flag("final", r.Final).end()
	return c.operate(ctx, a, authorizationPath(r.Original)+"/captures", body, asked{kind: "capture", reference: r.Reference, amount: r.Amount})
}

// Void releases an authorization, by the acquirer's reference or, if that was never told, by ours.
func (c *Connector) Void(ctx context.Context, a provider.Account, r provider.Void) provider.Outcome {
	want := asked{kind: "void", reference: r.Reference}
	if r.Original == "" {
		body := newObject().text("reference", r.Reference).text("original_reference", r.Attempt).end()
		return c.operate(ctx, a, "/v1/reversals", body, want)
	}
	return c.operate(ctx, a, authorizationPath(r.Original)+"/voids", newObject().text("reference", r.Reference).end(), want)
}

// Refund gives captured money back.
func (c *Connector) Refund(ctx context.Context, a provider.Account, r provider.Refund) provider.Outcome {
	body := newObject().text("reference", r.Reference).number("amount", r.Amount.Minor()).text("reason", r.Reason).end()
	return c.operate(ctx, a, authorizationPath(r.Original)+"/refunds", body, asked{kind: "refund", reference: r.Reference, amount: r.Amount})
}

func (c *Connector) operate(ctx context.Context, a provider.Account, path string, body []byte, want asked) provider.Outcome {
	response, err := c.send.Send(ctx, post(a, path, []vault.Segment{vault.Literal(body)}))
	if err != nil {
		return provider.FromSend(err)
	}
	answer, outcome, ok := simproto.Read[operation](response)
	if !ok {
		return outcome
	}
	return answer.outcome(want)
}

// Inquire asks what became of a call: of an authorization by its reference, of anything else by the operation's.
func (c *Connector) Inquire(ctx context.Context, a provider.Account, r provider.Inquiry) provider.Finding {
	if r.Operation == provider.OpAuthorize {
		return simproto.Inquire(ctx, c.send, get(a, "/v1/authorizations", r.Reference), func(found authorization) provider.Outcome {
			return found.outcome(asked{reference: r.Reference})
		})
	}
	return simproto.Inquire(ctx, c.send, get(a, "/v1/operations", r.Reference), func(found operation) provider.Outcome {
		return found.outcome(asked{kind: string(r.Operation), reference: r.Reference})
	})
}

func authorizationPath(id string) string { return "/v1/authorizations/" + url.PathEscape(id) }

func authorizationBody(r provider.Authorization) []vault.Segment {
	head := newObject().text("reference", r.Reference).number("amount", r.Amount.Minor()).
		text("currency", r.Amount.Currency().Code()).flag("capture", r.Capture).open("card", `{"number":"`)
	tail := newTail().text("descriptor", r.Descriptor).text("description", r.Description)
	if t := r.ThreeDS; t != nil {
		tail.raw("three_ds", newObject().text("version", t.Version).text("eci", t.ECI).text("cavv", t.CAVV).
			text("ds_trans_id", t.DSTransID).text("trans_status", t.Status).end())
	}
	proof := vault.OptionalCard(`,"cvc":"`, vault.CVC, vault.JSON, `"`)
	if n := r.NetworkToken; n != nil {
		// A cryptogram that was spent is left out: it is the network's to say what it thinks of that.
		proof = vault.OptionalCard(`,"cryptogram":"`, vault.Cryptogram, vault.JSON, `"`)
		tail.raw("network_token", newObject().text("wallet", n.Wallet).text("eci", n.ECI).end())
	}
	switch {
	case r.OffSession:
		tail.raw("stored_credential", newObject().text("initiator", "merchant").text("network_reference", r.InitialNetworkReference).end())
	case r.Stored:
		tail.raw("stored_credential", newObject().text("initiator", "cardholder").end())
	}
	return cardBody(head, tail.end(), proof)
}

// cardBody is a body with a card in it. An authorization has the security code or what stands for it, an authentication has nothing.
func cardBody(head, tail []byte, proof ...vault.Segment) []vault.Segment {
	body := []vault.Segment{
		vault.Literal(head),
		vault.Card(vault.Number, vault.JSON),
		vault.Literal([]byte(`","exp_month":"`)),
		vault.Card(vault.ExpMonth, vault.JSON),
		vault.Literal([]byte(`","exp_year":"`)),
		vault.Card(vault.ExpYear, vault.JSON),
		vault.Literal([]byte(`"`)),
	}
	body = append(body, proof...)
	return append(body, vault.OptionalCard(`,"name":"`, vault.Name, vault.JSON, `"`), vault.Literal(tail))
}

func post(a provider.Account, path string, body []vault.Segment) vault.Request {
	r := request(a, "POST", path)
	r.Header["Content-Type"] = contentType
	r.Body = body
	r.Sign = &vault.Signature{Scheme: signatureScheme, Key: a.Credentials["signing_key"], Header: signatureHeader}
	return r
}

func get(a provider.Account, path, reference string) vault.Request {
	return request(a, "GET", path+"?reference="+url.QueryEscape(reference))
}

var contentType = secret.New("application/json")

// references are the members of answers and webhooks that are long without being card numbers.
var references = []string{"network_reference"}

func request(a provider.Account, method, path string) vault.Request {
	return vault.Request{
		Merchant: a.Merchant,
		Account:  a.ID,
		Method:   method,
		URL:      strings.TrimSuffix(a.Settings["base_url"], "/") + path,
		Header:   map[string]secret.Text{"Authorization": secret.New("Bearer " + a.Credentials["api_key"].Reveal())},
		Timeout:  timeout,

		References: slices.Clone(references), // authenticate adds its own
	}
}
