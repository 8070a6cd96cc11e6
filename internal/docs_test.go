package internal

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages are the documents, by their path from the module's root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	read := func(name string) {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.ToSlash(name)] = string(text)
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		read(name)
	}
	err := filepath.WalkDir("../docs", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".md") {
			read(strings.TrimPrefix(filepath.ToSlash(name), "../"))
		}
		return err
	})
	if err != nil || len(all) < 20 {
		t.Fatalf("found %d documents, %v", len(all), err)
	}
	return all
}

var (
	codeBlock = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	linked    = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	notInSlug = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// anchors are the places in a document that a link can lead to: its headings, as they are shown on the web.
func anchors(text string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		title := linked.ReplaceAllString(strings.TrimSpace(m[1]), "$1")
		all = append(all, strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(title), ""), " ", "-"))
	}
	return all
}

// linkFaults are the links of a document that lead nowhere. there tells whether there is such a file.
func linkFaults(all map[string]string, page string, there func(string) bool) []string {
	var faults []string
	for _, m := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(all[page], ""), -1) {
		to, err := url.Parse(m[1])
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %s is no link", page, m[1]))
			continue
		}
		if to.IsAbs() {
			continue
		}
		target := page
		if to.Path != "" {
			target = path.Join(path.Dir(page), to.Path)
		}
		text, isPage := all[target]
		switch {
		case !isPage && !there(target):
			faults = append(faults, fmt.Sprintf("%s: there is no %s", page, target))
		case isPage && to.Fragment != "" && !slices.Contains(anchors(text), to.Fragment):
			faults = append(faults, fmt.Sprintf("%s: %s has no heading #%s", page, target, to.Fragment))
		}
	}
	return faults
}

func TestEveryLinkOfTheDocumentsLeadsSomewhere(t *testing.T) {
	all := pages(t)
	for page := range all {
		for _, fault := range linkFaults(all, page, func(name string) bool {
			_, err := os.Stat(filepath.Join("..", name))
			return err == nil
		}) {
			t.Error(fault)
		}
	}
}

func TestTheReadmeLeadsToEveryDocument(t *testing.T) {
	all := pages(t)
	for page := range all {
		if path.Dir(page) == "docs" && !strings.Contains(all["README.md"], "]("+page) {
			t.Errorf("README.md does not lead to %s", page)
		}
	}
}

func TestLinksThatLeadNowhereAreNoticed(t *testing.T) {
	all := map[string]string{
		"docs/a.md": "# The `a` of [all](b.md)\n\n[to](b.md#two-words) [gone](c.md) [no such](b.md#three) [here](#the-a-of-all) [file](../x.go) [far](https://a.example)\n```\n[code](d.md)\n```\n",
		"docs/b.md": "## Two words\n",
	}
	want := []string{"docs/a.md: there is no docs/c.md", "docs/a.md: docs/b.md has no heading #three"}
	if got := linkFaults(all, "docs/a.md", func(name string) bool { return name == "x.go" }); !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q", got, want)
	}
}

// TestTheArchitectureNamesEveryPackageOnItsFloor holds the table of docs/architecture.md against the floors.
func TestTheArchitectureNamesEveryPackageOnItsFloor(t *testing.T) {
	rows := map[int]string{}
	for _, line := range strings.Split(pages(t)["docs/architecture.md"], "\n") {
		var floor int
		if n, err := fmt.Sscanf(line, "| %d |", &floor); n == 1 && err == nil {
			rows[floor] = strings.NewReplacer("`", " ", "|", " ").Replace(line)
		}
	}
	for folder, floor := range floors {
		name := strings.TrimPrefix(folder, "internal/")
		if strings.HasSuffix(name, "/*") {
			continue
		}
		if !slices.Contains(strings.Fields(rows[floor]), name) {
			t.Errorf("docs/architecture.md does not name %s on floor %d", name, floor)
		}
	}
}
