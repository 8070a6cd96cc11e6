package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"modernc.org/sqlite"

	"github.com/florinpay/florin/internal/fault"
)

// sqliteSession is the writing connection. It speaks to the driver without database/sql, whose locks, conversions and
// goroutines would cost as much as the rows do.
type sqliteSession struct {
	engine   *sqliteEngine
	conn     driver.Conn
	prepared map[sqliteWrite]driver.StmtExecContext
	args     []driver.NamedValue
}

// sqliteWrite names a prepared write.
type sqliteWrite struct {
	table  *Table
	update bool
}

// errDriver would be a driver that lost an interface; it did not when this was compiled and tested.
var errDriver = errors.New("the sqlite driver lacks an interface")

func (e *sqliteEngine) connect(ctx context.Context) (session, error) {
	connector, err := sqlite.NewConnector(e.uri + sqlitePragmas)
	if err != nil {
		return nil, err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &sqliteSession{engine: e, conn: conn, prepared: map[sqliteWrite]driver.StmtExecContext{}}, nil
}

func (s *sqliteSession) begin(ctx context.Context) error {
	_, err := s.exec(ctx, "BEGIN IMMEDIATE")
	return err
}

func (s *sqliteSession) commit(context.Context) error {
	_, err := s.exec(context.Background(), "COMMIT") // an interrupted COMMIT helps nobody
	return err
}

// rollback ends the transaction, if SQLite has not ended it itself, as it does when the disk is full.
func (s *sqliteSession) rollback(ctx context.Context) error {
	_, err := s.exec(ctx, "ROLLBACK")
	if err != nil && s.engine.cause(err) == causeOther {
		return nil // there was none
	}
	return err
}

// apply writes row by row. SQLite undoes a statement that fails and keeps the transaction, so one pass finds every
// loser, and every refused row with its owner.
func (s *sqliteSession) apply(_ context.Context, p *plan) ([]loss, error) {
	ctx := context.Background() // a context that can end costs a goroutine a row
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	var losses []loss
	err := p.groups(func(from, to int) error {
		first := p.rows[from].row
		write, err := s.statement(first.table, first.read > 0)
		if err != nil {
			return err
		}
		for i := from; i < to; i++ {
			l, err := s.write(ctx, write, p.rows[i].row)
			if err != nil {
				return err
			}
			if l != nil {
				l.row = i
				losses = append(losses, *l)
			}
		}
		return nil
	})
	return losses, err
}

// write writes one row. An error is of the whole transaction, a loss of the row.
func (s *sqliteSession) write(ctx context.Context, write driver.StmtExecContext, r *Row) (*loss, error) {
	result, err := write.ExecContext(ctx, s.bind(r))
	if err != nil {
		switch s.engine.cause(err) {
		case causeTaken:
			return &loss{kind: fault.Exists, err: err}, nil
		case causeRefused:
			return &loss{kind: fault.Internal, err: err}, nil
		}
		return nil, err
	}
	n, err := result.RowsAffected()
	if err != nil || n == 1 {
		return nil, err
	}
	if r.read > 0 {
		return &loss{kind: fault.Stale}, nil
	}
	return &loss{kind: fault.Exists}, nil
}

// bind orders a row's values as sqliteWriteSQL has its parameters.
func (s *sqliteSession) bind(r *Row) []driver.NamedValue {
	args := s.args[:0]
	add := func(values ...any) {
		for _, v := range values {
			args = append(args, driver.NamedValue{Ordinal: len(args) + 1, Value: v})
		}
	}
	if r.read == 0 {
		add(r.values...)
	} else {
		add(r.values[r.table.Key:]...)
		add(r.values[:r.table.Key]...)
		add(r.read)
	}
	s.args = args
	return args
}

func (s *sqliteSession) statement(t *Table, update bool) (driver.StmtExecContext, error) {
	key := sqliteWrite{t, update}
	if known, ok := s.prepared[key]; ok {
		return known, nil
	}
	prepared, err := s.conn.Prepare(sqliteWriteSQL(t, update))
	if err != nil {
		return nil, err
	}
	write, ok := prepared.(driver.StmtExecContext)
	if !ok {
		return nil, errDriver
	}
	s.prepared[key] = write
	return write, nil
}

// sqliteWriteSQL uses bare ? parameters: the driver need not look for their names.
func sqliteWriteSQL(t *Table, update bool) string {
	names := t.names()[:len(t.Columns)]
	if !update {
		columns, values := quote(names), strings.TrimSuffix(strings.Repeat("?, ", len(names)), ", ")
		if t.Versioned {
			columns, values = columns+`, "version"`, values+", 1"
		}
		return fmt.Sprintf(`INSERT INTO %q (%s) VALUES (%s) ON CONFLICT DO NOTHING`, t.Name, columns, values)
	}
	sets := []string{`"version" = "version" + 1`}
	for _, n := range names[t.Key:] {
		sets = append(sets, fmt.Sprintf("%q = ?", n))
	}
	where := make([]string, t.Key)
	for i := range where {
		where[i] = fmt.Sprintf("%q = ?", names[i])
	}
	return fmt.Sprintf(`UPDATE %q SET %s WHERE %s AND "version" = ?`,
		t.Name, strings.Join(sets, ", "), strings.Join(where, " AND "))
}

func quote(names []string) string { return `"` + strings.Join(names, `", "`) + `"` }

func (s *sqliteSession) exec(ctx context.Context, text string, args ...any) (int64, error) {
	execer, ok := s.conn.(driver.ExecerContext)
	if !ok {
		return 0, errDriver
	}
	result, err := execer.ExecContext(ctx, parameter.ReplaceAllString(text, "?$1"), named(args))
	if err != nil || result == nil {
		return 0, err
	}
	return result.RowsAffected()
}

func named(args []any) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, v := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return out
}

func (s *sqliteSession) read(ctx context.Context, kinds []Kind, text string, args ...any) (all [][]any, err error) {
	queryer, ok := s.conn.(driver.QueryerContext)
	if !ok {
		return nil, errDriver
	}
	rows, err := queryer.QueryContext(ctx, parameter.ReplaceAllString(text, "?$1"), named(args))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		values := make([]driver.Value, len(kinds))
		if err := rows.Next(values); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		row := make([]any, len(kinds))
		for i, v := range values {
			row[i] = v
		}
		all = append(all, row)
	}
}

// probe takes and gives back more pages than a Change needs, so that a full disk shows.
func (s *sqliteSession) probe(ctx context.Context, at int64) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if _, err := s.exec(ctx, "INSERT INTO florin_probe (id, at, space) VALUES (1, $1, zeroblob(65536))", at); err != nil {
		return err
	}
	if _, err := s.exec(ctx, "DELETE FROM florin_probe"); err != nil {
		return err
	}
	return s.commit(ctx)
}

func (s *sqliteSession) close() {
	// Nothing can be done about an error, and nothing hangs on it: what was committed is on the disk.
	for _, write := range s.prepared {
		if closer, ok := write.(io.Closer); ok {
			_ = closer.Close()
		}
	}
	_ = s.conn.Close()
}
