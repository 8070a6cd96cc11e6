package paycode

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// The bounds of a UPI link. Source: NPCI, "UPI Linking Specifications" 1.6, section 1.2, with the lengths that payers' apps hold to.
const (
	upiPrefix     = "upi://pay?"
	upiAddressMax = 255
	upiName       = 50 // characters
	upiNote       = 50
	upiReference  = 35
	upiMostAmount = 99_999_999_999_999_999 // minor units: 18 characters
)

// UPI is an intent link: what opens a payer's app in India, by a tap or scanned as a code.
type UPI struct {
	Address   string      // the payee's virtual payment address: shop@bank
	Name      string      // the payee; fitted to 50 characters
	Amount    money.Money // INR; the zero Money: the payer fills it in
	Reference string      // comes back with the payment; up to 35 letters and digits
	Note      string      // what the payer sees; fitted to 50 characters
	Category  string      // the merchant category code (ISO 18245), four digits; empty: not said
}

// upiAddress is a virtual payment address: a name at a bank's or an app's handle. A handle has no dot, so an e-mail address is none.
var upiAddress = regexp.MustCompile(`^[A-Za-z0-9._-]{2,255}@[A-Za-z][A-Za-z0-9]{1,63}$`)

// Payload writes the link. It fails with fault.Invalid and names every wrong field.
func (u UPI) Payload() (string, error) {
	var wrong fault.Collect
	u.check(&wrong)
	name, note, amount := fitted(&wrong, "name", u.Name, upiName, keepPlain), "", ""
	if u.Note != "" {
		note = fitted(&wrong, "note", u.Note, upiNote, keepPlain)
	}
	if u.Amount != (money.Money{}) {
		amount = decimal(u.Amount)
	}
	link := strings.Builder{}
	link.WriteString(upiPrefix + "pa=" + u.Address) // its @ stays: some apps do not decode it
	for _, p := range []struct{ key, value string }{
		{"pn", name}, {"mc", u.Category}, {"tr", u.Reference}, {"tn", note}, {"am", amount}, {"cu", "INR"},
	} {
		if p.value != "" {
			// A space is %20: apps show a plus as it is.
			link.WriteString("&" + p.key + "=" + strings.ReplaceAll(url.QueryEscape(p.value), "+", "%20"))
		}
	}
	if link.Len() > MaxPayload {
		wrong.Add("name", fault.CodeInvalid, "the texts together are longer than a code can carry")
	}
	if err := wrong.Err(); err != nil {
		return "", err
	}
	return link.String(), nil
}

// check notes what is wrong with the fields that are not fitted.
func (u UPI) check(wrong *fault.Collect) {
	if len(u.Address) > upiAddressMax || !upiAddress.MatchString(u.Address) {
		wrong.Add("address", fault.CodeInvalid, "must be a virtual payment address: name@bank")
	}
	checkAmount(wrong, u.Amount, "INR", upiMostAmount)
	if len(u.Reference) > upiReference || !all(u.Reference, isAlphanumeric) {
		wrong.Add("reference", fault.CodeInvalid, "must be at most 35 letters and digits")
	}
	if u.Category != "" && (len(u.Category) != 4 || !all(u.Category, isDigit)) {
		wrong.Add("category", fault.CodeInvalid, "must have four digits")
	}
}

// ParseUPI reads a link as a payer's app does. It passes over parameters that it does not know and refuses one that stands twice.
func ParseUPI(payload string) (UPI, error) {
	parameters, err := upiParameters(payload)
	if err != nil {
		return UPI{}, err
	}
	u := UPI{
		Address: parameters["pa"], Name: parameters["pn"], Reference: parameters["tr"], Note: parameters["tn"], Category: parameters["mc"],
	}
	if currency, said := parameters["cu"]; said && currency != "INR" {
		return UPI{}, unreadable("the currency is not INR")
	}
	if amount := parameters["am"]; amount != "" {
		if u.Amount, err = readAmount(amount, "INR", upiMostAmount); err != nil {
			return UPI{}, err
		}
	}
	var wrong fault.Collect
	u.check(&wrong)
	switch err := wrong.Err(); {
	case err != nil:
		return UPI{}, unreadable("%v", err)
	case u.Name == "" || utf8.RuneCountInString(u.Name) > upiName || utf8.RuneCountInString(u.Note) > upiNote:
		return UPI{}, unreadable("the name is missing, or a text is too long")
	}
	return u, nil
}

func upiParameters(payload string) (map[string]string, error) {
	if len(payload) > MaxPayload {
		return nil, unreadable("is longer than %d bytes", MaxPayload)
	}
	if len(payload) < len(upiPrefix) || !strings.EqualFold(payload[:len(upiPrefix)], upiPrefix) {
		return nil, unreadable("is no UPI link")
	}
	parameters := map[string]string{}
	for pair := range strings.SplitSeq(payload[len(upiPrefix):], "&") {
		key, escaped, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(escaped) // unlike a form's, it leaves a plus alone
		if err != nil || hidden(value) || strings.Contains(escaped, "#") {
			return nil, unreadable("a parameter cannot be read")
		}
		if _, twice := parameters[key]; twice {
			return nil, unreadable("a parameter stands twice")
		}
		parameters[key] = value
	}
	return parameters, nil
}
