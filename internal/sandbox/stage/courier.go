package stage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// courier sends webhooks. The store holds all that are still to be sent; the queue in memory holds, within its bound, those on their way.
type courier struct {
	stage  *Stage
	client *http.Client
	queue  chan delivery
	wake   chan struct{} // look at the clock and at the store

	mu     sync.Mutex
	flying map[int64]bool // handed over and not yet recorded as sent
}

// delivery is a webhook on its way.
type delivery struct {
	seq, account int64
	event, body  string
	attempts     int
}

const (
	courierQueue = 64
	sweepLimit   = 64          // events of one look at the store
	idle         = time.Minute // how long the world sleeps at most, whatever its clock says
	keepWebhooks = 100_000     // how many are kept for a look after they were sent
)

func newCourier(s *Stage) *courier {
	return &courier{stage: s, client: NewPost(s.o.Workers), queue: make(chan delivery, courierQueue), wake: make(chan struct{}, 1), flying: map[int64]bool{}}
}

func (c *courier) nudge() {
	select {
	case c.wake <- struct{}{}:
	default: // it is awake already
	}
}

// room is how many more may be handed over. Only keepTime hands over, so it does not shrink meanwhile.
func (c *courier) room() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return courierQueue - len(c.flying)
}

// take marks a webhook as handed over; false if it is on its way already.
func (c *courier) take(d delivery) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flying[d.seq] {
		return false
	}
	c.flying[d.seq] = true
	return true
}

// landed makes room, and has the store looked at for what had none.
func (c *courier) landed(d delivery) {
	c.mu.Lock()
	delete(c.flying, d.seq)
	c.mu.Unlock()
	c.nudge()
}

// Idle tells whether no webhook is on its way.
func (s *Stage) Idle() bool { return s.post.room() == courierQueue }

func (c *courier) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-c.queue:
			c.deliver(ctx, d)
		}
	}
}

// deliver tries once and records how it went. If the world closes meanwhile nothing is recorded: the webhook is sent again after the next
// start, which at-least-once allows.
func (c *courier) deliver(ctx context.Context, d delivery) {
	defer c.landed(d)
	s := c.stage
	status, err := c.try(ctx, d)
	if ctx.Err() != nil {
		return
	}
	var due any
	if !Delivered(status) {
		if d.attempts < len(s.o.Retry) {
			due = s.o.Clock.Now().Add(s.o.Retry[d.attempts]).UnixMicro()
		}
		s.o.Logger.Debug("sandbox webhook failed", "event", d.event, "attempt", d.attempts+1, "status", status, "error", err)
	}
	err = s.Do(func(b *Batch) error {
		_, err := b.exec("record a webhook", `UPDATE webhook SET attempts = ?, status = ?, due_at = ? WHERE seq = ?`, d.attempts+1, status, due, d.seq)
		return err
	})
	if err != nil {
		s.o.Logger.Error("sandbox webhook not recorded", "event", d.event, "error", err)
	}
}

// try sends a webhook; status 0 means that no answer came.
func (c *courier) try(ctx context.Context, d delivery) (status int, err error) {
	s := c.stage
	var a Numbered
	if err := s.Do(func(b *Batch) (err error) {
		a, err = b.Account(d.account)
		return err
	}); err != nil {
		return 0, err
	}
	l := Letter{To: a.WebhookURL, Key: a.WebhookSecret, Header: s.world.Header, Event: d.event, From: s.world.Name, Body: d.body}
	return l.Send(ctx, c.client, s.o.Clock.Now())
}

// keepTime does what is due, again and again, and sleeps in between until the next is due or somebody wakes it.
func (s *Stage) keepTime(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.post.wake:
		}
		pause, ready, err := s.sweep()
		if errors.Is(err, ErrClosed) {
			return
		}
		if err != nil {
			s.o.Logger.Error("sandbox sweep failed", "world", s.world.Name, "error", err)
			pause = time.Second
		}
		for _, d := range ready {
			s.post.queue <- d // never blocks: the queue has a place for all that fly
		}
		timer.Reset(pause)
	}
}

