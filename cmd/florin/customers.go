package main

import (
	"context"

	"github.com/florinpay/florin/internal/customer"
)

// savedCards is the vault as saved payment methods know it.
type savedCards struct{ cards }

// Describe tells what may be known of a card, and whether its token was made for one use.
func (v savedCards) Describe(ctx context.Context, tenant, token string) (customer.Card, bool, error) {
	d, err := v.cards.Describe(ctx, tenant, token)
	return customer.Card{
		Brand: d.Brand, Last4: d.Last4, BIN: d.BIN, ExpMonth: d.ExpMonth, ExpYear: d.ExpYear, Country: d.Country, Funding: d.Funding, Fingerprint: d.Fingerprint,
	}, d.SingleUse, err
}
