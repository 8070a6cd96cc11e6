package stage

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/florinpay/florin/internal/secret"
)

//go:embed migrations/*.sql
var migrations embed.FS

// store is a world's memory: one SQLite file with one connection. Nothing is synced to the disk: a killed process loses nothing, a lost
// machine may, and the world is a simulation.
type store struct {
	db     *sql.DB
	mu     sync.Mutex
	closed bool
}

func openStore(path string) (_ *store, err error) {
	// Made here, because SQLite would make it readable for all.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	name := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	db, err := sql.Open("sqlite", name+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)&_pragma=journal_mode(WAL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := Migrate(context.Background(), db, migrations); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &store{db: db}, nil
}

// Executor is a database, or a connection to one.
type Executor interface {
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row
}

// Migrate brings a world's file to the newest schema, that of migrations/*.sql: user_version counts the migrations that it has seen.
func Migrate(ctx context.Context, db Executor, migrations fs.FS) error {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	var have int
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&have); err != nil {
		return err
	}
	if have > len(files) {
		return fmt.Errorf("the file is of a newer version (%d) than this program (%d)", have, len(files))
	}
	for n := have; n < len(files); n++ {
		text, err := fs.ReadFile(migrations, files[n])
		if err != nil {
			return err
		}
		if _, err := db.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE;\n%s\nPRAGMA user_version = %d;\nCOMMIT;", text, n+1)); err != nil {
			return fmt.Errorf("migrate %s: %w", files[n], err)
		}
	}
	return nil
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	_, err := s.db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`) // so that the file alone is a whole copy
	return errors.Join(err, s.db.Close())
}

// Batch is what a world reads and writes at one time: nothing overtakes it, and all of it is kept or nothing. It is not kept after.
type Batch struct {
	stage *Stage
	tx    *sql.Tx
	wake  bool // something is due, now or later
}

// Do runs f alone. What f wrote is kept if it does not fail.
func (s *Stage) Do(f func(*Batch) error) error {
	wake, err := s.do(f)
	if wake {
		s.post.nudge()
	}
	return err
}

func (s *Stage) do(f func(*Batch) error) (wake bool, err error) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if s.store.closed {
		return false, ErrClosed
	}
	tx, err := s.store.db.Begin()
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	b := &Batch{stage: s, tx: tx}
	if err := f(b); err != nil {
		return false, errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return b.wake, nil
}

// Record is a stored piece of a world.
type Record struct {
	Seq       int64 // newer ones are higher
	Account   int64 // the number of whose it is
	ID        string
	Reference string // the caller's
	Body      string // JSON
}

const recordColumns = `p.seq, p.account, p.id, p.reference, p.body`

type scanner interface{ Scan(dest ...any) error }

func scanRecord(from scanner) (Record, error) {
	var r Record
	err := from.Scan(&r.Seq, &r.Account, &r.ID, &r.Reference, &r.Body)
	return r, err
}

// find reads one record; nil if there is none.
func (b *Batch) find(where string, args ...any) (*Record, error) {
	r, err := scanRecord(b.tx.QueryRow(`SELECT `+recordColumns+` FROM piece p `+where, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a piece: %w", err)
	}
	return &r, nil
}

// ByID finds a piece by its id; nil if there is none.
func (b *Batch) ByID(id string) (*Record, error) { return b.find(`WHERE p.id = ?`, id) }

// ByReference finds a caller's piece by their reference; nil if there is none.
func (b *Batch) ByReference(account int64, reference string) (*Record, error) {
	return b.find(`WHERE p.account = ? AND p.reference = ?`, account, reference)
}

// ByAlias finds a piece by another name of it; nil if there is none.
func (b *Batch) ByAlias(name string) (*Record, error) {
	return b.find(`JOIN alias a ON a.piece = p.seq WHERE a.name = ?`, name)
}

func (b *Batch) exec(what, text string, args ...any) (sql.Result, error) {
	r, err := b.tx.Exec(text, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return r, nil
}

// Insert keeps a new piece, which must not be there, and gives it its Seq.
func (b *Batch) Insert(r Record) (Record, error) {
	done, err := b.exec("keep a piece", `INSERT INTO piece (id, account, reference, body) VALUES (?, ?, ?, ?)`, r.ID, r.Account, r.Reference, r.Body)
	if err != nil {
		return r, err
	}
	r.Seq, err = done.LastInsertId()
	return r, err
}

// Update keeps a piece as it is now.
func (b *Batch) Update(r Record) error {
	_, err := b.exec("keep a piece", `UPDATE piece SET body = ? WHERE seq = ?`, r.Body, r.Seq)
	return err
}

// Alias gives a piece another name, which nothing else may have.
func (b *Batch) Alias(r Record, name string) error {
	_, err := b.exec("name a piece", `INSERT INTO alias (name, piece) VALUES (?, ?)`, name, r.Seq)
	return err
}

// Query chooses records of a list. Empty fields do not choose.
type Query struct {
	ID, Reference, Status, Text string
	Before                      int64 // Seq
	Limit                       int   // -1: all
}

// List reads records, newest first.
func (s *Stage) List(q Query) ([]Record, error) {
	var out []Record
	err := s.Do(func(b *Batch) error {
		rows, err := b.tx.Query(`SELECT `+recordColumns+` FROM piece p WHERE (?1 = '' OR p.id = ?1) AND (?2 = '' OR p.reference = ?2)
			AND (?3 = '' OR p.body ->> 'status' = ?3) AND (?4 = '' OR instr(p.body, ?4) > 0) AND (?5 = 0 OR p.seq < ?5)
			ORDER BY p.seq DESC LIMIT ?6`, q.ID, q.Reference, q.Status, q.Text, q.Before, q.Limit)
		if err != nil {
			return err
		}
		defer rows.Close() // its error is in rows.Err
		for rows.Next() {
			r, err := scanRecord(rows)
			if err != nil {
				return err
			}
			out = append(out, r)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list the pieces of %s: %w", s.world.Name, err)
	}
	return out, nil
}

// kept is what is stored of an account beside its key.
type kept struct {
	Merchant      string `json:"merchant,omitempty"`
	SigningKey    string `json:"signing_key"`
	WebhookURL    string `json:"webhook_url"`
	WebhookSecret string `json:"webhook_secret"`
}

func (b *Batch) putAccount(a Account) error {
	body, err := json.Marshal(kept{a.Merchant, a.SigningKey.Reveal(), a.WebhookURL, a.WebhookSecret.Reveal()})
	if err != nil {
		return err
	}
	_, err = b.exec("keep an account", `INSERT INTO account (api_key, secrets) VALUES (?, ?)
		ON CONFLICT (api_key) DO UPDATE SET secrets = excluded.secrets`, a.APIKey.Reveal(), string(body))
	return err
}

// Numbered is an account with its number in the store.
type Numbered struct {
	Account
	Number int64
}

func (b *Batch) account(where string, arg any) (Numbered, bool, error) {
	var n Numbered
	var key, body string
	err := b.tx.QueryRow(`SELECT number, api_key, secrets FROM account WHERE `+where, arg).Scan(&n.Number, &key, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return n, false, nil
	}
	var k kept
	if err == nil {
		err = json.Unmarshal([]byte(body), &k)
	}
	if err != nil {
		return n, false, fmt.Errorf("read an account: %w", err)
	}
	n.Account = Account{k.Merchant, secret.New(key), secret.New(k.SigningKey), k.WebhookURL, secret.New(k.WebhookSecret)}
	return n, true, nil
}

// Account finds whose a piece is. An account is never deleted.
func (b *Batch) Account(number int64) (Numbered, error) {
	a, _, err := b.account(`number = ?`, number)
	return a, err
}

// Accounts are all accounts.
func (b *Batch) Accounts() ([]Numbered, error) {
	rows, err := b.tx.Query(`SELECT number FROM account ORDER BY number`)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	var numbers []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, errors.Join(fmt.Errorf("list accounts: %w", err), rows.Close())
		}
		numbers = append(numbers, n)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	out := make([]Numbered, len(numbers))
	for i, n := range numbers {
		if out[i], err = b.Account(n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Webhook is a message that was or will be sent, without its body.
type Webhook struct {
	Event    string     `json:"event"` // the id
	Type     string     `json:"type"`
	Attempts int        `json:"attempts"`
	Status   int        `json:"status"`           // of the last answer; 0: none came
	DueAt    *time.Time `json:"due_at,omitempty"` // absent: delivered, or given up
}

// State is a word for people.
func (w Webhook) State() string {
	switch {
	case w.DueAt != nil:
		return "waiting"
	case Delivered(w.Status):
		return "delivered"
	}
	return "given up"
}

// Webhooks reads the messages about a piece, oldest first.
func (s *Stage) Webhooks(seq int64) ([]Webhook, error) {
	out := []Webhook{}
	err := s.Do(func(b *Batch) error {
		rows, err := b.tx.Query(`SELECT event, type, attempts, status, due_at FROM webhook WHERE piece = ? ORDER BY seq LIMIT 200`, seq)
		if err != nil {
			return err
		}
		defer rows.Close() // its error is in rows.Err
		for rows.Next() {
			var w Webhook
			var due *int64
			if err := rows.Scan(&w.Event, &w.Type, &w.Attempts, &w.Status, &due); err != nil {
				return err
			}
			if due != nil {
				at := time.UnixMicro(*due).UTC()
				w.DueAt = &at
			}
			out = append(out, w)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("list webhooks of %s: %w", s.world.Name, err)
	}
	return out, nil
}
