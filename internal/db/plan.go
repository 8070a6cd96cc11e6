package db

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/fault"
)

// plan is the rows of a batch in the order of writing: updates before inserts, tables parents first, rows by key. All
// writers keep to one order, so they do not deadlock on rows.
type plan struct {
	batch []*pending
	rows  []planned
}

type planned struct {
	row   *Row
	key   string
	owner int // index into batch
}

// loss is a row of a plan that did not apply.
type loss struct {
	row  int // index into plan.rows
	kind fault.Kind
	err  error // what the engine said, if it was not a lost compare-and-set or a duplicate
}

func newPlan(batch []*pending) *plan {
	n := 0
	for _, p := range batch {
		n += len(p.keys)
	}
	p := &plan{batch: batch, rows: make([]planned, 0, n)}
	for owner, one := range batch {
		for i := range one.change.rows {
			p.rows = append(p.rows, planned{&one.change.rows[i], one.keys[i], owner})
		}
	}
	slices.SortFunc(p.rows, func(a, b planned) int {
		if u, v := a.row.read > 0, b.row.read > 0; u != v {
			if u {
				return -1
			}
			return 1
		}
		return strings.Compare(a.key, b.key)
	})
	return p
}

// groups calls do with each stretch of rows that are of one table and all updates or all inserts.
func (p *plan) groups(do func(from, to int) error) error {
	for from := 0; from < len(p.rows); {
		first, to := p.rows[from].row, from+1
		for to < len(p.rows) && p.rows[to].row.table == first.table && (p.rows[to].row.read > 0) == (first.read > 0) {
			to++
		}
		if err := do(from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// keys checks a Change and names its rows. It refuses text that an engine cannot hold, so that both engines refuse
// the same.
func (d *DB) keys(c *Change) ([]string, error) {
	keys := make([]string, len(c.rows))
	var buffer []byte
	for i := range c.rows {
		r := &c.rows[i]
		rank, known := d.rank[r.table]
		if !known {
			return nil, fmt.Errorf("commit: table %s is not of this database", r.table.Name)
		}
		for j, v := range r.values {
			if s, is := v.(string); is && (strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s)) {
				name := r.table.Columns[j].Name
				return nil, fmt.Errorf("commit: %s: %w", r.table.Name, fault.Wrong(name, fault.CodeInvalid, "is not text"))
			}
		}
		buffer = appendKey(binary.BigEndian.AppendUint16(buffer[:0], rank), r.values[:r.table.Key])
		keys[i] = string(buffer)
		for _, before := range keys[:i] {
			if before == keys[i] {
				return nil, fmt.Errorf("commit: two rows of one change have the same key in %s", r.table.Name)
			}
		}
	}
	return keys, nil
}

// appendKey appends the values of a key so that different keys differ and text sorts as the engines sort it.
func appendKey(b []byte, values []any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case string:
			b = append(append(b, v...), 0)
		case int64:
			b = binary.BigEndian.AppendUint64(b, uint64(v)^(1<<63))
		case []byte:
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
		}
	}
	return b
}
