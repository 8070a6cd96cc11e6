package webhook

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

// EndpointChange is what is to become otherwise with an endpoint. What is nil stays. The URL stays always: what listens elsewhere
// is another endpoint, with a secret of its own.
type EndpointChange struct {
	Status            *event.EndpointStatus // enabled or disabled, as by Enable and Disable
	Events            []string
	Description       *string
	Ordering          *event.Ordering    // of what happens from now on
	Concurrency       *int64             // the sender follows within a second
	RateLimit         *int64             // likewise
	Headers           map[string]string  // replace all; empty: there are none any more
	ClientCertificate *ClientCertificate // the zero value takes it away
	Metadata          map[string]string  // replaces all
}

// Update changes an endpoint. It fails with fault.Invalid, naming every wrong field.
func (e *Endpoints) Update(ctx context.Context, tenant, endpoint string, change EndpointChange, with With) (event.EndpointObject, error) {
	return e.change(ctx, tenant, endpoint, with, func(s *event.Standing, c *db.Change, now time.Time) error {
		if err := change.apply(&s.Endpoint, now); err != nil {
			return err
		}
		if change.Status != nil && *change.Status == event.Enabled {
			e.enable(s, c, now)
		} else if change.Status != nil {
			disable(s, now)
		}
		return nil
	})
}

// apply sets what is given, but for the status, and says all that is wrong. What stays is not held against the rules again: a
// certificate that expired meanwhile is no reason to refuse another description.
func (change EndpointChange) apply(to *event.Endpoint, now time.Time) error {
	var wrong fault.Collect
	if change.Status != nil && *change.Status != event.Enabled && *change.Status != event.Disabled {
		wrong.Add("status", fault.CodeInvalid, "must be enabled or disabled")
	}
	if change.Events != nil {
		to.Filters = change.Events
		checkFilters(&wrong, to.Filters)
	}
	set(&to.Description, change.Description)
	set(&to.Ordering, change.Ordering)
	checkOrdering(&wrong, to.Ordering)
	set(&to.Concurrency, change.Concurrency)
	set(&to.RateLimit, change.RateLimit)
	checkPace(&wrong, to.Concurrency, to.RateLimit)
	if change.Headers != nil {
		to.Headers = hide(change.Headers)
		checkOwnHeaders(&wrong, to.URL, change.Headers)
	}
	if own := change.ClientCertificate; own != nil {
		to.Certificate, to.CertificateKey = own.Chain, own.Key
		if own.Chain != "" || !own.Key.Empty() {
			checkOwnCertificate(&wrong, to.URL, *own, now)
		}
	}
	if change.Metadata != nil {
		to.Metadata = change.Metadata
	}
	return wrong.Err()
}

// set is what is given, if anything is.
func set[T any](to, given *T) {
	if given != nil {
		*to = *given
	}
}
