package payment

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/provider"
)

// An attempt's authentication: the issuer is asked, the payer led to its challenge and back, and the provider, never the
// payer's browser, asked what came of it. Each step is committed before the next: whoever finds an attempt can go on with it.

// errNoChallenge is the refusal of a result that no open challenge waits for: it is of another one, or was used.
var errNoChallenge = fault.State("the result is not of a challenge that is open: it belongs to another one, or was used before")

// authenticates tells whether cardholders can be authenticated at an account apart from the authorization, challenge included.
func (s *Service) authenticates(a provider.Account) bool {
	_, err := provider.Lookup[provider.Authenticator](s.Providers, a.Provider)
	return err == nil && s.PublicURL != ""
}

// proves tells whether a payer can be authenticated at an account, apart from the authorization or along with it.
func (s *Service) proves(a provider.Account) bool {
	return s.authenticates(a) || s.capabilities(a).Authenticates
}

// askIssuer asks who the cardholder is, in the room that is held if there is some. An answer that was lost is asked for again, in what is left
// of the time of one call: a payer waits. The reference keeps it one question.
func (s *Service) askIssuer(ctx context.Context, held *room, account provider.Account, p Payment, a Attempt) provider.AuthenticationOutcome {
	asks, err := provider.Lookup[provider.Authenticator](s.Providers, account.Provider)
	if err != nil {
		return provider.AuthenticationOutcome{Class: provider.NotSent, Detail: err.Error()}
	}
	r := provider.Authentication{
		Reference: a.ourReference(), Payment: p.ID, Amount: a.Amount, Card: a.Token, Indicator: a.Secure.Indicator,
		Exemption: a.Secure.Exemption, NotificationURL: s.challengeURL(p, a.Number) + "/return",
	}
	if p.Asked.Browser != nil {
		r.Browser = *p.Asked.Browser
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.capabilities(account).Timeout)
	defer cancel()
	ask := func() (out provider.AuthenticationOutcome) {
		done, refused := s.enterIn(held, account)
		if refused != nil {
			return unput(*refused)
		}
		defer func() { done(health.Result{Class: out.Class.String(), Technical: out.Technical()}) }()
		return asks.Authenticate(ctx, account, r)
	}
	out := ask()
	if out.Class != provider.Unknown || ctx.Err() != nil {
		return out
	}
	if again := ask(); again.NotBefore.IsZero() {
		out = again
	}
	return out
}

// enterIn is enter to ask the issuer, in room that is held if there is some.
func (s *Service) enterIn(held *room, account provider.Account) (done func(health.Result), refused *provider.Outcome) {
	if done, err := held.ask(); done != nil || err != nil {
		return entered(done, err)
	}
	return s.enter(account, health.Authenticate)
}

// unput is a question that Florin would not put.
func unput(o provider.Outcome) provider.AuthenticationOutcome {
	return provider.AuthenticationOutcome{Class: o.Class, Detail: o.Detail, Withheld: o.Withheld, NotBefore: o.NotBefore, OffUntil: o.OffUntil}
}

// inquireIssuer asks the provider what the issuer said in the end.
func (s *Service) inquireIssuer(ctx context.Context, account provider.Account, a Attempt) (out provider.AuthenticationOutcome) {
	asks, err := provider.Lookup[provider.Authenticator](s.Providers, account.Provider)
	if err != nil {
		return provider.AuthenticationOutcome{Detail: err.Error()}
	}
	if off := s.withheld(ctx, a, control.Inquiry); off != nil {
		return unput(*off)
	}
	done, refused := s.enter(account, health.Inquiry)
	if refused != nil {
		return unput(*refused)
	}
	defer func() { done(health.Result{Class: out.FoundClass(), Technical: out.TechnicalInquiry()}) }()
	ctx, cancel := context.WithTimeout(ctx, s.capabilities(account).Timeout)
	defer cancel()
	return asks.Authenticated(ctx, account, provider.AuthenticationInquiry{Reference: a.ourReference(), Card: a.Token})
}

