package health

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// Several processes see the same provider fail. What the merchant is told stands in one row, which they change by compare-and-set: whoever
// writes that the operation is down tells it, and only then. That process keeps the row open as long as its own breaker is, and closes it;
// another may, once the first has said nothing for so long that it must be gone.

// staleAfter is how long after the probe that was to come a row is believed to be kept open by somebody.
const staleAfter = time.Minute

// tale is what was told of an operation last.
type tale struct {
	Tenant    string
	Account   string
	Operation Operation
	State     state // open or closed
	Process   string
	Since     time.Time // of the state
	Until     time.Time // of one that is open: when its process probes next
	ChangedAt time.Time // when the state changed
	Version   int64     // of the stored row; 0 if there is none
}

func (t tale) stale(now time.Time) bool { return now.After(t.Until.Add(staleAfter)) }

// after decides what becomes of the tale when a process has news: the row as it is then, whether it is to be written, and the event to be
// told of, if any.
func (t tale) after(n news, process string, until, now time.Time) (next tale, told event.Type, changed bool) {
	next = t
	mine := t.Process == process || t.stale(now)
	switch {
	case n.open && t.State == stateOpen:
		next.Process, next.Until = process, until
		return next, "", mine && until.After(t.Until)
	case n.open && n.at.After(t.ChangedAt):
		next.State, next.Process, next.Since, next.Until, next.ChangedAt = stateOpen, process, n.at, until, now
		return next, event.ProviderDegraded, true
	case !n.open && t.State == stateOpen && mine:
		next.State, next.Since, next.Until, next.ChangedAt = stateClosed, n.at, now, now
		return next, event.ProviderRecovered, true
	}
	return t, "", false
}

// Change is what the events provider.degraded and provider.recovered carry.
type Change struct {
	ID          string     `json:"id"` // of the provider account
	Object      string     `json:"object" enum:"provider_health"`
	Livemode    bool       `json:"livemode"`
	Operation   Operation  `json:"operation"`
	State       string     `json:"state" enum:"open,closed"`
	Since       time.Time  `json:"since"`
	NextProbeAt *time.Time `json:"next_probe_at"` // null if it is closed
	Calls       int        `json:"calls"`         // of the process that tells it, in the last minute
	Failures    int        `json:"failures"`
}

func (t tale) change(f figures) Change {
	c := Change{
		ID: t.Account, Object: "provider_health", Livemode: id.Live(t.Tenant), Operation: t.Operation, State: string(t.State), Since: t.Since,
		Calls: f.calls, Failures: f.failures,
	}
	if t.State == stateOpen {
		c.NextProbeAt = &t.Until
	}
	return c
}

const (
	roundEvery  = time.Second
	forgetEvery = time.Minute
)

// Run keeps this process in step with the others, until ctx ends: it reads maintenance windows, tells what turned, and forgets what is no
// longer used. A round that fails is made again.
func (h *Health) Run(ctx context.Context) error {
	tick := time.NewTicker(roundEvery)
	defer tick.Stop()
	forgotten, failing := clock.Stopwatch(), false
	for {
		err := h.round(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			h.Logger.Error("keep providers' health", "error", err)
		}
		failing = err != nil
		if clock.Since(forgotten) >= forgetEvery {
			h.forget()
			forgotten = clock.Stopwatch()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-h.wake:
		}
	}
}

// roundTime bounds one round.
const roundTime = 10 * time.Second

func (h *Health) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	wrong := []error{h.readWindows(ctx)}
	for _, v := range h.valves() {
		s := v.standing()
		if s.news == nil {
			continue
		}
		switch err := h.tell(ctx, v, *s.news); {
		case err == nil:
			v.told(s.news)
		case !overtaken(err):
			wrong = append(wrong, err)
		}
	}
	return errors.Join(append(wrong, h.tellForOthers(ctx))...)
}

// tellForOthers closes what a process that is gone left open, if calls succeed here.
func (h *Health) tellForOthers(ctx context.Context) error {
	now := h.Clock.Now()
	left, err := h.store.stale(ctx, now.Add(-staleAfter))
	if err != nil {
		return fmt.Errorf("list what was left open: %w", err)
	}
	var wrong []error
	for _, t := range left {
		_, v := h.valve(Call{Tenant: t.Tenant, Account: t.Account, Operation: t.Operation}, false)
		if v == nil {
			continue
		}
		if s := v.standing(); s.state == stateClosed && s.well.After(t.Until) {
			if err := h.tell(ctx, v, news{open: false, at: s.well}); !overtaken(err) {
				wrong = append(wrong, err)
			}
		}
	}
	return errors.Join(wrong...)
}

// overtaken tells whether another process was quicker: it is decided anew in the next round.
func overtaken(err error) bool { return fault.Is(err, fault.Stale) || fault.Is(err, fault.Exists) }

// tell writes what news mean, with the event. It fails with fault.Stale or fault.Exists if another process was quicker.
func (h *Health) tell(ctx context.Context, v *valve, n news) error {
	now := h.Clock.Now()
	t, err := h.store.tale(ctx, v.call)
	if err != nil {
		return err
	}
	next, told, changed := t.after(n, h.node, now.Add(v.standing().wait), now)
	if !changed {
		return nil
	}
	c := db.NewChange(next.Tenant, next.row())
	if told != "" {
		f := event.Fact{
			Type: told, Subject: next.Account, Thread: next.Account + "/" + string(next.Operation), Sequence: next.Version + 1, Object: next.change(v.figures()),
		}
		if err := h.Outbox.Emit(ctx, c, f, now); err != nil {
			return err
		}
	}
	if err := h.DB.Commit(ctx, c); err != nil {
		return fmt.Errorf("tell of %s: %w", next.Account, err)
	}
	h.Outbox.Committed(c)
	return nil
}
