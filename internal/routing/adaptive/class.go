package adaptive

// Class is what an outcome says about the provider.
type Class uint8

// The classes. Only the first two teach the estimates.
const (
	Approved  Class = iota + 1 // authorized or captured
	Issuer                     // refused by an issuer or a provider that might have approved through another provider
	Customer                   // refused for what the customer did, has or wants: any provider would have said the same
	Technical                  // not sent, or no usable answer
)

// byCode are decline codes that say more than their category.
var byCode = map[string]Class{
	"risk_decline":     Issuer,    // the provider's own risk engine; the others in its category speak of the card
	"processing_error": Technical, // the others in its category are answers: the issuer was not reached on this way
}

// byCategory are the categories of the decline table.
var byCategory = map[string]Class{
	"opaque": Issuer, "transient": Issuer,
	"limits": Customer, "data": Customer, "authentication": Customer, "payer": Customer, "fraud": Customer,
	"permanent": Customer, "product": Customer, "duplicate": Customer,
}

// ClassOf is the class of a decline by its normalized code and the category of that code. What is not in the tables
// counts against the provider: it is the only one that may know.
func ClassOf(code, category string) Class {
	if c, ok := byCode[code]; ok {
		return c
	}
	if c, ok := byCategory[category]; ok {
		return c
	}
	return Issuer
}
