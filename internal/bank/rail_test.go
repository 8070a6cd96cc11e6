package bank

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

func railOf(t *testing.T, name RailName) Rail {
	t.Helper()
	r, ok := RailNamed(name)
	if !ok {
		t.Fatalf("no rail %s", name)
	}
	return r
}

func TestRailsCarryAmountsWithinTheirLimits(t *testing.T) {
	for _, c := range []struct {
		rail     RailName
		minor    int64
		currency string
		code     string // empty: carried
	}{
		{SEPACredit, 0, "EUR", fault.CodeAmountTooSmall},
		{SEPACredit, -1, "EUR", fault.CodeAmountTooSmall},
		{SEPACredit, 1, "EUR", ""},
		{SEPACredit, 99_999_999_999, "EUR", ""},
		{SEPACredit, 100_000_000_000, "EUR", fault.CodeAmountTooLarge},
		{SEPACredit, 100, "USD", fault.CodeCurrency},
		{SEPAInstant, 10_000_001, "EUR", ""}, // 100,000.01: the old limit is gone
		{ACH, 9_999_999_999, "USD", ""},
		{ACH, 10_000_000_000, "USD", fault.CodeAmountTooLarge},
		{FPS, 100_000_000, "GBP", ""},
		{FPS, 100_000_001, "GBP", fault.CodeAmountTooLarge},
		{Bacs, 100_000_001, "GBP", ""},
		{Bacs, 2_000_000_001, "GBP", fault.CodeAmountTooLarge},
		{NPP, 1 << 60, "AUD", ""},
		{Pix, 1, "BRL", ""},
		{UPI, 99, "INR", fault.CodeAmountTooSmall},
		{UPI, 10_000_000, "INR", ""},
		{UPI, 10_000_001, "INR", fault.CodeAmountTooLarge},
		{FPX, 99, "MYR", fault.CodeAmountTooSmall},
		{FPX, 3_000_001, "MYR", fault.CodeAmountTooLarge},
		{CardPush, 5_000_000, "USD", ""},
		{CardPush, 5_000_001, "USD", fault.CodeAmountTooLarge},
		{CardPush, 5_000_001, "EUR", ""},
		{CardPush, 100, "JPY", fault.CodeCurrency},
	} {
		currency, err := money.ParseCurrency(c.currency)
		if err != nil {
			t.Fatal(err)
		}
		err = railOf(t, c.rail).Check(money.Of(c.minor, currency))
		var e *fault.Error
		if got := errors.As(err, &e); got != (c.code != "") || got && (e.Code != c.code || e.Kind != fault.Invalid) {
			t.Errorf("%s %d %s: %v, want %q", c.rail, c.minor, c.currency, err, c.code)
		}
	}
}

func TestEveryRailIsWhole(t *testing.T) {
	for _, r := range Rails() {
		if got := railOf(t, r.Name); got.Name != r.Name || len(r.Limits) == 0 {
			t.Errorf("%s: %+v", r.Name, r)
		}
		for _, l := range r.Limits {
			if _, err := money.ParseCurrency(l.Currency); err != nil || l.Min < 1 || l.Max != 0 && l.Max < l.Min {
				t.Errorf("%s: %+v, %v", r.Name, l, err)
			}
		}
		if r.Hours.RoundTheClock() && (r.Latest.Days > 0 || r.Latest.At > 0 || r.Latest.After == 0) {
			t.Errorf("%s has no hours and counts days", r.Name)
		}
	}
	if _, ok := RailNamed("carrier_pigeon"); ok {
		t.Error("a rail that does not exist")
	}
}

func TestRailsCannotBeChangedFromOutside(t *testing.T) {
	r := railOf(t, FPS)
	r.Limits[0].Max = 1
	if railOf(t, FPS).Limits[0].Max == 1 {
		t.Error("the table was changed")
	}
}

