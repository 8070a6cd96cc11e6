package payouts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// idle is how long the world sleeps at most, whatever its clock says.
const idle = time.Minute

// Wake makes the world look at its clock now. A test that moved a clock.Manual calls it; production has timers.
func (w *World) Wake() {
	select {
	case w.wake <- struct{}{}:
	default: // it will look already
	}
}

// CatchUp lets happen now what is due by the world's clock, webhooks apart: a test that moved a clock.Manual need not wait for the world to
// notice.
func (w *World) CatchUp() error { return w.happenings(w.o.Clock.Now()) }

// keepTime does what is due, again and again, and sleeps in between until the next is due or somebody wakes it.
func (w *World) keepTime(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.wake:
		}
		pause, err := w.round(ctx)
		if err != nil && ctx.Err() == nil {
			w.o.Logger.Error("payouts sandbox", "error", err)
			pause = time.Second
		}
		timer.Reset(pause)
	}
}

// round does what is due and tells how long to sleep.
func (w *World) round(ctx context.Context) (time.Duration, error) {
	now := w.o.Clock.Now()
	if err := w.happenings(now); err != nil {
		return 0, err
	}
	due, err := w.store.hooks(hooksDue, now.UnixMicro())
	if err != nil {
		return 0, err
	}
	for _, h := range due {
		if err := w.deliver(ctx, h); err != nil {
			return 0, err
		}
	}
	next, err := w.store.next()
	if err != nil || next.IsZero() {
		return idle, err
	}
	return min(max(next.Sub(w.o.Clock.Now()), time.Millisecond), idle), nil
}

// happenings lets happen what happens by itself.
func (w *World) happenings(now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	due, err := w.store.list(dueNow, now.UnixMicro())
	if err != nil {
		return err
	}
	for _, k := range due {
		if err := w.happen(k, k.Next); err != nil {
			return err
		}
	}
	return nil
}

// happen presses a button. It fails with fault.Conflict if the payout's state does not allow it. The caller holds the lock.
func (w *World) happen(k kept, button string) error {
	b, ok := buttons[button]
	if !ok {
		return fault.Missing("button")
	}
	if !slices.Contains(b.from, k.Status) {
		return fault.State(fmt.Sprintf("the payout is %s", k.Status))
	}
	now := w.o.Clock.Now()
	k.Status, k.Next, k.DueAt = b.to, "", time.Time{}
	if b.to == failed || b.to == returned {
		k.Reason = "invalid_account"
	}
	if button == "pay" && k.Scenario == "return" {
		k.Next, k.DueAt = "return", now.Add(w.o.Return)
	}
	return w.tell(k, now)
}

// tell writes a payout with the webhook that tells of its state, as its scenario has it.
func (w *World) tell(k kept, now time.Time) error {
	a, ok := w.account(k.Account)
	if !ok || a.WebhookURL == "" || k.Scenario == "silent" {
		return w.store.put(k)
	}
	body, err := json.Marshal(map[string]any{"id": w.o.IDs.New(id.Event), "type": "payout." + k.Status, "created_at": now, "data": k.payout})
	if err != nil {
		return err
	}
	h := hook{Body: string(body), dueAt: now}
	if k.Scenario == "out_of_order_webhooks" && k.Status == pending {
		h.dueAt = now.Add(w.o.Pay + w.o.Behind)
	}
	hooks := []hook{h}
	if k.Scenario == "duplicate_webhook" {
		hooks = append(hooks, h, h)
	}
	if err := w.store.put(k, hooks...); err != nil {
		return err
	}
	w.Wake()
	return nil
}

// account is that of an API key's hash.
func (w *World) account(hash string) (Account, bool) {
	for key, a := range w.accounts {
		if hashOf(key) == hash {
			return a, true
		}
	}
	return Account{}, false
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// deliver tries a webhook once and records how it went. If the world closes meanwhile nothing is recorded: it is sent again after the next
// start, which at-least-once allows.
func (w *World) deliver(ctx context.Context, h hook) error {
	w.mu.Lock()
	a, ok := w.account(h.account)
	w.mu.Unlock()
	if ok {
		l := stage.Letter{To: a.WebhookURL, Key: a.WebhookSecret, Header: "Bank-Signature", From: "payouts", Body: h.Body}
		var err error
		if h.Status, err = l.Send(ctx, w.client, w.o.Clock.Now()); err != nil {
			w.o.Logger.Debug("payouts sandbox webhook failed", "error", err)
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	h.dueAt = time.Time{}
	if !stage.Delivered(h.Status) && h.attempts < len(w.o.Retry) {
		h.dueAt = w.o.Clock.Now().Add(w.o.Retry[h.attempts])
	}
	h.attempts++
	return w.store.sent(h)
}
