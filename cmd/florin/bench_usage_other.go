//go:build !unix

package main

import "time"

// cpuUsed is not known on this system.
func cpuUsed() (time.Duration, error) { return 0, nil }

// memoryUsed is not known on this system.
func memoryUsed() (int64, error) { return 0, nil }
