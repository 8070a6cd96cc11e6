package payment

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
)

// Whatever goes wrong with whichever call, in whatever order the provider's messages come and how often, once the worker
// has had its time Florin and the acquirer agree on what was captured and what was given back, each order was charged at
// most once, what ended stayed ended, and the books balance.
func TestFlorinAndTheAcquirerAgreeInTheEnd(t *testing.T) {
	eachTill(t, func(u *till) {
		u.Accounts = pair{}
		method := u.saves(u.payer(), tokenBrowser, true)
		u.firstPaid(method)
		seen := map[string]int{}
		defer func() { u.Logf("stories: %v", seen) }()
		rapid.Check(u.T, func(r *rapid.T) {
			s := &story{till: u, r: r, told: len(u.q.letters()), ended: map[string]string{}, off: switches{}, seen: seen}
			u.Control, s.gates = s.off, shutting(u, map[string]time.Time{})
			s.gates.sudden = rapid.Bool().Draw(r, "sudden")
			u.q.mishaps = rapid.SliceOfN(rapid.SampledFrom([]mishap{
				fine, fine, noArrival, noAnswer, refused, refused, declined51, declined91, declined91, leftOpen, arrivesLate,
				diesBefore, diesAfter,
			}), 0, 6).Draw(r, "mishaps")
			s.bank()
			for range rapid.IntRange(0, 2).Draw(r, "troubles") {
				s.trouble()
			}
			in := order(rapid.Bool().Draw(r, "capture"))
			in.Confirm = rapid.SampledFrom([]bool{true, true, true, false}).Draw(r, "confirm")
			in.Choice.Token = rapid.SampledFrom([]string{token, tokenGerman}).Draw(r, "token")
			if away := rapid.SampledFrom([]bool{false, false, true}).Draw(r, "off session"); away && in.Confirm {
				in.Choice.Token, in.Asked.OffSession, in.QueueUntil = method, true, u.now.Now().Add(30*time.Hour)
			}
			before := s.newest()
			var o Object
			err := dies(func() (err error) {
				o, err = u.Create(u.Context(), in, alone{})
				return err
			})
			if after := s.newest(); errors.Is(err, errCrash) && after != before {
				o.ID = after // nobody was told
			}
			s.tolerable(err)
			s.gates.settled(s.r.Fatalf)
			if o.ID == "" {
				s.refused(err)
				return
			}
			s.payment = o.ID
			s.keep(o)
			for range rapid.IntRange(0, 8).Draw(r, "steps") {
				s.tolerable(dies(func() error { s.step(); return nil }))
				s.watch()
			}
			s.end()
			s.agree()
			s.gates.settled(s.r.Fatalf)
		})
	})
}

// story is one payment's life in a property test.
type story struct {
	*till
	r       *rapid.T
	payment string
	secrets []string          // of the payer's, the latest last
	told    int               // how many of the acquirer's messages are of earlier stories
	ended   map[string]string // the states seen in which something had ended
	off     switches
	seen    map[string]int // how many stories, in all, had what
	gates   *gates
}

// trouble is that people switch something off, or on again, that an account's breaker shuts an operation, or that accounts are full.
func (s *story) trouble() {
	operation := rapid.SampledFrom([]string{"authorize", "authorize", "authenticate", "capture", "void", "refund", "inquiry"}).Draw(s.r, "operation")
	account := rapid.SampledFrom([]string{alpha.ID, beta.ID}).Draw(s.r, "account")
	if rapid.Bool().Draw(s.r, "by people") && operation != "inquiry" && operation != "authenticate" {
		s.off[operation+" "+account] = !s.off[operation+" "+account]
		return
	}
	until := s.now.Now().Add(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 3 * time.Hour}).Draw(s.r, "shut for"))
	s.gates.mu.Lock()
	defer s.gates.mu.Unlock()
	if rapid.SampledFrom([]bool{false, false, true}).Draw(s.r, "by a burst") {
		s.gates.full = map[string]bool{account: rapid.Bool().Draw(s.r, "full")}
		s.gates.packed = rapid.Bool().Draw(s.r, "packed")
		return
	}
	s.gates.until[account+" "+operation] = until
}

// refused holds what a payment that was not made left behind: nothing, and neither account may have been able to take it.
func (s *story) refused(err error) {
	s.seen["refused"]++
	if !fault.Is(err, fault.Unavailable) || len(s.letters()) > 0 {
		s.r.Fatalf("not made: %v, with %v", err, s.letters())
	}
	for _, a := range []provider.Account{alpha, beta} {
		if !s.gates.shuts(a.ID, health.Authorize) && !s.gates.shuts(a.ID, health.Authenticate) && !s.off["authorize "+a.ID] {
			s.r.Fatalf("not made, though %s could: %v", a.ID, err)
		}
	}
	s.audit()
}

