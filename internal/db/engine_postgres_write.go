package db

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
)

// postgresSession is one writer's connection. A batch is one pipeline, BEGIN and a statement for each table, and then
// COMMIT alone: it must not be sent before every row has come back.
type postgresSession struct {
	conn     *pgconn.PgConn
	prepared map[postgresWrite]*postgresStatement
	buffer   []byte
	params   [][]byte
	planned  time.Time // when the server began to keep its plans of them
}

type postgresWrite struct {
	table  *Table
	update bool
}

// postgresStatement writes any number of rows of one table: each parameter is an array, a column.
type postgresStatement struct {
	name string
	oids []uint32 // of the arrays
}

// Type OIDs of the three kinds and of their arrays; they are fixed in PostgreSQL's catalog.
var (
	kindOID  = map[Kind]uint32{Text: 25, Int: 20, Bytes: 17}
	arrayOID = map[Kind]uint32{Text: 1009, Int: 1016, Bytes: 1001}
	binaries = []int16{1} // one format for all: binary
)

func (e *postgresEngine) connect(ctx context.Context) (session, error) {
	conn, err := pgconn.ConnectConfig(ctx, e.config)
	if err != nil {
		return nil, err
	}
	s := &postgresSession{conn: conn, prepared: map[postgresWrite]*postgresStatement{}}
	if err := s.settle(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// durable undoes a synchronous_commit of off, which a server, a role or a URL may have as its default: an answered COMMIT
// would not be on the disk. Stricter settings than on stay.
const durable = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"

// settle makes a new connection ready for writing.
func (s *postgresSession) settle(ctx context.Context) error {
	if _, err := s.exec(ctx, durable); err != nil {
		return err
	}
	for _, verb := range []string{"BEGIN", "COMMIT"} {
		if _, err := s.conn.Prepare(ctx, verb, verb, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *postgresSession) begin(ctx context.Context) error {
	_, err := s.exec(ctx, "BEGIN")
	return err
}

// errRolledBack is PostgreSQL's answer to the COMMIT of a transaction that had failed before: it is not an error there.
var errRolledBack = errors.New("COMMIT was answered by ROLLBACK")

func (s *postgresSession) commit(ctx context.Context) error {
	result := s.conn.ExecPrepared(ctx, "COMMIT", nil, nil, nil).Read()
	if result.Err == nil && result.CommandTag.String() != "COMMIT" {
		return errRolledBack
	}
	return result.Err
}

func (s *postgresSession) rollback(ctx context.Context) error {
	_, err := s.exec(ctx, "ROLLBACK")
	return err
}

func (s *postgresSession) apply(ctx context.Context, p *plan) ([]loss, error) {
	if err := s.prepare(ctx, p); err != nil {
		return nil, err
	}
	if clock.Since(s.planned) > plansKept {
		if _, err := s.exec(ctx, discardPlans); err != nil {
			return nil, err
		}
		s.planned = clock.Stopwatch()
	}
	pipe := s.conn.StartPipeline(ctx)
	pipe.SendQueryPrepared("BEGIN", nil, nil, nil)
	err := p.groups(func(from, to int) error {
		r := p.rows[from].row
		write := s.prepared[postgresWrite{r.table, r.read > 0}]
		pipe.SendQueryPrepared(write.name, s.arrays(p.rows[from:to], write), binaries, binaries)
		return nil
	})
	if err == nil {
		err = pipe.Sync()
	}
	var losses []loss
	if err == nil {
		losses, err = results(pipe, p)
	}
	return losses, errors.Join(err, pipe.Close())
}

// prepare makes the statements that the plan needs and the connection does not have.
func (s *postgresSession) prepare(ctx context.Context, p *plan) error {
	return p.groups(func(from, _ int) error {
		r := p.rows[from].row
		key := postgresWrite{r.table, r.read > 0}
		if s.prepared[key] != nil {
			return nil
		}
		write := &postgresStatement{name: fmt.Sprintf("w%d", len(s.prepared))}
		for _, c := range r.table.Columns {
			write.oids = append(write.oids, arrayOID[c.Kind])
		}
		if key.update {
			write.oids = append(write.oids, arrayOID[Int])
		}
		if _, err := s.conn.Prepare(ctx, write.name, postgresWriteSQL(key.table, key.update), write.oids); err != nil {
			return err
		}
		s.prepared[key] = write
		return nil
	})
}

func postgresWriteSQL(t *Table, update bool) string {
	names := t.names()
	arrays := make([]string, 0, len(names))
	for i := range t.Columns {
		arrays = append(arrays, fmt.Sprintf("$%d", i+1))
	}
	of := func(table string, names []string) string {
		return table + `."` + strings.Join(names, `", `+table+`."`) + `"`
	}
	columns := names[:len(t.Columns)]
	if !update {
		values := of("u", columns)
		if t.Versioned {
			values += ", 1"
		}
		return fmt.Sprintf(`INSERT INTO "%s" AS t (%s) SELECT %s FROM unnest(%s) AS u(%s) ON CONFLICT DO NOTHING RETURNING %s`,
			t.Name, quote(names), values, strings.Join(arrays, ", "), quote(columns), of("t", names[:t.Key]))
	}
	arrays = append(arrays, fmt.Sprintf("$%d", len(names)))
	sets := []string{`"version" = t."version" + 1`}
	for _, n := range columns[t.Key:] {
		sets = append(sets, fmt.Sprintf(`"%s" = u."%s"`, n, n))
	}
	where := []string{`t."version" = u."version"`}
	for _, n := range columns[:t.Key] {
		where = append(where, fmt.Sprintf(`t."%s" = u."%s"`, n, n))
	}
	return fmt.Sprintf(`UPDATE "%s" AS t SET %s FROM unnest(%s) AS u(%s) WHERE %s RETURNING %s`,
		t.Name, strings.Join(sets, ", "), strings.Join(arrays, ", "), quote(names), strings.Join(where, " AND "), of("t", names[:t.Key]))
}

// arrays encodes rows as PostgreSQL's binary arrays, one for each column.
func (s *postgresSession) arrays(rows []planned, write *postgresStatement) [][]byte {
	b := s.buffer[:0]
	ends := make([]int, 0, len(write.oids))
	t := rows[0].row.table
	for i := range t.Columns {
		b = appendArrayHeader(b, kindOID[t.Columns[i].Kind], t.Columns[i].Null, len(rows))
		for _, r := range rows {
			b = appendElement(b, r.row.values[i])
		}
		ends = append(ends, len(b))
	}
	if len(write.oids) > len(t.Columns) {
		b = appendArrayHeader(b, kindOID[Int], false, len(rows))
		for _, r := range rows {
			b = appendElement(b, r.row.read)
		}
		ends = append(ends, len(b))
	}
	s.buffer, s.params = b, s.params[:0]
	start := 0
	for _, end := range ends {
		s.params = append(s.params, b[start:end])
		start = end
	}
	return s.params
}

// appendArrayHeader is that of an array of one dimension whose first index is 1.
func appendArrayHeader(b []byte, oid uint32, nulls bool, n int) []byte {
	has := uint32(0)
	if nulls {
		has = 1
	}
	for _, word := range []uint32{1, has, oid, uint32(n), 1} {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	return b
}

func appendElement(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	case int64:
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(v))
	case []byte:
		return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	return binary.BigEndian.AppendUint32(b, 0xffffffff) // null
}

// results reads the answers of a pipeline and accounts for each row by its key.
func results(pipe *pgconn.Pipeline, p *plan) ([]loss, error) {
	if _, err := readKeys(pipe, nil); err != nil { // BEGIN
		return nil, err
	}
	var losses []loss
	var keys []byte
	err := p.groups(func(from, to int) error {
		var err error
		if keys, err = readKeys(pipe, keys[:0]); err != nil {
			return err
		}
		losses = missing(losses, p, from, to, keys)
		return nil
	})
	return losses, err
}

// readKeys reads the rows that one statement returned, each as a length and its columns in their wire form.
func readKeys(pipe *pgconn.Pipeline, keys []byte) ([]byte, error) {
	got, err := pipe.GetResults()
	if err != nil {
		return keys, err
	}
	reader, ok := got.(*pgconn.ResultReader)
	if !ok {
		return keys, fmt.Errorf("the server sent %T in place of a result", got)
	}
	for reader.NextRow() {
		start := len(keys)
		keys = append(keys, 0, 0, 0, 0)
		for _, v := range reader.Values() {
			keys = append(binary.BigEndian.AppendUint32(keys, uint32(len(v))), v...)
		}
		binary.BigEndian.PutUint32(keys[start:], uint32(len(keys)-start-4))
	}
	_, err = reader.Close()
	return keys, err
}

// missing appends the rows of a group that did not come back.
func missing(losses []loss, p *plan, from, to int, keys []byte) []loss {
	back, n := keys, 0
	for len(back) > 0 {
		back = back[4+binary.BigEndian.Uint32(back):]
		n++
	}
	if n == to-from {
		return losses
	}
	came := make(map[string]bool, n)
	for len(keys) > 0 {
		size := 4 + binary.BigEndian.Uint32(keys)
		came[string(keys[4:size])] = true
		keys = keys[size:]
	}
	var key []byte
	for i := from; i < to; i++ {
		r := p.rows[i].row
		key = key[:0]
		for _, v := range r.values[:r.table.Key] {
			key = appendElement(key, v)
		}
		if came[string(key)] {
			continue
		}
		l := loss{row: i, kind: fault.Exists}
		if r.read > 0 {
			l.kind = fault.Stale
		}
		losses = append(losses, l)
	}
	return losses
}

func (s *postgresSession) exec(ctx context.Context, text string, args ...any) (int64, error) {
	result := s.conn.ExecParams(ctx, text, wire(args), nil, binaries[:min(1, len(args))], nil).Read()
	return result.CommandTag.RowsAffected(), result.Err
}

// wire is arguments in binary form; the server infers their types.
func wire(args []any) [][]byte {
	out := make([][]byte, len(args))
	for i, v := range args {
		if v != nil {
			out[i] = appendElement(nil, v)[4:]
		}
	}
	return out
}

func (s *postgresSession) read(ctx context.Context, kinds []Kind, text string, args ...any) ([][]any, error) {
	result := s.conn.ExecParams(ctx, text, wire(args), nil, binaries[:min(1, len(args))], binaries).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	all := make([][]any, len(result.Rows))
	for i, raw := range result.Rows {
		row := make([]any, len(kinds))
		for j, v := range raw {
			if v == nil {
				continue
			}
			switch kinds[j] {
			case Text:
				row[j] = string(v)
			case Int:
				row[j] = int64(binary.BigEndian.Uint64(v))
			case Bytes:
				row[j] = v
			}
		}
		all[i] = row
	}
	return all, nil
}

func (s *postgresSession) probe(ctx context.Context, at int64) error {
	_, err := s.exec(ctx, "UPDATE florin_probe SET at = $1 WHERE id = 1", at)
	return err
}

func (s *postgresSession) close() {
	ctx, cancel := context.WithTimeout(context.Background(), connectTime)
	defer cancel()
	_ = s.conn.Close(ctx) // it says goodbye; whether the server hears it does not matter
}
