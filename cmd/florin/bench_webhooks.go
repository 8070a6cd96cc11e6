package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/florinpay/florin/internal/secret"
)

type benchWebhooksCommand struct {
	Engine    string      `help:"Database of the server that it starts: sqlite or postgres." enum:"sqlite,postgres" default:"sqlite"`
	Database  secret.Text `help:"Empty PostgreSQL database to use instead of a private server. It is filled, and stays filled." placeholder:"URL"`
	Seconds   int         `help:"How long each part measures." default:"10"`
	Warmup    int         `help:"Seconds before a part measures." default:"3"`
	Producers int         `help:"Who make events at once." default:"16"`
	Endpoints int         `help:"Endpoints of the part in which some hang." default:"200"`
	Hanging   int         `help:"How many of a hundred endpoints hang." default:"20"`
	Rate      int         `help:"Deliveries a second in that part, over all endpoints." default:"500"`
	Waiting   int         `help:"Deliveries that wait while payments are measured. 0 leaves this part out." default:"1000000"`
	Clients   int         `help:"Clients of the payments that are measured before and beside those that wait." default:"64"`
	Dir       string      `help:"Where the directory with the databases is made, and removed at the end." default:"." placeholder:"DIR"`
}

func (benchWebhooksCommand) Help() string {
	return `Events are committed and delivered to a receiver on this machine by the worker of a whole server, everything durable. Three parts: one healthy
endpoint, as fast as it goes; many endpoints some of which take each webhook and never answer, at a given rate, measured at the healthy ones from
the commit to the arrival; and payments before and while a million deliveries wait for endpoints that fail.

Examples:

    florin bench webhooks
    florin bench webhooks --engine postgres --seconds 20
    florin bench webhooks --endpoints 1000 --hanging 50 --rate 1000 --waiting 0`
}

// Validate refuses numbers that measure nothing.
func (b benchWebhooksCommand) Validate() error {
	for _, n := range []int{b.Seconds, b.Producers, b.Endpoints, b.Rate, b.Clients} {
		if n < 1 || n > 100_000 {
			return errors.New("--seconds, --producers, --endpoints, --rate and --clients are 1 to 100000")
		}
	}
	if b.Warmup < 0 || b.Hanging < 0 || b.Hanging > 99 || b.Waiting < 0 || b.Waiting > 10_000_000 {
		return errors.New("--warmup is 0 or more, --hanging 0 to 99, --waiting 0 to 10000000")
	}
	if b.Engine != "postgres" && !b.Database.Empty() {
		return errors.New("--database goes with --engine postgres")
	}
	return nil
}

// webhooksReport is what a benchmark of webhooks found. Durations are microseconds, memory is bytes.
type webhooksReport struct {
	Engine    string         `json:"engine"`
	Seconds   int            `json:"seconds"`
	One       *measurement   `json:"one_endpoint"`
	Endpoints int            `json:"endpoints"`
	Hanging   int            `json:"hanging"`
	Healthy   *measurement   `json:"healthy_endpoints"`
	Waiting   *waitingReport `json:"waiting,omitempty"`
	Checks    []check        `json:"checks"`
}

// waitingReport compares payments before and beside deliveries that wait.
type waitingReport struct {
	Deliveries int          `json:"deliveries"`
	FillMillis int64        `json:"fill_millis"`
	Before     *measurement `json:"payments_before"`
	Beside     *measurement `json:"payments_beside"`
	Memory     [2]int64     `json:"memory_bytes"` // before they were made, and while they wait
}

// Run measures and prints. It fails if something was lost.
func (b benchWebhooksCommand) Run(ctx context.Context, c *console) (err error) {
	payments := benchCommand{
		Engine: b.Engine, Database: b.Database, Clients: b.Clients, Seconds: b.Seconds, Warmup: b.Warmup, Merchants: 1, Cards: 100, Dir: b.Dir,
	}
	base, remove, err := payments.databases(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	s, err := startBench(ctx, c, base.where, payments)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	w, err := newBenchPost(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	r := &webhooksReport{Engine: b.Engine, Seconds: b.Seconds}
	for _, part := range []func(context.Context, *benchPost, *webhooksReport) error{
		b.oneEndpoint, b.besideHanging,
		func(ctx context.Context, w *benchPost, r *webhooksReport) error {
			return b.besideWaiting(ctx, payments, w, r)
		},
	} {
		if err := part(ctx, w, r); err != nil {
			return err
		}
	}
	return errors.Join(c.print(r, r.text), verdictOf(r.Checks))
}

func (b benchWebhooksCommand) times() (warmup, end time.Duration) {
	warmup = time.Duration(b.Warmup) * time.Second
	return warmup, warmup + time.Duration(b.Seconds)*time.Second
}

func (r *webhooksReport) check(what string, ok bool, why string, args ...any) {
	r.Checks = append(r.Checks, check{what, ok, fmt.Sprintf(why, args...)})
}

func (r *webhooksReport) text(w io.Writer) {
	fmt.Fprintf(w, "%d deliveries/s\tone healthy endpoint, engine %s\tfrom commit to arrival %s\n", r.One.PerSecond, r.Engine, r.One.latency())
	fmt.Fprintf(w, "%d deliveries/s\t%d healthy endpoints beside %d that hang\tfrom commit to arrival %s\n",
		r.Healthy.PerSecond, r.Endpoints-r.Hanging, r.Hanging, r.Healthy.latency())
	if m := r.Waiting; m != nil {
		fmt.Fprintf(w, "%d payments/s\tbefore\t%s\n", m.Before.PerSecond, m.Before.latency())
		fmt.Fprintf(w, "%d payments/s\tbeside %d deliveries that wait, made in %d s\t%s\n", m.Beside.PerSecond, m.Deliveries, m.FillMillis/1000, m.Beside.latency())
		fmt.Fprintf(w, "memory\t%d MiB before, %d MiB while they wait\n", m.Memory[0]>>20, m.Memory[1]>>20)
	}
	writeChecks(w, r.Checks)
}
