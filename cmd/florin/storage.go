package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/dispute"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/inbound"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/obs"
	"github.com/florinpay/florin/internal/order"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/payout"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/recon"
	"github.com/florinpay/florin/internal/risk"
	"github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/seal"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

// mainSchemas are the tables of the main database, lower floors first. Card data has a database of its own.
var mainSchemas = []db.Schema{
	audit.Schema, merchant.Schema, customer.Schema, event.Schema, ledger.Schema, idempotency.Schema,
	provider.Schema, risk.Schema, routing.Schema, health.Schema, control.Schema, payment.Schema, dispute.Schema, access.Schema, inbound.Schema, payout.Schema, order.Schema, recon.Schema,
}

// storage says where a command finds the books, the card data and the keys that seal them.
type storage struct {
	Data          string      `help:"Data directory of florin: SQLite databases and keys. What follows is taken from it unless given." placeholder:"DIR"`
	Database      secret.Text `help:"Main database: postgres://… or sqlite:PATH." placeholder:"URL"`
	VaultDatabase secret.Text `help:"Database of the card data: postgres://… or sqlite:PATH. Never the main one." placeholder:"URL"`
	KeyDir        string      `help:"Directory of the key files main.key and vault.key." placeholder:"DIR" name:"keys"`
	MakeKeys      bool        `help:"Make key files that are missing: at the very first start, and never later. What a lost key had sealed stays sealed."`
}

// resolve fills in what the data directory decides. Reading a directory that is not Florin's is refused here.
func (s storage) resolve() (storage, error) {
	if s.Data == "" {
		return s, nil
	}
	dir := dataDir(s.Data)
	if err := dir.check(); err != nil {
		return s, err
	}
	if s.Database.Empty() {
		s.Database = secret.New(dir.main())
		if s.VaultDatabase.Empty() { // beside a main database elsewhere, card data in a local file would be a surprise
			s.VaultDatabase = secret.New(dir.vault())
		}
	}
	if s.KeyDir == "" {
		s.KeyDir = dir.keys()
	}
	return s, nil
}

// stores is what a command opened; each part only if it was asked for.
type stores struct {
	clock clock.Clock
	ids   *id.Source
	log   *slog.Logger

	main     *db.DB
	mainBox  *seal.Box
	card     *db.DB
	cardBox  *seal.Box
	metrics  prometheus.Registerer // nil: nobody counts
	released []func() error
}

func newStores(log *slog.Logger, metrics prometheus.Registerer) *stores {
	return &stores{clock: clock.System{}, ids: id.System(), log: log, metrics: metrics}
}

func (s *stores) openMain(ctx context.Context, where storage) (err error) {
	if where.Database.Empty() {
		return usagef("--database or --data is needed: where is the main database?")
	}
	s.main, err = s.open(ctx, "main", where.Database, mainSchemas...)
	return err
}

func (s *stores) openCards(ctx context.Context, where storage) (err error) {
	if where.VaultDatabase.Empty() {
		return usagef("--vault-database or --data is needed: where is the card data?")
	}
	if where.VaultDatabase.Equal(where.Database) {
		return usagef("--vault-database must not be the main database: card data lives apart")
	}
	s.card, err = s.open(ctx, "vault", where.VaultDatabase, vault.Schema)
	return err
}

func (s *stores) open(ctx context.Context, name string, url secret.Text, schemas ...db.Schema) (*db.DB, error) {
	metrics := s.metrics
	if metrics != nil {
		metrics = prometheus.WrapRegistererWith(prometheus.Labels{"database": name}, metrics)
	}
	d, err := db.Open(ctx, url.Reveal(), db.Options{Clock: s.clock, Logger: s.log.With("database", name), Metrics: metrics}, schemas...)
	if err != nil {
		return nil, fmt.Errorf("open the %s database: %w", name, err)
	}
	s.released = append(s.released, d.Close)
	return d, nil
}

// openMainBox opens the key that seals credentials and webhook secrets.
func (s *stores) openMainBox(ctx context.Context, where storage) (err error) {
	s.mainBox, err = openBox(ctx, where, "main")
	return err
}

// openCardBox opens the key that seals card numbers. It is another key than the main one.
func (s *stores) openCardBox(ctx context.Context, where storage) (err error) {
	s.cardBox, err = openBox(ctx, where, "vault")
	return err
}

func openBox(ctx context.Context, where storage, name string) (*seal.Box, error) {
	if where.KeyDir == "" {
		return nil, usagef("--keys or --data is needed: where is %s.key?", name)
	}
	if !where.MakeKeys {
		for _, file := range []string{name + ".key", name + ".keyset"} {
			if _, err := os.Stat(filepath.Join(where.KeyDir, file)); errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("%s is missing in %s: --make-keys makes it, at the very first start", file, where.KeyDir)
			}
		}
	} else if err := os.MkdirAll(where.KeyDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the keys: %w", err)
	}
	wrapper, err := seal.FileWrapper(filepath.Join(where.KeyDir, name+".key"))
	if err != nil {
		return nil, fmt.Errorf("open the %s key: %w", name, err)
	}
	box, err := seal.Open(ctx, wrapper, filepath.Join(where.KeyDir, name+".keyset"))
	if err != nil {
		return nil, fmt.Errorf("open the %s keyset: %w", name, err)
	}
	return box, nil
}

// keyChecks is what must be true of the keys that are open: each is the one that its database was sealed with. A database
// takes the first key that it meets for its own.
func (s *stores) keyChecks() []obs.Check {
	var checks []obs.Check
	for _, of := range []struct {
		name string
		db   *db.DB
		box  *seal.Box
	}{{"main key", s.main, s.mainBox}, {"vault key", s.card, s.cardBox}} {
		if of.db != nil && of.box != nil {
			checks = append(checks, obs.Check{Name: of.name, Try: func(ctx context.Context) error {
				return of.db.Pin(ctx, "keyset", of.box.Check())
			}})
		}
	}
	return checks
}

// checkKeys is nil if every key that is open fits its database.
func (s *stores) checkKeys(ctx context.Context) error {
	for _, check := range s.keyChecks() {
		if err := check.Try(ctx); err != nil {
			return fmt.Errorf("%s: %w", check.Name, err)
		}
	}
	return nil
}

// close closes what was opened, last first: each database writes what still waits.
func (s *stores) close() error {
	var wrong []error
	for i := len(s.released) - 1; i >= 0; i-- {
		wrong = append(wrong, s.released[i]())
	}
	s.released = nil
	return errors.Join(wrong...)
}

// withMain opens the main database for a command that works on it alone, and closes it behind.
func withMain(ctx context.Context, c *console, where storage, do func(s *stores, where storage) error) (err error) {
	if where, err = where.resolve(); err != nil {
		return err
	}
	s := newStores(c.log, nil)
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.openMain(ctx, where); err != nil {
		return err
	}
	return do(s, where)
}
