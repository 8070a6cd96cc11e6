package payment

import (
	"errors"
	"testing"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

func TestWhoIsAuthenticatedBeforeTheMoneyIsAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		facts facts
		want  approach
	}{
		"nothing demands it":                   {facts{country: "US"}, approach{}},
		"the issuer's country is not known":    {facts{}, approach{}},
		"the law demands it":                   {facts{country: "DE"}, approach{true, provider.NoPreference, "", true}},
		"the law of Great Britain":             {facts{country: "GB"}, approach{true, provider.NoPreference, "", true}},
		"Switzerland is not under it":          {facts{country: "CH"}, approach{}},
		"an exemption from the law":            {facts{country: "DE", asked: Asked{Exemption: "tra"}}, approach{}},
		"an exemption that is asked for":       {facts{country: "DE", asked: Asked{Challenge: ChallengeNoPreference, Exemption: "tra"}}, approach{true, provider.RiskAnalysisDone, "tra", false}},
		"a low value that is asked for":        {facts{asked: Asked{Challenge: ChallengeNoPreference, Exemption: "low_value"}}, approach{true, provider.LowValue, "low_value", false}},
		"another exemption that is asked for":  {facts{asked: Asked{Challenge: ChallengeNoPreference, Exemption: "recurring"}}, approach{true, provider.NoChallenge, "recurring", false}},
		"the merchant asks":                    {facts{country: "US", asked: Asked{Challenge: ChallengeNoPreference}}, approach{true, provider.NoPreference, "", false}},
		"the merchant asks under the law":      {facts{country: "FR", asked: Asked{Challenge: ChallengeNoPreference}}, approach{true, provider.NoPreference, "", true}},
		"the merchant wishes it":               {facts{country: "US", asked: Asked{Challenge: ChallengeRequest}}, approach{true, provider.ChallengePreferred, "", false}},
		"the merchant wishes it under the law": {facts{country: "IS", asked: Asked{Challenge: ChallengeRequest}}, approach{true, provider.ChallengePreferred, "", true}},
		"the merchant insists":                 {facts{country: "US", asked: Asked{Challenge: ChallengeMandate}}, approach{true, provider.ChallengeMandated, "", true}},
		"a risk rule wants it":                 {facts{country: "US", stepUp: true}, approach{true, provider.ChallengePreferred, "", true}},
		"a risk rule outranks an exemption":    {facts{country: "DE", stepUp: true, asked: Asked{Exemption: "tra"}}, approach{true, provider.ChallengePreferred, "", true}},
		"the issuer insists":                   {facts{country: "US", wanted: true}, approach{true, provider.ChallengeMandated, "", true}},
		"the issuer outranks an exemption":     {facts{wanted: true, asked: Asked{Exemption: "low_value"}}, approach{true, provider.ChallengeMandated, "", true}},
		"nobody is there, whatever is asked":   {facts{country: "DE", stepUp: true, wanted: true, asked: Asked{OffSession: true, Exemption: "mit"}}, approach{}},
		"the provider knows best":              {facts{country: "DE", wanted: true, own: true}, approach{}},
		"the merchant knows better":            {facts{country: "US", own: true, asked: Asked{Challenge: ChallengeMandate}}, approach{true, provider.ChallengeMandated, "", true}},
		"a risk rule knows better":             {facts{country: "US", own: true, stepUp: true}, approach{true, provider.ChallengePreferred, "", true}},
		"auto is what nothing means":           {facts{country: "DE", asked: Asked{Challenge: ChallengeAuto}}, approach{true, provider.NoPreference, "", true}},
	} {
		if got := c.facts.approach(); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestWishesThatContradictAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		asked Asked
		param string // empty: allowed
	}{
		"nothing":                   {Asked{}, ""},
		"off session, an agreement": {Asked{OffSession: true, Exemption: "mit"}, ""},
		"ask with an exemption":     {Asked{Challenge: ChallengeNoPreference, Exemption: "tra"}, ""},
		"insist":                    {Asked{Challenge: ChallengeMandate}, ""},
		"insist off session":        {Asked{Challenge: ChallengeMandate, OffSession: true}, "three_ds.challenge"},
		"wish off session":          {Asked{Challenge: ChallengeRequest, OffSession: true}, "three_ds.challenge"},
		"insist with an exemption":  {Asked{Challenge: ChallengeMandate, Exemption: "tra"}, "three_ds.exemption"},
		"no such wish":              {Asked{Challenge: "please"}, "three_ds.challenge"},
	} {
		err := c.asked.check()
		var wrong *fault.Error
		if ok := errors.As(err, &wrong); ok != (c.param != "") || ok && (wrong.Kind != fault.Invalid || wrong.Param != c.param) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSoftDeclinesAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		decline        provider.Decline
		brand, country string
		want           bool
	}{
		"by its own code":               {provider.Decline{Code: provider.AuthenticationRequired}, "visa", "US", true},
		"after a failed one":            {provider.Decline{Code: provider.AuthenticationFailed}, "visa", "US", true},
		"1A under another name":         {provider.Decline{Code: provider.DoNotHonor, NetworkDecline: "1A"}, "visa", "", true},
		"65 at a European Mastercard":   {provider.Decline{Code: provider.VelocityExceeded, NetworkDecline: "65"}, "mastercard", "DE", true},
		"65 at a European Maestro":      {provider.Decline{Code: provider.VelocityExceeded, NetworkDecline: "65"}, "maestro", "NL", true},
		"65 at an American Mastercard":  {provider.Decline{Code: provider.VelocityExceeded, NetworkDecline: "65"}, "mastercard", "US", false},
		"65 at a European Visa":         {provider.Decline{Code: provider.VelocityExceeded, NetworkDecline: "65"}, "visa", "DE", false},
		"83 with new data":              {provider.Decline{Code: provider.RiskDecline, NetworkDecline: "83", NetworkAdvice: "01"}, "mastercard", "US", true},
		"83 alone":                      {provider.Decline{Code: provider.RiskDecline, NetworkDecline: "83"}, "mastercard", "US", false},
		"83 at Visa":                    {provider.Decline{Code: provider.RiskDecline, NetworkDecline: "83", NetworkAdvice: "01"}, "visa", "US", false},
		"never again, says the network": {provider.Decline{Code: provider.AuthenticationRequired, NetworkDecline: "1A", NetworkAdvice: "03"}, "mastercard", "DE", false},
		"65 and never again":            {provider.Decline{Code: provider.VelocityExceeded, NetworkDecline: "65", NetworkAdvice: "03"}, "mastercard", "DE", false},
		"a decline":                     {provider.Decline{Code: provider.InsufficientFunds, NetworkDecline: "51"}, "mastercard", "DE", false},
		"stolen":                        {provider.Decline{Code: provider.StolenCard, NetworkDecline: "43"}, "visa", "DE", false},
	} {
		if got := wantsAuthentication(c.decline, c.brand, c.country); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhatAnIssuersAnswerMeans(t *testing.T) {
	says := func(status string) provider.AuthenticationOutcome {
		return provider.AuthenticationOutcome{Class: provider.Approved, ThreeDS: provider.ThreeDS{Status: status}}
	}
	challenge := says("C")
	challenge.Pending, challenge.Challenge = true, &provider.Challenge{}
	canceled, late := says("N"), says("N")
	canceled.Canceled, late.TimedOut = true, true
	for name, c := range map[string]struct {
		answer             provider.AuthenticationOutcome
		optional, required weight
	}{
		"authenticated":        {says("Y"), goesOn, goesOn},
		"attempted":            {says("A"), goesOn, goesOn},
		"not authenticated":    {says("N"), refuses, refuses},
		"rejected":             {says("R"), refuses, refuses},
		"not available":        {says("U"), goesOn, refuses},
		"for information":      {says("I"), goesOn, refuses},
		"decoupled":            {says("D"), goesOn, refuses},
		"payment confirmation": {says("S"), goesOn, refuses},
		"no word we know":      {says("?"), goesOn, refuses},
		"a challenge":          {challenge, waits, waits},
		"canceled":             {canceled, refuses, refuses},
		"timed out":            {late, ranOut, ranOut},
		"no answer":            {provider.AuthenticationOutcome{}, inDoubt, inDoubt},
		"not reached":          {provider.AuthenticationOutcome{Class: provider.NotSent}, unreached, unreached},
		"refused to ask":       {provider.AuthenticationOutcome{Class: provider.Declined}, goesOn, refuses},
	} {
		if got := weigh(c.answer, false); got != c.optional {
			t.Errorf("%s, optional: %d, want %d", name, got, c.optional)
		}
		if got := weigh(c.answer, true); got != c.required {
			t.Errorf("%s, required: %d, want %d", name, got, c.required)
		}
	}
}

func TestWhoBearsTheLossIsTold(t *testing.T) {
	for _, c := range []struct {
		status, eci, exemption string
		issuer                 bool
	}{
		{"Y", "05", "", true}, {"A", "06", "", true}, {"Y", "02", "", true}, {"A", "01", "", true},
		{"Y", "07", "", false}, {"Y", "00", "", false}, {"U", "07", "", false}, {"I", "06", "", false}, {"N", "05", "", false}, {"C", "", "", false},
		{"Y", "05", "tra", false}, {"Y", "", "", false}, {"", "05", "", false},
	} {
		if got := liabilityShift(provider.ThreeDS{Status: c.status, ECI: c.eci}, c.exemption); got != c.issuer {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
