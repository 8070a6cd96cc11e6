// Package instant is the part of the simulated outside world that local methods need: Pix, PayID, FPX, UPI, iDEAL and SEPA codes, behind one
// provider. It makes the codes that payers scan, plays the payer's bank that pays them: exactly, in part, over, twice, late or by a code
// that nobody asked for, and tells each transfer by a signed webhook. It speaks HTTP under /instant/v1, shows payers its pages under
// /instant/pay, testers a panel at /instant. docs/sandbox.md tells what it simulates.
package instant

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// name is the world's, in paths and ids.
const name = "instant"

//go:embed page/*.html
var pageFiles embed.FS

// World is the provider and the schemes behind it. It is safe for concurrent use.
type World struct{ *stage.Stage }

// Open opens the world kept in the SQLite file at path, making it if it is missing. Close it.
func Open(path string, o stage.Options) (*World, error) {
	w := &World{}
	s, err := stage.Open(path, stage.World{
		Name: name, Title: "the instant payment provider", Header: "Instant-Signature", Scenarios: scenarios, Fire: w.fire,
	}, o)
	if err != nil {
		return nil, err
	}
	w.Stage = s
	s.Begin()
	return w, nil
}

// Handler serves /instant and /control/instant.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /instant/v1/charges", w.Answer(w.postCharge))
	mux.Handle("GET /instant/v1/charges", w.Answer(w.findCharge))
	mux.Handle("GET /instant/v1/charges/{id}", w.Answer(w.getCharge))
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

// find finds a piece within a batch; nil if there is none.
type find func(*stage.Batch) (*stage.Record, error)

func byID(id string) find {
	return func(b *stage.Batch) (*stage.Record, error) { return b.ByID(id) }
}

func byAlias(alias string) find {
	return func(b *stage.Batch) (*stage.Record, error) { return b.ByAlias(alias) }
}

func read(r *stage.Record, what string) (*piece, error) {
	if r == nil {
		return nil, fault.Missing(what)
	}
	p := &piece{}
	if err := json.Unmarshal([]byte(r.Body), p); err != nil {
		return nil, fmt.Errorf("read charge %s: %w", r.ID, err)
	}
	return p, nil
}

// look reads a charge. It fails with fault.NotFound if there is none.
func (w *World) look(f find) (p *piece, r stage.Record, err error) {
	err = w.Do(func(b *stage.Batch) error {
		found, err := f(b)
		if err != nil {
			return err
		}
		if p, err = read(found, "charge"); err == nil {
			r = *found
		}
		return err
	})
	return p, r, err
}

// change decides on a charge and keeps what was decided.
func (w *World) change(f find, decide func(*turn) error) (p *piece, err error) {
	err = w.Do(func(b *stage.Batch) error {
		r, err := f(b)
		if err != nil {
			return err
		}
		if p, err = read(r, "charge"); err != nil {
			return err
		}
		return w.decide(b, *r, p, decide)
	})
	return p, err
}

func (w *World) decide(b *stage.Batch, r stage.Record, p *piece, decide func(*turn) error) error {
	t := &turn{Turn: w.Turn(p.Description), piece: p}
	if err := decide(t); err != nil {
		return err
	}
	return b.Save(r, p, t.Turn)
}

// fire carries out an event that was planned.
func (w *World) fire(b *stage.Batch, r stage.Record, event, argument string) error {
	p, err := read(&r, "charge")
	if err != nil {
		return err
	}
	return w.decide(b, r, p, func(t *turn) error { return t.happen(event, Choice{refund: argument}) })
}

// Happen makes an event happen to a charge, as the panel's buttons do. It fails with fault.NotFound if there is no such charge, event or
// webhook, with fault.Conflict if the state does not allow it, and with fault.Invalid on a wrong choice.
func (w *World) Happen(id, event string, c Choice) (Charge, error) {
	if event == resend {
		_, r, err := w.look(byID(id))
		if err == nil {
			err = w.Do(func(b *stage.Batch) error { return b.Again(r) })
		}
		if err != nil {
			return Charge{}, fmt.Errorf("%s %s: %w", event, id, err)
		}
	}
	p, err := w.change(byID(id), func(t *turn) error { return t.happen(event, c) })
	if err != nil {
		return Charge{}, fmt.Errorf("%s %s: %w", event, id, err)
	}
	return p.Charge, nil
}

// Charges are all charges, newest first, and what came in without one.
func (w *World) Charges() ([]Charge, error) {
	records, err := w.List(stage.Query{Limit: -1})
	if err != nil {
		return nil, err
	}
	out := make([]Charge, len(records))
	for i := range records {
		p, err := read(&records[i], "charge")
		if err != nil {
			return nil, err
		}
		out[i] = p.Charge
	}
	return out, nil
}