// hearIssuer commits what an issuer's answer means, from the given rows or, if somebody was faster, from those that are
// there. Only whoever writes that the money is asked for goes on to do so, in the room that held has then.
func (s *Service) hearIssuer(ctx context.Context, account provider.Account, held *room, from decision, o provider.AuthenticationOutcome, with Companion) (stage, error) {
	ctx = context.WithoutCancel(ctx)
	p, a := from.payment, *from.attempt
	first, ours := true, false
	var now stage
	d, err := s.apply(ctx, func() (decision, error) {
		if !first {
			var err error
			if p, a, err = s.reload(ctx, p, a); err != nil {
				return decision{}, err
			}
		}
		first = false
		if ours = a.asking() || a.challenged(); !ours {
			return decision{payment: p}, nil
		}
		return s.weighAnswer(ctx, account, held, p, a, o)
	}, func(c *db.Change, d decision) error {
		if d.attempt != nil {
			a = *d.attempt
		}
		if d.next != nil {
			return nil // there is no answer yet
		}
		if ours = ours && a.State == AttemptSending && !a.asking(); ours {
			with.Intent(c, p.ID)
			return nil
		}
		now.object = s.answered(d.payment)
		now.refused = s.refusal(now.object, failureOf(d.payment, a))
		if _, intended := with.(begun); !intended && switched(now.refused) {
			return nil // the same request works when it is on again
		}
		return with.Result(c, now.object, now.refused)
	})
	if err == nil && (ours || d.next != nil) {
		next := written(d).latest()
		now.next = &next
	}
	return now, err
}

// weighAnswer decides what an issuer's answer means for an attempt, with the facts that stand beside its rows.
func (s *Service) weighAnswer(ctx context.Context, account provider.Account, held *room, p Payment, a Attempt, o provider.AuthenticationOutcome) (decision, error) {
	t, err := s.terms(ctx, p.Merchant, account)
	if err == nil && o.Class == provider.NotSent && a.asking() {
		t.next, err = s.successor(ctx, p, a, t.tries)
	}
	if err != nil {
		return decision{}, err
	}
	d, err := s.counted(ctx, p, a, provider.Outcome{Class: provider.NotSent}, &t, func(t terms) (decision, error) { return authenticated(p, a, o, t) })
	if err != nil || d.attempt == nil || d.attempt.State != AttemptSending || d.attempt.asking() {
		return d, err
	}
	if off, err := s.stop(ctx, account, &d, t); err != nil || off {
		return d, err
	}
	if waits, err := s.readmit(ctx, account, held, a, &d, t); err != nil || waits {
		return d, err
	}
	if a.challenged() || a.waitsForRoom() || s.foundLater(p) {
		return s.stillAllowed(ctx, p, a, d)
	}
	return d, nil
}

// resume goes on with a payment whose payer had to act: the provider is asked what came of it.
func (s *Service) resume(ctx context.Context, p Payment, in Confirmation, with Companion) (Object, error) {
	p, a, err := s.reload(ctx, p, Attempt{Number: p.Attempts})
	if err != nil {
		return Object{}, err
	}
	if a.State != AttemptAction {
		return Object{}, errLost
	}
	if in.Result != "" {
		if err := a.matches(in.Result); err != nil {
			return Object{}, err
		}
	}
	account, err := s.Accounts.Get(ctx, p.Merchant, a.Account)
	if err != nil {
		return Object{}, fmt.Errorf("provider account %s: %w", a.Account, err)
	}
	from := decision{payment: p.met(Confirmation{ReturnURL: in.ReturnURL, DeviceSession: in.DeviceSession}), attempt: &a}
	if from.payment.ReturnURL != p.ReturnURL || from.payment.Asked.Device != p.Asked.Device {
		if from.payment, err = s.note(ctx, from.payment); err != nil {
			return Object{}, err
		}
	}
	return s.goOn(ctx, account, from, with)
}

// note writes what a payer brought along beside what they did.
func (s *Service) note(ctx context.Context, p Payment) (Payment, error) {
	row, err := paymentRow(p)
	if err != nil {
		return p, err
	}
	err = s.commitIntent(ctx, db.NewChange(p.Merchant, row))
	p.Version++
	return p, err
}

// goOn asks what came of what a payer had to do, and takes the attempt on from there.
func (s *Service) goOn(ctx context.Context, account provider.Account, from decision, with Companion) (Object, error) {
	var now stage
	pass, err := s.comesBack(ctx, from.payment, *from.attempt, s.Crowd)
	defer pass.Leave()
	if err != nil {
		return Object{}, err
	}
	held := &room{}
	defer held.giveBack() // of what is not made after all
	if a := *from.attempt; a.challenged() {
		now, err = s.hearIssuer(ctx, account, held, from, s.inquireIssuer(ctx, account, a), with)
	} else {
		now, err = s.record(ctx, account, from, s.inquireAuthorization(ctx, account, a).Outcome, with)
	}
	pass.Step()
	if err != nil || now.next == nil {
		if err == nil {
			err = now.refused
		}
		return now.object, err
	}
	return s.pursue(ctx, account, held, *now.next, begun{with})
}

// replace gives up what the payer had to do, and tries another card.
func (s *Service) replace(ctx context.Context, p Payment, in Confirmation, with Companion) (Object, error) {
	p, a, err := s.reload(ctx, p, Attempt{Number: p.Attempts})
	if err != nil {
		return Object{}, err
	}
	if a.State != AttemptAction {
		return Object{}, errLost
	}
	return s.try(ctx, p.met(in), in.Choice, &a, with)
}

