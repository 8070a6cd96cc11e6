package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// Card networks bound how often a merchant tries a declined card again at the same amount, and fine who does it after they said never again.
// Florin counts for itself and refuses before anybody is called. A card that is tried once and approved has no history, and a payment with it
// costs one look at an index. A history begins with the first decline, with a second try while one is under way, or with one whose end is not
// known when its request ends, in the Change that records it; from then on every try is written into it in the Change of its intent, by
// compare-and-set, so that two at the limit do not both pass. docs/providers.md has the rules for people.

// history is what came of a merchant's tries of one card at one amount.
type history struct {
	merchant, card string // card is the fingerprint of a number: a network token has its own
	amount         money.Money
	tries          []pastTry // oldest first
	version        int64     // 0: there is none
	wanted         bool      // others are under way: the next try is written into it even if there is none yet
}

// pastTry is a try that was declined, or whose end is not written down. One that succeeds stays so: nobody has to write here for it.
type pastTry struct {
	Payment string               `json:"payment"`
	Number  int64                `json:"number"` // of the attempt
	At      time.Time            `json:"at"`     // when it began, or was declined
	Code    provider.DeclineCode `json:"code,omitempty"`
	Network string               `json:"network,omitempty"` // the network's response code
	Advice  string               `json:"advice,omitempty"`
}

func (t pastTry) open() bool { return t.Code == "" }

func (t pastTry) same(as pastTry) bool { return t.Payment == as.Payment && t.Number == as.Number }

func (t pastTry) decline() provider.Decline {
	return provider.Decline{Code: t.Code, NetworkDecline: t.Network, NetworkAdvice: t.Advice}
}

// ruleNever is the name of the rule that a card is not tried again after a decline that said so. Limits have names of their own.
const ruleNever = "never_again"

// ban is why a card may not be tried at an amount now.
type ban struct {
	rule  string
	last  pastTry   // the decline that the caller is told
	until time.Time // when the rule lets the next try through, or may; zero: not by waiting
}

// openWait is after how long it is worth asking again where tries are in the way whose end is not known: by then it mostly is.
const openWait = time.Minute

// banned tells whether a network's rules keep a card from being tried.
func (h history) banned(rules provider.Networks, brand string, now time.Time) (ban, bool) {
	var last pastTry
	for _, t := range h.tries {
		if t.open() {
			continue
		}
		last = t
		if rules.NeverAgain(brand, t.decline()) && now.Before(t.At.Add(rules.NeverFor)) {
			return ban{rule: ruleNever, last: t}, true
		}
	}
	var worst ban
	for _, l := range rules.Of(brand).Limits {
		within := slices.DeleteFunc(slices.Clone(h.tries), func(t pastTry) bool { return !now.Before(t.At.Add(l.Window)) })
		if len(within) < l.Declines {
			continue
		}
		until := within[len(within)-l.Declines].At.Add(l.Window)
		if sooner := known(within, l.Declines, now); !sooner.IsZero() && sooner.Before(until) {
			until = sooner
		}
		if until.After(worst.until) {
			worst = ban{rule: l.Name, last: last, until: until}
		}
	}
	return worst, worst.rule != ""
}

// known is when it may be known that a limit is not reached, as some of the tries are not declined yet: a minute ahead, and later the longer
// they are open. It is zero if the declines alone reach it.
func known(tries []pastTry, limit int, now time.Time) time.Time {
	declines, wait := 0, openWait
	for _, t := range tries {
		if !t.open() {
			declines++
		} else {
			wait = max(wait, now.Sub(t.At))
		}
	}
	if declines >= limit {
		return time.Time{}
	}
	return now.Add(wait)
}

// counted is the history with a decline. One that no rule of the card's network asks about leaves it as it is.
func (h history) counted(rules provider.Networks, brand string, a Attempt, d provider.Decline, now time.Time) history {
	if len(rules.Of(brand).Limits) == 0 && !rules.NeverAgain(brand, d) {
		return h
	}
	return h.with(pastTry{Payment: a.Payment, Number: a.Number, At: now, Code: d.Code, Network: d.NetworkDecline, Advice: d.NetworkAdvice}, rules, now)
}

