package bank

import (
	"slices"
	"time"
	_ "time/tzdata" // a cut-off must not depend on what is installed
)

// Holiday is a day on which a calendar is closed, at midnight UTC.
type Holiday struct {
	Day  time.Time
	Name string
}

// Calendar says on which days a clearing is open: Monday to Friday without its holidays. The zero value has no holidays.
//
// Holidays are computed by the rules as they are in 2026, for any year. A day that a government proclaims for one year only is not among them.
type Calendar struct {
	Name     string
	holidays func(year int) []Holiday
}

// Holidays are the holidays that lie in a year, in their order; those on a Saturday or Sunday too, if the calendar lists them.
func (c Calendar) Holidays(year int) []Holiday {
	if c.holidays == nil {
		return nil
	}
	days := c.holidays(year)
	slices.SortFunc(days, func(a, b Holiday) int { return a.Day.Compare(b.Day) })
	return days
}

// Open tells whether the clearing works on the day that t shows in its own zone.
func (c Calendar) Open(t time.Time) bool {
	if w := t.Weekday(); w == time.Saturday || w == time.Sunday {
		return false
	}
	day := date(t.Year(), t.Month(), t.Day())
	return !slices.ContainsFunc(c.Holidays(day.Year()), func(h Holiday) bool { return h.Day.Equal(day) })
}

// both is open when both calendars are.
func both(a, b Calendar) Calendar {
	return Calendar{a.Name + "+" + b.Name, func(year int) []Holiday { return append(a.Holidays(year), b.Holidays(year)...) }}
}

// target is the calendar of T2, TIPS' settlement and STEP2. Source: ECB, TARGET closing days, the same since 2002.
var target = Calendar{"target", func(year int) []Holiday {
	easter := Easter(year)
	return []Holiday{
		{date(year, time.January, 1), "New Year's Day"},
		{easter.AddDate(0, 0, -2), "Good Friday"},
		{easter.AddDate(0, 0, 1), "Easter Monday"},
		{date(year, time.May, 1), "Labour Day"},
		{date(year, time.December, 25), "Christmas Day"},
		{date(year, time.December, 26), "Christmas Holiday"},
	}
}}

// federalReserve is the calendar of the Federal Reserve Banks, and so of FedACH. A holiday on a Sunday is kept on the Monday after it; one on
// a Saturday is not kept on another day. Source: Board of Governors of the Federal Reserve System, holiday schedule.
var federalReserve = Calendar{"federal_reserve", func(year int) []Holiday {
	observed := func(month time.Month, day int) time.Time {
		d := date(year, month, day)
		if d.Weekday() == time.Sunday {
			return d.AddDate(0, 0, 1)
		}
		return d
	}
	return []Holiday{
		{observed(time.January, 1), "New Year's Day"},
		{nth(3, time.Monday, year, time.January), "Birthday of Martin Luther King, Jr."},
		{nth(3, time.Monday, year, time.February), "Washington's Birthday"},
		{last(time.Monday, year, time.May), "Memorial Day"},
		{observed(time.June, 19), "Juneteenth National Independence Day"},
		{observed(time.July, 4), "Independence Day"},
		{nth(1, time.Monday, year, time.September), "Labor Day"},
		{nth(2, time.Monday, year, time.October), "Columbus Day"},
		{observed(time.November, 11), "Veterans Day"},
		{nth(4, time.Thursday, year, time.November), "Thanksgiving Day"},
		{observed(time.December, 25), "Christmas Day"},
	}
}}

// england is the calendar of bank holidays in England and Wales, which Bacs keeps. A fixed one on a Saturday or Sunday is kept on the next
// weekday that is none already. Source: Banking and Financial Dealings Act 1971, schedule 1, and the yearly proclamations; gov.uk.
var england = Calendar{"england", func(year int) []Holiday {
	easter := Easter(year)
	days := []Holiday{
		{easter.AddDate(0, 0, -2), "Good Friday"},
		{easter.AddDate(0, 0, 1), "Easter Monday"},
		{nth(1, time.Monday, year, time.May), "Early May bank holiday"},
		{last(time.Monday, year, time.May), "Spring bank holiday"},
		{last(time.Monday, year, time.August), "Summer bank holiday"},
	}
	fixed := []Holiday{
		{date(year, time.January, 1), "New Year's Day"},
		{date(year, time.December, 25), "Christmas Day"},
		{date(year, time.December, 26), "Boxing Day"},
	}
	// Who has a weekday keeps it: in a year when Christmas is a Sunday, Boxing Day is the Monday and Christmas is kept on the Tuesday.
	for _, h := range fixed {
		if !weekend(h.Day) {
			days = append(days, h)
		}
	}
	for _, h := range fixed {
		if weekend(h.Day) {
			for weekend(h.Day) || slices.ContainsFunc(days, func(taken Holiday) bool { return taken.Day.Equal(h.Day) }) {
				h.Day = h.Day.AddDate(0, 0, 1)
			}
			days = append(days, Holiday{h.Day, h.Name + " (substitute day)"})
		}
	}
	return days
}}

// Easter is Easter Sunday of the Gregorian calendar, at midnight UTC. Source: the anonymous algorithm of Nature, 20 April 1876, as in Meeus,
// Astronomical Algorithms, chapter 8.
func Easter(year int) time.Time {
	golden, century, inCentury := year%19, year/100, year%100
	correction := (century - (century+8)/25 + 1) / 3
	moon := (19*golden + century - century/4 - correction + 15) % 30
	weekday := (32 + 2*(century%4) + 2*(inCentury/4) - moon - inCentury%4) % 7
	late := (golden + 11*moon + 22*weekday) / 451
	n := moon + weekday - 7*late + 114
	return date(year, time.Month(n/31), n%31+1)
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func weekend(day time.Time) bool {
	return day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
}

// nth is the nth such weekday of a month, from 1.
func nth(n int, weekday time.Weekday, year int, month time.Month) time.Time {
	first := date(year, month, 1)
	return first.AddDate(0, 0, (int(weekday-first.Weekday())+7)%7+7*(n-1))
}

// last is the last such weekday of a month.
func last(weekday time.Weekday, year int, month time.Month) time.Time {
	end := date(year, month+1, 0)
	return end.AddDate(0, 0, -(int(end.Weekday()-weekday)+7)%7)
}

// zone is a time zone of the tz database. It panics if there is none of the name: the names are in this package.
func zone(name string) *time.Location {
	place, err := time.LoadLocation(name)
	if err != nil {
		panic("bank: " + err.Error())
	}
	return place
}
