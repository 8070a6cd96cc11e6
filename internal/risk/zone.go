package risk

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:generate go run zones_make.go /usr/share/zoneinfo zones.tsv

// zonesText is a line "zone <tab> countries, comma-separated" for each name of the tz database that belongs to a
// country, the old names that browsers still give among them. Lines with # tell where it comes from.
//
//go:embed zones.tsv
var zonesText string

// Fit tells whether two signals agree.
type Fit string

// The fits.
const (
	Unknown Fit = "unknown" // one of the two is missing, or says nothing of a place
	Fits    Fit = "fits"
	Differs Fit = "differs"
)

// ZoneFit tells whether a time zone (a name of the tz database) is in use in a country (ISO 3166-1 alpha-2). A zone
// without a country, such as UTC, fits nothing and contradicts nothing. Travellers differ too: it is a hint.
func ZoneFit(zone, country string) Fit {
	countries := zones()[zone]
	switch {
	case len(countries) == 0 || country == "":
		return Unknown
	case slices.Contains(countries, country):
		return Fits
	}
	return Differs
}

var zones = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(zonesText) {
		zone, countries, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if ok && !strings.HasPrefix(zone, "#") {
			all[zone] = strings.Split(countries, ",")
		}
	}
	return all
})
