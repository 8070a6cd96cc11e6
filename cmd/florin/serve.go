package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/secret"
)

type serveCommand struct {
	Storage storage  `embed:""`
	Zones   []string `help:"Zones of this process: api, public, vault, ops, worker, sandbox." enum:"api,public,vault,ops,worker,sandbox" default:"api,public,vault,ops,worker" placeholder:"ZONE,..."`

	ListenAPI           string `help:"Address of the api zone." default:"127.0.0.1:8080" name:"listen-api" placeholder:"HOST:PORT"`
	ListenPublic        string `help:"Address of the public zone: checkout pages and florin.js." default:"127.0.0.1:8081" placeholder:"HOST:PORT"`
	ListenVault         string `help:"Address of the vault zone." default:"127.0.0.1:8082" placeholder:"HOST:PORT"`
	ListenVaultInternal string `help:"Address where the vault zone serves other florin processes, by mutual TLS. Closed if not given." placeholder:"HOST:PORT"`
	ListenOps           string `help:"Address of the ops zone. It shows the inside: keep it from the public." default:"127.0.0.1:8084" placeholder:"HOST:PORT"`
	ListenSandbox       string `help:"Address of the simulated acquirers, on this machine only." default:"127.0.0.1:8090" placeholder:"HOST:PORT"`
	SandboxFile         string `help:"Where the simulated acquirers keep their transactions." placeholder:"FILE"`

	PublicURL      string   `help:"Where browsers reach the public zone: https://… Also for processes without it, which send payers there." name:"public-url" placeholder:"URL"`
	VaultPublicURL string   `help:"Where browsers reach the vault zone: https://…" name:"vault-public-url" placeholder:"URL"`
	TrustedProxies []string `help:"Networks of the proxies in front, whose X-Forwarded-For is believed." placeholder:"CIDR,..."`
	GeoIPFile      string   `help:"File in the MaxMind DB format that tells the country of an address." name:"geoip-file" placeholder:"FILE"`

	VaultURL       string `help:"Internal address of the vault zone, if it is another process: https://…" name:"vault-url" placeholder:"URL"`
	VaultCert      string `help:"Certificate of this process at the vault's internal door, on either side." placeholder:"FILE"`
	VaultKey       string `help:"Key of --vault-cert." placeholder:"FILE"`
	VaultCA        string `help:"Authority that signed the certificate of the other side." name:"vault-ca" placeholder:"FILE"`
	VaultTokenFile string `help:"File with the token that both sides of the internal door share." placeholder:"FILE"`

	Archive    string        `help:"Directory where events go before they are deleted: a file for each merchant, mode and day. The same for every process with the zone worker." placeholder:"DIR"`
	KeepEvents time.Duration `help:"How long the database keeps events, their deliveries and what providers told: 720h, which is 30 days, or more." default:"720h"`

	KeepEvidence  time.Duration `help:"How long the evidence of a dispute is kept after the dispute has ended: 4320h, which is 180 days, or any time of a day or more. The same for every process with the zone worker." default:"4320h"`
	MaxRequests   int           `help:"How many requests the zone api works on at once. Reads are refused with 503 from half of it on, writes from 70 percent, payments from 85; refunds, captures and cancellations at the last. At least 32." default:"2048"`
	QueueFor      time.Duration `help:"How long a refund or a payout waits for a provider that is down before it fails: 1h to 720h." default:"72h"`
	CascadeBudget time.Duration `help:"How long after its first try a request may begin another one at the next provider account: 1s to 60s." default:"25s"`
	NetworkRules  string        `help:"The card networks' rules for tries after a decline, in the place of those that are built in: a file like internal/provider/networks.json, without advice and speaks_advice: what the advice of a decline means for retry is built in. The same for every process." placeholder:"FILE"`

	LocalWebhooks bool          `help:"Let webhook endpoints be plain HTTP on this machine: for trying things out."`
	Mail          mailFlags     `embed:""`
	BacklogRate   int           `help:"Webhooks that have waited for long sent in a second, by each process with the zone worker." default:"500" name:"webhook-backlog-rate"`
	Drain         time.Duration `help:"How long requests under way may take when it stops." default:"25s"`
}

func (serveCommand) Help() string {
	return `The databases must be migrated (florin migrate). TLS towards merchants and browsers is the business of the proxy in front.

Example:

    florin serve --database postgres://florin@db/florin --zones api,worker,ops --keys /etc/florin/keys \
      --vault-url https://vault:8443 --vault-cert api.crt --vault-key api.key --vault-ca ca.crt --vault-token-file token`
}

