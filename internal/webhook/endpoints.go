package webhook

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/secret"
)

// Endpoints are the addresses that merchants want to hear at.
type Endpoints struct {
	DB           *db.DB
	Store        *event.Store
	Outbox       *event.Outbox
	Clock        clock.Clock
	IDs          *id.Source
	Random       io.Reader
	Sender       *Sender // makes the tries that somebody waits for
	AllowPrivate bool    // loopback and private networks: for development
	Mail         bool    // endpoints may be addresses for mail
}

// EndpointInput is what a merchant says of a new endpoint.
type EndpointInput struct {
	URL               string
	Events            []string // types, prefixes such as payment.*, or *
	Description       string
	Ordering          event.Ordering     // empty: none
	Concurrency       int64              // 0: event.DefaultConcurrency
	RateLimit         int64              // per second; 0: no limit
	Headers           map[string]string  // sent with each webhook
	ClientCertificate *ClientCertificate // nil: none
	Secret            secret.Text        // whsec_…; empty: one is made
	Metadata          map[string]string
}

// ClientCertificate is what an endpoint is shown that asks for it, both in PEM.
type ClientCertificate struct {
	Chain string // the endpoint's own certificate first
	Key   secret.Text
}

// With adds the caller's rows, such as an idempotency record with the answer, to the Change that makes or changes an
// endpoint.
type With func(c *db.Change, o event.EndpointObject) error

// Create makes an endpoint, enabled, and gives it back with its secret, which is never shown again.
// It fails with fault.Invalid, naming every wrong field, and with fault.Conflict at a hundred endpoints.
func (e *Endpoints) Create(ctx context.Context, tenant string, in EndpointInput, with With) (event.EndpointObject, error) {
	now := e.Clock.Now()
	in.Ordering, in.Concurrency = cmp.Or(in.Ordering, event.Unordered), cmp.Or(in.Concurrency, event.DefaultConcurrency)
	if err := e.check(in, now); err != nil {
		return event.EndpointObject{}, err
	}
	existing, err := e.Store.Endpoints(ctx, tenant)
	if err != nil {
		return event.EndpointObject{}, fmt.Errorf("list endpoints: %w", err)
	}
	if len(existing) >= event.MaxEndpoints {
		return event.EndpointObject{}, event.ErrTooManyEndpoints
	}
	signing, err := e.secret(in.Secret)
	if err != nil {
		return event.EndpointObject{}, err
	}
	made := event.Endpoint{
		Merchant: tenant, ID: e.IDs.New(id.Endpoint), URL: in.URL, Filters: in.Events, Status: event.Enabled,
		Description: in.Description, Ordering: in.Ordering, Concurrency: in.Concurrency, RateLimit: in.RateLimit, Headers: hide(in.Headers),
		Secrets: []event.SigningSecret{{Secret: signing, CreatedAt: now}}, Metadata: in.Metadata, CreatedAt: now,
	}
	if in.ClientCertificate != nil {
		made.Certificate, made.CertificateKey = in.ClientCertificate.Chain, in.ClientCertificate.Key
	}
	rows, err := e.Store.EndpointRows(made)
	if err != nil {
		return event.EndpointObject{}, err
	}
	object := event.Standing{Endpoint: made}.Object(now)
	object.Secret = signing.Reveal()
	return object, e.commit(ctx, db.NewChange(tenant, rows...), object, with)
}

// secret is the one that a merchant brings, or a new one.
func (e *Endpoints) secret(brought secret.Text) (secret.Text, error) {
	if !brought.Empty() {
		return brought, nil
	}
	return NewSecret(e.Random)
}

// Get is an endpoint; fault.NotFound if there is none.
func (e *Endpoints) Get(ctx context.Context, tenant, endpoint string) (event.EndpointObject, error) {
	found, err := e.Store.Standing(ctx, tenant, endpoint)
	if err != nil {
		return event.EndpointObject{}, err
	}
	return found.Object(e.Clock.Now()), nil
}

// List is every endpoint of a tenant, newest first.
func (e *Endpoints) List(ctx context.Context, tenant string) ([]event.EndpointObject, error) {
	found, err := e.Store.Standings(ctx, tenant)
	if err != nil {
		return nil, err
	}
	objects := make([]event.EndpointObject, 0, len(found))
	for i := len(found) - 1; i >= 0; i-- {
		objects = append(objects, found[i].Object(e.Clock.Now()))
	}
	return objects, nil
}

