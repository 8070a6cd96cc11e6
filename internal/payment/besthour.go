package payment

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/retry"
)

// At which hour of the day issuers of a country are likely to say yes is learned from the tenant's own payments whose payers were not there.

const (
	hourKept   = time.Hour           // how long what was learned is used before it is learned anew
	hourSpan   = 30 * 24 * time.Hour // how far back is looked
	hourMost   = 100_000             // how many tries, the newest, are looked at
	hourCached = 1000                // tenants
)

// bestHour is the hour of the day at which a payment of a tenant's is best tried again.
func (s *Service) bestHour(ctx context.Context, tenant, country string) int {
	hours, err := s.hours.Get(ctx, tenant, func(ctx context.Context) (map[string]int, error) {
		counts, err := s.store.hourCounts(ctx, tenant, s.Clock.Now().Add(-hourSpan))
		return retry.BestHours(counts), err
	})
	if err != nil {
		s.Logger.Warn("the best hour for a retry is not known", "merchant_id", tenant, "error", err)
	}
	if hour, ok := hours[country]; ok {
		return hour
	}
	return retry.UsualHour
}
