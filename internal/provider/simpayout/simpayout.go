// Package simpayout speaks to the sandbox's simulated bank that pays out, over HTTP, as a real connector would.
package simpayout

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

const (
	timeout         = 10 * time.Second
	settleDelay     = 5 * time.Second
	signatureScheme = "hmac-sha256-hex"
	signatureHeader = "Bank-Signature"
)

// Connector is the client of the simulated bank. It keeps nothing between calls.
type Connector struct{ send provider.Sender }

// New makes a connector that sends through s.
func New(s provider.Sender) *Connector { return &Connector{s} }

// Capabilities are the same for every account.
func (*Connector) Capabilities() provider.Capabilities {
	return provider.Capabilities{
		SettleDelay: settleDelay, Timeout: timeout,
		Secrets: []string{"api_key", "signing_key", "webhook_secret"}, Settings: []string{"base_url"},
		Rails: []bank.RailName{
			bank.SEPAInstant, bank.SEPACredit, bank.ACH, bank.FPS, bank.Bacs, bank.NPP, bank.Pix, bank.UPI, bank.FPX, bank.CardPush,
		},
	}
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
	body, err := json.Marshal(order{
		p.Reference, p.Amount.Minor(), p.Amount.Currency().Code(), string(p.Rail), p.Descriptor,
		payee{p.Payee.Name, p.Payee.Country, p.Payee.Number.Reveal(), p.Payee.BankCode, p.Payee.Branch, string(p.Payee.Alias)},
	})
	if err != nil {
		return provider.Outcome{Class: provider.NotSent, Detail: "the payout cannot be written"}
	}
	r := request(a, http.MethodPost, "/v1/payouts")
	r.Header["Content-Type"] = secret.New("application/json")
	r.Body = []vault.Segment{vault.Literal(body)}
	if p.Payee.Card != "" {
		r.Card, r.Body = p.Payee.Card, withCard(body)
	}
	r.Sign = &vault.Signature{Scheme: signatureScheme, Key: a.Credentials["signing_key"], Header: signatureHeader}
	response, err := c.send.Send(ctx, r)
	if err != nil {
		return provider.FromSend(err)
	}
	answer, refused, ok := read(response)
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
	response, err := c.send.Send(ctx, request(a, http.MethodGet, "/v1/payouts?reference="+url.QueryEscape(q.Reference)))
	if err != nil {
		return provider.Unanswered(provider.FromSend(err))
	}
	answer, refused, ok := read(response)
	switch {
	case ok:
		return provider.Found(answer.outcome(q.Reference, money.Money{}))
	case refused.State == provider.Missing:
		return provider.NotFound()
	}
	return provider.Unanswered(refused)
}

func request(a provider.Account, method, path string) vault.Request {
	return vault.Request{
		Merchant: a.Merchant, Account: a.ID, Method: method, URL: strings.TrimSuffix(a.Settings["base_url"], "/") + path,
		Header:  map[string]secret.Text{"Authorization": secret.New("Bearer " + a.Credentials["api_key"].Reveal())},
		Timeout: timeout,
	}
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

type refusal struct {
	Error   string `json:"error"`
	Message string `json:"message"`
}

// read reads an answer. If it is not a payout, the outcome says what it was instead. Only what the bank says itself, in its own form, is a refusal.
func read(r vault.Response) (payout, provider.Outcome, bool) {
	var answer payout
	if r.Status == http.StatusOK || r.Status == http.StatusCreated {
		if err := json.Unmarshal(r.Body, &answer); err != nil {
			return answer, provider.Doubt("the answer cannot be read"), false
		}
		return answer, provider.Outcome{}, true
	}
	status := strconv.Itoa(r.Status)
	var said refusal
	if err := json.Unmarshal(r.Body, &said); err != nil || said.Error == "" {
		return answer, provider.Doubt("answer " + status + " cannot be read"), false
	}
	switch {
	case r.Status == http.StatusServiceUnavailable && said.Error == "not_accepted":
		return answer, provider.Outcome{Class: provider.NotSent, Detail: "the bank refused before processing"}, false
	case r.Status == http.StatusNotFound && said.Error == "not_found":
		return answer, provider.Absent(said.Error), false
	case r.Status == http.StatusConflict && said.Error == "reference_reused":
		return answer, provider.Doubt("the bank knows the reference from another request"), false
	case r.Status >= 400 && r.Status < 500:
		return answer, provider.Refused(provider.ProcessingError, said.Error, "answer "+status+" "+said.Error+": "+said.Message), false
	}
	return answer, provider.Doubt("answer " + status + " " + said.Error), false
}

// states are the bank's words for a payout that did not fail.
var states = map[string]provider.State{"pending": provider.Pending, "paid": provider.Succeeded, "returned": provider.Returned}

// reasons are the bank's words for why a payout failed or came back: they happen to be the contract's own.
var reasons = func() map[string]provider.DeclineCode {
	table := map[string]provider.DeclineCode{}
	for _, code := range provider.Codes() {
		table[string(code)] = code
	}
	return table
}()

// outcome is what an answer about a payout means. One that speaks of another reference, or of another amount than was asked, is not believed.
func (p payout) outcome(reference string, asked money.Money) provider.Outcome {
	if p.ID == "" || p.Reference != reference {
		return provider.Doubt("the answer is about another reference")
	}
	currency, err := money.ParseCurrency(p.Currency)
	if err != nil || p.Amount == nil {
		return provider.Doubt("the answer has no readable amount")
	}
	amount := money.Of(*p.Amount, currency)
	if doubt := provider.Confirm(amount, asked); doubt != "" {
		return provider.Doubt(doubt)
	}
	if !asked.IsZero() && amount != asked {
		return provider.Doubt("the answer has a smaller amount than was asked")
	}
	out := provider.Outcome{Class: provider.Approved, Reference: p.ID, Amount: amount}
	if p.Status == "failed" || p.Status == "returned" {
		code, known := reasons[p.Reason]
		if !known {
			code = provider.ProcessingError
		}
		out.Decline = provider.Decline{Code: code, Raw: p.Reason}
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

// message is the bank's webhook.
type message struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	CreatedAt time.Time `json:"created_at"`
	Data      payout    `json:"data"`
}

// VerifyWebhook checks a webhook's signature.
func (*Connector) VerifyWebhook(a provider.Account, h http.Header, body []byte, now time.Time) error {
	return provider.VerifyStamped(a.Credentials["webhook_secret"], h.Get(signatureHeader), body, now)
}

// ReadWebhook reads a webhook. A type it does not know comes back with an empty Operation.
func (*Connector) ReadWebhook(_ provider.Account, body []byte) (provider.Notification, error) {
	var m message
	if err := json.Unmarshal(body, &m); err != nil || m.ID == "" || m.Type == "" || m.CreatedAt.IsZero() {
		return provider.Notification{EventID: m.ID, Type: m.Type}.Unbelieved("the webhook cannot be read")
	}
	n := provider.Notification{EventID: m.ID, Type: m.Type, OccurredAt: m.CreatedAt.UTC()}
	if m.Type != "payout."+m.Data.Status {
		return n, nil
	}
	n.Operation, n.Reference = provider.OpPayout, m.Data.Reference
	n.Outcome = m.Data.outcome(m.Data.Reference, money.Money{})
	if n.Outcome.Class == provider.Unknown {
		return n.Unbelieved("webhook " + n.EventID + ": " + n.Outcome.Detail)
	}
	return n, nil
}
