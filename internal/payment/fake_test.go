package payment

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// mishap is what goes wrong with the next call.
type mishap int

const (
	fine        mishap = iota
	noArrival          // the request is lost on its way: not processed, no answer
	noAnswer           // processed, but the answer is lost
	refused            // the connection is refused: not processed, and known
	declined51         // the issuer says no
	declined91         // the issuer cannot be reached from here
	leftOpen           // accepted, the final word comes later
	declined03         // the issuer says never again
	arrivesLate        // no answer; the request is processed when the test lets it arrive
	diesBefore         // the process of the caller dies before it has sent anything
	diesAfter          // it dies when it has the answer
)

// acquirer is a provider with books of its own. It recognizes a repeated reference, as a real one does, and writes a
// message about everything that happens.
type acquirer struct {
	mu        sync.Mutex
	mishaps   []mishap
	calls     int
	inquiries int                       // about authorizations and operations
	auths     map[string]*authorization // by our reference
	outcomes  map[string]provider.Outcome
	blind     bool // inquiries fail
	slow      int  // so many inquiries find nothing: its books are behind
	between   func()
	asked     []provider.Authorization // every authorization that was asked for
	at        map[string]string        // the account that each of them was asked for at, by our reference
	once      bool                     // it captures an authorization once only
	deaf      map[string]int           // how often it did not process a capture, by the references of authorizations of which it never does

	cardsOnly bool          // it takes no network tokens
	timeout   time.Duration // of a call; 0: a second
	onTheWay  []func()      // requests that arrive late
	mail      []provider.Notification
	issuer    issuer
	now       func() time.Time
}

type authorization struct {
	amount, captured, refunded money.Money
	open                       bool // something is still on hold
	lapsed                     bool // its hold ended by itself
}

func newAcquirer(mishaps ...mishap) *acquirer {
	return &acquirer{mishaps: mishaps, auths: map[string]*authorization{}, outcomes: map[string]provider.Outcome{}, at: map[string]string{},
		issuer: issuer{asked: map[string]*authentication{}}}
}

func (q *acquirer) Capabilities() provider.Capabilities {
	return provider.Capabilities{AuthorizationTTL: 7 * 24 * time.Hour, PartialCaptures: !q.once, SettleDelay: 5 * time.Second, Timeout: cmp.Or(q.timeout, time.Second),
		NetworkTokens: !q.cardsOnly}
}

// run plays a call through the next mishap. process is what the acquirer does if the call reaches it.
func (q *acquirer) run(op provider.Operation, reference, attempt string, process func() provider.Outcome) provider.Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls++
	next := fine
	if len(q.mishaps) > 0 {
		next, q.mishaps = q.mishaps[0], q.mishaps[1:]
	}
	handle := func() provider.Outcome {
		o, seen := q.outcomes[reference]
		if !seen {
			switch o = process(); {
			case refusals[next].Code != "":
				o = provider.Outcome{Class: provider.Declined, Decline: refusals[next]}
				delete(q.auths, reference)
				delete(q.issuer.waiting, reference)
				q.issuer.unspend(reference)
			case next == leftOpen && o.Class == provider.Approved && q.auths[attempt] != nil:
				o.State = provider.Pending
			}
			q.outcomes[reference] = o
			q.mail = append(q.mail, provider.Notification{Operation: op, Reference: reference, Attempt: attempt, Outcome: o})
		}
		return o
	}
	lost := provider.Doubt("no answer")
	switch next {
	case diesBefore:
		panic(errCrash)
	case noArrival:
		return lost
	case arrivesLate:
		q.onTheWay = append(q.onTheWay, func() { handle() })
		return lost
	case refused:
		return provider.Outcome{Class: provider.NotSent}
	case declined51, declined91, declined03:
		if _, seen := q.outcomes[reference]; !seen && op != provider.OpAuthorize {
			process = func() provider.Outcome { return provider.Outcome{} } // refused: it does nothing
		}
	}
	o := handle()
	if q.between != nil {
		q.between()
	}
	switch next {
	case noAnswer:
		return lost
	case diesAfter:
		panic(errCrash)
	}
	return o
}

var refusals = map[mishap]provider.Decline{
	declined51: {Code: provider.InsufficientFunds, NetworkDecline: "51"}, declined91: {Code: provider.BankUnavailable, NetworkDecline: "91"},
	declined03: {Code: provider.InsufficientFunds, NetworkDecline: "51", NetworkAdvice: "03"},
}

// arrive lets the requests arrive that were on their way.
func (q *acquirer) arrive() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, handle := range q.onTheWay {
		handle()
	}
	q.onTheWay = nil
}

