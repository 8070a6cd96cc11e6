package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/florinpay/florin/internal/db"
)

type migrateCommand struct {
	Storage storage `embed:""`
	Grant   string  `help:"PostgreSQL role that florin serve shall run as: it gets what it needs, and may not change what is append-only." placeholder:"ROLE"`
}

func (migrateCommand) Help() string {
	return `Forward only, and safe to run again: what is applied already stays as it is. Without --vault-database (or --data) only the main
database is migrated. --make-keys makes the key files of those that are.

Example:

    florin migrate --database postgres://owner@db/florin --vault-database postgres://owner@vaultdb/vault --grant florin`
}

// Run brings the databases to the version that this binary knows.
func (m migrateCommand) Run(ctx context.Context, c *console) error {
	return withMain(ctx, c, m.Storage, func(s *stores, where storage) error {
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
		if err := s.firstKeys(ctx, where); err != nil {
			return err
		}
		if m.Grant != "" {
			if err := s.grant(ctx, m.Grant); err != nil {
				return err
			}
		}
		return c.print(map[string]any{"migrated": migrated}, func(w io.Writer) { fmt.Fprintln(w, "migrated:", strings.Join(migrated, ", ")) })
	})
}

// firstKeys makes the keys of the databases that are open, if it is asked for: florin serve opens one for each.
func (s *stores) firstKeys(ctx context.Context, where storage) error {
	if !where.MakeKeys {
		return nil
	}
	if err := s.openMainBox(ctx, where); err != nil || s.card == nil {
		return err
	}
	return s.openCardBox(ctx, where)
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

// grant gives a role of PostgreSQL what a running florin needs in the databases that are open.
func (s *stores) grant(ctx context.Context, role string) error {
	for _, d := range []*db.DB{s.main, s.card} {
		if d == nil {
			continue
		}
		if err := d.Grant(ctx, role); err != nil {
			return fmt.Errorf("grant to %s: %w", role, err)
		}
	}
	return nil
}
