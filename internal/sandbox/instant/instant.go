// Package instant is the part of the simulated outside world that local methods need: Pix, PayID, FPX, UPI, iDEAL and SEPA codes, behind one
// provider. It makes the codes that payers scan, plays the payer's bank that pays them: exactly, in part, over, twice, late or by a code
// that nobody asked for, and tells each transfer by a signed webhook. It speaks HTTP under /instant/v1, shows payers its pages under
// /instant/pay, testers a panel at /instant. docs/sandbox.md tells what it simulates.
package instant

import (
	"embed"
	"net/http"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

// name is the world's, in paths and ids.
const name = "instant"

//go:embed page/*.html
var pageFiles embed.FS

// World is the provider and the schemes behind it. It is safe for concurrent use.
type World struct {
	*stage.Stage
	pieces stage.Pieces[piece, *piece]
}

// Open opens the world kept in the SQLite file at path, making it if it is missing. Close it.
func Open(path string, o stage.Options) (*World, error) {
	w := &World{}
	s, err := stage.Open(path, stage.World{
		Name: name, Title: "the instant payment provider", Header: "Instant-Signature", Scenarios: scenarios, Fire: w.fire,
	}, o)
	if err != nil {
		return nil, err
	}
	w.Stage, w.pieces = s, stage.PiecesOf[piece](s, "charge")
	s.Begin()
	return w, nil
}

// Handler serves /instant and /control/instant.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /instant/v1/charges", w.Answer(w.postCharge))
	mux.Handle("GET /instant/v1/charges", w.Answer(w.pieces.Find))
	mux.Handle("GET /instant/v1/charges/{id}", w.Answer(w.pieces.Get))
	mux.Handle("POST /instant/v1/charges/cancel", w.Answer(w.postCancel))
	mux.Handle("POST /instant/v1/refunds", w.Answer(w.postRefund))
	mux.Handle("GET /instant/v1/refunds", w.Answer(w.findRefund))
	mux.Handle("GET /instant/v1/banks", w.Answer(w.getBanks))
	mux.Handle("GET /instant/v1/static_code", w.Answer(w.getStaticCode))
	mux.Handle("/instant/v1/", w.Nowhere())
	mux.HandleFunc("GET /instant/pay/{token}", w.payPage)
	mux.HandleFunc("POST /instant/pay/{token}", w.answerPage)
	inner := http.NewServeMux()
	inner.HandleFunc("GET /instant", w.listPage)
	inner.HandleFunc("GET /instant/charges/{id}", w.chargePage)
	inner.HandleFunc("GET /control/instant/charges", w.listCharges)
	inner.HandleFunc("GET /control/instant/charges/{id}", w.controlCharge)
	inner.HandleFunc("POST /control/instant/charges/{id}/{event}", w.postEvent)
	inner.HandleFunc("POST /control/instant/pay", w.postPay)
	w.Mount(inner)
	mux.Handle("/", stage.Local(inner))
	return mux
}

// on is a decision on a charge.
func on(decide func(*turn) error) func(*stage.Turn, *piece) error {
	return func(t *stage.Turn, p *piece) error { return decide(&turn{t, p}) }
}

// fire carries out an event that was planned.
func (w *World) fire(b *stage.Batch, r stage.Record, name, argument string) error {
	return w.pieces.Fire(b, r, on(func(t *turn) error { return t.happen(name, Choice{refund: argument}) }))
}

// Happen makes an event happen to a charge, as the panel's buttons do. It fails with fault.NotFound if there is no such charge, event or
// webhook, with fault.Conflict if the state does not allow it, and with fault.Invalid on a wrong choice.
func (w *World) Happen(id, event string, c Choice) (Charge, error) {
	p, err := w.pieces.Happen(id, event, on(func(t *turn) error { return t.happen(event, c) }))
	if err != nil {
		return Charge{}, err
	}
	return p.Charge, nil
}

// Charges are all charges, newest first, and what came in without one.
func (w *World) Charges() ([]Charge, error) {
	return stage.List(w.pieces, stage.Query{Limit: -1}, func(p *piece, _ int64) Charge { return p.Charge })
}
