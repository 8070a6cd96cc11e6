package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/merchant"
)

type merchantGroup struct {
	Create merchantCreate `cmd:"" help:"Add a merchant."`
}

type merchantCreate struct {
	Storage        storage `embed:""`
	Name           string  `help:"Name of the merchant." required:""`
	ID             string  `help:"Account id, acct_ and letters or digits. Made if not given." placeholder:"ACCT" name:"id"`
	FeeBasisPoints int64   `help:"Own fee, in hundredths of a percent of what is captured." default:"0"`
}

func (merchantCreate) Help() string {
	return "Example:\n\n    florin merchant create --database postgres://florin@db/florin --name 'Blue Bottle'"
}

// operator is who acts on the command line, for the audit trail.
var operator = audit.By{Actor: "cli"}

// merchantShown is a merchant as commands print it.
type merchantShown struct {
	ID             string    `json:"id"`
	Object         string    `json:"object"`
	Name           string    `json:"name"`
	Version        string    `json:"version"`
	FeeBasisPoints int64     `json:"fee_basis_points"`
	CreatedAt      time.Time `json:"created_at"`
}

// Run adds a merchant and prints its id.
func (m merchantCreate) Run(ctx context.Context, c *console) (err error) {
	where, err := m.Storage.resolve()
	if err != nil {
		return err
	}
	s := newStores(c.log, nil)
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.openMain(ctx, where); err != nil {
		return err
	}
	made, err := merchant.New(s.main, s.clock, s.ids).Create(ctx, merchant.Merchant{ID: m.ID, Name: m.Name, FeeBasisPoints: m.FeeBasisPoints}, operator)
	if err != nil {
		return err
	}
	shown := merchantShown{made.ID, "merchant", made.Name, made.Version, made.FeeBasisPoints, made.CreatedAt}
	return c.print(shown, func(w io.Writer) { fmt.Fprintln(w, made.ID) })
}
