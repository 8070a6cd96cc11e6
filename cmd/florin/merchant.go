package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/merchant"
)

type merchantGroup struct {
	Create merchantCreate `cmd:"" help:"Add a merchant."`
	Update merchantUpdate `cmd:"" help:"Change a merchant's settings."`
}

type merchantCreate struct {
	Storage         storage          `embed:""`
	Name            string           `help:"Name of the merchant." required:""`
	ID              string           `help:"Account id, acct_ and letters or digits. Made if not given." placeholder:"ACCT" name:"id"`
	FeeBasisPoints  int64            `help:"Own fee, in hundredths of a percent of what is captured." default:"0"`
	SettlementDelay int64            `help:"Hours after a capture until its money can be paid out: 0 to 720." default:"48"`
	PayoutApproval  map[string]int64 `help:"Above which amount, in minor units of a currency, a payout waits for a second person. Once one is given, every payout in a currency that is not named waits." placeholder:"EUR=100000;..."`

	StatementDescriptor string `help:"What payers read on their statements where a payment does not say otherwise." placeholder:"TEXT"`
}

func (merchantCreate) Help() string {
	return "Example:\n\n    florin merchant create --database postgres://florin@db/florin --name 'Blue Bottle'"
}

// merchantShown is a merchant as commands print it.
type merchantShown struct {
	ID              string           `json:"id"`
	Object          string           `json:"object"`
	Name            string           `json:"name"`
	Version         string           `json:"version"`
	FeeBasisPoints  int64            `json:"fee_basis_points"`
	SettlementDelay int64            `json:"settlement_delay"` // hours
	CascadeTries    int64            `json:"cascade_tries"`
	PayoutApproval  map[string]int64 `json:"payout_approval,omitempty"`

	StatementDescriptor string `json:"statement_descriptor,omitempty"`

	Returns   map[string]merchant.Returns `json:"returns,omitempty"`
	Origins   []string                    `json:"origins"`
	Color     string                      `json:"color,omitempty"`
	CreatedAt time.Time                   `json:"created_at"`
}

func showMerchant(m merchant.Merchant) merchantShown {
	return merchantShown{
		ID: m.ID, Object: "merchant", Name: m.Name, Version: m.Version, FeeBasisPoints: m.FeeBasisPoints,
		SettlementDelay: m.SettlementDelay, CascadeTries: m.Tries(), PayoutApproval: m.PayoutApproval, Returns: m.Returns, StatementDescriptor: m.StatementDescriptor,
		Origins: append([]string{}, m.Origins...), Color: m.Color, CreatedAt: m.CreatedAt,
	}
}

// withMerchants opens what commands about merchants need.
func withMerchants(ctx context.Context, c *console, where storage, do func(*merchant.Store) error) error {
	return withMain(ctx, c, where, func(s *stores, _ storage) error { return do(merchant.New(s.main, s.clock, s.ids)) })
}

// Run adds a merchant and prints its id.
func (m merchantCreate) Run(ctx context.Context, c *console) error {
	return withMerchants(ctx, c, m.Storage, func(merchants *merchant.Store) error {
		made, err := merchants.Create(ctx, merchant.Merchant{ID: m.ID, Name: m.Name, FeeBasisPoints: m.FeeBasisPoints, SettlementDelay: m.SettlementDelay, PayoutApproval: m.PayoutApproval, StatementDescriptor: m.StatementDescriptor}, audit.Operator)
		if err != nil {
			return err
		}
		return c.print(showMerchant(made), func(w io.Writer) { fmt.Fprintln(w, made.ID) })
	})
}

type merchantUpdate struct {
	Storage             storage          `embed:""`
	Merchant            string           `help:"Account id of the merchant." placeholder:"ACCT" required:""`
	Name                *string          `help:"Name, as payers read it."`
	FeeBasisPoints      *int64           `help:"Own fee, in hundredths of a percent of what is captured."`
	Origin              []string         `help:"Where the merchant's pages are, such as https://shop.example: they may load the card fields, act in the browser, and be returned to. Replaces the origins it had." placeholder:"ORIGIN,..."`
	NoOrigins           bool             `help:"Take all origins away."`
	SettlementDelay     *int64           `help:"Hours after a capture until its money can be paid out: 0 to 720. What is available already stays available."`
	PayoutApproval      map[string]int64 `help:"Above which amount, in minor units of a currency, a payout waits for a second person. Replaces those it had. Once one is given, every payout in a currency that is not named waits." placeholder:"EUR=100000;..."`
	NoPayoutApproval    bool             `help:"No payout waits for a second person any more."`
	Returns             string           `help:"Returns policy, as JSON by method: for how many days, how much of a payment one person alone may refund, and for which reasons. Replaces the one it had." placeholder:"JSON"`
	NoReturns           bool             `help:"Take the returns policy away: everything may be refunded."`
	CascadeTries        *int64           `help:"How many provider accounts one request may try before it is declined: 1 to 5, 0 for the default, which is 3."`
	StatementDescriptor *string          `help:"What payers read on their statements where a payment does not say otherwise; empty for what the provider prints." placeholder:"TEXT"`
	Color               *string          `help:"Colour of the buttons on our pages, such as #2f5fd0; empty for ours." placeholder:"#RRGGBB"`
}

