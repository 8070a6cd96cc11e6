//go:build !linux

package dbtest

// Elsewhere there is no folder in memory to count on.
const memory = ""

func roomInMemory() bool { return false }
