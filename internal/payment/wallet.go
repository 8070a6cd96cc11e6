package payment

import "github.com/florinpay/florin/internal/fault"

// CodeWalletMismatch is the code of the refusal of a wallet's token for another payment than its payer agreed to.
const CodeWalletMismatch = "wallet_token_mismatch"

var (
	errNoWallet       = fault.Wrong("payment_method.token", fault.CodeInvalid, "is not a wallet's: leave the type out for a card")
	errWalletMismatch = fault.Wrong("payment_method_token", CodeWalletMismatch, "the payer agreed in their wallet to another amount or currency than this payment's")
	errWalletMandate  = fault.Wrong("three_ds.challenge", fault.CodeInvalid,
		"must not be mandate for a wallet: its cryptogram is the proof, and nobody is challenged besides")
)

// agreed refuses a wallet's token whose payer has not agreed to this payment. What the merchant would merely like of 3-D Secure is not
// for a wallet; what they insist on is refused, so that nobody takes a cryptogram for the challenge that was asked for.
func (p Payment) agreed() error {
	w := p.Method.Wallet
	switch {
	case w.Type == "":
		return nil
	case w.Amount != p.Amount.Minor() || w.Currency != p.Amount.Currency().Code():
		return errWalletMismatch
	case p.Asked.Challenge == ChallengeMandate:
		return errWalletMandate
	}
	return nil
}