// begun is the history with a try that begins. If there is none, and none is wanted, there is nothing to count yet.
func (h history) begun(rules provider.Networks, a Attempt, now time.Time) history {
	if len(h.tries) == 0 && !h.wanted {
		return h
	}
	return h.with(pastTry{Payment: a.Payment, Number: a.Number, At: now}, rules, now)
}

// as is the history as one of its tries finds it: with those of the others under way that it does not tell of, and without the try itself,
// which another one may have taken along already.
func (h history) as(self pastTry, others []pastTry, alone bool) history {
	h.wanted = !alone
	h.tries = slices.DeleteFunc(slices.Clone(h.tries), self.same)
	for _, t := range others {
		if !h.has(t) {
			h.tries = append(h.tries, t)
		}
	}
	slices.SortStableFunc(h.tries, func(a, b pastTry) int { return a.At.Compare(b.At) })
	return h
}

func (h history) has(t pastTry) bool { return slices.ContainsFunc(h.tries, t.same) }

// with puts a try at the end, in the place of what was known of it, and forgets what is too old for every rule.
func (h history) with(t pastTry, rules provider.Networks, now time.Time) history {
	old := now.Add(-rules.KeepFor())
	h.tries = slices.DeleteFunc(slices.Clone(h.tries), func(is pastTry) bool {
		return is.same(t) || !is.At.After(old)
	})
	h.tries = append(h.tries, t)
	if over := len(h.tries) - provider.MaxDeclines; over > 0 {
		h.tries = h.tries[over:]
	}
	return h
}

// without is the history less a try that has ended without a decline. approved says that it has the money: where the network's rules
// count the tries of one sale, that sale is over.
func (h history) without(t pastTry, approved bool, rules provider.Networks, brand string) history {
	over := approved && rules.Of(brand).ApprovalEnds
	h.tries = slices.DeleteFunc(slices.Clone(h.tries), func(is pastTry) bool {
		return is.same(t) ||
			over && !is.open() && !is.At.After(t.At) && !rules.NeverAgain(brand, is.decline())
	})
	return h
}

// failure is what a ban makes of a payment: the issuer's last word again, and the rule by which nobody was asked.
func (b ban) failure() *FailureObject {
	last := b.last.decline()
	if last.Code == "" {
		last.Code = provider.VelocityExceeded // so many are under way at once that no decline is left to repeat
	}
	f := declined(provider.Outcome{Class: provider.Declined, Decline: last})
	f.RetryRule = b.rule
	if !b.until.IsZero() {
		until := b.until.UTC()
		f.RetryAt = &until
	}
	return f
}

// unasked decides the end of a try that the networks' rules forbid: the payment has failed, and there is no attempt. One with smart retries waits
// on, if the rule lets it through in time. given is a try that is
// given up for it, if there is one.
func (p Payment) unasked(b ban, given *Attempt, now time.Time) (decision, error) {
	d := decision{payment: p}
	if p.Version == 0 {
		d.tell(event.PaymentCreated)
	}
	if given != nil {
		if err := d.walkAway(*given, now); err != nil {
			return d, err
		}
	}
	q := &d.payment
	q.Failure = b.failure()
	if p.waits() {
		if p.Later.Smart != nil && !b.until.IsZero() && !b.until.After(p.Later.Smart.Until) {
			d.tell(event.PaymentPending)
			return d, q.postpone(LaterIssuer, b.until)
		}
		q.ownLater().Waits = ""
	}
	d.tell(event.PaymentFailed)
	if q.AwaitsPayer {
		q.DueAt = q.ExpiresAt
		return d, q.move(RequiresPaymentMethod)
	}
	q.DueAt, q.ExpiresAt = time.Time{}, time.Time{}
	return d, q.move(Failed)
}

// forbidden ends an attempt whose payer is back from their bank, for a card that may not be tried any more.
func (p Payment) forbidden(b ban, a Attempt, now time.Time) (decision, error) {
	d := decision{payment: p, attempt: &a}
	waited := a
	if err := a.move(AttemptDeclined); err != nil {
		return d, err
	}
	d.leaveIssuer(waited, now)
	return d, d.end(b.failure())
}

