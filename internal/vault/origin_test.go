package vault

import "testing"

func TestOrigins(t *testing.T) {
	cases := []struct{ text, want string }{
		{"https://api.stripe.com", "https://api.stripe.com:443"},
		{"HTTPS://API.Stripe.com:443/", "https://api.stripe.com:443"},
		{"https://10.0.0.1:8443", "https://10.0.0.1:8443"},
		{"https://[2001:db8::1]", "https://[2001:db8::1]:443"},
		{"http://127.0.0.1:8090", "http://127.0.0.1:8090"},
		{"http://localhost", "http://localhost:80"},
		{"http://[::1]:8090", "http://[::1]:8090"},
		{"http://127.9.9.9", "http://127.9.9.9:80"},
		{"http://api.stripe.com", ""},
		{"http://localhost.example", ""},
		{"http://0.0.0.0:80", ""},
		{"ftp://127.0.0.1", ""},
		{"api.stripe.com", ""},
		{"https://", ""},
		{"https://api.stripe.com/v1", ""},
		{"https://api.stripe.com?", ""},
		{"https://api.stripe.com?x=1", ""},
		{"https://api.stripe.com#x", ""},
		{"https://user@api.stripe.com", ""},
		{"https://api.stripe.com:", ""},
		{"https://api.stripe.com\\@evil.example", ""},
		{"https://ämter.example", ""},
		{"https://a b.example", ""},
		{"https://*.stripe.com", ""},
		{"mailto:x@y.example", ""},
		{"", ""},
	}
	for _, c := range cases {
		got, err := parseOrigin(c.text)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q is %q (%v), want %q", c.text, got, err, c.want)
		}
	}
}
