package payment

import (
	"context"
	"time"
)

// At which hour of the day issuers of a country are likely to say yes is learned from the tenant's own payments whose payers were not there.

const (
	hourKept   = time.Hour           // how long what was learned is used before it is learned anew
	hourSpan   = 30 * 24 * time.Hour // how far back is looked
	hourMost   = 100_000             // how many tries, the newest, are looked at
	hourLeast  = 200                 // fewer tries of a country say nothing
	hourPrior  = 50                  // an hour's rate counts as if it had so many tries more, that went like the others
	hourUsual  = 8                   // UTC, where nothing was learned: the night's transfers and wages have come in
	hourCached = 1000                // tenants
	ppm        = 1_000_000
)

// hourCount is how tries of one hour of the day went, at issuers of one country.
type hourCount struct {
	country         string
	hour            int
	asked, approved int64
}

// bestHours is the hour of the day, UTC, at which most is approved, by country. A country with few tries has none.
func bestHours(counts []hourCount) map[string]int {
	asked, approved := map[string]int64{}, map[string]int64{}
	for _, c := range counts {
		asked[c.country] += c.asked
		approved[c.country] += c.approved
	}
	best, rates := map[string]int{}, map[string]int64{}
	for _, c := range counts {
		if asked[c.country] < hourLeast {
			continue
		}
		usual := approved[c.country] * ppm / asked[c.country]
		rate := (c.approved*ppm + usual*hourPrior) / (c.asked + hourPrior)
		if before, known := rates[c.country]; !known || rate > before || rate == before && c.hour < best[c.country] {
			best[c.country], rates[c.country] = c.hour, rate
		}
	}
	return best
}

// bestHour is the hour of the day at which a payment of a tenant's is best tried again.
func (s *Service) bestHour(ctx context.Context, tenant, country string) int {
	hours, err := s.hours.Get(ctx, tenant, func(ctx context.Context) (map[string]int, error) {
		counts, err := s.store.hourCounts(ctx, tenant, s.Clock.Now().Add(-hourSpan))
		return bestHours(counts), err
	})
	if err != nil {
		s.Logger.Warn("the best hour for a retry is not known", "merchant_id", tenant, "error", err)
	}
	if hour, ok := hours[country]; ok {
		return hour
	}
	return hourUsual
}
