package webhook

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema is the tables of inbound messages.
var Schema = db.Schema{Package: "webhook", Migrations: migrations, Tables: []*db.Table{inboundTable}}

// Accounts finds a tenant's contract with a provider; fault.NotFound if there is none.
type Accounts interface {
	Get(ctx context.Context, tenant, account string) (provider.Account, error)
}

// Payments applies what a provider says of a payment.
type Payments interface {
	Notify(ctx context.Context, account provider.Account, n provider.Notification, with func(c *db.Change, v payment.Verdict, detail string)) error
}

// Receiver takes providers' webhooks.
type Receiver struct {
	DB        *db.DB
	Accounts  Accounts
	Providers provider.Registry
	Payments  Payments
	Clock     clock.Clock
}

// Receive verifies a provider's message, records it once and applies it, in one Change. A message that was heard before
// is counted and harmless. What it does not understand, or cannot match, it keeps.
//
// It fails with fault.NotFound if the account has no such provider account in either mode, with fault.Unauthorized if
// the signature is wrong, and with fault.Malformed if the message cannot be read.
func (r *Receiver) Receive(ctx context.Context, account, providerAccount string, h http.Header, body []byte) error {
	to, err := r.account(ctx, account, providerAccount)
	if err != nil {
		return err
	}
	reader, err := provider.Lookup[provider.WebhookReader](r.Providers, to.Provider)
	if err != nil {
		return fault.Missing("webhook address")
	}
	n, err := reader.ReadWebhook(to, h, body, r.Clock.Now())
	if err != nil {
		return err
	}
	if n.EventID == "" {
		return fmt.Errorf("a webhook of %s has no id: all such would count as one", to.ID) // a mistake in the connector
	}
	message := inbound{
		Merchant: to.Merchant, Account: to.ID, Event: n.EventID, Type: n.Type, Body: body, CreatedAt: r.Clock.Now(),
	}
	err = r.Payments.Notify(ctx, to, n, func(c *db.Change, v payment.Verdict, detail string) {
		m := message
		m.Verdict, m.Detail = v, detail
		c.Add(m.row())
	})
	var taken *db.Conflict
	if errors.As(err, &taken) && taken.Kind == fault.Exists && taken.Table == inboundTable.Name {
		return r.duplicate(ctx, message)
	}
	if err != nil {
		return fmt.Errorf("apply %s of %s: %w", n.EventID, to.ID, err)
	}
	return nil
}

// account finds the provider account in whichever mode it is: its name is unique over both.
func (r *Receiver) account(ctx context.Context, account, providerAccount string) (provider.Account, error) {
	for _, live := range []bool{true, false} {
		found, err := r.Accounts.Get(ctx, id.Tenant(account, live), providerAccount)
		if !fault.Is(err, fault.NotFound) {
			return found, err
		}
	}
	return provider.Account{}, fault.Missing("webhook address")
}

// duplicate counts a message that was recorded already.
func (r *Receiver) duplicate(ctx context.Context, m inbound) error {
	known, err := r.find(ctx, m)
	if err != nil {
		return err
	}
	known.Duplicates++
	err = r.DB.Commit(ctx, db.NewChange(known.Merchant, known.row()))
	if fault.Is(err, fault.Stale) {
		return nil // another copy is being counted at the same time; one more or less is no matter
	}
	return err
}
