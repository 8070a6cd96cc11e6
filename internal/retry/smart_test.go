package retry

import (
	"testing"
	"time"
)

func TestTheScheduleSaysWhenADeclineIsFollowedByATry(t *testing.T) {
	const day = 24 * time.Hour
	far := noon.Add(60 * day)
	limits, transient := Decline{Category: "limits", Again: true}, Decline{Category: "transient", Again: true, After: 2 * time.Hour}
	never, unknown, advised := limits, limits, limits
	never.Again, unknown.Category, advised.Advised, advised.After = false, "fraud", true, time.Hour
	for name, c := range map[string]struct {
		decline Decline
		asked   Smart
		want    time.Duration // negative: never
	}{
		"the first":                    {limits, Smart{Until: far, Declined: 1}, day + 20*time.Hour},
		"not counted yet":              {limits, Smart{Until: far}, day + 20*time.Hour},
		"the third":                    {limits, Smart{Until: far, Declined: 3}, 5*day + 20*time.Hour},
		"past the end":                 {limits, Smart{Until: far, Declined: 8}, 7*day + 20*time.Hour},
		"past the end of one that has": {transient, Smart{Until: far, Declined: 4}, -1},
		"the longer wait":              {transient, Smart{Until: far, Declined: 1}, 2 * time.Hour},
		"the network knows better":     {advised, Smart{Until: far, Declined: 1}, time.Hour},
		"no time for the best hour":    {limits, Smart{Until: noon.Add(day + time.Hour), Declined: 1}, day},
		"just in time for it":          {limits, Smart{Until: noon.Add(day + 20*time.Hour), Declined: 1}, day + 20*time.Hour},
		"no time":                      {limits, Smart{Until: noon.Add(day - 1), Declined: 1}, -1},
		"as often as asked for":        {limits, Smart{Until: far, Declined: 9}, -1},
		"never":                        {never, Smart{Until: far, Declined: 1}, -1},
		"no such category":             {unknown, Smart{Until: far, Declined: 1}, -1},
	} {
		c.asked.MaxTries = 9
		at, ok := c.asked.Next(c.decline, UsualHour, noon)
		if ok != (c.want >= 0) || ok && at.Sub(noon) != c.want {
			t.Errorf("%s: %v, %v; want %v", name, at.Sub(noon), ok, c.want)
		}
	}
	within := noon.Add(-4 * time.Hour).Add(30 * time.Minute) // half past the best hour
	if at, ok := (Smart{Until: far, MaxTries: 9, Declined: 1}).Next(limits, UsualHour, within); !ok || at.Sub(within) != day {
		t.Errorf("within the best hour: %v, %v", at, ok)
	}
}

func TestTheBestHourIsLearnedByCountry(t *testing.T) {
	best := BestHours([]HourCount{
		{"DE", 6, 200, 140}, {"DE", 14, 300, 240}, {"DE", 15, 3, 3}, // three in three is luck
		{"FR", 9, 10, 10}, // too few
		{"US", 3, 100, 50}, {"US", 1, 100, 50},
	})
	if len(best) != 2 || best["DE"] != 14 || best["US"] != 1 {
		t.Errorf("learned %v", best)
	}
}
