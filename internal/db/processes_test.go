package db_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
)

func TestSeveralProcessesLoseNothingOnTheSameRows(t *testing.T) {
	for name, url := range dbtest.URLs(t) {
		t.Run(name, func(t *testing.T) {
			processes := []*db.DB{dbtest.Open(t, url, db.Options{}, schema), dbtest.Open(t, url, db.Options{}, schema)}
			hot := []string{"a", "b", "c"}
			for _, id := range hot {
				must(t, processes[0].Commit(t.Context(), db.NewChange("m", thing{merchant: "m", id: id}.insert())))
			}
			const workers, rounds = 8, 15
			var all sync.WaitGroup
			for w := range workers {
				d := processes[w%len(processes)]
				all.Go(func() {
					for r := range rounds {
						id := hot[(w+r)%len(hot)]
						err := raise(t.Context(), d, id, fmt.Sprintf("%d.%d", w, r))
						if err != nil {
							t.Errorf("worker %d: %v", w, err)
							return
						}
					}
				})
			}
			all.Wait()
			sum := int64(0)
			for _, id := range hot {
				x := getThing(t, processes[1], "m", id)
				sum += x.amount
				if x.version != x.amount+1 {
					t.Errorf("%s: amount %d, version %d", id, x.amount, x.version)
				}
			}
			if n := count(t, processes[0], entries); sum != workers*rounds || n != workers*rounds {
				t.Errorf("the sum is %d, with %d entries, of %d", sum, n, workers*rounds)
			}
		})
	}
}

// raise adds one to a thing, and an entry, however often it has to be decided again.
func raise(ctx context.Context, d *db.DB, id, entry string) error {
	for {
		x, err := db.Get(ctx, d, scanThing, things.Select()+" WHERE merchant_id = $1 AND id = $2", "m", id)
		if err != nil {
			return err
		}
		x.amount++
		err = d.Commit(ctx, db.NewChange("m", x.update(), entries.Insert("m", entry, int64(1))))
		if !fault.Is(err, fault.Stale) {
			return err
		}
	}
}

// Whatever comes together, in whatever order, with callers who give up: a Change that was answered with success is there
// whole, and one that was answered with an error is not there at all.
func TestEveryAnswerIsTrue(t *testing.T) {
	dbtest.EachWith(t, db.Options{Writers: 3, Batch: 7}, func(t *testing.T, d *db.DB) {
		const callers, rounds = 24, 25
		for i := range 6 {
			must(t, d.Commit(t.Context(), db.NewChange("m0", thing{merchant: "m0", id: fmt.Sprint(i)}.insert())))
		}
		landed := make([]map[string]bool, callers)
		var all sync.WaitGroup
		for c := range callers {
			landed[c] = map[string]bool{}
			all.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(c)))
				for r := range rounds {
					own := fmt.Sprintf("c%d.%d", c, r)
					err := d.Commit(impatient(t, random), chaos(random, own))
					if errors.Is(err, db.ErrOutcomeUnknown) {
						t.Errorf("%s: %v", own, err)
					}
					landed[c][own] = err == nil
				}
			})
		}
		all.Wait()
		there := map[string]int{}
		for _, merchant := range []string{"m0", "m1"} {
			ids, err := db.List(t.Context(), d, func(s db.Scanner) (id string, err error) { return id, s.Scan(&id) },
				"SELECT id FROM entry WHERE merchant_id = $1", merchant)
			must(t, err)
			for _, id := range ids {
				there[id]++
			}
		}
		won := 0
		for c := range callers {
			for own, ok := range landed[c] {
				if first, second := there[own+"/1"], there[own+"/2"]; ok && (first != 1 || second != 1) || !ok && first+second != 0 {
					t.Errorf("%s was answered %t; %d and %d of its rows are there", own, ok, first, second)
				}
				if ok {
					won++
				}
			}
		}
		if won == 0 || won == callers*rounds {
			t.Errorf("%d of %d won: the test is too tame or too wild", won, callers*rounds)
		}
	}, schema)
}

// chaos is a Change with two entries of its own, and perhaps something that makes it lose.
func chaos(random *rand.Rand, own string) *db.Change {
	merchant := fmt.Sprintf("m%d", random.IntN(2))
	c := db.NewChange(merchant, entries.Insert(merchant, own+"/1", int64(1)))
	switch random.IntN(6) {
	case 0: // most likely stale
		c = db.NewChange("m0", entries.Insert("m0", own+"/1", int64(1)),
			thing{merchant: "m0", id: fmt.Sprint(random.IntN(6)), version: 1 + int64(random.IntN(4))}.update())
	case 1: // there already, perhaps
		c.Add(thing{merchant: merchant, id: fmt.Sprint(random.IntN(20))}.insert())
	case 2: // a slot that others want
		c.Add(thing{merchant: merchant, id: own, slot: fmt.Sprint(random.IntN(20))}.insert())
	case 3: // refused
		c.Add(thing{merchant: merchant, id: own, amount: -1}.insert())
	case 4: // refused, by the foreign key
		c.Add(note(merchant, own, 1))
	}
	c.Add(entries.Insert(c.Merchant(), own+"/2", int64(1)))
	return c
}

// impatient is a context that may end at any moment, or not.
func impatient(t *testing.T, random *rand.Rand) context.Context {
	if random.IntN(3) > 0 {
		return t.Context()
	}
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	return ctx
}

func TestWritersAreMeasured(t *testing.T) {
	registry := prometheus.NewRegistry()
	dbtest.EachWith(t, db.Options{Writers: 1, Metrics: registry}, func(t *testing.T, d *db.DB) {
		var asked atomic.Int64
		x := thing{merchant: "m", id: "x", version: 1}
		must(t, d.Commit(t.Context(), db.NewChange("m", x.insert())))
		isConflict(t, d.Commit(t.Context(), db.NewChange("m", x.insert())), fault.Exists, "thing")
		d.SetHooks(&db.Hooks{Commit: func() error {
			if asked.Add(1) == 1 {
				return errDead
			}
			return nil
		}})
		must(t, d.Commit(t.Context(), insertOne("a")))
		got := map[string]float64{}
		families, err := registry.Gather()
		must(t, err)
		for _, f := range families {
			for _, m := range f.GetMetric() {
				name := f.GetName()
				for _, l := range m.GetLabel() {
					name += " " + l.GetValue()
				}
				switch {
				case m.GetHistogram() != nil:
					got[name] = float64(m.GetHistogram().GetSampleCount())
				case m.GetCounter() != nil:
					got[name] = m.GetCounter().GetValue()
				default:
					got[name] = m.GetGauge().GetValue()
				}
			}
		}
		// Four transactions: one won, one lost, one lost its connection at COMMIT and was written again.
		for name, want := range map[string]float64{
			"florin_db_batch_changes": 4, "florin_db_transaction_seconds": 3, "florin_db_queue_wait_seconds": 3, "florin_db_queue_changes": 0,
			"florin_db_loser_rounds_total": 1, "florin_db_lost_total exists": 1, "florin_db_retries_total commit_unanswered": 1,
			"florin_db_queue_refused_total": 0, "florin_db_unavailable": 0,
		} {
			if v, ok := got[name]; !ok || v != want {
				t.Errorf("%s is %v (%t), want %v", name, v, ok, want)
			}
		}
	}, schema)
}
