package vault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// defaultTimeout is of an exchange whose request names none.
const defaultTimeout = 30 * time.Second

var (
	errURL    = errors.New("the URL cannot be read")
	errNoCard = fault.New(fault.NotFound, fault.CodeNotFound, "the request has card fields and no card")
)

// outgoing is a request that is filled in and may go.
type outgoing struct {
	message
	fields fields
	masker *masker

	giveBack func() // returns a code that was taken, for a request that was not sent
}

// wipe forgets the card.
func (o *outgoing) wipe() {
	o.body.wipe()
	o.fields.card.wipe()
	clear(o.fields.got)
	if o.masker != nil {
		o.masker.wipe()
	}
}

// Send fills a request in, sends it once, and gives the answer with every card number in it masked. It does not judge the answer's
// status.
//
// The error is ErrNotSent if no byte left for the provider (a refused origin, a card that is not there or lacks a field, a
// connection that did not come about); with any other error the outcome is unknown: the answer did not come, was over
// 1 MiB, or could not be read. Errors never carry the URL's path or query, a header, the body or the card.
func (v *Vault) Send(ctx context.Context, r Request) (Response, error) {
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	o := &outgoing{giveBack: func() {}, message: message{
		method: r.Method, header: make(http.Header, len(r.Header)+3), body: &payload{}, bound: maxAnswer,
	}}
	defer o.wipe()
	if err := v.prepare(ctx, o, r); err != nil {
		o.giveBack()
		return Response{}, fmt.Errorf("send for provider account %s: %w: %w", r.Account, ErrNotSent, err)
	}
	answer, err := exchange(ctx, v.transport(), o.message)
	if err != nil {
		if errors.Is(err, ErrNotSent) {
			o.giveBack()
		}
		return Response{}, fmt.Errorf("send for provider account %s to %s: %w", r.Account, o.to.Host, err)
	}
	if inHeader, inBody := o.masker.headers(answer.Header), o.masker.body(answer.Body); inHeader || inBody {
		v.logger.WarnContext(ctx, "provider answered with a card number, which was masked",
			"merchant_id", r.Merchant, "provider_account", r.Account, "host", o.to.Host)
	}
	return answer, nil
}

func (v *Vault) transport() http.RoundTripper {
	if v.client.Transport == nil {
		return http.DefaultTransport
	}
	return v.client.Transport
}

// prepare does all that comes before the first byte. What fails here was not sent.
func (v *Vault) prepare(ctx context.Context, o *outgoing, r Request) error {
	to, err := url.Parse(r.URL)
	if err != nil {
		return errURL
	}
	origin, err := originOf(to)
	if err != nil {
		return err
	}
	if err := v.mayGo(ctx, r.Merchant, r.Account, origin); err != nil {
		return err
	}
	o.to = to
	if err := v.takeCard(ctx, o, r); err != nil {
		return err
	}
	body, err := fill(r.Body, &o.fields)
	if err != nil {
		return err
	}
	o.body.data = body
	for name, value := range r.Header {
		o.header[plainHeader(name)] = []string{value.Reveal()}
	}
	o.header.Set("Accept-Encoding", "identity")
	if o.header.Get("User-Agent") == "" {
		o.header.Set("User-Agent", "Florin")
	}
	if err := sign(o.header, r.Sign, body); err != nil {
		return err
	}
	return ctx.Err()
}

// takeCard opens the request's card if a segment asks for one.
func (v *Vault) takeCard(ctx context.Context, o *outgoing, r Request) error {
	o.masker = newMasker(nil, r.References...)
	if !asksCard(r.Body) {
		return nil
	}
	if r.Card == "" {
		return errNoCard
	}
	k := cardKey{r.Merchant, r.Card}
	row, err := v.card(ctx, k)
	if err != nil {
		return err
	}
	card, err := v.open(row)
	if err != nil {
		return err
	}
	proof := CVC
	if row.kind() == walletKind {
		proof = Cryptogram
	}
	o.fields = fields{card: card, proof: proof, code: func() []byte {
		digits, until := v.codes.take(k)
		if len(digits) > 0 {
			o.giveBack = func() { v.codes.put(k, digits, until) }
		}
		return digits
	}}
	o.masker = newMasker(card.number.digits(), r.References...)
	return nil
}
