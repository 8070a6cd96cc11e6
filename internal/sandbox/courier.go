package sandbox

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

// courier sends webhooks. The store holds all that are still to be sent; the queue in memory holds, within its bound,
// those on their way. What does not fit is fetched from the store when there is room.
type courier struct {
	world  *World
	client *http.Client
	queue  chan delivery
	wake   chan struct{} // look at the clock and at the store

	mu     sync.Mutex
	flying map[int64]bool // handed over and not yet recorded as sent
	behind bool           // something due did not fit
}

const (
	courierQueue = 1024
	sweepLimit   = 256 // rows of one look at the store
)

func newCourier(w *World) *courier {
	return &courier{world: w, client: stage.NewPost(w.o.Workers), queue: make(chan delivery, courierQueue), wake: make(chan struct{}, 1), flying: map[int64]bool{}}
}

func (c *courier) nudge() {
	select {
	case c.wake <- struct{}{}:
	default: // it is awake already
	}
}

// offer takes due webhooks as far as there is room. It is called by the writer alone, which is what keeps a webhook from
// being taken twice: it is either flying or not yet recorded as sent, never both and never neither.
func (c *courier) offer(ready []delivery, delayed bool) {
	c.mu.Lock()
	for _, d := range ready {
		if c.flying[d.seq] {
			continue
		}
		select {
		case c.queue <- d:
			c.flying[d.seq] = true
		default:
			c.behind = true
		}
	}
	c.mu.Unlock()
	if delayed {
		c.nudge()
	}
}

func (c *courier) landed(d delivery) {
	c.mu.Lock()
	delete(c.flying, d.seq)
	more := c.behind && len(c.queue) < courierQueue/2
	if more {
		c.behind = false
	}
	c.mu.Unlock()
	if more {
		c.nudge()
	}
}

func (c *courier) inFlight() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.flying)
}

func (c *courier) start(ctx context.Context, done *sync.WaitGroup) {
	for range c.world.o.Workers {
		done.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case d := <-c.queue:
					c.deliver(ctx, d)
				}
			}
		})
	}
}

// deliver tries once and records how it went. If the world closes meanwhile nothing is recorded: the webhook is sent
// again after the next start, which at-least-once allows.
func (c *courier) deliver(ctx context.Context, d delivery) {
	defer c.landed(d)
	w := c.world
	status, err := c.try(ctx, d)
	if ctx.Err() != nil {
		return
	}
	var due time.Time
	if !stage.Delivered(status) {
		if d.attempts < len(w.o.Retry) {
			due = w.o.Clock.Now().Add(w.o.Retry[d.attempts])
		}
		w.o.Logger.Debug("sandbox webhook failed", "event", d.event, "attempt", d.attempts+1, "status", status, "error", err)
	}
	d.attempts++
	if err := w.store.do(func(b *batch) error { return b.sent(d, status, due) }); err != nil {
		w.o.Logger.Error("sandbox webhook not recorded", "event", d.event, "error", err)
	}
}

// try sends a webhook; status 0 means that no answer came.
func (c *courier) try(ctx context.Context, d delivery) (status int, err error) {
	a, _ := c.world.book.numbered(d.account) // an account is never deleted
	l := stage.Letter{To: a.WebhookURL, Key: a.WebhookSecret, Header: "Acquirer-Signature", Event: d.event, From: a.Acquirer, Body: d.body}
	return l.Send(ctx, c.client, c.world.o.Clock.Now())
}

// idle is how long the world sleeps at most, whatever its clock says.
const idle = time.Minute

// keepTime does what is due, again and again, and sleeps in between until the next is due or somebody wakes it.
func (w *World) keepTime(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.courier.wake:
		}
		next, err := w.sweep()
		if errors.Is(err, stage.ErrClosed) {
			return
		}
		if err != nil {
			w.o.Logger.Error("sandbox sweep failed", "error", err)
		}
		timer.Reset(next)
	}
}

// sweep does what is due and tells how long to sleep.
func (w *World) sweep() (time.Duration, error) {
	pause := idle
	err := w.store.do(func(b *batch) error {
		now := w.o.Clock.Now()
		events, err := b.dueEvents(now, sweepLimit)
		if err != nil {
			return err
		}
		for _, p := range events {
			if err := w.fire(b, p); err != nil {
				return err
			}
		}
		more, err := w.expireChallenges(b)
		if err != nil {
			return err
		}
		// Webhooks on their way are due as well until they are recorded: they must not hide the others.
		due, err := b.due(now, sweepLimit+w.courier.inFlight())
		if err != nil {
			return err
		}
		b.ready = append(b.ready, due...)
		next, err := b.next(now)
		if err != nil {
			return err
		}
		if !next.IsZero() {
			pause = min(max(next.Sub(now), time.Millisecond), idle)
		}
		if more || len(events) == sweepLimit {
			pause = time.Millisecond
		}
		if len(due) >= sweepLimit {
			w.courier.fellBehind()
		}
		return nil
	})
	if err != nil && !errors.Is(err, stage.ErrClosed) {
		pause = time.Second
	}
	return pause, err
}

// fellBehind notes that the store may hold more that is due than was fetched.
func (c *courier) fellBehind() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind = true
}

// fire carries out a planned event. One that does not apply any more (the transaction was voided meanwhile) is dropped.
func (w *World) fire(b *batch, p planned) error {
	if err := b.deleteLater.exec(p.seq); err != nil {
		return err
	}
	r, err := b.find(b.txnBySeq, p.txn)
	if err != nil || r == nil {
		return err
	}
	a, _ := w.book.numbered(r.account) // an account is never deleted
	t := w.turn(&r.Transaction)
	if err := t.happen(p.event, Choice{Operation: p.operation}); err != nil {
		w.o.Logger.Debug("sandbox event dropped", "event", p.event, "transaction", t.ID, "error", err)
		return nil
	}
	return b.save(r, a, t)
}
