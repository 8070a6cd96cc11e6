package db

import (
	"context"
	"fmt"

	"github.com/florinpay/florin/internal/fault"
)

const pinSelect = "SELECT value FROM florin_pin WHERE name = $1"

// Pin remembers a value under a name, the first time, and from then on takes that value only: with another it fails with
// fault.Conflict. It ties a database to what belongs to it and is kept elsewhere, such as the key that sealed its rows.
func (d *DB) Pin(ctx context.Context, name, value string) error {
	if kept, ok := d.pins.Load(name); ok && kept == value {
		return nil
	}
	kept, err := d.pinned(ctx, name)
	if fault.Is(err, fault.NotFound) {
		err = d.job(ctx, func(ctx context.Context, s session) error {
			_, err := s.exec(ctx, "INSERT INTO florin_pin (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, value)
			return err
		})
		if err == nil {
			kept, err = d.pinned(ctx, name) // another process may have been first
		}
	}
	if err != nil {
		return fmt.Errorf("pin %s: %w", name, err)
	}
	if kept != value {
		return fault.State("this database belongs to another " + name)
	}
	d.pins.Store(name, value)
	return nil
}

func (d *DB) pinned(ctx context.Context, name string) (string, error) {
	return Get(ctx, d, func(r Scanner) (string, error) {
		var value string
		return value, r.Scan(&value)
	}, pinSelect, name)
}