func (q *acquirer) Authorize(_ context.Context, account provider.Account, r provider.Authorization) provider.Outcome {
	q.mu.Lock()
	q.asked = append(q.asked, r)
	q.at[r.Reference] = account.ID
	q.mu.Unlock()
	return q.run(provider.OpAuthorize, r.Reference, r.Reference, func() provider.Outcome {
		if refusal := q.issuer.refuses(r); refusal != nil {
			return *refusal
		}
		q.issuer.spend(r)
		zero := money.Of(0, r.Amount.Currency())
		a := &authorization{amount: r.Amount, captured: zero, refunded: zero, open: !r.Capture}
		if r.Capture {
			a.captured = r.Amount
		}
		if q.issuer.page && r.ReturnURL != "" {
			q.issuer.waiting[r.Reference] = a
			return provider.Outcome{Class: provider.Approved, State: provider.ActionRequired, Amount: r.Amount, Reference: "q-" + r.Reference,
				Action: provider.Action{URL: "https://acquirer.example/act/" + r.Reference}}
		}
		q.auths[r.Reference] = a
		return q.shown(r.Reference)
	})
}

// shown is an authorization as it stands.
func (q *acquirer) shown(reference string) provider.Outcome {
	a := q.auths[reference]
	o := provider.Outcome{Class: provider.Approved, State: provider.Voided, Reference: "q-" + reference, NetworkReference: "net-" + reference}
	switch {
	case !a.captured.IsZero():
		o.State, o.Amount = provider.Captured, a.captured
	case a.open:
		o.State, o.Amount = provider.Authorized, a.amount
	}
	return o
}

// strange tells whether another account was asked for the authorization: this one has never heard of it.
func (q *acquirer) strange(a provider.Account, attempt string) bool {
	at := q.askedAt(attempt)
	return at != "" && at != a.ID
}

func (q *acquirer) Capture(_ context.Context, account provider.Account, r provider.Capture) provider.Outcome {
	if q.strange(account, r.Attempt) {
		return provider.Absent("not_found")
	}
	if q.ignores(r.Attempt) {
		return provider.Outcome{Class: provider.NotSent}
	}
	return q.run(provider.OpCapture, r.Reference, r.Attempt, func() provider.Outcome {
		a := q.auths[r.Attempt]
		if a == nil || !a.open {
			return provider.Refused(provider.ProcessingError, "state", "nothing is on hold")
		}
		sum, err := a.captured.Add(r.Amount)
		if err != nil || sum.Minor() > a.amount.Minor() {
			return provider.Refused(provider.ProcessingError, "amount", "more than is on hold")
		}
		a.captured, a.open = sum, !r.Final
		return provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: r.Amount, Reference: "q-" + r.Reference}
	})
}

// ignores counts a capture that is not processed.
func (q *acquirer) ignores(authorization string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, deaf := q.deaf[authorization]
	if deaf {
		q.deaf[authorization]++
	}
	return deaf
}

func (q *acquirer) Void(_ context.Context, account provider.Account, r provider.Void) provider.Outcome {
	if q.strange(account, r.Attempt) {
		return provider.Absent("not_found")
	}
	return q.run(provider.OpVoid, r.Reference, r.Attempt, func() provider.Outcome {
		a := q.auths[r.Attempt]
		if q.issuer.waiting[r.Attempt] != nil { // the payer will not act any more
			delete(q.issuer.waiting, r.Attempt)
			o := provider.Outcome{Class: provider.Approved, State: provider.Voided, Reference: "q-" + r.Attempt}
			q.outcomes[r.Attempt] = o
			return o
		}
		switch {
		case a == nil:
			return provider.Absent("not_found")
		case !a.open:
			return provider.Refused(provider.ProcessingError, "state", "nothing is on hold")
		}
		a.open = false
		return provider.Outcome{Class: provider.Approved, State: provider.Voided, Reference: "q-" + r.Reference}
	})
}

func (q *acquirer) Refund(_ context.Context, account provider.Account, r provider.Refund) provider.Outcome {
	if q.strange(account, r.Attempt) {
		return provider.Absent("not_found")
	}
	return q.run(provider.OpRefund, r.Reference, r.Attempt, func() provider.Outcome {
		a := q.auths[r.Attempt]
		sum, err := a.refunded.Add(r.Amount)
		if err != nil || sum.Minor() > a.captured.Minor() {
			return provider.Refused(provider.ProcessingError, "amount", "more than was captured")
		}
		a.refunded = sum
		return provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: r.Amount, Reference: "q-" + r.Reference}
	})
}