// counts tells whether the tries of a payment's method are counted.
func (p Payment) counts() bool { return p.Method.isCard() && p.Method.Fingerprint != "" }

// bounded tells whether a card network bounds how often a payment's card is tried.
func (s *Service) bounded(p Payment) bool {
	return p.counts() && len(s.Networks.Of(p.Method.Brand).Limits) > 0
}

func (p Payment) cardAmount() cardAmount {
	return cardAmount{tenant: p.Merchant, card: p.Method.Fingerprint, amount: p.Amount}
}

// enters has a request try a payment's card, until it leaves. It goes before the history of the card is read.
func (s *Service) enters(p Payment, number int64) (leave func()) {
	if !s.bounded(p) {
		return func() {}
	}
	return s.crowd.enter(p.cardAmount(), pastTry{Payment: p.ID, Number: number, At: s.Clock.Now()})
}

// recall begins to read the history of a payment's card for its next try. What it gives waits for it; it must be called.
func (s *Service) recall(ctx context.Context, p Payment) func() (history, error) {
	if !p.counts() {
		return func() (history, error) { return history{}, nil }
	}
	var h history
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		h, err = s.history(ctx, p, p.Attempts+1)
	}()
	return func() (history, error) {
		<-done
		return h, err
	}
}

// history is that of a payment's card and amount as one of its tries finds it.
func (s *Service) history(ctx context.Context, p Payment, number int64) (history, error) {
	h, err := s.recorded(ctx, p)
	if err == nil && s.bounded(p) {
		self := pastTry{Payment: p.ID, Number: number}
		others, alone := s.crowd.beside(p.cardAmount(), self)
		h = h.as(self, others, alone)
	}
	return h, err
}

// recorded is the history of a payment's card and amount as it is written; one without tries if there is none.
func (s *Service) recorded(ctx context.Context, p Payment) (history, error) {
	h, err := s.store.history(ctx, p.Merchant, p.Method.Fingerprint, p.Amount)
	if fault.Is(err, fault.NotFound) {
		return history{merchant: p.Merchant, card: p.Method.Fingerprint, amount: p.Amount}, nil
	}
	return h, err
}

// judge tells whether a payment's card may be tried now. At a limit it looks up the tries whose end is not written down, and gives the
// history without those that were not declined. It fails with fault.Stale if the history changed meanwhile.
func (s *Service) judge(ctx context.Context, p Payment, h history) (history, *ban, error) {
	now := s.Clock.Now()
	b, banned := h.banned(s.Networks, p.Method.Brand, now)
	if !banned {
		return h, nil, nil
	}
	if b.rule == ruleNever || !slices.ContainsFunc(h.tries, pastTry.open) {
		return h, &b, nil
	}
	clean, err := s.ended(ctx, p, h)
	if err != nil {
		return h, nil, err
	}
	if b, banned = clean.banned(s.Networks, p.Method.Brand, now); banned {
		return clean, &b, nil
	}
	again, err := s.recorded(ctx, p)
	if err == nil && again.version != h.version {
		err = errHistory // what seems to have ended may be a decline that came in between
	}
	return clean, nil, err
}

// unwritten is how long a try may be under way before its intent is written.
const unwritten = time.Minute

// ended is a history without the tries that have ended, as if none of them had been declined meanwhile.
func (s *Service) ended(ctx context.Context, p Payment, h history) (history, error) {
	attempts, err := s.store.attemptsOf(ctx, p.Merchant, h.open())
	if err != nil {
		return h, fmt.Errorf("tries of the card of %s: %w", p.ID, err)
	}
	clean, now := h, s.Clock.Now()
	for _, t := range h.tries {
		if !t.open() {
			continue
		}
		at := slices.IndexFunc(attempts, func(a Attempt) bool { return a.Payment == t.Payment && a.Number == t.Number })
		switch {
		case at < 0 && now.Before(t.At.Add(unwritten)):
		case at < 0:
			clean = clean.without(t, false, s.Networks, p.Method.Brand) // it was given up before it was written
		case !inquirable[attempts[at].State] && attempts[at].State != AttemptAction:
			clean = clean.without(t, attempts[at].State.has(), s.Networks, p.Method.Brand)
		}
	}
	return clean, nil
}

