package bank

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What the calendars' keepers published: the ECB's TARGET closing days, the Federal Reserve's holiday schedule (days on a Saturday are
// in it, and close nothing), gov.uk's bank holidays in England and Wales.
func TestHolidaysAreThePublishedOnes(t *testing.T) {
	for _, c := range []struct {
		calendar Calendar
		year     int
		days     string
	}{
		{target, 2026, "01-01 04-03 04-06 05-01 12-25 12-26"},
		{target, 2027, "01-01 03-26 03-29 05-01 12-25 12-26"},
		{federalReserve, 2026, "01-01 01-19 02-16 05-25 06-19 07-04 09-07 10-12 11-11 11-26 12-25"},
		{federalReserve, 2027, "01-01 01-18 02-15 05-31 06-19 07-05 09-06 10-11 11-11 11-25 12-25"},
		{federalReserve, 2028, "01-01 01-17 02-21 05-29 06-19 07-04 09-04 10-09 11-11 11-23 12-25"},
		{federalReserve, 2023, "01-02 01-16 02-20 05-29 06-19 07-04 09-04 10-09 11-11 11-23 12-25"},
		{england, 2021, "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28"},
		{england, 2025, "01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26"},
		{england, 2026, "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28"},
		{england, 2027, "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28"},
		{england, 2028, "01-03 04-14 04-17 05-01 05-29 08-28 12-25 12-26"},
		{england, 2033, "01-03 04-15 04-18 05-02 05-30 08-29 12-26 12-27"}, // Christmas on a Sunday
	} {
		var days []string
		for _, h := range c.calendar.Holidays(c.year) {
			days = append(days, h.Day.Format("01-02"))
		}
		if got := strings.Join(days, " "); got != c.days {
			t.Errorf("%s %d:\n%s, want\n%s", c.calendar.Name, c.year, got, c.days)
		}
	}
}

// Source: United States Naval Observatory and the Church of England, tables of Easter; 1818, 2285 and 2038 are the earliest and latest days.
func TestEasterIsThePublishedOne(t *testing.T) {
	for _, day := range []string{
		"1818-03-22", "1943-04-25", "1961-04-02", "2000-04-23", "2008-03-23", "2011-04-24", "2019-04-21", "2024-03-31", "2025-04-20", "2026-04-05",
		"2027-03-28", "2028-04-16", "2029-04-01", "2030-04-21", "2038-04-25", "2049-04-18", "2076-04-19", "2285-03-22",
	} {
		want, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := Easter(want.Year()); !got.Equal(want) {
			t.Errorf("%s, want %s", got.Format(time.DateOnly), day)
		}
	}
	for year := 1583; year < 4100; year++ {
		e := Easter(year)
		if e.Weekday() != time.Sunday || e.Year() != year || e.Before(date(year, time.March, 22)) || e.After(date(year, time.April, 25)) {
			t.Errorf("%d: %s", year, e.Format(time.DateOnly))
		}
	}
}

func TestACalendarIsClosedOnWeekendsAndHolidays(t *testing.T) {
	for _, c := range []struct {
		calendar Calendar
		day      string
		open     bool
	}{
		{target, "2026-04-02", true}, {target, "2026-04-03", false}, {target, "2026-04-04", false}, {target, "2026-04-06", false},
		{target, "2026-04-07", true}, {target, "2026-07-04", false}, {target, "2026-07-06", true}, {target, "2026-11-26", true},
		{federalReserve, "2026-07-03", true}, {federalReserve, "2027-07-05", false}, {federalReserve, "2026-04-03", true},
		{federalReserve, "2027-12-31", true}, {federalReserve, "2026-11-26", false}, {federalReserve, "2026-11-27", true},
		{england, "2026-12-28", false}, {england, "2026-12-29", true},
		{both(target, federalReserve), "2026-04-06", false}, {both(target, federalReserve), "2026-11-26", false}, {both(target, federalReserve), "2026-11-27", true},
		{Calendar{}, "2026-12-25", true}, {Calendar{}, "2026-12-26", false},
	} {
		day, err := time.Parse(time.DateOnly, c.day)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.calendar.Open(day); got != c.open {
			t.Errorf("%s on %s: open %v", c.calendar.Name, c.day, got)
		}
	}
}

func TestASubstituteDayIsCalledOne(t *testing.T) {
	names := func(year int) (names []string) {
		for _, h := range england.Holidays(year) {
			names = append(names, h.Day.Format("01-02 ")+h.Name)
		}
		return names
	}
	if got := names(2033); !slices.Contains(got, "12-26 Boxing Day") || !slices.Contains(got, "12-27 Christmas Day (substitute day)") {
		t.Errorf("2033: %q", got)
	}
	if got := names(2027); !slices.Contains(got, "12-27 Christmas Day (substitute day)") || !slices.Contains(got, "12-28 Boxing Day (substitute day)") {
		t.Errorf("2027: %q", got)
	}
}
