package dispute

import (
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

func TestEvidenceIsSubmittedOnce(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000), payment.Applied)
		if _, err := k.Answer(k.Context(), shop, id, Submit, alone{}); !fault.Is(err, fault.Conflict) {
			k.Errorf("nothing was submitted: %v", err)
		}
		k.explain(id)
		if _, err := k.PutFile(k.Context(), shop, id, "receipt.pdf", "application/pdf", []byte(aPDF), nothing); err != nil {
			k.Fatal(err)
		}
		o := k.answer(id, Submit)
		if o.Status != provider.DisputeUnderReview || o.Response == nil || o.Response.Status != AnswerTaken {
			k.Errorf("answered %+v", o)
		}
		if e := k.q.last; e.Dispute != "dp_"+p.ID || e.Texts["explanation"] != "it was delivered" || len(e.Files) != 1 || string(e.Files[0].Body) != aPDF {
			k.Errorf("the provider was given %+v", e)
		}
		k.tell(chargeback(p, 10_000, status(provider.DisputeUnderReview)), payment.Known)
		for _, kind := range []AnswerKind{Submit, Accept} {
			if _, err := k.Answer(k.Context(), shop, id, kind, alone{}); !fault.Is(err, fault.Conflict) {
				k.Errorf("%s again: %v", kind, err)
			}
		}
		if _, err := k.SetTexts(k.Context(), shop, id, map[string]string{"explanation": "or not"}, nothing); !fault.Is(err, fault.Conflict) {
			k.Errorf("evidence changes after it was submitted: %v", err)
		}
		k.heard(event.DisputeCreated, event.DisputeUpdated)
		k.stands(id, provider.DisputeUnderReview, MoneyHeld, 10_000)
	})
}

func TestAnAcceptedDisputeIsLostAtOnce(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000), payment.Applied)
		k.answer(id, Accept)
		k.stands(id, provider.DisputeAccepted, MoneyGone, 10_000)
		k.holds(ledger.DisputeReserve, 0, ledger.DisputeReceivable, 0, ledger.MerchantAvailable, -11_500)
		k.tell(chargeback(p, 10_000, status(provider.DisputeAccepted)), payment.Known)
		k.tell(chargeback(p, 10_000, status(provider.DisputeLost)), payment.Known)
		k.heard(event.DisputeCreated, event.DisputeLost)
	})
}

func TestAnAnswerOfWhichNothingIsKnownIsGivenAgain(t *testing.T) {
	eachDesk(t, func(k *desk) {
		for _, kind := range []AnswerKind{Submit, Accept} {
			p := k.pay()
			id := k.tell(chargeback(p, 10_000), payment.Applied)
			k.explain(id)
			k.q.answers, k.q.says = nil, []provider.Outcome{provider.Doubt("no answer in time"), {Class: provider.NotSent}}
			if o := k.answer(id, kind); o.Response.Status != AnswerPending || o.Status != provider.DisputeNeedsResponse {
				k.Errorf("%s: %+v", kind, o)
			}
			if _, err := k.Answer(k.Context(), shop, id, kind, alone{}); !fault.Is(err, fault.Conflict) {
				k.Errorf("a second answer beside the first: %v", err)
			}
			k.passes(time.Second, 1) // too early
			if len(k.q.answers) != 1 {
				k.Errorf("%d answers", len(k.q.answers))
			}
			k.passes(20*time.Second, 20)
			o, err := k.Get(k.Context(), shop, id)
			if err != nil || o.Response.Status != AnswerTaken || len(k.q.answers) != 3 {
				k.Errorf("%s: %+v after %d answers, %v", kind, o, len(k.q.answers), err)
			}
			for _, a := range k.q.answers {
				if a != k.q.answers[0] {
					k.Errorf("another answer: %+v", k.q.answers)
				}
			}
		}
	})
}

// A process that dies between intent and result leaves a pending answer that is due after its lease.
func TestAnAnswerWhoseProcessDiedIsGivenByTheWorker(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000), payment.Applied)
		d, err := k.store.dispute(k.Context(), shop, id)
		if err != nil {
			k.Fatal(err)
		}
		intent, err := d.answer(Accept, "da_1", k.now.Now(), k.now.Now().Add(lease))
		if err != nil {
			k.Fatal(err)
		}
		c, _, err := k.change(k.Context(), intent)
		if err != nil {
			k.Fatal(err)
		}
		if err := k.DB.Commit(k.Context(), c); err != nil {
			k.Fatal(err)
		}
		k.passes(lease-time.Second, 1)
		k.stands(id, provider.DisputeNeedsResponse, MoneyHeld, 10_000)
		k.passes(2*time.Second, 2)
		k.stands(id, provider.DisputeAccepted, MoneyGone, 10_000)
		if len(k.q.answers) != 1 || k.q.answers[0].Reference != "da_1" {
			k.Errorf("answers %+v", k.q.answers)
		}
	})
}

func TestARefusedAnswerLeavesTheDisputeOpen(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000), payment.Applied)
		k.explain(id)
		k.q.says = []provider.Outcome{provider.Refused(provider.ProcessingError, "state", "too late")}
		if o := k.answer(id, Submit); o.Response.Status != AnswerRefused || o.Response.Detail != "too late" || o.Status != provider.DisputeNeedsResponse {
			k.Errorf("%+v", o)
		}
		k.explain(id)
		k.answer(id, Submit)
		k.stands(id, provider.DisputeUnderReview, MoneyHeld, 10_000)
	})
}

