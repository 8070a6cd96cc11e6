// Package simpayout speaks to the sandbox's simulated bank that pays out, over HTTP, as a real connector would.
package simpayout

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simproto"
	"github.com/florinpay/florin/internal/vault"
)

var wire = simproto.Wire{Signature: "Bank-Signature", Timeout: 10 * time.Second}

// Connector is the client of the simulated bank. It keeps nothing between calls.
type Connector struct{ send provider.Sender }

// New makes a connector that sends through s.
func New(s provider.Sender) *Connector { return &Connector{s} }

// Capabilities are the same for every account.
func (*Connector) Capabilities() provider.Capabilities {
	c := wire.Capabilities()
	c.Rails = []bank.RailName{
		bank.SEPAInstant, bank.SEPACredit, bank.ACH, bank.FPS, bank.Bacs, bank.NPP, bank.Pix, bank.UPI, bank.FPX, bank.CardPush,
	}
	return c
}

// order is a payout as the bank takes it. A card comes behind it: the vault fills it in.
type order struct {
	Reference  string `json:"reference"`
	Amount     int64  `json:"amount"`
	Currency   string `json:"currency"`
	Rail       string `json:"rail"`
	Descriptor string `json:"descriptor,omitempty"`
	Payee      payee  `json:"payee"`
}

type payee struct {
	Name     string `json:"name,omitempty"`
	Country  string `json:"country,omitempty"`
	Number   string `json:"number,omitempty"`
	BankCode string `json:"bank_code,omitempty"`
	Branch   string `json:"branch_code,omitempty"`
	Alias    string `json:"alias_type,omitempty"`
}

// Pay sends money out. The bank recognizes a repeat by the reference.
func (c *Connector) Pay(ctx context.Context, a provider.Account, p provider.Payout) provider.Outcome {
	r, err := wire.Post(a, "/v1/payouts", order{
		p.Reference, p.Amount.Minor(), p.Amount.Currency().Code(), string(p.Rail), p.Descriptor,
		payee{p.Payee.Name, p.Payee.Country, p.Payee.Number.Reveal(), p.Payee.BankCode, p.Payee.Branch, string(p.Payee.Alias)},
	})
	if err != nil {
		return provider.Outcome{Class: provider.NotSent, Detail: "the payout cannot be written"}
	}
	if p.Payee.Card != "" {
		r.Card, r.Body = p.Payee.Card, withCard(r.Body[0].Literal)
	}
	response, err := c.send.Send(ctx, r)
	if err != nil {
		return provider.FromSend(err)
	}
	answer, refused, ok := simproto.Read[payout](response)
	if !ok {
		return refused
	}
	return answer.outcome(p.Reference, p.Amount)
}

// withCard puts a card behind the last member of an object. A payout asks for no security code, and for no 3-D Secure.
func withCard(object []byte) []vault.Segment {
	head := append(object[:len(object)-1:len(object)-1], `,"card":{"number":"`...)
	return []vault.Segment{
		vault.Literal(head), vault.Card(vault.Number, vault.JSON),
		vault.Literal([]byte(`","exp_month":"`)), vault.Card(vault.ExpMonth, vault.JSON),
		vault.Literal([]byte(`","exp_year":"`)), vault.Card(vault.ExpYear, vault.JSON), vault.Literal([]byte(`"`)),
		vault.OptionalCard(`,"name":"`, vault.Name, vault.JSON, `"`), vault.Literal([]byte(`}}`)),
	}
}

// InquirePayout asks what became of a payout, by our reference.
func (c *Connector) InquirePayout(ctx context.Context, a provider.Account, q provider.PayoutInquiry) provider.Finding {
	return simproto.Inquire(ctx, c.send, wire.Get(a, "/v1/payouts", url.Values{"reference": {q.Reference}}),
		func(p payout) provider.Outcome { return p.outcome(q.Reference, money.Money{}) })
}

// payout is the bank's view of a payout. A number that is not there stays nil: nothing defaults to zero.
type payout struct {
	ID        string `json:"id"`
	Reference string `json:"reference"`
	Status    string `json:"status"`
	Amount    *int64 `json:"amount"`
	Currency  string `json:"currency"`
	Reason    string `json:"reason"`
}

// states are the bank's words for a payout that did not fail.
var states = map[string]provider.State{"pending": provider.Pending, "paid": provider.Succeeded, "returned": provider.Returned}

//go:embed declines.json
var declinesData []byte

// Declines are the bank's words for why a payout failed or came back.
var Declines = provider.NewTable(declinesData)

// outcome is what an answer about a payout means. One that speaks of another reference, or of another amount than was asked, is not believed.
func (p payout) outcome(reference string, asked money.Money) provider.Outcome {
	if p.ID == "" || p.Reference != reference {
		return provider.Doubt("the answer is about another reference")
	}
	amount, doubt := simproto.Money(p.Amount, p.Currency, asked)
	if doubt != "" {
		return provider.Doubt(doubt)
	}
	if !asked.IsZero() && amount != asked {
		return provider.Doubt("the answer has a smaller amount than was asked")
	}
	out := provider.Outcome{Class: provider.Approved, Reference: p.ID, Amount: amount}
	if p.Status == "failed" || p.Status == "returned" {
		out.Decline = Declines.Decline(p.Reason)
	}
	if p.Status == "failed" {
		out.Class, out.State, out.Amount = provider.Declined, provider.Failed, money.Money{}
		return out
	}
	state, known := states[p.Status]
	if !known {
		return provider.Doubt("the answer has an unknown status")
	}
	out.State = state
	return out
}

// VerifyWebhook checks a webhook's signature.
func (*Connector) VerifyWebhook(a provider.Account, h http.Header, body []byte, now time.Time) error {
	return wire.Verify(a, h, body, now)
}

// ReadWebhook reads a webhook. A type it does not know comes back with an empty Operation.
func (*Connector) ReadWebhook(_ provider.Account, body []byte) (provider.Notification, error) {
	n, data, err := simproto.ReadMessage(body)
	if err != nil {
		return n, err
	}
	var p payout
	if err := json.Unmarshal(data, &p); err != nil {
		return n.Unbelieved("the webhook cannot be read")
	}
	if n.Type != "payout."+p.Status {
		return n, nil
	}
	n.Operation, n.Reference = provider.OpPayout, p.Reference
	n.Outcome = p.outcome(p.Reference, money.Money{})
	return simproto.Believed(n)
}
