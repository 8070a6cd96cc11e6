package webhook

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// names is a name server: it answers the nth question for an IPv4 address by its script, and says that there are no others.
type names struct {
	mu     sync.Mutex
	asked  int
	answer func(n int) []netip.Addr
}

func resolverOf(answer func(n int) []netip.Addr) *net.Resolver {
	n := &names{answer: answer}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go n.serve(there)
		return here, nil
	}}
}

// serve answers one question as over TCP: two bytes of length, then the message. It ends with the connection.
func (n *names) serve(conn net.Conn) {
	defer conn.Close()
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	question := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, question); err != nil {
		return
	}
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	end += 5 // the root, the type and the class
	var found []netip.Addr
	if kind := binary.BigEndian.Uint16(question[end-4:]); kind == 1 {
		n.mu.Lock()
		found = n.answer(n.asked)
		n.asked++
		n.mu.Unlock()
	}
	reply := append([]byte{question[0], question[1], 0x81, 0x80, 0, 1, 0, byte(len(found)), 0, 0, 0, 0}, question[12:end]...)
	for _, a := range found {
		reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4) // the name asked for, A, IN, not to be kept, 4 bytes
		reply = append(reply, a.AsSlice()...)
	}
	_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)) // who asked may have gone
}

var (
	public = netip.MustParseAddr("93.184.215.14")
	local  = netip.MustParseAddr("127.0.0.1")
)

// hooks is the URL of a server by a name that its certificate has.
func hooks(l *listener) string {
	return strings.Replace(l.URL, "127.0.0.1", "hooks.example.com", 1)
}

func TestANameThatIsReboundReachesNothingPrivate(t *testing.T) {
	rebinding := func(n int) []netip.Addr {
		if n == 0 {
			return []netip.Addr{public}
		}
		return []netip.Addr{local}
	}
	for _, allowed := range []bool{false, true} {
		l := listenAt(t, (*httptest.Server).StartTLS, nil)
		resolver := resolverOf(rebinding)
		if wrong := checkURL(hooks(l), false); wrong != "" {
			t.Fatal(wrong)
		}
		first, err := resolver.LookupNetIP(t.Context(), "ip4", "hooks.example.com")
		if err != nil || len(first) != 1 || checkAddress(first[0]) != nil {
			t.Fatalf("the name does not look public when it is checked: %v, %v", first, err)
		}
		got := courierFor(t, courierOptions{AllowPrivate: allowed, Resolver: resolver, Roots: rootsOf(l)}).carry(t.Context(), endpointAt(hooks(l)), captured)
		switch {
		case allowed && (got.Status != 200 || l.count() != 1):
			t.Errorf("in development the name does not lead to the server, so this test says nothing: %+v", got)
		case !allowed && (!errors.Is(got.Err, errForbiddenAddress) || l.count() != 0 || explain(got.Err) != explain(&net.DNSError{Err: "no such host"})):
			t.Errorf("%+v; heard %d", got, l.count())
		}
	}
}

func TestEveryAddressOfANameIsChecked(t *testing.T) {
	l := listenAt(t, (*httptest.Server).StartTLS, nil)
	all := resolverOf(func(int) []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("100.64.0.1"), local}
	})
	got := courierFor(t, courierOptions{Resolver: all, Roots: rootsOf(l)}).carry(t.Context(), endpointAt(hooks(l)), captured)
	if !errors.Is(got.Err, errForbiddenAddress) || l.count() != 0 {
		t.Errorf("%+v; heard %d", got, l.count())
	}
}

func TestNoProxyStandsBetween(t *testing.T) {
	proxy := listenAt(t, nil, nil)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	l := listenAt(t, (*httptest.Server).StartTLS, nil)
	resolver := resolverOf(func(int) []netip.Addr { return []netip.Addr{local} })
	c := courierFor(t, courierOptions{AllowPrivate: true, Resolver: resolver, Roots: rootsOf(l)})
	if got := c.carry(t.Context(), endpointAt(hooks(l)), captured); got.Status != 200 || l.count() != 1 || proxy.count() != 0 {
		t.Errorf("%+v; the proxy heard %d", got, proxy.count())
	}
	if c.lines.plain.Proxy != nil { // the environment is read once in a process, and may have been before
		t.Error("the transport asks for a proxy")
	}
}

