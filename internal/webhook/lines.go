package webhook

import (
	"container/list"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/secret"
)

// maxLines bounds the client certificates whose connections are kept open. Who is past it pays with a new handshake.
const maxLines = 128

// lines are the connections to endpoints. Those that were opened with a client certificate are used for nothing else.
type lines struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	roots *x509.CertPool
	plain *http.Transport

	mu    sync.Mutex
	order *list.List // of *line, the last used first
	by    map[lineKey]*list.Element
}

type lineKey [sha256.Size]byte

type line struct {
	key       lineKey
	transport *http.Transport
}

func newLines(o courierOptions) *lines {
	dialer := &net.Dialer{Timeout: dialTimeout, Resolver: o.Resolver}
	if !o.AllowPrivate {
		dialer.ControlContext = publicOnly
	}
	l := &lines{dial: dialer.DialContext, roots: o.Roots, order: list.New(), by: map[lineKey]*list.Element{}}
	l.plain = l.transport(nil)
	l.plain.MaxIdleConns, l.plain.MaxIdleConnsPerHost = 1024, 128
	return l
}

// transport makes connections without a proxy, by TLS 1.2 at least. It asks for no compression and unpacks none.
func (l *lines) transport(certificate *tls.Certificate) *http.Transport {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: l.roots}
	if certificate != nil {
		// It is shown to whoever asks: the names of authorities in the question are a hint that many servers get wrong.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return l.dial(ctx, network, address)
		},
		TLSClientConfig: config, TLSHandshakeTimeout: dialTimeout, ForceAttemptHTTP2: true, DisableCompression: true,
		MaxIdleConns: 16, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: readHeader,
		HTTP2: &http.HTTP2Config{SendPingTimeout: tryTimeout, PingTimeout: dialTimeout}, // else a dead connection is believed for minutes
	}
}

// to is the way to an endpoint.
func (l *lines) to(d event.Endpoint) (*http.Transport, error) {
	if d.Certificate == "" {
		return l.plain, nil
	}
	key := lineKey(sha256.Sum256([]byte(d.Certificate + "\x00" + d.CertificateKey.Reveal())))
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.by[key]; ok {
		l.order.MoveToFront(known)
		return known.Value.(*line).transport, nil
	}
	certificate, err := tls.X509KeyPair([]byte(d.Certificate), []byte(d.CertificateKey.Reveal()))
	if err != nil {
		return nil, errBadCertificate
	}
	made := &line{key, l.transport(&certificate)}
	l.by[key] = l.order.PushFront(made)
	for l.order.Len() > maxLines {
		l.forget(l.order.Back())
	}
	return made.transport, nil
}

// forget closes what waits. A connection in use ends its try and closes when it has been idle for long enough.
func (l *lines) forget(e *list.Element) {
	old := l.order.Remove(e).(*line)
	delete(l.by, old.key)
	old.transport.CloseIdleConnections()
}

var errBadCertificate = errors.New("the client certificate and its key cannot be read")

// MaxCertificate bounds a chain and a key in PEM, each.
const MaxCertificate = 32 << 10

// checkClientCertificate reads a chain, the endpoint's own certificate first, and its key, both in PEM, and says what is wrong
// with them: they must be readable, belong together, and not have expired.
func checkClientCertificate(chain string, key secret.Text, now time.Time) []fault.Field {
	wrong := func(param, detail string) []fault.Field {
		return []fault.Field{{Param: "client_certificate." + param, Code: fault.CodeInvalid, Detail: detail}}
	}
	switch {
	case len(chain) > MaxCertificate || !onlyCertificates(chain):
		return wrong("certificate", "must be a chain of X.509 certificates in PEM, 32 KiB at most")
	case len(key.Reveal()) > MaxCertificate || !strings.Contains(key.Reveal(), "PRIVATE KEY-----"):
		return wrong("private_key", "must be a private key in PEM")
	case strings.Contains(key.Reveal(), "ENCRYPTED"):
		return wrong("private_key", "must not be encrypted")
	}
	pair, err := tls.X509KeyPair([]byte(chain), []byte(key.Reveal()))
	if err != nil {
		return wrong("private_key", "must be the RSA, ECDSA or Ed25519 key of the first certificate")
	}
	if !pair.Leaf.NotAfter.After(now) {
		return wrong("certificate", "has expired")
	}
	return nil
}

// onlyCertificates tells whether a text is one certificate or more in PEM, and no key that went astray.
func onlyCertificates(chain string) bool {
	rest := []byte(chain)
	for n := 0; ; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return n > 0 && !strings.Contains(string(rest), "-----BEGIN")
		}
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || err != nil {
			return false
		}
	}
}
