package vault

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// The client's bounds. A provider is one host that takes thousands of requests a second: connections to it are kept.
const (
	dialTimeout       = 10 * time.Second
	handshakeTimeout  = 10 * time.Second
	idleTimeout       = 90 * time.Second
	idlePerHost       = 256
	idleInAll         = 1024
	maxResponseHeader = 64 << 10
)

// NewClient makes the HTTP client that the vault sends with. It speaks HTTP/1.1 (one request on a connection at a time, so
// that it is certain what left), follows no redirect, uses no proxy and keeps no cookie. config may be nil.
func NewClient(config *tls.Config) *http.Client {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config = config.Clone()
	config.NextProtos = nil // HTTP/2 is not offered
	if config.ClientSessionCache == nil {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return gated(d.DialContext(ctx, network, address))
			},
			DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return gated(dialTLS(ctx, d, config, network, address))
			},
			MaxIdleConns:           idleInAll,
			MaxIdleConnsPerHost:    idlePerHost,
			IdleConnTimeout:        idleTimeout,
			DisableCompression:     true, // what is compressed cannot be searched for card numbers
			MaxResponseHeaderBytes: maxResponseHeader,
		},
	}
}

func dialTLS(ctx context.Context, d *net.Dialer, config *tls.Config, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	plain, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = host
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	c := tls.Client(plain, config)
	if err := c.HandshakeContext(ctx); err != nil {
		plain.Close()
		return nil, err
	}
	return c, nil
}

// gate is a connection that knows whether a request began to leave through it, and that can be shut so that none ever
// will. Only so can it be said that a request was not sent: net/http writes in a goroutine of its own, which may be just
// about to write when the caller's time is up.
type gate struct {
	net.Conn
	mu     sync.Mutex
	writes uint64
	shut   bool
}

var errShut = errors.New("connection is shut")

func gated(c net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return &gate{Conn: c}, nil
}

// Write counts before it writes: what was counted may not have left, but what left was counted.
func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	if g.shut {
		g.mu.Unlock()
		return 0, errShut
	}
	g.writes++
	g.mu.Unlock()
	return g.Conn.Write(b)
}

func (g *gate) mark() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.writes
}

// shutUnsent tells whether nothing was written since the mark, and if so sees to it that nothing will be.
func (g *gate) shutUnsent(mark uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.writes != mark {
		return false
	}
	g.shut = true
	return true
}
