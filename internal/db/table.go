package db

import (
	"fmt"

	"github.com/florinpay/florin/internal/id"
)

// Kind is how a column is stored. Times are Int (unix microseconds, see Micros), booleans are Int (0 or 1).
type Kind uint8

// The kinds of column.
const (
	Text  Kind = iota // string
	Int               // int64
	Bytes             // []byte
)

// Column is one column of a table.
type Column struct {
	Name string
	Kind Kind
	Null bool // nil is allowed as its value
}

// Table describes a table once: statements of every engine are made from it.
//
// The first Key columns are the primary key, and the first of them is merchant_id. A Versioned table has one more
// column behind Columns, a BIGINT named version, that Insert sets to 1 and Update raises by one.
type Table struct {
	Name      string
	Columns   []Column
	Key       int
	Versioned bool
	IDs       id.Prefix // of the column id, where the table is listed by pages
}

// Row is one write: an insert, or a compare-and-set update. Its values are in the order of the table's columns.
type Row struct {
	table  *Table
	values []any
	read   int64 // the version that was read; 0 is an insert
}

// Insert is a row that must not exist yet: committing it fails with fault.Exists if its key, or another unique
// constraint of the table, is taken.
func (t *Table) Insert(values ...any) Row {
	t.check(values)
	return Row{table: t, values: values}
}

// Update replaces every column behind the key of a row that still has the version that was read. Committing it fails
// with fault.Stale if it has not.
func (t *Table) Update(read int64, values ...any) Row {
	t.check(values)
	if !t.Versioned || read < 1 {
		panic(fmt.Sprintf("db: update of %s without a version that was read", t.Name))
	}
	return Row{table: t, values: values, read: read}
}

// Write is an insert for a row that was never read, whose version is 0 then, else an update.
func (t *Table) Write(read int64, values ...any) Row {
	if read == 0 {
		return t.Insert(values...)
	}
	return t.Update(read, values...)
}

// check panics on a row that does not have its table's shape: that is a mistake in a store, not in its input.
func (t *Table) check(values []any) {
	if len(values) != len(t.Columns) {
		panic(fmt.Sprintf("db: %s has %d columns, the row %d", t.Name, len(t.Columns), len(values)))
	}
	for i, v := range values {
		ok := false
		switch t.Columns[i].Kind {
		case Text:
			_, ok = v.(string)
		case Int:
			_, ok = v.(int64)
		case Bytes:
			b, is := v.([]byte)
			ok = is && b != nil
		}
		if !ok && (v != nil || !t.Columns[i].Null) {
			panic(fmt.Sprintf("db: %s.%s cannot hold a %T", t.Name, t.Columns[i].Name, v))
		}
	}
}
