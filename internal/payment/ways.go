package payment

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// Way is a method that a payer can choose.
type Way struct {
	Type  provider.Method
	Banks bool // the payer may name their bank: see Service.Banks
}

// ways are the methods that a payer can choose, in the order in which they are offered.
var ways = []provider.Method{
	provider.MethodCard, provider.MethodBankRedirect, provider.MethodIDEAL, provider.MethodFPX, provider.MethodPIX, provider.MethodUPI, provider.MethodPayID,
	provider.MethodSEPAQR,
}

// Ways are the methods by which a payment's payer can pay it now: those that one of the merchant's provider accounts takes for this
// amount. It fails with fault.NotFound for a secret that is not of this payment.
func (s *Service) Ways(ctx context.Context, tenant, payment, secret string) ([]Way, error) {
	p, _, err := s.forPayer(ctx, tenant, payment, secret)
	if err != nil {
		return nil, err
	}
	all, err := s.Accounts.List(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("list the provider accounts of %s: %w", tenant, err)
	}
	var offered []Way
	for _, m := range ways {
		p.Method = Method{Type: m}
		able, excluded, _, err := s.eligible(ctx, p, all)
		if err != nil {
			return nil, err
		}
		if asked, err := p.named(able, excluded); err == nil && len(asked) > 0 {
			offered = append(offered, Way{m, slices.ContainsFunc(asked, func(a provider.Account) bool { return s.lists(a, m, "") })})
		}
	}
	return offered, nil
}

// lists tells whether a provider account has a list of banks for a method and a currency; an empty one is any.
func (s *Service) lists(a provider.Account, m provider.Method, currency string) bool {
	terms, ok := s.capabilities(a).Methods[m]
	_, err := provider.Lookup[provider.BankLister](s.Providers, a.Provider)
	return ok && err == nil && terms.Banks && (currency == "" || slices.Contains(terms.Currencies, currency))
}

var errNoBanks = fault.Wrong("method", fault.CodeInvalid, "has no list of banks at any of your provider accounts, or not in this currency")

// Banks are the banks that a method's payers may choose, as the provider of the first account says that has such a list. currency may be
// empty. It fails with fault.Invalid if there is no such account, and with fault.Unavailable if the provider does not answer: a payment
// can be made without a bank then.
func (s *Service) Banks(ctx context.Context, tenant string, m provider.Method, currency string) ([]provider.Bank, error) {
	all, err := s.Accounts.List(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("list the provider accounts of %s: %w", tenant, err)
	}
	at := slices.IndexFunc(all, func(a provider.Account) bool { return s.lists(a, m, currency) })
	if at < 0 {
		return nil, errNoBanks
	}
	return s.bankLists.get(s.Clock.Now(), bankListKey{tenant, all[at].ID, m}, func() ([]provider.Bank, error) { return s.askForBanks(ctx, all[at], m) })
}

func (s *Service) askForBanks(ctx context.Context, a provider.Account, m provider.Method) ([]provider.Bank, error) {
	lister, err := provider.Lookup[provider.BankLister](s.Providers, a.Provider)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.capabilities(a).Timeout)
	defer cancel()
	banks, err := lister.Banks(ctx, a, m)
	if err != nil {
		s.Logger.Warn("a provider does not list its banks", "merchant_id", a.Merchant, "provider_account", a.ID, "error", err)
		return nil, fault.New(fault.Unavailable, fault.CodeProviderUnavailable, "the provider does not list its banks now; a payment can be made without one")
	}
	return banks, nil
}

const (
	banksKept    = time.Minute // how long a list of banks is believed
	maxBankLists = 1000        // how many lists are kept
)

type bankListKey struct {
	tenant, account string
	method          provider.Method
}

type bankList struct {
	banks []provider.Bank
	until time.Time
}

// bankLists keep what providers said a moment ago: each look at a checkout page would ask them else.
type bankLists struct {
	mu   sync.Mutex
	kept map[bankListKey]bankList
}

// get is the list that is kept, or what ask says. Failures are not kept.
func (l *bankLists) get(now time.Time, key bankListKey, ask func() ([]provider.Bank, error)) ([]provider.Bank, error) {
	l.mu.Lock()
	have, ok := l.kept[key]
	l.mu.Unlock()
	if ok && now.Before(have.until) {
		return have.banks, nil
	}
	banks, err := ask()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil || len(l.kept) >= maxBankLists {
		l.kept = map[bankListKey]bankList{}
	}
	l.kept[key] = bankList{banks, now.Add(banksKept)}
	return banks, nil
}
