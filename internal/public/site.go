package public

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/florinpay/florin/internal/merchant"
)

// site is where browsers reach the zones, and what follows for the headers of every answer.
type site struct {
	url, vault          string // without a slash at the end
	origin, vaultOrigin string
	walletOrigin        string // of the simulated wallet; empty if there is none
	secure              bool   // browsers come by HTTPS
	permissions         string // a header
}

// year is how long browsers remember that a site is to be reached by HTTPS only, in seconds.
const year = "31536000"

func newSite(public, vault string) (site, error) {
	s := site{url: strings.TrimSuffix(public, "/"), vault: strings.TrimSuffix(vault, "/")}
	var err error
	if s.origin, err = originOf(s.url); err != nil {
		return site{}, fmt.Errorf("its own address %q: %w", public, err)
	}
	if s.vaultOrigin, err = originOf(s.vault); err != nil {
		return site{}, fmt.Errorf("the vault's address %q: %w", vault, err)
	}
	s.secure = strings.HasPrefix(s.origin, "https:")
	s.permissions = `accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), ` +
		`microphone=(), midi=(), payment=(self "` + s.vaultOrigin + `"), serial=(), usb=()`
	return s, nil
}

// originOf is an address's origin, if the address can stand inside a script and a header as it is.
func originOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(address, `'"\;, `) {
		return "", fmt.Errorf("not scheme://host:port")
	}
	return merchant.OriginOf(address)
}

// guard sets what every answer has. What is a page says more: see policy.
func (s site) guard(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", s.permissions)
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age="+year)
	}
}

// policy is the Content-Security-Policy of a page. Scripts and styles are files of ours, but for the merchant's colour, which
// the nonce lets in.
type policy struct {
	nonce     string
	forms     string   // where forms may go besides here; empty: nowhere
	ancestors []string // whose pages may frame this one; none: nobody
	wallet    bool     // the page shows the wallet's sheet, and sends what it gives to the vault
}

func (s site) csp(p policy) string {
	connect, frame := "connect-src 'self' "+s.origin, "frame-src "+s.vaultOrigin
	if p.wallet {
		connect, frame = connect+" "+s.vaultOrigin, frame+" "+s.walletOrigin
	}
	parts := []string{"default-src 'none'", "script-src 'self'", "style-src 'self' 'nonce-" + p.nonce + "'", "img-src 'self'", connect, frame, "base-uri 'none'"}
	forms := "'none'"
	if p.forms != "" {
		forms = p.forms
	}
	ancestors := "'none'"
	if len(p.ancestors) > 0 {
		ancestors = strings.Join(p.ancestors, " ")
	}
	return strings.Join(append(parts, "form-action "+forms, "frame-ancestors "+ancestors), "; ")
}
