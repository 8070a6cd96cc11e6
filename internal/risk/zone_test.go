package risk

import (
	"regexp"
	"testing"
	"time"
	_ "time/tzdata"
)

func TestAZoneFitsTheCountriesThatUseIt(t *testing.T) {
	for _, c := range []struct {
		zone, country string
		want          Fit
	}{
		{"Europe/Berlin", "DE", Fits},
		{"Europe/Berlin", "US", Differs},
		{"Europe/Zurich", "LI", Fits},
		{"Europe/Busingen", "DE", Fits},
		{"Europe/Amsterdam", "NL", Fits},
		{"America/New_York", "US", Fits},
		{"America/New_York", "GB", Differs},
		{"Asia/Dubai", "OM", Fits}, // shared since 1970
		{"Asia/Calcutta", "IN", Fits},
		{"Asia/Kolkata", "IN", Fits},
		{"Europe/Kiev", "UA", Fits},
		{"US/Pacific", "US", Fits},
		{"America/Sao_Paulo", "BR", Fits},
		{"America/Sao_Paulo", "PT", Differs},
		{"UTC", "DE", Unknown},
		{"Etc/GMT-2", "DE", Unknown},
		{"Mars/Olympus", "DE", Unknown},
		{"", "DE", Unknown},
		{"Europe/Berlin", "", Unknown},
		{"#", "", Unknown},
	} {
		if got := ZoneFit(c.zone, c.country); got != c.want {
			t.Errorf("%q in %q: %s, want %s", c.zone, c.country, got, c.want)
		}
	}
}

func TestEveryLineOfTheZonesIsAZoneAndItsCountries(t *testing.T) {
	code := regexp.MustCompile(`^[A-Z]{2}$`)
	unknown := 0
	for zone, countries := range zones() {
		if !zoneName.MatchString(zone) {
			t.Errorf("%q would be refused from a browser", zone)
		}
		if _, err := time.LoadLocation(zone); err != nil {
			unknown++ // a few zones of the far past are left out where the database is built for today
		}
		for _, c := range countries {
			if !code.MatchString(c) {
				t.Errorf("%s: %q is not a country", zone, c)
			}
		}
	}
	if n := len(zones()); n < 500 || unknown > 3 {
		t.Errorf("%d zones, %d of them unknown to Go", n, unknown)
	}
}
