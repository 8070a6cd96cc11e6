package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
)

type auditGroup struct {
	List auditList `cmd:"" help:"List who changed what, newest first."`
}

type auditList struct {
	Storage       storage       `embed:""`
	Merchant      string        `help:"Account id of a merchant: what was done by it, to it, and to everybody. All merchants if not given." placeholder:"ACCT"`
	Mode          string        `help:"test or live, of the merchant. Both if not given." enum:",test,live" default:""`
	Actor         string        `help:"Only what this key did, or operator, or system." placeholder:"KEY"`
	Action        string        `help:"Only this action, such as kill_switch.created." placeholder:"ACTION"`
	Subject       string        `help:"Only what was done to this object." placeholder:"ID"`
	Since         time.Duration `help:"Only what was done since, such as 24h ago." placeholder:"TIME"`
	StartingAfter string        `help:"Only what is older than this entry: the next page." placeholder:"AUD"`
	Limit         int           `help:"How many." default:"50"`
}

func (auditList) Help() string {
	return "docs/audit.md tells of every action.\n\nExample:\n\n    florin audit list --database postgres://florin@db/florin --merchant acct_shop --mode live --since 24h\n" +
		"    florin audit list --database postgres://florin@db/florin --action kill_switch.created"
}

// mostAudited bounds a list: it is held whole.
const mostAudited = 10_000

// Validate refuses what could only find nothing.
func (l auditList) Validate() error {
	switch {
	case l.Limit < 1 || l.Limit > mostAudited:
		return fmt.Errorf("--limit is 1 to %d", mostAudited)
	case l.Mode != "" && l.Merchant == "":
		return errors.New("--mode is of a --merchant")
	case l.Action != "" && !audit.Action(l.Action).Known():
		return fmt.Errorf("--action %s: there is no such action", l.Action)
	case l.StartingAfter != "" && !id.Has(l.StartingAfter, id.Audit):
		return errors.New("--starting-after is an id that begins with aud_")
	case l.Since < 0:
		return errors.New("--since is a time back from now, such as 24h")
	}
	return nil
}

// auditShown is an entry as the operator sees it: with whose it is.
type auditShown struct {
	ID        string            `json:"id"`
	Object    string            `json:"object"`
	Merchant  *string           `json:"merchant"` // nil: every merchant
	Mode      *string           `json:"mode"`     // nil: both
	Action    audit.Action      `json:"action"`
	Actor     string            `json:"actor"`
	Subject   string            `json:"subject"`
	Details   map[string]string `json:"details"`
	RequestID *string           `json:"request_id"`
	CreatedAt time.Time         `json:"created_at"`
}

func showAudited(r audit.Record) auditShown {
	o := r.ObjectFor(r.Merchant)
	shown := auditShown{o.ID, o.Object, nil, nil, o.Action, o.Actor, o.Subject, o.Details, o.RequestID, o.CreatedAt}
	switch o.Concerns {
	case audit.OfAccount:
		shown.Merchant = &r.Merchant
	case audit.OfMode:
		account, live, _ := id.SplitTenant(r.Merchant)
		mode := map[bool]string{true: "live", false: "test"}[live]
		shown.Merchant, shown.Mode = &account, &mode
	}
	return shown
}

// find reads what is asked for.
func (l auditList) find(ctx context.Context, s *stores) ([]audit.Record, bool, error) {
	trail, f := audit.NewTrail(s.main), audit.Filter{Actor: l.Actor, Action: audit.Action(l.Action), Object: l.Subject}
	page := db.Page{Limit: l.Limit, StartingAfter: l.StartingAfter}
	if l.Since != 0 {
		page.CreatedFrom = s.clock.Now().Add(-l.Since)
	}
	if l.Merchant == "" {
		return trail.Everybodys(ctx, page, f)
	}
	if _, err := merchant.New(s.main, s.clock, s.ids).Get(ctx, l.Merchant); err != nil {
		return nil, false, err
	}
	if l.Mode == "" {
		return trail.OfAccount(ctx, l.Merchant, page, f)
	}
	return trail.List(ctx, id.Tenant(l.Merchant, l.Mode == "live"), page, f)
}

// Run prints the newest entries.
func (l auditList) Run(ctx context.Context, c *console) error {
	return withMain(ctx, c, l.Storage, func(s *stores, _ storage) error {
		found, more, err := l.find(ctx, s)
		if err != nil {
			return err
		}
		shown := make([]auditShown, len(found))
		for i, r := range found {
			shown[i] = showAudited(r)
		}
		return c.print(map[string]any{"object": "list", "data": shown, "has_more": more}, func(w io.Writer) {
			fmt.Fprintln(w, "CREATED\tENTRY\tWHOSE\tACTION\tACTOR\tSUBJECT\tDETAILS")
			for i, o := range shown {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.CreatedAt.UTC().Format(time.DateTime), o.ID, found[i].Merchant, o.Action, o.Actor, o.Subject, inWords(o.Details))
			}
		})
	})
}

// inWords is what changed, on one line: text by people may have any letter.
func inWords(details map[string]string) string {
	words := make([]string, 0, len(details))
	for _, name := range slices.Sorted(maps.Keys(details)) {
		words = append(words, fmt.Sprintf("%s=%q", name, details[name]))
	}
	return strings.Join(words, " ")
}
