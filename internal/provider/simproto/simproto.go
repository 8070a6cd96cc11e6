// Package simproto is how the sandbox's worlds speak: what their connectors share of it. It stands a floor below them, since connectors do
// not import each other.
package simproto

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

// Wire is what is a world's own.
type Wire struct {
	Signature  string // the header of signatures
	Timeout    time.Duration
	References []string // members with long numbers that may look like a card's
}

// Post is a request that changes something.
func (w Wire) Post(a provider.Account, path string, body any) (vault.Request, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return vault.Request{}, err
	}
	r := w.request(a, "POST", path)
	r.Header["Content-Type"] = contentType
	r.Body = []vault.Segment{vault.Literal(text)}
	r.Sign = &vault.Signature{Scheme: "hmac-sha256-hex", Key: a.Credentials["signing_key"], Header: w.Signature}
	return r, nil
}

// Get is a request that asks.
func (w Wire) Get(a provider.Account, path string, query url.Values) vault.Request {
	return w.request(a, "GET", path+"?"+query.Encode())
}

var contentType = secret.New("application/json")

func (w Wire) request(a provider.Account, method, path string) vault.Request {
	return vault.Request{
		Merchant: a.Merchant, Account: a.ID, Method: method, URL: strings.TrimSuffix(a.Settings["base_url"], "/") + path,
		Header:  map[string]secret.Text{"Authorization": secret.New("Bearer " + a.Credentials["api_key"].Reveal())},
		Timeout: w.Timeout, References: w.References,
	}
}

// Call posts a body and reads the answer as T, of which read makes the outcome.
func Call[T any](ctx context.Context, send provider.Sender, w Wire, a provider.Account, path string, body any, read func(T) provider.Outcome) provider.Outcome {
	r, err := w.Post(a, path, body)
	if err != nil {
		return provider.Outcome{Class: provider.NotSent, Detail: "the request cannot be written"}
	}
	response, err := send.Send(ctx, r)
	if err != nil {
		return provider.FromSend(err)
	}
	answer, outcome, ok := Read[T](response)
	if !ok {
		return outcome
	}
	return read(answer)
}

// Close gives up what a payer has not paid, by our reference of its start.
func Close[T any](ctx context.Context, send provider.Sender, w Wire, a provider.Account, path string, r provider.Void, read func(T) provider.Outcome) provider.Outcome {
	body := struct {
		Reference string `json:"reference"`
	}{r.Attempt}
	return Call(ctx, send, w, a, path, body, read)
}

// Inquire asks and reads the answer as T, of which read makes the outcome.
func Inquire[T any](ctx context.Context, send provider.Sender, r vault.Request, read func(T) provider.Outcome) provider.Finding {
	response, err := send.Send(ctx, r)
	if err != nil {
		return provider.Unanswered(provider.FromSend(err))
	}
	answer, refusal, ok := Read[T](response)
	switch {
	case ok:
		return provider.Found(read(answer))
	case refusal.State == provider.Missing:
		return provider.NotFound()
	}
	return provider.Unanswered(refusal)
}

// Read reads an answer as T. If it is not one, the outcome says what the answer was instead.
func Read[T any](r vault.Response) (T, provider.Outcome, bool) {
	var answer T
	if r.Status != 200 && r.Status != 201 {
		return answer, Refused(r), false
	}
	if err := json.Unmarshal(r.Body, &answer); err != nil {
		return answer, provider.Doubt("the answer cannot be read"), false
	}
	return answer, provider.Outcome{}, true
}

// Refused classifies an answer that is an error. Only what the world says itself, in its own form, is a refusal.
func Refused(r vault.Response) provider.Outcome {
	status := strconv.Itoa(r.Status)
	var said struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(r.Body, &said); err != nil || said.Error == "" {
		return provider.Doubt("answer " + status + " cannot be read")
	}
	switch {
	case r.Status == 503 && said.Error == "not_accepted":
		return provider.Outcome{Class: provider.NotSent, Detail: "the provider refused before processing"}
	case r.Status == 404 && said.Error == "not_found":
		return provider.Absent(said.Error)
	case r.Status == 409 && said.Error == "reference_reused":
		return provider.Doubt("the provider knows the reference from another request")
	case r.Status >= 400 && r.Status < 500:
		return provider.Refused(provider.ProcessingError, said.Error, "answer "+status+" "+said.Error+": "+said.Message)
	}
	return provider.Doubt("answer " + status + " " + said.Error)
}

// Money is strict: an amount that is not there, or is not what can have been asked for, is a doubt. Zero money asked is not compared.
func Money(minor *int64, code string, asked money.Money) (money.Money, string) {
	currency, err := money.ParseCurrency(code)
	if err != nil || minor == nil {
		return money.Money{}, "the answer has no readable amount"
	}
	said := money.Of(*minor, currency)
	return said, provider.Confirm(said, asked)
}

// Failure is why a payment or a refund did not come about, as a world says it.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Into completes a declined outcome. A failure without a code, or with one that the table does not know, is a generic decline.
func (f *Failure) Into(out provider.Outcome, table provider.Table) provider.Outcome {
	if f == nil {
		f = &Failure{}
	}
	out.Class, out.Amount = provider.Declined, money.Money{}
	out.Decline = table.Decline(f.Code)
	out.Decline.Message = f.Message
	if out.Detail = f.Message; out.Detail == "" {
		out.Detail = "declined without a reason"
	}
	return out
}

// ReadMessage reads the frame of a webhook: the notification has its id, its type and its time, data is what it is about.
func ReadMessage(body []byte) (n provider.Notification, data []byte, err error) {
	var m struct {
		ID        string          `json:"id"`
		Type      string          `json:"type"`
		CreatedAt time.Time       `json:"created_at"`
		Data      json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &m); err != nil || m.ID == "" || m.Type == "" || m.CreatedAt.IsZero() {
		n, err := provider.Notification{EventID: m.ID, Type: m.Type}.Unbelieved("the webhook cannot be read")
		return n, nil, err
	}
	return provider.Notification{EventID: m.ID, Type: m.Type, OccurredAt: m.CreatedAt.UTC()}, m.Data, nil
}

// Believed refuses a message that contradicts itself: nothing can be concluded from it, and the inquiry is there.
func Believed(n provider.Notification) (provider.Notification, error) {
	if n.Outcome.Class == provider.Unknown {
		return n.Unbelieved("webhook " + n.EventID + ": " + n.Outcome.Detail)
	}
	return n, nil
}

// ReadBanks asks for a list of banks.
func ReadBanks(ctx context.Context, send provider.Sender, r vault.Request) ([]provider.Bank, error) {
	response, err := send.Send(ctx, r)
	if err != nil {
		return nil, err
	}
	list, refusal, ok := Read[struct {
		Data []struct {
			ID        string `json:"id"`
			Name      string `json:"name"`
			Available bool   `json:"available"`
		} `json:"data"`
	}](response)
	if !ok {
		return nil, errBanks(refusal.Detail)
	}
	banks := make([]provider.Bank, len(list.Data))
	for i, b := range list.Data {
		banks[i] = provider.Bank(b)
	}
	return banks, nil
}

// errBanks says why there is no list.
type errBanks string

func (e errBanks) Error() string { return "the list of banks: " + string(e) }
