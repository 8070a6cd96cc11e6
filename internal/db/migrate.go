package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// migration is one file.
type migration struct {
	pkg    string
	number int64
	name   string // the file's
	hash   string // of the file's bytes, hexadecimal
	text   string
}

// ErrMigration is in the chain of errors about migrations that do not fit: a file changed after it was applied, or the
// database is ahead of this program.
var ErrMigration = errors.New("the migrations of the database do not fit this program")

var migrationName = regexp.MustCompile(`^([0-9]{4})_[a-z0-9_]+\.sql$`)

// bookkeeping of migrations. It belongs to no tenant.
const (
	bookSelect = "SELECT package, number, hash FROM florin_migration ORDER BY package, number"
	bookInsert = "INSERT INTO florin_migration (package, number, name, hash, applied_at) VALUES ($1, $2, $3, $4, $5)"
)

// bookTables are made by each Migrate that does not find them.
var bookTables = []string{
	`CREATE TABLE IF NOT EXISTS florin_migration (
		package TEXT NOT NULL, number BIGINT NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL, applied_at BIGINT NOT NULL,
		PRIMARY KEY (package, number))`,
	`CREATE TABLE IF NOT EXISTS florin_probe (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, space BYTES)`,
	`CREATE TABLE IF NOT EXISTS florin_pin (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)`,
}

// Migrate applies what is missing of the schemas' migrations, all in one transaction. It fails with ErrMigration, and
// changes nothing, if a file has changed since it was applied or the database has one that this program does not know.
// Several processes may migrate at once.
func (d *DB) Migrate(ctx context.Context) error {
	files, err := d.migrations()
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if d.checkMigrated(ctx) == nil {
		return nil // found by reading alone: a role that may not create tables gets this far
	}
	for try := 0; ; try++ {
		err := d.migrate(ctx, files)
		if err == nil {
			d.migrated.Store(true)
			return nil
		}
		c := d.engine.cause(err)
		if (c != causeAgain && c != causeTaken) || try >= maxRetries {
			return fmt.Errorf("migrate: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("migrate: %w", errors.Join(ctx.Err(), err))
		case <-time.After(50 * time.Millisecond << try):
		}
	}
}

func (d *DB) migrate(ctx context.Context, files []migration) error {
	s, err := d.engine.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := d.engine.migrating(ctx, s); err != nil {
		return err
	}
	applied, err := readBook(ctx, s)
	if err != nil {
		return err
	}
	missing, err := compare(files, applied)
	if err != nil {
		return err
	}
	for _, m := range missing {
		if err := d.applyMigration(ctx, s, m); err != nil {
			return fmt.Errorf("%s/%s: %w", m.pkg, m.name, err)
		}
	}
	return s.commit(ctx)
}

func (d *DB) applyMigration(ctx context.Context, s session, m migration) error {
	parsed, err := parseStatements(m.text)
	if err != nil {
		return err
	}
	all := d.engine.dialect(parsed)
	for _, table := range parsed.queues {
		all = append(all, d.engine.queue(table)...)
	}
	for _, g := range parsed.guarded {
		all = append(all, d.engine.guard(g)...)
	}
	for _, sql := range all {
		if _, err := s.exec(ctx, sql); err != nil {
			return err
		}
	}
	_, err = s.exec(ctx, bookInsert, m.pkg, m.number, m.name, m.hash, Micros(d.clock.Now()))
	return err
}

// booked names an applied migration.
type booked struct {
	pkg    string
	number int64
}

func readBook(ctx context.Context, s session) (map[booked]string, error) {
	rows, err := s.read(ctx, []Kind{Text, Int, Text}, bookSelect)
	if err != nil {
		return nil, err
	}
	applied := make(map[booked]string, len(rows))
	for _, r := range rows {
		applied[booked{r[0].(string), r[1].(int64)}] = r[2].(string)
	}
	return applied, nil
}

// compare tells what is missing. Packages that this program does not have are none of its business: another zone's.
func compare(files []migration, applied map[booked]string) ([]migration, error) {
	var missing []migration
	newest := map[string]int64{}
	ours := map[string]int64{}
	for b := range applied {
		newest[b.pkg] = max(newest[b.pkg], b.number)
	}
	for _, m := range files {
		ours[m.pkg] = m.number
		hash, done := applied[booked{m.pkg, m.number}]
		switch {
		case done && hash != m.hash:
			return nil, fmt.Errorf("%w: %s/%s was changed after it was applied", ErrMigration, m.pkg, m.name)
		case !done && m.number < newest[m.pkg]:
			return nil, fmt.Errorf("%w: %s/%s comes too late, number %d is applied", ErrMigration, m.pkg, m.name, newest[m.pkg])
		case !done:
			missing = append(missing, m)
		}
	}
	for pkg, last := range ours {
		if newest[pkg] > last {
			return nil, fmt.Errorf("%w: the database has migration %d of %s, this program knows %d", ErrMigration, newest[pkg], pkg, last)
		}
	}
	return missing, nil
}

// migrations reads the files of all schemas, in their order.
func (d *DB) migrations() ([]migration, error) {
	var all []migration
	for _, s := range d.schemas {
		files, err := s.files()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Package, err)
		}
		all = append(all, files...)
	}
	return all, nil
}

func (s Schema) files() ([]migration, error) {
	if s.Migrations == nil {
		return nil, nil
	}
	entries, err := fs.ReadDir(s.Migrations, "migrations")
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, e := range entries {
		parts := migrationName.FindStringSubmatch(e.Name())
		if parts == nil {
			return nil, fmt.Errorf("%q is not named NNNN_name.sql", e.Name())
		}
		text, err := fs.ReadFile(s.Migrations, path.Join("migrations", e.Name()))
		if err != nil {
			return nil, err
		}
		number, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		all = append(all, migration{s.Package, number, e.Name(), hex.EncodeToString(sum[:]), string(text)})
	}
	slices.SortFunc(all, func(a, b migration) int { return int(a.number - b.number) })
	for i := 1; i < len(all); i++ {
		if all[i].number == all[i-1].number {
			return nil, fmt.Errorf("two migrations have number %d", all[i].number)
		}
	}
	return all, nil
}

// checkMigrated is nil if all migrations are applied. Once they were, it does not ask again: a newer program may
// migrate on while this one still serves.
func (d *DB) checkMigrated(ctx context.Context) error {
	if d.migrated.Load() {
		return nil
	}
	files, err := d.migrations()
	if err != nil {
		return err
	}
	applied := map[booked]string{}
	err = d.each(ctx, false, bookSelect, nil, func(row Scanner) (bool, error) {
		var b booked
		var hash string
		err := row.Scan(&b.pkg, &b.number, &hash)
		applied[b] = hash
		return true, err
	})
	if err != nil {
		return fmt.Errorf("read the applied migrations: %w", err)
	}
	missing, err := compare(files, applied)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: %d are missing, the first is %s/%s", ErrMigration, len(missing), missing[0].pkg, missing[0].name)
	}
	d.migrated.Store(true)
	return nil
}
