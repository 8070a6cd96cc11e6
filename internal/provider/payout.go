package provider

import (
	"context"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/secret"
)

// OpPayout is a payout: what a notification speaks of.
const OpPayout Operation = "payout"

// Returned is the state of a payout that reached the payee's bank and came back: the account is closed, or the payee refused it.
const Returned State = "returned"

// Payee is who gets a payout, as its rail names them.
type Payee struct {
	Name    string
	Country string
	// Number is the IBAN, the account number or the alias; empty for a card.
	Number   secret.Text
	BankCode string
	Branch   string
	Alias    bank.AliasKind // of an alias
	Card     string         // the token of a card; only the vault knows more
}

// Payout sends money out.
type Payout struct {
	Reference  string // ours: unique, and the key by which the provider recognizes a repeat
	Amount     money.Money
	Rail       bank.RailName
	Payee      Payee
	Descriptor string // what the payee reads on the statement
}

// PayoutInquiry asks what became of a payout.
type PayoutInquiry struct {
	Reference string // ours
	Original  string // the provider's reference, if known
}

// Payer can send money out. Pay is Approved with Pending once the provider has taken the payout and with Succeeded if the payee has it, Declined
// if it will not be paid. An inquiry may find it Pending, Succeeded, Returned, or Declined with Failed.
type Payer interface {
	Pay(ctx context.Context, a Account, p Payout) Outcome
	InquirePayout(ctx context.Context, a Account, q PayoutInquiry) Finding
}
