package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
)

// recording is the two Changes of one real payment, told from the rows as they stood while the acquirer was being asked and as
// they stood after the answer. It is replayed with fresh ids, so that storage alone is measured with what payments really
// write, whatever that is in this version.
type recording struct {
	names   []name // what is different in each payment
	strokes [2][]stroke
}

// name is an id of the recorded payment, or a hash of it, that every replayed payment has its own of.
type name struct {
	text   string
	prefix id.Prefix // empty: as many random bytes
}

// stroke is one row of a Change.
type stroke struct {
	table *db.Table
	read  int64 // the version that is updated; 0 is an insert
	cells []cell
}

// cell is one value: fixed, or literal pieces with a name between each two.
type cell struct {
	fixed  any
	pieces []string
	names  []int
	bytes  bool
}

// idText finds ids: a prefix of words, and 26 characters.
var idText = regexp.MustCompile(`[a-z]+(?:_[a-z]+)*_[0-7][0-9a-hjkmnp-tv-z]{25}`)

// record compares a tenant's rows before and after a payment's answer. The tenant has made this one payment only.
func record(tenant string, before, after []savedRow) (*recording, error) {
	r := &recording{names: []name{{text: tenant}}}
	for _, row := range after {
		r.learn(row)
	}
	// The longest first: an id may stand inside another one.
	slices.SortStableFunc(r.names[1:], func(a, b name) int { return cmp.Compare(len(b.text), len(a.text)) })
	read := map[string]int64{}
	for _, row := range before {
		read[row.key()] = row.version
		r.strokes[0] = append(r.strokes[0], r.stroke(row, 0))
	}
	for _, row := range after {
		version, there := read[row.key()]
		switch {
		case !there:
			r.strokes[1] = append(r.strokes[1], r.stroke(row, 0))
		case row.version > version:
			r.strokes[1] = append(r.strokes[1], r.stroke(row, version))
		}
	}
	if len(r.strokes[0]) == 0 || len(r.strokes[1]) == 0 {
		return nil, fmt.Errorf("record a payment: its Changes have %d and %d rows", len(r.strokes[0]), len(r.strokes[1]))
	}
	return r, nil
}

func (s savedRow) key() string { return fmt.Sprint(s.table.Name, s.values[:s.table.Key]) }

// learn notes the ids in a row, and the hashes that are part of its key.
func (r *recording) learn(row savedRow) {
	for i, v := range row.values {
		text, isText := v.(string)
		if raw, ok := v.([]byte); ok {
			if text = string(raw); i < row.table.Key {
				r.add(name{text: text})
				continue
			}
		} else if !isText {
			continue
		}
		for _, found := range idText.FindAllString(text, -1) {
			r.add(name{text: found, prefix: id.Prefix(found[:len(found)-27])})
		}
	}
}

func (r *recording) add(n name) {
	// A card is used for many payments, so its token stays the same.
	if n.prefix != id.Token && !slices.ContainsFunc(r.names, func(old name) bool { return old.text == n.text }) {
		r.names = append(r.names, n)
	}
}

func (r *recording) stroke(row savedRow, read int64) stroke {
	s := stroke{table: row.table, read: read}
	for _, v := range row.values {
		switch v := v.(type) {
		case string:
			s.cells = append(s.cells, r.cell(v, v, false))
		case []byte:
			s.cells = append(s.cells, r.cell(v, string(v), true))
		default:
			s.cells = append(s.cells, cell{fixed: v})
		}
	}
	return s
}

func (r *recording) cell(fixed any, text string, bytes bool) cell {
	c := cell{bytes: bytes}
	for {
		at, which := len(text), -1
		for i, n := range r.names {
			if found := strings.Index(text, n.text); found >= 0 && found < at {
				at, which = found, i
			}
		}
		c.pieces = append(c.pieces, text[:at])
		if which < 0 {
			break
		}
		c.names = append(c.names, which)
		text = text[at+len(r.names[which].text):]
	}
	if len(c.names) == 0 {
		return cell{fixed: fixed}
	}
	return c
}

// changes makes the two Changes of another payment of a tenant.
func (r *recording) changes(tenant string, ids *id.Source) ([2]*db.Change, error) {
	fresh := make([]string, len(r.names))
	fresh[0] = tenant
	for i, n := range r.names[1:] {
		if n.prefix != "" {
			fresh[i+1] = ids.New(n.prefix)
			continue
		}
		raw := make([]byte, len(n.text))
		if _, err := rand.Read(raw); err != nil {
			return [2]*db.Change{}, fmt.Errorf("draw a key: %w", err)
		}
		fresh[i+1] = string(raw)
	}
	var both [2]*db.Change
	for i, strokes := range r.strokes {
		both[i] = db.NewChange(tenant)
		for _, s := range strokes {
			both[i].Add(s.row(fresh))
		}
	}
	return both, nil
}

func (s stroke) row(fresh []string) db.Row {
	values := make([]any, len(s.cells))
	for i, c := range s.cells {
		values[i] = c.value(fresh)
	}
	if s.read == 0 {
		return s.table.Insert(values...)
	}
	return s.table.Update(s.read, values...)
}

func (c cell) value(fresh []string) any {
	if len(c.names) == 0 {
		return c.fixed
	}
	var text []byte
	for i, piece := range c.pieces {
		text = append(text, piece...)
		if i < len(c.names) {
			text = append(text, fresh[c.names[i]]...)
		}
	}
	if c.bytes {
		return text
	}
	return string(text)
}

// size is how many rows the two Changes of a payment have, and how many bytes their values are.
func (r *recording) size() (rows [2]int, bytes int) {
	for i, strokes := range r.strokes {
		rows[i] = len(strokes)
		for _, s := range strokes {
			for _, c := range s.cells {
				bytes += c.size(r.names)
			}
		}
	}
	return rows, bytes
}

func (c cell) size(names []name) int {
	switch v := c.fixed.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	case int64:
		return 8
	}
	n := 0
	for _, piece := range c.pieces {
		n += len(piece)
	}
	for _, i := range c.names {
		n += len(names[i].text)
	}
	return n
}
