package db

import (
	"errors"
	"fmt"
	"slices"

	"github.com/florinpay/florin/internal/fault"
)

// settle answers the losers of a plan and writes the others again.
//
// An insert can have lost against a row of another loser, which is not there after all. Such a Change is tried again:
// with the winners, or, where only such are left, alone. An insert that lost against a winner is told so once the winner has landed:
// whoever hears that a row exists can read it.
func (w *writer) settle(p *plan, losses []loss, try int) {
	verdict := w.judge(p, losses)
	var rest, suspects, second []*pending
	var why []error
	certain := 0
	for i, one := range p.batch {
		switch {
		case verdict[i] == nil:
			rest = append(rest, one)
		case verdict[i].suspect:
			suspects = append(suspects, one)
		case verdict[i].exists:
			second, why = append(second, one), append(why, verdict[i].err)
		default:
			certain++
			w.answerLoser(one, verdict[i].err)
		}
	}
	if certain+len(second) > 0 {
		rest = append(rest, suspects...)
		w.write(rest, try)
		w.answerSecond(second, why, rest, try)
		return
	}
	w.write(rest, try)
	for _, one := range suspects {
		w.write([]*pending{one}, try)
	}
}

// answerSecond tells those whose rows exist, now that the others have been written. If one of those failed after all, it may have been
// the one that was first: then they are tried again.
func (w *writer) answerSecond(second []*pending, why []error, first []*pending, try int) {
	failed := slices.ContainsFunc(first, func(p *pending) bool { return p.err != nil })
	for i, one := range second {
		if failed {
			w.write([]*pending{one}, try)
		} else {
			w.answerLoser(one, why[i])
		}
	}
}

type judgement struct {
	err     error
	exists  bool // an insert found its row taken
	suspect bool // perhaps by a row of another loser
}

// judge is what each Change of the plan lost by; nil for those that lost nothing. Of several losses of one Change the
// lost compare-and-set counts most, being certain, and the engine's refusal least, being perhaps a consequence.
func (w *writer) judge(p *plan, losses []loss) []*judgement {
	verdict := make([]*judgement, len(p.batch))
	losing := make(map[int]bool, len(losses))
	weight := make([]int, len(p.batch))
	for _, l := range losses {
		losing[l.row] = true
		owner := p.rows[l.row].owner
		heavy := 1
		switch {
		case l.kind == fault.Stale:
			heavy = 3
		case l.kind == fault.Exists:
			heavy = 2
		}
		if heavy <= weight[owner] {
			continue
		}
		weight[owner] = heavy
		err := l.err
		if heavy > 1 {
			err = &Conflict{Table: p.rows[l.row].row.table.Name, Kind: l.kind}
		}
		verdict[owner] = &judgement{err: err, exists: heavy == 2, suspect: heavy == 2}
	}
	// How many rows the losers placed in each table, before they were rolled back.
	placed := map[string]map[int]bool{}
	for i, r := range p.rows {
		if verdict[r.owner] != nil && !losing[i] {
			if placed[r.row.table.Name] == nil {
				placed[r.row.table.Name] = map[int]bool{}
			}
			placed[r.row.table.Name][r.owner] = true
		}
	}
	for owner, v := range verdict {
		var c *Conflict
		if v == nil || !v.suspect || !errors.As(v.err, &c) {
			continue
		}
		others := len(placed[c.Table])
		if placed[c.Table][owner] {
			others--
		}
		v.suspect = others > 0
	}
	return verdict
}

// halve splits a batch of which some row was refused, until the culprit stands alone.
func (w *writer) halve(batch []*pending, err error) {
	if len(batch) > 1 {
		w.db.metrics.losers.Inc()
		w.write(batch[:len(batch)/2], 0)
		w.write(batch[len(batch)/2:], 0)
		return
	}
	if w.db.engine.cause(err) == causeTaken {
		err = fmt.Errorf("%w (%w)", &Conflict{Table: tableOf(batch[0]), Kind: fault.Exists}, err)
	}
	w.answerLoser(batch[0], err)
}

// tableOf names the table whose unique index a lone Change violated: only an update can, so the first it updates.
func tableOf(p *pending) string {
	for _, r := range p.change.rows {
		if r.read > 0 {
			return r.table.Name
		}
	}
	return p.change.rows[0].table.Name
}
