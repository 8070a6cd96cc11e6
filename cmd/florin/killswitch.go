package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/provider"
)

type killSwitchGroup struct {
	On   killSwitchOn   `cmd:"" help:"Switch something off, or have people agree to it."`
	Off  killSwitchOff  `cmd:"" help:"Lift a switch."`
	List killSwitchList `cmd:"" help:"List the switches that are on."`
}

// whose says of whom a switch is: of one merchant, in one mode, or of the whole installation.
type whose struct {
	Merchant string `help:"Account id of the merchant. The whole installation, in both modes, if not given." placeholder:"ACCT"`
	Mode     string `help:"test or live, of the merchant." enum:"test,live" default:"test"`
}

func (w whose) tenant() string {
	if w.Merchant == "" {
		return control.Everyone
	}
	return id.Tenant(w.Merchant, w.Mode == "live")
}

type killSwitchOn struct {
	Storage   storage          `embed:""`
	Of        whose            `embed:""`
	Approve   bool             `help:"What it covers waits for a person instead of being refused."`
	TwoAbove  map[string]int64 `help:"For --approve: above which amount, in minor units of a currency, two persons must agree; to any of a currency that is not named. One if not given." placeholder:"EUR=100000;..."`
	Operation string           `help:"authorize, capture, void, refund, payout or inquiry. If not given: what brings new money or sends it away. Refunds, voids and inquiries go on unless they are named." enum:",authorize,capture,void,refund,payout,inquiry" default:""`
	Account   string           `help:"Provider account. All if not given." name:"provider-account" placeholder:"NAME"`
	Method    string           `help:"Method, such as card or pix. All if not given." placeholder:"METHOD"`
	Country   string           `help:"Country of the card's issuer, two letters. All if not given." placeholder:"CC"`
	All       bool             `help:"Everything: needed where no operation, provider account, method or country is given." name:"everything"`
	Reason    string           `help:"Why: those who are refused read it." required:""`
	Expires   time.Duration    `help:"How long it stays, such as 2h. Until it is lifted if not given." placeholder:"TIME"`
}

func (killSwitchOn) Help() string {
	return "It works within a second on every node. It is on the record with the reason.\n\n" +
		"Example:\n\n    florin kill-switch on --database postgres://florin@db/florin --provider-account alpha --reason 'The acquirer loses messages' --expires 2h\n" +
		"    florin kill-switch on --merchant acct_shop --mode live --operation payout --approve --two-above EUR=100000 --reason 'Until the audit is over'"
}

// withControl opens what commands about switches need, and looks whether there is such a merchant.
func withControl(ctx context.Context, c *console, where storage, of whose, do func(*stores, *control.Control) error) error {
	return withMain(ctx, c, where, func(s *stores, where storage) error {
		if err := s.openMainBox(ctx, where); err != nil {
			return err
		}
		if of.Merchant != "" {
			if _, err := merchant.New(s.main, s.clock, s.ids).Get(ctx, of.Merchant); err != nil {
				return err
			}
		}
		outbox := event.NewOutbox(event.NewStore(s.main, s.mainBox), s.ids, s.clock)
		return do(s, control.New(control.Options{DB: s.main, Accounts: switchable{provider.NewAccounts(s.main, s.mainBox, s.clock)}, Outbox: outbox, Clock: s.clock, IDs: s.ids}))
	})
}

// switchable are provider accounts as kill switches name them.
type switchable struct{ accounts *provider.Accounts }

// Contracts are a tenant's accounts, or everybody's, with what their connectors can do.
func (s switchable) Contracts(ctx context.Context, tenant string) ([]control.Contract, error) {
	read := func() ([]provider.Account, error) { return s.accounts.List(ctx, tenant) }
	if tenant == control.Everyone {
		read = func() ([]provider.Account, error) { return s.accounts.Everybodys(ctx) }
	}
	found, err := read()
	all, known := make([]control.Contract, len(found)), connectors()
	for i, a := range found {
		all[i] = control.Contract{Account: a.ID, Does: operationsOf(known[a.Provider])}
	}
	return all, err
}

// operationsOf are those that a connector can be asked for.
func operationsOf(c provider.Connector) []control.Operation {
	_, authorizes := c.(provider.Authorizer)
	_, starts := c.(provider.Starter)
	_, captures := c.(provider.Capturer)
	_, closes := c.(provider.Closer)
	_, refunds := c.(provider.Refunder)
	_, pays := c.(provider.Payer)
	_, inquires := c.(provider.Inquirer)
	var all []control.Operation
	for _, one := range []struct {
		operation control.Operation
		can       bool
	}{
		{control.Authorize, authorizes || starts}, {control.Capture, captures}, {control.Void, captures || closes}, {control.Refund, refunds},
		{control.Payout, pays}, {control.Inquiry, inquires || pays},
	} {
		if one.can {
			all = append(all, one.operation)
		}
	}
	return all
}

