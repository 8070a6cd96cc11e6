package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

// authority signs the certificates of one test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", nil)
	return a
}

// issue writes NAME.crt and NAME.key, signed by the parent, or by itself as an authority if there is none.
func (a *authority) issue(name string, parent *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, err)
	now := clock.System{}.Now()
	shape := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixMicro()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signer, signerKey := shape, key
	if parent == nil {
		shape.IsCA, shape.BasicConstraintsValid, shape.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		signer, signerKey = parent.cert, parent.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, shape, signer, &key.PublicKey, signerKey)
	must(a.t, err)
	cert, err := x509.ParseCertificate(raw)
	must(a.t, err)
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	must(a.t, err)
	must(a.t, os.WriteFile(a.file(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	must(a.t, os.WriteFile(a.file(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: rawKey}), 0o600))
	return cert, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// flags are those of one side of the internal door.
func (a *authority) flags(name string) []string {
	return []string{
		"--vault-cert", a.file(name + ".crt"), "--vault-key", a.file(name + ".key"),
		"--vault-ca", a.file("ca.crt"), "--vault-token-file", a.file("token"),
	}
}

// startVault runs the vault zone in a process of its own, with the only key that opens cards, and gives the flags by which the others
// find it.
func (f *florin) startVault(address, cards string) []string {
	f.t.Helper()
	ca := newAuthority(f.t)
	ca.issue("vault", ca)
	ca.issue("api", ca)
	must(f.t, os.WriteFile(ca.file("token"), []byte(strings.Repeat("0123456789abcdef", 4)), 0o600))
	keys := filepath.Join(f.dir, "vault-keys")
	must(f.t, os.Mkdir(keys, 0o700))
	internal := freeAddress(f.t)
	vault := start(f.t, append(append([]string{
		"serve", "--zones", "vault", "--listen-vault", address, "--listen-vault-internal", internal,
		"--vault-database", cards, "--keys", keys, "--make-keys",
	}, f.books...), ca.flags("vault")...)...)
	f.helpers = append(f.helpers, vault)
	f.door, f.ca = "https://"+internal, ca
	return append([]string{"--zones", "api,ops,worker", "--vault-url", f.door}, ca.flags("api")...)
}

func TestVaultInAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			f := install(t, options{engine: engine, ownVault: true})
			tour(t, f)
			if _, err := os.Stat(filepath.Join(f.dir, "keys", "vault.key")); !os.IsNotExist(err) {
				t.Errorf("the process without a vault has the vault's key: %v", err)
			}
		})
	}
}

func TestVaultsInternalDoorWantsACertificateAndTheToken(t *testing.T) {
	t.Parallel()
	f := install(t, options{engine: "sqlite", ownVault: true})
	token := strings.Repeat("0123456789abcdef", 4)
	stranger := newAuthority(t)
	stranger.issue("api", stranger)
	cases := []struct {
		name   string
		cert   string // directory of api.crt; empty: none
		token  string
		opened bool // the TLS handshake is let through
		status int
	}{
		{"no certificate", "", token, false, 0},
		{"certificate of another authority", stranger.dir, token, false, 0},
		{"no token", f.ca.dir, "", true, http.StatusUnauthorized},
		{"wrong token", f.ca.dir, strings.Repeat("f", 64), true, http.StatusUnauthorized},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			status, err := f.knock(t, c.cert, c.token)
			if (err == nil) != c.opened || status != c.status {
				t.Errorf("status %d, error %v", status, err)
			}
		})
	}
}

// knock asks the internal door to describe a card.
func (f *florin) knock(t *testing.T, certDir, token string) (int, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(f.ca.cert)
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
	if certDir != "" {
		cert, err := tls.LoadX509KeyPair(filepath.Join(certDir, "api.crt"), filepath.Join(certDir, "api.key"))
		must(t, err)
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.door+"/internal/describe", strings.NewReader("{}"))
	must(t, err)
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(q)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// TestALostKeyIsNotReplaced starts Florin with its keys gone: it must not make new ones, which would open nothing that is stored.
func TestALostKeyIsNotReplaced(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		token := f.token(approved, "")
		f.pay(token, "before", 700, true).want(t, http.StatusCreated, "pay")
		f.process.stop()
		keys := filepath.Join(f.dir, "keys")
		must(t, os.Rename(keys, keys+".lost"))
		refused := func(what, says string, args ...string) {
			t.Helper()
			if code, out, errs := command(t, "", args...); code != 1 || !strings.Contains(errs, says) {
				t.Errorf("%s: exit code %d\n%s%s", what, code, out, errs)
			}
		}
		must(t, os.Mkdir(keys, 0o700))
		without := slices.DeleteFunc(slices.Clone(f.run), func(arg string) bool { return arg == "--make-keys" })
		refused("without keys", "--make-keys", without...)
		refused("with keys of its own", "belongs to another keyset", f.run...)

		must(t, os.RemoveAll(keys))
		must(t, os.Rename(keys+".lost", keys))
		f.start()
		f.pay(token, "after", 700, true).want(t, http.StatusCreated, "pay with the old token")
	})
}
