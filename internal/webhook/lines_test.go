package webhook

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/secret"
)

// rootsOf trusts a server that was started with TLS.
func rootsOf(l *listener) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(l.Certificate())
	return roots
}

// close lets go of the connections that wait for more, so that servers can be closed.
func (l *lines) close() {
	l.plain.CloseIdleConnections()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.order.Len() > 0 {
		l.forget(l.order.Back())
	}
}

func TestTLSIsOfTheSecondKindAtLeast(t *testing.T) {
	for name, c := range map[string]struct {
		most uint16
		want bool
	}{"1.0": {tls.VersionTLS10, false}, "1.1": {tls.VersionTLS11, false}, "1.2": {tls.VersionTLS12, true}, "1.3": {tls.VersionTLS13, true}} {
		l := listenAt(t, func(s *httptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: c.most}
			s.StartTLS()
		}, nil)
		got := courierFor(t, courierOptions{AllowPrivate: true, Roots: rootsOf(l)}).carry(t.Context(), endpointAt(l.URL), captured)
		if (got.Status == 200) != c.want || (got.Err == nil) != c.want || (l.count() == 1) != c.want {
			t.Errorf("TLS %s: %+v", name, got)
		}
		if !c.want && !strings.Contains(explain(got.Err), "version") {
			t.Errorf("TLS %s: %q", name, explain(got.Err))
		}
	}
}

func TestOnlyACertificateThatIsTrustedForTheNameWillDo(t *testing.T) {
	l := listenAt(t, (*httptest.Server).StartTLS, nil)
	here := resolverOf(func(int) []netip.Addr { return []netip.Addr{local} })
	_, port, _ := strings.Cut(strings.TrimPrefix(l.URL, "https://"), ":")
	for name, c := range map[string]struct {
		host  string
		roots *x509.CertPool
	}{"signed by itself": {"hooks.example.com", nil}, "for another name": {"hooks.shop.example", rootsOf(l)}} {
		got := courierFor(t, courierOptions{AllowPrivate: true, Resolver: here, Roots: c.roots}).carry(t.Context(), endpointAt("https://"+c.host+":"+port), captured)
		if got.Status != 0 || l.count() != 0 || !strings.Contains(explain(got.Err), "certificate") {
			t.Errorf("%s: %+v, %q", name, got, explain(got.Err))
		}
	}
}

func TestHTTP2IsSpokenWhereItIsOffered(t *testing.T) {
	protocol := make(chan string, 1)
	l := listenAt(t, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }, func(_ http.ResponseWriter, r *http.Request) { protocol <- r.Proto })
	got := courierFor(t, courierOptions{AllowPrivate: true, Roots: rootsOf(l)}).carry(t.Context(), endpointAt(l.URL), captured)
	if got.Status != 200 || got.FirstByte <= 0 || <-protocol != "HTTP/2.0" {
		t.Errorf("%+v", got)
	}
}

// authority signs client certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Shop Authority"}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

// issue makes a client certificate with its key, in PEM.
func (a authority) issue(t *testing.T, name string, until time.Time) (chain string, key secret.Text) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Unix(0, 0), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &own.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})))
}