// leftOpen tells whether the attempt ended while its payer could still pay on a page of the provider's.
func (a Attempt) leftOpen() bool {
	return (a.State == AttemptVoided || a.State == AttemptExpired) && !a.DueAt.IsZero()
}

// closeBehind closes at once what an attempt left open at its provider. What goes wrong the worker does again.
func (s *Service) closeBehind(ctx context.Context, a *Attempt) {
	if a == nil || !a.leftOpen() {
		return
	}
	ctx = context.WithoutCancel(ctx)
	account, err := s.Accounts.Get(ctx, a.Merchant, a.Account)
	if err == nil {
		err = s.closePage(ctx, account, *a)
	}
	if err != nil {
		s.Logger.Warn("what a payer was to do is still open at the provider", "merchant_id", a.Merchant, "attempt_id", a.ID, "error", err)
	}
}

// closePage voids what an attempt left open. If the payer has paid there meanwhile, that is a late approval, and goes back.
func (s *Service) closePage(ctx context.Context, account provider.Account, a Attempt) error {
	out := s.reversal(ctx, account, a, provider.Void{
		Reference: a.ourReference() + reversed + "p" + strconv.FormatInt(a.Inquiries, 10), Original: a.Reference,
	})
	closed, heldBack := out.State == provider.Voided || out.State == provider.Missing, provider.Outcome{NotBefore: out.NotBefore}
	if !closed {
		out = s.inquireAuthorization(ctx, account, a).Outcome
		state := attemptStateOf(a, out)
		closed = state != AttemptUnknown && state != AttemptAction && state != AttemptPending
	}
	_, err := s.apply(ctx, func() (decision, error) {
		p, a, err := s.reload(ctx, Payment{Merchant: a.Merchant, ID: a.Payment}, a)
		if err != nil || !a.leftOpen() {
			return decision{payment: p}, err
		}
		d, err := s.settle(ctx, account, p, a, out, nobodyWaits)
		if a.DueAt = (time.Time{}); !closed {
			a.DueAt, a.Inquiries = askedAgain(a.ID, a.Inquiries, heldBack, s.Clock.Now())
		}
		d.attempt = &a
		return d, err
	}, nobody)
	return err
}

// cres is what is read of a CRes (EMV 3-D Secure): whose it is. What it says of the result is not a proof.
type cres struct {
	MessageType   string `json:"messageType"`
	ServerTransID string `json:"threeDSServerTransID"`
	ACSTransID    string `json:"acsTransID"`
}

// maxResult bounds a CRes, in characters of base64url.
const maxResult = 16 << 10

// matches refuses a result that is not of the challenge that the attempt waits for, or was stopped after: fault.Invalid if it is no CRes at all, else
// fault.Conflict.
func (a Attempt) matches(result string) error {
	var m cres
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(result, "="))
	if err != nil || len(result) > maxResult || json.Unmarshal(text, &m) != nil || m.MessageType != "CRes" {
		return fault.Wrong("result", fault.CodeInvalid, "must be the CRes of a challenge, in base64url")
	}
	if stopped := a.State == AttemptNotSent && a.proof() != nil; !a.challenged() && !stopped {
		return errNoChallenge
	}
	r := a.Secure.Result
	if r.ACSTransID == "" || subtle.ConstantTimeCompare([]byte(m.ACSTransID), []byte(r.ACSTransID)) != 1 ||
		subtle.ConstantTimeCompare([]byte(m.ServerTransID), []byte(r.ServerTransID)) != 1 {
		return errNoChallenge
	}
	return nil
}

// ticket opens the page that leads the payer of one try to the bank and back.
func (s *Service) ticket(p Payment, attempt int64) string {
	return s.Secret("3ds ticket", p.Merchant, p.ID, strconv.FormatInt(attempt, 10))
}

func (s *Service) challengeURL(p Payment, attempt int64) string {
	return s.PublicURL + "/3ds/" + url.PathEscape(p.Merchant) + "/" + p.ID + "/" + s.ticket(p, attempt)
}

// codeURL is the picture of the code that the payer scans at a try.
func (s *Service) codeURL(p Payment, attempt int64) string {
	return s.PublicURL + "/codes/" + url.PathEscape(p.Merchant) + "/" + p.ID + "/" + s.ticket(p, attempt) + ".png"
}

// returnURL is where a page of the provider's leads the payer back to: to ours, which asks what came of it.
func (s *Service) returnURL(p Payment, a Attempt) string {
	if s.PublicURL == "" {
		return p.ReturnURL
	}
	return s.challengeURL(p, a.Number)
}
