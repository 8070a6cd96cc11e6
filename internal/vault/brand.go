package vault

import "strconv"

// brand is what a scheme's rules say about its cards.
type brand struct {
	name    string
	lengths uint32 // bit n is set if a number may have n digits
	cvc     int    // digits of the code; 0: three or four
}

func (b brand) fits(digits int) bool { return digits < 32 && b.lengths&(1<<digits) != 0 }

func digitCounts(ns ...int) (bits uint32) {
	for _, n := range ns {
		bits |= 1 << n
	}
	return bits
}

var (
	visa       = brand{"visa", digitCounts(13, 16, 18, 19), 3}
	mastercard = brand{"mastercard", digitCounts(16), 3}
	amex       = brand{"amex", digitCounts(15), 4}
	discover   = brand{"discover", digitCounts(16, 17, 18, 19), 3}
	diners     = brand{"diners", digitCounts(14, 15, 16, 17, 18, 19), 3}
	jcb        = brand{"jcb", digitCounts(16, 17, 18, 19), 3}
	unionpay   = brand{"unionpay", digitCounts(14, 15, 16, 17, 18, 19), 3}
	maestro    = brand{"maestro", digitCounts(12, 13, 14, 15, 16, 17, 18, 19), 3}
	otherBrand = brand{"unknown", digitCounts(12, 13, 14, 15, 16, 17, 18, 19), 0}
)

// brandRange says whose the numbers are whose first digits lie between from and to, both inclusive and of one width.
type brandRange struct {
	from, to int
	width    int
	brand    brand
}

// brandRanges is asked from the top: a narrow range stands before the wide one that it lies in.
//
// Written from the networks' own public statements: ISO/IEC 7812 issuer identification; Visa: 4. Mastercard: 51 to 55 and, since
// 2017, 2221 to 2720. American Express: 34, 37. Discover Global Network's IIN ranges: 6011, 644 to 649, 65; Diners Club
// 300 to 305, 3095, 36, 38, 39. JCB: 3528 to 3589. UnionPay: 62, 81 (with 622126 to 622925 shared with Discover).
// Maestro: 50, 56 to 58, 63, 67 and single ranges. National schemes inside those (Elo, Verve, Hiper) are carved out: their
// rules are not Maestro's.
var brandRanges = []brandRange{
	{504175, 504175, 6, otherBrand}, // Elo
	{506699, 506778, 6, otherBrand}, // Elo
	{509000, 509999, 6, otherBrand}, // Elo
	{506099, 506198, 6, otherBrand}, // Verve
	{507865, 507964, 6, otherBrand}, // Verve
	{627780, 627780, 6, otherBrand}, // Elo
	{636297, 636297, 6, otherBrand}, // Elo
	{636368, 636368, 6, otherBrand}, // Elo
	{637095, 637095, 6, otherBrand}, // Hiper
	{637568, 637568, 6, otherBrand}, // Hiper
	{637599, 637599, 6, otherBrand}, // Hiper
	{637609, 637612, 6, otherBrand}, // Hiper
	{493698, 493698, 6, maestro},
	{34, 34, 2, amex},
	{37, 37, 2, amex},
	{300, 305, 3, diners},
	{3095, 3095, 4, diners},
	{36, 36, 2, diners},
	{38, 39, 2, diners},
	{3528, 3589, 4, jcb},
	{4, 4, 1, visa},
	{2221, 2720, 4, mastercard},
	{51, 55, 2, mastercard},
	{6011, 6011, 4, discover},
	{644, 649, 3, discover},
	{65, 65, 2, discover},
	{62, 62, 2, unionpay},
	{81, 81, 2, unionpay},
	{50, 50, 2, maestro},
	{56, 58, 2, maestro},
	{63, 63, 2, maestro},
	{67, 67, 2, maestro},
}

// brandOf tells the brand by the first digits.
func brandOf(digits []byte) brand {
	if len(digits) < 6 {
		return otherBrand
	}
	var first [7]int // first[w] is the number that the first w digits make
	for w := 1; w <= 6; w++ {
		first[w] = first[w-1]*10 + int(digits[w-1]-'0')
	}
	for _, r := range brandRanges {
		if n := first[r.width]; n >= r.from && n <= r.to {
			return r.brand
		}
	}
	return otherBrand
}

