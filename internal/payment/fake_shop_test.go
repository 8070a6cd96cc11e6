package payment

import (
	"context"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// cards knows some cards.
type cards struct{}

func (cards) Describe(_ context.Context, tenant, asked string) (vault.Description, error) {
	d := vault.Description{Token: asked, Fingerprint: "of " + asked, Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030, Funding: "credit"}
	switch asked {
	case token:
	case tokenGerman:
		d.Country = "DE"
	case tokenMaster:
		d.Country, d.Brand = "DE", "mastercard"
	case tokenBrowser, tokenOther:
		d.SingleUse = true
	case tokenWallet, tokenWallet + "1", tokenWallet + "2", tokenWallet + "3":
		d.SingleUse, d.Country, d.Wallet = true, "DE", vault.WalletToken{Type: "sandbox", Amount: 10_000, Currency: "EUR", ECI: "05"}
	default:
		tenant = ""
	}
	if tenant != shop {
		return vault.Description{}, fault.Missing("token")
	}
	return d, nil
}

// pair knows two accounts, alpha before beta, with one acquirer behind them.
type pair struct{}

var beta = provider.Account{Merchant: shop, ID: "beta", Provider: "fake"}

func (pair) Get(_ context.Context, tenant, account string) (provider.Account, error) {
	for _, a := range []provider.Account{alpha, beta} {
		if tenant == shop && a.ID == account {
			return a, nil
		}
	}
	return provider.Account{}, fault.Missing("provider account")
}

func (pair) List(context.Context, string) ([]provider.Account, error) {
	return []provider.Account{alpha, beta}, nil
}

// contracts knows one provider account.
type contracts struct{}

var alpha = provider.Account{Merchant: shop, ID: "alpha", Provider: "fake"}

func (contracts) Get(_ context.Context, tenant, account string) (provider.Account, error) {
	if tenant != shop || account != alpha.ID {
		return provider.Account{}, fault.Missing("provider account")
	}
	return alpha, nil
}

func (contracts) List(context.Context, string) ([]provider.Account, error) {
	return []provider.Account{alpha}, nil
}

// merchants knows one merchant, who pays us one percent.
type merchants struct{}

func (merchants) Of(context.Context, string) (merchant.Merchant, error) {
	return merchant.Merchant{ID: "acct_shop", FeeBasisPoints: 100, Origins: []string{"https://shop.example"}}, nil
}
