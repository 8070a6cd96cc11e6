package bank

import (
	"encoding/json"
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
	stage.CheckReference(&wrong, r.Reference)
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
	play, err := w.Play(asked.Description)
	if err != nil {
		return stage.Reply{}, fault.Wrong("description", fault.CodeInvalid, err.Error())
	}
	if play.Fate(stage.Start).Before() {
		return stage.Reply{}, stage.NotProcessed(play.Fate(stage.Start))
	}
	var first json.RawMessage
	err = w.Do(func(b *stage.Batch) error {
		existing, err := b.ByReference(c.Account.Number, asked.Reference)
		if err != nil {
			return err
		}
		if existing != nil {
			p, err := w.pieces.Read(existing)
			if err == nil && !p.Asked.same(asked) {
				err = stage.ErrReused
			}
			if err == nil {
				first = p.First
			}
			return err
		}
		if err := asked.check(w.Clock().Now()); err != nil {
			return err
		}
		t := w.newPayment(asked, c)
		t.open()
		if t.First, err = json.Marshal(t.Payment); err != nil {
			return err
		}
		first = t.First
		return b.Create(stage.Record{ID: t.ID, Account: c.Account.Number, Reference: t.Reference}, t.piece, t.Turn)
	})
	return stage.Reply{Status: http.StatusCreated, Body: first, Fate: play.Fate(stage.Start)}, err
}

func (w *World) newPayment(asked paymentRequest, c stage.Call) *turn {
	t := &turn{Turn: w.Turn(asked.Description), piece: &piece{Asked: asked, Merchant: c.Account.Shown(), Descriptor: asked.Descriptor,
		Description: asked.Description, ReturnURL: asked.ReturnURL}}
	token := t.NewID("consent")
	t.Payment = Payment{ID: t.NewID("payment"), Reference: asked.Reference, Status: Awaiting, Amount: asked.Amount, Currency: asked.Currency,
		Bank: asked.Bank, AuthorisationURL: "http://" + c.Request.Host + "/bank/pay/" + token, ExpiresAt: t.Now.Add(ttl), CreatedAt: t.Now}
	if asked.ExpiresAt != nil {
		t.ExpiresAt = asked.ExpiresAt.UTC()
	}
	t.Alias(token)
	return t
}

func (w *World) answerPayment(f stage.Find, c stage.Call) (stage.Reply, error) {
	p, _, err := w.pieces.Look(c.Owned(f))
	if err != nil {
		return stage.Reply{}, err
	}
	return stage.Reply{Status: http.StatusOK, Body: p.Payment}, nil
}

func (w *World) getPayment(c stage.Call) (stage.Reply, error) {
	return w.answerPayment(stage.ByID(c.Request.PathValue("id")), c)
}

func (w *World) findPayment(c stage.Call) (stage.Reply, error) {
	return w.answerPayment(byReference(c), c)
}

func byReference(c stage.Call) stage.Find {
	return c.Named(c.Request.URL.Query().Get("reference"))
}

// postCancel gives a payment up, by the caller's reference: the caller may not have heard of another. It answers the payment as it is.
func (w *World) postCancel(c stage.Call) (stage.Reply, error) {
	var asked struct {
		Reference string `json:"reference"`
	}
	if err := stage.Decode(c.Body, &asked); err != nil {
		return stage.Reply{}, err
	}
	p, err := w.change(c.Named(asked.Reference), (*turn).cancel)
	if err != nil {
		return stage.Reply{}, err
	}
	return stage.Reply{Status: http.StatusOK, Body: p.Payment}, nil
}

// refundRequest is the body of a refund.
type refundRequest struct {
	Reference string `json:"reference"`
	Amount    int64  `json:"amount"`
	Reason    string `json:"reason"`
}

func (r *refundRequest) check() error {
	var wrong fault.Collect
	stage.CheckReference(&wrong, r.Reference)
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
	var first json.RawMessage
	var fate stage.Fate
	_, err := w.change(c.Owned(stage.ByID(c.Request.PathValue("id"))), func(t *turn) error {
		fate = t.Fate(stage.Refund)
		if fate.Before() {
			return stage.NotProcessed(fate)
		}
		if made := t.findRefund(asked.Reference, stage.AnyRefund); made != nil {
			if made.Amount != asked.Amount || made.Reason != asked.Reason {
				return stage.ErrReused
			}
			first = made.First
			return nil
		}
		made, err := t.refund(asked.Reference, asked.Amount, asked.Reason)
		if err != nil {
			return err
		}
		made.First, err = json.Marshal(made.Refund)
		first = made.First
		return err
	})
	return stage.Reply{Status: http.StatusCreated, Body: first, Fate: fate}, err
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
