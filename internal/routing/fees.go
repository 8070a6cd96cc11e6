package routing

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/money"
)

// fees is what payments cost at an account: the sum over its tables.
type fees struct {
	home   string
	tables []feeTable
}

type feeTable []feeRow

type feeRow struct {
	method, brand, funding, region string
	countries                      []string
	rate                           int64            // millionths of the amount: a basis point is 100
	fixed                          map[string]int64 // by currency, in its minor unit; nil: nothing, in any currency
}

// maxPriced is the largest amount that can be priced: its cost in millionths of the minor unit still fits many times.
const maxPriced = 999_999_999_999

// cost is what a payment costs, in millionths of its currency's minor unit. It is not known if a table has no row that fits.
func (f *fees) cost(req *Request) (int64, bool) {
	amount := req.Amount.Minor()
	if amount < 0 || amount > maxPriced {
		return 0, false
	}
	region := regionOf(f.home, req.Country)
	var sum int64
	for _, t := range f.tables {
		i := slices.IndexFunc(t, func(r feeRow) bool { return r.fits(req, region) })
		if i < 0 {
			return 0, false
		}
		// At most 10 tables of 1e6 millionths × 1e12 and 1e9 × 1e6: the sum is checked all the same.
		one := amount*t[i].rate + t[i].fixed[req.Amount.Currency().Code()]*1_000_000
		if sum > math.MaxInt64-one {
			return 0, false
		}
		sum += one
	}
	return sum, true
}

// Prices tells whether the policy says what payments cost anywhere.
func (p *Policy) Prices() bool { return len(p.fees) > 0 }

// Cost is what a payment costs at an account by the policy's tables, rounded to the currency's minor unit; false if they do not say.
func (p *Policy) Cost(account string, req *Request) (money.Money, bool) {
	f := p.fees[account]
	if f == nil {
		return money.Money{}, false
	}
	cost, ok := f.cost(req)
	if !ok {
		return money.Money{}, false
	}
	minor := cost / 1_000_000
	if cost%1_000_000 >= 500_000 {
		minor++
	}
	return money.Of(minor, req.Amount.Currency()), true
}

func (r *feeRow) fits(req *Request, region string) bool {
	for _, pair := range [...][2]string{{r.method, req.Method}, {r.brand, req.Brand}, {r.funding, req.Funding}, {r.region, region}} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	if r.countries != nil && !slices.Contains(r.countries, req.Country) {
		return false
	}
	if r.fixed != nil {
		_, ok := r.fixed[req.Amount.Currency().Code()]
		return ok
	}
	return true
}

// The regions of an issuer, seen from an account's home. One that is not known is international: that is the dearest.
const (
	domestic      = "domestic"
	withinEEA     = "eea"
	international = "international"
)

func regionOf(home, issuer string) string {
	switch {
	case issuer == home:
		return domestic
	case eea[home] && eea[issuer]:
		return withinEEA
	}
	return international
}

// eea are the countries of the European Economic Area, within which interchange is capped by Regulation (EU) 2015/751.
var eea = func() map[string]bool {
	set := map[string]bool{}
	for _, country := range strings.Fields("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK") {
		set[country] = true
	}
	return set
}()

// compileFees reads the tables, and who pays by which.
func (c *compiler) compileFees() map[string]*fees {
	tables := map[string]feeTable{}
	for i, t := range c.doc.FeeTables {
		param := fmt.Sprintf("fee_tables[%d]", i)
		if _, twice := tables[t.Name]; twice {
			c.wrong(param+".name", "there are two tables named %s", t.Name)
		}
		if len(t.Rows) == 0 {
			c.wrong(param+".rows", "must have at least one row")
		}
		made := make(feeTable, len(t.Rows))
		for j, r := range t.Rows {
			made[j] = c.feeRow(fmt.Sprintf("%s.rows[%d]", param, j), r)
		}
		c.lintRows(param, t.Rows, made)
		tables[t.Name] = made
	}
	all := map[string]*fees{}
	for i, f := range c.doc.Fees {
		param := fmt.Sprintf("fees[%d]", i)
		c.account(param+".account", f.Account)
		c.country(param+".home", f.Home)
		if all[f.Account] != nil {
			c.wrong(param+".account", "%s stands twice", f.Account)
		}
		if len(f.Tables) == 0 {
			c.wrong(param+".tables", "must name at least one table")
		}
		made := &fees{home: f.Home}
		for j, name := range f.Tables {
			t, ok := tables[name]
			if !ok {
				c.wrong(fmt.Sprintf("%s.tables[%d]", param, j), "there is no fee table named %s", name)
			}
			if c.objects != nil && slices.Contains(f.Tables[:j], name) {
				c.wrong(fmt.Sprintf("%s.tables[%d]", param, j), "%s stands twice: it would be paid twice", name)
			}
			made.tables = append(made.tables, t)
		}
		all[f.Account] = made
	}
	return all
}

func (c *compiler) feeRow(param string, r FeeRow) feeRow {
	made := feeRow{method: r.Method, brand: r.Brand, funding: r.Funding, region: r.Region, countries: r.Countries}
	rate, ok := millionths(r.BasisPoints)
	if !ok {
		c.wrong(param+".basis_points", "must be at most 10000, with up to two decimals")
	}
	made.rate = rate
	for i, f := range r.Fixed {
		if made.fixed == nil {
			made.fixed = map[string]int64{}
		}
		if _, twice := made.fixed[f.Currency]; twice {
			c.wrong(fmt.Sprintf("%s.fixed[%d].currency", param, i), "%s stands twice", f.Currency)
		}
		made.fixed[f.Currency] = f.Amount
	}
	return made
}

// millionths reads basis points: 12.5 is 1250.
func millionths(text string) (int64, bool) {
	if text == "" {
		return 0, true
	}
	whole, rest, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole+(rest + "00")[:2], 10, 64)
	return n, err == nil && len(rest) <= 2 && n >= 0 && n <= 1_000_000
}

// leastCost orders by what a payment costs; the merchant's own order decides between equals. What is not known comes behind.
type leastCost struct {
	accounts []string // nil: all
	fees     map[string]*fees
}

type priced struct {
	account string
	cost    int64
}

func (l leastCost) order(d *deciding) {
	d.out.Strategy = LeastCost
	var known []priced
	for _, c := range d.req.Candidates {
		f := l.fees[c.Account]
		if f == nil || l.accounts != nil && !slices.Contains(l.accounts, c.Account) {
			continue
		}
		if cost, ok := f.cost(d.req); ok {
			known = append(known, priced{c.Account, cost})
		}
	}
	slices.SortStableFunc(known, func(a, b priced) int {
		switch {
		case a.cost < b.cost:
			return -1
		case a.cost > b.cost:
			return 1
		}
		return 0
	})
	amount := d.req.Amount
	for _, p := range known {
		up := money.Of((p.cost+999_999)/1_000_000, amount.Currency()) // shown rounded up, compared exactly
		d.take(Ranked{Account: p.account, Reason: "costs " + up.String(), Score: p.cost / max(amount.Minor(), 1)})
	}
	if l.accounts == nil {
		d.rest("cost not known")
		return
	}
	for _, account := range l.accounts {
		d.take(Ranked{Account: account, Reason: "cost not known"})
	}
	d.rest(notNamed)
}
