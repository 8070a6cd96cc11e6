package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/florinpay/florin/internal/db/pgprivate"
	"github.com/florinpay/florin/internal/secret"
)

// benchBase is where a benchmark keeps its rows.
type benchBase struct {
	where   storage
	storage secret.Text // for storage alone
}

// databases makes a directory for this run and, for PostgreSQL, private servers; remove takes all of it away again.
func (b benchCommand) databases(ctx context.Context) (base benchBase, remove func() error, err error) {
	parent, err := filepath.Abs(b.Dir)
	if err != nil {
		return base, nil, fmt.Errorf("find --dir: %w", err)
	}
	var undo []func() error
	remove = func() error {
		var wrong []error
		for i := len(undo) - 1; i >= 0; i-- {
			wrong = append(wrong, undo[i]())
		}
		return errors.Join(wrong...)
	}
	folder := func() (string, error) {
		dir, err := os.MkdirTemp(parent, "florin-bench-")
		if err == nil {
			undo = append(undo, func() error { return os.RemoveAll(dir) })
		}
		return dir, err
	}
	data, err := folder()
	if err == nil {
		err = dataDir(data).fill()
	}
	if err != nil {
		return base, nil, errors.Join(fmt.Errorf("make a directory for the benchmark: %w", err), remove())
	}
	dir := dataDir(data)
	base.where = storage{Data: data, Database: secret.New(dir.main()), VaultDatabase: secret.New(dir.vault()), KeyDir: dir.keys(), MakeKeys: true}
	base.storage = secret.New("sqlite:" + dir.at("storage.db"))
	if b.Engine != "postgres" {
		return base, remove, nil
	}
	if !b.Database.Empty() {
		base.where.Database, base.storage = b.Database, b.Database
		return base, remove, nil
	}
	// The servers are reached by whoever runs them, so they lie beside the data, not in it. Card data has one of its own.
	for _, url := range []*secret.Text{&base.where.Database, &base.where.VaultDatabase} {
		home, err := folder()
		if err != nil {
			return base, nil, errors.Join(fmt.Errorf("make a directory for PostgreSQL: %w", err), remove())
		}
		address, stop, err := pgprivate.Start(ctx, home)
		if err != nil {
			return base, nil, errors.Join(fmt.Errorf("start a private PostgreSQL: %w", err), remove())
		}
		undo = append(undo, stop)
		*url = secret.New(address)
	}
	base.storage = base.where.Database
	return base, remove, nil
}
