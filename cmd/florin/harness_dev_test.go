package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/florinpay/florin/internal/obs"
)

// patience is how long a test waits for something that must happen, on a machine that does other things too.
const patience = 60 * time.Second

// startDev runs florin dev on free ports. It returns what it printed when it was ready, and what stops it.
func startDev(dir string) (devShown, func() error, error) {
	ctx, cancel := context.WithCancel(context.Background())
	said, out := io.Pipe()
	var log bytes.Buffer
	var ended sync.WaitGroup
	var failed error
	ended.Go(func() {
		dev := devCommand{Data: dir, Drain: patience}
		failed = dev.Run(ctx, &console{out: out, err: &log, json: true, log: obs.NewLogger(&log, true, 0)})
		out.CloseWithError(errors.Join(io.EOF, failed))
	})
	stop := func() error {
		cancel()
		ended.Wait()
		if failed != nil {
			return errors.Join(failed, errors.New(log.String()))
		}
		return nil
	}
	var shown devShown
	if err := json.NewDecoder(said).Decode(&shown); err != nil {
		return devShown{}, nil, errors.Join(err, stop())
	}
	return shown, stop, nil
}

// dev runs florin dev until the script ends, and tells commands where it is.
func dev(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: dev")
	}
	shown, stop, err := startDev(ts.MkAbs("florin-data"))
	must(ts, err)
	ts.Defer(func() {
		if err := stop(); err != nil {
			ts.Logf("florin dev did not stop well: %v", err)
		}
	})
	ts.Setenv("FLORIN_API_URL", shown.Zones[zoneAPI])
	ts.Setenv("FLORIN_VAULT_URL", shown.Zones[zoneVault])
	ts.Setenv("FLORIN_SANDBOX_URL", shown.Zones[zoneSandbox])
}

// devFor runs florin dev until the test ends.
func devFor(t *testing.T) devShown {
	t.Helper()
	shown, stop, err := startDev(t.TempDir() + "/florin-data")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return shown
}

// quiet is a console whose output is kept.
func quiet(json bool) (*console, *strings.Builder) {
	out := &strings.Builder{}
	return &console{out: out, err: io.Discard, json: json, log: obs.NewLogger(io.Discard, json, 0)}, out
}
