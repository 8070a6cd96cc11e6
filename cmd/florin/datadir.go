package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	marker     = "FLORIN" // says that a directory is Florin's own, and so that --clean may empty it
	markerText = "A data directory of florin, format 1. It holds keys and databases: keep it private.\n"
	lockName   = "LOCK" // held by the process that runs on the directory
)

// dataDir is a directory with databases and keys.
type dataDir string

func (d dataDir) at(names ...string) string {
	return filepath.Join(append([]string{string(d)}, names...)...)
}
func (d dataDir) main() string    { return "sqlite:" + d.at("florin.db") }
func (d dataDir) vault() string   { return "sqlite:" + d.at("vault.db") }
func (d dataDir) sandbox() string { return d.at("sandbox.db") }
func (d dataDir) keys() string    { return d.at("keys") }

// whose tells whether the directory is Florin's. One that is not there or empty is nobody's: it can become Florin's.
func (d dataDir) whose() (ours, free bool, err error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return false, true, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("look into the data directory: %w", err)
	}
	free = true
	for _, e := range entries {
		if e.Name() == marker && e.Type().IsRegular() {
			return true, false, nil
		}
		free = free && e.Name() == lockName
	}
	return false, free, nil
}

// take makes the directory this process's own until release, and empties it first if clean. It refuses a directory that holds
// other things, and one that another process runs on.
func (d dataDir) take(clean bool) (release func() error, err error) {
	if ours, free, err := d.whose(); err != nil {
		return nil, err
	} else if !ours && !free {
		return nil, fmt.Errorf("%s holds other things and is not a florin data directory (it has no file %s): it stays untouched", d, marker)
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	held, err := lock(d.at(lockName))
	if err != nil {
		return nil, err
	}
	if clean {
		err = d.empty()
	}
	if err == nil {
		err = d.fill()
	}
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return held.Close, nil
}

// fill lays down what every data directory has.
func (d dataDir) fill() error {
	if err := os.WriteFile(d.at(marker), []byte(markerText), 0o600); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := os.MkdirAll(d.keys(), 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	return nil
}

// empty removes everything but the lock; the marker goes last, so that another --clean can finish what a crash left.
func (d dataDir) empty() error {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return fmt.Errorf("empty the data directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() == marker || e.Name() == lockName {
			continue
		}
		if err := os.RemoveAll(d.at(e.Name())); err != nil {
			return fmt.Errorf("empty the data directory: %w", err)
		}
	}
	if err := os.Remove(d.at(marker)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("empty the data directory: %w", err)
	}
	return nil
}

// check is nil if the directory is Florin's.
func (d dataDir) check() error {
	ours, _, err := d.whose()
	if err == nil && !ours {
		err = fmt.Errorf("%s is not a florin data directory (it has no file %s)", d, marker)
	}
	return err
}
