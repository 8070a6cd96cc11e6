package stage

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// Turn is one decision about one piece: what must be said and done later because of it. Deciding does no I/O.
type Turn struct {
	Now time.Time
	Play
	stage   *Stage
	notices []notice
	plans   []plan
	aliases []string
}

// notice is a webhook to send.
type notice struct {
	id, kind string
	data     any
	due      time.Time
}

// plan is an event to come by itself.
type plan struct {
	event, argument string
	due             time.Time
}

// Turn begins a decision about a piece with this description.
func (s *Stage) Turn(description string) *Turn {
	return &Turn{Now: s.o.Clock.Now(), Play: s.recall(description), stage: s}
}

// Move moves a piece, which what says in a word, on to another state. It fails with fault.Conflict if that is none of its moves.
func Move[S ~string](what string, moves map[S][]S, state *S, to S) error {
	if !slices.Contains(moves[*state], to) {
		return fault.State(fmt.Sprintf("the %s is %s: it cannot become %s", what, *state, to))
	}
	*state = to
	return nil
}

// NewID makes an id of this world.
func (t *Turn) NewID(what string) string { return t.stage.NewID(what) }

// Delays are the world's.
func (t *Turn) Delays() Delays { return t.stage.o.Delays }

// Alias gives the piece another name.
func (t *Turn) Alias(name string) { t.aliases = append(t.aliases, name) }

// Later plans an event of the piece.
func (t *Turn) Later(event, argument string, due time.Time) {
	t.plans = append(t.plans, plan{event, argument, due})
}

// Tell sends a webhook about an operation, as the scenario has it. early: a later one follows that says more, so that this one can
// come out of order.
func (t *Turn) Tell(kind string, about Operation, early bool, data any) {
	n := notice{id: t.NewID("evt"), kind: kind, data: data, due: t.Now}
	switch {
	case t.Plays(noWebhook, about):
		return
	case t.Plays(lateWebhook, about):
		n.due = t.Now.Add(t.Delays().LateWebhook)
	case t.Plays(duplicateWebhook, about):
		t.notices = append(t.notices, n)
	case t.Plays(outOfOrderWebhooks, about) && early:
		n.due = t.Now.Add(t.Delays().Settle + t.Delays().OutOfOrder) // what follows comes when it has settled
	}
	t.notices = append(t.notices, n)
}

// Message is the body of a webhook.
type Message struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	CreatedAt time.Time `json:"created_at"`
	Data      any       `json:"data"`
}

// Create keeps a new piece with all that its turn made.
func (b *Batch) Create(r Record, piece any, t *Turn) error {
	body, err := json.Marshal(piece)
	if err != nil {
		return fmt.Errorf("write %s: %w", r.ID, err)
	}
	r.Body = string(body)
	if r, err = b.Insert(r); err != nil {
		return err
	}
	return b.follow(r, t)
}

// Save keeps a piece as it is now with all that its turn made.
func (b *Batch) Save(r Record, piece any, t *Turn) error {
	body, err := json.Marshal(piece)
	if err != nil {
		return fmt.Errorf("write %s: %w", r.ID, err)
	}
	r.Body = string(body)
	if err := b.Update(r); err != nil {
		return err
	}
	return b.follow(r, t)
}

func (b *Batch) follow(r Record, t *Turn) error {
	for _, name := range t.aliases {
		if err := b.Alias(r, name); err != nil {
			return err
		}
	}
	for _, p := range t.plans {
		b.wake = true
		if _, err := b.exec("plan an event", `INSERT INTO later (piece, event, argument, due_at) VALUES (?, ?, ?, ?)`,
			r.Seq, p.event, p.argument, p.due.UnixMicro()); err != nil {
			return err
		}
	}
	return b.Announce(r, t)
}

// Announce writes the turn's webhooks alone: about what is no piece of its own the record has only an Account.
func (b *Batch) Announce(r Record, t *Turn) error {
	a, err := b.Account(r.Account)
	if err != nil || a.WebhookURL == "" {
		return err
	}
	for _, n := range t.notices {
		body, err := json.Marshal(Message{n.id, n.kind, t.Now, n.data})
		if err != nil {
			return fmt.Errorf("write webhook %s: %w", n.id, err)
		}
		if err := b.send(r.Seq, r.Account, n.id, n.kind, string(body), n.due); err != nil {
			return err
		}
	}
	return nil
}

func (b *Batch) send(piece, account int64, event, kind, body string, due time.Time) error {
	b.wake = true
	_, err := b.exec("keep a webhook", `INSERT INTO webhook (piece, account, event, type, body, attempts, status, due_at)
		VALUES (?, ?, ?, ?, ?, 0, 0, ?)`, piece, account, event, kind, body, due.UnixMicro())
	return err
}

// Again sends the newest webhook about a piece once more, under its own id. It fails with fault.NotFound if there is none.
func (b *Batch) Again(r Record) error {
	var event, kind, body string
	err := b.tx.QueryRow(`SELECT event, type, body FROM webhook WHERE piece = ? ORDER BY seq DESC LIMIT 1`, r.Seq).Scan(&event, &kind, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Missing("webhook")
	}
	if err != nil {
		return fmt.Errorf("read the last webhook: %w", err)
	}
	return b.send(r.Seq, r.Account, event, kind, body, b.stage.o.Clock.Now())
}
