// Package test runs the whole of Florin as its users do: the built command, over HTTP, on both engines.
package test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

// binary is the florin command, built once for all tests.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// atOnce is how many tests run at the same time for each core, unless -parallel says it. Most wait: for a lease to run out, a provider's
// time to be over, a page to be shown.
const atOnce = 3

func run(m *testing.M) int {
	if err := flag.Set("test.parallel", strconv.Itoa(atOnce*runtime.GOMAXPROCS(0))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "florin-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "florin")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "../cmd/florin")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build florin:", err)
		return 1
	}
	defer stopChromium()
	return m.Run()
}
