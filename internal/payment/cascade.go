package payment

import (
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/routing/adaptive"
)

// A cascade is the next try at another account, within the request whose try failed. It follows only where it is certain that no money
// moved and another provider may do better: the issuer or the acquirer could not be reached, or nothing was sent. It never follows what
// nobody knows the outcome of, and never asks the payer for what they have done already. docs/unknown.md has the table for people.

// DefaultCascade is how long after a request's first try another one may begin.
const DefaultCascade = 25 * time.Second

// Route is how an attempt came to its account, and where its request may still go. It is stored with the attempt.
type Route struct {
	routing.Decision
	Place int64          `json:"place"`           // of the account among the ranked ones, from 0
	Tried int64          `json:"tried,omitempty"` // how many accounts the request had tried before
	After int64          `json:"after,omitempty"` // the number of the attempt that it follows within its request; 0: it began one
	Since time.Time      `json:"since"`           // when the request began to ask for the money
	Best  *FailureObject `json:"best,omitempty"`  // the most telling refusal so far within the request

	// What the router knew of the method, which the payment may have another one of by now.
	Method  string `json:"method,omitempty"`
	Country string `json:"country,omitempty"`
	BIN     string `json:"bin,omitempty"`

	ApprovedAt time.Time `json:"approved_at,omitzero"` // when the issuer agreed, whatever became of it; zero: never
}

// approved notes that the issuer agreed.
func (r *Route) approved(now time.Time) *Route {
	if r == nil || !r.ApprovedAt.IsZero() {
		return r
	}
	noted := *r
	noted.ApprovedAt = now
	return &noted
}

// anew is the route of an attempt whose money is asked for long after its request began.
func (r *Route) anew(now time.Time) *Route {
	if r == nil {
		return nil
	}
	next := *r
	next.Since = now
	return &next
}

// follows is the route of an attempt that follows another one at the same account.
func (r *Route) follows(number int64) *Route {
	if r == nil {
		return nil
	}
	next := *r
	next.After = number
	return &next
}

// lane is an account with what a try there needs to know of it.
type lane struct {
	account  string
	how      approach
	able     bool          // its issuer can be asked apart from the authorization
	patience time.Duration // how long a call may take before the worker takes it up

	descriptor string // what the payer reads on their statement
}

// asks tells whether the issuer is asked before the money is.
func (l lane) asks() bool { return l.how.authenticate && l.able }

// succession is the try that may follow one that failed: who is asked, and within which bounds.
type succession struct {
	attempt string // its id
	lane    lane
	place   int64         // of the account among the ranked ones
	tries   int64         // how many accounts one request may try
	budget  time.Duration // how long after the request's first try another one may begin
}

// elsewhere tells whether another provider may do what one refused. brand is the card's.
func elsewhere(o provider.Outcome, brand string) bool {
	return o.Class == provider.NotSent || o.Class == provider.Declined && o.Decline.Meaning(brand).Retry == provider.RetryOtherProvider
}

// fails ends a try that did not succeed: the next account is asked if there is one and it may do better, else the payment is tried again
// later if its payer is not there, or it has failed.
func (d *decision) fails(f *FailureObject, o provider.Outcome, t terms) error {
	if d.cascades(o, t) {
		return d.cascade(f, t)
	}
	if why, at, ok := d.again(o, t); ok {
		return d.putOff(f, why, at)
	}
	if d.isStopped(f) {
		d.payment.keepFor(t.now)
	}
	return d.end(f)
}

// cascades tells whether the next account may be asked for the money. Only what was being sent may go on: then its request still
// waits, and the payer has done nothing on a page of the provider's.
func (d *decision) cascades(o provider.Outcome, t terms) bool {
	p, a, next := d.payment, d.attempt, t.next
	// What was sent has used a wallet's cryptogram up: the next one would get none.
	spent := p.Method.isWallet() && o.Class != provider.NotSent
	return next != nil && elsewhere(o, p.Method.Brand) && !spent && a.was == AttemptSending && a.Route != nil && p.Status == Processing && a.Number == p.Attempts &&
		a.Route.Tried+1 < next.tries && t.now.Before(a.Route.Since.Add(next.budget))
}

