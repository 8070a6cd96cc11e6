package provider

import "time"

// Decline is a refusal in the field's common words, with the provider's and the network's own beside it.
type Decline struct {
	Code           DeclineCode
	Raw            string // the provider's own code
	NetworkDecline string // such as 51
	NetworkAdvice  string // such as 02
	Message        string // the provider's text, for operators

	// Unrecognized says that nobody knows the provider's own code, so that the decline is a generic one.
	Unrecognized bool
}

// DeclineCode is a normalized reason.
type DeclineCode string

// Retry says what may follow a decline.
type Retry string

// The retry kinds.
const (
	RetryNever         Retry = "never"
	RetryLater         Retry = "later"
	RetryFixData       Retry = "fix_data"
	RetryWith3DS       Retry = "with_3ds"
	RetryOtherProvider Retry = "other_provider"
)

// Meaning is what Florin knows about a decline code.
type Meaning struct {
	Category string
	Retry    Retry
	After    time.Duration // for RetryLater: not before
	Advised  bool          // After is the word of the card's network, not the table's
	Payer    DeclineCode   // what the payer is told; generic for fraud reasons
	Text     string        // for the payer of a card; see TextOf
}
