package main

import (
	"errors"
	"net"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"florin": main}) }

// TestCommands runs the scripts in testdata/script: what a user types, and what comes back.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "chomp": chomp, "sign": sign, "join": join, "dev": dev, "start": start, "await": await, "silent": silent, "interrupt": interrupt,
			"receiver": receiver, "received": received, "relay": relayed, "cut": cut, "endpoint": endpoint, "capture": capture,
		},
		Setup: func(e *testscript.Env) error {
			busy, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			_, port, err := net.SplitHostPort(busy.Addr().String())
			if err != nil {
				return err
			}
			e.Values["backgrounds"], e.Values["receivers"], e.Values["relays"] = backgrounds{}, map[string]*application{}, map[string]*relay{}
			e.Setenv("BUSY", port) // a port on which somebody listens
			e.Defer(func() { busy.Close() })
			return nil
		},
	})
}

// exits CODE COMMAND… wants a command to end with that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT...]")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exited with %d, want %s", code, args[0])
	}
}
