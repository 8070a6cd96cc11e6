package retry

import "time"

// Smart is what a merchant asked of smart retries of one payment.
type Smart struct {
	Until    time.Time `json:"until"`
	MaxTries int64     `json:"max_tries"` // how often issuers may be asked in all
	Declined int64     `json:"declined"`  // how often they have said no
}

// Decline is what decides when one is followed by another try.
type Decline struct {
	Category string        // of the decline table
	Again    bool          // the table and the network let it be tried again by itself
	After    time.Duration // how long they say to wait
	Advised  bool          // the network said so itself: that counts in place of the schedule
}

// spacings are how long to wait after each decline of a category of the decline table. A category that is not here is not tried again. Past
// the end of the limits' the last repeats; of the others so many tries are enough.
var spacings = map[string][]time.Duration{
	"limits":    {24 * time.Hour, 3 * 24 * time.Hour, 5 * 24 * time.Hour, 7 * 24 * time.Hour},
	"transient": {time.Hour, 6 * time.Hour, 24 * time.Hour},
	"opaque":    {2 * 24 * time.Hour, 5 * 24 * time.Hour},
}

// repeats are the categories whose last spacing repeats: an account can be filled up any day.
var repeats = map[string]bool{"limits": true}

// alignFrom is how long a wait must be to be moved to the best hour of the day.
const alignFrom = 12 * time.Hour

// Next is when a payment that was declined is tried again; false if it is not. The decline is counted in s already. hour is the best one of the
// day, UTC.
func (s Smart) Next(d Decline, hour int, now time.Time) (time.Time, bool) {
	steps, known := spacings[d.Category]
	if !known || !d.Again || s.Declined >= s.MaxTries || s.Declined > int64(len(steps)) && !repeats[d.Category] {
		return time.Time{}, false
	}
	wait := d.After
	if step := steps[min(max(s.Declined, 1), int64(len(steps)))-1]; !d.Advised {
		wait = max(step, wait)
	}
	at := now.Add(wait)
	if at.After(s.Until) {
		return time.Time{}, false
	}
	if wait < alignFrom {
		return at, true
	}
	if best := atHour(at, hour); !best.After(s.Until) {
		at = best
	}
	return at, true
}

// atHour is the first moment not before at whose hour of the day, UTC, is hour.
func atHour(at time.Time, hour int) time.Time {
	at = at.UTC()
	if at.Hour() == hour {
		return at
	}
	best := time.Date(at.Year(), at.Month(), at.Day(), hour, 0, 0, 0, time.UTC)
	if best.Before(at) {
		best = best.AddDate(0, 0, 1)
	}
	return best
}
