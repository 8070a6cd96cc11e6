package payment

import (
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/id"
)

// Our reference of an attempt at its provider is the payment's id and the attempt's number: whoever holds one of them,
// a webhook or a line of a report, can find the row.

func (a Attempt) ourReference() string { return attemptReference(a.Payment, a.Number) }

func attemptReference(payment string, number int64) string {
	return payment + "-" + strconv.FormatInt(number, 10)
}

func parseAttemptReference(reference string) (payment string, number int64, ok bool) {
	payment, digits, ok := strings.Cut(reference, "-")
	if !ok || !id.Has(payment, id.Payment) {
		return "", 0, false
	}
	number, err := strconv.ParseInt(digits, 10, 32)
	return payment, number, err == nil && number > 0
}
