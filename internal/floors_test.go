// Package internal holds the house's rules, as tests. It has no code of its own.
package internal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/florinpay/florin"

// floors says which package lives where: see docs/architecture.md and docs/decisions/0001. A name that ends in /* stands for every
// folder right below.
var floors = map[string]int{
	"internal/money": 0, "internal/id": 0, "internal/clock": 0, "internal/fault": 0, "internal/secret": 0, "internal/splitmix": 0, "internal/ppm": 0, "internal/country": 0,
	"internal/db": 1, "internal/db/*": 1, "internal/audit": 1, "internal/obs": 1, "internal/seal": 1, "internal/limit": 1,
	"internal/problem": 1, "internal/strict": 1, "internal/exchange": 1, "internal/bank": 1, "internal/descriptor": 1, "internal/paycode": 1, "internal/breaker": 1, "internal/routing/adaptive": 1,
	"internal/merchant": 2, "internal/customer": 2, "internal/event": 2, "internal/ledger": 2, "internal/vault": 2, "internal/idempotency": 2,
	"internal/routing/sim": 2,
	"internal/provider":    3, "internal/risk": 3, "internal/routing": 3, "internal/control": 3, "internal/health": 3, "internal/retry": 3,
	"internal/payment": 4,
	"internal/order":   5, "internal/dispute": 5, "internal/payout": 5, "internal/webhook": 5, "internal/inbound": 5, "internal/recon": 5, "internal/access": 5, "internal/alert": 5,
	"internal/simulation":        5, // tries routing on payments
	"internal/provider/simproto": 5, // what connectors to the sandbox's worlds share, who do not import each other
	"internal/provider/*":        6, "internal/sandbox": 6, "internal/sandbox/*": 6,
	"internal/api": 7, "internal/public": 7, "internal/dashboard": 7,
	"cmd/florin": 8,
}

// outside are the folders without a floor: what they import is said beside them in floorFaults.
const (
	houseRules = "internal" // this test
	endToEnd   = "test"     // tests of the whole
	goClient   = "client"   // for importers: nothing internal
	simWorld   = "internal/sandbox"
)

// publicToWorlds is what the outside world imports beside words: the footing that its parts share, and the payment codes, which are public
// standards that both sides of a payment read. A simulated scheme that read them by a reader of its own would prove that one, not ours.
var publicToWorlds = map[string]bool{"internal/sandbox/stage": true, "internal/paycode": true}

// lowestSideways is the first floor on which neighbours do not import each other.
const lowestSideways = 2

// highestForTests is how far up a test may reach: down to the provider's simulator, not into the edges.
const highestForTests = 6

// listed is what go list says of a package.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	GoFiles      []string
}

func floorOf(folder string) (int, bool) {
	if floor, ok := floors[folder]; ok {
		return floor, true
	}
	parent := folder[:max(strings.LastIndexByte(folder, '/'), 0)]
	floor, ok := floors[parent+"/*"]
	return floor, ok
}

// floorFaults are the breaches of one package.
func floorFaults(p listed) []string {
	folder := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
	switch {
	case folder == houseRules || folder == endToEnd:
		if len(p.GoFiles) > 0 {
			return []string{folder + " is for tests only"}
		}
		return nil
	case folder == goClient || strings.HasPrefix(folder, goClient+"/"):
		var faults []string
		for _, to := range ours(p.Imports) {
			if to != goClient && !strings.HasPrefix(to, goClient+"/") {
				faults = append(faults, fmt.Sprintf("%s imports %s: the client imports nothing internal", folder, to))
			}
		}
		return faults
	}
	floor, ok := floorOf(folder)
	if !ok {
		return []string{folder + " has no floor: give it one in internal/floors_test.go and say why in docs/decisions"}
	}
	var faults []string
	for _, to := range ours(p.Imports) {
		if fault := importFault(folder, floor, to); fault != "" {
			faults = append(faults, fault)
		}
	}
	for _, to := range ours(slices.Concat(p.TestImports, p.XTestImports)) {
		if there, ok := floorOf(to); ok && there > max(floor, highestForTests) {
			faults = append(faults, fmt.Sprintf("a test of %s (floor %d) imports %s (floor %d)", folder, floor, to, there))
		}
	}
	return faults
}

