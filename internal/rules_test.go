package internal

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is one Go file of the module.
type source struct {
	path string // from the module's root, with slashes
	file *ast.File
	set  *token.FileSet
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") || s.under("test") }

// under tells whether the file lives in one of the folders or below it.
func (s source) under(folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return strings.HasPrefix(s.path, f+"/") })
}

func (s source) at(n ast.Node, what string) string {
	return fmt.Sprintf("%s:%d: %s", s.path, s.set.Position(n.Pos()).Line, what)
}

// rules are the house's rules that a file can be asked about alone.
var rules = []struct {
	name   string
	faults func(source) []string
}{
	{"time comes from the clock", timeFromClock},
	{"randomness is injected", noMathRand},
	{"tests wait for signals", noSleepInTests},
	{"no float near money", noFloatNearMoney},
	{"package names say what is inside", noBagOfThings},
	{"libraries stay in their room", librariesInTheirRoom},
	{"SQL lives in store.go", sqlInStores},
	{"a file is about one thing", shortFiles},
}

func TestSourceKeepsTheRules(t *testing.T) {
	files := readSources(t, "..")
	if len(files) < 15 {
		t.Fatalf("found %d Go files: the walk did not see the module", len(files))
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, s := range files {
				for _, fault := range rule.faults(s) {
					t.Error(fault)
				}
			}
		})
	}
}

func readSources(t *testing.T, root string) []source {
	t.Helper()
	var files []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() != ".." && strings.HasPrefix(d.Name(), ".") || d.Name() == "florin-data"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		s, err := parseSource(filepath.ToSlash(name), string(text))
		files = append(files, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func parseSource(path, text string) (source, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
	return source{path, file, set}, err
}

// calls finds uses of one package's names, whatever the file calls that package.
func (s source) calls(pkg string, names ...string) []string {
	local := s.localName(pkg)
	if local == "" {
		return nil
	}
	var faults []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && slices.Contains(names, sel.Sel.Name) {
				faults = append(faults, s.at(n, pkg+"."+sel.Sel.Name))
			}
		}
		return true
	})
	return faults
}

func (s source) localName(pkg string) string {
	for _, spec := range s.file.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err != nil || path != pkg {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return pkg[strings.LastIndexByte(pkg, '/')+1:]
	}
	return ""
}

// timeFromClock: a test and a simulation own the time only if nobody asks the machine behind their back.
func timeFromClock(s source) []string {
	if s.test() || s.under("internal/clock", "client") {
		return nil
	}
	return s.calls("time", "Now", "Since", "Until")
}

func noMathRand(s source) []string {
	if s.test() || s.under("internal/sim", "client") {
		return nil
	}
	return s.imports("math/rand", "math/rand/v2")
}

// imports finds imports of the paths, or of anything below one that ends in a slash.
func (s source) imports(paths ...string) []string {
	var faults []string
	for _, spec := range s.file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(paths, func(p string) bool {
			return path == strings.TrimSuffix(p, "/") || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p)
		}) {
			faults = append(faults, s.at(spec, "imports "+path))
		}
	}
	return faults
}

func noSleepInTests(s source) []string {
	if !s.test() {
		return nil
	}
	return s.calls("time", "Sleep")
}

var (
	moneyWord = regexp.MustCompile(`(?i)amount|money|minor|balance|(^|[a-z])fee`)
	floatWord = regexp.MustCompile(`^float(32|64)$|^ParseFloat$|^FormatFloat$`)
)

// noFloatNearMoney: within one declaration, a name of money and a float do not meet.
func noFloatNearMoney(s source) []string {
	if s.test() {
		return nil
	}
	var faults []string
	for _, decl := range s.file.Decls {
		var money, float *ast.Ident
		ast.Inspect(decl, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if moneyWord.MatchString(id.Name) {
					money = id
				}
				if floatWord.MatchString(id.Name) {
					float = id
				}
			}
			return true
		})
		if money != nil && float != nil {
			faults = append(faults, s.at(float, float.Name+" near "+money.Name))
		}
	}
	return faults
}

var bags = []string{"util", "utils", "common", "helper", "helpers", "manager", "managers", "model", "models", "misc", "shared", "types"}

func noBagOfThings(s source) []string {
	if name := strings.TrimSuffix(s.file.Name.Name, "_test"); slices.Contains(bags, name) {
		return []string{s.at(s.file.Name, "package "+name+" says nothing")}
	}
	return nil
}

// rooms are the libraries that only some folders or files may import.
var rooms = []struct {
	paths []string
	home  *regexp.Regexp
}{
	{[]string{"modernc.org/sqlite/", "github.com/jackc/pgx/v5/", "database/sql"},
		regexp.MustCompile(`^internal/db/engine_[a-z_]+\.go$|^internal/db/(dbtest|pgprivate)/|^internal/sandbox/|_test\.go$`)},
	{[]string{"github.com/danielgtaylor/huma/v2/"}, regexp.MustCompile(`^internal/api/`)},
	{[]string{"github.com/alecthomas/kong/"}, regexp.MustCompile(`^cmd/florin/`)},
	{[]string{"github.com/tink-crypto/tink-go/v2/"}, regexp.MustCompile(`^internal/seal/`)},
	{[]string{"github.com/skip2/go-qrcode/"}, regexp.MustCompile(`^internal/paycode/`)},
	{[]string{"cel.dev/cel-go/"}, regexp.MustCompile(`^internal/(routing|risk)/`)},
	{[]string{"flag"}, regexp.MustCompile(`^cmd/florin/|_test\.go$`)},
}