// open are the payments of the tries whose end is not written down.
func (h history) open() []string {
	var payments []string
	for _, t := range h.tries {
		if t.open() {
			payments = append(payments, t.Payment)
		}
	}
	return payments
}

// heard is what a decision about an attempt does to the history of its card: a decline is counted, and a try that follows needs its place.
// It takes from the terms what may not follow.
func (s *Service) heard(ctx context.Context, p Payment, a Attempt, o provider.Outcome, t *terms) error {
	if !p.counts() || holdsNothing[a.State] || o.Class != provider.Declined && t.next == nil {
		return nil
	}
	number := a.Number
	if o.Class != provider.Declined { // its place is the next one's, which nobody knows of yet
		number++
		s.crowd.goOn(p.cardAmount(), pastTry{Payment: p.ID, Number: number, At: t.now})
	}
	h, err := s.history(ctx, p, number)
	if err != nil {
		return err
	}
	if o.Class == provider.Declined {
		h = h.counted(s.Networks, p.Method.Brand, a, o.Decline, t.now)
	} else {
		h = h.without(pastTry{Payment: a.Payment, Number: a.Number}, false, s.Networks, p.Method.Brand)
	}
	h, banned, err := s.judge(ctx, p, h)
	if banned != nil {
		t.next, t.again = nil, ""
	}
	t.past = &h
	return err
}

// reserve gives a try that begins its place in the history of its card, if there is one or one is wanted.
func (d *decision) reserve(h history, rules provider.Networks, now time.Time) {
	if h = h.begun(rules, *d.latest().attempt, now); len(h.tries) > 0 {
		d.history = &h
	}
}

// leavesOpen are the states in which an attempt may be left by the request that began it, and be declined later.
var leavesOpen = map[AttemptState]bool{AttemptUnknown: true, AttemptPending: true, AttemptAction: true}

// leftOpen has the history of its card tell of a try that a decision leaves open: whoever looks for what is under way will not find it any more.
func (s *Service) leftOpen(ctx context.Context, d *decision) error {
	a := d.attempt
	if a == nil || d.history != nil || a.was != AttemptSending || !leavesOpen[a.State] || !s.bounded(d.payment) {
		return nil
	}
	h, err := s.recorded(ctx, d.payment)
	if err != nil || h.has(pastTry{Payment: a.Payment, Number: a.Number}) {
		return err
	}
	h.wanted = true
	h = h.begun(s.Networks, *a, s.Clock.Now())
	d.history = &h
	return nil
}

// errHistory means that the history of a card changed while it was looked at.
var errHistory = &db.Conflict{Kind: fault.Stale, Table: retryTable.Name}

// historyChanged tells whether a Change lost because of the history of its card.
func historyChanged(err error) bool {
	var lost *db.Conflict
	return errors.As(err, &lost) && lost.Table == retryTable.Name
}

// remembered puts into a decision what it does to the history of its card.
func (d *decision) remembered(rules provider.Networks, t terms) {
	if t.past == nil || d.attempt == nil || d.attempt.State != AttemptDeclined && d.next == nil {
		return
	}
	h := *t.past
	if d.next != nil {
		h = h.begun(rules, *d.next, t.now)
	}
	if len(h.tries) > 0 {
		d.history = &h
	}
}

// stillAllowed is the decision that the money is asked for of a payer who is back from their bank, or that it is not: while they were away
// their card may have been tried too often.
func (s *Service) stillAllowed(ctx context.Context, p Payment, a Attempt, goesOn decision) (decision, error) {
	if !p.counts() {
		return goesOn, nil
	}
	h, err := s.history(ctx, p, a.Number)
	if err != nil {
		return goesOn, err
	}
	h = h.without(pastTry{Payment: a.Payment, Number: a.Number}, false, s.Networks, p.Method.Brand)
	h, banned, err := s.judge(ctx, p, h)
	switch {
	case err != nil:
		return decision{}, err
	case banned != nil:
		return p.forbidden(*banned, a, s.Clock.Now())
	}
	goesOn.reserve(h, s.Networks, s.Clock.Now())
	return goesOn, nil
}
