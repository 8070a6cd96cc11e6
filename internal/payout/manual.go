package payout

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// What became of a payout can stay open however often its provider is asked. Then it is a person's business, in one queue with the outcomes of
// payments. The provider is still asked, once a day.

// handOver makes an outcome that stays open a person's business, if it is time. asked tells that a question told nothing, rather than that
// none could be asked.
func (d decision) handOver(asked bool, now time.Time) decision {
	p := &d.payout
	if asked {
		p.Unanswered++
	}
	age := now.Sub(p.SentAt)
	// Of what its provider has taken, only questions without an answer count: for how long it may be under way is its rail's to say.
	due := p.Unanswered >= payment.ManualInquiries && age >= payment.ManualAge || p.Status == Queued && age >= payment.ManualAtLast
	if p.ManualAt.IsZero() && due {
		p.ManualAt, d.handed = now, true
		p.note(now, "call.manual", "asking did not tell what became of it: it waits for a person")
	}
	last := p.SentAt.Add(payment.ManualAtLast)
	switch {
	case !p.ManualAt.IsZero() && asked:
		p.DueAt = now.Add(payment.ManualAgain)
	case p.ManualAt.IsZero() && p.Status == Queued && p.DueAt.After(last):
		p.DueAt = last // it cannot be asked for longer than a person is left in the dark
	}
	return d
}

// told: the provider has spoken of it.
func (p *Payout) told() { p.Unanswered, p.ManualAt = 0, time.Time{} }

// manualItem shows a payout in the manual queue.
func (p Payout) manualItem() payment.ManualItem {
	i := payment.ManualItem{
		ID: p.ID, Object: "manual_item", Livemode: p.Live(), Payout: p.ID, Operation: provider.OpPayout, Amount: p.Amount.Minor(),
		Currency: p.Amount.Currency().Code(), Provider: p.Account, Reference: p.ID, ProviderReference: p.Reference, Reason: payment.ManualNoAnswer,
		Inquiries: p.Inquiries, Since: p.ManualAt, CreatedAt: p.CreatedAt,
	}
	if p.PartOf != "" {
		i.Payout = p.PartOf
	}
	if !p.DueAt.IsZero() {
		i.NextInquiryAt = &p.DueAt
	}
	for _, e := range slices.Backward(p.Timeline) {
		if e.Event != "call.manual" && (strings.HasPrefix(e.Event, "call.") || e.Event == "contradiction") {
			i.Detail = e.Detail
			break
		}
	}
	return i
}

// ManualQueue is what waits for a person, of payments and payouts, the longest first, and whether there is more. after is the id of the last one of the
// stretch before; empty: from the beginning. It fails with fault.Invalid if that is not in the queue any more.
func (s *Service) ManualQueue(ctx context.Context, tenant, after string, limit int) ([]payment.ManualItem, bool, error) {
	var from payment.ManualPlace
	if after != "" {
		var err error
		from, err = s.manualPlace(ctx, tenant, after)
		if fault.Is(err, fault.NotFound) {
			err = fault.Wrong("starting_after", fault.CodeInvalid, "is not in the queue any more")
		}
		if err != nil {
			return nil, false, err
		}
	}
	all, err := s.Payments.ManualQueue(ctx, tenant, from, limit+1)
	if err != nil {
		return nil, false, err
	}
	own, err := s.store.manual(ctx, tenant, from, limit+1)
	if err != nil {
		return nil, false, err
	}
	for _, p := range own {
		all = append(all, p.manualItem())
	}
	slices.SortFunc(all, func(a, b payment.ManualItem) int { return a.Place().Compare(b.Place()) })
	return all[:min(limit, len(all))], len(all) > limit, nil
}

func (s *Service) manualPlace(ctx context.Context, tenant, item string) (payment.ManualPlace, error) {
	if !id.Has(item, id.Payout) {
		return s.Payments.ManualPlace(ctx, tenant, item)
	}
	p, err := s.store.payout(ctx, tenant, item)
	if err == nil && p.ManualAt.IsZero() {
		err = fault.Missing("item in the manual queue")
	}
	return payment.ManualPlace{Since: p.ManualAt, ID: p.ID}, err
}

// ManualOutcome is what a person says of a payout.
type ManualOutcome string

// What they can say.
const (
	WasPaid ManualOutcome = "paid"     // the payee has it
	NotPaid ManualOutcome = "not_paid" // they have not, and will not get it
)

// Resolution is what a person found out.
type Resolution struct {
	Outcome   ManualOutcome
	Reference string // the provider's; empty: it is not known
	Reason    string // how they know
}

// outcome is a person's word about a payout, as an inquiry would have said it.
func (r Resolution) outcome(p Payout) (provider.Outcome, error) {
	switch r.Outcome {
	case WasPaid:
		return provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: p.Amount, Reference: r.Reference}, nil
	case NotPaid:
		o := provider.Refused(provider.ProcessingError, "manual", r.words())
		o.State, o.Reference = provider.Failed, r.Reference
		return o, nil
	}
	return provider.Outcome{}, fault.Wrong("outcome", fault.CodeInvalid, "must be paid or not_paid")
}

// words is what a person said, for operators.
func (r Resolution) words() string { return "a person says: " + string(r.Outcome) + ". " + r.Reason }

// Resolve takes a person's word for what became of a payout in the manual queue; it goes the way of an inquiry's answer. It fails with fault.NotFound,
// with fault.Invalid for an outcome that does not fit, and with fault.Conflict if the payout does not wait for a person, or its provider told meanwhile.
func (s *Service) Resolve(ctx context.Context, tenant, payout string, r Resolution, with Result) (Object, error) {
	d, err := s.apply(ctx, tenant, payout, func(p Payout) (decision, error) {
		if p.ManualAt.IsZero() {
			return decision{}, fault.State("the payout does not wait for a person: what became of it is known, or its provider is still asked")
		}
		o, err := r.outcome(p)
		if err != nil {
			return decision{}, err
		}
		p.note(s.Clock.Now(), "call.resolved", r.words())
		return s.settle(p, o)
	}, func(c *db.Change, d decision) error { return with(c, s.show(d.payout)) })
	if err != nil {
		return Object{}, err
	}
	s.DB.Wake(sweepName)
	return s.show(d.payout), nil
}
