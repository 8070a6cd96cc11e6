package audit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/audit"
)

// documented are the actions of the table in docs/audit.md.
func documented(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n| action | by | details |\n|---|---|---|\n")
	if !ok {
		t.Fatal("the document has no table of actions")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var all []string
	for row := range strings.SplitSeq(table, "\n") {
		cell, _, _ := strings.Cut(strings.TrimPrefix(row, "| "), " |")
		for word := range strings.FieldsSeq(cell) {
			all = append(all, strings.Trim(word, "`"))
		}
	}
	return all
}

func TestTheDocumentHasEveryActionAndNoOther(t *testing.T) {
	var is []string
	for _, a := range audit.Actions() {
		is = append(is, string(a))
	}
	told := documented(t)
	slices.Sort(is)
	slices.Sort(told)
	if !slices.Equal(is, told) {
		t.Errorf("there are\n%v\ndocumented are\n%v", is, told)
	}
}

// writers are the functions that take an action.
var writers = []string{"Record", "recorded", "recordedAs", "recordedCustomer", "recordedMethod", "recordedPolicy", "auditDispute", "answerDispute", "refundAction", "endpointAction", "auditEndpoint", "auditSwitch", "auditWindow", "Action"}

var actionLike = regexp.MustCompile(`^"[a-z_]+\.[a-z_]+"$`)

// written are the actions that the code of a file writes down: what such a function is called with, or a variable did is set to.
func written(t *testing.T, path string) []audit.Action {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var all []audit.Action
	take := func(expressions []ast.Expr) {
		for _, e := range expressions {
			if literal, ok := e.(*ast.BasicLit); ok && actionLike.MatchString(literal.Value) {
				all = append(all, audit.Action(strings.Trim(literal.Value, `"`)))
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if slices.Contains(writers, calls(n.Fun)) {
				take(n.Args)
			}
		case *ast.AssignStmt:
			if name, ok := n.Lhs[0].(*ast.Ident); ok && name.Name == "did" {
				take(n.Rhs)
			}
		}
		return true
	})
	return all
}

// calls is the last name of what is called: x.y[T](…) calls y.
func calls(f ast.Expr) string {
	switch f := f.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.IndexExpr:
		return calls(f.X)
	}
	return ""
}

// An action that is none would end a request in a panic; one that nothing writes would be a promise that nobody keeps.
func TestTheCodeWritesEveryActionAndNoOther(t *testing.T) {
	left := map[audit.Action]bool{}
	for _, a := range audit.Actions() {
		left[a] = true
	}
	for _, root := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			for _, a := range written(t, path) {
				if !a.Known() {
					t.Errorf("%s writes %s, which is no action", path, a)
				}
				delete(left, a)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for a := range left {
		t.Errorf("nothing writes %s", a)
	}
}
