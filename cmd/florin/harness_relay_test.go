package main

import (
	"io"
	"net"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// relay passes connections on to the api zone, and can cut them.
type relay struct {
	listener net.Listener
	to       string
	running  sync.WaitGroup

	mu   sync.Mutex
	open []net.Conn
}

// relayed puts a relay in front of the script's florin dev, at $RELAY.
func relayed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: relay")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(ts, err)
	r := &relay{listener: listener, to: strings.TrimPrefix(ts.Getenv("FLORIN_API_URL"), "http://")}
	r.running.Go(r.accept)
	ts.Defer(func() {
		_ = listener.Close()
		r.cut()
		r.running.Wait()
	})
	ts.Value("relays").(map[string]*relay)["RELAY"] = r
	ts.Setenv("RELAY", "http://"+listener.Addr().String())
}

// cut breaks every connection through the script's relay.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: cut")
	}
	if n := ts.Value("relays").(map[string]*relay)["RELAY"].cut(); n == 0 {
		ts.Fatalf("there was no connection to cut")
	}
}

// accept passes connections on until the listener is closed.
func (r *relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", r.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		r.mu.Lock()
		r.open = append(r.open, near, far)
		r.mu.Unlock()
		for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
			r.running.Go(func() {
				_, _ = io.Copy(pair[0], pair[1]) // it ends when one side does, which is what a cut is
				_ = pair[0].Close()
				_ = pair[1].Close()
			})
		}
	}
}

// cut closes what is open, and says how much that was.
func (r *relay) cut() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.open)
	for _, conn := range r.open {
		_ = conn.Close()
	}
	r.open = nil
	return n
}
