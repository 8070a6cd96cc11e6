package access

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// One value each: a refused request costs no allocation, and nothing about the key can get into them.
var (
	errMissing = fault.New(fault.Unauthorized, CodeKeyMissing, "the request has no API key: send it as Authorization: Bearer sk_…")
	errInvalid = fault.New(fault.Unauthorized, CodeKeyInvalid, "the API key is not valid")
	errExpired = fault.New(fault.Unauthorized, CodeKeyExpired, "the API key has expired")
	errAddress = fault.New(fault.Forbidden, CodeAddress, "the API key does not work from this address")
)

// Authenticate tells who calls, by the key in the Authorization header (Bearer, or Basic with the key as user name; a
// password is not looked at). It fails with fault.Unauthorized: without a key; with one that is unknown, revoked, or a
// development key away from its machine, which look the same; with an expired one. It fails with fault.Forbidden if the
// key does not work from the caller's address.
func (k *Keys) Authenticate(ctx context.Context, r *http.Request) (Principal, error) {
	text, err := credential(r.Header["Authorization"])
	if err != nil {
		return Principal{}, err
	}
	p, key, err := k.identify(ctx, text)
	if err != nil {
		return Principal{}, err
	}
	if key.Loopback && !k.local(r) {
		return Principal{}, errInvalid
	}
	if len(key.Networks) > 0 && !k.within(r, key.Networks) {
		return Principal{}, errAddress
	}
	m, err := k.merchants.Get(ctx, p.Account)
	if fault.Is(err, fault.NotFound) {
		return Principal{}, fmt.Errorf("key %s has no merchant", p.KeyID) // our fault: the caller must not get a 404
	}
	if err != nil {
		return Principal{}, err
	}
	p.Suspended = m.Suspended()
	return p, nil
}

// identify is the key that a text is, if it works now.
func (k *Keys) identify(ctx context.Context, text string) (Principal, *Key, error) {
	if !shaped(text) {
		return Principal{}, nil, errInvalid
	}
	key, err := k.find(ctx, text)
	if err != nil {
		return Principal{}, nil, err
	}
	if key == nil {
		return Principal{}, nil, errInvalid
	}
	if err := key.refusal(k.o.Clock.Now()); err != nil {
		return Principal{}, nil, err
	}
	account, live, _ := id.SplitTenant(key.Tenant)
	return Principal{Tenant: key.Tenant, Account: account, Live: live, KeyID: key.ID, Kind: key.Kind, Scopes: key.Scopes}, key, nil
}

// Publishable tells whose a publishable key is, for what a page may load by it alone: the key says who, not that they call. It
// fails with fault.Unauthorized for whatever is no publishable key that works.
func (k *Keys) Publishable(ctx context.Context, text string) (Principal, error) {
	p, _, err := k.identify(ctx, text)
	if err == nil && p.Kind != Publishable {
		err = errInvalid
	}
	if err != nil {
		return Principal{}, err
	}
	return p, nil
}

// find is the key with a text, whether it works or not; nil if there is none.
func (k *Keys) find(ctx context.Context, text string) (*Key, error) {
	h := hashOf(text)
	key, err := k.cache.Get(ctx, h, func(ctx context.Context) (*Key, error) { return k.byHash(ctx, h) })
	if err != nil || key == nil || subtle.ConstantTimeCompare(key.hash[:], h[:]) != 1 {
		return nil, err
	}
	return key, nil
}

// credential is the key in an Authorization header.
func credential(values []string) (string, error) {
	if len(values) == 0 {
		return "", errMissing
	}
	if len(values) > 1 {
		return "", errInvalid
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	rest = strings.TrimSpace(rest)
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return rest, nil
	case strings.EqualFold(scheme, "Basic"):
		return basicUser(rest)
	}
	return "", errMissing
}

// maxBasic bounds what is decoded: a key, a colon and a password that nobody looks at.
const maxBasic = 512

func basicUser(encoded string) (string, error) {
	if len(encoded) > maxBasic {
		return "", errInvalid
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", errInvalid
	}
	user, _, ok := strings.Cut(string(raw), ":")
	if !ok {
		return "", errInvalid
	}
	return user, nil
}

// forwarding are the headers by which a proxy says that it stands between.
var forwarding = []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"}

// local tells whether the caller is on this machine. A request that a proxy handed on is not, unless the proxy is trusted
// and says so: otherwise a proxy on this machine would open the development keys to the world. Nor is a browser's request
// for a name from outside that was made to point here: the keys are no secret, and a page could ask in its reader's name.
func (k *Keys) local(r *http.Request) bool {
	addr, trusted := k.remote(r)
	if !addr.IsLoopback() || !loopbackHost(r.Host) {
		return false
	}
	for _, name := range forwarding {
		if !trusted && len(r.Header[name]) > 0 {
			return false
		}
	}
	return true
}

// loopbackHost tells whether a Host header names this machine.
func loopbackHost(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	if strings.EqualFold(name, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.IsLoopback()
}

func (k *Keys) within(r *http.Request, networks []netip.Prefix) bool {
	addr, _ := k.remote(r)
	return anyContains(networks, addr)
}

// Address is the caller's address, through the proxies that are trusted; the zero address if it cannot be read.
func (k *Keys) Address(r *http.Request) netip.Addr {
	addr, _ := k.remote(r)
	return addr
}

// remote is the caller's address, and whether a trusted proxy told it. Without trusted proxies it is the connection's.
// With them it is the last address in X-Forwarded-For that no trusted proxy has: what stands before it, the caller may
// have written. The zero address is one that cannot be read; it is in no network.
func (k *Keys) remote(r *http.Request) (addr netip.Addr, told bool) {
	connection, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	addr = connection.Addr().Unmap().WithZone("")
	if !anyContains(k.o.TrustedProxies, addr) {
		return addr, false
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		if hop == "" {
			break
		}
		next, err := netip.ParseAddr(hop)
		if err != nil {
			return netip.Addr{}, true
		}
		addr, told = next.Unmap().WithZone(""), true
		if !anyContains(k.o.TrustedProxies, addr) {
			break
		}
	}
	return addr, told
}

func anyContains(networks []netip.Prefix, addr netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}
