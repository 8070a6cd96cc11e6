package risk

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A small writer of the MaxMind DB format, version 2.0 (https://maxmind.github.io/MaxMind-DB/): IPv6 trees, with IPv4 in
// the first 96 bits of zeros, records of 24 bits.

type mmdbMap [][2]any // name, value; in order

func mmdbValue(v any) []byte {
	switch v := v.(type) {
	case string:
		if len(v) >= 29 {
			panic("the writer of this test writes short texts only")
		}
		return append([]byte{2<<5 | byte(len(v))}, v...)
	case uint16:
		return binary.BigEndian.AppendUint16([]byte{5<<5 | 2}, v)
	case uint32:
		return binary.BigEndian.AppendUint32([]byte{6<<5 | 4}, v)
	case mmdbMap:
		out := []byte{7<<5 | byte(len(v))}
		for _, pair := range v {
			out = append(append(out, mmdbValue(pair[0])...), mmdbValue(pair[1])...)
		}
		return out
	}
	panic("the writer of this test does not know this type")
}

// mmdbFile is a database of one record per network.
func mmdbFile(kind string, networks map[string]mmdbMap) []byte {
	const empty, data = -1, -2 // below data: record number data-n
	nodes := [][2]int{{empty, empty}}
	var records []byte
	var offsets []int
	for text, record := range networks {
		network := netip.MustParsePrefix(text)
		bits, raw := network.Bits(), network.Addr().As16()
		if network.Addr().Is4() {
			bits, raw = bits+96, [16]byte{}
			four := network.Addr().As4()
			copy(raw[12:], four[:])
		}
		at := 0
		for i := range bits {
			side := int(raw[i/8] >> (7 - i%8) & 1)
			switch {
			case i == bits-1:
				nodes[at][side] = data - len(offsets)
			case nodes[at][side] == empty:
				nodes = append(nodes, [2]int{empty, empty})
				nodes[at][side] = len(nodes) - 1
				fallthrough
			default:
				at = nodes[at][side]
			}
		}
		offsets = append(offsets, len(records))
		records = append(records, mmdbValue(record)...)
	}
	var out []byte
	for _, node := range nodes {
		for _, side := range node {
			switch {
			case side == empty:
				side = len(nodes)
			case side <= data:
				side = len(nodes) + 16 + offsets[data-side]
			}
			out = append(out, byte(side>>16), byte(side>>8), byte(side))
		}
	}
	out = append(append(out, make([]byte, 16)...), records...)
	return append(append(out, "\xab\xcd\xefMaxMind.com"...), mmdbValue(mmdbMap{
		{"binary_format_major_version", uint16(2)}, {"binary_format_minor_version", uint16(0)}, {"build_epoch", uint32(1_795_000_000)},
		{"database_type", kind}, {"description", mmdbMap{{"en", "a test"}}}, {"ip_version", uint16(6)},
		{"node_count", uint32(len(nodes))}, {"record_size", uint16(24)},
	})...)
}

func in(code string) mmdbMap { return mmdbMap{{"country", mmdbMap{{"iso_code", code}}}} }

func write(t *testing.T, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "country.mmdb")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAGeoIPFileTellsTheCountryOfAnAddress(t *testing.T) {
	g, err := OpenGeoIP(write(t, mmdbFile("Test-Country", map[string]mmdbMap{
		"192.0.2.0/24": in("DE"), "198.51.100.0/25": in("BR"), "2001:db8::/32": in("JP"),
		"203.0.113.0/24": {{"traits", mmdbMap{{"is_anycast", "yes"}}}}, // known, in no country
	})))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}()
	for ip, want := range map[string]string{
		"192.0.2.7": "DE", "198.51.100.1": "BR", "198.51.100.200": "", "2001:db8::1": "JP", "2001:db9::1": "", "203.0.113.9": "", "127.0.0.1": "",
	} {
		if got, err := g.Country(netip.MustParseAddr(ip)); got != want || err != nil {
			t.Errorf("%s is in %q, %v; want %q", ip, got, err, want)
		}
	}
}

func TestAFileThatTellsNoCountryIsRefused(t *testing.T) {
	good := mmdbFile("Test-Country", map[string]mmdbMap{"192.0.2.0/24": in("DE")})
	asn := mmdbFile("Test-ASN", map[string]mmdbMap{"192.0.2.0/24": {{"autonomous_system_number", uint32(64496)}}})
	for name, content := range map[string][]byte{
		"networks, not countries":  asn,
		"a country of other shape": mmdbFile("Flat", map[string]mmdbMap{"192.0.2.0/24": {{"country", "DE"}}}),
		"no records":               mmdbFile("Empty", nil),
		"empty":                    {},
		"text":                     []byte(strings.Repeat("not a database ", 100)),
		"cut":                      slices.Clone(good[:len(good)/2]),
		"without its metadata":     bytes.Replace(good, []byte("MaxMind.com"), []byte("MaxMind.org"), 1),
	} {
		if g, err := OpenGeoIP(write(t, content)); err == nil {
			t.Errorf("%s: opened %v", name, g.reader.Metadata.DatabaseType)
		}
	}
	if _, err := OpenGeoIP(filepath.Join(t.TempDir(), "nowhere.mmdb")); err == nil {
		t.Error("a file that is not there was opened")
	}
}
