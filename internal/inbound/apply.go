package inbound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

const (
	applyTime = 15 * time.Second // to apply one message
	noteTime  = 5 * time.Second  // to note that it could not be
	rereads   = 16               // how often a record that changed meanwhile is read again
	inboxLook = 500 * time.Millisecond
)

// stuckAfter is how many tries a message may need before operators are alarmed. That is after about four minutes.
const stuckAfter = 5

// backoffs are the pauses after each try; the last one is that after every later try.
var backoffs = []time.Duration{
	time.Second, 5 * time.Second, 30 * time.Second, 3 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
}

func backoff(tries int64) time.Duration {
	return backoffs[min(max(tries, 1), int64(len(backoffs)))-1]
}

// waits is what the merchant reads of a message that waits.
const waits = "it could not be applied yet and is tried again"

// take records a verified message and applies it. If that fails, or takes too long, it is recorded alone and waits.
func (r *Receiver) take(ctx context.Context, to provider.Account, reader provider.WebhookReader, body []byte) error {
	n, unread := r.read(to, reader, body)
	m := record(to, n, body, r.references(to), r.Clock.Now())
	m.ID = r.IDs.New(id.InboundWebhook)
	applied := r.applyAside(ctx, to, n, unread, m)
	patience := time.NewTimer(r.Patience)
	defer patience.Stop()
	var result outcome
	select {
	case result = <-applied:
	case <-patience.C:
		result = outcome{err: errSlow}
	}
	switch {
	case result.err == nil:
		r.metrics.settled(to.Provider, result.verdict)
		return nil
	case recorded(result.err):
		if err := r.duplicate(ctx, to, m); !errors.Is(err, errGone) {
			return err
		}
	}
	return r.keep(ctx, to, m, result.err)
}

var (
	errSlow = errors.New("it takes too long to apply")
	errFull = errors.New("too many messages of the provider account are being applied")
)

// severity is how loud it is said that a message could not be applied. That others were at its payment at the same time is daily business: it is
// applied a moment later, and what waits is counted. One that keeps waiting is an error whatever it waits for.
func severity(why error) slog.Level {
	if fault.Is(why, fault.Stale) || errors.Is(why, errSlow) || errors.Is(why, errFull) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// outcome is what became of applying a message.
type outcome struct {
	verdict payment.Verdict
	err     error
}

// applyAside applies a message beside its sender, who may not wait for the end of it.
func (r *Receiver) applyAside(ctx context.Context, to provider.Account, n provider.Notification, unread error, m Webhook) <-chan outcome {
	done := make(chan outcome, 1)
	key := m.Merchant + "/" + m.Account
	if !r.gate.applying.Enter(key) {
		done <- outcome{err: errFull}
		return done
	}
	r.running.Go(func() {
		defer r.gate.applying.Leave(key)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applyTime)
		defer cancel()
		var verdict payment.Verdict
		err := r.apply(ctx, to, n, unread, func(c *db.Change, h payment.Heard) error {
			verdict = h.Verdict
			c.Add(m.heard(h, r.Clock.Now()).row())
			return nil
		})
		done <- outcome{verdict, err}
	})
	return done
}

// keep records a message that could not be applied, for why, so that it is applied later. The record has an id of its own, so that it
// need not wait for a Change that is under way with the other; whichever comes first is the message's only record.
func (r *Receiver) keep(ctx context.Context, to provider.Account, m Webhook, why error) error {
	alone := m
	alone.ID, alone.Verdict, alone.Detail, alone.Tries = r.IDs.New(id.InboundWebhook), Waiting, waits, 1
	alone.DueAt = m.CreatedAt.Add(backoff(alone.Tries))
	switch err := r.DB.Commit(ctx, db.NewChange(m.Merchant, alone.row())); {
	case recorded(err):
		if err = r.duplicate(ctx, to, m); errors.Is(err, errGone) {
			return r.refused(to.Provider, failed, err)
		}
		return err
	case err != nil:
		r.metrics.count(to.Provider, failed)
		return fmt.Errorf("record %s of %s, which could not be applied (%w): %w", m.Event, to.ID, why, err)
	}
	r.metrics.settled(to.Provider, Waiting)
	r.Logger.Log(ctx, severity(why), "a provider's message waits", "merchant_id", m.Merchant, "provider_account", m.Account, "inbound_webhook_id", alone.ID, "reason", why)
	return nil
}

