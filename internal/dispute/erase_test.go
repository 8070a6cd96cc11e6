package dispute

import (
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// belongs makes a payment a customer's. Who may pay as whom is not what is tested here.
func (k *desk) belongs(p payment.Object, customer string) {
	k.Helper()
	row, err := k.payments.Find(k.Context(), shop, p.ID)
	if err != nil {
		k.Fatal(err)
	}
	row.Customer = customer
	c := db.NewChange(shop)
	if err := row.Dispute(c, row.Disputed); err != nil {
		k.Fatal(err)
	}
	if err := k.DB.Commit(k.Context(), c); err != nil {
		k.Fatal(err)
	}
}

// evident is a dispute of a payment, with a text and a file.
func (k *desk) evident(p payment.Object) string {
	k.Helper()
	id := k.tell(chargeback(p, 10_000), payment.Applied)
	k.explain(id)
	if _, err := k.PutFile(k.Context(), shop, id, "passport-of-ada.pdf", "application/pdf", []byte(aPDF), nothing); err != nil {
		k.Fatal(err)
	}
	return id
}

// stored is how many rows of evidence there are of a dispute, whatever is in them.
func (k *desk) stored(dispute string) int {
	k.Helper()
	rows, err := db.List(k.Context(), k.DB, func(r db.Scanner) (name string, err error) { return name, r.Scan(&name) },
		"SELECT name FROM dispute_evidence WHERE merchant_id = $1 AND dispute_id = $2", shop, dispute)
	if err != nil {
		k.Fatal(err)
	}
	return len(rows)
}

// destroyed expects that nothing is left of a dispute's evidence but the time at which it went.
func (k *desk) destroyed(dispute string) {
	k.Helper()
	o, err := k.Get(k.Context(), shop, dispute)
	if err != nil || len(o.EvidenceFields) != 0 || len(o.EvidenceFiles) != 0 || o.EvidenceErasedAt == nil || !o.EvidenceErasedAt.Equal(k.now.Now()) {
		k.Errorf("%s shows %v, %+v, erased at %v, %v", dispute, o.EvidenceFields, o.EvidenceFiles, o.EvidenceErasedAt, err)
	}
	if _, _, err := k.File(k.Context(), shop, dispute, "passport-of-ada.pdf"); !fault.Is(err, fault.NotFound) {
		k.Errorf("the file of %s: %v", dispute, err)
	}
	if texts, _, err := k.Texts(k.Context(), shop, dispute); err != nil || len(texts) != 0 {
		k.Errorf("the texts of %s: %v, %v", dispute, texts, err)
	}
	if pieces, err := k.store.pieces(k.Context(), shop, dispute); err != nil || len(pieces) != 0 {
		k.Errorf("%s holds %v, %v", dispute, pieces, err)
	}
}

func (k *desk) kept(dispute string) {
	k.Helper()
	if _, body, err := k.File(k.Context(), shop, dispute, "passport-of-ada.pdf"); err != nil || string(body) != aPDF {
		k.Errorf("the file of %s: %q, %v", dispute, body, err)
	}
}

// erased erases a customer: what dispute has to do with it.
func (k *desk) erased(customer string) {
	k.Helper()
	c := db.NewChange(shop)
	k.EraseEvidence(c, customer)
	if err := k.DB.Commit(k.Context(), c); err != nil {
		k.Fatal(err)
	}
	k.passes(0, 1)
}

func TestErasingACustomerDestroysTheEvidenceOfTheirPayments(t *testing.T) {
	eachDesk(t, func(k *desk) {
		var theirs []string
		for range 2 {
			p := k.pay()
			k.belongs(p, "cus_ada")
			theirs = append(theirs, k.evident(p))
		}
		p := k.pay()
		k.belongs(p, "cus_bob")
		other, nobodys := k.evident(p), k.evident(k.pay())
		k.answer(theirs[1], Submit)
		k.erased("cus_ada")
		for _, id := range theirs {
			k.destroyed(id)
		}
		k.kept(other)
		k.kept(nobodys)
		k.stands(theirs[0], provider.DisputeNeedsResponse, MoneyHeld, 10_000)
		k.stands(theirs[1], provider.DisputeUnderReview, MoneyHeld, 10_000)
		// Names of files may tell who somebody is: their rows go as well.
		if n, err := k.Prune(k.Context()); err != nil || n != 4 || k.stored(theirs[0])+k.stored(theirs[1]) != 0 || k.stored(other) != 2 {
			k.Errorf("%d pieces pruned, %v; %d of hers and %d of his are left", n, err, k.stored(theirs[0]), k.stored(other))
		}
		// The dispute can still be answered.
		k.explain(theirs[0])
		k.answer(theirs[0], Submit)
	})
}

// While an answer is on its way its evidence is needed, and cannot be changed.
func TestEvidenceOfAnAnswerOnItsWayIsDestroyedAfterIt(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		k.belongs(p, "cus_ada")
		id := k.evident(p)
		for range 10 {
			k.q.says = append(k.q.says, provider.Doubt("no answer"))
		}
		k.answer(id, Submit)
		k.erased("cus_ada")
		k.kept(id)
		k.q.says = nil
		k.passes(10*time.Minute, 4)
		if len(k.q.last.Files) != 1 || string(k.q.last.Files[0].Body) != aPDF {
			k.Errorf("the provider was given %+v", k.q.last.Files)
		}
		o := k.stands(id, provider.DisputeUnderReview, MoneyHeld, 10_000)
		if _, _, err := k.File(k.Context(), shop, id, "passport-of-ada.pdf"); !fault.Is(err, fault.NotFound) || o.EvidenceErasedAt == nil {
			k.Errorf("it stays: %v, erased at %v", err, o.EvidenceErasedAt)
		}
	})
}

