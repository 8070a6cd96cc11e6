package payment

import (
	"context"

	"github.com/florinpay/florin/internal/descriptor"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// name gives a payment what its payer reads on the statement: its own descriptor or the merchant's, and behind it what it is for.
func (s *Service) name(ctx context.Context, p *Payment, suffix string) error {
	if p.StatementDescriptor == "" {
		m, err := s.Merchants.Of(ctx, p.Merchant)
		if err != nil {
			return err
		}
		p.StatementDescriptor = m.StatementDescriptor
	}
	if suffix != "" && p.StatementDescriptor == "" {
		return fault.Wrong("statement_descriptor_suffix", fault.CodeInvalid, "needs a statement_descriptor, of the payment or of the merchant, to stand behind")
	}
	p.StatementDescriptor = descriptor.Compose(p.StatementDescriptor, suffix)
	return nil
}

// descriptor is what the payer reads, as it fits the card's network and the provider.
func (s *Service) descriptor(account provider.Account, p Payment) string {
	return descriptor.Fit(p.StatementDescriptor, p.Method.Brand, s.capabilities(account).Descriptor)
}
