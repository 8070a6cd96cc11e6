package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"sync"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// sqliteEngine keeps rows in one file: one connection writes, a few read.
type sqliteEngine struct {
	uri    string
	reader *sql.DB
	long   *sql.DB

	mu       sync.RWMutex
	prepared map[statementOf]*sql.Stmt
}

// statementOf names a prepared read.
type statementOf struct {
	pool *sql.DB
	sql  string
}

// maxPrepared bounds the prepared reads: a list's filters make many texts, but not without end.
const maxPrepared = 512

// sqlitePragmas are the writer's settings. The writer itself makes checkpoints: a background one let the log outgrow
// the disk under load. recursive_triggers lets no REPLACE slip past the triggers of append-only tables.
//
// secure_delete overwrites what is deleted with zeros: what was erased is gone from the file as well, and not only from its tables. FAST
// would leave pages that become free as they are, and those are just what a sealed file or a long row is made of. What it costs is that
// such pages are written once more. The log has the old pages until a checkpoint is made and it is written over, or the file is closed.
//
// mode=rw: were the file taken away, a new and empty one in its place would be no help.
const sqlitePragmas = "?mode=rw&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)" +
	"&_pragma=wal_autocheckpoint(8000)&_pragma=journal_size_limit(67108864)&_pragma=recursive_triggers(1)&_pragma=secure_delete(1)" +
	"&_pragma=cache_size(-65536)&_pragma=temp_store(memory)&_dqs=0"

const sqliteReadPragmas = "?mode=ro&_pragma=busy_timeout(5000)&_pragma=query_only(1)&_pragma=cache_size(-16384)&_dqs=0"

func openSQLite(ctx context.Context, _, path string, _ Options) (engine, error) {
	if path == "" {
		return nil, errors.New("sqlite: want sqlite:PATH")
	}
	// The file is made here, because SQLite would make it readable for all; its log gets the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	e := &sqliteEngine{uri: "file:" + (&url.URL{Path: path}).EscapedPath(), prepared: map[statementOf]*sql.Stmt{}}
	s, err := e.connect(ctx) // brings the file into WAL mode, so that readers can open it
	if err != nil {
		return nil, err
	}
	s.close()
	if e.reader, err = e.pool(max(4, 2*runtime.GOMAXPROCS(0))); err != nil {
		return nil, err
	}
	if e.long, err = e.pool(4); err != nil {
		return nil, errors.Join(err, e.reader.Close())
	}
	return e, nil
}

func (e *sqliteEngine) pool(size int) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(e.uri + sqliteReadPragmas)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool, nil
}

func (e *sqliteEngine) name() string    { return "sqlite" }
func (e *sqliteEngine) writers(int) int { return 1 }

// batch is larger than PostgreSQL's: what costs here is the pages that a transaction touches, and Changes of many merchants,
// each at places of its own in every index, come to share some. See docs/performance.md.
func (e *sqliteEngine) batch() int { return 256 }

// close folds the log into the file, so that whoever copies the file of a stopped Florin has all of it. SQLite does that
// when the last connection that may write is closed, and no reader is left by then.
func (e *sqliteEngine) close() error {
	err := errors.Join(e.closePrepared(), e.reader.Close(), e.long.Close())
	s, failed := e.connect(context.Background())
	if failed != nil {
		return errors.Join(err, failed)
	}
	s.close()
	return err
}

func (e *sqliteEngine) closePrepared() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []error
	for _, s := range e.prepared {
		all = append(all, s.Close())
	}
	clear(e.prepared)
	return errors.Join(all...)
}

func (e *sqliteEngine) ping(ctx context.Context) error {
	var one int
	return e.reader.QueryRowContext(ctx, "SELECT 1 FROM florin_migration LIMIT 1").Scan(&one)
}

var parameter = regexp.MustCompile(`\$([0-9]+)`)

