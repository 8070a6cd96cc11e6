package db

import (
	"fmt"
	"slices"
)

// Change is all that one decision writes for one merchant: every row of it, or none.
type Change struct {
	merchant string
	rows     []Row
}

// NewChange begins a Change for one merchant (in one mode: test and live are two).
func NewChange(merchant string, rows ...Row) *Change {
	c := &Change{merchant: merchant}
	c.Add(rows...)
	return c
}

// Add puts rows into the Change. It panics on a row of another merchant.
func (c *Change) Add(rows ...Row) {
	for _, r := range rows {
		if r.values[0] != c.merchant {
			panic(fmt.Sprintf("db: a row of %s for %v in a Change for %s", r.table.Name, r.values[0], c.merchant))
		}
		c.rows = append(c.rows, r)
	}
}

// Merchant is whose Change it is.
func (c *Change) Merchant() string { return c.merchant }

// Len is how many rows it writes.
func (c *Change) Len() int { return len(c.rows) }

// Touches tells whether it writes to a table.
func (c *Change) Touches(t *Table) bool {
	return slices.ContainsFunc(c.rows, func(r Row) bool { return r.table == t })
}

// Rows is the values of its rows of one table, in the order in which they were added: for those who watch what lands. They
// are the Change's own: read them, and leave them as they are.
func (c *Change) Rows(t *Table) [][]any {
	var rows [][]any
	for _, r := range c.rows {
		if r.table == t {
			rows = append(rows, r.values)
		}
	}
	return rows
}
