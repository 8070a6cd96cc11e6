package sandbox

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

const (
	challengeTime = 10 * time.Minute // from the ARes to the end of a challenge
	maxWrongCodes = 3
	rightCode     = "123456"
)

// AuthenticationStatus is where an authentication stands.
type AuthenticationStatus string

// The statuses of an authentication.
const (
	FrictionlessDone AuthenticationStatus = "frictionless" // the ARes said it all
	ChallengeOpen    AuthenticationStatus = "challenge"    // the payer has not finished
	ChallengeDone    AuthenticationStatus = "completed"    // the RReq said it
)

var authenticationStatuses = []AuthenticationStatus{FrictionlessDone, ChallengeOpen, ChallengeDone}

// Authentication is all that this world knows of a 3-D Secure authentication. Amounts are minor units.
type Authentication struct {
	ID          string               `json:"id"`
	Reference   string               `json:"reference"` // the caller's
	Acquirer    string               `json:"acquirer"`
	Status      AuthenticationStatus `json:"status"`
	Amount      int64                `json:"amount"`
	Currency    string               `json:"currency"`
	Card        Card                 `json:"card"`
	Exemption   string               `json:"exemption,omitempty"`
	Scenario    string               `json:"scenario,omitempty"`
	AReq        AReq                 `json:"areq"`
	ARes        ARes                 `json:"ares"`
	CReq        string               `json:"creq,omitempty"` // base64url
	ExpiresAt   time.Time            `json:"challenge_expires_at,omitzero"`
	RReq        *RReq                `json:"rreq,omitempty"`
	RRes        *RRes                `json:"rres,omitempty"`
	Result      *Verdict             `json:"result,omitempty"`       // absent while a challenge is open
	Opened      bool                 `json:"opened,omitempty"`       // the CReq came
	SessionData string               `json:"session_data,omitempty"` // what came with it, to be given back
	Entered     int                  `json:"codes_entered,omitempty"`
	UsedBy      string               `json:"used_by,omitempty"` // the transaction that used its result up
	CreatedAt   time.Time            `json:"created_at"`
	History     []Moment             `json:"history"`
}

// answerTo is an authentication as the acquirer's callers see it.
type answerTo struct {
	ID        string               `json:"id"`
	Reference string               `json:"reference"`
	Status    AuthenticationStatus `json:"status"`
	Amount    int64                `json:"amount"`
	Currency  string               `json:"currency"`
	ARes      ARes                 `json:"ares"`
	CReq      string               `json:"creq,omitempty"`
	ExpiresAt time.Time            `json:"challenge_expires_at,omitzero"`
	RReq      *RReq                `json:"rreq,omitempty"`
	RRes      *RRes                `json:"rres,omitempty"`
	Result    *Verdict             `json:"result,omitempty"`
	CreatedAt time.Time            `json:"created_at"`
}

// shown is the authentication as it is now. Only an open challenge has a CReq: there is nothing to post any more.
func (a *Authentication) shown() answerTo {
	s := answerTo{a.ID, a.Reference, a.Status, a.Amount, a.Currency, a.ARes, a.CReq, a.ExpiresAt, a.RReq, a.RRes, a.Result, a.CreatedAt}
	if a.Status == ChallengeDone {
		s.CReq, s.ExpiresAt = "", time.Time{}
	}
	return s
}

// first is the authentication as it was first answered: what a repeat of the request gets.
func (a *Authentication) first() answerTo {
	f := *a
	if f.Status == ChallengeDone {
		f.Status, f.RReq, f.RRes, f.Result = ChallengeOpen, nil, nil, nil
	}
	return f.shown()
}

// asksSame tells whether a repeated request asks for the same thing. The number is compared as far as it is kept.
func (a *Authentication) asksSame(b *Authentication) bool {
	asked := func(x *Authentication) AReq {
		m := x.AReq
		m.header, m.PurchaseDate = header{}, "" // made here, anew each time
		return m
	}
	return a.Amount == b.Amount && a.Currency == b.Currency && a.Card == b.Card && a.Exemption == b.Exemption && asked(a) == asked(b)
}

// draw reads n bytes. It panics if the randomness ends, as crypto/rand itself does.
func draw(random io.Reader, n int) []byte {
	out := make([]byte, n)
	if _, err := io.ReadFull(random, out); err != nil {
		panic(fmt.Sprintf("sandbox: randomness ended: %v", err))
	}
	return out
}

