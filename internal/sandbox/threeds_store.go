package sandbox

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// threeDSStatements are the writer's for authentications, prepared once.
type threeDSStatements struct {
	insertAuthentication, updateAuthentication                 statement
	authenticationByReference, authenticationByACS             statement
	authenticationByDS, authenticationByID, dueAuthentications statement
	insertCryptogram                                           statement
}

const authenticationColumns = `SELECT seq, account, body FROM authentication WHERE `

func (s *threeDSStatements) sql() map[*statement]string {
	return map[*statement]string{
		&s.insertAuthentication: `INSERT INTO authentication (id, account, reference, acs_trans_id, ds_trans_id, body, due_at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (account, reference) DO NOTHING`,
		&s.insertCryptogram:          `INSERT INTO cryptogram (hash, reference) VALUES (?1, ?2) ON CONFLICT DO NOTHING`,
		&s.updateAuthentication:      `UPDATE authentication SET body = ?2, due_at = ?3 WHERE seq = ?1`,
		&s.authenticationByReference: authenticationColumns + `account = ?1 AND reference = ?2`,
		&s.authenticationByACS:       authenticationColumns + `acs_trans_id = ?1`,
		&s.authenticationByDS:        authenticationColumns + `ds_trans_id = ?1`,
		&s.authenticationByID:        authenticationColumns + `id = ?1`,
		&s.dueAuthentications:        authenticationColumns + `due_at <= ?1 ORDER BY due_at LIMIT ?2`,
	}
}

// authenticationRow is a stored authentication.
type authenticationRow struct {
	Authentication
	seq     int64
	account int64
}

func scanAuthentication(from scanner) (*authenticationRow, error) {
	var r authenticationRow
	var body string
	if err := from.Scan(&r.seq, &r.account, &body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(body), &r.Authentication); err != nil {
		return nil, fmt.Errorf("read authentication %d: %w", r.seq, err)
	}
	return &r, nil
}

// authentication finds one; nil if there is none.
func (b *batch) authentication(s statement, args ...any) (*authenticationRow, error) {
	r, err := scanAuthentication(s.QueryRow(args...))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errStore, err)
	}
	return r, nil
}

// due is when an open challenge ends; nil if none is open.
func (a *Authentication) due() any {
	if a.Status != ChallengeOpen {
		return nil
	}
	return a.ExpiresAt.UnixMicro()
}

// createAuthentication inserts one, unless there is one with its reference: then that one is returned, and nothing is written.
func (b *batch) createAuthentication(account int64, a *Authentication) (existing *authenticationRow, err error) {
	body, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("%w: write authentication %s: %w", errStore, a.ID, err)
	}
	_, fresh, err := b.insertAuthentication.insert(a.ID, account, a.Reference, a.ARes.ACSTransID, a.ARes.DSTransID, string(body), a.due())
	if err != nil {
		return nil, err
	}
	if !fresh {
		return b.authentication(b.authenticationByReference, account, a.Reference)
	}
	b.delayed = b.delayed || a.Status == ChallengeOpen
	return nil, nil
}

func (b *batch) saveAuthentication(r *authenticationRow) error {
	body, err := json.Marshal(r.Authentication)
	if err != nil {
		return fmt.Errorf("%w: write authentication %s: %w", errStore, r.ID, err)
	}
	return b.updateAuthentication.exec(r.seq, string(body), r.due())
}

// overdueAuthentications reads those whose challenge has run out of time, oldest first.
func (b *batch) overdueAuthentications(now time.Time, limit int) ([]*authenticationRow, error) {
	rows, err := b.dueAuthentications.Query(now.UnixMicro(), limit)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStore, err)
	}
	defer rows.Close() // its error is in rows.Err
	var out []*authenticationRow
	for rows.Next() {
		r, err := scanAuthentication(rows)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errStore, err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// authentications reads authentications, newest first.
func (s *store) authentications(q query) ([]authenticationRow, error) {
	where, args := q.where()
	rows, err := s.readers.Query(`SELECT t.seq, t.account, t.body FROM authentication t JOIN account a ON a.number = t.account`+where+
		` ORDER BY t.seq DESC LIMIT ?`, append(args, q.limit)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // its error is in rows.Err
	var out []authenticationRow
	for rows.Next() {
		r, err := scanAuthentication(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, *r)
	}
	return out, rows.Err()
}
