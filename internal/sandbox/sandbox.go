// Package sandbox is the simulated outside world: two card acquirers, alpha and beta, as a real HTTP server with a store,
// references and signed webhooks of their own, 3-D Secure with the issuers' challenge pages, and a control panel with a
// button for each later event.
//
// It knows nothing of Florin but the words. Florin's connector speaks to it over HTTP as it would to any acquirer, so
// what goes wrong between the two goes wrong as it does outside. docs/sandbox.md tells what it simulates.
package sandbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// Delays are how long the simulated world takes over what it does late. A zero field means the default.
type Delays struct {
	Slow          time.Duration // scenario slow: until the answer; 3 s
	Hold          time.Duration // timeouts: how long a request is held before its connection is dropped; 65 s
	LateWebhook   time.Duration // scenario late_webhook; 10 s
	OutOfOrder    time.Duration // scenario out_of_order_webhooks: how far the older message falls behind; 2 s
	LateApproval  time.Duration // scenario late_approval: from pending to approved; 5 s
	Clearing      time.Duration // scenario amount_shift: from capture to the cleared amount; 3 s
	Dispute       time.Duration // the disputed card: from capture to dispute; 3 s
	RefundFailure time.Duration // the card whose refunds fail: from pending to failed; 3 s
}

// Options are what a World needs from its surroundings. The zero value serves.
type Options struct {
	Clock   clock.Clock     // nil: the machine's
	IDs     *id.Source      // nil: the machine's randomness
	Random  io.Reader       // of transaction ids and proofs of 3-D Secure; read from many goroutines; nil: the machine's
	Logger  *slog.Logger    // nil: nothing is logged
	Delays  Delays          // zero fields: the defaults
	Retry   []time.Duration // waits between the tries of a webhook; nil: 1 s 5 s 30 s 2 min 10 min
	Workers int             // webhooks on their way at once; 0: 16
	// Wait holds a request for d or until ctx ends, whose error it then returns. nil: a timer. A test puts its own here
	// to see what is held, and to let go without waiting.
	Wait func(ctx context.Context, d time.Duration) error
}

func (o Options) filled() Options {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.IDs == nil {
		o.IDs = id.System()
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Retry == nil {
		o.Retry = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
	}
	if o.Workers == 0 {
		o.Workers = 16
	}
	if o.Wait == nil {
		o.Wait = stage.Wait
	}
	o.Delays = o.Delays.filled()
	return o
}

func (d Delays) filled() Delays {
	for _, f := range []struct {
		at       *time.Duration
		fallback time.Duration
	}{
		{&d.Slow, 3 * time.Second}, {&d.Hold, 65 * time.Second}, {&d.LateWebhook, 10 * time.Second},
		{&d.OutOfOrder, 2 * time.Second}, {&d.LateApproval, 5 * time.Second}, {&d.Clearing, 3 * time.Second},
		{&d.Dispute, 3 * time.Second}, {&d.RefundFailure, 3 * time.Second},
	} {
		if *f.at == 0 {
			*f.at = f.fallback
		}
	}
	return d
}

// World is the simulated outside world. It is safe for concurrent use.
type World struct {
	o       Options
	store   *store
	courier *courier
	book    *book    // the accounts
	outages *outages // which acquirer is down
	front   stage.Front

	release context.CancelFunc // of held requests
	running context.Context    // ends when the background work must stop
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// Open opens the world kept in the SQLite file at path, making it if it is missing, and starts to send the webhooks and
// to do the later events that wait in it. Close it.
func Open(path string, o Options) (*World, error) {
	o = o.filled()
	s, err := openStore(path)
	if err != nil {
		return nil, fmt.Errorf("open sandbox %s: %w", path, err)
	}
	w := &World{o: o, store: s, book: newBook(), outages: newOutages(o.Clock)}
	w.courier = newCourier(w)
	s.offer = w.courier.offer
	accounts, err := s.accounts()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open sandbox %s: %w", path, err), s.close())
	}
	for _, a := range accounts {
		w.book.put(a)
	}
	w.front = stage.Front{Title: "the acquirer", Home: "/", Clock: o.Clock, Logger: o.Logger, Slow: o.Delays.Slow, Hold: o.Delays.Hold, Wait: o.Wait}
	w.front.Held, w.release = context.WithCancel(context.Background())
	w.running, w.stop = context.WithCancel(context.Background())
	w.done.Go(func() { w.keepTime(w.running) })
	w.courier.start(w.running, &w.done)
	return w, nil
}

// Release lets every held request go, now and from now on: give it to http.Server.RegisterOnShutdown, or a simulated
// timeout would hold the shutdown up for a minute.
func (w *World) Release() { w.release() }

// Close stops the background work, waits for it, writes what waits and closes the store. What was not sent is sent
// after the next Open.
func (w *World) Close() error {
	w.release()
	w.stop()
	w.done.Wait()
	if err := w.store.close(); err != nil {
		return fmt.Errorf("close sandbox: %w", err)
	}
	return nil
}

// Register makes an account at an acquirer, or changes the one with the same key. It fails with fault.Invalid on an
// unknown acquirer, an empty key, or a webhook URL that is not on this machine.
func (w *World) Register(a Account) error {
	if err := a.check(); err != nil {
		return err
	}
	var kept account
	err := w.store.do(func(b *batch) (err error) {
		kept, err = b.putAccount(a)
		return err
	})
	if err != nil {
		return fmt.Errorf("register an account at %s: %w", a.Acquirer, err)
	}
	w.book.put(kept)
	return nil
}

// Transactions are all transactions of an acquirer, or of all acquirers if it is empty, newest first.
func (w *World) Transactions(acquirer string) ([]Transaction, error) {
	rows, err := w.store.list(query{acquirer: acquirer, limit: -1})
	if err != nil {
		return nil, fmt.Errorf("list transactions of %q: %w", acquirer, err)
	}
	out := make([]Transaction, len(rows))
	for i := range rows {
		out[i] = rows[i].Transaction
	}
	return out, nil
}

// Charges counts the transactions, at any acquirer, that carry this reference and hold or took money: what must be one
// after a payment that went through, whatever happened on the way.
func (w *World) Charges(reference string) (int, error) {
	rows, err := w.store.list(query{reference: reference, limit: -1})
	if err != nil {
		return 0, fmt.Errorf("count charges of %s: %w", reference, err)
	}
	return charges(rows), nil
}

func charges(rows []row) int {
	n := 0
	for i := range rows {
		if rows[i].holdsMoney() {
			n++
		}
	}
	return n
}

// Wake makes the world look at its clock now. A test that moved a clock.Manual calls it; production has timers.
func (w *World) Wake() { w.courier.nudge() }

// CatchUp does now what is due by the world's clock, and hands over the webhooks that are: a test that moved a clock.Manual need not wait
// for the world to notice.
func (w *World) CatchUp() error {
	_, err := w.sweep()
	return err
}

// Handler serves everything: the acquirers under /alpha and /beta, the issuers' challenges under /acs, the control API under
// /control, the pages at /.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	w.routeAcquirers(mux)
	w.routeACS(mux)
	w.routeControl(mux)
	return mux
}