func librariesInTheirRoom(s source) []string {
	var faults []string
	for _, room := range rooms {
		if !room.home.MatchString(s.path) {
			faults = append(faults, s.imports(room.paths...)...)
		}
	}
	return faults
}

// sqlText is a string that begins like a statement, or like the tail that follows Table.Select.
var sqlText = regexp.MustCompile(`^\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX|UNIQUE|TRIGGER)\b|ALTER\s+TABLE\s|DROP\s+TABLE\s|WHERE\s|ORDER\s+BY\s)`)

func sqlInStores(s source) []string {
	base := s.path[strings.LastIndexByte(s.path, '/')+1:]
	if s.test() || s.under("internal/db", "internal/sandbox") || base == "store.go" || strings.HasSuffix(base, "_store.go") {
		return nil
	}
	var faults []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && sqlText.MatchString(text) {
				faults = append(faults, s.at(n, "SQL outside store.go"))
			}
		}
		return true
	})
	return faults
}

// longest is a file's most lines. The guide is 400; what is longer than this is about two things.
const longest = 500

func shortFiles(s source) []string {
	if lines := s.set.Position(s.file.FileEnd).Line; lines > longest {
		return []string{fmt.Sprintf("%s has %d lines: split it by what it is about", s.path, lines)}
	}
	return nil
}

func TestSourceRulesBite(t *testing.T) {
	cases := []struct {
		rule, path, text string
		bites            bool
	}{
		{"time comes from the clock", "internal/payment/x.go", `package payment; import "time"; var t = time.Now()`, true},
		{"time comes from the clock", "internal/payment/x.go", `package payment; import chrono "time"; var t = chrono.Since(start)`, true},
		{"time comes from the clock", "cmd/florin/x.go", `package main; import "time"; var t = time.Now()`, true},
		{"time comes from the clock", "internal/clock/clock.go", `package clock; import "time"; var t = time.Now()`, false},
		{"time comes from the clock", "internal/payment/x.go", `package payment; import "time"; var t = time.NewTimer(time.Second)`, false},
		{"randomness is injected", "internal/risk/x.go", `package risk; import "math/rand/v2"`, true},
		{"randomness is injected", "internal/risk/x_test.go", `package risk; import "math/rand/v2"`, false},
		{"randomness is injected", "internal/risk/x.go", `package risk; import "crypto/rand"`, false},
		{"tests wait for signals", "internal/db/x_test.go", `package db; import "time"; func f() { time.Sleep(1) }`, true},
		{"tests wait for signals", "test/x.go", `package test; import "time"; func f() { time.Sleep(1) }`, true},
		{"no float near money", "internal/payment/x.go", `package payment; func fee(amount int64) int64 { return int64(float64(amount) * 0.03) }`, true},
		{"no float near money", "internal/payment/x.go", `package payment; type T struct { Balance float64 }`, true},
		{"no float near money", "internal/payment/x.go", `package payment; import "strconv"; var minor, _ = strconv.ParseFloat("1.5", 64)`, true},
		{"no float near money", "internal/obs/x.go", `package obs; func observe(seconds float64) {}; var amount int64`, false},
		{"package names say what is inside", "internal/utils/x.go", `package utils`, true},
		{"package names say what is inside", "internal/money/x.go", `package money`, false},
		{"libraries stay in their room", "internal/db/reads.go", `package db; import "github.com/jackc/pgx/v5/pgxpool"`, true},
		{"libraries stay in their room", "internal/db/engine_postgres.go", `package db; import "github.com/jackc/pgx/v5/pgxpool"`, false},
		{"libraries stay in their room", "internal/payment/store.go", `package payment; import "database/sql"`, true},
		{"libraries stay in their room", "internal/payment/store.go", `package payment; import _ "modernc.org/sqlite"`, true},
		{"libraries stay in their room", "internal/payment/http.go", `package payment; import "github.com/danielgtaylor/huma/v2"`, true},
		{"libraries stay in their room", "internal/api/http.go", `package api; import "github.com/danielgtaylor/huma/v2"`, false},
		{"libraries stay in their room", "internal/api/http.go", `package api; import "github.com/skip2/go-qrcode"`, true},
		{"libraries stay in their room", "internal/paycode/image.go", `package paycode; import qrcode "github.com/skip2/go-qrcode"`, false},
		{"libraries stay in their room", "internal/api/http.go", `package api; import "flag"`, true},
		{"SQL lives in store.go", "internal/payment/capture.go", "package payment; var q = `\n SELECT id FROM payment`", true},
		{"SQL lives in store.go", "internal/payment/capture.go", `package payment; var q = table.Select() + " WHERE id = $1"`, true},
		{"SQL lives in store.go", "internal/payment/capture.go", `package payment; var q = "UPDATE payment SET status = $1"`, true},
		{"SQL lives in store.go", "internal/payment/store.go", `package payment; var q = "UPDATE payment SET status = $1"`, false},
		{"SQL lives in store.go", "internal/payment/capture.go", `package payment; var q = "Update the payment, then set it"`, false},
		{"a file is about one thing", "internal/payment/x.go", "package payment" + strings.Repeat("\n", longest+1), true},
		{"a file is about one thing", "internal/payment/x_test.go", "package payment" + strings.Repeat("\n", longest), false},
	}
	for _, c := range cases {
		t.Run(c.rule+" "+c.path, func(t *testing.T) {
			s, err := parseSource(c.path, c.text)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(rules, func(r struct {
				name   string
				faults func(source) []string
			}) bool {
				return r.name == c.rule
			})
			if faults := rules[i].faults(s); (len(faults) > 0) != c.bites {
				t.Errorf("%s\nfaults %q, want bites=%v", c.text, faults, c.bites)
			}
		})
	}
}
