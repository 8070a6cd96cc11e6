package internal

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Two who write the next migration or decision at the same time take the same number, and merge without a conflict.

var numbered = regexp.MustCompile(`^([0-9]{4})[_-][a-z0-9_-]+\.(sql|md)$`)

// numberFaults are the names in a folder that have no number, and those that have the number of another one.
func numberFaults(folder string, names []string) []string {
	var faults []string
	has := map[string]string{}
	for _, name := range names {
		parts := numbered.FindStringSubmatch(name)
		switch {
		case parts == nil:
			faults = append(faults, path.Join(folder, name)+" is not named by a number of four digits and a title")
		case has[parts[1]] != "":
			faults = append(faults, path.Join(folder, name)+" has the number of "+has[parts[1]])
		default:
			has[parts[1]] = name
		}
	}
	return faults
}

func TestNoTwoMigrationsOrDecisionsHaveOneNumber(t *testing.T) {
	folders := map[string][]string{}
	for _, root := range []string{"../internal", "../docs/decisions"} {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			name = strings.TrimPrefix(filepath.ToSlash(name), "../")
			if folder := path.Dir(name); err == nil && !d.IsDir() && (path.Base(folder) == "migrations" || folder == "docs/decisions") {
				folders[folder] = append(folders[folder], path.Base(name))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(folders) < 15 || len(folders["docs/decisions"]) < 15 || len(folders["internal/payment/migrations"]) < 15 {
		t.Fatalf("found %d folders: the walk did not see the module", len(folders))
	}
	for folder, names := range folders {
		for _, fault := range numberFaults(folder, names) {
			t.Error(fault)
		}
	}
}

// What others cite a decision by is in its title.
func TestADecisionHasTheNumberOfItsFile(t *testing.T) {
	files, err := filepath.Glob("../docs/decisions/*.md")
	if err != nil || len(files) < 15 {
		t.Fatalf("found %d decisions, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if want := "# " + filepath.Base(file)[:4] + ": "; !strings.HasPrefix(string(text), want) {
			t.Errorf("%s does not begin with %q", file, want)
		}
	}
}

func TestANumberThatIsTakenIsNoticed(t *testing.T) {
	got := numberFaults("x/migrations", []string{"0001_a.sql", "0002_b.sql", "0002_c.sql", "3_d.sql"})
	want := []string{"x/migrations/0002_c.sql has the number of 0002_b.sql", "x/migrations/3_d.sql is not named by a number of four digits and a title"}
	if !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q", got, want)
	}
}
