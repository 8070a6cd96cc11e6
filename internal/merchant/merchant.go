// Package merchant knows the accounts that Florin works for, and their settings.
package merchant

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/descriptor"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// DefaultVersion is the data version that a new merchant is pinned to: the newest there is.
const DefaultVersion = "2026-11-22"

// maxFee is the largest own fee: all of a captured amount.
const maxFee = 10_000

const maxName = 100

// maxSettlementDelay is 30 days, in hours.
const maxSettlementDelay = 720

// How many provider accounts one request may try: at most, and unless the merchant says otherwise.
const (
	maxTries     = 5
	defaultTries = 3
)

// Merchant is an account with its settings. The settings hold for both of its modes.
type Merchant struct {
	ID             string // acct_…
	Name           string
	Version        string   // the data version of its answers and webhooks, YYYY-MM-DD
	FeeBasisPoints int64    // our own fee, in hundredths of a percent of what is captured: 0 to 10000
	Origins        []string // where its pages are, as browsers write origins: https://shop.example
	Color          string   // of its buttons on our pages, #rrggbb; empty: ours
	// SettlementDelay is how long after a capture its money can be paid out, in hours.
	SettlementDelay int64
	// PayoutApproval is, by currency, the amount in minor units above which a payout waits for a second person: see PayoutWaits.
	PayoutApproval map[string]int64
	// Returns is what its own people may refund, by method; AnyMethod is for those that are not in it.
	Returns map[string]Returns
	// StatementDescriptor is what payers read on their statements where a payment does not say otherwise; empty: what the provider prints.
	StatementDescriptor string
	// CascadeTries is how many provider accounts one request may try, 1 to 5; 0 is the default: see Tries.
	CascadeTries int64
	SuspendedAt  time.Time
	CreatedAt    time.Time

	read int64 // the row's version; 0 if it was never stored
}

// Tries is how many provider accounts one request may try.
func (m Merchant) Tries() int64 { return cmp.Or(m.CascadeTries, defaultTries) }

// PayoutWaits tells whether a payout of an amount waits for a second person: above its currency's threshold, and whatever the amount in a
// currency without one. Nothing gets by because its currency was not thought of. A merchant without thresholds has no payout wait.
func (m Merchant) PayoutWaits(amount money.Money) bool {
	if len(m.PayoutApproval) == 0 {
		return false
	}
	threshold, named := m.PayoutApproval[amount.Currency().Code()]
	return !named || amount.Minor() > threshold
}

// Suspended tells whether the merchant may only look: reads are answered, writes are refused.
func (m Merchant) Suspended() bool { return !m.SuspendedAt.IsZero() }

// Suspend stops the merchant's writes from now on; a suspended merchant stays suspended since when it was.
func (m Merchant) Suspend(now time.Time) Merchant {
	if !m.Suspended() {
		m.SuspendedAt = now
	}
	return m
}

// Resume lifts a suspension.
func (m Merchant) Resume() Merchant {
	m.SuspendedAt = time.Time{}
	return m
}

// Check is nil if the account's id and settings are well formed, else one fault.Invalid that names every wrong one.
func (m Merchant) Check() error {
	var wrong fault.Collect
	if !validID(m.ID) {
		wrong.Add("id", fault.CodeInvalid, "an account id is acct_ and 1 to 26 lower-case letters and digits")
	}
	if !validName(m.Name) {
		wrong.Add("name", fault.CodeInvalid, "a name has 1 to 100 printable characters")
	}
	if _, err := time.Parse(time.DateOnly, m.Version); err != nil {
		wrong.Add("version", fault.CodeInvalid, "a version is a date, YYYY-MM-DD")
	}
	if m.FeeBasisPoints < 0 || m.FeeBasisPoints > maxFee {
		wrong.Add("fee_basis_points", fault.CodeInvalid, "the fee is 0 to 10000 basis points")
	}
	if m.SettlementDelay < 0 || m.SettlementDelay > maxSettlementDelay {
		wrong.Add("settlement_delay", fault.CodeInvalid, "the settlement delay is 0 to 720 hours")
	}
	if m.CascadeTries < 0 || m.CascadeTries > maxTries {
		wrong.Add("cascade_tries", fault.CodeInvalid, "a request tries 1 to 5 provider accounts; 0 is the default")
	}
	for code, amount := range m.PayoutApproval {
		if _, err := money.ParseCurrency(code); err != nil || amount < 0 {
			wrong.Add("payout_approval["+code+"]", fault.CodeInvalid, "must be an ISO 4217 code with an amount in its minor unit, 0 or more")
		}
	}
	if m.StatementDescriptor != "" && !descriptor.Valid(m.StatementDescriptor) {
		wrong.Add("statement_descriptor", fault.CodeInvalid, "a statement descriptor has "+descriptor.Rule)
	}
	m.checkReturns(&wrong)
	m.checkFace(&wrong)
	return wrong.Err()
}

// checkFace checks where the merchant's pages are and how ours look.
func (m Merchant) checkFace(wrong *fault.Collect) {
	if len(m.Origins) > maxOrigins {
		wrong.Add("origins", fault.CodeInvalid, "a merchant has at most 50 origins")
	}
	for i, origin := range m.Origins {
		param := fmt.Sprintf("origins[%d]", i)
		switch parsed, err := ParseOrigin(origin); {
		case err != nil:
			wrong.Add(param, fault.CodeInvalid, err.Error())
		case parsed != origin:
			wrong.Add(param, fault.CodeInvalid, "an origin is written as browsers do: "+parsed)
		case slices.Contains(m.Origins[:i], origin):
			wrong.Add(param, fault.CodeInvalid, "stands twice")
		}
	}
	if m.Color != "" && !validColor(m.Color) {
		wrong.Add("color", fault.CodeInvalid, "a color is # and six hexadecimal digits in lower case, such as #2f5fd0")
	}
}

func validColor(s string) bool {
	digits, ok := strings.CutPrefix(s, "#")
	return ok && len(digits) == 6 && strings.Trim(digits, "0123456789abcdef") == ""
}

func validID(s string) bool {
	body, ok := strings.CutPrefix(s, "acct_")
	if !ok || len(body) < 1 || len(body) > 26 {
		return false
	}
	for _, c := range []byte(body) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func validName(s string) bool {
	if s != strings.TrimSpace(s) || !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	n := utf8.RuneCountInString(s)
	return n >= 1 && n <= maxName
}
