package db

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

// connection is the writer's connection, made if need be. After a failure it fails at once for a while, so that those
// who wait get their answer instead of each waiting for a timeout; the while is over once another writer has written.
func (w *writer) connection() (session, error) {
	if w.session != nil {
		return w.session, nil
	}
	if w.failed != nil && clock.Since(w.since) < pause && w.db.health.Load() != nil {
		return nil, w.failed
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTime)
	defer cancel()
	s, err := w.db.engine.connect(ctx)
	if err != nil {
		w.failed, w.since = fmt.Errorf("connect to the database: %w", err), clock.Stopwatch()
		return nil, w.failed
	}
	w.session, w.failed = s, nil
	return s, nil
}

// drop closes the connection; what its transaction did and was not committed is gone with it.
func (w *writer) drop() {
	if w.session != nil {
		w.session.close()
		w.session = nil
	}
}

// resolve finds out what became of Changes whose COMMIT went unanswered, by looking for their own rows. What landed is
// answered with success, what did not is written again.
//
// The server may still be at the old COMMIT when we look. Then writing again waits for it inside the database, on the
// rows' keys, and loses against it: so the Changes are marked, and looked for once more before one is told that it lost.
func (w *writer) resolve(batch []*pending, try int, reason error) {
	w.db.metrics.retries.WithLabelValues("commit_unanswered").Inc()
	var landed, missing []*pending
	for i, p := range batch {
		p.uncertain = true
		found, err := w.lookPatiently(p)
		if err != nil {
			w.broken(err)
			w.answer(append(missing, batch[i:]...), outcomeUnknown(reason))
			missing = nil
			break
		}
		switch found {
		case there:
			landed = append(landed, p)
		case absent:
			missing = append(missing, p)
		case unclear:
			w.answer([]*pending{p}, outcomeUnknown(reason))
		}
	}
	if len(landed) > 0 {
		w.answer(landed, nil)
	}
	if try >= maxRetries && len(missing) > 0 {
		w.answer(missing, outcomeUnknown(reason))
		return
	}
	w.write(missing, try+1)
}

// answerLoser answers one that lost, unless it lost against itself: its COMMIT went unanswered, and had succeeded.
func (w *writer) answerLoser(p *pending, err error) {
	if p.uncertain {
		found, failed := w.lookPatiently(p)
		switch {
		case failed != nil || found == unclear:
			err = outcomeUnknown(err)
		case found == there:
			err = nil
		}
	}
	w.answer([]*pending{p}, err)
}

// sighting is whether a Change was found in the database.
type sighting uint8

const (
	absent sighting = iota
	there
	unclear // it only updates rows, and all of them have moved on since
)

// lookPatiently looks for a Change until the database answers, within bounds.
func (w *writer) lookPatiently(p *pending) (sighting, error) {
	start := clock.Stopwatch()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		found, err := w.look(p)
		if err == nil || clock.Since(start) > patience {
			return found, err
		}
		w.sleep(wait)
	}
}

// look compares the rows of a Change with those that are stored. A Change lands whole, so one row of it that cannot
// have been written settles it; a row that others have updated since settles nothing.
func (w *writer) look(p *pending) (sighting, error) {
	s, err := w.connection()
	if err != nil {
		return unclear, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), statementTime)
	defer cancel()
	seen := unclear
	for i := range p.change.rows {
		r := &p.change.rows[i]
		stored, err := s.read(ctx, r.table.kinds(), r.table.Select()+" WHERE "+r.table.whereKey(), r.values[:r.table.Key]...)
		if err != nil {
			w.drop()
			return unclear, err
		}
		switch sight(r, stored) {
		case absent:
			return absent, nil
		case there:
			seen = there
		case unclear:
			if r.read == 0 {
				seen = there // updated since, but the key is there, and a Change that inserts made one of its own
			}
		}
	}
	return seen, nil
}

func sight(r *Row, stored [][]any) sighting {
	if len(stored) == 0 {
		if r.read > 0 {
			return unclear // pruned meanwhile
		}
		return absent
	}
	row := stored[0]
	if r.table.Versioned {
		version := row[len(row)-1].(int64)
		if version > r.read+1 {
			return unclear
		}
		if version < r.read+1 {
			return absent
		}
	}
	for i, v := range r.values {
		if !same(v, row[i]) {
			return absent
		}
	}
	return there
}

func same(a, b any) bool {
	if x, is := a.([]byte); is {
		y, is := b.([]byte)
		return is && bytes.Equal(x, y)
	}
	return a == b
}
