package routing

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// facts are what conditions see of a request. They are made for one decision, and used by one goroutine.
type facts struct {
	req  *Request
	zone *time.Location

	local    time.Time // zero until somebody asks
	metadata any
}

// ResolveName is a fact by its name. Texts that are not known are empty.
func (f *facts) ResolveName(name string) (any, bool) {
	r := f.req
	switch name {
	case "bin":
		return types.String(r.BIN), true
	case "brand":
		return types.String(r.Brand), true
	case "funding":
		return types.String(r.Funding), true
	case "country":
		return types.String(r.Country), true
	case "amount":
		return types.Int(r.Amount.Minor()), true
	case "currency":
		return types.String(r.Amount.Currency().Code()), true
	case "method":
		return types.String(r.Method), true
	case "customer":
		return types.String(r.Customer), true
	case "off_session":
		return types.Bool(r.OffSession), true
	case "metadata":
		if f.metadata == nil {
			f.metadata = types.NewStringStringMap(types.DefaultTypeAdapter, r.Metadata)
		}
		return f.metadata, true
	case "hour":
		return types.Int(f.time().Hour()), true
	case "weekday": // ISO 8601: Monday is 1, Sunday is 7
		return types.Int((f.time().Weekday()+6)%7 + 1), true
	}
	return nil, false
}

// Parent is nobody: these are all the facts there are.
func (f *facts) Parent() cel.Activation { return nil }

func (f *facts) time() time.Time {
	if f.local.IsZero() {
		f.local = f.req.At.In(f.zone)
	}
	return f.local
}
