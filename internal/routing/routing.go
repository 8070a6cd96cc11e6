// Package routing decides in which order a merchant's provider accounts are asked for a payment's money.
//
// What can take a payment at all is decided before, by whoever knows providers: it hands over the candidates, and what it ruled out
// with the reasons. A merchant's published policy orders the candidates; it never adds one, and it never loses one, so that a cascade
// has somewhere to go. A merchant without a policy has the order of its provider accounts.
package routing

import (
	"time"

	"github.com/florinpay/florin/internal/money"
)

// The strategies: how a decision's order came about.
const (
	Priority  = "priority"   // the merchant's own order of its accounts
	Ordered   = "ordered"    // a rule's list
	Split     = "split"      // by weight
	LeastCost = "least_cost" // by the fee tables
	Adaptive  = "adaptive"   // by learned success rates
)

// Request is what is known of a payment when it looks for a provider. Everything of a card is empty if there is none.
type Request struct {
	Merchant, Payment, Customer  string
	Amount                       money.Money
	Method                       string
	OffSession                   bool
	BIN, Brand, Funding, Country string // of the card; the country is the issuer's, ISO 3166-1 in two letters
	Metadata                     map[string]string
	At                           time.Time
	Candidates                   []Candidate // what can take it, in the merchant's own order
	Excluded                     []Excluded  // what was ruled out before
}

// Candidate is a provider account that can take the payment.
type Candidate struct{ Account, Provider string }

// Excluded is a provider account that cannot take the payment. Its reason is a closed word, with a detail behind a colon if there is more to say.
type Excluded struct {
	Account string `json:"account"`
	Reason  string `json:"reason"`
}

// Ranked is a candidate in its place, and why it is there. Score is in parts per million, 0 if the strategy has none.
type Ranked struct {
	Account string `json:"account"`
	Reason  string `json:"reason"`
	Score   int64  `json:"score,omitempty"`
}

// Decision is the order in which the candidates are to be asked, and how it came about. It is stored as JSON with the attempt.
type Decision struct {
	Policy     string     `json:"policy,omitempty"` // empty: no policy is published
	Version    int64      `json:"version,omitempty"`
	Rule       string     `json:"rule,omitempty"` // the rule that decided, by its id; empty: the policy's default
	Strategy   string     `json:"strategy"`
	Experiment *Arm       `json:"experiment,omitempty"` // the experiment that the payment is part of
	Ranked     []Ranked   `json:"ranked"`               // best first; a permutation of the candidates
	Excluded   []Excluded `json:"excluded,omitempty"`
	Skipped    []Skipped  `json:"skipped,omitempty"` // rules whose conditions failed: they count as not matching
}

// Arm is one side of an experiment.
type Arm struct {
	Name       string `json:"name"`
	Challenger bool   `json:"challenger"`
	Stopped    bool   `json:"stopped,omitempty"` // the challenger fell back: everybody gets the control, and nothing is counted
}

// Skipped is a rule that could not be asked.
type Skipped struct {
	Rule   string `json:"rule"`
	Reason string `json:"reason"` // error | deadline | cost
}

// Kind is whose doing an outcome is. Only the issuer's tell something about the account that was asked.
type Kind string

// The kinds of outcome. adaptive.ClassOf has which decline is of which kind.
const (
	ByIssuer    Kind = "issuer"    // approved, or declined by who might have approved through another account
	ByCustomer  Kind = "customer"  // declined for what any account would have been told: no funds, a wrong number, a stolen card
	ByTechnique Kind = "technical" // not sent, timed out, unreadable
)

// Outcome is how an attempt ended.
type Outcome struct {
	Merchant, Account, Method, Country, BIN string
	Approved                                bool
	Kind                                    Kind
	At                                      time.Time
	Decision                                Decision // the one that the attempt was made by; the zero value if there was none
}

// Ranker orders accounts by what it learned from outcomes. Both are called for every payment, by many at once: they do no I/O.
type Ranker interface {
	// Rank is the candidates of a request, best first, each with its reason and its score. It names every candidate once.
	Rank(r *Request) []Ranked
	// Learn hears of an outcome. It decides itself which ones tell it something.
	Learn(o Outcome)
}

// byPriority is the merchant's own order.
func byPriority(req *Request) Decision {
	d := deciding{req: req, taken: make([]bool, len(req.Candidates))}
	d.out.Ranked, d.out.Excluded = make([]Ranked, 0, len(req.Candidates)), req.Excluded
	priority{}.order(&d)
	return d.out
}
