package webhook

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

// piped is a courier whose connections all lead to one server, which is a function.
func piped(t *testing.T, serve func(conn net.Conn)) (c *courier, served chan struct{}) {
	t.Helper()
	c, served = newCourier(courierOptions{Clock: clock.NewManual(captured.CreatedAt)}), make(chan struct{})
	c.lines.dial = func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer close(served)
			defer there.Close()
			serve(there)
		}()
		return here, nil
	}
	return c, served
}

// readRequest reads one request to its end; false if none came.
func readRequest(conn net.Conn) bool {
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err == nil
}

// drip is how long each byte of a slow answer takes: never a fraction of the deadline, so that none comes at the same moment.
const drip = time.Second + time.Millisecond

// slowly writes a byte a second until nobody listens.
func slowly(conn net.Conn, text string) {
	for i := range len(text) {
		<-time.After(drip)
		if _, err := conn.Write([]byte{text[i]}); err != nil {
			return
		}
	}
}

func TestADrippingAnswerIsLeftAfterFifteenSeconds(t *testing.T) {
	for name, c := range map[string]struct {
		atOnce, slow string
		status       int
		body         string
	}{
		"its head":  {"", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, ""},
		"its body":  {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", strings.Repeat("x", 100), 200, strings.Repeat("x", 14)},
		"its parts": {"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n", strings.Repeat("1\r\nx\r\n", 20), 500, "xx"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				post, served := piped(t, func(conn net.Conn) {
					if readRequest(conn) {
						_, _ = io.WriteString(conn, c.atOnce)
						slowly(conn, c.slow)
					}
				})
				got := post.carry(t.Context(), endpointAt("http://shop.example/"), captured)
				<-served
				if got.Duration != tryTimeout || got.Status != c.status || string(got.ResponseBody) != c.body || got.Truncated != (c.status != 0) {
					t.Errorf("%+v", got)
				}
				if c.status == 0 && explain(got.Err) != "the endpoint did not answer in time" || c.status != 0 && got.Err != nil {
					t.Errorf("%v", got.Err)
				}
			})
		})
	}
}

// The clock of the tests stands still meanwhile, so what is measured is not the clock's.
func TestATryIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, served := piped(t, func(conn net.Conn) {
			if readRequest(conn) {
				<-time.After(3 * time.Second)
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n")
				slowly(conn, "ok")
			}
		})
		got := c.carry(t.Context(), endpointAt("http://shop.example/"), captured)
		<-served
		if got.FirstByte != 3*time.Second || got.Duration != 3*time.Second+2*drip || string(got.ResponseBody) != "ok" || got.Truncated {
			t.Errorf("%+v", got)
		}
	})
}

func TestATryEndsWithWhoAskedForIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	l := listenAt(t, nil, func(http.ResponseWriter, *http.Request) {
		cancel()
		<-release
	})
	got := courierFor(t, courierOptions{AllowPrivate: true}).carry(ctx, endpointAt(l.URL), captured)
	close(release)
	if !errors.Is(got.Err, context.Canceled) || explain(got.Err) != "the try was broken off" {
		t.Errorf("%v", got.Err)
	}
}

func TestConnectingHasFiveSecondsOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, served := piped(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }) // until it is left
		got := c.carry(t.Context(), endpointAt("https://shop.example/"), captured)
		<-served
		if got.Duration != dialTimeout || explain(got.Err) != "the endpoint did not answer in time" {
			t.Errorf("TLS: %s, %v", got.Duration, got.Err)
		}
	})
	// What package net keeps for every lookup is made by the first one, and may not be of a bubble.
	if _, err := resolverOf(func(int) []netip.Addr { return []netip.Addr{public} }).LookupNetIP(t.Context(), "ip4", "shop.example"); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		silent := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, there) }()
			return here, nil
		}}
		c := newCourier(courierOptions{Clock: clock.System{}, Resolver: silent})
		got := c.carry(t.Context(), endpointAt("https://shop.example/"), captured)
		if got.Duration != dialTimeout || explain(got.Err) != "no address was found for the host that webhooks may go to" {
			t.Errorf("name: %s, %v", got.Duration, got.Err)
		}
		<-time.After(time.Minute) // until nobody asks any more: a lookup goes on when its caller has given it up
	})
}

// An endpoint that answers before it has read the webhook, or never reads it, holds nobody up for longer.
func TestAnEndpointThatDoesNotReadIsLeftAfterFifteenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, served := piped(t, func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 1))
			<-time.After(time.Minute)
		})
		got := c.carry(t.Context(), endpointAt("http://shop.example/"), captured)
		if got.Duration != tryTimeout || explain(got.Err) != "the endpoint did not answer in time" {
			t.Errorf("%s, %v", got.Duration, got.Err)
		}
		<-served
	})
}
