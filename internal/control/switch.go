// Package control is what people do on bad days: they switch off what must not go on, and have somebody agree to what may. A switch
// works within a second on every node.
package control

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/country"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

// Everyone is the tenant of the switches that hold for the whole installation. Only its operator makes them, by the command line.
const Everyone = audit.Installation

// Mode is what a switch does.
type Mode string

// The modes.
const (
	Block   Mode = "block"   // what it covers is refused
	Approve Mode = "approve" // what it covers waits for a person, above an amount for two
)

// Operation is what a switch may cover.
type Operation string

// The operations. Of them, a switch that names none covers those that bring new money or send it away for good: nothing that gives a
// payer their money back, or that finds out what became of it, stops by accident.
const (
	Authorize Operation = "authorize"
	Capture   Operation = "capture"
	Void      Operation = "void"
	Refund    Operation = "refund"
	Payout    Operation = "payout"
	Inquiry   Operation = "inquiry"
)

var (
	operations = []Operation{Authorize, Capture, Void, Refund, Payout, Inquiry}
	unnamed    = map[Mode][]Operation{Block: {Authorize, Capture, Payout}, Approve: {Refund, Payout}}
	nameable   = map[Mode][]Operation{Block: operations, Approve: {Refund, Payout}}
)

// Ask is what is about to be done. What is not known is empty: no switch that names it covers it.
type Ask struct {
	Operation Operation
	Account   string // the provider account
	Method    string // such as card
	Country   string // of the card's issuer
}

// Scope is what a switch covers: all that agrees with every field that is set.
type Scope struct {
	Operation Operation `json:"operation,omitempty" enum:"authorize,capture,void,refund,payout,inquiry" doc:"None: authorize, capture and payout of a switch that blocks, refund and payout of one that asks for approval. Refunds, voids and inquiries go on unless they are named."`
	Account   string    `json:"provider_account,omitempty" maxLength:"64" pattern:"^[a-z0-9][a-z0-9_-]*$" doc:"None: every account." example:"alpha"`
	Method    string    `json:"method,omitempty" enum:"card,bank_redirect,pix,ideal,payid,fpx,upi,sepa_qr,wallet" doc:"None: every method. Payouts have none." example:"card"`
	Country   string    `json:"country,omitempty" maxLength:"2" pattern:"^[A-Z]{2}$" doc:"Of the card's issuer. None: every country. Payouts have none." example:"BR"`
}

func (s Scope) covers(m Mode, a Ask) bool {
	if s.Operation == "" && !slices.Contains(unnamed[m], a.Operation) || s.Operation != "" && s.Operation != a.Operation {
		return false
	}
	for _, part := range [][2]string{{s.Account, a.Account}, {s.Method, a.Method}, {s.Country, a.Country}} {
		if part[0] != "" && part[0] != part[1] {
			return false
		}
	}
	return true
}

// named is how much a scope names of whom and where an operation concerns: the less, the wider it is.
func (s Scope) named() (n int) {
	for _, part := range []string{s.Account, s.Method, s.Country} {
		if part != "" {
			n++
		}
	}
	return n
}

// Switch is something that people have switched off, or want to agree to.
type Switch struct {
	Merchant  string // the tenant, or Everyone
	ID        string // ks_…
	Mode      Mode
	Scope     Scope
	TwoAbove  []Amount // above which amounts two persons must agree, each of another currency; of Approve
	Reason    string
	Actor     string // who did it: a key, or cli
	CreatedAt time.Time
	ExpiresAt time.Time // zero: it stays until it is lifted
	LiftedAt  time.Time // zero: it was not
	LiftedBy  string
	Version   int64
}

// Amount is of a currency, in its minor unit.
type Amount struct {
	Amount   int64  `json:"amount" minimum:"0" maximum:"999999999999" doc:"In the currency's minor unit." example:"100000"`
	Currency string `json:"currency" check:"currency" pattern:"^[A-Z]{3}$" example:"EUR"`
}

// on tells whether the switch works at a moment.
func (s Switch) on(now time.Time) bool {
	return s.LiftedAt.IsZero() && (s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt))
}

// persons is how many have to agree to an amount. Where some currencies have a limit, two must to any amount in another: nothing gets by
// with one because its currency was not thought of.
func (s Switch) persons(amount money.Money) int {
	if len(s.TwoAbove) == 0 {
		return 1
	}
	for _, above := range s.TwoAbove {
		if above.Currency == amount.Currency().Code() && amount.Minor() <= above.Amount {
			return 1
		}
	}
	return 2
}

// operations are what the switch covers.
func (s Switch) operations() []Operation {
	if s.Scope.Operation != "" {
		return []Operation{s.Scope.Operation}
	}
	return unnamed[s.Mode]
}

// methods are what a payment can be made by: a switch with another word would cover nothing, and its maker believe that it does.
var methods = []string{"card", "bank_redirect", "pix", "ideal", "payid", "fpx", "upi", "sepa_qr", "wallet"}

