package main

import (
	"context"
	"errors"
	"fmt"
	"io"
)

type migrateCommand struct {
	Storage storage `embed:""`
}

func (migrateCommand) Help() string {
	return `Forward only, and safe to run again: what is applied already stays as it is. Without --vault-database (or --data) only the main
database is migrated.

Example:

    florin migrate --database postgres://florin@db/florin --vault-database postgres://vault@vaultdb/vault`
}

// Run brings the databases to the version that this binary knows.
func (m migrateCommand) Run(ctx context.Context, c *console) (err error) {
	where, err := m.Storage.resolve()
	if err != nil {
		return err
	}
	s := newStores(c.log, nil)
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.openMain(ctx, where); err != nil {
		return err
	}
	migrated := []string{"main"}
	if !where.VaultDatabase.Empty() {
		if err := s.openCards(ctx, where); err != nil {
			return err
		}
		migrated = append(migrated, "vault")
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	return c.print(map[string]any{"migrated": migrated}, func(w io.Writer) { fmt.Fprintln(w, "migrated:", migrated) })
}

// migrate brings the databases that are open to the version that this binary knows.
func (s *stores) migrate(ctx context.Context) error {
	if s.main != nil {
		if err := s.main.Migrate(ctx); err != nil {
			return fmt.Errorf("migrate the main database: %w", err)
		}
	}
	if s.card != nil {
		if err := s.card.Migrate(ctx); err != nil {
			return fmt.Errorf("migrate the vault database: %w", err)
		}
	}
	return nil
}
