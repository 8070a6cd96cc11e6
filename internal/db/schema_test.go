package db_test

import (
	"context"
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/florinpay/florin/internal/db"
)

// The tests' tables: things that are updated, notes that hang on them, and entries that stay as they are.
var (
	things = &db.Table{Name: "thing", Key: 2, Versioned: true, Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text}, {Name: "id", Kind: db.Text}, {Name: "amount", Kind: db.Int},
		{Name: "slot", Kind: db.Text, Null: true}, {Name: "body", Kind: db.Bytes, Null: true}, {Name: "due_at", Kind: db.Int, Null: true}}}
	notes = &db.Table{Name: "note", Key: 3, Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text}, {Name: "thing_id", Kind: db.Text}, {Name: "number", Kind: db.Int}, {Name: "said", Kind: db.Text}}}
	entries = &db.Table{Name: "entry", Key: 2, Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text}, {Name: "id", Kind: db.Text}, {Name: "amount", Kind: db.Int}}}
)

const migrationSQL = `-- TEXT in a comment; and 'quotes'
CREATE TABLE thing (
	merchant_id TEXT NOT NULL, id TEXT NOT NULL, amount BIGINT NOT NULL CHECK (amount >= 0), slot TEXT, body BYTES, due_at BIGINT,
	version BIGINT NOT NULL, PRIMARY KEY (merchant_id, id));
CREATE UNIQUE INDEX thing_slot ON thing (merchant_id, slot) WHERE slot IS NOT NULL;
CREATE INDEX thing_due ON thing (due_at) WHERE due_at IS NOT NULL;
-- florin: without-rowid
CREATE TABLE note (merchant_id TEXT NOT NULL, thing_id TEXT NOT NULL, number BIGINT NOT NULL, said TEXT NOT NULL CHECK (said <> 'TEXT;'),
	PRIMARY KEY (merchant_id, thing_id, number), FOREIGN KEY (merchant_id, thing_id) REFERENCES thing (merchant_id, id));
-- florin: append-only entry
CREATE TABLE entry (merchant_id TEXT NOT NULL, id TEXT NOT NULL, amount BIGINT NOT NULL, PRIMARY KEY (merchant_id, id));
`

var schema = schemaOf("0001_first.sql", migrationSQL)

func schemaOf(files ...string) db.Schema {
	all := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		all["migrations/"+files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return db.Schema{Package: "test", Migrations: all, Tables: []*db.Table{things, notes, entries}}
}

// thing is a row of the tests.
type thing struct {
	merchant, id string
	amount       int64
	slot         string
	body         []byte
	due          time.Time
	version      int64
}

func (x thing) values() []any {
	v := []any{x.merchant, x.id, x.amount, nil, nil, db.MicrosOrNil(x.due)}
	if x.slot != "" {
		v[3] = x.slot
	}
	if x.body != nil {
		v[4] = x.body
	}
	return v
}

func (x thing) insert() db.Row { return things.Insert(x.values()...) }
func (x thing) update() db.Row { return things.Update(x.version, x.values()...) }

func scanThing(s db.Scanner) (thing, error) {
	var x thing
	var slot *string
	var due *int64
	err := s.Scan(&x.merchant, &x.id, &x.amount, &slot, &x.body, &due, &x.version)
	if slot != nil {
		x.slot = *slot
	}
	x.due = db.NullTime(due)
	return x, err
}

func getThing(t testing.TB, d *db.DB, merchant, id string) thing {
	t.Helper()
	x, err := db.Get(t.Context(), d, scanThing, things.Select()+" WHERE merchant_id = $1 AND id = $2", merchant, id)
	if err != nil {
		t.Fatalf("get %s %s: %v", merchant, id, err)
	}
	return x
}

func scanInt(s db.Scanner) (n int64, err error) { return n, s.Scan(&n) }

func count(t testing.TB, d *db.DB, table *db.Table) int64 {
	t.Helper()
	n, err := db.Get(context.WithoutCancel(t.Context()), d, scanInt, "SELECT count(*) FROM "+table.Name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func note(merchant, of string, number int64) db.Row {
	return notes.Insert(merchant, of, number, fmt.Sprintf("note %d", number))
}

// commits sends Changes at once and returns their outcomes in order.
func commits(ctx context.Context, d *db.DB, changes ...*db.Change) []error {
	type answer struct {
		i   int
		err error
	}
	answers := make(chan answer)
	for i, c := range changes {
		go func() { answers <- answer{i, d.Commit(ctx, c)} }()
	}
	out := make([]error, len(changes))
	for range changes {
		a := <-answers
		out[a.i] = a.err
	}
	return out
}
