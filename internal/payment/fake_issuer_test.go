package payment

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/provider"
)

// issuer is the bank behind the acquirer's cards. All of it is under the acquirer's lock.
type issuer struct {
	insists bool                       // an authorization without a proof is declined
	status  string                     // what an authentication is answered with: Y, A, N, R, U, I or C; Y if it is empty
	mishaps []mishap                   // of the authentications to come
	blind   bool                       // inquiries about authentications fail
	asked   map[string]*authentication // by our reference
	between func()                     // after an authentication is answered
	counted int                        // how many authentications arrived
	hangs   bool                       // authentications are not answered for as long as the caller waits
	until   []time.Time                // how long the caller waits, by each authentication that was put
	browser provider.Browser           // of the last one

	page    bool                      // the acquirer authenticates on a page of its own
	waiting map[string]*authorization // by our reference: the payer is there
}

// authentication is one question to the issuer.
type authentication struct {
	outcome provider.AuthenticationOutcome
	payment string
	used    string // the reference of the authorization that used it
}

const challengeTime = 10 * time.Minute

// askedTwice is a timeout that no machine is too slow for to put a question twice within it.
const askedTwice = time.Minute

func (i *issuer) open() {
	if i.waiting == nil {
		i.waiting = map[string]*authorization{}
	}
}

// refuses is the issuer's decline of an authorization whose proof is missing or is not its own; nil if it has no objection.
func (i *issuer) refuses(r provider.Authorization) *provider.Outcome {
	i.open()
	refusal := func(code provider.DeclineCode, network string) *provider.Outcome {
		return &provider.Outcome{Class: provider.Declined, Decline: provider.Decline{Code: code, NetworkDecline: network}}
	}
	if r.ThreeDS == nil || r.ThreeDS.CAVV == "" {
		if i.insists && !i.page {
			return refusal(provider.AuthenticationRequired, "1A")
		}
		return nil
	}
	for _, a := range i.asked { // whichever try of the payment proved it
		if a.outcome.ThreeDS == *r.ThreeDS && a.payment == r.Payment && (a.used == "" || a.used == r.Reference) {
			return nil
		}
	}
	return refusal(provider.AuthenticationFailed, "63")
}

// spend notes which authorization used a proof.
func (i *issuer) spend(r provider.Authorization) {
	for _, a := range i.asked {
		if r.ThreeDS != nil && a.outcome.ThreeDS == *r.ThreeDS {
			a.used = r.Reference
		}
	}
}

// unspend gives a proof back: it did not help.
func (i *issuer) unspend(reference string) {
	for _, a := range i.asked {
		if a.used == reference {
			a.used = ""
		}
	}
}

// Authenticate answers as the issuer does. A repeated reference is one question.
func (q *acquirer) Authenticate(ctx context.Context, _ provider.Account, r provider.Authentication) provider.AuthenticationOutcome {
	q.mu.Lock()
	until, _ := ctx.Deadline()
	q.issuer.until = append(q.issuer.until, until)
	if q.issuer.hangs {
		q.mu.Unlock()
		<-ctx.Done()
		return provider.AuthenticationOutcome{Detail: "no answer"}
	}
	next := fine
	if len(q.issuer.mishaps) > 0 {
		next, q.issuer.mishaps = q.issuer.mishaps[0], q.issuer.mishaps[1:]
	}
	var o provider.AuthenticationOutcome
	if next != refused && next != noArrival && next != diesBefore {
		o = q.answerIssuer(r)
	}
	between := q.issuer.between
	q.mu.Unlock()
	if between != nil {
		between()
	}
	switch next {
	case refused:
		return provider.AuthenticationOutcome{Class: provider.NotSent}
	case diesBefore, diesAfter:
		panic(errCrash)
	case noArrival, noAnswer:
		return provider.AuthenticationOutcome{Detail: "no answer"}
	}
	return o
}