// uuid makes a transaction id of 3-D Secure: a random UUID.
func uuid(random io.Reader) string {
	raw := draw(random, 16)
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80
	h := hex.EncodeToString(raw)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// verdict is a status with what goes with it: the reason, the ECI, and, for one that proves something, a fresh CAVV.
func verdict(s TransStatus, reason, brand string, random io.Reader) Verdict {
	v := Verdict{TransStatus: s, TransStatusReason: reason, ECI: eci(s, brand)}
	if s == Authenticated || s == Attempted {
		v.AuthenticationValue = base64.StdEncoding.EncodeToString(draw(random, 20))
	}
	return v
}

// recognize decides what the bank behind a card says to an AReq. The card decides, not what the merchant would like.
func recognize(p pan, month, year int, now time.Time) (s TransStatus, reason string) {
	switch {
	case !id.Luhn(p):
		return NotAuthenticated, reasonNumber
	case outdated(month, year, now):
		return NotAuthenticated, reasonExpired
	}
	s = cardTable[string(p)].secure
	if s == "" {
		s = Authenticated
	}
	return s, map[TransStatus]string{NotAuthenticated: reasonFailed, Unavailable: reasonACSTrouble, Rejected: reasonFraud}[s]
}

// begin decides a new authentication: a is filled in as far as it was asked, and acsURL is where a challenge would be.
func begin(a *Authentication, s TransStatus, reason, acsURL string, now time.Time, random io.Reader) error {
	ids := header{ThreeDSServerTransID: uuid(random), DSTransID: uuid(random), ACSTransID: uuid(random), MessageVersion: messageVersion}
	a.CreatedAt, a.Status = now, FrictionlessDone
	a.AReq.header = header{MessageType: "AReq", MessageVersion: messageVersion, ThreeDSServerTransID: ids.ThreeDSServerTransID}
	a.ARes = ARes{header: ids, Verdict: verdict(s, reason, a.Card.Brand, random), DSReferenceNumber: "florin-sandbox-ds",
		ACSReferenceNumber: "florin-sandbox-acs", ACSOperatorID: "florin-sandbox-acs"}
	a.ARes.MessageType = "ARes"
	a.note(now, "ARes: %s", says(a.ARes.Verdict))
	if s != ChallengeRequired {
		v := a.ARes.Verdict
		a.Result = &v
		return nil
	}
	a.ARes.AuthenticationType, a.ARes.ACSChallengeMandated, a.ARes.ACSURL = "02", "Y", acsURL
	m := CReq{header: ids, ChallengeWindowSize: "05"}
	m.MessageType, m.DSTransID = "CReq", ""
	text, err := encodeMessage(m)
	a.Status, a.ExpiresAt, a.CReq = ChallengeOpen, now.Add(challengeTime), text
	return err
}

func (a *Authentication) note(now time.Time, format string, args ...any) {
	a.History = append(a.History, Moment{now, fmt.Sprintf(format, args...)})
}

// says is a verdict for people.
func says(v Verdict) string {
	text := "transStatus " + string(v.TransStatus)
	for _, f := range []struct{ name, value string }{{"reason", v.TransStatusReason}, {"ECI", v.ECI}, {"challengeCancel", v.ChallengeCancel}} {
		if f.value != "" {
			text += ", " + f.name + " " + f.value
		}
	}
	return text
}

// cres is what the payer's browser takes back, in base64url.
func (a *Authentication) cres() (string, error) {
	m := CRes{header: a.ARes.header, ChallengeCompletionInd: "Y", TransStatus: NotAuthenticated}
	m.MessageType, m.DSTransID = "CRes", ""
	if a.Result != nil && a.Result.TransStatus == Authenticated {
		m.TransStatus = Authenticated
	}
	return encodeMessage(m)
}

// overdue tells whether an open challenge has run out of time.
func (a *Authentication) overdue(now time.Time) bool {
	return a.Status == ChallengeOpen && !now.Before(a.ExpiresAt)
}

// Moves of an open challenge: what the payer does on the ACS's page, and what the panel's buttons do.
const (
	moveCode    = "code"
	movePass    = "pass"
	moveFail    = "fail"
	moveCancel  = "cancel"
	moveTimeOut = "time_out"
)

// challengeEvent is a button of the panel.
type challengeEvent struct{ Event, Label string }

var challengeEvents = []challengeEvent{{movePass, "Pass"}, {moveFail, "Fail"}, {moveCancel, "Cancel"}, {moveTimeOut, "Let it time out"}}

func isChallengeEvent(name string) bool {
	return slices.ContainsFunc(challengeEvents, func(e challengeEvent) bool { return e.Event == name })
}

// play makes a move of an open challenge. It fails with fault.Conflict if none is open, also because its time is over: a
// result is never changed. A wrong code is no error.
func (a *Authentication) play(move, code string, now time.Time, random io.Reader) error {
	if a.Status != ChallengeOpen {
		return fault.State(fmt.Sprintf("the authentication is %s: no challenge is open", a.Status))
	}
	if a.overdue(now) {
		return fault.State("the time of the challenge is over")
	}
	switch move {
	case moveCode:
		a.Entered++
		switch {
		case code == rightCode:
			a.end(verdict(Authenticated, "", a.Card.Brand, random), now)
		case a.Entered >= maxWrongCodes:
			a.note(now, "Wrong code")
			a.end(verdict(NotAuthenticated, reasonTooMany, a.Card.Brand, random), now)
		default:
			a.note(now, "Wrong code")
		}
	case movePass:
		a.end(verdict(Authenticated, "", a.Card.Brand, random), now)
	case moveFail:
		a.end(verdict(NotAuthenticated, reasonFailed, a.Card.Brand, random), now)
	case moveCancel:
		v := verdict(NotAuthenticated, reasonFailed, a.Card.Brand, random)
		v.ChallengeCancel = canceledByPayer
		a.end(v, now)
	case moveTimeOut:
		a.runOut(now)
	default:
		return fault.Missing("event")
	}
	return nil
}

// runOut ends an open challenge whose time is over, or is made to be.
func (a *Authentication) runOut(now time.Time) {
	v := Verdict{TransStatus: NotAuthenticated, TransStatusReason: reasonTimedOut, ECI: eci(NotAuthenticated, a.Card.Brand), ChallengeCancel: timedOut}
	if !a.Opened {
		v.ChallengeCancel = neverOpened
	}
	a.end(v, now)
}

// end sets the result, for good, and tells it to the 3-D Secure server, which acknowledges.
func (a *Authentication) end(v Verdict, now time.Time) {
	ids := a.ARes.header
	ids.MessageType = "RReq"
	a.RReq = &RReq{header: ids, Verdict: v, MessageCategory: "01", AuthenticationType: "02", InteractionCounter: fmt.Sprintf("%02d", a.Entered)}
	ids.MessageType = "RRes"
	a.RRes = &RRes{header: ids, ResultsStatus: "01"}
	a.Status, a.Result = ChallengeDone, &v
	a.note(now, "RReq: %s", says(v))
}

// ThreeDS is what an authorization says of its authentication.
type ThreeDS struct {
	Version     string      `json:"version"`
	ECI         string      `json:"eci"`
	CAVV        string      `json:"cavv"`
	DSTransID   string      `json:"ds_trans_id"`
	TransStatus TransStatus `json:"trans_status"`
}

// same tells whether two say the same.
func (d *ThreeDS) same(e *ThreeDS) bool { return d == e || d != nil && e != nil && *d == *e }

// proof is what an authorization's 3-D Secure data is worth.
type proof uint8

// The proofs.
const (
	noProof    proof = iota // none was given, or nothing that says anything
	goodProof               // this world authenticated this card for this amount, or says that it could not
	falseProof              // it did not, or it was used before
)

// weigh tells what 3-D Secure data is worth in an authorization. a is the authentication that it names by its dsTransID; nil
// if this world knows none.
func (d *ThreeDS) weigh(a *Authentication, card Card, amount int64, currency string) proof {
	if d == nil {
		return noProof
	}
	if a == nil {
		if d.CAVV == "" && (d.TransStatus == "" || d.TransStatus == Unavailable) {
			return noProof
		}
		return falseProof
	}
	if a.Result == nil || a.UsedBy != "" || a.Card != card || a.Amount != amount || a.Currency != currency {
		return falseProof
	}
	r := a.Result
	proves := slices.Contains([]TransStatus{Authenticated, Attempted, Unavailable}, r.TransStatus)
	if !proves || d.TransStatus != "" && d.TransStatus != r.TransStatus || d.ECI != "" && d.ECI != r.ECI ||
		subtle.ConstantTimeCompare([]byte(d.CAVV), []byte(r.AuthenticationValue)) != 1 {
		return falseProof
	}
	return goodProof
}
