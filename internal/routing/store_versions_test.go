package routing

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

func storedVersionsAreKeptAndTellWhatBecameOfThem(t *testing.T, h harness) {
	o := h.create(t, document("alpha"))
	for _, account := range []string{"beta", "gamma"} {
		h.hands.Advance(time.Millisecond)
		if _, err := h.Update(t.Context(), h.tenant, o.ID, "key_2", document(account), nothing); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []int64{1, 3} {
		if _, err := h.Publish(t.Context(), h.tenant, o.ID, number, key, nothing); err != nil {
			t.Fatal(err)
		}
	}
	versions, more, err := h.Versions(t.Context(), h.tenant, o.ID, db.Page{Limit: 2})
	if err != nil || !more || len(versions) != 2 || versions[0].Version != 3 || versions[0].Status != Published || versions[0].PublishedAt == nil ||
		versions[0].CreatedBy != "key_2" || versions[0].Document.Name != "to gamma" || versions[1].Status != Draft || versions[1].PublishedAt != nil {
		t.Errorf("%+v, %t, %v", versions, more, err)
	}
	versions, more, err = h.Versions(t.Context(), h.tenant, o.ID, db.Page{Limit: 2, StartingAfter: versions[1].ID})
	if err != nil || more || len(versions) != 1 || versions[0].Status != Retired || versions[0].Document.Name != "to alpha" {
		t.Errorf("%+v, %t, %v", versions, more, err)
	}
	h.shows(t, o.ID, 3, "to gamma")
}

// shows holds which version of a policy is shown, and what that says.
func (h harness) shows(t *testing.T, policy string, version int64, name string) {
	t.Helper()
	got, err := h.Get(t.Context(), h.tenant, policy)
	if err != nil || got.DocumentVersion == nil || *got.DocumentVersion != version || got.Document.Name != name {
		t.Errorf("shown is %+v, %v, want version %d", got, err, version)
	}
}

func storedAPolicyIsShownAsItIsPublished(t *testing.T, h harness) {
	o := h.create(t, document("alpha"))
	h.shows(t, o.ID, 1, "to alpha")
	made, err := h.Update(t.Context(), h.tenant, o.ID, key, document("beta"), nothing)
	if err != nil || *made.DocumentVersion != 2 || made.Document.Name != "to beta" {
		t.Errorf("the answer to a new version shows %+v, %v", made, err)
	}
	h.shows(t, o.ID, 2, "to beta") // nothing is published: the latest
	for _, number := range []int64{1, 2} {
		if _, err := h.Publish(t.Context(), h.tenant, o.ID, number, key, nothing); err != nil {
			t.Fatal(err)
		}
		h.shows(t, o.ID, number, []string{"to alpha", "to beta"}[number-1])
	}
	back, err := h.Rollback(t.Context(), h.tenant, o.ID, key, nothing)
	if err != nil || *back.DocumentVersion != 1 || back.Document.Name != "to alpha" {
		t.Errorf("the answer to a rollback shows %+v, %v", back, err)
	}
	h.shows(t, o.ID, 1, "to alpha")
	if _, err := h.Publish(t.Context(), h.tenant, h.create(t, document("gamma")).ID, 1, key, nothing); err != nil {
		t.Fatal(err)
	}
	h.shows(t, o.ID, 2, "to beta") // another policy is published
}

func storedAVersionIsCompiledWhicheverAccountsAreLeft(t *testing.T, h harness) {
	o := h.create(t, document("gamma"))
	if _, is, err := h.CompiledPublished(t.Context(), h.tenant); is || err != nil {
		t.Errorf("nothing is published: %t, %v", is, err)
	}
	if _, err := h.Update(t.Context(), h.tenant, o.ID, key, document("beta"), nothing); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil {
		t.Fatal(err)
	}
	h.has.names = []string{"alpha", "beta"}
	for number, want := range map[int64]int64{0: 2, 1: 1, 2: 2} {
		e, err := h.Compiled(t.Context(), h.tenant, o.ID, number)
		if err != nil || e.Version != want || e.Policy != o.ID {
			t.Errorf("version %d is %+v, %v", number, e, err)
			continue
		}
		req := h.request()
		if got, first := accountsOf(e.Rules.Decide(t.Context(), &req, World{})), []string{"gamma", "beta"}[want-1]; !strings.HasPrefix(got, first) {
			t.Errorf("version %d decides %s", want, got)
		}
	}
	if e, is, err := h.CompiledPublished(t.Context(), h.tenant); !is || err != nil || e.Version != 1 || e.Policy != o.ID {
		t.Errorf("published is %+v, %t, %v", e, is, err)
	}
	if _, err := h.Compiled(t.Context(), h.tenant, o.ID, 3); !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), "version: there is no version 3") {
		t.Errorf("no such version: %v", err)
	}
	if _, err := h.Compiled(t.Context(), stranger, o.ID, 1); !fault.Is(err, fault.NotFound) {
		t.Errorf("a stranger's: %v", err)
	}
}

