package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"text/template"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/event"
)

type devCommand struct {
	Data     string        `help:"Where databases and keys are kept." default:"./florin-data"`
	BasePort int           `help:"Port of the api zone. The public zone has +1, the vault +2, ops +4, the sandbox +10. 0 takes any free ports." default:"8080"`
	Clean    bool          `help:"Start over: empty the data directory first, if it is florin's."`
	Drain    time.Duration `help:"How long requests under way may take when it stops." default:"25s"`
	Mail     mailFlags     `embed:""`
}

func (devCommand) Help() string {
	return "Everything listens on 127.0.0.1 only; the keys it prints work from this machine only.\n\nExample:\n\n    florin dev --data /tmp/florin --base-port 9080 --clean"
}

// devOffsets is where each zone of florin dev listens, counted from the base port. dashboard (+3) keeps its place.
var devOffsets = map[string]int{zoneAPI: 0, zonePublic: 1, zoneVault: 2, zoneOps: 4, zoneSandbox: 10}

const devHost = "127.0.0.1"

// Run runs every zone on this machine until it is stopped.
func (d devCommand) Run(ctx context.Context, c *console) (err error) {
	if d.BasePort != 0 && (d.BasePort < 1 || d.BasePort+devOffsets[zoneSandbox] > 65535) {
		return usagef("--base-port %d: ports up to %d more must fit below 65536", d.BasePort, devOffsets[zoneSandbox])
	}
	p := plan{sites: map[string]*site{}, worker: true, localHTTP: true, keepEvents: event.Kept, drain: d.Drain}
	if p.mail, err = d.Mail.options(); err != nil {
		return err
	}
	for _, zone := range []string{zoneAPI, zonePublic, zoneVault, zoneOps, zoneSandbox} {
		if p.sites[zone], err = bind(ctx, zone, d.address(zone), "stop what listens there, or choose other ports with --base-port"); err != nil {
			return errors.Join(err, unbind(p.sites))
		}
	}
	dir := dataDir(d.Data)
	release, err := dir.take(d.Clean)
	if err != nil {
		return errors.Join(err, unbind(p.sites))
	}
	defer func() { err = errors.Join(err, release()) }()
	p.sandbox = dir.sandbox()
	if p.where, err = (storage{Data: d.Data, MakeKeys: true}).resolve(); err != nil {
		return errors.Join(err, unbind(p.sites))
	}
	parts, err := assemble(ctx, c.log, p)
	if err != nil {
		return errors.Join(err, unbind(p.sites))
	}
	shown, err := parts.seed(ctx)
	if err != nil {
		return errors.Join(err, unbind(p.sites), parts.close())
	}
	return parts.process().run(ctx, func() error {
		return c.print(shown, func(w io.Writer) { shown.write(w) })
	})
}

func (d devCommand) address(zone string) string {
	if d.BasePort == 0 {
		return net.JoinHostPort(devHost, "0")
	}
	return net.JoinHostPort(devHost, strconv.Itoa(d.BasePort+devOffsets[zone]))
}

// unbind lets go of addresses that will not be served.
func unbind(sites map[string]*site) error {
	var wrong []error
	for _, s := range sites {
		if s != nil {
			wrong = append(wrong, s.listener.Close())
		}
	}
	return errors.Join(wrong...)
}

// devShown is what florin dev tells when it is ready.
type devShown struct {
	Ready          bool              `json:"ready"`
	Data           string            `json:"data"`
	Zones          map[string]string `json:"zones"`
	Merchant       string            `json:"merchant"`
	SecretKey      string            `json:"secret_key"`
	PublishableKey string            `json:"publishable_key"`
	Providers      []string          `json:"provider_accounts"`
}

var devText = template.Must(template.New("dev").Parse(`
florin dev is ready. Stop it with Ctrl-C; its data is in {{.Data}}.

  api      {{.Zones.api}}    reference: {{.Zones.api}}/docs
  public   {{.Zones.public}}    the checkout page; for pages of your own: {{.Zones.public}}/florin.js
  vault    {{.Zones.vault}}
  ops      {{.Zones.ops}}    /metrics /healthz /readyz
  sandbox  {{.Zones.sandbox}}    the simulated acquirers, with a button for everything that can happen

  merchant {{.Merchant}}   secret key {{.SecretKey}}   publishable key {{.PublishableKey}}   providers{{range .Providers}} {{.}}{{end}}

Tokenize a card, pay with it, see the books:

  curl {{.Zones.vault}}/v1/tokens -H 'Authorization: Bearer {{.PublishableKey}}' -H 'Content-Type: application/json' \
    -d '{"card":{"number":"4242424242424242","exp_month":12,"exp_year":2030,"cvc":"123"}}'

  curl {{.Zones.api}}/v1/payments -H 'Authorization: Bearer {{.SecretKey}}' -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $(date +%s)" -d '{"amount":9232,"currency":"EUR","payment_method_token":"pm_tok_…"}'

Or let the payer type the card: open the checkout_url of

  curl {{.Zones.api}}/v1/payments -H 'Authorization: Bearer {{.SecretKey}}' -H 'Content-Type: application/json' \
    -H "Idempotency-Key: $(date +%s)" -d '{"amount":9232,"currency":"EUR","confirm":false}'

  curl {{.Zones.api}}/v1/balance -H 'Authorization: Bearer {{.SecretKey}}'

`))

func (s devShown) write(w io.Writer) {
	if err := devText.Execute(w, s); err != nil {
		fmt.Fprintln(w, "florin dev is ready:", s.Zones, err)
	}
}

func (a *parts) shown(providers []string) devShown {
	zones := map[string]string{}
	for zone := range devOffsets {
		zones[zone] = a.plan.sites[zone].url()
	}
	return devShown{
		Ready: true, Data: a.plan.where.Data, Zones: zones, Merchant: devMerchant,
		SecretKey: access.DevSecret, PublishableKey: access.DevPublishable, Providers: providers,
	}
}
