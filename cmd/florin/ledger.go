package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/dispute"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/order"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/payout"
)

type ledgerGroup struct {
	Verify ledgerVerify `cmd:"" help:"Recompute every balance from the entries. Exits with 1 on any fault."`
}

type ledgerVerify struct {
	Storage storage `embed:""`
}

func (ledgerVerify) Help() string {
	return "It reads everything from one snapshot, beside a server that runs.\n\nExample:\n\n    florin ledger verify --data ./florin-data"
}

// errBooks is a verification that found faults.
var errBooks = errors.New("the books are wrong")

type verifyShown struct {
	OK           bool          `json:"ok"`
	Tenants      int           `json:"tenants"`
	Transactions int64         `json:"transactions"`
	Entries      int64         `json:"entries"`
	Accounts     []accountLine `json:"accounts"`
	Faults       []string      `json:"faults"`
}

type accountLine struct {
	Tenant   string `json:"tenant"`
	Account  string `json:"account"`
	Currency string `json:"currency"`
	Balance  int64  `json:"balance"` // minor units, in the account's natural sign
}

// against are what the ledger is held against.
var against = []func(context.Context, *db.DB) ([]string, error){payment.VerifyBooks, order.VerifyBooks, payout.VerifyBooks, dispute.VerifyBooks}

// Run recomputes the books and prints every balance and every fault.
func (l ledgerVerify) Run(ctx context.Context, c *console) error {
	return withMain(ctx, c, l.Storage, func(s *stores, _ storage) error {
		report, err := ledger.Verify(ctx, s.main)
		if err != nil {
			return err
		}
		for _, hold := range against {
			faults, err := hold(ctx, s.main)
			if err != nil {
				return err
			}
			report.Faults = append(report.Faults, faults...)
		}
		shown := verifyShown{
			OK: len(report.Faults) == 0, Tenants: report.Tenants, Transactions: report.Transactions, Entries: report.Entries,
			Accounts: []accountLine{}, Faults: append([]string{}, report.Faults...),
		}
		for _, a := range report.Accounts {
			shown.Accounts = append(shown.Accounts, accountLine{a.Tenant, a.Account, a.Amount.Currency().Code(), a.Amount.Minor()})
		}
		if err := c.print(shown, shown.text); err != nil {
			return err
		}
		if !shown.OK {
			return fmt.Errorf("%w: %d faults", errBooks, len(shown.Faults))
		}
		return nil
	})
}

func (v verifyShown) text(w io.Writer) {
	fmt.Fprintln(w, "TENANT\tACCOUNT\tCURRENCY\tBALANCE")
	for _, a := range v.Accounts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", a.Tenant, a.Account, a.Currency, a.Balance)
	}
	fmt.Fprintf(w, "\n%d transactions with %d entries of %d tenants\n", v.Transactions, v.Entries, v.Tenants)
	for _, f := range v.Faults {
		fmt.Fprintln(w, "FAULT", f)
	}
	if v.OK {
		fmt.Fprintln(w, "the books are right")
	}
}
