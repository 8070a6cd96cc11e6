// Package stage is what the simulated worlds beside the card acquirers stand on: a memory in one SQLite file, accounts with keys, calls
// over HTTP that go wrong as scenarios say, signed webhooks, later events, and pages of one look. What a world is about it does not
// know: a world keeps its pieces here as JSON, and decides.
package stage

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/secret"
)

// Delays are how long a world takes over what it does late. A zero field means the default.
type Delays struct {
	Slow        time.Duration // scenario slow: until the answer; 3 s
	Hold        time.Duration // timeouts: how long a request is held before its connection is dropped; 65 s
	LateWebhook time.Duration // scenario late_webhook; 10 s
	OutOfOrder  time.Duration // scenario out_of_order_webhooks: how far the older message falls behind the newer; 2 s
	Settle      time.Duration // from the payer's consent to the money; 2 s
	Refund      time.Duration // from a refund that waits to its end; 2 s
}

func (d Delays) filled() Delays {
	for _, f := range []struct {
		at       *time.Duration
		fallback time.Duration
	}{
		{&d.Slow, 3 * time.Second}, {&d.Hold, 65 * time.Second}, {&d.LateWebhook, 10 * time.Second}, {&d.OutOfOrder, 2 * time.Second},
		{&d.Settle, 2 * time.Second}, {&d.Refund, 2 * time.Second},
	} {
		if *f.at == 0 {
			*f.at = f.fallback
		}
	}
	return d
}

// Options are what a world needs from its surroundings. The zero value serves.
type Options struct {
	Clock   clock.Clock     // nil: the machine's
	IDs     *id.Source      // nil: the machine's randomness
	Logger  *slog.Logger    // nil: nothing is logged
	Delays  Delays          // zero fields: the defaults
	Retry   []time.Duration // waits between the tries of a webhook; nil: 1 s 5 s 30 s 2 min 10 min
	Workers int             // webhooks on their way at once; 0: 8
	// Wait holds a request for d or until ctx ends, whose error it then returns. nil: a timer. A test puts its own here to see what
	// is held, and to let go without waiting.
	Wait func(ctx context.Context, d time.Duration) error
}

func (o Options) filled() Options {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.IDs == nil {
		o.IDs = id.System()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Retry == nil {
		o.Retry = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
	}
	if o.Workers == 0 {
		o.Workers = 8
	}
	if o.Wait == nil {
		o.Wait = Wait
	}
	o.Delays = o.Delays.filled()
	return o
}

// Wait waits for d, or until ctx ends, whose error it then returns.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// World is what a world says of itself.
type World struct {
	Name      string     // such as bank: of its paths, its ids and its webhooks' sender
	Title     string     // for people: who is down
	Header    string     // of signatures, such as Bank-Signature; the event's id is in the same with -Event
	Scenarios []Scenario // its own, beside those that every world has
	// Fire carries out a later event on a piece, within a batch. A failure with a kind of fault means that it does not apply any more.
	Fire func(b *Batch, r Record, event, argument string) error
}

// Stage is a world's footing. It is safe for concurrent use.
type Stage struct {
	o     Options
	world World
	store *store
	post  *courier
	down  outage
	front Front

	release context.CancelFunc // of held requests
	running context.Context    // ends when the background work must stop
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// Open opens the memory in the SQLite file at path, making it if it is missing. Begin it, and close it.
func Open(path string, w World, o Options) (*Stage, error) {
	db, err := openStore(path)
	if err != nil {
		return nil, fmt.Errorf("open the simulated world %s in %s: %w", w.Name, path, err)
	}
	s := &Stage{o: o.filled(), world: w, store: db}
	s.post = newCourier(s)
	s.front = Front{Title: w.Title, Home: "/" + w.Name, Clock: s.o.Clock, Logger: s.o.Logger, Slow: s.o.Delays.Slow, Hold: s.o.Delays.Hold, Wait: s.o.Wait}
	s.front.Held, s.release = context.WithCancel(context.Background())
	s.running, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Begin starts to send the webhooks and to do the later events that wait. Call it once, when World.Fire can be called.
func (s *Stage) Begin() {
	s.done.Go(func() { s.keepTime(s.running) })
	for range s.o.Workers {
		s.done.Go(func() { s.post.work(s.running) })
	}
}

// Release lets every held request go, now and from now on: give it to http.Server.RegisterOnShutdown.
func (s *Stage) Release() { s.release() }

// Close stops the background work, waits for it and closes the store. What was not sent is sent after the next Open.
func (s *Stage) Close() error {
	s.release()
	s.stop()
	s.done.Wait()
	if err := s.store.close(); err != nil {
		return fmt.Errorf("close the simulated world %s: %w", s.world.Name, err)
	}
	return nil
}

// Clock is the world's.
func (s *Stage) Clock() clock.Clock { return s.o.Clock }

// Delays are the world's, filled.
func (s *Stage) Delays() Delays { return s.o.Delays }

// NewID makes an id of this world: bank_pay_….
func (s *Stage) NewID(what string) string { return s.o.IDs.New(id.Prefix(s.world.Name + "_" + what)) }

// Wake makes the world look at its clock now. A test that moved a clock.Manual calls it; production has timers.
func (s *Stage) Wake() { s.post.nudge() }

// Account is a merchant's contract with this world: who may call, and where the webhooks go.
type Account struct {
	Merchant      string      `json:"merchant"`       // the name that a payer sees; empty: "Test merchant"
	APIKey        secret.Text `json:"api_key"`        // the bearer token of every call
	SigningKey    secret.Text `json:"signing_key"`    // the HMAC key of the bodies of calls
	WebhookURL    string      `json:"webhook_url"`    // on this machine; empty: no webhooks are made
	WebhookSecret secret.Text `json:"webhook_secret"` // the HMAC key of webhooks
}

// Register makes an account, or changes the one with the same key. It fails with fault.Invalid on an empty key, or a webhook URL that
// is not on this machine.
func (s *Stage) Register(a Account) error {
	var wrong fault.Collect
	a.Check(&wrong)
	if err := wrong.Err(); err != nil {
		return err
	}
	if err := s.Do(func(b *Batch) error { return b.putAccount(a) }); err != nil {
		return fmt.Errorf("register an account at the simulated world %s: %w", s.world.Name, err)
	}
	return nil
}

// outage is a time during which a world answers nobody. It is kept in memory only: a restart brings the world up.
type outage struct {
	mu    sync.RWMutex
	mode  string
	until time.Time
}

func (o *outage) set(mode string, until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mode, o.until = mode, until
}

func (o *outage) now(now time.Time) (mode string, until time.Time, down bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.mode, o.until, now.Before(o.until)
}

// Mount serves the stage's own: the control of outages and accounts, for a handler of Local.
func (s *Stage) Mount(mux *http.ServeMux) {
	base := "/control/" + s.world.Name
	mux.HandleFunc("POST "+base+"/down", s.postDown)
	mux.HandleFunc("POST "+base+"/up", s.postUp)
	mux.HandleFunc("POST "+base+"/accounts", s.postAccount)
}
