package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"
)

// A merchant chooses where its webhooks go, so the address is hostile until shown otherwise: it is checked when the
// endpoint is made, and again each time a connection is opened, after the name was resolved.

// forbidden are the ranges that no webhook may reach unless private networks are allowed: what is not on the public
// internet, and what wraps an address that may not be. Source: IANA's registries of special-purpose addresses.
var forbidden = func() []netip.Prefix {
	var all []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4", "240.0.0.0/4",
		"168.63.129.16/32", // a public address by which every machine in Azure reaches its host's metadata
		// IPv6 is public within 2000::/3 alone. Beyond it are loopback, link-local, unique local and multicast, and IPv4 in
		// the clothes of mapped and translated addresses and of NAT64.
		"::/3", "4000::/2", "8000::/1",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", // Teredo, ORCHID and their like; documentation; 6to4
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

// checkDestination says what is wrong with what an endpoint gives as its URL; nothing if it is right. Besides a URL that
// may be an address for mail, if mail can be sent.
func checkDestination(raw string, allowPrivate, mail bool) string {
	if !isMail(raw) {
		return checkURL(raw, allowPrivate)
	}
	if !mail {
		return "must begin with https://: this installation sends no mail"
	}
	return checkMailURL(raw)
}

// checkURL says what is wrong with an endpoint's URL; nothing if it is right. Plain http is for loopback, where private
// networks are allowed. It asks no name server: what counts is the address that is dialed.
func checkURL(raw string, allowPrivate bool) string {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return "must be an absolute URL"
	}
	if len(raw) > maxURL || u.User != nil || u.Fragment != "" {
		return "must have at most 2048 characters, no user and no fragment"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "must have a port from 1 to 65535, or none"
		}
	}
	literal, err := netip.ParseAddr(u.Hostname())
	isLiteral := err == nil
	if !allowPrivate && (isLiteral && checkAddress(literal) != nil || !isLiteral && privateName(u.Hostname())) {
		return "must be an address on the public internet"
	}
	if !isLiteral && !possibleName(u.Hostname()) {
		return "must have the name of a host: labels of 1 to 63 characters that neither begin nor end with a dash, 253 in all"
	}
	loopback := u.Hostname() == "localhost" || isLiteral && literal.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && allowPrivate && loopback) {
		return "must begin with https://"
	}
	return ""
}

const maxURL = 2048

// possibleName tells whether a name can be one of a host. What is not ASCII is longer on the wire than here: the resolver finds that
// out. Source: RFC 1035, section 2.3.4; RFC 952.
func possibleName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if utf8.RuneCountInString(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || utf8.RuneCountInString(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// privateName tells whether a name cannot be one of the public internet: localhost and what is below it, and numbers, which
// some resolvers take for an address: 2130706433, 127.1, 0x7f.0.0.1. Sources: RFC 6761, section 6.3; the URL standard.
func privateName(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	number := err == nil || last != "" && strings.Trim(last, "0123456789") == ""
	return last == "" || last == "localhost" || number
}
