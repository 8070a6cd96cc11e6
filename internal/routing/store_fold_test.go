package routing

import (
	"maps"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
)

// portions are what is stored of a policy's experiments, by process.
func (h harness) portions(t *testing.T, policy string) map[string]Tally {
	t.Helper()
	all, err := db.List(t.Context(), h.db, scanPortion, tallyTable.Select()+" WHERE merchant_id = $1 AND policy_id = $2", h.tenant, policy)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Tally{}
	for _, p := range all {
		found[p.process] = p.tally
	}
	return found
}

// whole is what all processes together counted.
func (h harness) whole(t *testing.T, policy string, want Tally) {
	t.Helper()
	k := trial{h.tenant, policy, "beta-first"}
	if got, err := h.store().tally(t.Context(), k); err != nil || got != want {
		t.Errorf("all together %+v, want %+v (%v)", got, want, err)
	}
	sums, err := h.store().sums(t.Context(), h.tenant, policy, 10)
	if err != nil || len(sums) != 1 || sums[0].tally != want {
		t.Errorf("shown %+v, want %+v (%v)", sums, want, err)
	}
}

func storedWhatQuietProcessesCountedIsPutTogether(t *testing.T, h harness) {
	const policy = "rp_1"
	gone, late := h.another(), h.another()
	h.outcomes(gone, policy, false, 5, 4)
	gone.settle(t.Context())
	h.outcomes(late, policy, true, 3, 1)
	late.settle(t.Context())
	h.hands.Advance(foldAfter)
	h.outcomes(h.router, policy, true, 2, 2)
	h.router.settle(t.Context())
	if got := h.portions(t, policy); len(got) != 3 {
		t.Fatalf("before a day is over %v", got)
	}
	for range 3 {
		h.hands.Advance(foldEvery)
		h.router.settle(t.Context())
		h.whole(t, policy, Tally{5, 4, 5, 3})
	}
	if got, want := h.portions(t, policy), (map[string]Tally{total: {5, 4, 3, 1}, h.router.process: {0, 0, 2, 2}}); !maps.Equal(got, want) {
		t.Errorf("left are %v, want %v", got, want)
	}
	h.hands.Advance(foldAfter)
	for range 3 {
		h.hands.Advance(foldEvery)
		h.router.settle(t.Context())
	}
	h.whole(t, policy, Tally{5, 4, 5, 3})
	if got := h.portions(t, policy); len(got) != 1 {
		t.Errorf("all are quiet, and there are %v", got)
	}
}

// A process that is alive after all counts on: neither twice nor not at all, whether its row is empty by then or gone.
func storedAProcessWhoseCountWasPutAwayCountsOn(t *testing.T, h harness) {
	for policy, rounds := range map[string]int{"rp_empty": 1, "rp_deleted": 3} {
		h.outcomes(h.router, policy, false, 5, 4)
		h.router.settle(t.Context())
		other := h.another()
		h.hands.Advance(foldAfter)
		for range rounds {
			h.hands.Advance(foldEvery)
			other.settle(t.Context())
		}
		if _, there := h.portions(t, policy)[h.router.process]; there != (policy == "rp_empty") {
			t.Fatalf("%s: the row is there: %v", policy, there)
		}
		h.router.folded = h.hands.Now()
		want := Tally{5, 4, 0, 0}
		for n := range 3 {
			h.outcomes(h.router, policy, true, 2, 1)
			want.add(Tally{0, 0, 2, 1})
			for range 2 { // the first finds the row changed, and the second writes
				h.router.settle(t.Context())
			}
			if h.router.tallies[trial{h.tenant, policy, "beta-first"}].dirty {
				t.Errorf("%s: round %d is not written", policy, n+1)
			}
			h.whole(t, policy, want)
		}
	}
}

func storedOfTwoWhoPutTogetherOneDoes(t *testing.T, h harness) {
	const policy = "rp_1"
	gone, other := h.another(), h.another()
	h.outcomes(gone, policy, false, 5, 4)
	gone.settle(t.Context())
	quiet, err := h.store().portion(t.Context(), trial{h.tenant, policy, "beta-first"}, gone.process)
	if err != nil || quiet.version == 0 {
		t.Fatalf("%+v, %v", quiet, err)
	}
	for _, r := range []*Router{h.router, other} {
		if err := r.foldOne(t.Context(), quiet, h.hands.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
	}
	h.whole(t, policy, Tally{5, 4, 0, 0})
	if got, want := h.portions(t, policy), (map[string]Tally{total: {5, 4, 0, 0}, gone.process: {}}); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
