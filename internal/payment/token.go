package payment

import (
	"context"
	"errors"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

// A token that a browser made serves one payment: any number of its tries, and no other payment. Whoever steals it from a page
// cannot charge the card again.

// CodeTokenUsed is the code of the refusal of such a token for a second payment.
const CodeTokenUsed = customer.CodeTokenUsed

var errTokenUsed = &fault.Error{
	Kind: fault.Conflict, Code: CodeTokenUsed, Param: "payment_method_token", Detail: "the token was made by a browser and has served another payment: such a token serves one",
}

// claim adds to a Change that a payment's token serves it. It fails with fault.Conflict if the token serves another one.
func (s *Service) claim(ctx context.Context, c *db.Change, p Payment) error {
	if !p.Method.SingleUse {
		return nil
	}
	serves, err := s.store.tokenPayment(ctx, p.Merchant, p.Method.Token)
	switch {
	case fault.Is(err, fault.NotFound):
		c.Add(tokenRow(p.Merchant, p.Method.Token, p.ID, s.Clock.Now()))
		return nil
	case err == nil && serves != p.ID:
		return errTokenUsed
	}
	return err
}

// unclaimed tells a Change that lost because somebody else claimed the token first from one that lost otherwise.
func (s *Service) unclaimed(ctx context.Context, p Payment, err error) error {
	var lost *db.Conflict
	if !errors.As(err, &lost) || lost.Table != tokenTable.Name {
		return err
	}
	serves, readErr := s.store.tokenPayment(ctx, p.Merchant, p.Method.Token)
	switch {
	case readErr != nil:
		return readErr
	case serves != p.ID:
		return errTokenUsed
	}
	return errLost
}
