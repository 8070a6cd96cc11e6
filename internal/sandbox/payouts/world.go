// Package payouts is the simulated bank that pays out: a real HTTP server with a store, references and signed webhooks of its own, and a
// button for each thing that may become of a payout. It knows nothing of Florin but the words.
//
// A payee named SCENARIO x sets what happens; see scenarios. Any other payee is paid after a moment.
package payouts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// Options are what a World needs from its surroundings. The zero value serves.
type Options struct {
	Clock  clock.Clock     // nil: the machine's
	IDs    *id.Source      // nil: the machine's randomness
	Logger *slog.Logger    // nil: nothing is logged
	Pay    time.Duration   // from taken to paid; 2 s
	Return time.Duration   // scenario return: from paid to returned; 2 s
	Behind time.Duration   // scenario out_of_order_webhooks: how far the older message falls behind; 2 s
	Hold   time.Duration   // timeouts: how long a request is held before its connection is dropped; 65 s
	Retry  []time.Duration // waits between the tries of a webhook; nil: 1 s 5 s 30 s 2 min 10 min
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
	for _, d := range []struct {
		at       *time.Duration
		fallback time.Duration
	}{{&o.Pay, 2 * time.Second}, {&o.Return, 2 * time.Second}, {&o.Behind, 2 * time.Second}, {&o.Hold, 65 * time.Second}} {
		if *d.at == 0 {
			*d.at = d.fallback
		}
	}
	if o.Retry == nil {
		o.Retry = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
	}
	return o
}

// Account is a merchant's contract with the bank. Nobody sees the merchant's name here.
type Account = stage.Account

// World is the simulated bank. It is safe for concurrent use.
type World struct {
	o     Options
	store *store
	wake  chan struct{}

	mu       sync.Mutex // one thing happens after the other
	accounts map[string]Account
	down     time.Time // until then it answers nobody

	front   stage.Front
	release context.CancelFunc // of held requests
	running context.Context
	stop    context.CancelFunc
	done    sync.WaitGroup
	client  *http.Client
}

// Open opens the world kept in the SQLite file at path, making it if it is missing, and starts to send its webhooks. Close it.
func Open(path string, o Options) (*World, error) {
	s, err := openStore(path)
	if err != nil {
		return nil, fmt.Errorf("open the payouts sandbox %s: %w", path, err)
	}
	w := &World{o: o.filled(), store: s, wake: make(chan struct{}, 1), client: stage.NewPost(1)}
	if w.accounts, err = s.accounts(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the payouts sandbox %s: %w", path, err), s.close())
	}
	w.front = stage.Front{Title: "the bank", Home: Prefix + "/", Clock: w.o.Clock, Logger: w.o.Logger, Hold: w.o.Hold, Wait: stage.Wait}
	w.front.Held, w.release = context.WithCancel(context.Background())
	w.running, w.stop = context.WithCancel(context.Background())
	w.done.Go(func() { w.keepTime(w.running) })
	return w, nil
}

// Release lets every held request go, now and from now on: give it to http.Server.RegisterOnShutdown.
func (w *World) Release() { w.release() }

// Close stops the background work, waits for it and closes the store. What was not sent is sent after the next Open.
func (w *World) Close() error {
	w.release()
	w.stop()
	w.done.Wait()
	w.client.CloseIdleConnections()
	if err := w.store.close(); err != nil {
		return fmt.Errorf("close the payouts sandbox: %w", err)
	}
	return nil
}

// Register makes an account, or changes the one with the same key. It fails with fault.Invalid on an empty key, or a webhook URL that is
// not on this machine.
func (w *World) Register(a Account) error {
	var wrong fault.Collect
	a.Check(&wrong)
	if err := wrong.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.store.putAccount(a); err != nil {
		return fmt.Errorf("register an account of the payouts sandbox: %w", err)
	}
	w.accounts[a.APIKey.Reveal()] = a
	return nil
}

// The states of a payout.
const (
	pending  = "pending"
	paid     = "paid"
	failed   = "failed"
	returned = "returned"
)

// scenarios are what a payee named SCENARIO x sets.
var scenarios = map[string]string{
	"refuse":                "refused at once: invalid_account",
	"fail":                  "taken, and fails a moment later: invalid_account",
	"return":                "paid, and comes back a moment later: invalid_account",
	"wait":                  "taken; what becomes of it is decided by a button",
	"silent":                "taken and paid, without a webhook: only who asks hears of it",
	"timeout_before":        "no answer, and the payout is not taken; a repeat is",
	"timeout_after":         "no answer, and the payout is taken",
	"error_500":             "answered with 500, and the payout is not taken; a repeat is",
	"duplicate_webhook":     "each webhook is sent three times",
	"out_of_order_webhooks": "that it was taken is told after it was paid",
}

// payout is money that the bank pays out.
type payout struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	Status    string    `json:"status"`
	Amount    int64     `json:"amount"`
	Currency  string    `json:"currency"`
	Rail      string    `json:"rail"`
	Reason    string    `json:"reason,omitempty"` // why it failed or was returned
	CreatedAt time.Time `json:"created_at"`
}

// kept is a payout with what the bank keeps to itself.
type kept struct {
	payout
	Account  string    `json:"account"` // the API key's hash
	Payee    string    `json:"payee"`
	Last4    string    `json:"last4"`
	Asked    string    `json:"asked"` // a hash of the request, by which a repeat is known
	Scenario string    `json:"scenario"`
	Next     string    `json:"next"` // what happens by itself
	DueAt    time.Time `json:"due_at"`
}

// buttons are what can happen to a payout, and from which states.
var buttons = map[string]struct {
	to   string
	from []string
}{
	"pay":    {paid, []string{pending}},
	"fail":   {failed, []string{pending}},
	"return": {returned, []string{paid}},
}
