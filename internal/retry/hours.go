package retry

import "github.com/florinpay/florin/internal/ppm"

// UsualHour is the hour of the day, UTC, at which a retry goes best where nothing was learned: the night's transfers and wages have come in.
const UsualHour = 8

const (
	hourLeast = 200 // fewer tries of a country say nothing
	hourPrior = 50  // an hour's rate counts as if it had so many tries more, that went like the others
)

// HourCount is how tries of one hour of the day, UTC, went at issuers of one country.
type HourCount struct {
	Country         string
	Hour            int
	Asked, Approved int64
}

// BestHours is the hour of the day, UTC, at which most is approved, by country. A country with few tries has none.
func BestHours(counts []HourCount) map[string]int {
	asked, approved := map[string]int64{}, map[string]int64{}
	for _, c := range counts {
		asked[c.Country] += c.Asked
		approved[c.Country] += c.Approved
	}
	best, rates := map[string]int{}, map[string]int64{}
	for _, c := range counts {
		if asked[c.Country] < hourLeast {
			continue
		}
		usual := approved[c.Country] * ppm.Whole / asked[c.Country]
		rate := (c.Approved*ppm.Whole + usual*hourPrior) / (c.Asked + hourPrior)
		if before, known := rates[c.Country]; !known || rate > before || rate == before && c.Hour < best[c.Country] {
			best[c.Country], rates[c.Country] = c.Hour, rate
		}
	}
	return best
}