// Run runs the zones until it is stopped.
func (s serveCommand) Run(ctx context.Context, c *console) (err error) {
	p, err := s.plan()
	if err != nil {
		return err
	}
	if err := s.bind(ctx, p); err != nil {
		return errors.Join(err, unbind(p.sites))
	}
	parts, err := assemble(ctx, c.log, p)
	if err != nil {
		return errors.Join(err, unbind(p.sites))
	}
	if err := parts.checkStart(ctx); err != nil {
		return errors.Join(err, unbind(p.sites), parts.close())
	}
	zones := map[string]string{}
	for zone, site := range p.sites {
		zones[zone] = site.url()
	}
	return parts.process().run(ctx, func() error {
		return c.print(map[string]any{"ready": true, "zones": zones}, func(w io.Writer) {
			for _, zone := range slices.Sorted(maps.Keys(zones)) {
				fmt.Fprintf(w, "%s\t%s\n", zone, zones[zone])
			}
		})
	})
}

// networks reads the card networks' rules; none if no file is named.
func (s serveCommand) networks() (provider.Networks, error) {
	if s.NetworkRules == "" {
		return provider.Networks{}, nil
	}
	data, err := os.ReadFile(s.NetworkRules)
	if err != nil {
		return provider.Networks{}, fmt.Errorf("--network-rules: %w", err)
	}
	rules, err := provider.ReadNetworks(data)
	if err != nil {
		return rules, usagef("--network-rules %s: %v", s.NetworkRules, err)
	}
	return rules, nil
}

// plan checks what the flags say together and reads the files that they name.
func (s serveCommand) plan() (plan, error) {
	where, err := s.Storage.resolve()
	if err != nil {
		return plan{}, err
	}
	p := plan{
		where: where, sandbox: s.SandboxFile, sites: map[string]*site{}, worker: slices.Contains(s.Zones, zoneWorker),
		vaultURL: s.VaultURL, localHTTP: s.LocalWebhooks, backlogRate: s.BacklogRate, archive: s.Archive, keepEvents: s.KeepEvents, keepEvidence: s.KeepEvidence, cascade: s.CascadeBudget, queue: s.QueueFor, maxRequests: s.MaxRequests, drain: s.Drain,
	}
	if p.sandbox == "" && where.Data != "" {
		p.sandbox = dataDir(where.Data).sandbox()
	}
	if err := s.browsers(&p); err != nil {
		return plan{}, err
	}
	if p.mail, err = s.Mail.options(); err != nil {
		return plan{}, err
	}
	if p.networks, err = s.networks(); err != nil {
		return plan{}, err
	}
	vault, pays := slices.Contains(s.Zones, zoneVault), p.worker || slices.Contains(s.Zones, zoneAPI) || slices.Contains(s.Zones, zonePublic)
	switch {
	case vault && s.VaultURL != "":
		return plan{}, usagef("--vault-url is for a process without the zone vault")
	case !vault && s.ListenVaultInternal != "":
		return plan{}, usagef("--listen-vault-internal needs the zone vault")
	case pays && !vault && s.VaultURL == "":
		return plan{}, usagef("the zones api, public and worker need a vault: add the zone vault, or name its process by --vault-url")
	case s.VaultURL != "" && !strings.HasPrefix(s.VaultURL, "https://"):
		return plan{}, usagef("--vault-url must begin with https://")
	case s.Archive != "" && !p.worker:
		return plan{}, usagef("--archive is for a process with the zone worker: it is the one that deletes events")
	case s.BacklogRate < 1:
		return plan{}, usagef("--webhook-backlog-rate %d: at least one in a second", s.BacklogRate)
	case s.CascadeBudget < time.Second || s.CascadeBudget > time.Minute:
		return plan{}, usagef("--cascade-budget %v: 1s to 60s", s.CascadeBudget)
	case s.MaxRequests < 32:
		return plan{}, usagef("--max-requests %d: at least 32", s.MaxRequests)
	case s.QueueFor < time.Hour || s.QueueFor > 30*24*time.Hour:
		return plan{}, usagef("--queue-for %v: 1h to 720h", s.QueueFor)
	case s.KeepEvents < event.Kept:
		return plan{}, usagef("--keep-events %v: events are kept for 720h at the least", s.KeepEvents)
	case s.KeepEvidence < 24*time.Hour:
		return plan{}, usagef("--keep-evidence %v: evidence is kept for a day at the least", s.KeepEvidence)
	case slices.Contains(s.Zones, zoneSandbox) && p.sandbox == "":
		return plan{}, usagef("the zone sandbox needs --sandbox-file or --data")
	case slices.Contains(s.Zones, zoneSandbox) && !loopback(s.ListenSandbox):
		return plan{}, usagef("--listen-sandbox %s: the simulated acquirers listen on 127.0.0.1 or [::1] only", s.ListenSandbox)
	}
	if s.VaultURL != "" || s.ListenVaultInternal != "" {
		if p.vaultTLS, p.vaultToken, err = s.internalDoor(); err != nil {
			return plan{}, err
		}
	}
	return p, nil
}

