package stage

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// Find finds a piece within a batch; nil if there is none.
type Find func(*Batch) (*Record, error)

// ByID finds a piece by its id.
func ByID(id string) Find { return func(b *Batch) (*Record, error) { return b.ByID(id) } }

// ByAlias finds a piece by another name of it.
func ByAlias(alias string) Find { return func(b *Batch) (*Record, error) { return b.ByAlias(alias) } }

// Named finds the caller's own piece by its reference.
func (c Call) Named(reference string) Find {
	return func(b *Batch) (*Record, error) { return b.ByReference(c.Account.Number, reference) }
}

// Owned hides other accounts' pieces.
func (c Call) Owned(f Find) Find {
	return func(b *Batch) (*Record, error) {
		r, err := f(b)
		if r != nil && r.Account != c.Account.Number {
			r = nil
		}
		return r, err
	}
}

// Answered remembers what a call was answered at first: so are its repeats.
type Answered struct {
	First json.RawMessage `json:"first,omitempty"`
}

// Answer is the memory itself, for those who hold more.
func (a *Answered) Answer() *Answered { return a }

// Piece is a piece of a world: a pointer to a P.
type Piece[P any] interface {
	*P
	Answer() *Answered
	Told() any    // the piece as callers see it
	Says() string // its description, which may name a scenario
}

// Pieces are what a world keeps: each is a P, as JSON.
type Pieces[P any, M Piece[P]] struct {
	stage *Stage
	what  string
}

// PiecesOf are the pieces of a world; what says what one is, such as payment.
func PiecesOf[P any, M Piece[P]](s *Stage, what string) Pieces[P, M] { return Pieces[P, M]{s, what} }

// Read is the piece of a record. It fails with fault.NotFound if r is nil.
func (k Pieces[P, M]) Read(r *Record) (M, error) {
	if r == nil {
		return nil, fault.Missing(k.what)
	}
	p := M(new(P))
	if err := json.Unmarshal([]byte(r.Body), p); err != nil {
		return nil, fmt.Errorf("read %s %s: %w", k.what, r.ID, err)
	}
	return p, nil
}

// Look reads a piece. It fails with fault.NotFound if there is none.
func (k Pieces[P, M]) Look(f Find) (p M, r Record, err error) {
	err = k.stage.Do(func(b *Batch) error {
		found, err := f(b)
		if err != nil {
			return err
		}
		if p, err = k.Read(found); err == nil {
			r = *found
		}
		return err
	})
	return p, r, err
}

// Decide decides on a piece that was read, and keeps it with all that its turn made.
func (k Pieces[P, M]) Decide(b *Batch, r Record, p M, decide func(*Turn, M) error) error {
	t := k.stage.Turn(p.Says())
	if err := decide(t, p); err != nil {
		return err
	}
	return b.Save(r, p, t)
}

// Fire decides on the piece of a later event: see World.Fire.
func (k Pieces[P, M]) Fire(b *Batch, r Record, decide func(*Turn, M) error) error {
	p, err := k.Read(&r)
	if err != nil {
		return err
	}
	return k.Decide(b, r, p, decide)
}

// Change reads a piece, decides on it and keeps it, in one batch. It fails with fault.NotFound if there is none.
func (k Pieces[P, M]) Change(f Find, decide func(*Turn, M) error) (p M, err error) {
	err = k.stage.Do(func(b *Batch) error {
		r, err := f(b)
		if err != nil {
			return err
		}
		if p, err = k.Read(r); err != nil {
			return err
		}
		return k.Decide(b, *r, p, decide)
	})
	return p, err
}

// List is the pieces of a query, newest first, each as show makes it of the piece and its seq.
func List[P any, M Piece[P], E any](k Pieces[P, M], q Query, show func(M, int64) E) ([]E, error) {
	records, err := k.stage.List(q)
	if err != nil {
		return nil, err
	}
	out := make([]E, len(records))
	for i := range records {
		p, err := k.Read(&records[i])
		if err != nil {
			return nil, err
		}
		out[i] = show(p, records[i].Seq)
	}
	return out, nil
}

// Page is one page of a list, and whether there is another.
func Page[P any, M Piece[P], E any](k Pieces[P, M], q Query, show func(M, int64) E) ([]E, bool, error) {
	limit := q.Limit
	q.Limit++
	all, err := List(k, q, show)
	return all[:min(len(all), limit)], len(all) > limit, err
}

// AnswerList answers a control call with one page of a list.
func AnswerList[E any](s *Stage, rw http.ResponseWriter, r *http.Request, page func(Query) ([]E, bool, error)) {
	q, err := ReadQuery(r)
	var list struct {
		Data    []E  `json:"data"`
		HasMore bool `json:"has_more"`
	}
	if err == nil {
		list.Data, list.HasMore, err = page(q)
	}
	s.Conclude(rw, r, list, err)
}

// Moment is a line of a piece's history, for people.
type Moment struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// History is what happened to a piece, oldest first.
type History []Moment

// Note adds a line.
func (h *History) Note(at time.Time, format string, args ...any) {
	*h = append(*h, Moment{at, fmt.Sprintf(format, args...)})
}

// The failures of payments and refunds.
const (
	ConsentDeclined   = "consent_declined"
	BankUnavailable   = "bank_unavailable"
	InsufficientFunds = "insufficient_funds"
	AccountClosed     = "account_closed" // of a refund
)

var messages = map[string]string{
	ConsentDeclined:   "the payer did not consent",
	BankUnavailable:   "the payer's bank does not answer",
	InsufficientFunds: "the payer's account has not enough money",
	AccountClosed:     "the payer's account is closed",
}

// Failure is why a payment or a refund did not come about.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Failed is the failure of this code.
func Failed(code string) *Failure { return &Failure{code, messages[code]} }
