// Package bank is the part of the simulated outside world that account-to-account payments need: a payment initiator with banks whose
// pages a payer's browser goes through, as in open banking: choose the bank, log in, consent. It speaks HTTP under /bank/v1, shows payers
// its pages under /bank/pay, testers a panel at /bank, and signs its webhooks. docs/sandbox.md tells what it simulates.
package bank

import (
	"embed"
	"net/http"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

// name is the world's, in paths and ids.
const name = "bank"

//go:embed page/*.html
var pageFiles embed.FS

// Bank is one that payers may choose.
type Bank struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Available bool   `json:"available"`

	title string // what it does, for testers
	fails string // the failure of every payment from it; empty: none
	slow  bool   // its money takes thirty times as long
}

// banks are the simulated ones.
var banks = []Bank{
	{ID: "northbank", Name: "Northbank", Available: true, title: "Pays"},
	{ID: "harbour", Name: "Harbour Bank", Available: true, title: "Pays"},
	{ID: "mill_lane", Name: "Mill Lane Building Society", Available: true, title: "Pays, after a minute", slow: true},
	{ID: "empty_purse", Name: "Empty Purse Bank", Available: true, title: "Has no money: insufficient_funds", fails: stage.InsufficientFunds},
	{ID: "closed", Name: "Closed Bank", title: "Is not reached: bank_unavailable", fails: stage.BankUnavailable},
}

func findBank(id string) (Bank, bool) {
	for _, b := range banks {
		if b.ID == id {
			return b, true
		}
	}
	return Bank{}, false
}

// World is the payment initiator and its banks. It is safe for concurrent use.
type World struct {
	*stage.Stage
	pieces stage.Pieces[piece, *piece]
}

// Open opens the world kept in the SQLite file at path, making it if it is missing. Close it.
func Open(path string, o stage.Options) (*World, error) {
	w := &World{}
	s, err := stage.Open(path, stage.World{
		Name: name, Title: "the payment initiator", Header: "Bank-Signature", Scenarios: scenarios, Fire: w.fire,
	}, o)
	if err != nil {
		return nil, err
	}
	w.Stage, w.pieces = s, stage.PiecesOf[piece](s, "payment")
	s.Begin()
	return w, nil
}

// Handler serves /bank and /control/bank.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /bank/v1/payments", w.Answer(w.postPayment))
	mux.Handle("GET /bank/v1/payments", w.Answer(w.pieces.Find))
	mux.Handle("GET /bank/v1/payments/{id}", w.Answer(w.pieces.Get))
	mux.Handle("POST /bank/v1/payments/cancel", w.Answer(w.postCancel))
	mux.Handle("POST /bank/v1/payments/{id}/refunds", w.Answer(w.postRefund))
	mux.Handle("GET /bank/v1/refunds", w.Answer(w.findRefund))
	mux.Handle("GET /bank/v1/banks", w.Answer(func(stage.Call) (stage.Reply, error) {
		return stage.Reply{Status: http.StatusOK, Body: map[string]any{"data": banks}}, nil
	}))
	mux.Handle("/bank/v1/", w.Nowhere())
	mux.HandleFunc("GET /bank/pay/{token}", w.payPage)
	mux.HandleFunc("POST /bank/pay/{token}", w.answerPage)
	inner := http.NewServeMux()
	inner.HandleFunc("GET /bank", w.listPage)
	inner.HandleFunc("GET /bank/payments/{id}", w.paymentPage)
	inner.HandleFunc("GET /control/bank/payments", w.listPayments)
	inner.HandleFunc("GET /control/bank/payments/{id}", w.controlPayment)
	inner.HandleFunc("POST /control/bank/payments/{id}/{event}", w.postEvent)
	w.Mount(inner)
	mux.Handle("/", stage.Local(inner))
	return mux
}

// on is a decision on a payment.
func on(decide func(*turn) error) func(*stage.Turn, *piece) error {
	return func(t *stage.Turn, p *piece) error { return decide(&turn{t, p}) }
}

// fire carries out an event that was planned.
func (w *World) fire(b *stage.Batch, r stage.Record, name, argument string) error {
	return w.pieces.Fire(b, r, on(func(t *turn) error { return t.happen(name, argument) }))
}

// Happen makes an event happen to a payment, as the panel's buttons do. It fails with fault.NotFound if there is no such payment, event
// or webhook, and with fault.Conflict if the state does not allow it.
func (w *World) Happen(id, event string) (Payment, error) {
	p, err := w.pieces.Happen(id, event, on(func(t *turn) error { return t.happen(event, "") }))
	if err != nil {
		return Payment{}, err
	}
	return p.Payment, nil
}

// Payments are all payments, newest first.
func (w *World) Payments() ([]Payment, error) {
	return stage.List(w.pieces, stage.Query{Limit: -1}, func(p *piece, _ int64) Payment { return p.Payment })
}