func storedARollbackPublishesWhatWasPublishedBefore(t *testing.T, h harness) {
	o := h.create(t, document("alpha"))
	conflict := func(what string, err error) {
		t.Helper()
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := h.Rollback(t.Context(), h.tenant, o.ID, key, nothing)
	conflict("a rollback of a draft", err)
	for _, account := range []string{"beta", "gamma", "alpha"} {
		if _, err := h.Update(t.Context(), h.tenant, o.ID, key, document(account), nothing); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []int64{1, 2, 4} { // 3 never was
		if _, err := h.Publish(t.Context(), h.tenant, o.ID, number, key, nothing); err != nil {
			t.Fatal(err)
		}
	}
	_, err = h.Publish(t.Context(), h.tenant, o.ID, 4, key, nothing)
	conflict("the same again", err)
	for _, want := range []int64{2, 1} {
		back, err := h.Rollback(t.Context(), h.tenant, o.ID, key, nothing)
		if err != nil || *back.PublishedVersion != want {
			t.Fatalf("rolled back to %+v (%v), want %d", back, err, want)
		}
		if d := h.plan(t, h.router); d.Version != want {
			t.Errorf("decided by version %d, want %d", d.Version, want)
		}
	}
	_, err = h.Rollback(t.Context(), h.tenant, o.ID, key, nothing)
	conflict("a rollback of the first", err)
}

func storedOneOfAMerchantsPoliciesIsPublished(t *testing.T, h harness) {
	one, two := h.create(t, document("beta")), h.create(t, document("gamma"))
	for _, o := range []Object{one, two} {
		if _, err := h.Publish(t.Context(), h.tenant, o.ID, 1, key, nothing); err != nil {
			t.Fatal(err)
		}
	}
	list, more, err := h.List(t.Context(), h.tenant, db.Page{Limit: 5})
	if err != nil || more || len(list) != 2 || list[0].ID != two.ID || *list[0].PublishedVersion != 1 || list[1].PublishedVersion != nil || list[0].Document != nil || list[0].DocumentVersion != nil {
		t.Errorf("%+v, %t, %v", list, more, err)
	}
	versions, _, err := h.Versions(t.Context(), h.tenant, one.ID, db.Page{Limit: 5})
	if err != nil || versions[0].Status != Retired {
		t.Errorf("%+v, %v", versions, err)
	}
}

func storedOfTwoWhoPublishAtOnceBothComeThroughOneAfterTheOther(t *testing.T, h harness) {
	o := h.create(t, document("alpha"))
	const writers = 6
	for range writers {
		if _, err := h.Update(t.Context(), h.tenant, o.ID, key, document("beta"), nothing); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			if _, err := h.Publish(t.Context(), h.tenant, o.ID, int64(i+1), key, nothing); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() {
			if _, err := h.Update(t.Context(), h.tenant, o.ID, key, document("gamma"), nothing); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	versions, _, err := h.Versions(t.Context(), h.tenant, o.ID, db.Page{Limit: 50})
	if err != nil || len(versions) != 1+2*writers {
		t.Fatalf("%d versions, %v", len(versions), err)
	}
	count := map[Status]int{}
	for _, v := range versions {
		count[v.Status]++
	}
	if count[Published] != 1 || count[Retired] != writers-1 {
		t.Errorf("statuses %v", count)
	}
}