func (merchantUpdate) Help() string {
	return "What is not given stays. It holds for test and live mode, at once here and within a second in every other process.\n\n" +
		"Example:\n\n    florin merchant update --database postgres://florin@db/florin --merchant acct_shop --origin https://shop.example --color '#2f5fd0'\n" +
		`    florin merchant update --merchant acct_shop --returns '{"any":{"days":30,"alone":{"EUR":10000},"reasons":["damaged","late"]},"card":{"days":120}}'`
}

// Run changes what is given and prints the merchant as it is then.
func (m merchantUpdate) Run(ctx context.Context, c *console) error {
	if m.NoOrigins && len(m.Origin) > 0 {
		return usagef("--origin and --no-origins contradict each other")
	}
	if m.NoPayoutApproval && len(m.PayoutApproval) > 0 {
		return usagef("--payout-approval and --no-payout-approval contradict each other")
	}
	if m.NoReturns && m.Returns != "" {
		return usagef("--returns and --no-returns contradict each other")
	}
	returns, err := merchant.ParseReturns(m.Returns)
	if err != nil {
		return usagef("--returns: %w", err)
	}
	origins := make([]string, len(m.Origin))
	for i, text := range m.Origin {
		origin, err := merchant.ParseOrigin(text)
		if err != nil {
			return usagef("--origin %s: %w", text, err)
		}
		origins[i] = origin
	}
	return withMerchants(ctx, c, m.Storage, func(merchants *merchant.Store) error {
		is, err := merchants.Update(ctx, m.Merchant, audit.Operator, func(is merchant.Merchant) (merchant.Merchant, error) {
			is.Name, is.FeeBasisPoints, is.Color = given(m.Name, is.Name), given(m.FeeBasisPoints, is.FeeBasisPoints), given(m.Color, is.Color)
			is.StatementDescriptor = given(m.StatementDescriptor, is.StatementDescriptor)
			if len(origins) > 0 || m.NoOrigins {
				is.Origins = origins
			}
			is.SettlementDelay, is.CascadeTries = given(m.SettlementDelay, is.SettlementDelay), given(m.CascadeTries, is.CascadeTries)
			if len(m.PayoutApproval) > 0 || m.NoPayoutApproval {
				is.PayoutApproval = m.PayoutApproval
			}
			if m.Returns != "" || m.NoReturns {
				is.Returns = returns
			}
			return is, nil
		})
		if err != nil {
			return err
		}
		approval, policy, err := asText(is.PayoutApproval, is.Returns)
		if err != nil {
			return err
		}
		return c.print(showMerchant(is), func(w io.Writer) {
			fmt.Fprintf(w, "id\t%s\nname\t%s\nfee\t%d basis points\norigins\t%s\ncolor\t%s\nsettlement delay\t%d hours\n", is.ID, is.Name, is.FeeBasisPoints, strings.Join(is.Origins, " "), is.Color, is.SettlementDelay)
			fmt.Fprintf(w, "payout approval\t%s\nreturns\t%s\n", approval, policy)
		})
	})
}

// asText is what a merchant's people may do alone, as JSON: nothing where nothing is set.
func asText(approval map[string]int64, returns map[string]merchant.Returns) (payouts, refunds string, err error) {
	var text [2][]byte
	if len(approval) > 0 {
		text[0], err = json.Marshal(approval)
	}
	if err == nil && len(returns) > 0 {
		text[1], err = json.Marshal(returns)
	}
	return string(text[0]), string(text[1]), err
}

// given is what a flag was given, or what is there.
func given[T any](flag *T, is T) T {
	if flag == nil {
		return is
	}
	return *flag
}
