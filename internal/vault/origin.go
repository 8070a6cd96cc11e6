package vault

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

var (
	errOriginForm   = errors.New("an origin is scheme://host:port and no more")
	errOriginScheme = errors.New("only https is allowed, and http to a loopback address")
)

var defaultPorts = map[string]string{"https": "443", "http": "80"}

// parseOrigin reads an origin as an operator writes it, with or without the port.
func parseOrigin(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", errOriginForm // without what url.Parse quotes
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.ForceQuery {
		return "", errOriginForm
	}
	return originOf(u)
}

// originOf is scheme://host:port of a URL, lower case, always with the port.
func originOf(u *url.URL) (string, error) {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if u.Opaque != "" || u.User != nil || u.Fragment != "" || host == "" || !plainHost(host) || strings.HasSuffix(u.Host, ":") {
		return "", errOriginForm
	}
	scheme := strings.ToLower(u.Scheme)
	if scheme != "https" && (scheme != "http" || !loopback(host)) {
		return "", errOriginScheme
	}
	if port == "" {
		port = defaultPorts[scheme]
	}
	return scheme + "://" + net.JoinHostPort(host, port), nil
}

// plainHost keeps out what two parsers may read in two ways: only letters, digits and the marks of names and addresses.
func plainHost(host string) bool {
	for _, c := range host {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' || c == ':') {
			return false
		}
	}
	return true
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
