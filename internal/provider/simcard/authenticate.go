package simcard

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simproto"
	"github.com/florinpay/florin/internal/vault"
)

const pathAuthentications = "/v1/authentications"

// authentication is the acquirer's view of a 3-D Secure authentication. The messages keep the names of EMV 3-D Secure.
type authentication struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	Status    string    `json:"status"` // frictionless, challenge, completed
	ARes      *ares     `json:"ares"`
	CReq      string    `json:"creq"`
	ExpiresAt time.Time `json:"challenge_expires_at"`
	Result    *verdict  `json:"result"` // of a completed challenge: what the RReq said
}

type ares struct {
	MessageType          string `json:"messageType"`
	MessageVersion       string `json:"messageVersion"`
	ThreeDSServerTransID string `json:"threeDSServerTransID"`
	DSTransID            string `json:"dsTransID"`
	ACSTransID           string `json:"acsTransID"`
	ACSURL               string `json:"acsURL"`
	verdict
}

type verdict struct {
	TransStatus         string `json:"transStatus"`
	TransStatusReason   string `json:"transStatusReason"`
	ECI                 string `json:"eci"`
	AuthenticationValue string `json:"authenticationValue"`
	ChallengeCancel     string `json:"challengeCancel"`
}

// authenticationReferences are the members of an answer that are long without being card numbers.
var authenticationReferences = []string{"threeDSServerTransID", "dsTransID", "acsTransID", "authenticationValue", "creq"}

// Authenticate asks the issuer who the cardholder is. The acquirer recognizes a repeat by the reference.
func (c *Connector) Authenticate(ctx context.Context, a provider.Account, r provider.Authentication) provider.AuthenticationOutcome {
	request := post(a, pathAuthentications, authenticationBody(r))
	request.Card = r.Card
	answer, outcome, ok := c.askIssuer(ctx, request)
	if !ok {
		return unasked(outcome)
	}
	return answer.outcome(r.Reference)
}

// Authenticated asks what the issuer said in the end.
func (c *Connector) Authenticated(ctx context.Context, a provider.Account, r provider.AuthenticationInquiry) provider.AuthenticationOutcome {
	answer, outcome, ok := c.askIssuer(ctx, get(a, pathAuthentications, r.Reference))
	switch {
	case ok:
		return answer.outcome(r.Reference)
	case outcome.State == provider.Missing:
		return unasked(outcome)
	}
	return doubt(outcome.Detail) // that the question was refused, or did not arrive, is not what the issuer said
}

func (c *Connector) askIssuer(ctx context.Context, r vault.Request) (authentication, provider.Outcome, bool) {
	r.References = append(r.References, authenticationReferences...)
	response, err := c.send.Send(ctx, r)
	if err != nil {
		return authentication{}, provider.FromSend(err), false
	}
	return simproto.Read[authentication](response)
}

// unasked is a call that did not come to the issuer, or whose answer cannot be read.
func unasked(o provider.Outcome) provider.AuthenticationOutcome {
	if o.State == provider.Missing {
		o.Class = provider.NotSent
	}
	return provider.AuthenticationOutcome{Class: o.Class, Detail: o.Detail, Withheld: o.Withheld}
}

func doubt(detail string) provider.AuthenticationOutcome {
	return provider.AuthenticationOutcome{Class: provider.Unknown, Detail: detail}
}

// outcome reads the answer, strictly: what is not whole is not believed.
func (a authentication) outcome(reference string) provider.AuthenticationOutcome {
	m := a.ARes
	switch {
	case a.ID == "" || a.Reference != reference:
		return doubt("the answer is about another reference")
	case m == nil || m.MessageType != "ARes" || m.MessageVersion == "" || m.TransStatus == "" || m.ThreeDSServerTransID == "" || m.DSTransID == "":
		return doubt("the answer has no whole ARes")
	}
	switch a.Status {
	case "frictionless":
		return a.said(m.verdict, provider.Frictionless)
	case "challenge":
		return a.waiting()
	case "completed":
		if a.Result == nil {
			return doubt("the challenge is over, and the answer has no result")
		}
		return a.said(*a.Result, provider.ChallengeFlow)
	}
	return doubt("the answer has an unknown status")
}

func (a authentication) waiting() provider.AuthenticationOutcome {
	m := a.ARes
	if m.TransStatus != "C" || m.ACSTransID == "" || m.ACSURL == "" || a.CReq == "" || a.ExpiresAt.IsZero() {
		return doubt("the answer has no whole challenge")
	}
	out := a.said(m.verdict, provider.ChallengeFlow)
	out.Pending = true
	out.Challenge = &provider.Challenge{ACSURL: m.ACSURL, CReq: a.CReq, ExpiresAt: a.ExpiresAt.UTC()}
	return out
}

// said is what the issuer said, with the ids of the ARes.
func (a authentication) said(v verdict, flow string) provider.AuthenticationOutcome {
	if v.TransStatus == "" || v.TransStatus == "C" && a.Status != "challenge" {
		return doubt("the answer has no status that could end an authentication")
	}
	return provider.AuthenticationOutcome{
		Class: provider.Approved, Canceled: v.ChallengeCancel == "01", TimedOut: v.ChallengeCancel == "04" || v.ChallengeCancel == "05",
		ThreeDS: provider.ThreeDS{
			Version: a.ARes.MessageVersion, Status: v.TransStatus, StatusReason: v.TransStatusReason, ECI: v.ECI, CAVV: v.AuthenticationValue,
			DSTransID: a.ARes.DSTransID, ServerTransID: a.ARes.ThreeDSServerTransID, ACSTransID: a.ARes.ACSTransID, Flow: flow,
		},
	}
}

func authenticationBody(r provider.Authentication) []vault.Segment {
	head := newObject().text("reference", r.Reference).number("amount", r.Amount.Minor()).text("currency", r.Amount.Currency().Code()).open("card", `{"number":"`)
	b := r.Browser
	browser := newObject().text("accept_header", b.AcceptHeader).text("user_agent", b.UserAgent).text("language", b.Language).text("ip", b.IP).
		number("color_depth", int64(b.ColorDepth)).number("screen_height", int64(b.ScreenHeight)).number("screen_width", int64(b.ScreenWidth)).
		number("time_zone", int64(b.TimeZone)).flag("java_enabled", b.JavaEnabled).flag("javascript_enabled", b.JavaScriptEnabled).end()
	tail := newTail().text("challenge_indicator", string(r.Indicator)).text("exemption", r.Exemption).text("notification_url", r.NotificationURL).
		raw("browser", browser).end()
	return cardBody(head, tail)
}