func (q *acquirer) answerIssuer(r provider.Authentication) provider.AuthenticationOutcome {
	if a := q.issuer.asked[r.Reference]; a != nil {
		return a.outcome
	}
	q.issuer.counted++
	q.issuer.browser = r.Browser
	id := fmt.Sprintf("%s-%d", r.Reference, q.issuer.counted)
	d := provider.ThreeDS{Version: "2.2.0", Status: "Y", ECI: "05", CAVV: "cavv-" + id, DSTransID: "ds-" + id, ServerTransID: "server-" + id,
		ACSTransID: "acs-" + id, Flow: provider.Frictionless}
	o := provider.AuthenticationOutcome{Class: provider.Approved}
	switch status := q.issuer.status; status {
	case "", "Y":
	case "A":
		d.Status, d.ECI = status, "06"
	case "C":
		d.Status, d.ECI, d.CAVV, d.Flow = status, "", "", provider.ChallengeFlow
		o.Pending = true
		o.Challenge = &provider.Challenge{ACSURL: "https://acs.example", CReq: "creq-" + id, ExpiresAt: q.now().Add(challengeTime)}
	default:
		d.Status, d.ECI, d.CAVV = status, "07", ""
	}
	o.ThreeDS = d
	q.issuer.asked[r.Reference] = &authentication{outcome: o, payment: r.Payment}
	return o
}

// Authenticated tells how a question stands.
func (q *acquirer) Authenticated(_ context.Context, _ provider.Account, r provider.AuthenticationInquiry) provider.AuthenticationOutcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.issuer.asked[r.Reference]
	switch {
	case q.issuer.blind:
		return provider.AuthenticationOutcome{Detail: "blind"}
	case a == nil:
		return provider.AuthenticationOutcome{Class: provider.NotSent, Detail: "not found"}
	}
	return a.outcome
}

// The ends of a challenge.
const (
	passes  = "passes"
	fails   = "fails"
	cancels = "cancels"
	leaves  = "leaves" // until the time is over
)

// finish ends an open challenge as the payer does. It tells whether one was open.
func (q *acquirer) finish(reference, how string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.issuer.asked[reference]
	if a == nil || !a.outcome.Pending {
		return false
	}
	o := &a.outcome
	o.Pending, o.Challenge = false, nil
	o.ThreeDS.Status, o.ThreeDS.ECI = "N", "07"
	switch how {
	case passes:
		o.ThreeDS.Status, o.ThreeDS.ECI, o.ThreeDS.CAVV = "Y", "05", "cavv-"+reference
	case cancels:
		o.Canceled = true
	case leaves:
		o.TimedOut = true
	}
	return true
}

// act ends what the payer does on the acquirer's own page. It tells whether they were there.
func (q *acquirer) act(reference string, pays bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.issuer.waiting[reference]
	if a == nil {
		return false
	}
	delete(q.issuer.waiting, reference)
	o := provider.Outcome{Class: provider.Declined, Reference: "q-" + reference, Decline: provider.Decline{Code: provider.AuthenticationFailed}}
	if pays {
		q.auths[reference] = a
		o = q.shown(reference)
	}
	q.outcomes[reference] = o
	q.mail = append(q.mail, provider.Notification{Operation: provider.OpAuthorize, Reference: reference, Attempt: reference, Outcome: o})
	return true
}

// wasAsked tells whether the issuer was asked about a try.
func (q *acquirer) wasAsked(reference string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.issuer.asked[reference] != nil
}

// cres is what the bank's page gives the payer's browser at the end of a challenge.
func (q *acquirer) cres(reference string) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := q.issuer.asked[reference].outcome.ThreeDS
	return cresOf(d.ServerTransID, d.ACSTransID)
}

func cresOf(server, acs string) string {
	text, err := json.Marshal(map[string]string{"messageType": "CRes", "messageVersion": "2.2.0", "threeDSServerTransID": server, "acsTransID": acs,
		"challengeCompletionInd": "Y", "transStatus": "Y"})
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
