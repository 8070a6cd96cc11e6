// Package provider is the port to the outside world of acquirers, banks and schemes. It declares what a provider can do,
// in small interfaces, and names no provider.
package provider

import (
	"context"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/descriptor"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

// Class is what may be concluded from a call, and so what may follow it.
type Class uint8

// The outcome classes. The zero value is Unknown: what nobody classified must not be retried.
const (
	Unknown  Class = iota // the provider may hold the money: ask before anything else
	Approved              // adopt the state
	Declined              // the decline table says what may follow
	NotSent               // nothing reached the provider
)

// State is what an approved call brought about, or what an inquiry found.
type State string

// The states a provider's transaction can be in. An approved authorization is Authorized, Captured, Pending or
// ActionRequired, a capture Captured or Pending, a void Voided or Pending, a refund Succeeded or Pending. An operation that
// failed after it was accepted is Declined with state Failed.
const (
	Authorized     State = "authorized"
	Captured       State = "captured"
	Voided         State = "voided"
	Pending        State = "pending"         // the final word comes later, by webhook or inquiry
	ActionRequired State = "action_required" // the payer must do something first, see Action; then the final word comes as for Pending
	Succeeded      State = "succeeded"
	Failed         State = "failed"
	Missing        State = "missing" // with a class other than Unknown: the provider has no such transaction
)

// Action is what the payer must do before the money can move: go to a page of the provider's own, which leads them back to
// the ReturnURL of the call, or scan a code.
type Action struct {
	Kind      ActionKind // empty: ActionRedirect
	URL       string     // for ActionRedirect
	Code      string     // for ActionQR: the payload of the code
	CopyCode  string     // what the payer may copy, in place of scanning or to send to; empty: nothing
	Deeplink  string     // opens the payer's app on their telephone; empty: there is none
	ExpiresAt time.Time  // zero: the provider does not say
}

// Outcome is the end of one call.
type Outcome struct {
	Class            Class
	State            State       // for Approved
	Amount           money.Money // what the provider says it authorized, captured or refunded
	Reference        string      // the provider's own id of the transaction or operation
	NetworkReference string      // the scheme's transaction id
	Decline          Decline     // for Declined
	Action           Action      // for ActionRequired
	ThreeDS          ThreeDS     // what the provider's own 3-D Secure said; zero if there was none
	Detail           string      // for operators: what happened, without payload or secret
	Withheld         bool        // of NotSent: Florin itself would not send it, which says nothing of the provider
	NotBefore        time.Time   // of what was withheld, and of an inquiry that was: when it is worth another try; zero: nobody knows
	OffUntil         time.Time   // of what was withheld because people have switched it off: when it may be on again; zero: they have not
}

// Account is one contract with a provider.
type Account struct {
	Merchant    string                 // the tenant
	ID          string                 // such as alpha; chosen by the merchant
	Provider    string                 // the connector, such as simcard
	Settings    map[string]string      // such as base_url
	Credentials map[string]secret.Text // such as api_key, webhook_secret
	Priority    int64                  // the merchant's own order: lower is tried first
	CreatedAt   time.Time
	Version     int64 // of the stored row; 0 if it is not stored
}

// Authorization asks for money on a card.
type Authorization struct {
	Reference   string // ours: unique for this try, and the key by which the provider recognizes a repeat
	Payment     string // pay_…, for the provider's records
	Amount      money.Money
	Capture     bool   // take the money at once
	Card        string // the token; only the vault knows more
	Descriptor  string
	Description string
	ThreeDS     *ThreeDS // the authentication that went before; nil: none
	// NetworkToken says that the card is a wallet's network token: the vault fills vault.Cryptogram in, once, and nobody authenticates
	// its holder besides. Only for a connector that has Capabilities.NetworkTokens. Nil: a card.
	NetworkToken *NetworkToken
	ReturnURL    string             // where the payer comes back to from an Action; empty: nobody is there to act, so ask for none
	Indicator    ChallengeIndicator // for a provider that authenticates by itself; empty: as it thinks right
	OffSession   bool               // the payer is not there: the merchant acts on an agreement
	// Stored says that the payer, who is there, agrees to be charged later by the same card while they are not.
	Stored bool
	// InitialNetworkReference is the network's reference of the payment at which they agreed; for OffSession, else empty.
	InitialNetworkReference string
}

// NetworkToken is what goes with a device account number and its cryptogram.
type NetworkToken struct {
	Wallet string // whose, such as sandbox
	ECI    string // the electronic commerce indicator that the network gave with the cryptogram
}

// Capture takes authorized money, in whole or in part.
type Capture struct {
	Reference string // ours, of this capture
	Original  string // the provider's reference of the authorization
	Attempt   string // our reference of the authorization
	Amount    money.Money
	Final     bool // release what is left
}

// Void releases an authorization. If Original is empty the provider never told its reference: void by ours.
type Void struct {
	Reference string
	Original  string
	Attempt   string
}

// Refund gives captured money back, in whole or in part.
type Refund struct {
	Reference string
	Original  string
	Attempt   string
	Transfer  string // return what came by this transfer (Transfer.Reference), whatever the payment needed of it; empty: no special one
	Amount    money.Money
	Reason    string
}

// Operation is which call an inquiry asks about.
type Operation string

// The operations.
const (
	OpAuthorize Operation = "authorize" // of a Start, too
	OpCapture   Operation = "capture"
	OpVoid      Operation = "void"
	OpRefund    Operation = "refund"
	OpDispute   Operation = "dispute" // of a Notification alone: nobody asks for one
)

// Inquiry asks what became of an earlier call.
type Inquiry struct {
	Operation Operation
	Reference string // ours, of that call
	Original  string // the provider's reference of the authorization, if known
	Attempt   string // our reference of the authorization
}

// Finding is the answer to an inquiry. An Outcome of class Unknown means that the provider could not tell.
type Finding struct {
	Found     bool // false with a class other than Unknown: the provider says it has no such transaction
	Outcome   Outcome
	Transfers []Transfer // about a start by a code: all that came in on it so far, oldest first
}

// Notification is a provider's webhook, read.
type Notification struct {
	EventID    string    // the provider's id of the message, by which it is recorded once; empty: it gives none
	Type       string    // the provider's own name for it
	Operation  Operation // empty: a message that this version does not understand; keep it, do not act
	Reference  string    // ours, of the call it speaks of
	Attempt    string    // our reference of the authorization; of a transfer: of the start whose code was paid, empty if it names none
	OccurredAt time.Time
	Outcome    Outcome
	Transfer   Transfer // for OpTransfer, whose Outcome is Approved, Captured and as much as this transfer brought
	Dispute    *Dispute // for OpDispute, which has no Outcome
}

// Sender sends a request through the vault.
type Sender interface {
	Send(ctx context.Context, r vault.Request) (vault.Response, error)
}

// Authorizer can ask for money on a card.
type Authorizer interface {
	Authorize(ctx context.Context, a Account, r Authorization) Outcome
}

// Capturer can take and release authorized money.
type Capturer interface {
	Capture(ctx context.Context, a Account, r Capture) Outcome
	Void(ctx context.Context, a Account, r Void) Outcome
}

// Refunder can give money back.
type Refunder interface {
	Refund(ctx context.Context, a Account, r Refund) Outcome
}

// Inquirer can tell what became of a call.
type Inquirer interface {
	Inquire(ctx context.Context, a Account, r Inquiry) Finding
}

// WebhookReader verifies and reads the provider's webhooks. The two are apart, so that a message that was recorded can be read
// again when its signature is long gone.
type WebhookReader interface {
	// VerifyWebhook fails with fault.Unauthorized if the signature is wrong, and with ErrWebhookTime if it is good and not of this
	// hour.
	VerifyWebhook(a Account, h http.Header, body []byte, now time.Time) error
	// ReadWebhook reads a body that was verified, now or long ago. It fails with fault.Malformed if it cannot; the EventID and the
	// Type are there nevertheless, if the body has them.
	ReadWebhook(a Account, body []byte) (Notification, error)
}

// Connector is a provider's implementation. What it can do is found by asking which of the small interfaces it has.
type Connector interface {
	// Capabilities are facts that decisions need before a call.
	Capabilities() Capabilities
}

// Capabilities are a provider's limits, as data.
type Capabilities struct {
	AuthorizationTTL time.Duration   // how long an authorization holds
	PartialCaptures  bool            // more than one capture of one authorization
	Authenticates    bool            // it authenticates cardholders by itself, as Authorization.Indicator says
	NetworkTokens    bool            // it takes what wallets give: see Authorization.NetworkToken
	SettleDelay      time.Duration   // how long after a call "not found" is not to be believed
	Timeout          time.Duration   // of one call
	Rails            []bank.RailName // by which it pays out, for a Payer; card_push is Fast Funds
	Secrets          []string        // names of the credentials an account must have
	Settings         []string        // names of the settings an account must have
	DefaultOrigins   []string        // where its requests go if the settings do not say otherwise
	References       []string        // names of JSON members of its webhooks with long numbers that may look like a card's; see vault.Request

	Descriptor descriptor.Terms // what it makes of what payers read on their statements

	Methods map[Method]MethodTerms // what a Starter can start; cards are what an Authorizer takes, and are not among them
}

// AccountCapable is a connector whose capabilities depend on the contract behind an account.
type AccountCapable interface {
	AccountCapabilities(a Account) Capabilities
}

// AccountChecker is a connector that can tell, without a call, that an account cannot work: a live key in test mode, a
// setting that is no number. It fails with fault.Invalid and the name of the setting or credential.
type AccountChecker interface {
	CheckAccount(a Account) error
}

// CapabilitiesOf are the capabilities that a connector has with an account.
func CapabilitiesOf(c Connector, a Account) Capabilities {
	if depends, ok := c.(AccountCapable); ok {
		return depends.AccountCapabilities(a)
	}
	return c.Capabilities()
}
