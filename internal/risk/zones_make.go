//go:build ignore

// Zones_make writes zones.tsv from a machine's tz database: its folder, then the file to write.
package main

import (
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const header = `# Which countries use a time zone, ISO 3166-1 alpha-2. Made by zones_make.go from the files zone1970.tab, zone.tab and
# tzdata.zi of the tz database, which are in the public domain (https://www.iana.org/time-zones), version %s.
`

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: go run zones_make.go /usr/share/zoneinfo zones.tsv")
	}
	folder := os.Args[1]
	zones := map[string][]string{}
	for _, file := range []string{"zone1970.tab", "zone.tab"} {
		for _, line := range lines(folder, file) {
			if f := strings.Split(line, "\t"); len(f) >= 3 && !strings.HasPrefix(line, "#") {
				zones[f[2]] = append(zones[f[2]], strings.Split(f[0], ",")...)
			}
		}
	}
	compact := lines(folder, "tzdata.zi")
	links := map[string]string{} // an old name to the name of today
	for _, line := range compact {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "L" {
			links[f[2]] = f[1]
		}
	}
	for old, now := range links {
		for links[now] != "" {
			now = links[now]
		}
		zones[old] = append(zones[old], zones[now]...)
	}

	var out strings.Builder
	fmt.Fprintf(&out, header, strings.TrimPrefix(compact[0], "# version "))
	for _, zone := range slices.Sorted(maps.Keys(zones)) {
		countries := zones[zone]
		slices.Sort(countries)
		if len(countries) > 0 {
			fmt.Fprintf(&out, "%s\t%s\n", zone, strings.Join(slices.Compact(countries), ","))
		}
	}
	if err := os.WriteFile(os.Args[2], []byte(out.String()), 0o644); err != nil {
		log.Fatal(err)
	}
}

func lines(folder, file string) []string {
	text, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		log.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}