// Enable has an endpoint sent to, and sends what it has missed meanwhile. One that is enabled is given another chance at once.
func (e *Endpoints) Enable(ctx context.Context, tenant, endpoint string, with With) (event.EndpointObject, error) {
	return e.change(ctx, tenant, endpoint, with, func(s *event.Standing, c *db.Change, now time.Time) error {
		e.enable(s, c, now)
		return nil
	})
}

func (e *Endpoints) enable(s *event.Standing, c *db.Change, now time.Time) {
	since := now
	for _, begun := range []time.Time{s.DisabledAt, s.Lane.FailingSince, s.OldestPending} {
		if !begun.IsZero() && begun.Before(since) {
			since = begun
		}
	}
	c.Add(event.RecoveryRow(e.recovery(s.Endpoint, event.Resend, since, now)))
	s.Status, s.DisabledReason, s.DisabledAt, s.Lane = event.Enabled, "", time.Time{}, s.Lane.Cleared()
}

// Disable stops sending to an endpoint. What happens from now on waits for it.
func (e *Endpoints) Disable(ctx context.Context, tenant, endpoint string, with With) (event.EndpointObject, error) {
	return e.change(ctx, tenant, endpoint, with, func(s *event.Standing, _ *db.Change, now time.Time) error {
		disable(s, now)
		return nil
	})
}

func disable(s *event.Standing, now time.Time) {
	if s.Status == event.Enabled {
		s.Status, s.DisabledReason, s.DisabledAt, s.Lane.Paused = event.Disabled, event.DisabledByMerchant, now, true
	}
}

// Delete takes an endpoint away. Deliveries that wait for it are given up.
func (e *Endpoints) Delete(ctx context.Context, tenant, endpoint string, with With) error {
	_, err := e.change(ctx, tenant, endpoint, with, func(s *event.Standing, c *db.Change, now time.Time) error {
		s.Status, s.DisabledReason, s.Lane.Paused = event.Deleted, "", true
		c.Add(event.RecoveryRow(e.recovery(s.Endpoint, event.GiveUp, s.CreatedAt, now)))
		return nil
	})
	return err
}

// changeTries is how often a change is decided anew because the rows it was decided from changed meanwhile.
const changeTries = 8

// change reads an endpoint and its lane, has them changed, and writes the endpoint, and the lane if it is another one now: who
// sends in it takes a change for word that the endpoint was mended.
func (e *Endpoints) change(ctx context.Context, tenant, endpoint string, with With,
	decide func(s *event.Standing, c *db.Change, now time.Time) error) (event.EndpointObject, error) {
	for try := 1; ; try++ {
		s, err := e.Store.Standing(ctx, tenant, endpoint)
		if err != nil {
			return event.EndpointObject{}, err
		}
		now, lane := e.Clock.Now(), s.Lane
		c := db.NewChange(tenant)
		if err := decide(&s, c, now); err != nil {
			return event.EndpointObject{}, err
		}
		row, err := e.Store.EndpointUpdate(s.Endpoint)
		if err != nil {
			return event.EndpointObject{}, err
		}
		c.Add(row)
		if s.Lane != lane {
			c.Add(event.LaneUpdate(s.Lane))
		}
		object := s.Object(now)
		err = e.commit(ctx, c, object, with)
		if err == nil || !fault.Is(err, fault.Stale) || try == changeTries {
			return object, err
		}
	}
}

// recovery is a new recovery of an endpoint, due now.
func (e *Endpoints) recovery(of event.Endpoint, kind event.RecoveryKind, since, now time.Time) event.Recovery {
	return event.Recovery{
		Merchant: of.Merchant, ID: e.IDs.New(id.Recovery), Endpoint: of.ID, Kind: kind, Filters: of.Filters,
		States: []event.DeliveryState{event.DeliveryPending, event.DeliveryFailed}, Since: since, Until: now.Add(time.Millisecond), DueAt: now, CreatedAt: now,
	}
}

func (e *Endpoints) commit(ctx context.Context, c *db.Change, o event.EndpointObject, with With) error {
	if err := with(c, o); err != nil {
		return err
	}
	if err := e.DB.Commit(ctx, c); err != nil {
		return fmt.Errorf("write endpoint %s: %w", o.ID, err)
	}
	e.Outbox.Forget(c.Merchant())
	e.Outbox.Committed(c)
	return nil
}