// maintainable tells what a provider account can be asked for, as maintenance windows name it.
func maintainable(accounts *provider.Accounts) func(ctx context.Context, tenant, account string) ([]health.Operation, error) {
	return func(ctx context.Context, tenant, account string) ([]health.Operation, error) {
		a, err := accounts.Get(ctx, tenant, account)
		return callsOf(connectors()[a.Provider]), err
	}
}

// callsOf are operationsOf, and the question who a cardholder is, of which there is no switch.
func callsOf(c provider.Connector) []health.Operation {
	var all []health.Operation
	for _, o := range operationsOf(c) {
		all = append(all, health.Operation(o))
	}
	if _, asks := c.(provider.Authenticator); asks {
		all = append(all, health.Authenticate)
	}
	return all
}

// recorded adds the audit record of what was done to a switch.
func recorded(s *stores, tenant string, did audit.Action) control.With {
	return func(c *db.Change, o control.Object) error {
		c.Add(audit.Operator.Record(s.ids, s.clock.Now(), tenant, did, o.ID, o.Told()).Row())
		return nil
	}
}

// Run throws a switch and prints its id.
func (k killSwitchOn) Run(ctx context.Context, c *console) error {
	if named := k.Operation + k.Account + k.Method + k.Country; k.All == (named != "") {
		return usagef("say what it covers, by --operation, --provider-account, --method or --country; or --everything")
	}
	return withControl(ctx, c, k.Storage, k.Of, func(s *stores, switches *control.Control) error {
		thrown := control.Switch{
			Merchant: k.Of.tenant(), Mode: control.Block, Reason: k.Reason, Actor: audit.Operator.Actor,
			Scope: control.Scope{Operation: control.Operation(k.Operation), Account: k.Account, Method: k.Method, Country: strings.ToUpper(k.Country)},
		}
		if k.Approve {
			thrown.Mode = control.Approve
		}
		for code, amount := range k.TwoAbove {
			thrown.TwoAbove = append(thrown.TwoAbove, control.Amount{Amount: amount, Currency: code})
		}
		if k.Expires != 0 {
			thrown.ExpiresAt = s.clock.Now().Add(k.Expires)
		}
		made, err := switches.Throw(ctx, thrown, recorded(s, thrown.Merchant, "kill_switch.created"))
		if err != nil {
			return err
		}
		return c.print(made, func(w io.Writer) { fmt.Fprintln(w, made.ID) })
	})
}

type killSwitchOff struct {
	Storage storage `embed:""`
	Of      whose   `embed:""`
	ID      string  `arg:"" help:"The switch, ks_…"`
}

func (killSwitchOff) Help() string {
	return "Example:\n\n    florin kill-switch off --database postgres://florin@db/florin ks_01jd9qk3v8m2x4r6t7w9y0a1b2"
}

// Run lifts a switch.
func (k killSwitchOff) Run(ctx context.Context, c *console) error {
	return withControl(ctx, c, k.Storage, k.Of, func(s *stores, switches *control.Control) error {
		tenant := k.Of.tenant()
		lifted, err := switches.Lift(ctx, tenant, k.ID, audit.Operator.Actor, recorded(s, tenant, "kill_switch.lifted"))
		if err != nil {
			return err
		}
		return c.print(lifted, func(w io.Writer) { fmt.Fprintln(w, lifted.ID) })
	})
}

type killSwitchList struct {
	Storage storage `embed:""`
	Of      whose   `embed:""`
}

func (killSwitchList) Help() string {
	return "Example:\n\n    florin kill-switch list --database postgres://florin@db/florin --merchant acct_shop --mode live"
}

// Run prints the switches that work now.
func (k killSwitchList) Run(ctx context.Context, c *console) error {
	return withControl(ctx, c, k.Storage, k.Of, func(_ *stores, switches *control.Control) error {
		on, err := switches.On(ctx, k.Of.tenant())
		if err != nil {
			return err
		}
		return c.print(map[string]any{"object": "list", "data": on}, func(w io.Writer) {
			fmt.Fprintln(w, "ID\tMODE\tSCOPE\tREASON\tEXPIRES")
			for _, o := range on {
				until := "never"
				if o.ExpiresAt != nil {
					until = o.ExpiresAt.Format(time.RFC3339)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.ID, o.Mode, o.Scope, o.Reason, until)
			}
		})
	})
}