func TestNoPrivateAddressIsReached(t *testing.T) {
	for what, addresses := range map[string][]string{
		"loopback":       {"127.0.0.1", "127.255.255.254", "::1"},
		"this network":   {"0.0.0.0", "0.1.2.3", "::"},
		"private":        {"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1", "fdff::1"},
		"link-local":     {"169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1"},
		"CGNAT":          {"100.64.0.1", "100.127.255.255"},
		"metadata":       {"169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"},
		"NAT64":          {"64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "64:ff9b:1:ffff::808:808"},
		"6to4":           {"2002:7f00:1::", "2002:808:808::1", "192.88.99.1"},
		"Teredo":         {"2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"},
		"mapped":         {"::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "::7f00:1"},
		"multicast":      {"224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"},
		"broadcast":      {"255.255.255.255", "240.0.0.1"},
		"documentation":  {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"},
		"benchmarking":   {"198.18.0.1", "198.19.255.255", "2001:2::1"},
		"never assigned": {"4000::1", "8000::1", "100::1", "1fff::1", "5f00::1"},
	} {
		for _, a := range addresses {
			if err := checkAddress(netip.MustParseAddr(a)); !errors.Is(err, errForbiddenAddress) {
				t.Errorf("%s: %s passes", what, a)
			}
			if err := publicOnly(t.Context(), "tcp", net.JoinHostPort(a, "443"), nil); !errors.Is(err, errForbiddenAddress) {
				t.Errorf("%s: %s is dialed", what, a)
			}
			if checkURL("https://"+net.JoinHostPort(strings.ReplaceAll(a, "%", "%25"), "443")+"/hooks", false) == "" {
				t.Errorf("%s: an endpoint at %s passes", what, a)
			}
		}
	}
	for _, a := range []string{"8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "168.63.129.17", "2606:4700::1111", "2001:4860:4860::8888", "2a00:1450::1"} {
		if err := publicOnly(t.Context(), "tcp", net.JoinHostPort(a, "443"), nil); err != nil {
			t.Errorf("%s is on the internet: %v", a, err)
		}
	}
	for _, odd := range []string{"", "8.8.8.8", "hooks.example.com:443", "/run/socket"} {
		if err := publicOnly(t.Context(), "tcp", odd, nil); !errors.Is(err, errForbiddenAddress) {
			t.Errorf("%q is dialed", odd)
		}
	}
}

func TestURLsOfEndpoints(t *testing.T) {
	for raw, want := range map[string]struct{ production, development bool }{
		"https://shop.example/hooks":                            {true, true},
		"https://shop.example:8443/hooks?shop=1":                {true, true},
		"https://8.8.8.8/":                                      {true, true},
		"https://[2606:4700::1111]:443/":                        {true, true},
		"HTTPS://SHOP.EXAMPLE":                                  {true, true},
		"https://bücher.example/":                               {true, true},
		"https://localhost/":                                    {false, true},
		"https://LOCALHOST./":                                   {false, true},
		"https://shop.localhost/":                               {false, true},
		"http://localhost:3000/":                                {false, true},
		"http://127.0.0.1:3000/":                                {false, true},
		"http://[::1]:3000/":                                    {false, true},
		"https://127.0.0.1/":                                    {false, true},
		"https://2130706433/":                                   {false, true},
		"https://127.1/":                                        {false, true},
		"https://0x7f.0.0.1/":                                   {false, true},
		"https://0x7f000001/":                                   {false, true},
		"https://017700000001/":                                 {false, true},
		"https://127.0.0.1./":                                   {false, true},
		"https://./":                                            {false, false},
		"https://shop..example/":                                {false, false},
		"https://.shop.example/":                                {false, false},
		"https://-shop.example/":                                {false, false},
		"https://shop-.example/":                                {false, false},
		"https://shop.example-/":                                {false, false},
		"https://sh-op.example./":                               {true, true},
		"https://shop_1.example/":                               {true, true},
		"https://" + longText(63) + ".example/":                 {true, true},
		"https://" + longText(64) + ".example/":                 {false, false},
		"https://" + strings.Repeat("shop.", 49) + "example/":   {true, true}, // 252 characters
		"https://" + strings.Repeat("shop.", 49) + "examples./": {true, true}, // 253, and the root
		"https://" + strings.Repeat("shop.", 49) + "exampless/": {false, false},
		"http://10.0.0.1/":                                      {false, false},
		"http://shop.example/":                                  {false, false},
		"ftp://shop.example/":                                   {false, false},
		"//shop.example/":                                       {false, false},
		"shop.example/hooks":                                    {false, false},
		"https:///hooks":                                        {false, false},
		"https://:443/hooks":                                    {false, false},
		"https://shop.example:0/":                               {false, false},
		"https://shop.example:65536/":                           {false, false},
		"https://user@shop.example/":                            {false, false},
		"https://user:word@shop.example/":                       {false, false},
		"https://shop.example/#part":                            {false, false},
		"https://shop.example/\r\nX: y":                         {false, false},
		"https://shop example/":                                 {false, false},
		"https://[::1/":                                         {false, false},
		"javascript:alert(1)":                                   {false, false},
		"mailto:ops@shop.example":                               {false, false},
		"https://shop.example/" + longText(2048):                {false, false},
		"https://shop.example/" + longText(2027):                {true, true},
	} {
		if got := checkURL(raw, false); (got == "") != want.production {
			t.Errorf("in production %q: %q", raw, got)
		}
		if got := checkURL(raw, true); (got == "") != want.development {
			t.Errorf("in development %q: %q", raw, got)
		}
	}
}

func longText(n int) string { return strings.Repeat("x", n) }

func TestMailIsADestinationOnlyWhereItIsSent(t *testing.T) {
	const ops = "mailto:ops@shop.example"
	if checkDestination(ops, false, true) != "" || checkDestination(ops, true, false) == "" || checkDestination("mailto:nobody", false, true) == "" {
		t.Error("a destination for mail is judged wrongly")
	}
	if checkDestination("https://shop.example/", false, false) != "" || checkDestination("https://10.0.0.1/", false, true) == "" {
		t.Error("a destination by URL is judged wrongly")
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{
		"https://shop.example/hooks", "https://[::ffff:127.0.0.1]/", "http://localhost", "https://2130706433", "https://a@b", "mailto:ops@shop.example", "https://%31%32%37.0.0.1/",
		"https://shop.example:99999", "https://[fe80::1%25eth0]/", "https://127.0.0.1\\@shop.example/", "https://127。0。0。1/",
	} {
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, raw string, development bool) {
		if checkURL(raw, development) != "" {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || u.User != nil || u.Hostname() == "" || len(raw) > maxURL {
			t.Fatalf("%q passes: %v", raw, err)
		}
		if _, err := http.NewRequest(http.MethodPost, raw, nil); err != nil {
			t.Fatalf("%q passes, and cannot be sent to: %v", raw, err)
		}
		literal, err := netip.ParseAddr(u.Hostname())
		if !development && (u.Scheme != "https" || err == nil && checkAddress(literal) != nil) {
			t.Fatalf("%q passes in production", raw)
		}
	})
}
