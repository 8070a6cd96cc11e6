package payment

import (
	"cmp"
	"context"
	"fmt"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// Method is what a payment is paid with: a card that is in the vault, or a method that is known by its type, such as a code that
// the payer scans.
type Method struct {
	vault.Description                 // of a card
	Type              provider.Method `json:"type,omitempty"`  // empty: a card, or nothing yet
	Bank              string          `json:"bank,omitempty"`  // that the payer chose, where the method asks for one
	Saved             string          `json:"saved,omitempty"` // pm_…, that a customer saved
	// Initial is the network's reference of the payment at which the customer agreed to this one, which is made while they are not there.
	Initial string `json:"initial,omitempty"`
}

// name is what the method was chosen by, if it is a card: the id that it was saved by, or its token.
func (m Method) name() string { return cmp.Or(m.Saved, m.Token) }

// isCard tells whether it is a card. Nothing yet counts as one: no other method was chosen.
func (m Method) isCard() bool { return m.Type == "" || m.Type == provider.MethodCard }

// word is its type, in the contract's words.
func (m Method) word() string {
	switch {
	case m.isWallet():
		return string(provider.MethodWallet)
	case m.isCard():
		return string(provider.MethodCard)
	}
	return string(m.Type)
}

// known tells whether there is one.
func (m Method) known() bool { return m.Token != "" || !m.isCard() }

// Choice is what somebody chose to pay with: a token, or the id of a saved method in its place, or a type of method with what that needs.
// The zero value is no choice.
type Choice struct {
	Token string
	Type  provider.Method
	Bank  string
}

// made tells whether something was chosen.
func (c Choice) made() bool { return c != Choice{} }

// is tells whether a payment's method is the one that was chosen.
func (m Method) is(c Choice) bool {
	return c.Token == m.name() && c.Bank == m.Bank && (c.Type == m.Type || c.Token != "")
}

// isWallet tells whether it is a wallet's network token. It goes the way of a card, but for what docs/wallets.md says.
func (m Method) isWallet() bool { return m.Wallet.Type != "" }

// again is the choice of what a payment has already.
func (m Method) again() Choice {
	if m.isCard() {
		return Choice{Token: m.name()}
	}
	return Choice{Type: m.Type, Bank: m.Bank}
}

// choose looks up what was chosen. It fails with fault.NotFound for a token that is not this tenant's.
func (s *Service) choose(ctx context.Context, tenant string, c Choice) (Method, error) {
	if c.Token == "" && c.Type != provider.MethodWallet {
		return Method{Type: c.Type, Bank: c.Bank}, nil
	}
	card, err := s.describe(ctx, tenant, c.Token)
	if err == nil && c.Type == provider.MethodWallet && card.Wallet.Type == "" {
		err = errNoWallet
	}
	return Method{Description: card}, err
}

// serves tells whether a provider account can take a payment by the method that was chosen; an error says why not, for the
// merchant.
func (s *Service) serves(account provider.Account, p Payment) error {
	if p.Method.isCard() {
		_, err := provider.Lookup[provider.Authorizer](s.Providers, account.Provider)
		if err == nil && p.Method.isWallet() && !s.capabilities(account).NetworkTokens {
			err = errNoMethod
		}
		if err == nil && p.Asked.Challenge == ChallengeMandate && !s.proves(account) {
			err = errNoAccount
		}
		return err
	}
	terms, ok := s.capabilities(account).Methods[p.Method.Type]
	if _, err := provider.Lookup[provider.Starter](s.Providers, account.Provider); err != nil || !ok {
		return errNoMethod
	}
	return suits(p, terms)
}

var (
	errNoAccount = fault.New(fault.Unavailable, fault.CodeProviderUnavailable, "no provider account can take this payment")
	errNoMethod  = fault.Wrong("payment_method.type", fault.CodeInvalid, "no provider account takes this method")
)

// suits holds a payment against what a method can do.
func suits(p Payment, terms provider.MethodTerms) error {
	switch {
	case !p.Capture:
		return fault.Wrong("capture", fault.CodeInvalid, fmt.Sprintf("must be true: %s moves the money at once", p.Method.Type))
	case p.Asked.Setup:
		return errSetupMethod
	case p.Asked.OffSession:
		return fault.Wrong("off_session", fault.CodeInvalid, fmt.Sprintf("must be false: %s needs its payer", p.Method.Type))
	case p.Method.Bank != "" && !terms.Banks:
		return fault.Wrong("payment_method.bank", fault.CodeInvalid, fmt.Sprintf("is not for %s", p.Method.Type))
	}
	return terms.Takes(p.Amount)
}

// nextAction is what the payer of a payment must do.
func (s *Service) nextAction(p Payment) *NextAction {
	a := p.Action
	next := &NextAction{Type: a.Kind, URL: a.URL, QRCode: a.Code, CopyCode: a.CopyCode, Deeplink: a.Deeplink, ExpiresAt: a.ExpiresAt}
	switch {
	case a.Kind == provider.ActionQR && s.PublicURL != "":
		next.QRImageURL = s.codeURL(p, p.Attempts)
	case a.Kind == "" || a.Kind == provider.ActionRedirect:
		next.Type = provider.ActionRedirect
		if a.URL == "" {
			next.URL = s.challengeURL(p, p.Attempts)
		}
	}
	return next
}