// issuer is what a range of numbers says of the bank behind it.
type issuer struct{ country, funding string }

const unknownFunding = "unknown"

// issuers are the ranges that providers publish for their test cards, by prefix; the longest that fits counts. Source: the
// test card pages of Stripe and of Adyen. Stripe's cards of a country are 400000, the country's three digits of ISO 3166-1, and more.
//
// A self-hosted platform has no right to ship a commercial BIN list. What is not here has no country and unknown funding.
var issuers = map[string]issuer{
	"424242": {"US", "credit"}, "400005": {"US", "debit"}, "555555": {"US", "credit"}, "520082": {"US", "debit"},
	"510510": {"US", "prepaid"}, "222300": {"US", "credit"}, "378282": {"US", "credit"}, "371449": {"US", "credit"},
	"601111": {"US", "credit"}, "601100": {"US", "credit"}, "305693": {"US", "credit"}, "385200": {"US", "credit"},
	"356600": {"JP", "credit"}, "353011": {"JP", "credit"}, "410000": {"US", "credit"}, "400000": {"US", "credit"},
	"370000": {"NL", "credit"}, "411111": {"NL", "credit"}, "510008": {"NL", "credit"}, "498843": {"ES", "credit"},
	"625094": {"CN", "credit"},

	"400000032": {"AR", "credit"}, "400000036": {"AU", "credit"}, "400000040": {"AT", "credit"}, "400000056": {"BE", "credit"},
	"400000076": {"BR", "credit"}, "400000100": {"BG", "credit"}, "400000124": {"CA", "credit"}, "400000152": {"CL", "credit"},
	"400000156": {"CN", "credit"}, "400000170": {"CO", "credit"}, "400000191": {"HR", "credit"}, "400000196": {"CY", "credit"},
	"400000203": {"CZ", "credit"}, "400000208": {"DK", "credit"}, "400000233": {"EE", "credit"}, "400000246": {"FI", "credit"},
	"400000250": {"FR", "credit"}, "400000276": {"DE", "credit"}, "400000300": {"GR", "credit"}, "400000344": {"HK", "credit"},
	"400000348": {"HU", "credit"}, "400000356": {"IN", "credit"}, "400000372": {"IE", "credit"}, "400000380": {"IT", "credit"},
	"400000392": {"JP", "credit"}, "400000428": {"LV", "credit"}, "400000440": {"LT", "credit"}, "400000442": {"LU", "credit"},
	"400000458": {"MY", "credit"}, "400000470": {"MT", "credit"}, "400000484": {"MX", "credit"}, "400000528": {"NL", "credit"},
	"400000554": {"NZ", "credit"}, "400000578": {"NO", "credit"}, "400000616": {"PL", "credit"}, "400000620": {"PT", "credit"},
	"400000642": {"RO", "credit"}, "400000702": {"SG", "credit"}, "400000703": {"SK", "credit"}, "400000705": {"SI", "credit"},
	"400000724": {"ES", "credit"}, "400000752": {"SE", "credit"}, "400000756": {"CH", "credit"}, "400000764": {"TH", "credit"},
	"400000784": {"AE", "credit"}, "400000826": {"GB", "credit"}, "400000840": {"US", "credit"},
}

// issuerOf looks the first digits up, nine of them before six.
func issuerOf(p pan) issuer {
	for _, width := range []int{9, 6} {
		if i, ok := issuers[string(p.digits()[:width])]; ok {
			return i
		}
	}
	return issuer{"", unknownFunding}
}

// cvcFault is what is wrong with a code on a card of this brand; empty if nothing is.
func (b brand) cvcFault(code []byte) string {
	for i := range len(code) {
		if !isDigit(code[i]) {
			return "must be digits"
		}
	}
	switch {
	case b.cvc > 0 && len(code) != b.cvc:
		return "must have " + strconv.Itoa(b.cvc) + " digits on this brand's cards"
	case len(code) != 3 && len(code) != 4:
		return "must have 3 or 4 digits"
	}
	return ""
}
