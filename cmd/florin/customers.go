package main

import (
	"context"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/fault"
)

// errWalletKept refuses to keep what a wallet gave: its cryptogram is for one payment, and without it a network takes the number of a
// device only for a merchant who has an agreement about it with the wallet's maker.
var errWalletKept = fault.Wrong("token", fault.CodeInvalid, "is a wallet's and serves one payment: save a card")

// savedCards is the vault as saved payment methods know it.
type savedCards struct{ cards }

// Describe tells what may be known of a card, and whether its token was made for one use.
func (v savedCards) Describe(ctx context.Context, tenant, token string) (customer.Card, bool, error) {
	d, err := v.cards.Describe(ctx, tenant, token)
	if err == nil && d.Wallet.Type != "" {
		err = errWalletKept
	}
	return customer.Card{
		Brand: d.Brand, Last4: d.Last4, BIN: d.BIN, ExpMonth: d.ExpMonth, ExpYear: d.ExpYear, Country: d.Country, Funding: d.Funding, Fingerprint: d.Fingerprint,
	}, d.SingleUse, err
}
