package routing

import (
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/strict"
)

// Document is a policy as a merchant writes it: see docs/routing.md. What it says is held against Compile before it is kept.
type Document struct {
	Name      string        `json:"name" minLength:"1" maxLength:"100" check:"printable" doc:"For people." example:"Cards in Europe"`
	TimeZone  string        `json:"time_zone,omitempty" maxLength:"64" doc:"Of hour and weekday, by its name in the tz database. UTC if it is not given." example:"Europe/Berlin"`
	Rules     []Rule        `json:"rules" maxItems:"200" doc:"The first whose condition is true decides."`
	Default   *Default      `json:"default,omitempty" doc:"What happens if no rule decides: your own order of the accounts if it is not given."`
	Actions   []NamedAction `json:"actions,omitempty" maxItems:"100" doc:"What several rules, or the sides of an experiment, refer to by use."`
	FeeTables []FeeTable    `json:"fee_tables,omitempty" maxItems:"100" doc:"What payments cost, for least_cost."`
	Fees      []AccountFees `json:"fees,omitempty" maxItems:"100" doc:"Which tables add up to the cost at an account."`
}

// Rule is a condition and what follows if it is true: exactly one of then, use and goto.
type Rule struct {
	ID   string  `json:"id" pattern:"^[a-z0-9_-]{1,40}$" says:"must have 1 to 40 characters of a-z, 0-9, _ and -" doc:"Shown with every decision of it." example:"german-debit"`
	When string  `json:"when" minLength:"1" maxLength:"2000" doc:"A CEL expression of type bool over bin, brand, funding, country, amount, currency, method, metadata, hour, weekday, off_session and customer." example:"country == 'DE' && funding == 'debit'"`
	Then *Action `json:"then,omitempty"`
	Use  string  `json:"use,omitempty" maxLength:"40" doc:"The name of an action."`
	Goto string  `json:"goto,omitempty" maxLength:"40" doc:"The id of a rule further down, with which it goes on."`
}

// Default is what happens if no rule decides: one of then and use.
type Default struct {
	Then *Action `json:"then,omitempty"`
	Use  string  `json:"use,omitempty" maxLength:"40" doc:"The name of an action."`
}

// NamedAction is an action that others refer to: one of then and use.
type NamedAction struct {
	Name string  `json:"name" pattern:"^[a-z0-9_-]{1,40}$" says:"must have 1 to 40 characters of a-z, 0-9, _ and -" example:"cheapest"`
	Then *Action `json:"then,omitempty"`
	Use  string  `json:"use,omitempty" maxLength:"40" doc:"The name of another action."`
}

// Action puts the candidates in an order. What it does not name comes behind, in the merchant's own order.
type Action struct {
	Strategy   string      `json:"strategy" enum:"priority,ordered,split,least_cost,adaptive,experiment"`
	Accounts   []string    `json:"accounts,omitempty" maxItems:"100" doc:"ordered: these, in this order. least_cost and adaptive: only these are compared; all if it is not given." example:"[\"beta\",\"alpha\"]"`
	Weights    []Weight    `json:"weights,omitempty" maxItems:"100" doc:"split: which share each account gets. They add up to 100 or to 10000."`
	Sticky     string      `json:"sticky,omitempty" enum:"customer" doc:"split and experiment: the same customer always comes out the same. By payment if it is not given, or if there is no customer."`
	Experiment *Experiment `json:"experiment,omitempty" doc:"experiment: two actions side by side."`
}

// Weight is one account's share of a split.
type Weight struct {
	Account string `json:"account" minLength:"1" maxLength:"100" example:"alpha"`
	Weight  int64  `json:"weight" minimum:"0" maximum:"10000" example:"70"`
}

