package health

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// Bounds of maintenance windows.
const (
	longestWindow = 7 * 24 * time.Hour
	furthest      = 90 * 24 * time.Hour // ahead
	mostWindows   = 20                  // of one account, that are not over
	maxReason     = 200
)

// Window is a time in which a provider is not called, because it said that it will not be there.
type Window struct {
	Tenant     string
	ID         string // mw_…
	Account    string
	Operations []Operation // empty: all
	Reason     string
	StartsAt   time.Time
	EndsAt     time.Time
	LiftedAt   time.Time // zero: it was not
	CreatedAt  time.Time
	Version    int64
}

// WindowObject is a maintenance window as the API shows it.
type WindowObject struct {
	ID              string      `json:"id" example:"mw_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object          string      `json:"object" enum:"provider_maintenance"`
	Livemode        bool        `json:"livemode"`
	ProviderAccount string      `json:"provider_account" example:"alpha"`
	Operations      []Operation `json:"operations" enum:"authorize,authenticate,capture,void,refund,payout,inquiry" doc:"The calls that are not made."`
	Reason          string      `json:"reason" example:"Announced by the acquirer"`
	StartsAt        time.Time   `json:"starts_at"`
	EndsAt          time.Time   `json:"ends_at"`
	LiftedAt        *time.Time  `json:"lifted_at" doc:"When it was ended before its time."`
	CreatedAt       time.Time   `json:"created_at"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o WindowObject) ObjectID() string { return o.ID }

// Object is the window as the API shows it.
func (w Window) Object() WindowObject {
	o := WindowObject{
		ID: w.ID, Object: "provider_maintenance", Livemode: id.Live(w.Tenant), ProviderAccount: w.Account, Operations: w.Operations, Reason: w.Reason,
		StartsAt: w.StartsAt, EndsAt: w.EndsAt, CreatedAt: w.CreatedAt,
	}
	if len(o.Operations) == 0 {
		o.Operations = Operations
	}
	if !w.LiftedAt.IsZero() {
		o.LiftedAt = &w.LiftedAt
	}
	return o
}

func (w Window) covers(o Operation, now time.Time) bool {
	return !now.Before(w.StartsAt) && now.Before(w.EndsAt) && (len(w.Operations) == 0 || slices.Contains(w.Operations, o))
}

// check refuses what cannot be a window, with every fault. does is what the account can be asked for.
func (w Window) check(now time.Time, does []Operation) error {
	var wrong fault.Collect
	switch {
	case !w.EndsAt.After(now):
		wrong.Add("ends_at", fault.CodeInvalid, "must be in the future")
	case !w.EndsAt.After(w.StartsAt):
		wrong.Add("ends_at", fault.CodeInvalid, "must be after starts_at")
	case w.EndsAt.Sub(w.StartsAt) > longestWindow:
		wrong.Add("ends_at", fault.CodeInvalid, "must be at most 7 days after starts_at")
	}
	if w.StartsAt.Sub(now) > furthest {
		wrong.Add("starts_at", fault.CodeInvalid, "must be within 90 days")
	}
	for i, o := range w.Operations {
		if !slices.Contains(Operations, o) || slices.Contains(w.Operations[:i], o) {
			wrong.Add(fmt.Sprintf("operations[%d]", i), fault.CodeInvalid, "must be one of authorize, authenticate, capture, void, refund, payout and inquiry, each once")
		} else if !slices.Contains(does, o) {
			wrong.Add(fmt.Sprintf("operations[%d]", i), fault.CodeInvalid, fmt.Sprintf("the provider account %s cannot do this: it can be asked for %v", w.Account, does))
		}
	}
	if utf8.RuneCountInString(w.Reason) > maxReason || strings.ContainsFunc(w.Reason, func(r rune) bool { return r < ' ' }) {
		wrong.Add("reason", fault.CodeInvalid, fmt.Sprintf("must be at most %d characters, in one line", maxReason))
	}
	return wrong.Err()
}

// windows are the maintenance windows that this process knows: as they were in the database at most a second or so ago.
type windows struct {
	known atomic.Pointer[map[accountKey][]Window]
}

// covers tells whether a call falls into a window, and until when. The caller may be covered by several: the longest counts.
func (w *windows) covers(c Call, now time.Time) (until time.Time, ok bool) {
	known := w.known.Load()
	if known == nil {
		return time.Time{}, false
	}
	for _, one := range (*known)[accountKey{c.Tenant, c.Account}] {
		if one.covers(c.Operation, now) && one.EndsAt.After(until) {
			until, ok = one.EndsAt, true
		}
	}
	return until, ok
}

// longestLook is how long what waits for the end of a window is left alone: it may be lifted before, by any process.
const longestLook = 5 * time.Minute

