package stage

import (
	"encoding/json"
	"net/http"

	"github.com/florinpay/florin/internal/fault"
)

// Begin answers a call that begins a piece: as the scenario in its description has it, and once for a reference of its account. same tells
// whether a piece was begun by a request like this one; begin decides a new one, and names it. It fails with ErrReused if the reference
// came with another request.
func (k Pieces[P, M]) Begin(c Call, reference, description string, same func(M) bool, begin func(*Turn) (p M, id string, err error)) (Reply, error) {
	play, err := k.stage.Play(description)
	if err != nil {
		return Reply{}, fault.Wrong("description", fault.CodeInvalid, err.Error())
	}
	fate := play.Fate(Start)
	if fate.Before() {
		return Reply{}, NotProcessed(fate)
	}
	var first json.RawMessage
	err = k.stage.Do(func(b *Batch) error {
		existing, err := b.ByReference(c.Account.Number, reference)
		if err != nil {
			return err
		}
		if existing != nil {
			first, err = k.again(existing, same)
			return err
		}
		t := k.stage.Turn(description)
		p, id, err := begin(t)
		if err != nil {
			return err
		}
		if first, err = json.Marshal(p.Told()); err != nil {
			return err
		}
		p.Answer().First = first
		return b.Create(Record{ID: id, Account: c.Account.Number, Reference: reference}, p, t)
	})
	return Reply{Status: http.StatusCreated, Body: first, Fate: fate}, err
}

// again is what a repeated request is answered.
func (k Pieces[P, M]) again(existing *Record, same func(M) bool) (json.RawMessage, error) {
	p, err := k.Read(existing)
	if err != nil {
		return nil, err
	}
	if !same(p) {
		return nil, ErrReused
	}
	return p.Answer().First, nil
}

// Get answers the caller's own piece of the id in the path.
func (k Pieces[P, M]) Get(c Call) (Reply, error) { return k.answer(c, ByID(c.Request.PathValue("id"))) }

// Find answers the caller's own piece of the reference in the query.
func (k Pieces[P, M]) Find(c Call) (Reply, error) {
	return k.answer(c, c.Named(c.Request.URL.Query().Get("reference")))
}

func (k Pieces[P, M]) answer(c Call, f Find) (Reply, error) {
	p, _, err := k.Look(c.Owned(f))
	if err != nil {
		return Reply{}, err
	}
	return Reply{Status: http.StatusOK, Body: p.Told()}, nil
}

// Cancel answers a call that gives a piece up, by the caller's reference: the caller may not have heard of another name. The answer is the
// piece as it then is.
func (k Pieces[P, M]) Cancel(c Call, cancel func(*Turn, M) error) (Reply, error) {
	var asked struct {
		Reference string `json:"reference"`
	}
	if err := Decode(c.Body, &asked); err != nil {
		return Reply{}, err
	}
	p, err := k.Change(c.Named(asked.Reference), cancel)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Status: http.StatusOK, Body: p.Told()}, nil
}
