package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromium is the one browser of all tests: started for the first that needs it, ended after the last. Each payer has a window and
// cookies of their own.
type chromium struct {
	ctx    context.Context // of chromedp
	cancel context.CancelFunc
	wire   *wire
	cmd    *exec.Cmd
	said   bytes.Buffer // what it wrote, for a start that failed
	dir    string
	ended  chan error
}

// errNoChromium leads to a skip by name.
var errNoChromium = errors.New("there is no Chromium: as root, make tools installs it")

// sharedChromium is started by the first browser test. On a busy machine Chromium crashes now and then as it starts, before anybody has asked
// it for a page: it is started again then.
var sharedChromium = sync.OnceValues(func() (c *chromium, err error) {
	for range 3 {
		var failed error
		if c, failed = startChromium(); failed == nil || errors.Is(failed, errNoChromium) {
			return c, failed
		}
		err = errors.Join(err, failed)
	}
	return nil, err
})

// browserCommands are the names under which Chromium is known.
var browserCommands = []string{"chromium", "chromium-browser", "google-chrome"}

func startChromium() (c *chromium, err error) {
	var command string
	for _, name := range browserCommands {
		if command, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if command == "" {
		return nil, errNoChromium
	}
	c = &chromium{ended: make(chan error, 1)}
	if c.dir, err = os.MkdirTemp("", "florin-chromium-"); err != nil {
		return nil, fmt.Errorf("make a profile: %w", err)
	}
	toBrowser, us, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	fromUs, fromBrowser, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	c.cmd = exec.Command(command, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-default-apps", "--disable-dev-shm-usage",
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
		"--password-store=basic", "--no-default-browser-check", "--lang=en-US", "--window-size=1000,900", "--hide-scrollbars",
		// The shops of the tests are real sites to the browser, with certificates of their own making. No other name leads anywhere.
		"--ignore-certificate-errors", "--host-resolver-rules=MAP *.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
		"--user-data-dir="+c.dir, "--remote-debugging-pipe", "about:blank")
	c.cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // it reads from 3 and writes to 4
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.said
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Chromium: %w", err)
	}
	for _, theirs := range []*os.File{toBrowser, fromBrowser} {
		if err := theirs.Close(); err != nil {
			return nil, fmt.Errorf("leave Chromium its end of the pipe: %w", err)
		}
	}
	go func() { c.ended <- c.cmd.Wait() }()
	c.wire = newWire(chromedp.NewPipeConn(fromUs, us))
	allocating, _ := chromedp.NewAllocatorContext(context.Background(), c.wire)
	c.ctx, c.cancel = chromedp.NewContext(allocating)
	if err := chromedp.Do(c.ctx); err != nil { // attaches to a first page, which stays blank
		return nil, errors.Join(fmt.Errorf("speak to Chromium: %w", err), c.stop(), errors.New(c.said.String()))
	}
	runningChromium = c
	return c, nil
}

// stop ends the browser: it does so by itself when nobody speaks to it any more.
func (c *chromium) stop() error {
	c.cancel()
	err := c.wire.Close()
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		err = errors.Join(err, c.cmd.Process.Kill())
		<-c.ended
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// runningChromium is the browser to end after the last test.
var runningChromium *chromium

// stopChromium ends the browser if a test started it.
func stopChromium() {
	if runningChromium == nil {
		return
	}
	if err := runningChromium.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop Chromium:", err)
	}
}

// theChromium is the one of all tests. Without Chromium the test is skipped.
func theChromium(t *testing.T) *chromium {
	t.Helper()
	c, err := sharedChromium()
	if errors.Is(err, errNoChromium) {
		t.Skip("this test needs a browser: ", err)
	}
	must(t, err)
	return c
}
