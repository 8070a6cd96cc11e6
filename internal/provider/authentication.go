package provider

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/money"
)

// 3-D Secure 2: the names in brackets are those of EMV 3-D Secure, Protocol and Core Functions Specification 2.2.

// Authenticator can authenticate a cardholder by 3-D Secure 2, apart from the authorization that follows.
type Authenticator interface {
	// Authenticate asks the issuer (AReq), and gives what it said (ARes): a result, or a challenge for the payer.
	Authenticate(ctx context.Context, a Account, r Authentication) AuthenticationOutcome
	// Authenticated asks for the end of an authentication (what the RReq brought). What the payer's browser says of it is
	// never taken for the result.
	Authenticated(ctx context.Context, a Account, r AuthenticationInquiry) AuthenticationOutcome
}

// ChallengeIndicator is what the merchant would like (threeDSRequestorChallengeInd): 01 no preference, 02 no challenge, 03 a
// challenge, 04 a challenge by mandate, 05 no challenge because of a risk analysis, 10 no challenge because of a low value.
type ChallengeIndicator string

// The indicators that Florin sends.
const (
	NoPreference       ChallengeIndicator = "01"
	NoChallenge        ChallengeIndicator = "02"
	ChallengePreferred ChallengeIndicator = "03"
	ChallengeMandated  ChallengeIndicator = "04"
	RiskAnalysisDone   ChallengeIndicator = "05"
	LowValue           ChallengeIndicator = "10"
)

// Authentication asks who the cardholder is.
type Authentication struct {
	Reference       string // ours: unique for this try
	Payment         string // pay_…
	Amount          money.Money
	Card            string // the token; only the vault knows more
	Indicator       ChallengeIndicator
	Exemption       string // the exemption that is claimed, empty for none
	NotificationURL string // where the issuer's page sends the payer's browser back, with the CRes
	Browser         Browser
}

// AuthenticationInquiry asks what became of an authentication.
type AuthenticationInquiry struct {
	Reference string // ours, of the authentication
	Card      string // the token
}

// Browser is what an issuer wants to know of the payer's browser (browserAcceptHeader, browserUserAgent …).
type Browser struct {
	AcceptHeader      string `json:"accept_header,omitempty"`
	UserAgent         string `json:"user_agent,omitempty"`
	Language          string `json:"language,omitempty"`
	IP                string `json:"ip,omitempty"`
	ColorDepth        int    `json:"color_depth,omitempty"` // bits
	ScreenHeight      int    `json:"screen_height,omitempty"`
	ScreenWidth       int    `json:"screen_width,omitempty"`
	TimeZone          int    `json:"time_zone,omitempty"` // minutes that UTC is ahead of the payer's time
	JavaEnabled       bool   `json:"java_enabled,omitempty"`
	JavaScriptEnabled bool   `json:"javascript_enabled,omitempty"`
}

// The flows of an authentication.
const (
	Frictionless  = "frictionless"
	ChallengeFlow = "challenge"
)

// ThreeDS is the result of an authentication, and what an authorization carries of it.
type ThreeDS struct {
	Version       string `json:"version"`                   // such as 2.2.0 (messageVersion)
	Status        string `json:"status"`                    // Y N U A C D R I (transStatus)
	StatusReason  string `json:"status_reason,omitempty"`   // transStatusReason
	ECI           string `json:"eci,omitempty"`             // 05 06 07 at Visa and others, 02 01 00 at Mastercard
	CAVV          string `json:"cavv,omitempty"`            // authenticationValue, base 64
	DSTransID     string `json:"ds_trans_id,omitempty"`     // dsTransID
	ServerTransID string `json:"server_trans_id,omitempty"` // threeDSServerTransID
	ACSTransID    string `json:"acs_trans_id,omitempty"`    // acsTransID
	Flow          string `json:"flow"`                      // Frictionless or ChallengeFlow
}

// Challenge is a challenge that waits for the payer: their browser posts CReq, as the form field creq, to ACSURL.
type Challenge struct {
	ACSURL    string    `json:"acs_url"`
	CReq      string    `json:"creq"`
	ExpiresAt time.Time `json:"expires_at"`
}

// AuthenticationOutcome is the end of a call to an Authenticator. Class is Approved if the issuer's answer is there, whatever
// it says: ThreeDS says it. Declined means that the provider refused to ask. NotSent and Unknown are as for other calls; an
// authentication moves no money, so both may be repeated. An inquiry about what the provider does not have is NotSent.
type AuthenticationOutcome struct {
	Class     Class
	ThreeDS   ThreeDS
	Challenge *Challenge // for status C
	Pending   bool       // the payer has not finished the challenge
	Canceled  bool       // the payer gave up (challengeCancel 01)
	TimedOut  bool       // the challenge was not finished in time (challengeCancel 04, 05)
	Detail    string     // for operators
	Withheld  bool       // of NotSent: Florin itself would not send it, which says nothing of the provider
	NotBefore time.Time  // of what was withheld: when it is worth another try; zero: nobody knows
	OffUntil  time.Time  // of what was withheld because people have switched it off: when it may be on again; zero: they have not
}

// Technical tells whether the outcome speaks against the provider itself, or the way to it: its breakers count that. Whatever the issuer says
// is an answer, and that the provider would not ask is about the one card.
func (o AuthenticationOutcome) Technical() bool {
	return o.Class == Unknown || o.Class == NotSent && !o.Withheld
}

// TechnicalInquiry is Technical of an inquiry: that there is no such authentication is an answer.
func (o AuthenticationOutcome) TechnicalInquiry() bool { return o.Class == Unknown }

// FoundClass is what an inquiry found, by the name that metrics show.
func (o AuthenticationOutcome) FoundClass() string {
	if o.Class == NotSent {
		return "not_found"
	}
	return o.Class.String()
}
