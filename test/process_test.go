package test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for something that must happen, on a machine that does other things too.
const patience = 90 * time.Second

// eventually looks again and again until ok is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("did not happen within %s: %s", patience, what)
		}
	}
}

// process is a running florin.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	ready map[string]any // what it printed when it was ready
	log   string         // the file with what it wrote to standard error
	done  chan struct{}  // closed when it has ended
	err   error          // of Wait, once done
	mu    sync.Mutex
	out   bytes.Buffer
}

// start runs florin with --json until the test ends, and waits until it says that it is ready.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := launch(t, args...)
	t.Cleanup(p.end)
	p.await()
	return p
}

// await returns when the process says that it is ready.
func (p *process) await() {
	p.t.Helper()
	select {
	case <-p.done:
		p.t.Fatalf("florin %v ended at once: %v\n%s", p.cmd.Args, p.err, p.logged())
	case <-time.After(patience):
		p.t.Fatalf("florin %v is not ready\n%s", p.cmd.Args, p.logged())
	case <-p.readySignal():
	}
}

// launch runs florin with --json. Who launches sees to its end.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), "florin-*.log")
	must(t, err)
	p := &process{t: t, log: log.Name(), done: make(chan struct{}), ready: map[string]any{}}
	p.cmd = exec.Command(binary, append([]string{"--json", "--log-level", "debug"}, args...)...)
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	var reading sync.WaitGroup
	reading.Go(func() { p.read(out) })
	go func() {
		reading.Wait()
		p.err = errors.Join(p.cmd.Wait(), log.Close())
		close(p.done)
	}()
	return p
}

// end kills the process if it still runs, and fails the test if it panicked.
func (p *process) end() {
	p.kill()
	if text := p.logged(); strings.Contains(text, "panic:") || strings.Contains(text, "DATA RACE") {
		p.t.Errorf("florin %v panicked:\n%s", p.cmd.Args, text)
	}
}

func (p *process) read(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		p.mu.Lock()
		p.out.Write(append(lines.Bytes(), '\n'))
		p.mu.Unlock()
	}
}

// readySignal is closed when the first line of output is there.
func (p *process) readySignal() <-chan struct{} {
	ready := make(chan struct{})
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			p.mu.Lock()
			line, _, ok := bytes.Cut(p.out.Bytes(), []byte("\n"))
			if ok && json.Unmarshal(line, &p.ready) == nil {
				p.mu.Unlock()
				close(ready)
				return
			}
			p.mu.Unlock()
			select {
			case <-p.done:
				return
			default:
			}
		}
	}()
	return ready
}

// zone is the address that the process printed for a zone.
func (p *process) zone(name string) string {
	zones, _ := p.ready["zones"].(map[string]any)
	url, ok := zones[name].(string)
	if !ok {
		p.t.Fatalf("florin did not say where the zone %s is: %v", name, p.ready)
	}
	return url
}

func (p *process) logged() string {
	text, err := os.ReadFile(p.log)
	must(p.t, err)
	return string(text)
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("kill florin: %v", err)
	}
	<-p.done
}

// stop ends the process as an operator would, and fails the test if it does not end well.
func (p *process) stop() {
	p.t.Helper()
	must(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.done:
		if p.err != nil {
			p.t.Errorf("florin did not stop well: %v\n%s", p.err, p.logged())
		}
	case <-time.After(patience):
		p.t.Fatalf("florin did not stop within %s\n%s", patience, p.logged())
	}
}

// command runs florin to its end and gives its exit code and what it wrote.
func command(t *testing.T, stdin string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), patience) // not the test's: that ends before the cleanups, which run commands too
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// succeed runs florin --json to its end and reads what it printed.
func succeed(t *testing.T, stdin string, args ...string) map[string]any {
	t.Helper()
	code, out, errs := command(t, stdin, append([]string{"--json"}, args...)...)
	if code != 0 {
		t.Fatalf("florin %v exited with %d: %s", args, code, errs)
	}
	var printed map[string]any
	if err := json.Unmarshal([]byte(out), &printed); err != nil {
		t.Fatalf("florin %v printed %q: %v", args, out, err)
	}
	return printed
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Ports for processes that the tests start are taken span by span, from below those that the system gives to connections: one of those may be
// gone before the process listens. Each test process begins somewhere else.
const (
	firstSpan = 10_000
	spanCount = 1_400
	spanWidth = 16 // more than florin dev needs
)

var spansTaken atomic.Int64

func init() {
	var where [2]byte
	if _, err := rand.Read(where[:]); err != nil {
		panic(err)
	}
	spansTaken.Store(int64(where[0])<<8 | int64(where[1]))
}

// freeAddress is an address on this machine where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", freeBase(t))
}

// freeBase is a base port whose zones of florin dev are all free.
func freeBase(t *testing.T) string {
	t.Helper()
	for range spanCount {
		base := firstSpan + int(spansTaken.Add(1)%spanCount)*spanWidth
		if allFree(t, base, 0, 1, 2, 4, 10) {
			return strconv.Itoa(base)
		}
	}
	t.Fatal("found no free ports")
	return ""
}

func allFree(t *testing.T, base int, offsets ...int) bool {
	for _, o := range offsets {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(base+o)))
		if err != nil {
			return false
		}
		must(t, l.Close())
	}
	return true
}

// keepLogs puts the logs of a failed test where they can be read.
func keepLogs(t *testing.T, processes ...*process) {
	if !t.Failed() {
		return
	}
	for _, p := range processes {
		t.Logf("log of %s %v:\n%s", filepath.Base(p.cmd.Path), p.cmd.Args[1:], tail(p.logged(), 8<<10))
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }
