//go:build !unix

package main

import (
	"fmt"
	"os"
)

// lock only makes the file: without flock the busy ports are what keeps a second process out.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	return f, nil
}