func (q *acquirer) Inquire(_ context.Context, account provider.Account, r provider.Inquiry) provider.Finding {
	if q.strange(account, r.Attempt) {
		return provider.NotFound()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inquiries++
	if q.blind {
		return provider.Unanswered(provider.Outcome{Detail: "blind"})
	}
	o, seen := q.outcomes[r.Reference]
	if q.slow > 0 {
		q.slow, seen = q.slow-1, false
	}
	switch {
	case !seen:
		return provider.NotFound()
	case q.auths[r.Reference] != nil && o.State != provider.Pending:
		return provider.Found(q.shown(r.Reference))
	}
	return provider.Found(o)
}

// word is the acquirer's final word on a reference, as its webhook would say it.
func (q *acquirer) word(reference string, state provider.State) provider.Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.outcomes[reference]
	o.State = state
	q.outcomes[reference] = o
	return o
}

// decide says the final word on everything that was left open: it happened, or it failed and is undone.
func (q *acquirer) decide(happened bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, n := range q.mail {
		o := q.outcomes[n.Reference]
		if n.Outcome.State != provider.Pending || o.State != provider.Pending || o.Reference != n.Outcome.Reference {
			continue
		}
		a := q.auths[n.Attempt]
		switch {
		case n.Operation == provider.OpAuthorize && happened:
			o = q.shown(n.Reference)
		case happened:
			o.State = map[provider.Operation]provider.State{provider.OpCapture: provider.Captured, provider.OpVoid: provider.Voided, provider.OpRefund: provider.Succeeded}[n.Operation]
		default:
			o = provider.Outcome{Class: provider.Declined, State: provider.Failed, Reference: o.Reference}
			q.undo(a, n)
		}
		q.outcomes[n.Reference] = o
		q.mail = append(q.mail, q.mail[i])
		q.mail[len(q.mail)-1].Outcome = o
	}
}

// undo takes back what was left open.
func (q *acquirer) undo(a *authorization, n provider.Notification) {
	zero := money.Of(0, a.amount.Currency())
	minus := money.Of(-n.Outcome.Amount.Minor(), a.amount.Currency())
	var err error
	switch n.Operation {
	case provider.OpAuthorize:
		a.open, a.captured = false, zero
		delete(q.auths, n.Reference)
	case provider.OpCapture:
		a.captured, err = a.captured.Add(minus)
		a.open = !a.lapsed
	case provider.OpVoid:
		a.open = !a.lapsed
	case provider.OpRefund:
		a.refunded, err = a.refunded.Add(minus)
	}
	if err != nil {
		panic(err)
	}
}

// lapse ends what an authorization holds without being asked.
func (q *acquirer) lapse(reference string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.auths[reference]; a != nil && a.open {
		a.open, a.lapsed = false, true
		q.mail = append(q.mail, provider.Notification{Operation: provider.OpAuthorize, Reference: reference, Attempt: reference,
			Outcome: provider.Outcome{Class: provider.Approved, State: provider.Voided, Reference: "q-" + reference}})
	}
}

// shift makes a capture clear at another amount.
func (q *acquirer) shift(reference string, minor int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.auths[reference]
	a.captured = money.Of(minor, a.amount.Currency())
}

// askedAt is the account that an authorization was asked for at; empty: at none yet.
func (q *acquirer) askedAt(reference string) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.at[reference]
}

// letters are the messages so far.
func (q *acquirer) letters() []provider.Notification {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.mail)
}

// keeps is what the acquirer has of an authorization's payer: on hold or not, and what was taken and not given back.
func (q *acquirer) keeps(reference string) (open bool, minor int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.auths[reference]
	if a == nil {
		return false, 0
	}
	return a.open, a.captured.Minor() - a.refunded.Minor()
}

// charged is how many references hold or took money, and how much was taken in all.
func (q *acquirer) charged() (count int, captured int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range q.auths {
		if a.open || !a.captured.IsZero() {
			count++
		}
		captured += a.captured.Minor()
	}
	return count, captured
}

// The tokens of the cards.
const (
	token        = "pm_tok_00000000000000000000000001"
	tokenGerman  = "pm_tok_0000000000000000000000000d"
	tokenMaster  = "pm_tok_0000000000000000000000000e" // Mastercard, German
	tokenBrowser = "pm_tok_0000000000000000000000000b" // a browser made it
	tokenOther   = "pm_tok_0000000000000000000000000c" // another one of a browser
	tokenWallet  = "pm_tok_0000000000000000000000000f" // a wallet gave it for 100.00 EUR, by a German card
)
