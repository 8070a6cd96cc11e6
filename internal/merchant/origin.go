package merchant

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/fault"
)

// maxOrigins bounds how many origins a merchant may have.
const maxOrigins = 50

var (
	errOrigin       = errors.New("an origin is https://host or https://host:port, without a path")
	errOriginScheme = errors.New("an origin is https, or http on this machine (localhost, 127.0.0.1, [::1])")
	errURL          = errors.New("not an absolute http or https address")
)

// ParseOrigin reads an origin as people write it, and gives it as browsers do: lower case, without the scheme's own port.
func ParseOrigin(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#") {
		return "", errOrigin // without what url.Parse quotes
	}
	origin, err := originOf(u)
	if err != nil {
		return "", errOrigin
	}
	if u.Scheme != "https" && !loopback(u.Hostname()) {
		return "", errOriginScheme
	}
	return origin, nil
}

// OriginOf is the origin of an absolute address, as browsers write it. It fails on every scheme but http and https, on a name
// or password before the host, and on a host that two readers may read in two ways.
func OriginOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errURL
	}
	return originOf(u)
}

// ports are the schemes with their own ports, which browsers leave out of an origin.
var ports = map[string]string{"https": "443", "http": "80"}

func originOf(u *url.URL) (string, error) {
	own, ok := ports[u.Scheme] // url.Parse makes it lower case
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if !ok || u.Opaque != "" || u.User != nil || !plainHost(host) || strings.HasSuffix(u.Host, ":") {
		return "", errURL
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || port == own {
		return u.Scheme + "://" + host, nil
	}
	return u.Scheme + "://" + host + ":" + port, nil
}

// plainHost keeps out what two parsers may read in two ways, and what ends a directive of a content security policy: only
// letters, digits and the marks of names and addresses.
func plainHost(host string) bool {
	for _, c := range host {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' || c == ':') {
			return false
		}
	}
	return host != ""
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// AllowsOrigin tells whether pages of an origin, as a browser names it, may act for the merchant: those that it registered,
// and in test mode those of this machine over http, so that a shop can be tried before it has a name.
func (m Merchant) AllowsOrigin(origin string, live bool) bool {
	if slices.Contains(m.Origins, origin) {
		return true
	}
	if live || !strings.HasPrefix(origin, "http://") {
		return false
	}
	got, err := ParseOrigin(origin) // http passes on this machine only
	return err == nil && got == origin
}

// CheckReturn is nil if a payer may be sent to an address in the end: an absolute one, on an origin of the merchant's. Else it
// is fault.Invalid about return_url, which does not repeat the address.
func (m Merchant) CheckReturn(address string, live bool) error {
	origin, err := OriginOf(address)
	if err != nil {
		return fault.Wrong("return_url", fault.CodeInvalid, "must be an absolute http or https address")
	}
	if !m.AllowsOrigin(origin, live) {
		return fault.Wrong("return_url", fault.CodeInvalid, "must be on an origin that is registered for the merchant: add it with florin merchant update --origin")
	}
	return nil
}

// FrameAncestors are the sources of a content security policy that may frame what is the merchant's: its origins, and in test
// mode every port of this machine.
func (m Merchant) FrameAncestors(live bool) []string {
	sources := slices.Clone(m.Origins)
	if !live {
		sources = append(sources, "http://localhost:*", "http://127.0.0.1:*")
	}
	return sources
}