// sweep does what is due and tells how long to sleep, and what to send.
func (s *Stage) sweep() (pause time.Duration, ready []delivery, err error) {
	pause = idle
	now := s.o.Clock.Now()
	err = s.Do(func(b *Batch) error {
		fired, err := b.fireDue(now)
		if err != nil {
			return err
		}
		if ready, err = b.dueWebhooks(now); err != nil {
			return err
		}
		var next *int64
		if err := b.tx.QueryRow(`SELECT min(due_at) FROM (SELECT min(due_at) AS due_at FROM webhook WHERE due_at > ?1
			UNION ALL SELECT min(due_at) FROM later WHERE due_at > ?1)`, now.UnixMicro()).Scan(&next); err != nil {
			return fmt.Errorf("read what is next: %w", err)
		}
		if next != nil {
			pause = min(max(time.UnixMicro(*next).Sub(now), time.Millisecond), idle)
		}
		if fired > 0 { // what came of it may be due at once, and there may be more
			pause = time.Millisecond
		}
		b.wake = false // what was just written is looked at here
		return b.prune()
	})
	return pause, ready, err
}

// dueWebhooks takes those that are due, oldest first, as far as there is room. What is due is either on its way or not yet recorded as
// sent, never both: a try is recorded under the same lock that this runs under.
func (b *Batch) dueWebhooks(now time.Time) ([]delivery, error) {
	c := b.stage.post
	room := c.room()
	rows, err := b.tx.Query(`SELECT seq, account, event, body, attempts FROM webhook WHERE due_at <= ? ORDER BY due_at, seq LIMIT ?`,
		now.UnixMicro(), courierQueue+room)
	if err != nil {
		return nil, fmt.Errorf("read due webhooks: %w", err)
	}
	defer rows.Close() // its error is in rows.Err
	var out []delivery
	for rows.Next() {
		var d delivery
		if err := rows.Scan(&d.seq, &d.account, &d.event, &d.body, &d.attempts); err != nil {
			return nil, fmt.Errorf("read due webhooks: %w", err)
		}
		if len(out) < room && c.take(d) {
			out = append(out, d)
		}
	}
	return out, rows.Err()
}

// fireDue carries out the events that are due. One that does not apply any more is dropped.
func (b *Batch) fireDue(now time.Time) (fired int, err error) {
	type due struct {
		seq, piece      int64
		event, argument string
	}
	var all []due
	rows, err := b.tx.Query(`SELECT seq, piece, event, argument FROM later WHERE due_at <= ? ORDER BY due_at, seq LIMIT ?`, now.UnixMicro(), sweepLimit)
	if err != nil {
		return 0, fmt.Errorf("read due events: %w", err)
	}
	for rows.Next() {
		var d due
		if err := rows.Scan(&d.seq, &d.piece, &d.event, &d.argument); err != nil {
			return 0, errors.Join(fmt.Errorf("read due events: %w", err), rows.Close())
		}
		all = append(all, d)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("read due events: %w", err)
	}
	for _, d := range all {
		if _, err := b.exec("drop a due event", `DELETE FROM later WHERE seq = ?`, d.seq); err != nil {
			return 0, err
		}
		r, err := b.find(`WHERE p.seq = ?`, d.piece)
		if err != nil || r == nil {
			return 0, err
		}
		err = b.stage.world.Fire(b, *r, d.event, d.argument)
		if fault.Is(err, fault.Internal) {
			return 0, err
		}
		if err != nil {
			b.stage.o.Logger.Debug("sandbox event dropped", "event", d.event, "piece", r.ID, "error", err)
		}
	}
	return len(all), nil
}

func (b *Batch) prune() error {
	_, err := b.exec("forget old webhooks", `DELETE FROM webhook WHERE due_at IS NULL AND seq < (SELECT max(seq) FROM webhook) - ?`, keepWebhooks)
	return err
}