func TestTheProvidersWordOvertakesAnAnswerOnItsWay(t *testing.T) {
	eachDesk(t, func(k *desk) {
		for _, c := range []struct {
			kind AnswerKind
			says func(*provider.Dispute)
			want AnswerState
			end  provider.DisputeStatus
			m    Money
		}{
			{Submit, status(provider.DisputeUnderReview), AnswerTaken, provider.DisputeUnderReview, MoneyHeld},
			{Accept, status(provider.DisputeAccepted), AnswerTaken, provider.DisputeAccepted, MoneyGone},
			{Submit, status(provider.DisputeWon), AnswerOvertaken, provider.DisputeWon, MoneyReturned},
			{Submit, stage(provider.StageArbitration), AnswerOvertaken, provider.DisputeNeedsResponse, MoneyHeld},
		} {
			p := k.pay()
			id := k.tell(chargeback(p, 10_000), payment.Applied)
			k.explain(id)
			k.q.answers, k.q.says = nil, []provider.Outcome{provider.Doubt("")}
			k.answer(id, c.kind)
			k.tell(chargeback(p, 10_000, c.says), payment.Applied)
			k.passes(10*time.Second, 10)
			disputed := int64(10_000)
			if c.m == MoneyReturned {
				disputed = 0
			}
			if o := k.stands(id, c.end, c.m, disputed); o.Response.Status != c.want || len(k.q.answers) != 1 {
				k.Errorf("%+v after %d answers, want %s", o.Response, len(k.q.answers), c.want)
			}
		}
	})
}

func TestTheMerchantIsRemindedAndThenItIsTooLate(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000), payment.Applied)
		k.passes(10*day-time.Hour, 10*24-1)
		var days []string
		for _, e := range k.heard(event.DisputeCreated, event.DisputeUpdated, event.DisputeUpdated, event.DisputeUpdated) {
			_, after, _ := strings.Cut(string(e.Body), `"reminder_days":`)
			days = append(days, e.CreatedAt.Sub(start).String()+" "+after[:strings.IndexAny(after, ",}")])
		}
		if got := strings.Join(days, " "); got != "0s null 72h0m0s 7 168h0m0s 3 216h0m0s 1" {
			k.Errorf("reminded %s", got)
		}
		k.passes(2*time.Hour, 4)
		k.stands(id, provider.DisputeExpired, MoneyGone, 10_000)
		k.heard(event.DisputeCreated, event.DisputeUpdated, event.DisputeUpdated, event.DisputeUpdated, event.DisputeLost)
		k.holds(ledger.DisputeReserve, 0, ledger.MerchantAvailable, -11_500)
		if _, err := k.Answer(k.Context(), shop, id, Accept, alone{}); !fault.Is(err, fault.Conflict) {
			k.Errorf("answered: %v", err)
		}
		k.tell(chargeback(p, 10_000, status(provider.DisputeExpired)), payment.Known)
		k.tell(chargeback(p, 10_000, status(provider.DisputeWon)), payment.Contradicted)
	})
}

// Whoever slept through reminders hears the last one alone; a deadline that is put off reminds anew.
func TestRemindersFollowTheDeadline(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		k.tell(chargeback(p, 10_000), payment.Applied)
		k.passes(8*day, 1)
		k.heard(event.DisputeCreated, event.DisputeUpdated) // 3 days, not 7
		later := chargeback(p, 10_000)
		later.Dispute.EvidenceDueAt = k.now.Now().Add(5 * day)
		k.tell(later, payment.Applied)
		k.passes(2*day+time.Hour, 1)
		k.heard(event.DisputeCreated, event.DisputeUpdated, event.DisputeUpdated, event.DisputeUpdated)
	})
}

func TestAnAnswerOnItsWayIsNotTooLate(t *testing.T) {
	eachDesk(t, func(k *desk) {
		p := k.pay()
		id := k.tell(chargeback(p, 10_000), payment.Applied)
		k.explain(id)
		k.now.Advance(10*day - time.Second)
		k.q.says = []provider.Outcome{provider.Doubt(""), provider.Doubt("")}
		k.answer(id, Submit)
		k.passes(30*time.Second, 30)
		k.stands(id, provider.DisputeUnderReview, MoneyHeld, 10_000)
	})
}

func TestAProviderThatTakesNoAnswersIsSaid(t *testing.T) {
	eachDesk(t, func(k *desk) {
		to := alpha
		to.ID = "mute"
		n := chargeback(payment.Object{ID: "unknown"}, 100)
		var id string
		if err := k.Notify(k.Context(), to, n, recordSubject(&id)); err != nil {
			k.Fatal(err)
		}
		if _, err := k.Answer(k.Context(), shop, id, Accept, alone{}); !fault.Is(err, fault.Conflict) {
			k.Errorf("answered: %v", err)
		}
		if _, err := k.Answer(k.Context(), shop, "dp_none", Accept, alone{}); !fault.Is(err, fault.NotFound) {
			k.Errorf("answered: %v", err)
		}
	})
}
