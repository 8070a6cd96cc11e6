package bank

import "time"

// Estimate is when money that a rail takes now reaches the payee: not before earliest, and by latest if nothing goes wrong. Both are in UTC and
// neither is before now. Cut-offs, weekends, holidays and the change of clocks are those of the rail's own place.
func Estimate(r Rail, now time.Time) (earliest, latest time.Time) {
	day := r.Hours.day(now)
	earliest, latest = r.arrival(r.Earliest, day, now), r.arrival(r.Latest, day, now)
	if latest.Before(earliest) {
		latest = earliest
	}
	return earliest, latest
}

// arrival is the moment for a payment that is of a day and is taken now.
func (r Rail) arrival(a Arrival, day, now time.Time) time.Time {
	soonest := now.UTC().Add(a.After)
	if r.Hours.RoundTheClock() || a.Days == 0 && a.At == 0 {
		return soonest
	}
	for range a.Days {
		day = r.Hours.openFrom(day.AddDate(0, 0, 1))
	}
	at := onTheClock(day, a.At, r.Hours.Zone).UTC()
	if at.Before(soonest) {
		return soonest
	}
	return at
}

// day is the open day that a payment taken now is of, at midnight UTC.
func (h Hours) day(now time.Time) time.Time {
	if h.RoundTheClock() {
		return now
	}
	local := now.In(h.Zone)
	today := date(local.Year(), local.Month(), local.Day())
	if !now.Before(onTheClock(today, h.CutOff, h.Zone)) {
		today = today.AddDate(0, 0, 1)
	}
	return h.openFrom(today)
}

// openFrom is the first open day on or after a day.
func (h Hours) openFrom(day time.Time) time.Time {
	for !h.Calendar.Open(day) {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// onTheClock is when the clocks of a zone show so long after midnight on a day: on a day of 23 or 25 hours too.
func onTheClock(day time.Time, since time.Duration, zone *time.Location) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, int(since/time.Minute), 0, 0, zone)
}
