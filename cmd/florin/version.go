package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

func (versionCommand) Help() string { return "Example:\n\n    florin version --json" }

// Run prints what was built, from what, with what.
func (versionCommand) Run(c *console) error {
	version, revision := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	return c.print(map[string]string{"version": version, "revision": revision, "go": runtime.Version()}, func(w io.Writer) {
		fmt.Fprintf(w, "florin %s (%s, %s)\n", version, revision, runtime.Version())
	})
}
