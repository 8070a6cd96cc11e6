package payment

import (
	"slices"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// What an issuer's answer, and a payer's challenge, do to an attempt and its payment. Nothing here moves money or is booked.

// The texts of failures that have no decline of the issuer's behind them.
const (
	textUnfinished  = "The check by your bank was not finished. Nothing was charged."
	textRanOut      = "The time for the check by your bank is over. Nothing was charged."
	textUnpaid      = "The payment was not finished. Nothing was charged."
	textUnreachable = "The provider could not be reached. Nothing was charged."
)

// actionTime is how long a payer has on a page of the provider's, if it does not say.
const actionTime = 30 * time.Minute

// unproven is a failure because the payer did not prove who they are. An empty text is the decline code's own.
func unproven(text string) *FailureObject {
	if text == "" {
		text = provider.Explain(provider.AuthenticationFailed).Text
	}
	return &FailureObject{Code: fault.CodeCardDeclined, DeclineCode: provider.AuthenticationFailed, Message: text}
}

// unfinished is a failure because the payer did not do what they had to: prove who they are, or pay. The text is a card's.
func (p Payment) unfinished(text string) *FailureObject {
	if p.Method.isCard() {
		return unproven(text)
	}
	return &FailureObject{Code: fault.CodePaymentDeclined, Message: textUnpaid}
}

// provable are the failures that count against the payer's challenges.
var provable = []provider.DeclineCode{provider.AuthenticationFailed, provider.AuthenticationRequired}

// exhausted tells whether the payer has failed to prove who they are as often as they may try.
func (p Payment) exhausted() bool {
	return p.Challenges >= MaxChallenges && p.Failure != nil && slices.Contains(provable, p.Failure.DeclineCode)
}

// authenticated decides what an issuer's answer means for an attempt that asked for it, or whose payer is at its challenge.
func authenticated(p Payment, a Attempt, o provider.AuthenticationOutcome, t terms) (decision, error) {
	d := decision{payment: p, attempt: &a}
	secure := *a.Secure
	a.Secure, a.Detail = &secure, o.Detail
	if o.ThreeDS.Status != "" {
		secure.Result = o.ThreeDS
		d.payment.Proof = &Proof{ThreeDS: o.ThreeDS, Exemption: secure.Exemption}
	}
	return d, torn(weights[weigh(o, secure.Required)](&d, o, t))
}

// weights complete the decision for each meaning of an answer.
var weights = map[weight]func(*decision, provider.AuthenticationOutcome, terms) error{
	inDoubt:   (*decision).unheard,
	unreached: (*decision).unheard,
	waits:     (*decision).waiting,
	goesOn:    (*decision).proceed,
	refuses:   (*decision).refused,
	ranOut:    (*decision).ranOut,
}

// unheard decides what follows when it is not known what the issuer said. Nothing was charged, so the issuer may be asked
// again; where no proof is required the money is asked for without one.
func (d *decision) unheard(o provider.AuthenticationOutcome, t terms) error {
	a := d.attempt
	asked := a.Inquiries
	a.Inquiries++
	switch {
	case a.asking() && !a.Secure.Required:
		return d.proceed(o, t)
	case a.asking() && (o.Class == provider.NotSent || a.Inquiries > provider.UnresolvedAfter):
		if err := a.move(AttemptNotSent); err != nil {
			return err
		}
		a.DueAt = time.Time{}
		unsent := provider.Outcome{Class: provider.NotSent, Detail: o.Detail, OffUntil: o.OffUntil}
		return d.fails(declined(unsent), unsent, t)
	case a.challenged() && a.Inquiries > provider.UnresolvedAfter && d.over(t.now):
		return d.ranOut(o, t)
	}
	a.DueAt = t.now.Add(provider.InquiryDelay(asked))
	if a.asking() && asked == 0 {
		d.tell(event.PaymentPending)
	}
	return nil
}

// over tells whether the time of what the payer must do has passed.
func (d *decision) over(now time.Time) bool {
	return d.payment.Action == nil || !now.Before(d.payment.Action.ExpiresAt)
}

// waiting leads the payer to the challenge, or leaves them there until its time is over.
func (d *decision) waiting(o provider.AuthenticationOutcome, t terms) error {
	a := d.attempt
	switch {
	case a.challenged() && d.over(t.now):
		return d.ranOut(o, t)
	case a.challenged() && a.DueAt.Equal(d.payment.Action.ExpiresAt):
		d.attempt = nil // as it was
		return nil
	case a.challenged():
		a.DueAt = d.payment.Action.ExpiresAt
		return nil
	case o.Challenge == nil:
		return d.unheard(o, t)
	case d.payment.Challenges >= MaxChallenges:
		return d.refused(o, t)
	}
	if err := a.move(AttemptAction); err != nil {
		return err
	}
	a.Secure.Asking, a.Secure.Challenge, a.Inquiries = false, o.Challenge, 0
	return d.open("", o.Challenge.ExpiresAt)
}

// open leads the payer to a page, where they have until a time.
func (d *decision) open(url string, until time.Time) error {
	p := &d.payment
	if err := p.move(RequiresAction); err != nil {
		return err
	}
	if p.AwaitsPayer && !p.ExpiresAt.IsZero() && p.ExpiresAt.Before(until) {
		until = p.ExpiresAt
	}
	if !p.AwaitsPayer {
		p.ExpiresAt = until
	}
	p.Action = &Action{URL: url, ExpiresAt: until}
	if p.Method.isCard() {
		p.Challenges++
	}
	d.attempt.DueAt = until
	d.tell(event.PaymentRequiresAction)
	return nil
}

// acts leads the payer to a page of the provider's.
func (d *decision) acts(o provider.Outcome, t terms) error {
	until := o.Action.ExpiresAt
	if until.IsZero() {
		until = t.now.Add(actionTime)
	}
	if err := d.open(o.Action.URL, until); err != nil {
		return err
	}
	act := d.payment.Action
	act.Kind, act.Code, act.CopyCode, act.Deeplink = o.Action.KindOf(), o.Action.Code, o.Action.CopyCode, o.Action.Deeplink
	return nil
}

// proceed has the money asked for. The attempt is the intent of that: it is written before the provider is called.
func (d *decision) proceed(_ provider.AuthenticationOutcome, t terms) error {
	a := d.attempt
	if a.State != AttemptSending {
		if err := a.move(AttemptSending); err != nil {
			return err
		}
		a.Route = a.Route.anew(t.now) // the payer is back: this is another request
	}
	if a.waitsForRoom() {
		a.Route = a.Route.anew(t.now)
	}
	a.Secure.Asking, a.Secure.Challenge = false, nil
	a.SentAt, a.DueAt, a.Inquiries = t.now, t.now.Add(t.patience), 0
	return d.payment.move(Processing)
}

func (d *decision) refused(o provider.AuthenticationOutcome, t terms) error {
	waited := *d.attempt
	if err := d.attempt.move(AttemptDeclined); err != nil {
		return err
	}
	d.leaveIssuer(waited, t.now)
	if o.Canceled {
		return d.end(unproven(textUnfinished))
	}
	return d.end(unproven(""))
}

// leaveIssuer notes that nothing more comes of the attempt's authentication. waited is the attempt as it was: if its payer was on
// a page of the provider's, that is closed when it is due, or the payer could still pay there.
func (d *decision) leaveIssuer(waited Attempt, now time.Time) {
	a := d.attempt
	if a.DueAt = (time.Time{}); waited.State == AttemptAction && !waited.challenged() {
		a.DueAt, a.Inquiries = now.Add(provider.InquiryDelay(0)), 0
	}
	if a.Secure != nil {
		secure := *a.Secure
		secure.Asking, secure.Challenge = false, nil
		a.Secure = &secure
	}
}

// ranOut ends an attempt whose payer did not do in time what they had to. The payment has expired with it, unless it has time
// of its own left, in which its payer may try again.
func (d *decision) ranOut(o provider.AuthenticationOutcome, t terms) error {
	a := d.attempt
	if a.asking() {
		return d.refused(o, t) // it was never seen to open
	}
	waited := *a
	if err := a.move(AttemptExpired); err != nil {
		return err
	}
	d.leaveIssuer(waited, t.now)
	return d.expired(textRanOut, t.now)
}

// lastMoments is too little time for another try. A code that was to live as long as its payment leaves it about that much: the two
// clocks are not one.
const lastMoments = 30 * time.Second

// expired ends a payment whose try has: it expires with it, unless it has time of its own left. The text is a card's.
func (d *decision) expired(text string, now time.Time) error {
	p, a := &d.payment, d.attempt
	f := p.unfinished(text)
	if p.AwaitsPayer && now.Add(lastMoments).Before(p.ExpiresAt) {
		return d.end(f)
	}
	f.Code = fault.CodeExpired
	a.Failure, p.Failure, p.DueAt = f, f, time.Time{}
	d.tell(event.PaymentExpired)
	return p.move(Expired)
}

// walkAway ends an attempt whose payer must do something, before they did.
func (d *decision) walkAway(a Attempt, now time.Time) error {
	waited := a
	if err := a.move(AttemptVoided); err != nil {
		return err
	}
	a.Failure = d.payment.unfinished(textUnfinished)
	d.attempt = &a
	d.leaveIssuer(waited, now)
	return nil
}

// stepsUp tells whether a decline is only for the want of authentication, which the next try can bring.
func (d *decision) stepsUp(o provider.Outcome, t terms) bool {
	p, a := d.payment, d.attempt
	return t.again != "" && o.Class == provider.Declined && a.Secure == nil && p.Status == Processing && a.Number == p.Attempts &&
		!p.Asked.OffSession && !p.Method.isWallet() && p.Challenges < MaxChallenges && wantsAuthentication(o.Decline, p.Method.Brand, p.Method.Country)
}

// stepUp puts the next try into the Change that records the decline: there is no moment at which the payment has failed.
func (d *decision) stepUp(o provider.Outcome, t terms) error {
	p, a := &d.payment, d.attempt
	a.Failure = declined(o)
	p.Attempts++
	p.Proof = nil
	how := approach{authenticate: true, indicator: provider.ChallengeMandated, required: true}
	next := newAttempt(*p, t.again, lane{account: a.Account, how: how, able: true, patience: t.patience, descriptor: a.Descriptor}, t.now)
	next.Route = a.Route.follows(a.Number)
	d.next = &next
	return p.move(Processing)
}

// newAttempt is the intent of a try.
func newAttempt(p Payment, attempt string, at lane, now time.Time) Attempt {
	a := Attempt{
		Merchant: p.Merchant, Payment: p.ID, Number: p.Attempts, ID: attempt, State: AttemptSending, Account: at.account,
		Amount: p.Amount, Capture: p.Capture, Token: p.Method.Token, SentAt: now, DueAt: now.Add(at.patience), CreatedAt: now,
		Descriptor: at.descriptor,
	}
	if p.Asked.OffSession {
		a.Country = p.Method.Country
	}
	if at.how.authenticate {
		a.Secure = &Secure{Asking: at.asks(), Indicator: at.how.indicator, Exemption: at.how.exemption, Required: at.how.required}
	}
	return a
}