// step is something that an application, a provider or time might do, sensible or not.
func (s *story) step() {
	ctx, amount := s.Context(), rapid.Int64Range(0, 10_001).Draw(s.r, "amount")
	var err error
	step := rapid.SampledFrom([]string{
		"capture", "final", "refund", "refund", "cancel", "confirm", "wait", "post", "post", "arrive", "lapse", "age", "decide",
		"finish", "finish", "come back", "come back", "tab", "tab", "ask", "other card", "die", "visit", "act", "trouble", "trouble",
	}).Draw(s.r, "step")
	switch step {
	case "capture":
		_, err = s.Capture(ctx, shop, s.payment, amount, false, alone{})
	case "final":
		_, err = s.Capture(ctx, shop, s.payment, amount, true, alone{})
	case "refund":
		_, err = s.Refund(ctx, shop, s.payment, RefundRequest{Amount: amount}, alone{})
	case "cancel":
		_, err = s.Cancel(ctx, shop, s.payment, "", alone{})
	case "confirm":
		_, err = s.Confirm(ctx, shop, s.payment, Confirmation{Choice: Choice{Token: token}}, alone{})
	case "wait":
		s.later(30 * time.Second)
	case "post":
		s.post()
	case "arrive":
		s.q.arrive()
	case "lapse":
		s.q.lapse(attemptReference(s.payment, rapid.Int64Range(1, 2).Draw(s.r, "attempt")))
	case "trouble":
		s.trouble()
	case "decide":
		s.q.decide(rapid.Bool().Draw(s.r, "happened"))
	case "age":
		s.now.Advance(rapid.SampledFrom([]time.Duration{challengeTime, 8 * 24 * time.Hour}).Draw(s.r, "age"))
	default:
		s.payerDoes(step)
	}
	s.tolerable(err)
}

// bank makes the payer's bank one or the other.
func (s *story) bank() {
	q := &s.q.issuer
	q.insists, q.page, q.blind = rapid.Bool().Draw(s.r, "insists"), rapid.SampledFrom([]bool{false, false, false, true}).Draw(s.r, "page"), false
	q.status = rapid.SampledFrom([]string{"Y", "Y", "Y", "C", "C", "A", "N", "U"}).Draw(s.r, "status")
	q.mishaps = rapid.SliceOfN(rapid.SampledFrom([]mishap{fine, fine, noArrival, noAnswer, refused, diesBefore, diesAfter}), 0, 4).Draw(s.r, "issuer's mishaps")
}

// keep remembers the payer's secret.
func (s *story) keep(o Object) {
	if o.ClientSecret != "" {
		s.secrets = append(s.secrets, o.ClientSecret)
	}
}

// payerDoes is what the payer does, in one tab or another, sensible or not.
func (s *story) payerDoes(step string) {
	ctx := s.Context()
	p, err := s.store.payment(ctx, shop, s.payment)
	if err != nil {
		s.r.Fatal(err)
	}
	number := rapid.Int64Range(1, max(1, p.Attempts)).Draw(s.r, "attempt")
	reference := attemptReference(s.payment, number)
	var o Object
	switch step {
	case "finish":
		s.q.finish(attemptReference(s.payment, p.Attempts), rapid.SampledFrom([]string{passes, passes, fails, cancels, leaves}).Draw(s.r, "ending"))
	case "act":
		s.q.act(attemptReference(s.payment, p.Attempts), rapid.Bool().Draw(s.r, "pays"))
	case "come back":
		if s.q.wasAsked(reference) {
			o, err = s.CompleteChallenge(ctx, shop, s.payment, s.ticket(p, number), s.q.cres(reference))
		}
	case "visit":
		_, o, err = s.Challenge(ctx, shop, s.payment, s.ticket(p, number))
	case "tab":
		if len(s.secrets) > 0 {
			o, err = s.ConfirmByPayer(ctx, shop, s.payment, rapid.SampledFrom(s.secrets).Draw(s.r, "secret"), Confirmation{Choice: Choice{Token: token}}, alone{})
		}
	case "ask":
		o, err = s.Confirm(ctx, shop, s.payment, Confirmation{}, alone{})
	case "other card":
		o, err = s.Confirm(ctx, shop, s.payment, Confirmation{Choice: Choice{Token: tokenMaster}}, alone{})
	case "die":
		o, err = s.Confirm(ctx, shop, s.payment, Confirmation{Choice: Choice{Token: tokenGerman}}, crash{})
	}
	var refused *DeclinedError
	if errors.As(err, &refused) {
		o = refused.Payment
	}
	s.keep(o)
	if !errors.Is(err, errCrash) && !fault.Is(err, fault.NotFound) { // dead, or the ticket is of long ago
		s.tolerable(err)
	}
}

// letters are the acquirer's messages of this story.
func (s *story) letters() []provider.Notification { return s.q.letters()[s.told:] }

// post brings any of the messages so far, for the first time or again.
func (s *story) post() {
	letters := s.letters()
	if len(letters) > 0 {
		s.hear(rapid.SampledFrom(letters).Draw(s.r, "letter"))
	}
}

func (s *story) hear(n provider.Notification) {
	account := alpha
	if s.q.askedAt(n.Attempt) == beta.ID {
		account = beta
	}
	err := s.Notify(s.Context(), account, n, func(*db.Change, Heard) error { return nil })
	if err != nil {
		s.r.Fatalf("notify %+v: %v", n, err)
	}
}