// recorded tells whether a Change failed because the message has a record.
func recorded(err error) bool {
	var taken *db.Conflict
	return errors.As(err, &taken) && taken.Kind == fault.Exists && taken.Table == table.Name
}

// errGone is a record that was in the way and is not there: it was pruned between, or its writer failed in the end. The provider
// sends the message again.
var errGone = fault.New(fault.Unavailable, fault.CodeOverloaded, "the message's record is gone")

// duplicate counts a message that is recorded already. If the record is its own, it was applied after all. It fails with errGone if
// there is no record.
func (r *Receiver) duplicate(ctx context.Context, to provider.Account, m Webhook) error {
	known, err := r.known(ctx, m)
	if err == nil && known.ID == m.ID {
		r.metrics.settled(to.Provider, known.Verdict)
		return nil
	}
	if err == nil {
		err = r.copies.add(known.Merchant+"/"+known.ID, func(n int64) error { return r.recount(ctx, m, n) })
	}
	switch {
	case fault.Is(err, fault.NotFound):
		return errGone
	case err != nil:
		return r.refused(to.Provider, failed, err)
	}
	r.metrics.count(to.Provider, duplicate)
	return nil
}

// recount adds copies to a message's record. What changes the record meanwhile is another process, which adds up its own copies, or
// the message's verdict; so the tries are enough.
func (r *Receiver) recount(ctx context.Context, m Webhook, copies int64) error {
	var err error
	for range rereads {
		var known Webhook
		if known, err = r.known(ctx, m); err != nil {
			return err
		}
		known.Duplicates += copies
		if err = r.DB.Commit(ctx, db.NewChange(known.Merchant, known.row())); !fault.Is(err, fault.Stale) {
			return err
		}
	}
	return err
}

// read reads a body. What cannot be read has an error of fault.Malformed; any other error is a mistake of ours.
func (r *Receiver) read(to provider.Account, reader provider.WebhookReader, body []byte) (n provider.Notification, err error) {
	err = guard(func() error {
		n, err = reader.ReadWebhook(to, body)
		return err
	})
	if err == nil && !storable(n) {
		err = provider.Unreadable("the webhook has characters that cannot be kept")
	}
	return n, err
}

// apply applies a message that was read, or has the error of its reading.
func (r *Receiver) apply(ctx context.Context, to provider.Account, n provider.Notification, unread error, with func(*db.Change, payment.Heard) error) error {
	if fault.Is(unread, fault.Malformed) {
		c := db.NewChange(to.Merchant)
		if err := with(c, payment.Heard{Verdict: Unreadable, Detail: unread.Error()}); err != nil {
			return err
		}
		return r.DB.Commit(ctx, c)
	}
	if unread != nil {
		return unread
	}
	return guard(func() error { return r.Payments.Notify(ctx, to, n, with) })
}

// guard makes an error of a panic: one message that trips us must not take the process with it, nor be lost.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

func (r *Receiver) references(to provider.Account) []string {
	return provider.CapabilitiesOf(r.Providers[to.Provider], to).References
}

// Sweeps is the worker's queue of messages that wait. An account whose messages hang takes a quarter of it.
func (r *Receiver) Sweeps() []db.Sweep {
	return []db.Sweep{{
		Name: "inbound webhooks", Table: table, Lease: time.Minute, Every: inboxLook, Limit: 32, Handle: r.applyWaiting,
		Group: "provider_account", Share: 8,
	}}
}

// errSettled: the message does not wait any more.
var errSettled = errors.New("the message is settled")

