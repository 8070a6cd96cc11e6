package risk

import (
	"fmt"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"
)

// GeoIP is a file in the MaxMind DB format that tells the country of an address: GeoLite2 or GeoIP2 Country, City or
// Enterprise, or another that is laid out as they are. It is read where it lies; nobody is asked over the network.
type GeoIP struct{ reader *maxminddb.Reader }

// OpenGeoIP opens a file. It fails if the file is not of the format, or if its records tell no country.
func OpenGeoIP(file string) (*GeoIP, error) {
	reader, err := maxminddb.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open the GeoIP file: %w", err)
	}
	g := &GeoIP{reader}
	if err := g.probe(); err != nil {
		_ = reader.Close() // what is wrong with the file is the error to tell
		return nil, fmt.Errorf("open the GeoIP file %s (%s): %w", file, reader.Metadata.DatabaseType, err)
	}
	return g, nil
}

// probeRecords is how many records may tell no country, as those of an anycast network or a satellite do, before a file
// is taken for one of another kind.
const probeRecords = 10_000

// probe refuses a file that would answer every question with nothing.
func (g *GeoIP) probe() error {
	seen := 0
	for record := range g.reader.Networks() {
		switch code, err := country(record); {
		case err != nil:
			return err
		case code != "":
			return nil
		}
		if seen++; seen == probeRecords {
			break
		}
	}
	return fmt.Errorf("none of its first %d records tells a country", seen)
}

// Country is the country of an address; empty if the file does not know it.
func (g *GeoIP) Country(ip netip.Addr) (string, error) {
	return country(g.reader.Lookup(ip))
}

func country(record maxminddb.Result) (string, error) {
	var code string
	if err := record.DecodePath(&code, "country", "iso_code"); err != nil {
		return "", fmt.Errorf("read the country of an address: %w", err) // without the address: it is the payer's
	}
	return code, nil
}

// Close gives the file back. Nobody may ask afterwards.
func (g *GeoIP) Close() error { return g.reader.Close() }