// end lets everything arrive, in any order, and the worker finish.
func (s *story) end() {
	clear(s.off)
	s.gates.mu.Lock()
	clear(s.gates.until)
	clear(s.gates.full)
	s.gates.mu.Unlock()
	s.q.mishaps, s.q.issuer.mishaps = nil, nil
	s.later(time.Hour)
	s.q.arrive()
	s.q.decide(rapid.Bool().Draw(s.r, "happened"))
	if letters := s.letters(); len(letters) > 0 {
		for _, n := range rapid.Permutation(letters).Draw(s.r, "letters") {
			s.hear(n)
		}
	}
	s.later(24 * time.Hour)
	s.watch()
}

// newest is the payment that was made last; empty: there is none.
func (s *story) newest() string {
	page, _, err := s.List(s.Context(), shop, Page{Limit: 1}, Filter{})
	if err != nil {
		s.r.Fatal(err)
	}
	if len(page) == 0 {
		return ""
	}
	return page[0].ID
}

// tolerable fails on an error that an application would not know what to do with.
func (s *story) tolerable(err error) {
	var refused *DeclinedError
	if err != nil && !errors.Is(err, errCrash) && !errors.As(err, &refused) && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Unavailable) {
		s.r.Fatalf("an error of kind %d: %v", fault.Of(err), err)
	}
}

// watch holds what must be true at any time: amounts within amounts, one attempt at most with the payer's money, and
// nothing that ended in another state than before.
func (s *story) watch() {
	ctx := s.Context()
	p, err := s.store.payment(ctx, shop, s.payment)
	attempts, err2 := s.store.attempts(ctx, shop, s.payment)
	operations, err3 := s.store.operations(ctx, shop, s.payment)
	if err := errors.Join(err, err2, err3); err != nil {
		s.r.Fatal(err)
	}
	if p.Captured.Minor() > p.Authorized.Minor() || p.Refunded.Minor()+p.Refunding.Minor() > p.Captured.Minor() {
		s.r.Fatalf("amounts: %+v", p)
	}
	s.stays(p.ID, string(p.Status), len(paymentMoves[p.Status]) == 0)
	active := 0
	for _, a := range attempts {
		if !holdsNothing[a.State] {
			active++
		}
		s.stays(a.ID, string(a.State), len(attemptMoves[a.State]) == 0)
	}
	if p.Challenges > MaxChallenges || (p.Status == RequiresAction) != (p.Action != nil) {
		s.r.Fatalf("%d challenges: %+v", p.Challenges, p)
	}
	if active > 1 {
		s.r.Fatalf("%d attempts may hold money: %+v", active, attempts)
	}
	for _, o := range operations {
		s.stays(o.ID, string(o.State), !o.open())
	}
}

func (s *story) stays(what, state string, ended bool) {
	if before, ok := s.ended[what]; ok && before != state {
		s.r.Fatalf("%s was %s and is %s", what, before, state)
	}
	if ended {
		s.ended[what] = state
	}
}

// agree compares Florin's end with the acquirer's.
func (s *story) agree() {
	o := s.status(s.payment)
	if o.Status == Processing || o.Status == RequiresAction || o.AmountCapturing != 0 || slices.ContainsFunc(o.Refunds, func(r RefundObject) bool { return r.Status == "pending" }) {
		s.r.Fatalf("still open: %+v", o)
	}
	s.seen[string(o.Status)]++
	if slices.ContainsFunc(o.Attempts, func(a AttemptObject) bool { return a.Routing != nil && a.Routing.Place > 0 && a.Number > 1 }) {
		s.seen["with a cascade"]++
	}
	if o.QueueUntil != nil {
		s.seen["off session"]++
		for _, a := range o.Attempts {
			if a.Status == AttemptVoided && a.Number < int64(len(o.Attempts)) {
				s.seen["made after its call was lost"]++
			}
		}
	}
	var kept, held, charged int64
	for _, a := range o.Attempts {
		open, taken := s.q.keeps(attemptReference(s.payment, a.Number))
		kept += taken
		if open {
			held++
		}
		if taken > 0 {
			charged++
		}
	}
	if kept != o.AmountCaptured-o.AmountRefunded || charged > 1 {
		s.r.Fatalf("the acquirer keeps %d of %d tries, Florin has %+v", kept, charged, o)
	}
	if (held > 0) != (o.Status == Authorized) || held > 1 {
		s.r.Fatalf("the payment is %s, the acquirer holds money %d times", o.Status, held)
	}
	rows, err := s.store.contradictions(s.Context(), shop, s.payment)
	if len(rows) > 0 {
		s.seen["with a late approval"]++
	}
	if err != nil || slices.ContainsFunc(rows, func(c Contradiction) bool { return c.Remedy != RemedyReversed && c.Remedy != RemedyBooked }) {
		s.r.Fatalf("an honest acquirer contradicts: %+v, %v", rows, err)
	}
	s.audit()
}
