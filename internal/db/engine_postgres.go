package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/florinpay/florin/internal/clock"
)

// postgresEngine reads by two pools; each writer has a connection of its own beside them.
type postgresEngine struct {
	config *pgconn.Config
	reader *pgxpool.Pool
	long   *pgxpool.Pool
}

func openPostgres(ctx context.Context, url, _ string, _ Options) (engine, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err // pgx leaves the password out of it
	}
	parameters := config.ConnConfig.RuntimeParams
	parameters["application_name"] = "florin"
	parameters["timezone"] = "UTC"
	parameters["idle_in_transaction_session_timeout"] = "10000" // a process that hangs must not keep its locks
	long := config.Copy()
	long.MinConns, long.MaxConns = 0, 4
	// Every write and every short read goes by key. While a table is small and not yet analyzed the planner would scan it, and keep
	// that plan when it has grown.
	for _, way := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin"} {
		parameters[way] = "off"
	}
	writer := config.ConnConfig.Config.Copy()
	// A row that somebody else holds fails its own Change, and not, by the batch's timeout, all of its neighbours.
	writer.RuntimeParams["lock_timeout"] = "500"
	config.PrepareConn = planAnew
	e := &postgresEngine{config: writer}
	if e.reader, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	if e.long, err = pgxpool.NewWithConfig(ctx, long); err != nil {
		e.reader.Close()
		return nil, err
	}
	return e, nil
}

// plansKept is how long the server may keep a plan. One that was made while a table was small reads all of it for every row, and
// would be kept until the table is next analyzed.
const plansKept = 2 * time.Second

const discardPlans = "DISCARD PLANS"

// planAnew has the server forget the plans of a connection that reads, when they are old. A connection that fails
// is broken: the pool gives out another.
func planAnew(ctx context.Context, conn *pgx.Conn) (bool, error) {
	const planned = "planned"
	kept := conn.PgConn().CustomData()
	if since, ok := kept[planned].(time.Time); !ok || clock.Since(since) > plansKept {
		if _, err := conn.PgConn().Exec(ctx, discardPlans).ReadAll(); err != nil {
			return false, nil
		}
		kept[planned] = clock.Stopwatch()
	}
	return true, nil
}

func (e *postgresEngine) name() string { return "postgres" }

func (e *postgresEngine) writers(asked int) int {
	if asked > 0 {
		return asked
	}
	return 2
}

func (e *postgresEngine) batch() int { return 64 }

func (e *postgresEngine) close() error {
	e.reader.Close()
	e.long.Close()
	return nil
}

func (e *postgresEngine) ping(ctx context.Context) error { return e.reader.Ping(ctx) }

func (e *postgresEngine) query(ctx context.Context, long bool, text string, args []any) (cursor, error) {
	pool := e.reader
	if long {
		pool = e.long
	}
	rows, err := pool.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	return postgresRows{rows}, nil
}

// postgresRows closes with an error like other cursors.
type postgresRows struct{ pgx.Rows }

func (r postgresRows) Close() error {
	r.Rows.Close()
	return r.Err()
}

// postgresCauses are the SQLSTATEs that mean something; by the whole code first, then by its class.
// See https://www.postgresql.org/docs/current/errcodes-appendix.html.
var postgresCauses = map[string]cause{
	"23505": causeTaken,
	"42P07": causeTaken, // duplicate_table: another process migrates, and made it between our look and our CREATE
	"42710": causeTaken, // duplicate_object: the same, of its row type
	"40001": causeAgain,
	"40P01": causeAgain,
	"55P03": causeAgain, // lock_not_available
	"25006": causeGone,  // read_only_sql_transaction: a standby now; another connection may find the primary
	"26000": causeGone,  // invalid_sql_statement_name: a pooler gave us another's connection
	"22":    causeRefused,
	"23":    causeRefused,
	"44":    causeRefused,
	"P0":    causeRefused, // raised by a trigger
	"08":    causeGone,
	"53":    causeUnavailable, // disk full, out of memory, too many connections
	"54":    causeRefused,
	"57":    causeUnavailable,
	"58":    causeUnavailable,
	"XX":    causeUnavailable,
}