func TestAnIBANIsReachedByTheRailsOfItsCountry(t *testing.T) {
	for text, want := range map[string][]RailName{
		"DE89370400440532013000":   {SEPAInstant, SEPACredit},
		"GB29NWBK60161331926819":   {FPS, Bacs, SEPAInstant, SEPACredit},
		"CH9300762011623852957":    {SEPAInstant, SEPACredit},
		"SA0380000000608010167519": nil,
	} {
		iban, err := ParseIBAN(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := iban.Rails(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestEstimatesKeepCutOffsWeekendsHolidaysAndClocks(t *testing.T) {
	for _, c := range []struct {
		why, now         string
		rail             RailName
		earliest, latest string
	}{
		{"before it opens", "2026-03-04T06:00:00+01:00", SEPACredit, "2026-03-04T09:00:00+01:00", "2026-03-05T18:00:00+01:00"},
		{"on a day", "2026-03-04T10:00:00+01:00", SEPACredit, "2026-03-04T11:00:00+01:00", "2026-03-05T18:00:00+01:00"},
		{"just before the cut-off", "2026-03-04T15:59:59.999999+01:00", SEPACredit, "2026-03-04T16:59:59.999999+01:00", "2026-03-05T18:00:00+01:00"},
		{"at the cut-off", "2026-03-04T16:00:00+01:00", SEPACredit, "2026-03-05T09:00:00+01:00", "2026-03-06T18:00:00+01:00"},
		{"asked from elsewhere", "2026-03-04T10:00:00-05:00", SEPACredit, "2026-03-05T09:00:00+01:00", "2026-03-06T18:00:00+01:00"},
		{"on a Friday in time", "2026-03-06T12:00:00+01:00", SEPACredit, "2026-03-06T13:00:00+01:00", "2026-03-09T18:00:00+01:00"},
		{"on a Friday too late", "2026-03-06T20:00:00+01:00", SEPACredit, "2026-03-09T09:00:00+01:00", "2026-03-10T18:00:00+01:00"},
		{"on a Saturday", "2026-03-07T10:00:00+01:00", SEPACredit, "2026-03-09T09:00:00+01:00", "2026-03-10T18:00:00+01:00"},
		{"on a Sunday night", "2026-03-08T23:59:59+01:00", SEPACredit, "2026-03-09T09:00:00+01:00", "2026-03-10T18:00:00+01:00"},
		{"before Easter 2026, in time", "2026-04-02T15:00:00+02:00", SEPACredit, "2026-04-02T16:00:00+02:00", "2026-04-07T18:00:00+02:00"},
		{"before Easter 2026, too late", "2026-04-02T16:00:00+02:00", SEPACredit, "2026-04-07T09:00:00+02:00", "2026-04-08T18:00:00+02:00"},
		{"on Easter Monday", "2026-04-06T09:00:00+02:00", SEPACredit, "2026-04-07T09:00:00+02:00", "2026-04-08T18:00:00+02:00"},
		{"before Easter 2027, when the clocks change on the Sunday", "2027-03-25T17:00:00+01:00", SEPACredit, "2027-03-30T09:00:00+02:00", "2027-03-31T18:00:00+02:00"},
		{"at Christmas", "2026-12-24T17:00:00+01:00", SEPACredit, "2026-12-28T09:00:00+01:00", "2026-12-29T18:00:00+01:00"},
		{"over the year's end", "2026-12-31T15:00:00+01:00", SEPACredit, "2026-12-31T16:00:00+01:00", "2027-01-04T18:00:00+01:00"},
		{"before summer time", "2026-03-27T17:00:00+01:00", SEPACredit, "2026-03-30T09:00:00+02:00", "2026-03-31T18:00:00+02:00"},
		{"before winter time", "2026-10-23T17:00:00+02:00", SEPACredit, "2026-10-26T09:00:00+01:00", "2026-10-27T18:00:00+01:00"},
		{"in summer the cut-off is an hour earlier by UTC", "2026-07-01T14:00:00Z", SEPACredit, "2026-07-02T07:00:00Z", "2026-07-03T16:00:00Z"},
		{"in winter it is not", "2026-01-14T14:00:00Z", SEPACredit, "2026-01-14T15:00:00Z", "2026-01-15T17:00:00Z"},

		{"on a day", "2026-03-04T10:00:00-05:00", ACH, "2026-03-05T08:30:00-05:00", "2026-03-06T17:00:00-05:00"},
		{"just before the cut-off", "2026-03-04T15:59:59-05:00", ACH, "2026-03-05T08:30:00-05:00", "2026-03-06T17:00:00-05:00"},
		{"at the cut-off", "2026-03-04T16:00:00-05:00", ACH, "2026-03-06T08:30:00-05:00", "2026-03-09T17:00:00-04:00"}, // the clocks change on the 8th
		{"before Thanksgiving", "2026-11-25T15:00:00-05:00", ACH, "2026-11-27T08:30:00-05:00", "2026-11-30T17:00:00-05:00"},
		{"before a holiday on a Saturday", "2026-07-02T10:00:00-04:00", ACH, "2026-07-03T08:30:00-04:00", "2026-07-06T17:00:00-04:00"},
		{"before a holiday on a Sunday", "2027-07-02T10:00:00-04:00", ACH, "2027-07-06T08:30:00-04:00", "2027-07-07T17:00:00-04:00"},
		{"before winter time", "2026-10-30T16:30:00-04:00", ACH, "2026-11-03T08:30:00-05:00", "2026-11-04T17:00:00-05:00"},
		{"on Good Friday, which is a day like any", "2026-04-03T10:00:00-04:00", ACH, "2026-04-06T08:30:00-04:00", "2026-04-07T17:00:00-04:00"},

		{"before Christmas, in time", "2026-12-23T21:29:59Z", Bacs, "2026-12-29T00:00:00Z", "2026-12-29T09:00:00Z"},
		{"before Christmas, too late", "2026-12-23T21:30:00Z", Bacs, "2026-12-30T00:00:00Z", "2026-12-30T09:00:00Z"},
		{"before summer time", "2026-03-27T12:00:00Z", Bacs, "2026-03-31T00:00:00+01:00", "2026-03-31T09:00:00+01:00"},

		{"on Easter Sunday", "2026-04-05T03:00:00Z", SEPAInstant, "2026-04-05T03:00:01Z", "2026-04-05T03:00:10Z"},
		{"on a Saturday", "2026-03-07T10:00:00Z", FPS, "2026-03-07T10:00:01Z", "2026-03-07T12:00:00Z"},
		{"as the clocks change", "2026-10-04T02:30:00+10:00", NPP, "2026-10-04T02:30:01+10:00", "2026-10-04T02:31:00+10:00"},
		{"at night", "2026-12-25T03:00:00-03:00", Pix, "2026-12-25T03:00:01-03:00", "2026-12-25T04:00:00-03:00"},
		{"at any time", "2026-01-26T00:00:00Z", UPI, "2026-01-26T00:00:01Z", "2026-01-27T00:00:00Z"},
		{"at any time", "2026-01-26T00:00:00Z", FPX, "2026-01-26T00:00:01Z", "2026-01-27T00:00:00Z"},
		{"with Fast Funds", "2026-07-04T12:00:00Z", CardPush, "2026-07-04T12:00:01Z", "2026-07-04T12:30:00Z"},
		{"without, over a weekend", "2026-07-04T12:00:00Z", CardPushStandard, "2026-07-04T12:30:00Z", "2026-07-09T00:00:00Z"},
		{"without, over Easter Monday", "2026-04-02T12:00:00Z", CardPushStandard, "2026-04-02T12:30:00Z", "2026-04-09T00:00:00Z"},
	} {
		earliest, latest := Estimate(railOf(t, c.rail), at(t, c.now))
		if !earliest.Equal(at(t, c.earliest)) || !latest.Equal(at(t, c.latest)) {
			t.Errorf("%s %s (%s): %s to %s, want %s to %s", c.rail, c.why, c.now, earliest.Format(time.RFC3339Nano), latest.Format(time.RFC3339Nano), c.earliest, c.latest)
		}
		if earliest.Location() != time.UTC || latest.Location() != time.UTC {
			t.Errorf("%s %s: not in UTC", c.rail, c.why)
		}
	}
}

func TestAProvidersEarlierCutOffCounts(t *testing.T) {
	r := railOf(t, SEPACredit)
	r.Hours.CutOff = 11 * time.Hour
	if earliest, _ := Estimate(r, at(t, "2026-03-04T11:30:00+01:00")); !earliest.Equal(at(t, "2026-03-05T09:00:00+01:00")) {
		t.Errorf("%s", earliest)
	}
}

func TestAWindowDoesNotEndBeforeItBegins(t *testing.T) {
	r := railOf(t, SEPACredit)
	r.Earliest.After = 100 * time.Hour // a provider that holds the money first
	now := at(t, "2026-03-04T10:00:00+01:00")
	if earliest, latest := Estimate(r, now); !earliest.Equal(now.Add(100*time.Hour)) || latest.Before(earliest) {
		t.Errorf("%s to %s", earliest, latest)
	}
}

func TestAnEstimateIsAWindowAfterNowThatOnlyMovesForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SampledFrom(rails).Draw(t, "rail")
		now := time.UnixMicro(rapid.Int64Range(1_700_000_000_000_000, 4_000_000_000_000_000).Draw(t, "now")).UTC()
		earliest, latest := Estimate(r, now)
		if !earliest.After(now) || latest.Before(earliest) || latest.Sub(now) > 12*24*time.Hour {
			t.Fatalf("%s at %s: %s to %s", r.Name, now, earliest, latest)
		}
		later := now.Add(time.Duration(rapid.Int64Range(1, int64(100*time.Hour)).Draw(t, "later")))
		earliest2, latest2 := Estimate(r, later)
		if earliest2.Before(earliest) || latest2.Before(latest) {
			t.Fatalf("%s: a payment at %s arrives before one at %s", r.Name, later, now)
		}
		if !r.Hours.RoundTheClock() && r.Latest.At < 24*time.Hour && !r.Hours.Calendar.Open(latest.In(r.Hours.Zone)) {
			t.Fatalf("%s at %s: arrives on %s, when nothing moves", r.Name, now, latest)
		}
	})
}
