package instant

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// chargeRequest is the body of a charge.
type chargeRequest struct {
	Reference   string     `json:"reference"`
	Payment     string     `json:"payment,omitempty"` // the caller's own name for what is paid
	Method      string     `json:"method"`
	Amount      int64      `json:"amount"`
	Currency    string     `json:"currency"`
	Bank        string     `json:"bank,omitempty"`       // fpx, ideal; empty: the payer chooses
	ReturnURL   string     `json:"return_url,omitempty"` // needed for a page
	Static      bool       `json:"static,omitempty"`     // pix: a code that says receiver and amount itself
	Descriptor  string     `json:"descriptor,omitempty"`
	Description string     `json:"description,omitempty"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
}

func (r *chargeRequest) check(now time.Time) error {
	var wrong fault.Collect
	stage.CheckReference(&wrong, "reference", r.Reference)
	s, ok := findScheme(r.Method)
	switch {
	case !ok:
		wrong.Add("method", fault.CodeInvalid, "is not one of this provider's")
		return wrong.Err()
	case r.Currency != s.currency:
		wrong.Add("currency", fault.CodeCurrency, "must be "+s.currency+" for this method")
	case r.Amount < s.min || r.Amount > s.max:
		wrong.Add("amount", fault.CodeInvalid, fmt.Sprintf("must be %s to %s for this method", stage.Show(s.min, s.currency), stage.Show(s.max, s.currency)))
	}
	if _, ok := findBank(r.Method, r.Bank); !ok && r.Bank != "" {
		wrong.Add("bank", fault.CodeInvalid, "is not one of /instant/v1/banks")
	}
	if s.redirect {
		stage.CheckReturnURL(&wrong, r.ReturnURL)
	}
	stage.CheckExpiry(&wrong, r.ExpiresAt, now)
	return wrong.Err()
}

// same tells whether a repeated request asks for the same thing. Its expiry is compared as an instant.
func (r chargeRequest) same(other chargeRequest) bool {
	a, b := r.ExpiresAt, other.ExpiresAt
	r.ExpiresAt, other.ExpiresAt = nil, nil
	return r == other && stage.SameTime(a, b)
}

func (w *World) postCharge(c stage.Call) (stage.Reply, error) {
	var asked chargeRequest
	if err := stage.Decode(c.Body, &asked); err != nil {
		return stage.Reply{}, err
	}
	same := func(p *piece) bool { return p.Asked.same(asked) }
	return w.pieces.Begin(c, asked.Reference, asked.Description, same, func(t *stage.Turn) (*piece, string, error) {
		if err := asked.check(t.Now); err != nil {
			return nil, "", err
		}
		p, err := newCharge(t, asked, c)
		if err != nil {
			return nil, "", err
		}
		(&turn{t, p}).open()
		return p, p.ID, nil
	})
}

func newCharge(t *stage.Turn, asked chargeRequest, c stage.Call) (*piece, error) {
	p := &piece{Asked: asked, Merchant: c.Account.Shown(), Description: asked.Description, ReturnURL: asked.ReturnURL}
	s, _ := findScheme(asked.Method) // checked
	p.Charge = Charge{ID: t.NewID("charge"), Reference: asked.Reference, Method: asked.Method, Status: Active, Amount: asked.Amount,
		Currency: asked.Currency, Bank: asked.Bank, ExpiresAt: t.Now.Add(s.ttl), CreatedAt: t.Now, Transfers: []Transfer{}}
	if asked.ExpiresAt != nil {
		p.ExpiresAt = asked.ExpiresAt.UTC()
	}
	if s.redirect {
		token := t.NewID("consent")
		t.Alias(token)
		p.RedirectURL = "http://" + c.Request.Host + "/instant/pay/" + token
		return p, nil
	}
	amount, err := moneyOf(asked.Amount, asked.Currency)
	if err != nil {
		return nil, err
	}
	txid := t.NewID("tx")
	txid = txid[len(txid)-25:] // a Pix txid has 25 characters at most; a time and 75 bits of chance are left
	t.Alias(txid)
	p.Code, p.CopyCode, p.Deeplink, err = s.code(codeOrder{txid: txid, amount: amount, payee: c.Account, static: asked.Static, note: asked.Descriptor})
	return p, err
}

func moneyOf(minor int64, code string) (money.Money, error) {
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return money.Money{}, fault.Wrong("currency", fault.CodeCurrency, "is not an ISO 4217 code")
	}
	return money.Of(minor, currency), nil
}

func (w *World) postCancel(c stage.Call) (stage.Reply, error) {
	return w.pieces.Cancel(c, on((*turn).cancel))
}

// refundRequest is the body of a refund: of a charge, or of a transfer whatever charge it came for.
type refundRequest struct {
	Reference string `json:"reference"`
	Charge    string `json:"charge,omitempty"`   // the id
	Transfer  string `json:"transfer,omitempty"` // the end-to-end id
	Amount    int64  `json:"amount"`
	Reason    string `json:"reason,omitempty"`
}

func (r *refundRequest) check() error {
	var wrong fault.Collect
	stage.CheckReference(&wrong, "reference", r.Reference)
	stage.CheckAmount(&wrong, r.Amount)
	if r.Charge == "" && r.Transfer == "" {
		wrong.Add("charge", fault.CodeInvalid, "or transfer must be there")
	}
	return wrong.Err()
}

func refundAlias(account int64, reference string) string {
	return fmt.Sprintf("refund %d %s", account, reference)
}

func (w *World) postRefund(c stage.Call) (stage.Reply, error) {
	var asked refundRequest
	if err := stage.Decode(c.Body, &asked); err != nil {
		return stage.Reply{}, err
	}
	if err := asked.check(); err != nil {
		return stage.Reply{}, err
	}
	same := func(made *madeRefund) bool { return made.Asked == asked }
	var reply stage.Reply
	_, err := w.pieces.Change(c.Owned(refundedPiece(c.Account.Number, asked)), on(func(t *turn) (err error) {
		reply, err = stage.RefundOnce(t.Turn, t.Refunds, asked.Reference, same, func() (*madeRefund, error) {
			t.Alias(refundAlias(c.Account.Number, asked.Reference))
			return t.refund(asked)
		})
		return err
	}))
	return reply, err
}

// refundedPiece finds what a refund is about: what an earlier one of its reference was about, the charge, or what the transfer came for.
func refundedPiece(account int64, asked refundRequest) stage.Find {
	return func(b *stage.Batch) (*stage.Record, error) {
		if r, err := b.ByAlias(refundAlias(account, asked.Reference)); r != nil || err != nil {
			return r, err
		}
		if asked.Charge != "" {
			return b.ByID(asked.Charge)
		}
		return b.ByAlias(asked.Transfer)
	}
}

func (w *World) findRefund(c stage.Call) (stage.Reply, error) {
	reference := c.Request.URL.Query().Get("reference")
	p, _, err := w.pieces.Look(stage.ByAlias(refundAlias(c.Account.Number, reference)))
	if fault.Is(err, fault.NotFound) {
		err = fault.Missing("refund")
	}
	if err != nil {
		return stage.Reply{}, err
	}
	made := p.findRefund(reference, stage.AnyRefund)
	return stage.Reply{Status: http.StatusOK, Body: made.Refund}, nil
}

func (w *World) getBanks(c stage.Call) (stage.Reply, error) {
	method := c.Request.URL.Query().Get("method")
	if s, ok := findScheme(method); !ok || !s.redirect {
		return stage.Reply{}, fault.Wrong("method", fault.CodeInvalid, "has no banks to choose")
	}
	list := []Bank{}
	for _, b := range banks {
		if b.method == method {
			list = append(list, b)
		}
	}
	return stage.Reply{Status: http.StatusOK, Body: map[string]any{"data": list}}, nil
}

// getStaticCode answers the account's own code of a method, for any payment: what a shop hangs on its wall.
func (w *World) getStaticCode(c stage.Call) (stage.Reply, error) {
	method := c.Request.URL.Query().Get("method")
	code, copyCode, err := staticCode(method, c.Account)
	if err != nil {
		return stage.Reply{}, err
	}
	return stage.Reply{Status: http.StatusOK, Body: map[string]string{"method": method, "code": code, "copy_code": copyCode}}, nil
}

func staticCode(method string, a stage.Numbered) (code, copyCode string, err error) {
	s, ok := findScheme(method)
	if !ok || s.redirect {
		return "", "", fault.Wrong("method", fault.CodeInvalid, "has no codes")
	}
	code, copyCode, _, err = s.code(codeOrder{payee: a})
	return code, copyCode, err
}

// Pay is a payer who scans a code, or copies it, and pays: this amount, or what the code says. What comes for no charge is a stray. It
// fails with fault.Invalid on what is no code of this provider's: a payer's bank does not pay that.
func (w *World) Pay(code string, amount int64) (Charge, error) {
	var after Charge
	err := w.Do(func(b *stage.Batch) error {
		accounts, err := b.Accounts()
		if err != nil {
			return err
		}
		for _, a := range accounts {
			c, ok := scan(strings.TrimSpace(code), a)
			if !ok {
				continue
			}
			r, err := b.ByAlias(c.txid)
			if err != nil {
				return err
			}
			if r != nil && r.Account != a.Number {
				r = nil
			}
			if r == nil && c.unnamed {
				continue
			}
			if amount == 0 {
				amount = c.amount.Minor()
			}
			after, err = w.paid(b, r, a, c.method, amount)
			return err
		}
		return fault.Wrong("code", fault.CodeInvalid, "is no code that this provider's merchants show")
	})
	return after, err
}

// paid takes money for a charge, or for none if r is nil.
func (w *World) paid(b *stage.Batch, r *stage.Record, a stage.Numbered, method string, amount int64) (Charge, error) {
	if r != nil {
		p, err := w.pieces.Read(r)
		if err != nil {
			return Charge{}, err
		}
		err = w.pieces.Decide(b, *r, p, on(func(t *turn) error { return t.pay(Choice{Amount: amount}) }))
		return p.Charge, err
	}
	if amount <= 0 || amount > stage.MaxAmount {
		return Charge{}, fault.Wrong("amount", fault.CodeInvalid, "must be there: the code does not say one")
	}
	s, _ := findScheme(method) // scan says no other
	t := &turn{Turn: w.Turn(""), piece: &piece{Merchant: a.Shown()}}
	t.Charge = Charge{ID: t.NewID("stray"), Method: method, Status: Stray, Currency: s.currency, CreatedAt: t.Now, Transfers: []Transfer{}}
	t.note("A code without a charge was paid")
	t.receive(amount)
	t.Reference = t.Transfers[0].EndToEndID
	return t.Charge, b.Create(stage.Record{ID: t.ID, Account: a.Number, Reference: t.Reference}, t.piece, t.Turn)
}
