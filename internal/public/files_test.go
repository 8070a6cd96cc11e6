package public

import (
	"crypto/sha512"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

func TestTheScriptIsServedForEverUnderItsHash(t *testing.T) {
	d := newDoor(t)
	to := d.send("GET", "/florin.js", "")
	path := to.Header().Get("Location")
	if to.Code != 302 || !regexp.MustCompile(`^/js/florin-[0-9a-f]{16}\.js$`).MatchString(path) || to.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%d %v", to.Code, to.Header())
	}
	w := d.send("GET", path, "", "Origin", "https://anywhere.example")
	text := w.Body.String()
	h := w.Header()
	if w.Code != 200 || h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("Content-Type") != "text/javascript; charset=utf-8" ||
		h.Get("Access-Control-Allow-Origin") != "*" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("%d %v", w.Code, h)
	}
	if strings.Contains(text, "__PUBLIC_URL__") || strings.Contains(text, "__VAULT_URL__") || !strings.Contains(text, "https://pay.example") || !strings.Contains(text, "https://vault.example") {
		t.Error("the addresses are not filled in")
	}
	sum := sha512.Sum384(w.Body.Bytes())
	told := given[map[string]string](t, d.send("GET", "/js/integrity.json", ""), 200)
	if told["url"] != "https://pay.example"+path || told["integrity"] != "sha384-"+base64.StdEncoding.EncodeToString(sum[:]) {
		t.Errorf("told %v", told)
	}
	types := d.send("GET", strings.TrimSuffix(path, ".js")+".d.ts", "")
	if types.Code != 200 || !strings.Contains(types.Body.String(), "export declare function Florin") {
		t.Errorf("types: %d", types.Code)
	}
	if w := d.send("GET", "/js/florin-0000000000000000.js", ""); w.Code != 404 {
		t.Errorf("another hash: %d", w.Code)
	}
}

func TestAnotherAddressIsAnotherHash(t *testing.T) {
	one, other := newDoor(t), newDoor(t, func(o *Options) { o.VaultURL = "https://vault.other.example" })
	if one.files.Florin.Path == other.files.Florin.Path || one.files.Checkout.Path == other.files.Checkout.Path {
		t.Error("the hash is not of what is served")
	}
	if text := string(other.files.Checkout.body); !strings.Contains(text, "'"+other.files.Florin.Path+"'") || strings.Contains(text, "__") {
		t.Error("the checkout's script does not import what is served")
	}
}

func TestAnAddressThatCannotStandInAScriptIsRefused(t *testing.T) {
	for _, address := range []string{"", "pay.example", "ftp://pay.example", "https://pay.example/'+alert(1)+'", "https://pay.example; script-src *", "https://pay.example?x", "javascript:x"} {
		for _, change := range []func(*Options){func(o *Options) { o.URL = address }, func(o *Options) { o.VaultURL = address }} {
			o := newDoor(t).Options
			change(&o)
			if _, err := New(o); err == nil {
				t.Errorf("%q is taken", address)
			}
		}
	}
}
