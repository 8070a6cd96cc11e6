package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/secret"
)

// benchGroup is what can be measured: payments if nothing else is said.
type benchGroup struct {
	Payments benchCommand         `cmd:"" default:"withargs" help:"Whole card payments, and the storage below them."`
	Webhooks benchWebhooksCommand `cmd:"" help:"Webhooks: how many, how soon beside endpoints that hang, and what a million that wait cost."`
}

type benchCommand struct {
	Engine           string      `help:"Database of the server that it starts: sqlite or postgres." enum:"sqlite,postgres" default:"sqlite"`
	Database         secret.Text `help:"Empty PostgreSQL database to use instead of a private server. It is filled, and stays filled." placeholder:"URL"`
	URL              string      `help:"Measure a server that runs, at its api zone, instead of starting one." placeholder:"URL" name:"url"`
	VaultURL         string      `help:"The vault zone of the running server. Its api port + 2 if not given." placeholder:"URL"`
	Key              secret.Text `help:"Secret key for the running server, with the scope vault:write. sk_test_dev if not given." placeholder:"KEY"`
	Clients          int         `help:"Clients, each with a connection of its own and one payment at a time." default:"64"`
	Seconds          int         `help:"How long it measures." default:"10"`
	Warmup           int         `help:"Seconds before it measures." default:"3"`
	Merchants        int         `help:"Merchants that the load is spread over." default:"1"`
	Cards            int         `help:"Tokenized cards of each merchant." default:"100"`
	ProviderWebhooks bool        `help:"The simulated acquirer also sends its webhooks."`
	Storage          bool        `help:"Measure storage alone: the rows of a payment, without HTTP, API and acquirer."`
	StorageClients   int         `help:"Clients of the measurement of storage alone." default:"256"`
	StorageMerchants int         `help:"Merchants that storage alone is spread over, before it is measured with one." default:"64"`
	Dir              string      `help:"Where the directory with the databases is made, and removed at the end. A RAM disk has no durability to measure." default:"." placeholder:"DIR"`
	CPUProfile       string      `help:"Write a processor profile of the measured time." placeholder:"FILE" name:"cpuprofile"`
}

func (benchCommand) Help() string {
	return `Whole card payments over HTTP (create with capture, each with its own Idempotency-Key), the simulated acquirer over HTTP too, everything durable;
then the ceiling of the same machine in the same run: the rows of such payments through the database layer alone. At the end the
payments in the database, at the acquirer and in the books must be those that were answered: otherwise it fails.

Examples:

    florin bench
    florin bench --engine postgres --clients 256 --seconds 30
    florin bench --storage
    florin bench --url http://127.0.0.1:8080 --key sk_test_dev`
}

// Validate refuses numbers that measure nothing.
func (b benchCommand) Validate() error {
	for _, n := range []int{b.Clients, b.Seconds, b.Merchants, b.Cards, b.StorageClients, b.StorageMerchants} {
		if n < 1 || n > 100_000 {
			return errors.New("--clients, --seconds, --merchants, --cards and their like are 1 to 100000")
		}
	}
	if b.Warmup < 0 {
		return errors.New("--warmup is below 0")
	}
	if b.URL != "" && (b.Storage || !b.Database.Empty() || b.Merchants > 1) {
		return errors.New("--url measures a server that runs: it goes with neither --storage, --database nor --merchants")
	}
	if b.Engine != "postgres" && !b.Database.Empty() {
		return errors.New("--database goes with --engine postgres")
	}
	return nil
}

// Run measures and prints. It fails if a payment was lost or the books do not balance.
func (b benchCommand) Run(ctx context.Context, c *console) error {
	r := &benchReport{Engine: b.Engine, Clients: b.Clients, Merchants: b.Merchants, Seconds: b.Seconds, Warmup: b.Warmup}
	var err error
	if b.URL != "" {
		err = b.remote(ctx, r)
	} else {
		err = b.local(ctx, c, r)
	}
	if err != nil && r.Payments == nil && r.Storage == nil {
		return err
	}
	return errors.Join(c.print(r, r.text), err, r.verdict())
}

