package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/ppm"
	"github.com/florinpay/florin/internal/routing/sim"
	"github.com/florinpay/florin/internal/simulation"
)

// millionths is a part as all parts are printed.
func millionths(x float64) int64 { return int64(math.Round(x * ppm.Whole)) }

// generatedShown is what policies made of generated worlds, all seeds together.
type generatedShown struct {
	Payments int        `json:"payments_per_day"`
	Days     int        `json:"days"`
	WarmUp   int        `json:"warmup_days"`
	Seeds    []uint64   `json:"seeds"`
	Policies []worldRow `json:"policies"`
}

// worldRow is one policy's. Fees and cost are in cents.
type worldRow struct {
	Name        string       `json:"name"`
	Payments    int64        `json:"payments"`
	Approved    int64        `json:"approved"`
	ApprovedPPM int64        `json:"approved_ppm"`
	CapturedPPM int64        `json:"captured_ppm"` // of the gap between fixed and oracle
	Captured    []int64      `json:"captured_ppm_by_seed"`
	Regret      int64        `json:"regret"` // approvals fewer than the best choices had to expect
	Lost        int64        `json:"payments_to_providers_that_were_down"`
	LossPPM     int64        `json:"outage_loss_ppm"`
	Fees        int64        `json:"fees"`
	Cost        int64        `json:"cost"`
	Outages     backShown    `json:"back_after_outage"`
	Brownouts   backShown    `json:"back_after_brownout"`
	Countries   []segmentRow `json:"countries"`
	Providers   []segmentRow `json:"provider_accounts"`
}

// backShown is how soon a provider that recovered is used again, in seconds.
type backShown struct {
	Count  int   `json:"count"`
	Median int64 `json:"p50_seconds"`
	P95    int64 `json:"p95_seconds"`
	Max    int64 `json:"max_seconds"`
}

type segmentRow struct {
	Name        string `json:"name"`
	Payments    int64  `json:"payments"` // attempts, of a provider account
	Approved    int64  `json:"approved"`
	ApprovedPPM int64  `json:"approved_ppm"`
	Fees        int64  `json:"fees"`
	Cost        int64  `json:"cost"`
}

// generate runs every policy in every world, as many worlds at a time as there are processors. The fixed order and the oracle always
// run, too: they are the ends of the scale.
func (s routingSimulate) generate(ctx context.Context, worlds []sim.World) (generatedShown, error) {
	contenders, err := s.contenders(sim.Accounts(), simulated)
	if err != nil {
		return generatedShown{}, err
	}
	fixed, _ := simulation.BuiltIn(simulation.Fixed)
	oracle, _ := simulation.BuiltIn(simulation.Oracle)
	all := append([]simulation.Contender{fixed, oracle}, contenders...)
	results := make([][]sim.Result, len(all)) // by contender, then world
	for i := range results {
		results[i] = make([]sim.Result, len(worlds))
	}
	var running sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for w := range worlds {
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			for i := range all {
				if ctx.Err() == nil {
					results[i][w] = sim.Run(worlds[w], all[i].Make())
				}
			}
		})
	}
	running.Wait()
	if ctx.Err() != nil {
		return generatedShown{}, errors.New("stopped before it was through")
	}
	shown := generatedShown{Payments: worlds[0].PerDay, Days: worlds[0].Days, WarmUp: worlds[0].WarmUp, Policies: []worldRow{}}
	for _, w := range worlds {
		shown.Seeds = append(shown.Seeds, w.Seed)
	}
	for i, c := range contenders {
		shown.Policies = append(shown.Policies, newWorldRow(c.Name, results[0], results[1], results[i+2]))
	}
	return shown, nil
}

func newWorldRow(name string, fixed, oracle, own []sim.Result) worldRow {
	row := worldRow{Name: name}
	var sum, low, high sim.Result
	for w := range own {
		row.Captured = append(row.Captured, millionths(sim.Captured(fixed[w], oracle[w], own[w])))
		sum.Add(own[w])
		low.Add(fixed[w])
		high.Add(oracle[w])
	}
	row.CapturedPPM = millionths(sim.Captured(low, high, sum))
	row.Payments, row.Approved, row.ApprovedPPM = sum.Total.Payments, sum.Total.Approved, ppm.Of(sum.Total.Approved, sum.Total.Payments)
	row.Regret, row.Lost, row.LossPPM = int64(math.Round(sum.Regret)), sum.Lost, millionths(sum.PerMille()/1000)
	row.Fees, row.Cost = sum.Total.Fees, sum.Total.Cost
	row.Outages, row.Brownouts = newBackShown(sum.Back(true)), newBackShown(sum.Back(false))
	row.Countries, row.Providers = segmentRows(sim.Countries(), sum.ByCountry[:]), segmentRows(sim.Accounts(), sum.ByProvider[:])
	return row
}

