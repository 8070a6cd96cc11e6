// Package retry decides whether a card that was declined may be tried again, and when that is worth it: by the limits of the card networks, by
// why it was declined, and by the hour of the day. It knows no payment and no provider, and reads and writes nothing: payments keep the
// histories, hand over the rules, and ask.
package retry

import (
	"slices"
	"time"

	"github.com/florinpay/florin/internal/money"
)

// Card networks bound how often a merchant tries a declined card again at the same amount, and fine who does it after they said never again.
// A card that is approved has no history. One begins with the first decline, or with a try whose end is not known when its request ends; from
// then on every try is written into it before anybody is called. What is under way without one is counted in memory: see Gate. docs/retries.md
// says how exact that is, docs/providers.md has the rules for people.

// Card is what card networks count by: one card of one merchant at one amount.
type Card struct {
	Merchant    string // with its mode
	Fingerprint string // of a number: a network token has its own
	Amount      money.Money
}

// History is what came of the tries of a card. The zero value of all but the card is that of one without.
type History struct {
	Card
	Tries   []Try // oldest first
	Version int64 // that it was read with; 0: there is none
}

// Try is a try that was declined, or whose end is not written down. One that succeeds stays so: nobody has to write here for it.
type Try struct {
	Payment string    `json:"payment"`
	Number  int64     `json:"number"` // of the attempt
	At      time.Time `json:"at"`     // when it began, or was declined
	Code    string    `json:"code,omitempty"`
	Network string    `json:"network,omitempty"` // the network's response code
	Advice  string    `json:"advice,omitempty"`  // the network's
}

// Open tells whether the end of the try is not written down.
func (t Try) Open() bool { return t.Code == "" }

// Same tells whether two are the same attempt.
func (t Try) Same(as Try) bool { return t.Payment == as.Payment && t.Number == as.Number }

// Rules are what the network of a card asks of tries after a decline. The zero value asks nothing and keeps nothing.
type Rules struct {
	Limits       []Limit
	ApprovalEnds bool                    // the limits are of the tries of one sale: an approval ends them, and the next sale has its own
	Never        func(declined Try) bool // whether a decline says that the card must not be tried again; nil: none does
	NeverFor     time.Duration           // how long that holds
	KeepFor      time.Duration           // how long a decline counts for something
	Most         int                     // how many tries are kept; no limit is above it
}

// Limit is a network's cap on the declines of one card within a time.
type Limit struct {
	Name     string
	Declines int
	Window   time.Duration
}

func (r Rules) never(declined Try) bool { return r.Never != nil && r.Never(declined) }

// NeverAgain is the name of the rule that a card is not tried again after a decline that said so. Limits have names of their own.
const NeverAgain = "never_again"

// Ban is why a card may not be tried now.
type Ban struct {
	Rule  string    // NeverAgain, or the name of a limit
	Last  Try       // the decline that the caller is told; the zero value if none of the tries has been declined yet
	Until time.Time // when the rule lets the next try through, or may; zero: not by waiting
}

// openWait is after how long it is worth asking again where tries are in the way whose end is not known: by then it mostly is.
const openWait = time.Minute

// Banned tells whether the rules keep the card from being tried. An open try counts as a decline: it may become one.
func (h History) Banned(rules Rules, now time.Time) (Ban, bool) {
	var last Try
	for _, t := range h.Tries {
		if t.Open() {
			continue
		}
		last = t
		if rules.never(t) && now.Before(t.At.Add(rules.NeverFor)) {
			return Ban{Rule: NeverAgain, Last: t}, true
		}
	}
	var worst Ban
	for _, l := range rules.Limits {
		within := slices.DeleteFunc(slices.Clone(h.Tries), func(t Try) bool { return !now.Before(t.At.Add(l.Window)) })
		if len(within) < l.Declines {
			continue
		}
		until := within[len(within)-l.Declines].At.Add(l.Window)
		if sooner := known(within, l.Declines, now); !sooner.IsZero() && sooner.Before(until) {
			until = sooner
		}
		if until.After(worst.Until) {
			worst = Ban{Rule: l.Name, Last: last, Until: until}
		}
	}
	return worst, worst.Rule != ""
}

