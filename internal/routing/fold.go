package routing

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

// Every process that starts counts experiments in rows of its own, so their number would grow for as long as Florin runs. What has been quiet
// for a while is put together, by any process: the total gets what the row holds, and the row is empty, in one Change. A process that is alive
// after all finds that by the row's version, see Router.found.

// total is the process of the row that holds what was put together.
const total = "total"

// The bounds of folding.
const (
	foldEvery = time.Hour
	foldAfter = 24 * time.Hour // without an outcome
	foldMost  = 500            // rows at once
	foldKept  = time.Hour      // how long an empty row is kept, so that a process that wakes up finds it so
)

// fold puts together what is quiet, and deletes the rows that held it. What fails is done the next time.
func (r *Router) fold(ctx context.Context) {
	now := r.o.Clock.Now()
	if now.Before(r.folded.Add(foldEvery)) {
		return
	}
	r.folded = now
	quiet, err := r.store.quiet(ctx, now.Add(-foldAfter), foldMost)
	for _, p := range quiet {
		if err = r.foldOne(ctx, p, now); err != nil {
			break
		}
	}
	if err == nil {
		_, err = r.o.DB.Prune(ctx, tallyTable, "folded_at", db.Micros(now.Add(-foldKept)), foldMost)
	}
	if err != nil {
		r.o.Logger.Error("put the counts of experiments together", "error", err)
		return
	}
	if len(quiet) == foldMost {
		r.folded = time.Time{} // there may be more: the next round goes on
	}
}

// foldOne moves what a row holds into the total.
func (r *Router) foldOne(ctx context.Context, p portion, now time.Time) error {
	all, err := r.store.portion(ctx, p.trial, total)
	if err != nil {
		return fmt.Errorf("read the total of an experiment: %w", err)
	}
	all.tally.add(p.tally)
	if p.updated.After(all.updated) {
		all.updated = p.updated
	}
	p.tally, p.folded = Tally{}, now
	err = r.o.DB.Commit(ctx, db.NewChange(p.merchant, all.row(), p.row()))
	if fault.Is(err, fault.Stale) || fault.Is(err, fault.Exists) {
		return nil // another process folds, or the row's own has counted on
	}
	return err
}
