package sandbox

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// batch is what a job on the writer may do. It reads what earlier jobs of the same batch wrote.
type batch struct {
	*store
	ready   []delivery // webhooks to hand over once the batch is committed
	delayed bool       // something was planned for later
	tried   []int64    // webhooks whose try was recorded
}

// delivery is a webhook on its way.
type delivery struct {
	seq      int64
	account  int64
	event    string
	body     string
	attempts int
}

func (b *batch) find(s statement, args ...any) (*row, error) {
	r, err := scanRow(s.QueryRow(args...))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errStore, err)
	}
	return r, nil
}

// create inserts a new transaction with all that its turn made, unless there is one with its reference: then that one
// is returned, and nothing is written.
func (b *batch) create(a account, t *turn, body string) (existing *row, err error) {
	seq, fresh, err := b.insertTxn.insert(t.ID, a.number, t.Reference, body)
	if err != nil {
		return nil, err
	}
	if !fresh {
		return b.find(b.txnByReference, a.number, t.Reference)
	}
	return nil, b.follow(seq, a, t)
}

// save updates a transaction with all that its turn made.
func (b *batch) save(r *row, a account, t *turn) error {
	body, err := json.Marshal(t.Transaction)
	if err != nil {
		return fmt.Errorf("%w: write transaction %s: %w", errStore, t.ID, err)
	}
	if err := b.updateTxn.exec(r.seq, string(body)); err != nil {
		return err
	}
	return b.follow(r.seq, a, t)
}

// follow writes what goes with a transaction: its operations' references, its webhooks and its later events.
func (b *batch) follow(seq int64, a account, t *turn) error {
	for _, reference := range t.references {
		if err := b.insertOperation.exec(a.number, reference, seq); err != nil {
			return err
		}
	}
	for _, p := range t.plans {
		b.delayed = true
		if err := b.insertLater.exec(seq, p.event, p.operation, p.due.UnixMicro()); err != nil {
			return err
		}
	}
	if a.WebhookURL == "" {
		return nil
	}
	for _, n := range t.notices {
		body, err := json.Marshal(message{n.id, n.kind, n.at, n.data})
		if err != nil {
			return fmt.Errorf("%w: write webhook %s: %w", errStore, n.id, err)
		}
		if err := b.post(seq, a.number, n.id, n.kind, string(body), n.due, t.now); err != nil {
			return err
		}
	}
	return nil
}

// message is the body of a webhook.
type message struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	CreatedAt time.Time `json:"created_at"`
	Data      any       `json:"data"`
}

// keepWebhooks is how many webhooks are kept for a look after they were sent.
const keepWebhooks = 100_000

func (b *batch) post(txn, account int64, event, kind, body string, due, now time.Time) error {
	seq, _, err := b.insertWebhook.insert(txn, account, event, kind, body, due.UnixMicro())
	if err != nil {
		return err
	}
	if due.After(now) {
		b.delayed = true
	} else {
		b.ready = append(b.ready, delivery{seq, account, event, body, 0})
	}
	if seq%1024 == 0 && seq > keepWebhooks {
		return b.pruneWebhooks.exec(seq - keepWebhooks)
	}
	return nil
}

// again sends the newest webhook of a transaction once more, under its own id; false if it has none.
func (b *batch) again(txn int64, now time.Time) (bool, error) {
	var account int64
	var event, kind, body string
	found, err := b.lastWebhook.one([]any{&account, &event, &kind, &body}, txn)
	if err != nil || !found {
		return false, err
	}
	return true, b.post(txn, account, event, kind, body, now, now)
}

// due reads webhooks that are due, oldest first.
func (b *batch) due(now time.Time, limit int) ([]delivery, error) {
	rows, err := b.dueWebhooks.Query(now.UnixMicro(), limit)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStore, err)
	}
	defer rows.Close() // its error is in rows.Err
	var out []delivery
	for rows.Next() {
		var d delivery
		if err := rows.Scan(&d.seq, &d.account, &d.event, &d.body, &d.attempts); err != nil {
			return nil, fmt.Errorf("%w: %w", errStore, err)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// planned is a later event that is due.
type planned struct {
	seq, txn         int64
	event, operation string
}

// dueEvents reads later events that are due.
func (b *batch) dueEvents(now time.Time, limit int) ([]planned, error) {
	rows, err := b.dueLater.Query(now.UnixMicro(), limit)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStore, err)
	}
	defer rows.Close() // its error is in rows.Err
	var out []planned
	for rows.Next() {
		var p planned
		if err := rows.Scan(&p.seq, &p.txn, &p.event, &p.operation); err != nil {
			return nil, fmt.Errorf("%w: %w", errStore, err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// next is when something is due after now; the zero time if nothing is.
func (b *batch) next(now time.Time) (time.Time, error) {
	var due int64
	found, err := b.nextDue.one([]any{&due}, now.UnixMicro())
	if err != nil || !found {
		return time.Time{}, err
	}
	return time.UnixMicro(due).UTC(), nil
}

// sent records the end of a try. A zero due means that there is no other.
func (b *batch) sent(d delivery, status int, due time.Time) error {
	var at any
	if !due.IsZero() {
		at, b.delayed = due.UnixMicro(), true
	}
	b.tried = append(b.tried, d.seq)
	return b.updateWebhook.exec(d.seq, d.attempts, status, at)
}

// putAccount makes an account, or changes the one with the same key.
func (b *batch) putAccount(a Account) (account, error) {
	body, err := json.Marshal(kept{a.Merchant, a.SigningKey.Reveal(), a.WebhookURL, a.WebhookSecret.Reveal()})
	if err != nil {
		return account{}, fmt.Errorf("%w: %w", errStore, err)
	}
	if err := b.upsertAccount.exec(a.Acquirer, a.APIKey.Reveal(), string(body)); err != nil {
		return account{}, err
	}
	var n int64
	if _, err := b.numberOfAccount.one([]any{&n}, a.Acquirer, a.APIKey.Reveal()); err != nil {
		return account{}, err
	}
	return account{a, n}, nil
}
