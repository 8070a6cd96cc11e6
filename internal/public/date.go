package public

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// dates is how a language writes days. Source: CLDR, the long date of the Gregorian calendar.
type dates struct {
	Pattern string   `json:"pattern"` // with {day}, {month} and {year}
	Months  []string `json:"months"`
}

func (d dates) check() error {
	for _, part := range []string{"{day}", "{month}", "{year}"} {
		if !strings.Contains(d.Pattern, part) || len(d.Months) != 12 {
			return errors.New("no way to write a day")
		}
	}
	return nil
}

// date writes a day, as it is in UTC: 6 December 2026, 6. Dezember 2026.
func (l *language) date(t time.Time) string {
	t = t.UTC()
	return strings.NewReplacer("{day}", strconv.Itoa(t.Day()), "{month}", l.Dates.Months[t.Month()-1], "{year}", strconv.Itoa(t.Year())).Replace(l.Dates.Pattern)
}
