package limit

import (
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// Code is the code of a refusal.
const Code = "rate_limited"

// Decision is what was said to one request.
type Decision struct {
	Allowed   bool
	Remaining int           // what is left
	Wait      time.Duration // until one more is there
	policy    Policy
}

// Err is nil if the request is allowed, else fault.RateLimited with the time to wait.
func (d Decision) Err() error {
	if d.Allowed {
		return nil
	}
	return &fault.Error{Kind: fault.RateLimited, Code: Code, Detail: "too many requests: wait as long as Retry-After says", RetryAfter: d.Wait}
}

// Header puts what a caller may know: RateLimit-Policy and RateLimit, and Retry-After on a refusal. Nothing if no policy applied.
// Source: draft-ietf-httpapi-ratelimit-headers-11, sections 3, 4 and 6.
//
// A bucket fills all the time, so its policy is said as what a full one holds in the time that an empty one takes to fill, and
// the effective window is the time until one more is there. On a refusal Retry-After is the end of that window.
func (d Decision) Header(h http.Header) {
	if d.policy.Off() {
		return
	}
	name := `"` + d.policy.Name + `"`
	h.Set("RateLimit-Policy", name+";q="+strconv.FormatInt(d.policy.capacity(), 10)+";w="+seconds(d.policy.refill()))
	h.Set("RateLimit", name+";r="+strconv.Itoa(d.Remaining)+";t="+seconds(d.Wait))
	if !d.Allowed {
		h.Set("Retry-After", seconds(d.Wait))
	}
}

// seconds rounds up: who comes back then is let in.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(int64((d+time.Second-1)/time.Second), 1), 10)
}

// Handler lets next answer what the policy allows. key names whose bucket a request takes from; the empty key is not limited.
// refuse renders the refusal, a fault.RateLimited; the headers of the limit are set when it is called. next gets the same request.
func (l *Limiter) Handler(key func(*http.Request) string, refuse func(http.ResponseWriter, *http.Request, error), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := l.Take(key(r))
		d.Header(w.Header())
		if err := d.Err(); err != nil {
			refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// unknownAddress is the key of whoever has no address that can be read: they share a bucket.
const unknownAddress = "?"

// ByAddress is the key of an address: an IPv4 address, or the /64 of an IPv6 one, because whoever has one has all of them.
func ByAddress(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return unknownAddress
	case a.Is4():
		return a.String()
	}
	network, err := a.Prefix(64)
	if err != nil {
		return unknownAddress // no IPv6 address is shorter than that
	}
	return network.String()
}

// Connection is the address of a request's connection: the caller's own if no proxy stands between. The zero address if it cannot be read.
func Connection(r *http.Request) netip.Addr {
	connection, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return connection.Addr()
}