func (e *postgresEngine) cause(err error) cause {
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		if err == nil || errors.Is(err, pgx.ErrNoRows) || isScanError(err) {
			return causeOther
		}
		return causeGone // the server said nothing
	}
	if s := said.SeverityUnlocalized; s == "FATAL" || s == "PANIC" {
		return causeGone
	}
	if c, known := postgresCauses[said.Code]; known {
		return c
	}
	return postgresCauses[said.Code[:min(2, len(said.Code))]]
}

func isScanError(err error) bool {
	var scan pgx.ScanArgError
	return errors.As(err, &scan)
}

var postgresTypes = map[string]string{"TEXT": `TEXT COLLATE "C"`, "BIGINT": "BIGINT", "BYTES": "BYTEA"}

func (e *postgresEngine) dialect(m statements) []string {
	out := make([]string, len(m.all))
	for i, s := range m.all {
		out[i] = s.render(postgresTypes)
	}
	return out
}

// guard refuses by triggers that fire whatever the session's replication role is, for the table's owner too. A row's age is
// told by the server's clock.
func (e *postgresEngine) guard(g guarded) []string {
	verbs := "UPDATE OR DELETE OR TRUNCATE"
	if g.days > 0 {
		verbs = "UPDATE OR TRUNCATE"
	}
	all := []string{
		`CREATE OR REPLACE FUNCTION florin_refuse() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$`,
		fmt.Sprintf(`DROP TRIGGER IF EXISTS florin_append_only ON %s`, g.table),
		fmt.Sprintf(`DROP TRIGGER IF EXISTS florin_too_young ON %s`, g.table),
		fmt.Sprintf(`CREATE TRIGGER florin_append_only BEFORE %s ON %s FOR EACH STATEMENT EXECUTE FUNCTION florin_refuse()`, verbs, g.table),
		fmt.Sprintf(`ALTER TABLE %s ENABLE ALWAYS TRIGGER florin_append_only`, g.table),
	}
	if g.days > 0 {
		all = append(all,
			fmt.Sprintf(`CREATE TRIGGER florin_too_young BEFORE DELETE ON %s FOR EACH ROW
				WHEN (OLD.created_at > (extract(epoch FROM clock_timestamp()) - %d) * 1000000) EXECUTE FUNCTION florin_refuse()`, g.table, g.days*secondsADay),
			fmt.Sprintf(`ALTER TABLE %s ENABLE ALWAYS TRIGGER florin_too_young`, g.table))
	}
	return all
}

// queue has the table vacuumed each time some thousand rows have changed. By default that waits for a fifth of the table, and
// until then whoever asks for the oldest row walks past all that were the oldest before.
func (e *postgresEngine) queue(table string) []string {
	return []string{fmt.Sprintf("ALTER TABLE %s SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)", table)}
}

func (e *postgresEngine) migrating(ctx context.Context, s session) error {
	for _, table := range bookTables {
		m, err := parseStatements(table)
		if err != nil {
			return err
		}
		// Outside the transaction: two processes that make it at once clash here, and one tries again.
		if _, err := s.exec(ctx, e.dialect(m)[0]); err != nil {
			return err
		}
	}
	if _, err := s.exec(ctx, "INSERT INTO florin_probe (id, at) VALUES (1, 0) ON CONFLICT DO NOTHING"); err != nil {
		return err
	}
	// Another process's migration may take its time.
	if _, err := s.exec(ctx, "SET lock_timeout = 0"); err != nil {
		return err
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	_, err := s.exec(ctx, "LOCK TABLE florin_migration IN EXCLUSIVE MODE")
	return err
}

func (e *postgresEngine) grant(table, role, rights string) ([]string, error) {
	to := pgx.Identifier{role}.Sanitize()
	return []string{
		fmt.Sprintf("REVOKE ALL ON %s FROM %s", table, to),
		fmt.Sprintf("GRANT %s ON %s TO %s", rights, strings.ToLower(table), to),
	}, nil
}
