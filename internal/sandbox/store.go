package sandbox

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

//go:embed migrations/*.sql
var migrations embed.FS

// store is the world's memory: one SQLite file with one writer. Nothing is synced to the disk: a killed process loses
// nothing, a lost machine may, and this world is a simulation.
type store struct {
	readers *sql.DB
	writers *sql.DB
	conn    *sql.Conn // the writer's
	jobs    chan *job
	closing chan struct{} // no more jobs are taken
	closed  chan struct{} // the writer is done

	// offer hands over webhooks that were just committed and are due, and tells whether some are due later.
	offer func(ready []delivery, delayed bool)

	statements
}

// statements are the writer's, prepared once.
type statements struct {
	begin, commit, rollback                                               statement
	insertTxn, updateTxn, txnByID, txnByReference, txnBySeq               statement
	insertOperation, findOperation                                        statement
	insertWebhook, updateWebhook, dueWebhooks, lastWebhook, pruneWebhooks statement
	insertLater, dueLater, deleteLater, nextDue                           statement
	upsertAccount, numberOfAccount                                        statement
	threeDSStatements
	evidenceStatements
}

const txnColumns = `seq, account, body`

func (s *store) sql() map[*statement]string {
	texts := map[*statement]string{
		&s.begin: `BEGIN IMMEDIATE`, &s.commit: `COMMIT`, &s.rollback: `ROLLBACK`,
		&s.insertTxn: `INSERT INTO txn (id, account, reference, body) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT (account, reference) DO NOTHING`,
		&s.updateTxn:       `UPDATE txn SET body = ?2 WHERE seq = ?1`,
		&s.txnByID:         `SELECT ` + txnColumns + ` FROM txn WHERE id = ?1`,
		&s.txnByReference:  `SELECT ` + txnColumns + ` FROM txn WHERE account = ?1 AND reference = ?2`,
		&s.txnBySeq:        `SELECT ` + txnColumns + ` FROM txn WHERE seq = ?1`,
		&s.insertOperation: `INSERT INTO operation (account, reference, txn) VALUES (?1, ?2, ?3)`,
		&s.findOperation: `SELECT t.seq, t.account, t.body FROM operation o JOIN txn t ON t.seq = o.txn
			WHERE o.account = ?1 AND o.reference = ?2`,
		&s.insertWebhook: `INSERT INTO webhook (txn, account, event, type, body, attempts, status, due_at)
			VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6)`,
		&s.updateWebhook: `UPDATE webhook SET attempts = ?2, status = ?3, due_at = ?4 WHERE seq = ?1`,
		&s.dueWebhooks: `SELECT seq, account, event, body, attempts FROM webhook
			WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2`,
		&s.lastWebhook:   `SELECT account, event, type, body FROM webhook WHERE txn = ?1 ORDER BY seq DESC LIMIT 1`,
		&s.pruneWebhooks: `DELETE FROM webhook WHERE seq IN (SELECT seq FROM webhook WHERE seq < ?1 AND due_at IS NULL LIMIT 4096)`,
		&s.insertLater:   `INSERT INTO later (txn, event, operation, due_at) VALUES (?1, ?2, ?3, ?4)`,
		&s.dueLater:      `SELECT seq, txn, event, operation FROM later WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2`,
		&s.deleteLater:   `DELETE FROM later WHERE seq = ?1`,
		&s.nextDue: `SELECT due_at FROM (SELECT due_at FROM webhook WHERE due_at > ?1 UNION ALL SELECT due_at FROM later WHERE due_at > ?1
			UNION ALL SELECT due_at FROM authentication WHERE due_at > ?1) ORDER BY due_at LIMIT 1`,
		&s.upsertAccount:   `INSERT INTO account (acquirer, api_key, secrets) VALUES (?1, ?2, ?3) ON CONFLICT (acquirer, api_key) DO UPDATE SET secrets = excluded.secrets`,
		&s.numberOfAccount: `SELECT number FROM account WHERE acquirer = ?1 AND api_key = ?2`,
	}
	maps.Copy(texts, s.threeDSStatements.sql())
	maps.Copy(texts, s.evidenceStatements.sql())
	return texts
}

// statement is a prepared statement whose failures are failures of the store.
type statement struct{ *sql.Stmt }

func (s statement) exec(args ...any) error {
	if _, err := s.Exec(args...); err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	return nil
}

// insert tells the new row's number, or false if the row was there already.
func (s statement) insert(args ...any) (int64, bool, error) {
	r, err := s.Exec(args...)
	if err != nil {
		return 0, false, fmt.Errorf("%w: %w", errStore, err)
	}
	n, err := r.RowsAffected()
	if err != nil || n == 0 {
		return 0, false, err
	}
	seq, err := r.LastInsertId()
	return seq, true, err
}

// one scans the only row, or tells that there is none.
func (s statement) one(dest []any, args ...any) (bool, error) {
	err := s.QueryRow(args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: %w", errStore, err)
	}
	return true, nil
}