func newBackShown(sorted []time.Duration) backShown {
	at := func(q float64) int64 { return int64(sim.Quantile(sorted, q) / time.Second) }
	return backShown{len(sorted), at(0.5), at(0.95), at(1)}
}

func segmentRows(names []string, lines []sim.Line) []segmentRow {
	rows := make([]segmentRow, 0, len(names))
	for i, l := range lines {
		rows = append(rows, segmentRow{names[i], l.Payments, l.Approved, ppm.Of(l.Approved, l.Payments), l.Fees, l.Cost})
	}
	return rows
}

// percent rounds to two decimals.
func percent(part int64) string {
	hundredths := (part + 50) / 100
	return fmt.Sprintf("%d.%02d %%", hundredths/100, hundredths%100)
}

func cents(n int64) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

func (b backShown) String() string {
	if b.Count == 0 {
		return "-"
	}
	at := func(s int64) string { return (time.Duration(s) * time.Second).String() }
	return fmt.Sprintf("%s, %s, %s (%d)", at(b.Median), at(b.P95), at(b.Max), b.Count)
}

func (g generatedShown) text(w io.Writer) {
	fmt.Fprintf(w, "%d payments a day, %d days after %d of warm-up, %d worlds: seeds %s\n\n", g.Payments, g.Days, g.WarmUp, len(g.Seeds), seedsText(g.Seeds))
	fmt.Fprintln(w, "POLICY\tAPPROVED\tCAPTURED\tREGRET\tOUTAGE LOSS\tFEES\tCOST")
	for _, p := range g.Policies {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d.%03d ‰\t%s\t%s\n", p.Name, percent(p.ApprovedPPM), signed(p.CapturedPPM), p.Regret, p.LossPPM/1000, p.LossPPM%1000, cents(p.Fees), cents(p.Cost))
	}
	fmt.Fprintln(w, "\nPOLICY\tBACK AFTER OUTAGES: P50, P95, MAX\tBACK AFTER BROWN-OUTS")
	for _, p := range g.Policies {
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Outages, p.Brownouts)
	}
	for _, p := range g.Policies {
		fmt.Fprintf(w, "\n%s\tPAYMENTS\tAPPROVED\tFEES\tCOST\n", strings.ToUpper(p.Name))
		for _, r := range slices.Concat(p.Countries, p.Providers) {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", r.Name, r.Payments, percent(r.ApprovedPPM), cents(r.Fees), cents(r.Cost))
		}
	}
}

// signed is a percentage that may be below nothing.
func signed(part int64) string {
	if part < 0 {
		return "-" + percent(-part)
	}
	return percent(part)
}

func seedsText(seeds []uint64) string {
	if len(seeds) == 1 {
		return fmt.Sprint(seeds[0])
	}
	return fmt.Sprintf("%d to %d", seeds[0], seeds[len(seeds)-1])
}

// replayShown is what a recorded history says about policies.
type replayShown struct {
	Truncated bool `json:"truncated"`
	simulation.Report
}

func (s replayShown) text(w io.Writer) {
	fmt.Fprintf(w, "%d payments recorded, %s approved\n", s.Payments, percent(s.ApprovedPPM))
	if s.Truncated {
		fmt.Fprintln(w, "There are older ones, which were left out.")
	}
	fmt.Fprintln(w, "\nPOLICY\tMATCHED\tOF ALL\tAPPROVED\tUSUAL\tFEES, MINOR UNITS")
	for _, p := range s.Policies {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", p.Name, p.Matched, percent(p.MatchedPPM), percent(p.ApprovedPPM), percent(p.UsualPPM), feesText(p.Fees, p.Unpriced))
	}
	for _, p := range s.Policies {
		fmt.Fprintf(w, "\n%s\tMATCHED\tAPPROVED\tFEES, MINOR UNITS\n", strings.ToUpper(p.Name))
		for _, r := range slices.Concat(p.Countries, p.Accounts) {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", r.Name, r.Matched, percent(r.ApprovedPPM), feesText(r.Fees, r.Unpriced))
		}
	}
}

// feesText is fees by currency; nothing if none is known.
func feesText(fees []simulation.Amount, unpriced int64) string {
	var parts []string
	for _, f := range fees {
		parts = append(parts, fmt.Sprintf("%d %s", f.Amount, f.Currency))
	}
	if unpriced > 0 && len(parts) > 0 {
		parts = append(parts, fmt.Sprintf("%d not known", unpriced))
	}
	return strings.Join(parts, ", ")
}
