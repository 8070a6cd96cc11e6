package merchant

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// Returns is what a merchant's own people may refund of payments by one method. The zero value bounds nothing.
type Returns struct {
	Days    int64            `json:"days,omitempty"`    // for how long after the capture; 0: without end
	Alone   map[string]int64 `json:"alone,omitempty"`   // by currency, in minor units, what of a payment is refunded without a second person; a currency that is not here: all of it
	Reasons []string         `json:"reasons,omitempty"` // the only ones; none: any, or none
}

// AnyMethod names the policy of every method that has none of its own.
const AnyMethod = "any"

// returnsMethods are what a policy may be for.
var returnsMethods = []string{AnyMethod, "card", "bank_redirect", "pix", "ideal", "payid", "fpx", "upi", "sepa_qr", "wallet"}

const (
	maxReturnsDays = 3650
	maxReasons     = 50
	maxReason      = 200
)

// ReturnsOf is the policy of payments by a method.
func (m Merchant) ReturnsOf(method string) Returns {
	if own, ok := m.Returns[method]; ok {
		return own
	}
	return m.Returns[AnyMethod]
}

func (m Merchant) checkReturns(wrong *fault.Collect) {
	for _, method := range slices.Sorted(maps.Keys(m.Returns)) {
		r, at := m.Returns[method], "returns."+method
		if !slices.Contains(returnsMethods, method) {
			wrong.Add(at, fault.CodeInvalid, "must be any or a method: "+strings.Join(returnsMethods[1:], ", "))
		}
		if r.Days < 0 || r.Days > maxReturnsDays {
			wrong.Add(at+".days", fault.CodeInvalid, "must be 0 to 3650 days")
		}
		for code, amount := range r.Alone {
			if _, err := money.ParseCurrency(code); err != nil || amount < 0 {
				wrong.Add(at+".alone."+code, fault.CodeInvalid, "must be an ISO 4217 code with an amount in its minor unit, 0 or more")
			}
		}
		if len(r.Reasons) > maxReasons {
			wrong.Add(at+".reasons", fault.CodeInvalid, "must have at most 50 items")
		}
		for i, reason := range r.Reasons {
			if n := utf8.RuneCountInString(reason); n == 0 || n > maxReason || slices.Contains(r.Reasons[:i], reason) {
				wrong.Add(fmt.Sprintf("%s.reasons[%d]", at, i), fault.CodeInvalid, "must have 1 to 200 characters, and stand once")
			}
		}
	}
}

// returnsText is the policies as they are stored; empty if there are none. Maps are written in the order of their keys.
func returnsText(m map[string]Returns) string {
	if len(m) == 0 {
		return ""
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("merchant: texts and numbers are not JSON: %v", err))
	}
	return string(text)
}

// ParseReturns reads policies, strictly: a field that is not known may mean a bound that would not be kept.
func ParseReturns(text string) (map[string]Returns, error) {
	if text == "" {
		return nil, nil
	}
	var m map[string]Returns
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("returns policy: %w", err)
	}
	if d.More() {
		return nil, fmt.Errorf("returns policy: something follows the object")
	}
	return m, nil
}
