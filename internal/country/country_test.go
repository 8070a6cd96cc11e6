package country

import (
	"slices"
	"testing"
)

func TestOnlyCodesOfCountriesAreKnown(t *testing.T) {
	for _, code := range []string{"AD", "DE", "GB", "US", "XK", "ZW"} {
		if !Known(code) {
			t.Errorf("%s is a country", code)
		}
	}
	for _, code := range []string{"", "UK", "XX", "EU", "de", "DEU", "D", "AA", "ZZ"} {
		if Known(code) {
			t.Errorf("%q is no country", code)
		}
	}
}

func TestTheCodesAreInOrder(t *testing.T) {
	if !slices.IsSorted(codes) {
		t.Error("a search would miss some")
	}
	if n := len(slices.Compact(slices.Clone(codes))); n != 250 {
		t.Errorf("%d codes: ISO 3166-1 has 249, and XK", n)
	}
}