func importFault(folder string, floor int, to string) string {
	there, ok := floorOf(to)
	switch {
	case to == goClient && floor == floors["cmd/florin"]:
		return "" // what measures and tries a server does it as its users do
	case !ok:
		return fmt.Sprintf("%s imports %s, which has no floor", folder, to)
	case folder == simWorld || strings.HasPrefix(folder, simWorld+"/"):
		if there == 0 || publicToWorlds[to] {
			return ""
		}
		return fmt.Sprintf("%s imports %s: the outside world knows words only", folder, to)
	case there > floor:
		return fmt.Sprintf("%s (floor %d) imports %s above it (floor %d)", folder, floor, to, there)
	case there == floor && floor >= lowestSideways:
		return fmt.Sprintf("%s imports its neighbour %s on floor %d", folder, to, floor)
	}
	return ""
}

// ours are the folders, within this module, of the imports that are this module's own.
func ours(imports []string) []string {
	var folders []string
	for _, path := range imports {
		if rest, ok := strings.CutPrefix(path, module+"/"); ok {
			folders = append(folders, rest)
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

func TestEveryImportKeepsToTheFloors(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, fault := range floorFaults(p) {
			t.Error(fault)
		}
	}
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports,GoFiles", "./...")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 10 {
		t.Fatalf("go list found %d packages: it did not look at the whole module", len(packages))
	}
	return packages
}

func TestFloorRulesBite(t *testing.T) {
	in := func(folder string, imports ...string) listed {
		p := listed{ImportPath: module + "/" + folder, GoFiles: []string{"x.go"}}
		for _, to := range imports {
			p.Imports = append(p.Imports, module+"/"+to)
		}
		return p
	}
	testOf := func(folder, to string) listed {
		return listed{ImportPath: module + "/" + folder, XTestImports: []string{module + "/" + to}}
	}
	cases := []struct {
		name string
		p    listed
		want string // empty: allowed
	}{
		{"down", in("internal/payment", "internal/provider", "internal/db", "internal/money"), ""},
		{"words sideways", in("internal/id", "internal/clock"), ""},
		{"storage sideways", in("internal/db/dbtest", "internal/db"), ""},
		{"up", in("internal/db", "internal/payment"), "above it"},
		{"sideways", in("internal/ledger", "internal/event"), "neighbour"},
		{"sideways above", in("internal/webhook", "internal/access"), "neighbour"},
		{"connector to connector", in("internal/provider/simcard", "internal/provider/stripe"), "neighbour"},
		{"connector to port", in("internal/provider/simcard", "internal/provider", "internal/vault"), ""},
		{"port to connector", in("internal/provider", "internal/provider/simcard"), "above it"},
		{"sandbox to words", in("internal/sandbox", "internal/money"), ""},
		{"sandbox to storage", in("internal/sandbox", "internal/db"), "words only"},
		{"a world to words", in("internal/sandbox/bank", "internal/money"), ""},
		{"a world to what worlds share", in("internal/sandbox/bank", "internal/sandbox/stage"), ""},
		{"a world to payment codes", in("internal/sandbox/instant", "internal/paycode"), ""},
		{"a world to storage", in("internal/sandbox/bank", "internal/db"), "words only"},
		{"a world to its neighbour", in("internal/sandbox/bank", "internal/sandbox/instant"), "words only"},
		{"client to internal", in("client", "internal/money"), "nothing internal"},
		{"client alone", in("client"), ""},
		{"no floor", in("internal/utilities"), "has no floor"},
		{"no floor below the client's name", in("clients"), "has no floor"},
		{"import without floor", in("internal/payment", "internal/attic"), "has no floor"},
		{"root", listed{ImportPath: module}, "has no floor"},
		{"command", in("cmd/florin", "internal/api", "internal/db"), ""},
		{"command as a user", in("cmd/florin", "client"), ""},
		{"edge as a user", in("internal/api", "client"), "has no floor"},
		{"another command", in("cmd/other"), "has no floor"},
		{"code beside the end-to-end tests", in("test"), "tests only"},
		{"test with the simulator", testOf("internal/provider/simcard", "internal/sandbox"), ""},
		{"test with the edges", testOf("internal/payment", "internal/api"), "a test of"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(floorFaults(c.p), "\n")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("faults %q, want %q", got, c.want)
			}
		})
	}
}