// Experiment tries an action on a part of the payments, until it proves worse.
type Experiment struct {
	Name          string `json:"name" pattern:"^[a-z0-9_-]{1,40}$" says:"must have 1 to 40 characters of a-z, 0-9, _ and -" doc:"What is learned is kept under it, over all versions of the policy. Begin anew with another name." example:"cheapest-first"`
	Control       string `json:"control" minLength:"1" maxLength:"40" doc:"The name of an action: what most payments get." example:"usual"`
	Challenger    string `json:"challenger" minLength:"1" maxLength:"40" doc:"The name of an action: what is tried." example:"cheapest"`
	Share         int64  `json:"share" minimum:"1" maximum:"50" doc:"The percentage of payments that the challenger gets." example:"10"`
	MinimumSample int64  `json:"minimum_sample,omitempty" minimum:"50" maximum:"1000000" doc:"How many outcomes each side needs before they are compared. 200 if it is not given." example:"500"`
}

// FeeTable is a list of prices, of which the first row that fits counts.
type FeeTable struct {
	Name string   `json:"name" pattern:"^[a-z0-9_-]{1,40}$" says:"must have 1 to 40 characters of a-z, 0-9, _ and -" example:"interchange-eea"`
	Rows []FeeRow `json:"rows" maxItems:"500"`
}

// FeeRow is the price of the payments that fit: what is not given fits all.
type FeeRow struct {
	Method      string     `json:"method,omitempty" maxLength:"40" example:"card"`
	Brand       string     `json:"brand,omitempty" maxLength:"40" example:"visa"`
	Funding     string     `json:"funding,omitempty" maxLength:"40" example:"debit"`
	Region      string     `json:"region,omitempty" enum:"domestic,eea,international" doc:"Where the issuer is, seen from the account's home."`
	Countries   []string   `json:"countries,omitempty" maxItems:"250" pattern:"^[A-Z]{2}$" doc:"Of the issuer, ISO 3166-1 in two letters."`
	BasisPoints string     `json:"basis_points,omitempty" maxLength:"8" pattern:"^[0-9]{1,5}([.][0-9]{1,2})?$" says:"must be a number of basis points with up to two decimals" doc:"Of the amount, with up to two decimals, as text so that nothing rounds it. 0 if it is not given." example:"12.5"`
	Fixed       []FixedFee `json:"fixed,omitempty" maxItems:"180" doc:"What comes on top, by currency. If it is given, the row fits payments in these currencies only."`
}

// FixedFee is a fixed amount in a currency.
type FixedFee struct {
	Currency string `json:"currency" check:"currency" pattern:"^[A-Z]{3}$" example:"EUR"`
	Amount   int64  `json:"amount" minimum:"0" maximum:"1000000000" doc:"In the currency's minor unit." example:"10"`
}

// AccountFees says what a payment costs at an account: the sum of what each table says. One table is a blended price; interchange, scheme
// fees and the acquirer's margin are three.
type AccountFees struct {
	Account string   `json:"account" minLength:"1" maxLength:"100" example:"alpha"`
	Home    string   `json:"home" pattern:"^[A-Z]{2}$" says:"must be a country, ISO 3166-1 in two letters" doc:"Where the account takes payments: what is domestic." example:"DE"`
	Tables  []string `json:"tables" maxItems:"10" example:"[\"interchange-eea\",\"alpha-margin\"]"`
}

// maxDocument bounds a policy's file, in bytes.
const maxDocument = 1 << 20

var documents = strict.NewReader(nil)

// Read reads a policy's file. It fails with fault.Malformed if that is not one JSON object, and with fault.Invalid, naming every wrong
// place, if it does not have a policy's shape: what could be read of it comes with that. What it says is not judged: see Compile, and Together.
func Read(data []byte) (Document, error) {
	if len(data) > maxDocument {
		return Document{}, fault.New(fault.TooLarge, fault.CodeInvalid, "a policy has at most 1 MiB")
	}
	d, err := strict.Decode[Document](documents, data, strict.Faults{}, time.Time{})
	if d == nil {
		return Document{}, err
	}
	return *d, err
}
