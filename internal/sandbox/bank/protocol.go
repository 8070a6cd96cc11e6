package bank

import (
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// ttl is how long a payer has, if the caller does not say.
const ttl = 15 * time.Minute

// paymentRequest is the body of a payment.
type paymentRequest struct {
	Reference   string     `json:"reference"`
	Payment     string     `json:"payment,omitempty"` // the caller's own name for what is paid
	Amount      int64      `json:"amount"`
	Currency    string     `json:"currency"`
	Bank        string     `json:"bank,omitempty"` // empty: the payer chooses
	ReturnURL   string     `json:"return_url"`
	Descriptor  string     `json:"descriptor,omitempty"`
	Description string     `json:"description,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
}

func (r *paymentRequest) check(now time.Time) error {
	var wrong fault.Collect
	stage.CheckReference(&wrong, "reference", r.Reference)
	stage.CheckAmount(&wrong, r.Amount)
	if _, err := money.ParseCurrency(r.Currency); err != nil {
		wrong.Add("currency", fault.CodeCurrency, "is not an ISO 4217 code")
	}
	if _, ok := findBank(r.Bank); !ok && r.Bank != "" {
		wrong.Add("bank", fault.CodeInvalid, "is not one of /bank/v1/banks")
	}
	stage.CheckReturnURL(&wrong, r.ReturnURL)
	stage.CheckExpiry(&wrong, r.ExpiresAt, now)
	return wrong.Err()
}

// same tells whether a repeated request asks for the same thing. Its expiry is compared as an instant.
func (r paymentRequest) same(other paymentRequest) bool {
	a, b := r.ExpiresAt, other.ExpiresAt
	r.ExpiresAt, other.ExpiresAt = nil, nil
	return r == other && stage.SameTime(a, b)
}

func (w *World) postPayment(c stage.Call) (stage.Reply, error) {
	var asked paymentRequest
	if err := stage.Decode(c.Body, &asked); err != nil {
		return stage.Reply{}, err
	}
	same := func(p *piece) bool { return p.Asked.same(asked) }
	return w.pieces.Begin(c, asked.Reference, asked.Description, same, func(t *stage.Turn) (*piece, string, error) {
		if err := asked.check(t.Now); err != nil {
			return nil, "", err
		}
		p := newPayment(t, asked, c)
		(&turn{t, p}).open()
		return p, p.ID, nil
	})
}

func newPayment(t *stage.Turn, asked paymentRequest, c stage.Call) *piece {
	token := t.NewID("consent")
	t.Alias(token)
	p := &piece{Asked: asked, Merchant: c.Account.Shown(), Descriptor: asked.Descriptor, Description: asked.Description, ReturnURL: asked.ReturnURL}
	p.Payment = Payment{ID: t.NewID("payment"), Reference: asked.Reference, Status: Awaiting, Amount: asked.Amount, Currency: asked.Currency,
		Bank: asked.Bank, AuthorisationURL: "http://" + c.Request.Host + "/bank/pay/" + token, ExpiresAt: t.Now.Add(ttl), CreatedAt: t.Now}
	if asked.ExpiresAt != nil {
		p.ExpiresAt = asked.ExpiresAt.UTC()
	}
	return p
}

func (w *World) postCancel(c stage.Call) (stage.Reply, error) {
	return w.pieces.Cancel(c, on((*turn).cancel))
}

// refundRequest is the body of a refund.
type refundRequest struct {
	Reference string `json:"reference"`
	Amount    int64  `json:"amount"`
	Reason    string `json:"reason"`
}

func (r *refundRequest) check() error {
	var wrong fault.Collect
	stage.CheckReference(&wrong, "reference", r.Reference)
	stage.CheckAmount(&wrong, r.Amount)
	return wrong.Err()
}

func (w *World) postRefund(c stage.Call) (stage.Reply, error) {
	var asked refundRequest
	if err := stage.Decode(c.Body, &asked); err != nil {
		return stage.Reply{}, err
	}
	if err := asked.check(); err != nil {
		return stage.Reply{}, err
	}
	same := func(made *madeRefund) bool { return made.Amount == asked.Amount && made.Reason == asked.Reason }
	var reply stage.Reply
	_, err := w.pieces.Change(c.Owned(stage.ByID(c.Request.PathValue("id"))), on(func(t *turn) (err error) {
		reply, err = stage.RefundOnce(t.Turn, t.Refunds, asked.Reference, same, func() (*madeRefund, error) {
			return t.refund(asked.Reference, asked.Amount, asked.Reason)
		})
		return err
	}))
	return reply, err
}

// findRefund answers by the caller's references of the refund and of the payment.
func (w *World) findRefund(c stage.Call) (stage.Reply, error) {
	reference := c.Request.URL.Query().Get("reference")
	p, _, err := w.pieces.Look(func(b *stage.Batch) (*stage.Record, error) {
		return b.ByReference(c.Account.Number, c.Request.URL.Query().Get("payment_reference"))
	})
	if err != nil {
		return stage.Reply{}, err
	}
	made := p.findRefund(reference, func(*stage.RefundCore) bool { return reference != "" })
	if made == nil {
		return stage.Reply{}, fault.Missing("refund")
	}
	return stage.Reply{Status: http.StatusOK, Body: made.Refund}, nil
}
