package api

import (
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/strict"
	"github.com/florinpay/florin/internal/vault"
)

// bodies reads what merchants send. The tags that it reads are those from which the OpenAPI document is made, so that what is
// promised and what is checked cannot differ.
var bodies = strict.NewReader(map[string]strict.Check{
	"name": plainName, "email": plainEmail, "phone": plainPhone, "country": plainCountry, "ip": plainIP,
	"order": plainID(id.Order, "an order"), "customer": plainID(id.Customer, "a customer"), "payment": plainID(id.Payment, "a payment"), "method": plainID(id.PaymentMethod, "a saved payment method"),
	"token_or_method": func(s string) (string, string) {
		if s != "" && !id.Has(s, id.Token) && !id.Has(s, id.PaymentMethod) {
			return fault.CodeInvalid, "must be a token of the vault, which begins with pm_tok_, or a saved payment method, which begins with pm_"
		}
		return "", ""
	},
	// Not told back: it may be a card number in the wrong place.
	"vault_token": plainID(id.Token, "a token of the vault"),
	"device": func(s string) (string, string) {
		if !id.Has(s, id.DeviceSession) {
			return fault.CodeInvalid, "must be a device session, which begins with ds_"
		}
		return "", ""
	},
	"destination": func(s string) (string, string) {
		if s != "" && !id.Has(s, id.Destination) {
			return fault.CodeInvalid, "must be a destination, which begins with dst_"
		}
		return "", ""
	},
	"filter": func(s string) (string, string) {
		if err := event.CheckFilter(s); err != nil {
			return fault.CodeInvalid, err.Error()
		}
		return "", ""
	},
}).Everywhere(vault.NoCardNumber)

// plainName is the rule of the names that merchants give to their own things, such as provider accounts.
func plainName(s string) (code, detail string) {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return fault.CodeInvalid, "must consist of a-z, 0-9, _ and -"
		}
	}
	return "", ""
}

// decode reads the body of a request; see strict.Decode. What was wrong with the query is told with it.
func decode[T any](rq *request, data []byte, now time.Time) (*T, error) {
	return strict.Decode[T](bodies, data, rq.query, now)
}

// decodeOptional is decode, but no body at all is an empty object where the operation allows it.
func decodeOptional[T any](rq *request, data []byte, now time.Time) (*T, error) {
	if len(data) == 0 && rq.operation.optional {
		return new(T), rq.query.Err()
	}
	return decode[T](rq, data, now)
}