// query reads by a prepared statement. SQLite numbers its parameters ?1, and reads $1 as a name.
func (e *sqliteEngine) query(ctx context.Context, long bool, text string, args []any) (cursor, error) {
	key := statementOf{e.reader, text}
	if long {
		key.pool = e.long
	}
	e.mu.RLock()
	s, ok := e.prepared[key]
	full := len(e.prepared) >= maxPrepared
	e.mu.RUnlock()
	if ok {
		return sqlRows(s.QueryContext(ctx, args...))
	}
	numbered := parameter.ReplaceAllString(text, "?$1")
	if full {
		return sqlRows(key.pool.QueryContext(ctx, numbered, args...))
	}
	s, err := key.pool.PrepareContext(ctx, numbered)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	if first, raced := e.prepared[key]; raced {
		e.mu.Unlock()
		if err := s.Close(); err != nil {
			return nil, err
		}
		return sqlRows(first.QueryContext(ctx, args...))
	}
	e.prepared[key] = s
	e.mu.Unlock()
	return sqlRows(s.QueryContext(ctx, args...))
}

// sqlRows keeps a nil *sql.Rows from becoming a cursor that is not nil.
func sqlRows(rows *sql.Rows, err error) (cursor, error) {
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// sqliteCauses are the result codes that mean something; by the extended code first, then by the primary one.
var sqliteCauses = map[int]cause{
	lib.SQLITE_CONSTRAINT_UNIQUE:     causeTaken,
	lib.SQLITE_CONSTRAINT_PRIMARYKEY: causeTaken,
	lib.SQLITE_CONSTRAINT_ROWID:      causeTaken,
	lib.SQLITE_READONLY_DBMOVED:      causeGone,
	lib.SQLITE_CONSTRAINT:            causeRefused,
	lib.SQLITE_MISMATCH:              causeRefused,
	lib.SQLITE_TOOBIG:                causeRefused,
	lib.SQLITE_BUSY:                  causeAgain,
	lib.SQLITE_LOCKED:                causeAgain,
	lib.SQLITE_PROTOCOL:              causeAgain,
	lib.SQLITE_FULL:                  causeUnavailable,
	lib.SQLITE_READONLY:              causeUnavailable,
	lib.SQLITE_NOMEM:                 causeUnavailable,
	lib.SQLITE_PERM:                  causeUnavailable,
	lib.SQLITE_CANTOPEN:              causeUnavailable,
	lib.SQLITE_CORRUPT:               causeUnavailable,
	lib.SQLITE_NOTADB:                causeUnavailable,
	lib.SQLITE_INTERRUPT:             causeGone,
	lib.SQLITE_IOERR:                 causeGone, // what reached the disk is not known
}

func (e *sqliteEngine) cause(err error) cause {
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return causeGone
	}
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return causeOther
	}
	if c, known := sqliteCauses[failed.Code()]; known {
		return c
	}
	return sqliteCauses[failed.Code()&0xff]
}

var sqliteTypes = map[string]string{"TEXT": "TEXT", "BIGINT": "INTEGER", "BYTES": "BLOB"}

func (e *sqliteEngine) dialect(m statements) []string {
	var out []string
	for _, s := range m.all {
		text := s.render(sqliteTypes)
		if s.isTable() {
			text += " STRICT"
			if s.withoutRowid {
				text += ", WITHOUT ROWID"
			}
		}
		out = append(out, text)
	}
	return out
}

// guard refuses by triggers. A row's age is told by the machine's clock.
func (e *sqliteEngine) guard(g guarded) []string {
	var out []string
	for _, verb := range []string{"UPDATE", "DELETE"} {
		name, when := fmt.Sprintf("florin_append_only_%s_%s", g.table, verb), ""
		if verb == "DELETE" && g.days > 0 {
			when = fmt.Sprintf("WHEN OLD.created_at > (unixepoch() - %d) * 1000000 ", g.days*secondsADay)
		}
		out = append(out, "DROP TRIGGER IF EXISTS "+name,
			fmt.Sprintf("CREATE TRIGGER %s BEFORE %s ON %s %sBEGIN SELECT RAISE(ABORT, '%s is append-only'); END", name, verb, g.table, when, g.table))
	}
	return out
}

// queue is nothing: SQLite keeps no old versions in its indexes.
func (e *sqliteEngine) queue(string) []string { return nil }

func (e *sqliteEngine) migrating(ctx context.Context, s session) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	for _, table := range bookTables {
		m, err := parseStatements(table)
		if err != nil {
			return err
		}
		if _, err := s.exec(ctx, e.dialect(m)[0]); err != nil {
			return err
		}
	}
	return nil
}

func (e *sqliteEngine) grant(string, string, string) ([]string, error) {
	return nil, errors.New("sqlite has no roles")
}
