package webhook

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/secret"
)

const (
	// MaxOverlap is how long an old secret may sign beside a new one; DefaultOverlap is how long it does if nobody says otherwise.
	MaxOverlap     = 7 * 24 * time.Hour
	DefaultOverlap = 24 * time.Hour
	// maxSecrets is how many secrets of an endpoint may sign at once: each adds a signature to every webhook.
	maxSecrets = 3
)

// Rotation replaces the secret of an endpoint.
type Rotation struct {
	Overlap time.Duration // how long older secrets sign at most; 0: they end at once
	Secret  secret.Text   // whsec_…; empty: one is made
}

// RotateSecret gives an endpoint a new secret, which signs from now on beside the older ones until their time is over. It gives the
// endpoint back with the new secret, which is never shown again. It fails with fault.Invalid, and with fault.Conflict where one more
// would make too many that sign.
func (e *Endpoints) RotateSecret(ctx context.Context, tenant, endpoint string, r Rotation, with With) (event.EndpointObject, error) {
	if err := r.check(); err != nil {
		return event.EndpointObject{}, err
	}
	fresh, err := e.secret(r.Secret)
	if err != nil {
		return event.EndpointObject{}, err
	}
	show := func(c *db.Change, o event.EndpointObject) error {
		o.Secret = fresh.Reveal()
		return with(c, o)
	}
	rotated, err := e.change(ctx, tenant, endpoint, show, func(s *event.Standing, _ *db.Change, now time.Time) error {
		s.Secrets, err = rotate(s.Secrets, fresh, r.Overlap, now)
		return err
	})
	rotated.Secret = fresh.Reveal()
	return rotated, err
}

func (r Rotation) check() error {
	var wrong fault.Collect
	if r.Overlap < 0 || r.Overlap > MaxOverlap {
		wrong.Add("expire_old_after", fault.CodeInvalid, "must be from 0 to 604800 seconds, which are 7 days")
	}
	if detail := CheckSecret(r.Secret.Reveal()); !r.Secret.Empty() && detail != "" {
		wrong.Add("secret", fault.CodeInvalid, detail)
	}
	return wrong.Err()
}

// rotate puts a fresh secret before those that still sign. They end after the overlap, or earlier if they were to.
func rotate(secrets []event.SigningSecret, fresh secret.Text, overlap time.Duration, now time.Time) ([]event.SigningSecret, error) {
	next := []event.SigningSecret{{Secret: fresh, CreatedAt: now}}
	end := now.Add(overlap)
	for _, old := range secrets {
		if !old.ExpiresAt.IsZero() && !now.Before(old.ExpiresAt) {
			continue
		}
		if old.Secret.Equal(fresh) {
			return nil, fault.Wrong("secret", fault.CodeInvalid, "signs already: a new secret must be another one")
		}
		if old.ExpiresAt.IsZero() || old.ExpiresAt.After(end) {
			old.ExpiresAt = end
		}
		if now.Before(old.ExpiresAt) {
			next = append(next, old)
		}
	}
	if len(next) > maxSecrets {
		return nil, fault.State("three secrets sign already: wait until one has expired, or end them all by expire_old_after 0")
	}
	return next, nil
}