// local measures a server that it starts, then storage alone.
func (b benchCommand) local(ctx context.Context, c *console, r *benchReport) (err error) {
	base, remove, err := b.databases(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if r.Memory.Start, err = memoryUsed(); err != nil {
		return err
	}
	s, err := startBench(ctx, c, base.where, b)
	if err != nil {
		return err
	}
	err = b.payments(ctx, s, r)
	if err = errors.Join(err, s.close()); err != nil || ctx.Err() != nil {
		return err
	}
	return b.storageAlone(ctx, c, base.storage, s.template, r)
}

// payments measures whole payments, unless only storage is asked for.
func (b benchCommand) payments(ctx context.Context, s *benchServer, r *benchReport) error {
	run := runName()
	if err := s.record(ctx, run); err != nil {
		return err
	}
	r.StartupMicros = s.startup.Microseconds()
	var err error
	if r.Memory.Idle, err = memoryUsed(); err != nil || b.Storage {
		return err
	}
	l := b.load(s.url, s.shops, run)
	if err := b.drive(ctx, l, r); err != nil {
		return err
	}
	return s.check(context.WithoutCancel(ctx), l, r)
}

func (b benchCommand) load(to *url.URL, shops []shop, run string) *load {
	return &load{
		to: to, shops: shops, clients: b.Clients, run: run,
		warmup: time.Duration(b.Warmup) * time.Second, measure: time.Duration(b.Seconds) * time.Second,
	}
}

// drive runs the load and notes what it took.
func (b benchCommand) drive(ctx context.Context, l *load, r *benchReport) error {
	var before, after time.Duration
	var wrong []error
	stop := func() {}
	l.drive(ctx, func(begins bool) {
		used, err := cpuUsed()
		if begins {
			before = used
			stop, wrong = b.profile(wrong)
		} else {
			after = used
			stop()
		}
		wrong = append(wrong, err)
	})
	used, err := memoryUsed()
	r.Memory.End = used
	r.Payments = measured(&l.latency, l.measure)
	r.Errors, r.Lost = l.errors, l.lost.Load()
	if n := int64(r.Payments.Count); n > 0 && b.URL == "" {
		r.CPUMicros = (after - before).Microseconds() / n
	}
	return errors.Join(append(wrong, err)...)
}

// profile starts the processor profile, if one is asked for.
func (b benchCommand) profile(wrong []error) (stop func(), _ []error) {
	if b.CPUProfile == "" {
		return func() {}, wrong
	}
	f, err := os.Create(b.CPUProfile)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		return func() {}, append(wrong, fmt.Errorf("profile: %w", err))
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // written; a profile that is cut off shows
	}, wrong
}

// remote measures a server that runs.
func (b benchCommand) remote(ctx context.Context, r *benchReport) error {
	to, err := url.Parse(strings.TrimRight(b.URL, "/"))
	if err != nil || (to.Scheme != "http" && to.Scheme != "https") || to.Host == "" {
		return usagef("--url is http(s)://host[:port]")
	}
	vault := b.VaultURL
	if vault == "" {
		if vault, err = vaultBeside(to); err != nil {
			return err
		}
	}
	key := b.Key.Reveal()
	if key == "" {
		key = "sk_test_dev"
	}
	r.Engine = "of the server"
	tokens, err := tokenize(ctx, vault, key, b.Cards)
	if err != nil {
		return err
	}
	l := b.load(to, []shop{{key, tokens}}, runName())
	began := clock.System{}.Now()
	if err := b.drive(ctx, l, r); err != nil {
		return err
	}
	return checkRemote(context.WithoutCancel(ctx), l, key, began, r)
}

// vaultBeside is where the vault zone listens if the zones were not moved.
func vaultBeside(api *url.URL) (string, error) {
	var port int
	if _, err := fmt.Sscan(api.Port(), &port); err != nil || api.Scheme != "http" {
		return "", usagef("--vault-url is needed")
	}
	return fmt.Sprintf("http://%s:%d", api.Hostname(), port+devOffsets[zoneVault]), nil
}

func runName() string { return strings.ToLower(rand.Text()[:10]) }
