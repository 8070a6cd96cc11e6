package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var (
	fenced    = regexp.MustCompile("(?ms)^ *```\\w*\n(.*?)^ *```")
	inline    = regexp.MustCompile("`((?:go run \\./cmd/)?florin [^`]+)`")
	continued = regexp.MustCompile(`\\\n\s*`)
	called    = regexp.MustCompile(`(?:^|[|;&(]|\bgo run \./cmd/)\s*(?:\w+=\S* )*florin +(.*)`)
	flagName  = regexp.MustCompile(`^--([a-z][a-z0-9-]*)`)
)

// callsIn are the command lines of florin in a document, each without the name.
func callsIn(text string) [][]string {
	var lines []string
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		lines = append(lines, strings.Split(continued.ReplaceAllString(block[1], " "), "\n")...)
	}
	for _, span := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		lines = append(lines, span[1])
	}
	var calls [][]string
	for _, line := range lines {
		m := called.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		words := strings.Fields(m[1])
		if end := slices.IndexFunc(words, func(w string) bool { return strings.ContainsAny(w[:1], "|&;>)#") }); end >= 0 {
			words = words[:end]
		}
		calls = append(calls, words)
	}
	return calls
}

// callFault says what is wrong with a command line; empty: nothing. What a command is given beside flags is not looked at.
func callFault(app *kong.Node, words []string) string {
	node := app
	for _, word := range words {
		word = strings.Trim(word, `"'),.:…`)
		if flag := flagName.FindStringSubmatch(word); flag != nil {
			if node = withFlag(node, flag[1]); node == nil {
				return "there is no flag --" + flag[1]
			}
			continue
		}
		child := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word })
		if child >= 0 {
			node = node.Children[child]
		} else if len(node.Children) > 0 && word != "" && !strings.HasPrefix(word, "-") {
			return "there is no command " + node.Path() + " " + word
		}
	}
	return ""
}

// withFlag is the command itself, or the one that it is short for, if it has a flag; nil if not.
func withFlag(node *kong.Node, name string) *kong.Node {
	for ; node != nil; node = node.DefaultCmd {
		for _, group := range node.AllFlags(false) {
			if slices.ContainsFunc(group, func(f *kong.Flag) bool { return f.Name == name }) {
				return node
			}
		}
	}
	return nil
}

func TestTheDocumentsCommandLinesExist(t *testing.T) {
	app, err := kong.New(&commands{}, kong.Name("florin"))
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	hold := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range callsIn(string(text)) {
			held++
			if fault := callFault(app.Model.Node, words); fault != "" {
				t.Errorf("%s: florin %s: %s", path, strings.Join(words, " "), fault)
			}
		}
	}
	hold("../../README.md")
	hold("../../CONTRIBUTING.md")
	err = filepath.WalkDir("../../docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			hold(path)
		}
		return err
	})
	if err != nil || held < 100 {
		t.Errorf("held %d command lines, %v", held, err)
	}
}

func TestAWrongCommandLineOfADocumentIsNoticed(t *testing.T) {
	app, err := kong.New(&commands{}, kong.Name("florin"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"```\nSK=$(florin keys create --merchant a \\\n  --named b)\n```": "--named",
		"see `florin ledger audit`":                                       "ledger audit",
		"```\ncat x |\n  florin webhooks verify --secret s | wc\n```":     "",
		"```\nFLORIN_KEYS=k florin serve --zoness api &\n```":             "--zoness",
	} {
		calls := callsIn(text)
		if len(calls) != 1 {
			t.Errorf("%q has the calls %q", text, calls)
			continue
		}
		if got := callFault(app.Model.Node, calls[0]); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