func openStore(path string) (_ *store, err error) {
	pragmas := "_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)&_pragma=cache_size(-8000)&_pragma=temp_store(2)"
	name := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	s := &store{jobs: make(chan *job, 4*maxBatch), closing: make(chan struct{}), closed: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeFiles())
		}
	}()
	// Made here, because SQLite would make it readable for all; its log gets the same mode.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return s, err
	}
	if err := file.Close(); err != nil {
		return s, err
	}
	ctx := context.Background()
	if s.writers, err = sql.Open("sqlite", name+"?"+pragmas+"&_pragma=journal_mode(WAL)&_pragma=wal_autocheckpoint(4000)"); err != nil {
		return s, err
	}
	if s.conn, err = s.writers.Conn(ctx); err != nil {
		return s, err
	}
	if err = stage.Migrate(ctx, s.conn, migrations); err != nil {
		return s, err
	}
	for at, text := range s.sql() {
		stmt, err := s.conn.PrepareContext(ctx, text)
		if err != nil {
			return s, fmt.Errorf("prepare %q: %w", text, err)
		}
		*at = statement{stmt}
	}
	if s.readers, err = sql.Open("sqlite", name+"?mode=ro&"+pragmas); err != nil {
		return s, err
	}
	s.readers.SetMaxOpenConns(4)
	s.readers.SetMaxIdleConns(4)
	go s.write()
	return s, nil
}

// close writes what waits and closes the file.
func (s *store) close() error {
	close(s.closing)
	<-s.closed
	return s.closeFiles()
}

func (s *store) closeFiles() error {
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
	}
	if s.conn != nil {
		_, err := s.conn.ExecContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`) // so that the file alone is a whole copy
		errs = append(errs, err, s.conn.Close())
	}
	if s.writers != nil {
		errs = append(errs, s.writers.Close())
	}
	return errors.Join(errs...)
}

// row is a stored transaction.
type row struct {
	Transaction
	seq     int64
	account int64
}

type scanner interface{ Scan(dest ...any) error }

func scanRow(from scanner) (*row, error) {
	var r row
	var body string
	if err := from.Scan(&r.seq, &r.account, &body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(body), &r.Transaction); err != nil {
		return nil, fmt.Errorf("read transaction %d: %w", r.seq, err)
	}
	return &r, nil
}

// query chooses transactions. Empty fields do not choose.
type query struct {
	id, acquirer, reference, status, text string
	account                               int64
	before                                int64 // seq
	limit                                 int   // -1: all
}

func (q query) where() (string, []any) {
	var conditions []string
	var args []any
	add := func(condition string, arg any) {
		conditions = append(conditions, condition)
		args = append(args, arg)
	}
	for _, c := range []struct{ condition, value string }{
		{"t.id = ?", q.id}, {"a.acquirer = ?", q.acquirer}, {"t.reference = ?", q.reference}, {"t.body ->> 'status' = ?", q.status},
	} {
		if c.value != "" {
			add(c.condition, c.value)
		}
	}
	if q.text != "" {
		add("instr(t.body, ?) > 0", q.text)
	}
	if q.account != 0 {
		add("t.account = ?", q.account)
	}
	if q.before != 0 {
		add("t.seq < ?", q.before)
	}
	if len(conditions) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(conditions, " AND "), args
}

// list reads transactions, newest first.
func (s *store) list(q query) ([]row, error) {
	where, args := q.where()
	rows, err := s.readers.Query(`SELECT t.seq, t.account, t.body FROM txn t JOIN account a ON a.number = t.account`+where+
		` ORDER BY t.seq DESC LIMIT ?`, append(args, q.limit)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // its error is in rows.Err
	var out []row
	for rows.Next() {
		r, err := scanRow(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, *r)
	}
	return out, rows.Err()
}

// byOperation reads the transaction of an operation, by the caller's reference of it; nil if there is none.
func (s *store) byOperation(account int64, reference string) (*row, error) {
	r, err := scanRow(s.readers.QueryRow(`SELECT t.seq, t.account, t.body FROM operation o JOIN txn t ON t.seq = o.txn
		WHERE o.account = ? AND o.reference = ?`, account, reference))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return r, err
}

// Webhook is a message that was or will be sent, without its body.
type Webhook struct {
	Event    string     `json:"event"` // the id
	Type     string     `json:"type"`
	Attempts int        `json:"attempts"`
	Status   int        `json:"status"`           // of the last answer; 0: none came
	DueAt    *time.Time `json:"due_at,omitempty"` // absent: delivered, or given up
}

// webhooks reads the messages of a transaction, oldest first.
func (s *store) webhooks(txn int64) ([]Webhook, error) {
	rows, err := s.readers.Query(`SELECT event, type, attempts, status, due_at FROM webhook WHERE txn = ? ORDER BY seq LIMIT 200`, txn)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // its error is in rows.Err
	out := []Webhook{}
	for rows.Next() {
		var w Webhook
		var due *int64
		if err := rows.Scan(&w.Event, &w.Type, &w.Attempts, &w.Status, &due); err != nil {
			return nil, err
		}
		if due != nil {
			at := time.UnixMicro(*due).UTC()
			w.DueAt = &at
		}
		out = append(out, w)
	}
	return out, rows.Err()
}

// kept is what is stored of an account beside its key.
type kept struct {
	Merchant      string `json:"merchant,omitempty"`
	SigningKey    string `json:"signing_key"`
	WebhookURL    string `json:"webhook_url"`
	WebhookSecret string `json:"webhook_secret"`
}

func (s *store) accounts() ([]account, error) {
	rows, err := s.readers.Query(`SELECT number, acquirer, api_key, secrets FROM account`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // its error is in rows.Err
	var out []account
	for rows.Next() {
		var a account
		var key, body string
		var k kept
		if err := rows.Scan(&a.number, &a.Acquirer, &key, &body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(body), &k); err != nil {
			return nil, fmt.Errorf("read account %d: %w", a.number, err)
		}
		a.Merchant, a.APIKey, a.SigningKey = k.Merchant, secret.New(key), secret.New(k.SigningKey)
		a.WebhookURL, a.WebhookSecret = k.WebhookURL, secret.New(k.WebhookSecret)
		out = append(out, a)
	}
	return out, rows.Err()
}
