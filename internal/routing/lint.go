package routing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/country"
)

// What a payment can be: the words of a fee row that can fit. provider has the methods and vault the brands and fundings; a test holds these
// against theirs.
var (
	methods  = strings.Fields("card bank_redirect pix ideal payid fpx upi sepa_qr wallet")
	brands   = strings.Fields("visa mastercard amex discover diners jcb unionpay maestro unknown")
	fundings = strings.Fields("credit debit prepaid unknown")
)

// word refuses what is none of the words that there are.
func (c *compiler) word(param, kind, word string, of []string) {
	if c.objects == nil || word == "" || slices.Contains(of, word) {
		return
	}
	c.wrong(param, "there is no %s %s: there are %s", kind, word, strings.Join(of, ", "))
}

// country refuses one that does not exist.
func (c *compiler) country(param, code string) {
	if c.objects == nil || code == "" || country.Known(code) {
		return
	}
	c.wrong(param, "there is no country %s in ISO 3166-1", code)
}

// mend refuses a condition with words that no payment has.
func (c *compiler) mend(param string, slips []faultAt) {
	if c.objects == nil || len(slips) == 0 {
		return
	}
	all := make([]string, len(slips))
	for i, s := range slips {
		all[i] = s.Error()
	}
	c.wrong(param, "%s", strings.Join(all, "; "))
}

// lintRows refuses rows that can never fit, rows that say no price, and rows that no payment comes to because an earlier one fits all of its
// payments.
func (c *compiler) lintRows(param string, rows []FeeRow, made feeTable) {
	if c.objects == nil {
		return
	}
	for i, r := range rows {
		here := fmt.Sprintf("%s.rows[%d]", param, i)
		c.word(here+".method", "method", r.Method, methods)
		c.word(here+".brand", "brand", r.Brand, brands)
		c.word(here+".funding", "funding", r.Funding, fundings)
		for j, code := range r.Countries {
			c.country(fmt.Sprintf("%s.countries[%d]", here, j), code)
		}
		if r.Countries != nil && len(r.Countries) == 0 {
			c.wrong(here+".countries", "must name at least one: leave it out for all")
		}
		if r.BasisPoints == "" && len(r.Fixed) == 0 {
			c.wrong(here, `must have basis_points or fixed: say "basis_points": "0" for what costs nothing`)
		}
		if j := slices.IndexFunc(made[:i], func(before feeRow) bool { return before.covers(&made[i]) }); j >= 0 {
			c.wrong(here, "is never reached: rows[%d] fits every payment that it fits", j)
		}
	}
}

// covers tells whether a row fits every payment that another one fits.
func (r *feeRow) covers(other *feeRow) bool {
	for _, pair := range [...][2]string{{r.method, other.method}, {r.brand, other.brand}, {r.funding, other.funding}, {r.region, other.region}} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	if r.countries != nil && (other.countries == nil || slices.ContainsFunc(other.countries, func(c string) bool { return !slices.Contains(r.countries, c) })) {
		return false
	}
	if r.fixed == nil {
		return true
	}
	for currency := range other.fixed {
		if _, ok := r.fixed[currency]; !ok {
			return false
		}
	}
	return other.fixed != nil
}