// known is when it may be known that a limit is not reached, as some of the tries are not declined yet: a minute ahead, and later the longer
// they are open. It is zero if the declines alone reach it.
func known(tries []Try, limit int, now time.Time) time.Time {
	declines, wait := 0, openWait
	for _, t := range tries {
		if !t.Open() {
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

// Counted is the history with a decline. One that no rule of the card's network asks about leaves it as it is.
func (h History) Counted(declined Try, rules Rules, now time.Time) History {
	if len(rules.Limits) == 0 && !rules.never(declined) {
		return h
	}
	return h.With(declined, rules, now)
}

// Begun is the history with a try that begins. If there is none, there is nothing to count yet.
func (h History) Begun(t Try, rules Rules, now time.Time) History {
	if len(h.Tries) == 0 {
		return h
	}
	return h.With(t, rules, now)
}

// Has tells whether the history has an attempt.
func (h History) Has(t Try) bool { return slices.ContainsFunc(h.Tries, t.Same) }

// With puts a try at the end, in the place of what was known of it, and forgets what is too old for every rule.
func (h History) With(t Try, rules Rules, now time.Time) History {
	old := now.Add(-rules.KeepFor)
	h.Tries = slices.DeleteFunc(slices.Clone(h.Tries), func(is Try) bool {
		return is.Same(t) || !is.At.After(old)
	})
	h.Tries = append(h.Tries, t)
	if over := len(h.Tries) - rules.Most; over > 0 {
		h.Tries = h.Tries[over:]
	}
	return h
}

// Without is the history less a try that has ended without a decline. approved says that it has the money: where the network's rules
// count the tries of one sale, that sale is over.
func (h History) Without(t Try, approved bool, rules Rules) History {
	over := approved && rules.ApprovalEnds
	h.Tries = slices.DeleteFunc(slices.Clone(h.Tries), func(is Try) bool {
		return is.Same(t) || over && !is.Open() && !is.At.After(t.At) && !rules.never(is)
	})
	return h
}

// OpenPayments are the payments of the tries whose end is not written down.
func (h History) OpenPayments() []string {
	var payments []string
	for _, t := range h.Tries {
		if t.Open() {
			payments = append(payments, t.Payment)
		}
	}
	return payments
}

// standing is what stands in the way of a try.
type standing uint8

const (
	free     standing = iota
	refused           // the declines alone
	crowded           // tries that are under way here, which may be declined
	doubtful          // tries whose end is not written down
)

// stands tells what stands in the way of a try beside others that are under way here.
func (h History) stands(others []Try, rules Rules, now time.Time) (Ban, standing) {
	ban, banned := h.beside(others).Banned(rules, now)
	if !banned {
		return ban, free
	}
	if _, banned = h.less(Try.Open).Banned(rules, now); banned {
		return ban, refused
	}
	if _, banned = h.less(among(others)).Banned(rules, now); banned {
		return ban, doubtful
	}
	return ban, crowded
}

// bears tells whether a try may begin beside others even if as many more were declined meanwhile.
func (h History) bears(others []Try, more int, rules Rules, now time.Time) bool {
	for n := range more {
		others = append(others, Try{Number: -1 - int64(n), At: now})
	}
	_, banned := h.beside(others).Banned(rules, now)
	return !banned
}

// beside is the history with others that are under way.
func (h History) beside(others []Try) History {
	if len(others) == 0 {
		return h
	}
	h.Tries = slices.Clone(h.Tries)
	for _, t := range others {
		if !h.Has(t) {
			h.Tries = append(h.Tries, t)
		}
	}
	slices.SortStableFunc(h.Tries, func(a, b Try) int { return a.At.Compare(b.At) })
	return h
}

// less is the history without some of its tries.
func (h History) less(some func(Try) bool) History {
	h.Tries = slices.DeleteFunc(slices.Clone(h.Tries), some)
	return h
}

// among tells the open tries that are among others.
func among(others []Try) func(Try) bool {
	return func(t Try) bool { return t.Open() && slices.ContainsFunc(others, t.Same) }
}

// elsewhere tells whether the history has open tries that are not among those under way here.
func (h History) elsewhere(others []Try) bool {
	here := among(others)
	return slices.ContainsFunc(h.Tries, func(t Try) bool { return t.Open() && !here(t) })
}

// least is the smallest limit.
func (r Rules) least() int {
	least := r.Most
	for _, l := range r.Limits {
		least = min(least, l.Declines)
	}
	return least
}