func TestAnErasureWalksThroughAllPayments(t *testing.T) {
	eachDesk(t, func(k *desk) {
		first := k.pay()
		k.belongs(first, "cus_ada")
		id := k.evident(first)
		for range erasurePage + 1 {
			k.belongs(k.pay(), "cus_ada")
		}
		k.erased("cus_ada")
		k.destroyed(id)
	})
}

func TestEvidenceGoesWhenTheTimeAfterItsDisputeIsOver(t *testing.T) {
	now := clock.NewManual(start)
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		start = now.Now()
		k := newDesk(t, d, now)
		if k.Keep != Kept {
			t.Errorf("evidence is kept for %v", k.Keep)
		}
		p := k.pay()
		lost, open := k.evident(p), k.evident(k.pay())
		k.tell(chargeback(p, 10_000, status(provider.DisputeLost)), payment.Applied)
		prune := func(want int64) {
			t.Helper()
			if n, err := k.Prune(t.Context()); err != nil || n != want {
				t.Errorf("%d pieces pruned, want %d; %v", n, want, err)
			}
		}
		k.now.Advance(Kept)
		prune(0)
		k.kept(lost)
		k.now.Advance(time.Microsecond)
		prune(2)
		k.destroyed(lost)
		prune(0)
		k.kept(open) // time alone does not end a dispute
		k.audit()
	}, event.Schema, ledger.Schema, payment.Schema, Schema)
}

// A dispute that a network takes up again has not ended.
func TestAnInquiryThatBecameAChargebackKeepsItsEvidence(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		inquiry := stage(provider.StageInquiry)
		id := k.tell(chargeback(p, 10_000, inquiry), payment.Applied)
		if _, err := k.PutFile(k.Context(), shop, id, "passport-of-ada.pdf", "application/pdf", []byte(aPDF), nothing); err != nil {
			k.Fatal(err)
		}
		k.tell(chargeback(p, 10_000, inquiry, status(provider.DisputeWon)), payment.Applied)
		k.tell(chargeback(p, 10_000), payment.Applied)
		k.now.Advance(2 * Kept)
		if n, err := k.Prune(k.Context()); n != 0 || err != nil {
			k.Errorf("%d pieces pruned, %v", n, err)
		}
		k.kept(id)
	})
}

func TestWhatIsTakenBackLeavesNoNameBehind(t *testing.T) {
	eachDesk(t, func(k *desk) {
		id := k.evident(k.pay())
		if _, err := k.RemoveFile(k.Context(), shop, id, "passport-of-ada.pdf", nothing); err != nil {
			k.Fatal(err)
		}
		if n, err := k.Prune(k.Context()); n != 1 || err != nil || k.stored(id) != 1 {
			k.Errorf("%d pieces pruned, %d left, %v", n, k.stored(id), err)
		}
		if _, err := k.PutFile(k.Context(), shop, id, "passport-of-ada.pdf", "application/pdf", []byte(aPDF), nothing); err != nil {
			k.Errorf("the name cannot be used again: %v", err)
		}
		k.kept(id)
	})
}
