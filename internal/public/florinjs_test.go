package public_test

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// oldestNode has a test runner whose timers can be moved by hand.
const oldestNode = 20

// The script is tested in Node, against a page and fields that are written by hand: js/test.

func TestFlorinJSKeepsItsPromises(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("florin.js is not tested: there is no node")
	}
	version, err := exec.CommandContext(t.Context(), node, "-p", "parseInt(process.versions.node)").Output()
	if major, wrong := strconv.Atoi(string(bytes.TrimSpace(version))); err != nil || wrong != nil || major < oldestNode {
		t.Skipf("florin.js is not tested: it takes node %d, and this is %q (%v)", oldestNode, version, err)
	}
	files, err := filepath.Glob("js/test/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("found no tests of florin.js: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, node, append([]string{"--test", "--test-reporter=tap"}, files...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !bytes.Contains(out, []byte("a decline is an answer")) {
		t.Errorf("node ran other tests than those of florin.js:\n%s", out)
	}
}

// typescript is the compiler that the types are held to.
const typescript = "typescript@5.9.3"

func TestFlorinJSAgreesWithItsTypes(t *testing.T) {
	compiler := compilerOfTypes(t)
	for name, what := range map[string][]string{
		"a page in TypeScript compiles as it should": {"--strict", "js/test/sample.ts"},
		"the script is what its types say":           {"--allowJs", "--checkJs", "js/florin.js"},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := compiler(t, append(what, "--noEmit", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable")...); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// compilerOfTypes is tsc: the machine's, or npm's if npm can give it. Without one the test is skipped.
func compilerOfTypes(t *testing.T) func(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	run := func(t *testing.T, args ...string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		return exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	}
	for _, command := range [][]string{{"tsc"}, {"npx", "--yes", "--prefer-offline", "-p", typescript, "tsc"}} {
		if _, err := exec.LookPath(command[0]); err != nil {
			continue
		}
		if _, err := run(t, append(command, "--version")...); err == nil {
			return func(t *testing.T, args ...string) ([]byte, error) {
				return run(t, append(command[:len(command):len(command)], args...)...)
			}
		}
	}
	t.Skip("the types of florin.js are not tested: there is no tsc, and npx cannot get it")
	return nil
}