// browsers reads what concerns those who come by browser.
func (s serveCommand) browsers(p *plan) (err error) {
	for _, address := range []struct {
		flag, given string
		into        *string
	}{{"--public-url", s.PublicURL, &p.publicAt}, {"--vault-public-url", s.VaultPublicURL, &p.vaultAt}} {
		if address.given == "" {
			continue
		}
		if *address.into, err = merchant.ParseOrigin(address.given); err != nil {
			return usagef("%s %s: %w", address.flag, address.given, err)
		}
	}
	if slices.Contains(s.Zones, zonePublic) && !slices.Contains(s.Zones, zoneVault) && s.VaultPublicURL == "" {
		return usagef("the zone public needs --vault-public-url: its pages show the vault's card fields")
	}
	if p.proxies, err = access.ParseNetworks(s.TrustedProxies); err != nil {
		return usagef("--trusted-proxies: %w", err)
	}
	p.geoIP = s.GeoIPFile
	return nil
}

// internalDoor reads what both sides of the vault's internal door need: each shows a certificate and demands the other's.
func (s serveCommand) internalDoor() (*tls.Config, secret.Text, error) {
	if s.VaultCert == "" || s.VaultKey == "" || s.VaultCA == "" || s.VaultTokenFile == "" {
		return nil, secret.Text{}, usagef("the vault's internal door needs --vault-cert, --vault-key, --vault-ca and --vault-token-file")
	}
	certificate, err := tls.LoadX509KeyPair(s.VaultCert, s.VaultKey)
	if err != nil {
		return nil, secret.Text{}, fmt.Errorf("read --vault-cert and --vault-key: %w", err)
	}
	authority, err := os.ReadFile(s.VaultCA)
	if err != nil {
		return nil, secret.Text{}, fmt.Errorf("read --vault-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, secret.Text{}, fmt.Errorf("read --vault-ca: %s holds no certificate", s.VaultCA)
	}
	token, err := os.ReadFile(s.VaultTokenFile)
	if err != nil {
		return nil, secret.Text{}, fmt.Errorf("read --vault-token-file: %w", err)
	}
	text := strings.TrimSpace(string(token))
	if len(text) < minToken {
		return nil, secret.Text{}, fmt.Errorf("read --vault-token-file: the token has fewer than %d characters", minToken)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate},
		RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}, secret.New(text), nil
}

// minToken is how short a shared token may be: 32 hexadecimal digits are 128 bits.
const minToken = 32

func (s serveCommand) bind(ctx context.Context, p plan) (err error) {
	addresses := map[string]string{zoneAPI: s.ListenAPI, zonePublic: s.ListenPublic, zoneVault: s.ListenVault, zoneOps: s.ListenOps, zoneSandbox: s.ListenSandbox}
	for _, zone := range s.Zones {
		if zone == zoneWorker {
			continue
		}
		if p.sites[zone], err = bind(ctx, zone, addresses[zone], "choose another one with --listen-"+zone); err != nil {
			return err
		}
	}
	if s.ListenVaultInternal != "" {
		p.sites[zoneVaultInternal], err = bind(ctx, zoneVaultInternal, s.ListenVaultInternal, "choose another one with --listen-vault-internal")
	}
	return err
}

// checkStart refuses to serve databases that do not fit this binary, and to open development keys to others. A database that is down is no
// reason: readiness says so until it is back.
func (a *parts) checkStart(ctx context.Context) error {
	for _, check := range a.checks() {
		switch err := check.Try(ctx); {
		case fault.Is(err, fault.Unavailable):
			a.log.Warn("not ready yet", "check", check.Name, "error", err)
		case fault.Is(err, fault.Conflict):
			return fmt.Errorf("%s: %w", check.Name, err)
		case err != nil:
			return fmt.Errorf("%s: %w (florin migrate brings it up to date)", check.Name, err)
		}
	}
	if a.merchants == nil {
		return nil
	}
	_, err := a.merchants.Get(ctx, devMerchant)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unavailable) {
		return nil
	}
	if err != nil {
		return err
	}
	for zone, s := range a.plan.sites {
		if !loopback(s.listener.Addr().String()) {
			return fmt.Errorf("the zone %s would listen on %s, but this database has the merchant %s with its published keys: it is served on 127.0.0.1 only",
				zone, s.listener.Addr(), devMerchant)
		}
	}
	return nil
}