// windowLook is when a call that falls into a window is worth another try.
func windowLook(ends, now time.Time) time.Time {
	if soon := now.Add(longestLook); soon.Before(ends) {
		return soon
	}
	return ends
}

func (w *windows) set(all []Window) {
	known := map[accountKey][]Window{}
	for _, one := range all {
		key := accountKey{one.Tenant, one.Account}
		known[key] = append(known[key], one)
	}
	w.known.Store(&known)
}

// With adds the caller's rows, such as the record of who did it, to the Change that makes or lifts a window.
type With func(c *db.Change, w WindowObject) error

// Announce makes a maintenance window. A beginning that is zero, or past, is now. Calls that are under way are not cut off.
//
// It fails with fault.Invalid, naming every wrong field, an operation among them that the account cannot do, and with fault.Conflict if the account has too many windows. Whether there is
// such an account the caller knows.
func (h *Health) Announce(ctx context.Context, w Window, with With) (WindowObject, error) {
	now := h.Clock.Now()
	if w.StartsAt.Before(now) {
		w.StartsAt = now
	}
	does := Operations
	if h.Does != nil {
		var err error
		if does, err = h.Does(ctx, w.Tenant, w.Account); err != nil {
			return WindowObject{}, fmt.Errorf("what %s can be asked for: %w", w.Account, err)
		}
	}
	if err := w.check(now, does); err != nil {
		return WindowObject{}, err
	}
	before, err := h.store.windowsOf(ctx, w.Tenant, w.Account, now)
	if err != nil {
		return WindowObject{}, fmt.Errorf("list the windows of %s: %w", w.Account, err)
	}
	if len(before) >= mostWindows {
		return WindowObject{}, fault.State(fmt.Sprintf("the account has %d maintenance windows that are not over, and takes no more", mostWindows))
	}
	w.ID, w.CreatedAt = h.IDs.New(id.Maintenance), now
	c := db.NewChange(w.Tenant, w.row())
	if err := with(c, w.Object()); err != nil {
		return WindowObject{}, err
	}
	if err := h.DB.Commit(ctx, c); err != nil {
		return WindowObject{}, fmt.Errorf("announce maintenance of %s: %w", w.Account, err)
	}
	h.catchUp(ctx)
	return w.Object(), nil
}

// Lift ends an account's windows: one, or all if none is named, those to come among them. It gives those that it ended. It fails with
// fault.NotFound if one is named and there is none that is not over.
func (h *Health) Lift(ctx context.Context, tenant, account, window string, with With) ([]WindowObject, error) {
	now := h.Clock.Now()
	open, err := h.store.windowsOf(ctx, tenant, account, now)
	if err != nil {
		return nil, fmt.Errorf("list the windows of %s: %w", account, err)
	}
	c := db.NewChange(tenant)
	lifted := []WindowObject{}
	for _, w := range open {
		if window != "" && w.ID != window {
			continue
		}
		w.LiftedAt = now
		c.Add(w.row())
		if err := with(c, w.Object()); err != nil {
			return nil, err
		}
		lifted = append(lifted, w.Object())
	}
	switch {
	case window != "" && len(lifted) == 0:
		return nil, fault.Missing("maintenance window")
	case len(lifted) == 0:
		return lifted, nil
	}
	if err := h.DB.Commit(ctx, c); err != nil {
		return nil, fmt.Errorf("lift the maintenance of %s: %w", account, err)
	}
	h.catchUp(ctx)
	return lifted, nil
}

// GetWindow is a window, over or not; fault.NotFound if the tenant has none of this id.
func (h *Health) GetWindow(ctx context.Context, tenant, window string) (WindowObject, error) {
	w, err := h.store.window(ctx, tenant, window)
	return w.Object(), err
}

// Windows are an account's that are not over.
func (h *Health) Windows(ctx context.Context, tenant, account string) ([]WindowObject, error) {
	open, err := h.store.windowsOf(ctx, tenant, account, h.Clock.Now())
	all := make([]WindowObject, len(open))
	for i, w := range open {
		all[i] = w.Object()
	}
	return all, err
}

// catchUp brings this process up to date with what it has written itself. If it cannot be read, that is no failure of what was written: the next
// round reads it, within a second.
func (h *Health) catchUp(ctx context.Context) {
	if err := h.readWindows(ctx); err != nil {
		h.Logger.Warn("a maintenance window was written, and is not known here yet", "error", err)
	}
}

// readWindows brings this process up to date.
func (h *Health) readWindows(ctx context.Context) error {
	all, err := h.store.windows(ctx, h.Clock.Now())
	if err != nil {
		return fmt.Errorf("read maintenance windows: %w", err)
	}
	h.windows.set(all)
	return nil
}
