package payment

import (
	"slices"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// Whether a cardholder is authenticated, and what an issuer's answer means, is decided here, without I/O. docs/3ds.md has the
// tables for people.

// Preference is what a merchant asks of 3-D Secure.
type Preference string

// The preferences. Auto is what the zero value means.
const (
	ChallengeAuto         Preference = "auto"          // as the issuer's law demands, else only when the issuer does
	ChallengeRequest      Preference = "request"       // authenticate, rather with a challenge
	ChallengeMandate      Preference = "mandate"       // authenticate with a challenge; without a proof there is no payment
	ChallengeNoPreference Preference = "no_preference" // authenticate; how is the issuer's business
)

// Asked is what a merchant asked of 3-D Secure for a payment, and who is there to be authenticated.
type Asked struct {
	Challenge  Preference        `json:"challenge,omitempty"`
	Exemption  string            `json:"exemption,omitempty"` // low_value, tra, mit …; empty: none is claimed
	OffSession bool              `json:"off_session,omitempty"`
	Setup      bool              `json:"setup,omitempty"`   // the payer agrees that their saved method, or the card that they leave, is charged later, off session
	Unsaved    bool              `json:"unsaved,omitempty"` // the payer was asked, and does not agree to that
	Agreed     *customer.Consent `json:"agreed,omitempty"`  // the payer's word for it, where they gave it on a page of ours
	Device     string            `json:"device,omitempty"`  // ds_…
	Browser    *provider.Browser `json:"browser,omitempty"` // the payer's, until the money is there or the payment has ended
}

// saves tells whether later payments may come of this one.
func (a Asked) saves() bool { return a.Setup && !a.Unsaved }

// preferences are those of the contract.
var preferences = []Preference{"", ChallengeAuto, ChallengeRequest, ChallengeMandate, ChallengeNoPreference}

// check refuses wishes that contradict each other. It fails with fault.Invalid.
func (a Asked) check() error {
	insists := a.Challenge == ChallengeRequest || a.Challenge == ChallengeMandate
	switch {
	case !slices.Contains(preferences, a.Challenge):
		return fault.Wrong("three_ds.challenge", fault.CodeInvalid, "must be auto, request, mandate or no_preference")
	case a.Setup && a.OffSession:
		return fault.Wrong("setup_future_usage", fault.CodeInvalid, "nobody is there to agree off session: leave it out, or set off_session to false")
	case a.Setup && a.Exemption != "":
		return fault.Wrong("three_ds.exemption", fault.CodeInvalid, "the payment at which the payer agrees to later ones is exempt from nothing")
	case insists && a.OffSession:
		return fault.Wrong("three_ds.challenge", fault.CodeInvalid, "nobody is there for a challenge off session: leave it out, or set off_session to false")
	case insists && a.Exemption != "":
		return fault.Wrong("three_ds.exemption", fault.CodeInvalid, "contradicts a wish for a challenge")
	}
	return nil
}

// MaxChallenges is how many challenges one payment may have. When the last one fails, the payment has failed.
const MaxChallenges = 3

// mandated are the countries whose issuers must authenticate the cardholder of a remote payment: the European Economic Area
// (Directive (EU) 2015/2366, article 97) and the United Kingdom (SCA-RTS of the FCA). ISO 3166-1 alpha-2.
var mandated = map[string]bool{
	"AT": true, "BE": true, "BG": true, "CY": true, "CZ": true, "DE": true, "DK": true, "EE": true, "ES": true, "FI": true, "FR": true,
	"GR": true, "HR": true, "HU": true, "IE": true, "IS": true, "IT": true, "LI": true, "LT": true, "LU": true, "LV": true, "MT": true,
	"NL": true, "NO": true, "PL": true, "PT": true, "RO": true, "SE": true, "SI": true, "SK": true,
	"GB": true,
}

// facts are what it depends on whether the cardholder is authenticated before the money is asked for.
type facts struct {
	asked   Asked
	stepUp  bool   // a risk rule wants to see the cardholder
	country string // of the issuer; empty: not known
	wanted  bool   // the issuer declined the last try for want of it
	own     bool   // the provider authenticates by itself, and knows the law and the issuers
}

// approach is how a try begins. The zero value asks for the money at once.
type approach struct {
	authenticate bool
	indicator    provider.ChallengeIndicator
	exemption    string // that is claimed
	required     bool   // without a proof the money is not asked for
}

// approachCase is one line of the table.
type approachCase struct {
	name string
	fits func(facts) bool
	then func(facts) approach
}

// approaches are the cases, the first that fits counts.
var approaches = []approachCase{
	{"nobody is there to be asked", func(f facts) bool { return f.asked.OffSession }, direct},
	{"the provider knows best", func(f facts) bool {
		return f.own && !f.stepUp && (f.asked.Challenge == "" || f.asked.Challenge == ChallengeAuto)
	}, direct},
	{"the merchant insists", func(f facts) bool { return f.asked.Challenge == ChallengeMandate }, authenticating(provider.ChallengeMandated, true)},
	{"the issuer insists", func(f facts) bool { return f.wanted }, authenticating(provider.ChallengeMandated, true)},
	{"a risk rule wants it", func(f facts) bool { return f.stepUp }, authenticating(provider.ChallengePreferred, true)},
	{"the merchant wishes it", func(f facts) bool { return f.asked.Challenge == ChallengeRequest }, func(f facts) approach {
		return approach{authenticate: true, indicator: provider.ChallengePreferred, required: mandated[f.country]}
	}},
	{"the merchant asks, and claims an exemption", func(f facts) bool { return f.asked.Challenge == ChallengeNoPreference && f.asked.Exemption != "" }, exempt},
	{"the merchant asks", func(f facts) bool { return f.asked.Challenge == ChallengeNoPreference }, func(f facts) approach {
		return approach{authenticate: true, indicator: provider.NoPreference, required: mandated[f.country]}
	}},
	{"an exemption is claimed", func(f facts) bool { return f.asked.Exemption != "" }, direct},
	{"the law demands it", func(f facts) bool { return mandated[f.country] }, authenticating(provider.NoPreference, true)},
	{"nothing demands it", func(facts) bool { return true }, direct},
}

func direct(facts) approach { return approach{} }

func authenticating(i provider.ChallengeIndicator, required bool) func(facts) approach {
	return func(facts) approach { return approach{authenticate: true, indicator: i, required: required} }
}

// exemptionIndicators tell the issuer which exemption is claimed. Any other is told as: no challenge, please.
var exemptionIndicators = map[string]provider.ChallengeIndicator{"low_value": provider.LowValue, "tra": provider.RiskAnalysisDone}

func exempt(f facts) approach {
	indicator, known := exemptionIndicators[f.asked.Exemption]
	if !known {
		indicator = provider.NoChallenge
	}
	return approach{authenticate: true, indicator: indicator, exemption: f.asked.Exemption}
}

// approach decides how a try begins.
func (f facts) approach() approach {
	at := slices.IndexFunc(approaches, func(c approachCase) bool { return c.fits(f) })
	return approaches[at].then(f)
}

// softDeclines are network answers that ask for authentication though their own meaning is another: the card was not declined
// for good. An empty field matches any.
var softDeclines = []struct {
	brand, code, advice string
	mandated            bool // only where the law demands authentication
}{
	{code: "1A"}, // Visa and others: additional customer authentication required
	{brand: "mastercard", code: "83", advice: "01"},   // Mastercard: fraud or security, new data: authenticate
	{brand: "mastercard", code: "65", mandated: true}, // Mastercard in Europe: soft decline; elsewhere: used too often
	{brand: "maestro", code: "65", mandated: true},
}

// wantsAuthentication tells whether a decline says: the same again, with the cardholder's proof.
func wantsAuthentication(d provider.Decline, brand, country string) bool {
	meaning := d.Meaning(brand)
	if meaning.Retry == provider.RetryWith3DS {
		return true
	}
	if meaning.Retry == provider.RetryNever && provider.Explain(d.Code).Retry != provider.RetryNever {
		return false // the network's advice is stronger
	}
	for _, s := range softDeclines {
		if (s.brand == "" || s.brand == brand) && s.code == d.NetworkDecline && (s.advice == "" || s.advice == d.NetworkAdvice) &&
			(!s.mandated || mandated[country]) {
			return true
		}
	}
	return false
}

// weight is what an issuer's answer means for a try.
type weight uint8

const (
	inDoubt     weight = iota // it is not known what the issuer said
	unreached                 // it was not asked
	waits                     // the payer must pass a challenge
	goesOn                    // the money may be asked for
	refuses                   // it must not be
	ranOut                    // the challenge was not finished in time
	cannotProve               // the issuer could not say: the money may be asked for where no proof is required
)

// statuses are what a transStatus means once there is no challenge to wait for. What is not here cannot prove anything: D and S
// are answers to what Florin does not ask for.
var statuses = map[string]weight{
	"Y": goesOn, "A": goesOn, // authenticated; attempted, and the issuer says so
	"N": refuses, "R": refuses, // not authenticated; rejected
	"U": cannotProve, "I": cannotProve, // not available; for information only
}

// weigh decides what an answer means. required says that without a proof the money is not asked for.
func weigh(o provider.AuthenticationOutcome, required bool) weight {
	means := cannotProve
	switch {
	case o.Class == provider.Unknown:
		return inDoubt
	case o.Class == provider.NotSent:
		return unreached
	case o.Class == provider.Declined: // the provider would not ask
	case o.Pending, o.Challenge != nil:
		return waits
	case o.TimedOut:
		return ranOut
	case o.Canceled:
		return refuses
	default:
		if known, ok := statuses[o.ThreeDS.Status]; ok {
			means = known
		}
	}
	if means != cannotProve {
		return means
	}
	if required {
		return refuses
	}
	return goesOn
}

// shifts are the electronic commerce indicators that move the liability for a fraud from the merchant to the issuer: Visa,
// American Express, JCB and Diners 05 (authenticated) and 06 (attempted), Mastercard 02 and 01.
var shifts = map[string]bool{"05": true, "06": true, "02": true, "01": true}

// liabilityShift tells whether the issuer bears the loss if the cardholder denies the payment. Whoever claims an exemption keeps it.
func liabilityShift(d provider.ThreeDS, exemption string) bool {
	return statuses[d.Status] == goesOn && shifts[d.ECI] && exemption == ""
}
