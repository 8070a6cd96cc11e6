package payouts

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/florinpay/florin/internal/secret"
)

// store is the world's memory: one SQLite file. Nothing is synced to the disk: a killed process loses nothing, a lost machine may, and this
// world is a simulation.
type store struct{ db *sql.DB }

const schema = `
CREATE TABLE IF NOT EXISTS account (api_key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS payout (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, reference TEXT NOT NULL, body TEXT NOT NULL,
	due_at INTEGER, UNIQUE (account, reference)) STRICT;
CREATE INDEX IF NOT EXISTS payout_due ON payout (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS webhook (seq INTEGER PRIMARY KEY, payout TEXT NOT NULL, account TEXT NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL,
	status INTEGER NOT NULL, due_at INTEGER) STRICT;
CREATE INDEX IF NOT EXISTS webhook_due ON webhook (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS webhook_payout ON webhook (payout, seq);`

func openStore(path string) (*store, error) {
	// Made here, because SQLite would make it readable for all; its log gets the same mode.
	made, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := made.Close(); err != nil {
		return nil, err
	}
	file := url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: "_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(5000)"}
	d, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, err
	}
	d.SetMaxOpenConns(1)
	if _, err := d.Exec(schema); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &store{d}, nil
}

func (s *store) close() error { return s.db.Close() }

// accountBody is an account as it is stored: this is test data, on the machine that made it.
type accountBody struct{ SigningKey, WebhookURL, WebhookSecret string }

func (s *store) putAccount(a Account) error {
	body, err := json.Marshal(accountBody{a.SigningKey.Reveal(), a.WebhookURL, a.WebhookSecret.Reveal()})
	if err != nil {
		return err
	}
	_, err = s.db.Exec(`INSERT INTO account (api_key, body) VALUES (?1, ?2) ON CONFLICT (api_key) DO UPDATE SET body = excluded.body`, a.APIKey.Reveal(), string(body))
	return err
}

// rows calls scan for each row of a query.
func (s *store) rows(scan func(*sql.Rows) error, query string, args ...any) (err error) {
	rows, err := s.db.Query(query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *store) accounts() (map[string]Account, error) {
	all := map[string]Account{}
	return all, s.rows(func(r *sql.Rows) error {
		var key, body string
		var b accountBody
		if err := errors.Join(r.Scan(&key, &body), json.Unmarshal([]byte(body), &b)); err != nil {
			return err
		}
		all[key] = Account{APIKey: secret.New(key), SigningKey: secret.New(b.SigningKey), WebhookURL: b.WebhookURL, WebhookSecret: secret.New(b.WebhookSecret)}
		return nil
	}, `SELECT api_key, body FROM account`)
}

func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// put writes a payout and the webhooks that tell of it, or neither.
func (s *store) put(k kept, hooks ...hook) error {
	body, err := json.Marshal(k)
	if err != nil {
		return err
	}
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO payout (id, account, reference, body, due_at) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (id) DO UPDATE SET body = excluded.body, due_at = excluded.due_at`, k.ID, k.Account, k.Reference, string(body), micros(k.DueAt))
	for _, h := range hooks {
		if err == nil {
			_, err = tx.Exec(`INSERT INTO webhook (payout, account, body, attempts, status, due_at) VALUES (?1, ?2, ?3, 0, 0, ?4)`, k.ID, k.Account, h.Body, micros(h.dueAt))
		}
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (s *store) list(where string, args ...any) ([]kept, error) {
	var all []kept
	return all, s.rows(func(r *sql.Rows) error {
		var body string
		var k kept
		if err := errors.Join(r.Scan(&body), json.Unmarshal([]byte(body), &k)); err != nil {
			return fmt.Errorf("read a payout: %w", err)
		}
		all = append(all, k)
		return nil
	}, `SELECT body FROM payout `+where, args...)
}

// one is the only payout that is asked for; false if there is none.
func (s *store) one(where string, args ...any) (kept, bool, error) {
	found, err := s.list(where, args...)
	if err != nil || len(found) == 0 {
		return kept{}, false, err
	}
	return found[0], true, nil
}

// The ways in which payouts are looked for.
const (
	byReference = `WHERE account = ?1 AND reference = ?2`
	byID        = `WHERE id = ?1`
	dueNow      = `WHERE due_at <= ?1 ORDER BY due_at LIMIT 64`
	newest      = `ORDER BY seq DESC LIMIT 100`
)

// hook is a webhook.
type hook struct {
	seq      int64
	account  string
	attempts int
	dueAt    time.Time

	Body   string
	Status int
}

func (s *store) hooks(where string, args ...any) ([]hook, error) {
	var all []hook
	return all, s.rows(func(r *sql.Rows) error {
		var h hook
		var due *int64
		if err := r.Scan(&h.seq, &h.account, &h.Body, &h.attempts, &h.Status, &due); err != nil {
			return err
		}
		if due != nil {
			h.dueAt = time.UnixMicro(*due)
		}
		all = append(all, h)
		return nil
	}, `SELECT seq, account, body, attempts, status, due_at FROM webhook `+where, args...)
}

const (
	hooksDue = `WHERE due_at <= ?1 ORDER BY due_at, seq LIMIT 64`
	hooksOf  = `WHERE payout = ?1 ORDER BY seq DESC LIMIT 1`
)

func (s *store) sent(h hook) error {
	_, err := s.db.Exec(`UPDATE webhook SET attempts = ?2, status = ?3, due_at = ?4 WHERE seq = ?1`, h.seq, h.attempts, h.Status, micros(h.dueAt))
	return err
}

// next is when something falls due; zero if nothing does.
func (s *store) next() (time.Time, error) {
	var at *int64
	err := s.db.QueryRow(`SELECT MIN(due_at) FROM (SELECT due_at FROM webhook WHERE due_at IS NOT NULL UNION ALL SELECT due_at FROM payout WHERE due_at IS NOT NULL)`).Scan(&at)
	if err != nil || at == nil {
		return time.Time{}, err
	}
	return time.UnixMicro(*at), nil
}