const (
	paramAccount = "scope.provider_account"

	maxReason  = 200
	maxExpires = 366 * 24 * time.Hour
)

// check refuses what cannot be a switch, with every fault.
func (s Switch) check(now time.Time) error {
	var wrong fault.Collect
	if !slices.Contains(nameable[s.Mode], s.Scope.Operation) && s.Scope.Operation != "" {
		wrong.Add("scope.operation", fault.CodeInvalid, fmt.Sprintf("must be one of %v for the mode %s", nameable[s.Mode], s.Mode))
	}
	s.Scope.check(&wrong)
	if s.Reason == "" || utf8.RuneCountInString(s.Reason) > maxReason || strings.ContainsFunc(s.Reason, unicode.IsControl) {
		wrong.Add("reason", fault.CodeInvalid, fmt.Sprintf("must be 1 to %d characters, in one line: those who are refused read it", maxReason))
	}
	if !s.ExpiresAt.IsZero() && (!s.ExpiresAt.After(now) || s.ExpiresAt.Sub(now) > maxExpires) {
		wrong.Add("expires_at", fault.CodeInvalid, "must be in the future, within a year")
	}
	if len(s.TwoAbove) > 0 && s.Mode != Approve {
		wrong.Add("two_above", fault.CodeInvalid, "is for the mode approve")
	}
	seen := map[string]bool{}
	for i, above := range s.TwoAbove {
		if seen[above.Currency] {
			wrong.Add(fmt.Sprintf("two_above[%d].currency", i), fault.CodeInvalid, "is given twice: "+above.Currency)
		}
		seen[above.Currency] = true
		if _, err := money.ParseCurrency(above.Currency); err != nil || above.Amount < 0 {
			wrong.Add(fmt.Sprintf("two_above[%d]", i), fault.CodeInvalid, "must be an amount of 0 or more, of an ISO 4217 currency")
		}
	}
	return wrong.Err()
}

// check refuses what would cover nothing.
func (s Scope) check(wrong *fault.Collect) {
	if s.Method != "" && !slices.Contains(methods, s.Method) {
		wrong.Add("scope.method", fault.CodeInvalid, fmt.Sprintf("must be one of %v", methods))
	}
	if s.Country != "" && !country.Known(s.Country) {
		wrong.Add("scope.country", fault.CodeInvalid, "must be a country, ISO 3166-1 in two capital letters, such as DE or GB")
	}
	if s.Operation != Payout {
		return
	}
	for field, set := range map[string]string{"scope.method": s.Method, "scope.country": s.Country} {
		if set != "" {
			wrong.Add(field, fault.CodeInvalid, "covers no payout: name the provider account instead")
		}
	}
}

// Object is a switch as the contract shows it.
type Object struct {
	ID        string     `json:"id" example:"ks_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object    string     `json:"object" enum:"kill_switch"`
	Livemode  bool       `json:"livemode"`
	Mode      Mode       `json:"mode" enum:"block,approve"`
	Scope     Scope      `json:"scope"`
	TwoAbove  []Amount   `json:"two_above,omitempty" doc:"Above which amounts two persons must agree; they must to any amount of a currency that is not named. None: one person."`
	Reason    string     `json:"reason"`
	Everyone  bool       `json:"everyone" doc:"Whether it holds for the whole installation. Its operator alone makes and lifts those."`
	On        bool       `json:"on" doc:"Whether it works now."`
	CreatedBy string     `json:"created_by"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	LiftedBy  string     `json:"lifted_by,omitempty"`
	LiftedAt  *time.Time `json:"lifted_at"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o Object) ObjectID() string { return o.ID }

// Told is what the audit trail has of a switch.
func (o Object) Told() map[string]string {
	told := map[string]string{"mode": string(o.Mode), "scope": o.Scope.String(), "reason": o.Reason}
	if len(o.TwoAbove) > 0 {
		amounts := make([]string, len(o.TwoAbove))
		for i, above := range o.TwoAbove {
			amounts[i] = fmt.Sprintf("%s=%d", above.Currency, above.Amount)
		}
		told["two_above"] = strings.Join(amounts, " ")
	}
	if o.ExpiresAt != nil {
		told["expires_at"] = o.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return told
}

// objectOf is the switch as a tenant sees it.
func (s Switch) objectOf(tenant string, now time.Time) Object {
	o := Object{
		ID: s.ID, Object: "kill_switch", Livemode: id.Live(tenant), Mode: s.Mode, Scope: s.Scope, TwoAbove: s.TwoAbove, Reason: s.Reason,
		Everyone: s.Merchant == Everyone, On: s.on(now), CreatedBy: s.Actor, CreatedAt: s.CreatedAt, LiftedBy: s.LiftedBy,
	}
	if !s.ExpiresAt.IsZero() {
		o.ExpiresAt = &s.ExpiresAt
	}
	if !s.LiftedAt.IsZero() {
		o.LiftedAt = &s.LiftedAt
	}
	return o
}
