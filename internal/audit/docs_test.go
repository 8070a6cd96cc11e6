package audit_test

import (
	"io/fs"
	"os"
	"path/filepath"
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

// An action that nothing writes would be a promise that nobody keeps.
func TestEveryActionIsWrittenSomewhere(t *testing.T) {
	left := map[string]bool{}
	for _, a := range audit.Actions() {
		left[`"`+string(a)+`"`] = true
	}
	for _, root := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "audit/actions.go") || strings.HasSuffix(path, "api/audit.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if !strings.Contains(string(text), "audit.") && !strings.Contains(string(text), "recorded[") {
				return nil // events have names like these, too
			}
			for literal := range left {
				if strings.Contains(string(text), literal) {
					delete(left, literal)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for literal := range left {
		t.Errorf("nothing writes %s", literal)
	}
}
