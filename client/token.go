package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// CardDetails is a whole card, on its way to the vault. Only callers in PCI DSS scope, and tests with test numbers, hold one:
// a browser sends it to the vault itself. It prints as nothing.
type CardDetails struct {
	Number   string `json:"number"`
	ExpMonth int    `json:"exp_month"`
	ExpYear  int    `json:"exp_year"`
	CVC      string `json:"cvc,omitempty"`
	Name     string `json:"name,omitempty"`
}

// Format hides the card in every verb.
func (CardDetails) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[card]") }

// LogValue hides the card from logs, also from those in JSON.
func (CardDetails) LogValue() slog.Value { return slog.StringValue("[card]") }

// WalletDetails is a device wallet's own token, sealed for the vault.
type WalletDetails struct {
	Type  string `json:"type"` // such as sandbox
	Token string `json:"token"`
}

// CreateToken puts a card into the vault, or has it open a wallet's token: one of the two.
type CreateToken struct {
	Card   CardDetails    `json:"card,omitzero"`
	Wallet *WalletDetails `json:"wallet,omitempty"`
}

// LogValue hides the card from logs, also from those in JSON.
func (CreateToken) LogValue() slog.Value { return slog.StringValue("[card]") }

// Token stands for a card that is in the vault.
type Token struct {
	ID        string       `json:"id"` // pm_tok_…
	Livemode  bool         `json:"livemode"`
	Card      Card         `json:"card"`   // of a wallet's: what the device has in its place
	Wallet    *TokenWallet `json:"wallet"` // nil unless a wallet gave it
	CreatedAt time.Time    `json:"created_at"`
}

// TokenWallet is what a payer agreed to in their wallet.
type TokenWallet struct {
	Type     string `json:"type"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// TokenService calls the vault zone. It needs [WithVaultURL], and a key of scope vault:write.
type TokenService struct{ core *core }

// Create puts a card into the vault, or has it open a wallet's token. Its CVC is kept in memory only, for 30 minutes and one use.
func (s *TokenService) Create(ctx context.Context, p CreateToken, options ...CallOption) (*Token, error) {
	if s.core.vault == nil {
		return nil, errors.New("florin: Tokens needs WithVaultURL beside WithBaseURL")
	}
	return write[Token](ctx, s.core, http.MethodPost, s.core.vault, "/v1/tokens", p, options)
}
