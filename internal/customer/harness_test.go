package customer

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/seal"
)

const shop = "acct_shop:test"

// desk is a service over one engine, with a clock moved by hand.
type desk struct {
	*testing.T
	*Service
	now *clock.Manual
}

func each(t *testing.T, body func(d *desk)) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) { body(open(t, url)) })
	}
}

func open(t *testing.T, url string) *desk {
	t.Helper()
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	d := dbtest.Open(t, url, db.Options{Clock: now}, audit.Schema, Schema)
	dir := t.TempDir()
	wrapper, err := seal.FileWrapper(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.Open(t.Context(), wrapper, filepath.Join(dir, "keyset"))
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t, &Service{DB: d, Store: NewStore(d, box), Clock: now, IDs: id.NewSource(now, rand.Reader)}, now}
}

// alone adds nothing to a Change.
func alone(*db.Change, Object) error { return nil }

func ada() Person {
	return Person{
		Name: "Ada Lovelace", Email: "Ada@Shop.example", Phone: "+4930123456", Reference: "user-77", Metadata: map[string]string{"plan": "gold-plan"},
		Address: &Address{Line1: "Chausseestraße 1", City: "Berlin", PostalCode: "10115", Country: "DE"},
	}
}

// makes a customer and fails the test if that fails.
func (d *desk) makes(p Person) Object {
	d.Helper()
	o, err := d.Create(d.Context(), shop, p, alone)
	if err != nil {
		d.Fatal(err)
	}
	return o
}
