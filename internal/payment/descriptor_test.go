package payment

import (
	"errors"
	"testing"

	"github.com/florinpay/florin/internal/fault"
)

func TestThePayerReadsTheDescriptorAsItsNetworkPrintsIt(t *testing.T) {
	eachTill(t, func(u *till) {
		in := order(true)
		in.StatementDescriptor, in.StatementSuffix = "FLORIN FLOWER SHOP", "ORD-1001"
		o, err := u.Create(u.Context(), in, alone{})
		if err != nil || o.StatementDescriptor != "FLORIN FLOWER SHOP* ORD-1001" {
			u.Fatalf("%+v, %v", o, err)
		}
		if got := u.q.asked[0].Descriptor; got != "FLORIN FLOWER S* ORD-1001" { // the test's card is a Visa: 25 characters
			u.Errorf("the acquirer was told %q", got)
		}
		if shown := u.status(o.ID).Attempts[0].Descriptor; shown != u.q.asked[0].Descriptor {
			u.Errorf("the attempt shows %q", shown)
		}
		in.StatementDescriptor = ""
		var refused *fault.Error
		if _, err := u.Create(u.Context(), in, alone{}); !errors.As(err, &refused) || refused.Param != "statement_descriptor_suffix" {
			u.Errorf("a suffix with nothing before it: %v", err)
		}
	})
}
