package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// A merchant chooses where its webhooks go, so the address is hostile until shown otherwise: it is checked when the
// endpoint is made, and again each time a connection is opened, after the name was resolved.

// forbidden are the ranges that no webhook may reach unless private networks are allowed: what is not on the public
// internet, and what wraps an address that may not be.
var forbidden = func() []netip.Prefix {
	var all []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4", "240.0.0.0/4",
		"::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
		"2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	} {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}()

var errForbiddenAddress = errors.New("the address is not on the public internet")

// publicOnly refuses a connection to a forbidden address. It sees the address that will be dialed, not the name.
func publicOnly(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s: %w", address, errForbiddenAddress)
	}
	return checkAddress(at.Addr())
}

func checkAddress(a netip.Addr) error {
	for _, p := range forbidden {
		if p.Contains(a.Unmap()) || p.Contains(a.WithZone("")) {
			return errForbiddenAddress
		}
	}
	return nil
}

// newClient makes the client that webhooks are sent by: no redirects, no proxy, five seconds to connect and fifteen in
// all, TLS 1.2 at least.
func newClient(allowPrivate bool) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !allowPrivate {
		dialer.ControlContext = publicOnly
	}
	return &http.Client{
		Timeout: 15 * time.Second,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true,
			MaxIdleConns: 512, MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10,
			DisableCompression: true, // an answer is read for the log only, and never unpacked
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkURL says what is wrong with an endpoint's URL; nothing if it is right. Plain http is for loopback, where private
// networks are allowed.
func checkURL(raw string, allowPrivate bool) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return "must be an absolute URL"
	}
	if len(raw) > 2048 || u.User != nil || u.Fragment != "" {
		return "must have at most 2048 characters, no user and no fragment"
	}
	literal, err := netip.ParseAddr(u.Hostname())
	isLiteral := err == nil
	if !allowPrivate && (isLiteral && checkAddress(literal) != nil || u.Hostname() == "localhost") {
		return "must be an address on the public internet"
	}
	loopback := u.Hostname() == "localhost" || isLiteral && literal.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && allowPrivate && loopback) {
		return "must begin with https://"
	}
	return ""
}
