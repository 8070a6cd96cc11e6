package dispute

import (
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// decision is what a pure function decided. The dispute carries the version it was read with; version 0 is a new row.
type decision struct {
	dispute  Dispute
	changed  bool             // the dispute is not what it was
	found    bool             // it has found its payment, which was not known before
	payment  *payment.Payment // as it was read; nil: it is not known
	disputed money.Money      // what is disputed of the payment from now on
	postings []ledger.Posting
	events   []event.Type
	reminder int64 // how many days are left; 0: this reminds of nothing
	// claim is what is known and what the provider says, if both cannot be true.
	claim string
}

func decide(d Dispute, p *payment.Payment) decision {
	out := decision{dispute: d, payment: p}
	if p != nil {
		out.disputed = p.Disputed
	}
	return out
}

// hear decides what a provider's message means. d is what is known, with version 0 if this is the first that is heard of it; p is the
// payment that it is about, nil if there is none.
func hear(d Dispute, p *payment.Payment, m provider.Dispute, now time.Time) decision {
	out := decide(d, p)
	fresh := d.Version == 0
	if p != nil && d.Payment == "" { // it was not known when it was first heard of
		out.dispute.Payment, out.changed, out.found = p.ID, true, !fresh
	}
	news := fresh
	if !fresh {
		if news, out.claim = d.compare(m); out.claim != "" {
			return decision{dispute: d, payment: p, disputed: out.disputed, claim: out.claim}
		}
	}
	if news {
		out.adopt(m)
	}
	if !out.changed {
		return out
	}
	out.settle()
	out.tell(d, fresh)
	out.dispute.plan(now)
	if ended(out.dispute.Status) && out.dispute.EndedAt.IsZero() {
		out.dispute.EndedAt = now
	}
	return out
}

// compare tells whether a message says more than is known, or why it cannot be true together with that.
func (d Dispute) compare(m provider.Dispute) (news bool, claim string) {
	was, is := place(d.Stage), place(m.Stage)
	switch {
	case is < was:
		return false, "" // old news
	case is > was && ended(d.Status) && d.Stage != provider.StageInquiry:
		return false, d.against(m)
	case is > was:
	case ended(d.Status) && ended(m.Status) && !sameEnd(d.Status, m.Status):
		return false, d.against(m)
	case ended(d.Status) || order[m.Status] < order[d.Status]:
		return false, ""
	case m.Status != d.Status && !allowed(d.Status, m.Status):
		return false, d.against(m)
	}
	if d.Money != MoneyNone && (m.Amount != d.Amount || m.Fee != (money.Money{}) && m.Fee != d.Fee) {
		return false, fmt.Sprintf("%s and a fee of %s are held, the provider says %s and %s", d.Amount, d.Fee, m.Amount, m.Fee)
	}
	return d.differs(m), ""
}

func (d Dispute) against(m provider.Dispute) string {
	return fmt.Sprintf("it is %s at the stage %s, the provider says %s at the stage %s", d.Status, d.Stage, m.Status, m.Stage)
}

// differs tells whether a message that is no old news has anything new.
func (d Dispute) differs(m provider.Dispute) bool {
	return m.Stage != d.Stage || m.Status != d.Status || m.Amount != d.Amount || m.Fee != (money.Money{}) && m.Fee != d.Fee ||
		!m.EvidenceDueAt.IsZero() && !m.EvidenceDueAt.Equal(d.EvidenceDueAt) || m.Reason != d.Reason || m.ReasonCode != d.ReasonCode
}

// adopt takes over what a message says.
func (out *decision) adopt(m provider.Dispute) {
	d := &out.dispute
	if later := m.Stage != d.Stage; d.pending() && (later || m.Status != provider.DisputeNeedsResponse) {
		d.answered(later, m.Status)
	}
	if m.Stage != d.Stage || !m.EvidenceDueAt.Equal(d.EvidenceDueAt) {
		d.Reminded = 0
	}
	if m.Stage != d.Stage {
		d.EndedAt = time.Time{}
	}
	d.Stage, d.Status, d.Amount, d.Reason, d.ReasonCode = m.Stage, m.Status, m.Amount, m.Reason, m.ReasonCode
	if m.Fee != (money.Money{}) || d.Fee == (money.Money{}) {
		d.Fee = money.Of(m.Fee.Minor(), m.Amount.Currency())
	}
	if !m.EvidenceDueAt.IsZero() {
		d.EvidenceDueAt = m.EvidenceDueAt
	}
	out.changed = true
}

// answered ends an answer of which the provider has not said what it makes of it.
func (d *Dispute) answered(later bool, to provider.DisputeStatus) {
	a := *d.Answer
	a.State = AnswerOvertaken
	if !later && (a.Kind == Submit && to == provider.DisputeUnderReview || a.Kind == Accept && !sameEnd(to, provider.DisputeWon)) {
		a.State = AnswerTaken
	}
	d.Answer = &a
}

// settle books what the dispute's state demands and is not booked yet.
func (out *decision) settle() {
	d := &out.dispute
	if d.Money == MoneyNone && place(d.Stage) >= place(provider.StageChargeback) && out.holds() {
		out.post(ledger.DisputeOpened)
		out.disputed = money.Of(out.disputed.Minor()+d.Amount.Minor(), d.Amount.Currency())
		d.Money = MoneyHeld
	}
	if d.Money != MoneyHeld || !ended(d.Status) {
		return
	}
	out.post(ends[d.Status].kind)
	d.Money = MoneyGone
	if d.Status == provider.DisputeWon {
		out.disputed = money.Of(out.disputed.Minor()-d.Amount.Minor(), d.Amount.Currency())
		d.Money = MoneyReturned
	}
}

// holds tells whether there is money of ours that the provider can have taken back. If it says so of a payment that took none, that is
// a person's business.
func (out *decision) holds() bool {
	switch p := out.payment; {
	case p == nil:
		return false
	case p.Amount.Currency() != out.dispute.Amount.Currency():
		out.claim = fmt.Sprintf("the payment is in %s, the provider says that %s of it are disputed", p.Amount.Currency(), out.dispute.Amount)
	case !p.Took(out.dispute.Transaction):
		out.claim = fmt.Sprintf("the payment is %s and took no money by %s, the provider says that %s of it are disputed", p.Status, out.dispute.Transaction, out.dispute.Amount)
	}
	return out.claim == ""
}

func (out *decision) post(kind ledger.Kind) {
	d := out.dispute
	out.postings = append(out.postings, ledger.Posting{
		Kind: kind, Subject: d.Payment, Cause: d.ID, Provider: d.Account, Amount: d.Amount, Fee: d.Fee,
	})
}

// tell says which events a change makes.
func (out *decision) tell(was Dispute, fresh bool) {
	d := out.dispute
	if fresh {
		out.events = append(out.events, event.DisputeCreated)
	}
	switch {
	case ended(d.Status) && (fresh || !ended(was.Status) || d.Stage != was.Stage):
		out.events = append(out.events, ends[d.Status].told)
	case !fresh:
		out.events = append(out.events, event.DisputeUpdated)
	}
}

// end takes a dispute to its end, by the merchant's word or by time.
func (out *decision) end(to provider.DisputeStatus, now time.Time) {
	was := out.dispute
	out.dispute.Status, out.dispute.EndedAt, out.changed = to, now, true
	out.settle()
	out.tell(was, false)
	out.dispute.plan(now)
}

// reminders are how many days before the deadline the merchant is reminded.
var reminders = []int64{7, 3, 1}

const day = 24 * time.Hour

// plan says when time itself changes the dispute next. An answer on its way has a time of its own.
func (d *Dispute) plan(now time.Time) {
	if d.pending() {
		return
	}
	d.DueAt = time.Time{}
	if d.Status != provider.DisputeNeedsResponse || d.EvidenceDueAt.IsZero() {
		return
	}
	for _, days := range reminders {
		if at := d.EvidenceDueAt.Add(-time.Duration(days) * day); at.After(now) {
			d.DueAt = at
			return
		}
	}
	d.DueAt = d.EvidenceDueAt
}

// pass decides what the passing of time brings: a reminder, or the end.
func pass(d Dispute, p *payment.Payment, now time.Time) decision {
	out := decide(d, p)
	if d.Status != provider.DisputeNeedsResponse || d.pending() || d.EvidenceDueAt.IsZero() {
		out.dispute.DueAt, out.changed = time.Time{}, !d.DueAt.IsZero()
		return out
	}
	if !now.Before(d.EvidenceDueAt) {
		out.end(provider.DisputeExpired, now)
		return out
	}
	for _, days := range reminders {
		if left := d.EvidenceDueAt.Sub(now); left <= time.Duration(days)*day && (d.Reminded == 0 || days < d.Reminded) {
			out.reminder = days // the last that fits is the most urgent
		}
	}
	if out.reminder > 0 {
		out.dispute.Reminded = out.reminder
		out.events = append(out.events, event.DisputeUpdated)
	}
	out.dispute.plan(now)
	out.changed = true
	return out
}

// open fails with fault.Conflict unless evidence can be given and answers be made.
func (d Dispute) open(now time.Time) error {
	switch {
	case d.Status != provider.DisputeNeedsResponse:
		return fault.State(fmt.Sprintf("the dispute is %s: it takes no evidence and no answer", d.Status))
	case d.pending():
		return fault.State("an answer to the dispute is on its way")
	case !d.EvidenceDueAt.IsZero() && !now.Before(d.EvidenceDueAt):
		return fault.New(fault.Conflict, fault.CodeExpired, "evidence_due_at has passed")
	}
	return nil
}

// answer decides to answer. It fails with fault.Conflict if that cannot be, and if there is no evidence to submit.
func (d Dispute) answer(kind AnswerKind, ourID string, now, due time.Time) (decision, error) {
	if err := d.open(now); err != nil {
		return decision{}, err
	}
	if kind == Submit && d.Evidence.empty() {
		return decision{}, fault.State("there is no evidence to submit")
	}
	out := decide(d, nil)
	out.dispute.Answer = &Answer{ID: ourID, Kind: kind, State: AnswerPending, At: now}
	out.dispute.DueAt, out.changed = due, true
	return out, nil
}

// conclude decides what the outcome of an answer means. asked is the answer that was given: if another one, or the provider's own
// word, has overtaken it, nothing changes.
func conclude(d Dispute, p *payment.Payment, asked string, o provider.Outcome, now time.Time) decision {
	out := decide(d, p)
	if !d.pending() || d.Answer.ID != asked {
		return out
	}
	a := *d.Answer
	out.dispute.Answer, out.changed = &a, true
	switch {
	case o.Class == provider.Approved && a.Kind == Accept:
		a.State = AnswerTaken
		out.end(provider.DisputeAccepted, now)
	case o.Class == provider.Approved:
		a.State = AnswerTaken
		out.dispute.Status, out.dispute.DueAt = provider.DisputeUnderReview, time.Time{}
		out.events = append(out.events, event.DisputeUpdated)
	case o.Class == provider.Declined:
		a.State, a.Detail = AnswerRefused, o.Detail
		out.dispute.plan(now)
		out.events = append(out.events, event.DisputeUpdated)
	default: // it may have been taken, or never came: the same answer is given again
		out.dispute.DueAt = now.Add(again(a.Tries))
		a.Tries++
	}
	return out
}

// pauses are those between the tries of an answer; the last one repeats.
var pauses = []time.Duration{2 * time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}

func again(tries int64) time.Duration { return pauses[min(tries, int64(len(pauses)-1))] }