// applyWaiting applies a message that waits. If it cannot be applied it is put off, for as long as messages are kept.
func (r *Receiver) applyWaiting(ctx context.Context, key []string) error {
	bounded, cancel := context.WithTimeout(ctx, applyTime)
	defer cancel()
	_, err := r.again(bounded, key[0], key[1], func(*db.Change, Webhook) error { return nil }, true)
	if err == nil || errors.Is(err, errSettled) {
		return nil
	}
	return r.putOff(ctx, key[0], key[1], err)
}

// Replay reads a recorded message again and applies it: one that matched nothing may match by now, and one that this version
// did not understand may be understood by the next. What it changes, and the record, are one Change; with may add to it, and is
// given the record as it will be.
//
// It fails with fault.NotFound if there is no such message, and with fault.Conflict if its provider account cannot be heard any more.
// If it cannot be applied, nothing changes.
func (r *Receiver) Replay(ctx context.Context, tenant, inbound string, with func(c *db.Change, m Webhook) error) (Webhook, error) {
	return r.again(ctx, tenant, inbound, with, false)
}

// again applies a recorded message; if only waiting ones are wanted, errSettled says that it is none.
func (r *Receiver) again(ctx context.Context, tenant, inbound string, with func(*db.Change, Webhook) error, waiting bool) (Webhook, error) {
	m, err := r.Get(ctx, tenant, inbound)
	if err != nil {
		return m, err
	}
	to, reader, err := r.reader(ctx, m)
	if err != nil {
		return m, err
	}
	n, unread := r.read(to, reader, m.Body)
	for range rereads {
		err = r.apply(ctx, to, n, unread, func(c *db.Change, h payment.Heard) error {
			now, err := r.Get(ctx, tenant, inbound)
			if err != nil {
				return err
			}
			if waiting && now.DueAt.IsZero() {
				return errSettled
			}
			if now.Type == "" {
				now.Type = words(n.Type, maxType) // it could not be read when it came
			}
			m = now.heard(h, r.Clock.Now())
			c.Add(m.row())
			return with(c, m)
		})
		if !fault.Is(err, fault.Stale) {
			break
		}
	}
	if err != nil {
		return m, fmt.Errorf("apply %s again: %w", inbound, err)
	}
	return m, nil
}

// reader finds the account that a recorded message came for, and who reads it.
func (r *Receiver) reader(ctx context.Context, m Webhook) (provider.Account, provider.WebhookReader, error) {
	to, err := r.Accounts.Get(ctx, m.Merchant, m.Account)
	if fault.Is(err, fault.NotFound) {
		return to, nil, fault.State("there is no provider account " + m.Account)
	}
	if err != nil {
		return to, nil, fmt.Errorf("provider account %s: %w", m.Account, err)
	}
	reader, err := provider.Lookup[provider.WebhookReader](r.Providers, to.Provider)
	if err != nil {
		return to, nil, fault.State("provider account " + m.Account + " takes no webhooks")
	}
	return to, reader, nil
}

// putOff notes that a message could not be applied, and when it is tried again.
func (r *Receiver) putOff(ctx context.Context, tenant, inbound string, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	m, err := r.Get(ctx, tenant, inbound)
	if err != nil || m.DueAt.IsZero() {
		return err
	}
	m.Tries++
	m.DueAt = r.Clock.Now().Add(backoff(m.Tries))
	attributes := []any{"merchant_id", tenant, "provider_account", m.Account, "inbound_webhook_id", inbound, "tries", m.Tries, "error", why}
	if m.Tries >= stuckAfter {
		r.Logger.Error("a provider's message cannot be applied", attributes...)
	} else {
		r.Logger.Log(ctx, severity(why), "a provider's message could not be applied", attributes...)
	}
	if err := r.DB.Commit(ctx, db.NewChange(tenant, m.row())); err != nil && !fault.Is(err, fault.Stale) { // else a copy was counted: it comes again after the lease
		return fmt.Errorf("put %s off, which could not be applied (%w): %w", inbound, why, err)
	}
	return nil
}