// cascade puts the next try into the Change that records the failure: there is no moment at which the payment has failed. An
// authentication that has passed goes along.
func (d *decision) cascade(f *FailureObject, t terms) error {
	p, a := &d.payment, d.attempt
	a.Failure = f
	p.Attempts++
	p.Account, p.Reference, p.NetworkReference = t.next.lane.account, "", ""
	next := newAttempt(*p, t.next.attempt, t.next.lane, t.now)
	if a.proof() != nil {
		secure := *a.Secure
		secure.Asking, secure.Challenge = false, nil
		next.Secure = &secure
	} else {
		p.Proof = nil
	}
	route := *a.Route
	route.Place, route.After, route.Best = t.next.place, a.Number, telling(route.Best, f)
	route.Tried++
	next.Route = &route
	d.next = &next
	return p.move(Processing)
}

// telling is the one of two refusals that tells more: what the issuer said of the card more than that somebody could not be reached,
// and that more than that nobody was asked. Of equal ones it is the later.
func telling(before, now *FailureObject) *FailureObject {
	if before == nil || now != nil && weightOf(now) >= weightOf(before) {
		return now
	}
	return before
}

func weightOf(f *FailureObject) int {
	switch {
	case f.Code == fault.CodeProviderUnavailable, f.Code == fault.CodeKillSwitch:
		return 0
	case provider.Explain(f.DeclineCode).Retry == provider.RetryOtherProvider:
		return 1
	}
	return 2
}

// kinds are the classes of declines as routing tells them apart.
var kinds = map[adaptive.Class]routing.Kind{
	adaptive.Issuer: routing.ByIssuer, adaptive.Customer: routing.ByCustomer, adaptive.Technical: routing.ByTechnique,
}

// kindOf is whose doing a decline is, by the table that the strategy adaptive and the simulation go by, too.
func kindOf(code provider.DeclineCode) routing.Kind {
	return kinds[adaptive.ClassOf(string(code), provider.Explain(code).Category)]
}

// ending is how an attempt came to an end, for the router; false if it came to none by this decision.
func (d decision) ending() (routing.Outcome, bool) {
	p, a := d.payment, d.attempt
	if a == nil || a.State == a.was || a.was.has() || a.Route == nil {
		return routing.Outcome{}, false
	}
	o := routing.Outcome{
		Merchant: p.Merchant, Account: a.Account, Method: a.Route.Method, Country: a.Route.Country, BIN: a.Route.BIN,
		Kind: routing.ByIssuer, At: a.MovedAt, Decision: a.Route.Decision,
	}
	switch a.State {
	case AttemptAuthorized, AttemptCaptured:
		o.Approved = true
	case AttemptDeclined:
		o.Kind = kindOf(a.Failure.code())
	case AttemptNotSent:
		o.Kind = routing.ByTechnique
	case AttemptVoided, AttemptExpired:
		if o.Kind = routing.ByTechnique; a.was == AttemptAction {
			o.Kind = routing.ByCustomer // the payer left
		}
	default:
		return routing.Outcome{}, false
	}
	return o, true
}

func (f *FailureObject) code() provider.DeclineCode {
	if f == nil {
		return ""
	}
	return f.DeclineCode
}

// request is what the router is asked about a payment.
func (p Payment) request(now time.Time) routing.Request {
	card := p.Method.Description
	return routing.Request{
		Merchant: p.Merchant, Payment: p.ID, Customer: p.Customer, Amount: p.Amount, Method: p.Method.word(), OffSession: p.Asked.OffSession,
		BIN: card.BIN, Brand: card.Brand, Funding: card.Funding, Country: card.Country, Metadata: p.Metadata, At: now,
	}
}