func TestAClientCertificateIsShownByWhoHasIt(t *testing.T) {
	trusted, other := newAuthority(t), newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(trusted.certificate)
	shown := make(chan string, 10)
	l := listenAt(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
		s.StartTLS()
	}, func(_ http.ResponseWriter, r *http.Request) { shown <- r.TLS.PeerCertificates[0].Subject.CommonName })
	c := courierFor(t, courierOptions{AllowPrivate: true, Roots: rootsOf(l)})
	bare, north, south, stranger := endpointAt(l.URL), endpointAt(l.URL), endpointAt(l.URL), endpointAt(l.URL)
	north.Certificate, north.CertificateKey = trusted.issue(t, "north", time.Now().Add(time.Hour))
	south.Certificate, south.CertificateKey = trusted.issue(t, "south", time.Now().Add(time.Hour))
	stranger.Certificate, stranger.CertificateKey = other.issue(t, "stranger", time.Now().Add(time.Hour))
	for _, to := range []event.Endpoint{north, south, north} { // each by its own connections, also while the other's wait
		if got := c.carry(t.Context(), to, captured); got.Status != 200 {
			t.Fatalf("%+v", got)
		}
	}
	if a, b, again := <-shown, <-shown, <-shown; a != "north" || b != "south" || again != "north" {
		t.Errorf("shown %s, %s, %s", a, b, again)
	}
	for name, to := range map[string]event.Endpoint{"no certificate": bare, "a stranger's": stranger} {
		if got := c.carry(t.Context(), to, captured); got.Err == nil || !strings.Contains(explain(got.Err), "certificate") {
			t.Errorf("%s: %+v, %q", name, got, explain(got.Err))
		}
	}
	broken := north
	broken.CertificateKey = south.CertificateKey
	if got := c.carry(t.Context(), broken, captured); got.Err != errBadCertificate {
		t.Errorf("%+v", got)
	}
	if l.count() != 3 {
		t.Errorf("heard %d", l.count())
	}
}

func TestConnectionsByCertificateAreBounded(t *testing.T) {
	a := newAuthority(t)
	l := newLines(courierOptions{})
	first := event.Endpoint{}
	first.Certificate, first.CertificateKey = a.issue(t, "first", time.Now().Add(time.Hour))
	before, err := l.to(first)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxLines + 10 {
		d := first
		d.Certificate += strings.Repeat("\n", i+1) // another key of the cache, the same certificate
		if _, err := l.to(d); err != nil {
			t.Fatal(err)
		}
		if i < maxLines { // it is used meanwhile, so it stays
			if again, err := l.to(first); err != nil || again != before {
				t.Fatalf("after %d others the transport is another: %v", i, err)
			}
		}
	}
	if len(l.by) != maxLines || l.order.Len() != maxLines {
		t.Errorf("%d and %d transports are kept", len(l.by), l.order.Len())
	}
	if plain, err := l.to(event.Endpoint{}); err != nil || plain != l.plain {
		t.Errorf("without a certificate: %v", err)
	}
	l.close()
	if len(l.by) != 0 || l.order.Len() != 0 {
		t.Error("closed lines keep transports")
	}
}

func TestClientCertificatesAreChecked(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	a := newAuthority(t)
	chain, key := a.issue(t, "north", now.Add(time.Hour))
	_, otherKey := a.issue(t, "south", now.Add(time.Hour))
	expired, expiredKey := a.issue(t, "old", now)
	issuer := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
	for _, good := range []string{chain, chain + issuer, "subject=CN = north\n" + chain} {
		if wrong := checkClientCertificate(good, key, now); len(wrong) != 0 {
			t.Errorf("%+v", wrong)
		}
	}
	encrypted := "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
	for name, c := range map[string]struct {
		chain, key, param string
	}{
		"nothing":                {"", "", "certificate"},
		"no PEM":                 {"north", key.Reveal(), "certificate"},
		"no certificate":         {key.Reveal(), key.Reveal(), "certificate"},
		"a key behind it":        {chain + key.Reveal(), key.Reveal(), "certificate"},
		"broken":                 {strings.Replace(chain, "\nMII", "\nMIJ", 1), key.Reveal(), "certificate"},
		"half a chain":           {chain + issuer[:len(issuer)/2], key.Reveal(), "certificate"},
		"too long":               {strings.Repeat(chain, 100), key.Reveal(), "certificate"},
		"expired":                {expired, expiredKey.Reveal(), "certificate"},
		"no key":                 {chain, "", "private_key"},
		"a certificate as key":   {chain, chain, "private_key"},
		"another's key":          {chain, otherKey.Reveal(), "private_key"},
		"an encrypted key":       {chain, encrypted, "private_key"},
		"the issuer comes first": {issuer + chain, key.Reveal(), "private_key"},
	} {
		wrong := checkClientCertificate(c.chain, secret.New(c.key), now)
		if len(wrong) != 1 || wrong[0].Param != "client_certificate."+c.param || wrong[0].Detail == "" {
			t.Errorf("%s: %+v", name, wrong)
		}
	}
}
