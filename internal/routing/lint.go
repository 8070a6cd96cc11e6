package routing

import (
	"fmt"
	"slices"
	"strings"
)

// What a payment can be: the words of a fee row that can fit. provider has the methods and vault the brands and fundings; a test holds these
// against theirs.
var (
	methods  = strings.Fields("card bank_redirect pix ideal payid fpx upi sepa_qr wallet")
	brands   = strings.Fields("visa mastercard amex discover diners jcb unionpay maestro unknown")
	fundings = strings.Fields("credit debit prepaid unknown")
)

// countries are the codes of ISO 3166-1, and XK, by which banks and card networks call Kosovo.
var countries = strings.Fields(`AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
	CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
	GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
	KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ
	NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
	SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ
	UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW`)

// word refuses what is none of the words that there are.
func (c *compiler) word(param, kind, word string, of []string) {
	switch {
	case c.objects == nil || word == "" || slices.Contains(of, word):
	case kind == "country":
		c.wrong(param, "there is no country %s in ISO 3166-1", word)
	default:
		c.wrong(param, "there is no %s %s: there are %s", kind, word, strings.Join(of, ", "))
	}
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
		for j, country := range r.Countries {
			c.word(fmt.Sprintf("%s.countries[%d]", here, j), "country", country, countries)
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
