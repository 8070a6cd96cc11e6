package payment

import (
	"time"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/provider"
)

// Create asks for a payment. The edge has checked the shape; Service checks the meaning.
type Create struct {
	Merchant            string // the tenant
	Amount              int64
	Currency            string
	Choice              Choice // of what it is paid with; may be none if Confirm is false
	Capture             bool
	Confirm             bool
	CaptureBefore       time.Time     // zero: as long as the provider holds it
	ExpiresIn           time.Duration // zero: a day; for a payment that is not confirmed
	StatementDescriptor string        // empty: the merchant's own
	StatementSuffix     string        // what of the payment stands behind it
	Description         string
	ReturnURL           string // where the payer goes in the end; its origin is registered
	Asked               Asked
	ProviderAccounts    []string  // empty: the merchant's own order
	QueueUntil          time.Time // off session: how long it waits for a provider; zero: a day
	Retry               *Smart    // off session: how often it is asked for again; nil: a decline is the end
	Order               string    // ord_…, that is paid with it; empty: none
	Customer            string    // cus_…, who pays; empty: whoever the saved method is of, or nobody that is known
	Metadata            map[string]string
}

// Confirmation is what a payer, or the merchant for them, says to go on with a payment that waits.
type Confirmation struct {
	Choice        Choice // none: the payment's own method
	ReturnURL     string // where the payer's browser goes in the end; its origin is registered
	Result        string // the CRes of a challenge, as the issuer's page gave it to the browser; empty: the provider is asked
	DeviceSession string // ds_…
	Browser       provider.Browser
	// Agreed is the payer's word that the card is saved and charged later, off session, if the merchant asks for that; nil: they did not
	// give it. It counts where the payer confirms; a merchant who confirms has it already.
	Agreed *customer.Consent
}

// RefundRequest asks for money to go back.
type RefundRequest struct {
	Amount   int64 // 0: all that is left
	Reason   string
	Metadata map[string]string
	By       string // the key that asks; empty: Florin itself, whom no returns policy binds
}

// Filter chooses payments. Empty: any.
type Filter struct{ Status, Customer, Order string }

// Page asks for a stretch of a list, newest first.
type Page = db.Page

// Companion is what the caller wants written in the same Changes as the payment: the idempotency record, and with the
// result the answer that will be given. Both methods may be called more than once if a Change has to be decided again.
type Companion interface {
	// Intent adds rows to the Change that goes before the provider is called. subject is the id of what is being made
	// or moved. It is not called if no provider has to be asked: Result is all there is then.
	Intent(c *db.Change, subject string)
	// Result adds rows to the Change that records the outcome. object is an Object or a RefundObject, err what the
	// caller will be told beside it, such as a decline.
	Result(c *db.Change, object any, err error) error
}
