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

	"github.com/florinpay/florin/internal/routing/sim"
)

// Parts are printed in millionths: 814512 is 81.4512 %.
const millionths = 1_000_000

func ppm(x float64) int64 { return int64(math.Round(x * millionths)) }

func share(part, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	return int64(math.Round(float64(part) / float64(whole) * millionths))
}

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
	Policy      string       `json:"policy"`
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
	contenders, err := s.contenders(sim.Accounts())
	if err != nil {
		return generatedShown{}, err
	}
	all := append([]contender{{"fixed", builtIn["fixed"]}, {"oracle", builtIn["oracle"]}}, contenders...)
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
					results[i][w] = sim.Run(worlds[w], all[i].make())
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
		shown.Policies = append(shown.Policies, newWorldRow(c.name, results[0], results[1], results[i+2]))
	}
	return shown, nil
}

func newWorldRow(name string, fixed, oracle, own []sim.Result) worldRow {
	row := worldRow{Policy: name}
	var sum, low, high sim.Result
	for w := range own {
		row.Captured = append(row.Captured, ppm(sim.Captured(fixed[w], oracle[w], own[w])))
		sum.Add(own[w])
		low.Add(fixed[w])
		high.Add(oracle[w])
	}
	row.CapturedPPM = ppm(sim.Captured(low, high, sum))
	row.Payments, row.Approved, row.ApprovedPPM = sum.Total.Payments, sum.Total.Approved, share(sum.Total.Approved, sum.Total.Payments)
	row.Regret, row.Lost, row.LossPPM = int64(math.Round(sum.Regret)), sum.Lost, ppm(sum.PerMille()/1000)
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
		rows = append(rows, segmentRow{names[i], l.Payments, l.Approved, share(l.Approved, l.Payments), l.Fees, l.Cost})
	}
	return rows
}

// percent rounds to two decimals.
func percent(ppm int64) string {
	hundredths := (ppm + 50) / 100
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d.%03d ‰\t%s\t%s\n", p.Policy, percent(p.ApprovedPPM), signed(p.CapturedPPM), p.Regret, p.LossPPM/1000, p.LossPPM%1000, cents(p.Fees), cents(p.Cost))
	}
	fmt.Fprintln(w, "\nPOLICY\tBACK AFTER OUTAGES: P50, P95, MAX\tBACK AFTER BROWN-OUTS")
	for _, p := range g.Policies {
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.Policy, p.Outages, p.Brownouts)
	}
	for _, p := range g.Policies {
		fmt.Fprintf(w, "\n%s\tPAYMENTS\tAPPROVED\tFEES\tCOST\n", strings.ToUpper(p.Policy))
		for _, r := range slices.Concat(p.Countries, p.Providers) {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", r.Name, r.Payments, percent(r.ApprovedPPM), cents(r.Fees), cents(r.Cost))
		}
	}
}

// signed is a percentage that may be below nothing.
func signed(ppm int64) string {
	if ppm < 0 {
		return "-" + percent(-ppm)
	}
	return percent(ppm)
}

func seedsText(seeds []uint64) string {
	if len(seeds) == 1 {
		return fmt.Sprint(seeds[0])
	}
	return fmt.Sprintf("%d to %d", seeds[0], seeds[len(seeds)-1])
}

// replayShown is what a recorded history says about policies.
type replayShown struct {
	Payments    int64       `json:"payments"`
	Approved    int64       `json:"approved"`
	ApprovedPPM int64       `json:"approved_ppm"`
	Policies    []replayRow `json:"policies"`
}

// replayRow is one policy's. Only matched payments count: those that it would have sent where they went.
type replayRow struct {
	Policy      string           `json:"policy"`
	Matched     int64            `json:"matched"`
	MatchedPPM  int64            `json:"matched_ppm"`
	Approved    int64            `json:"approved"`
	ApprovedPPM int64            `json:"approved_ppm"`
	UsualPPM    int64            `json:"usual_ppm"`      // what countries and BINs as those matched had in all of the history
	Fees        map[string]int64 `json:"fees,omitempty"` // minor units by currency
	Countries   []matchedRow     `json:"countries"`
	Providers   []matchedRow     `json:"provider_accounts"`
}

type matchedRow struct {
	Name        string           `json:"name"`
	Matched     int64            `json:"matched"`
	Approved    int64            `json:"approved"`
	ApprovedPPM int64            `json:"approved_ppm"`
	Fees        map[string]int64 `json:"fees,omitempty"`
}

func (s *replayShown) add(name string, r sim.Replayed) {
	s.Payments, s.Approved, s.ApprovedPPM = r.Payments, r.Approved, share(r.Approved, r.Payments)
	row := replayRow{
		Policy: name, Matched: r.Matched.Payments, MatchedPPM: share(r.Matched.Payments, r.Payments),
		Approved: r.Matched.Approved, ApprovedPPM: share(r.Matched.Approved, r.Matched.Payments), Fees: r.Matched.Fees,
		Countries: matchedRows(r.ByCountry), Providers: matchedRows(r.ByProvider),
	}
	if r.Matched.Payments > 0 {
		row.UsualPPM = r.Usual / r.Matched.Payments
	}
	s.Policies = append(s.Policies, row)
}

func matchedRows(all []sim.Named) []matchedRow {
	rows := make([]matchedRow, 0, len(all))
	for _, n := range all {
		rows = append(rows, matchedRow{n.Name, n.Payments, n.Approved, share(n.Approved, n.Payments), n.Fees})
	}
	return rows
}

func (s replayShown) text(w io.Writer) {
	fmt.Fprintf(w, "%d payments recorded, %s approved\n\n", s.Payments, percent(s.ApprovedPPM))
	fmt.Fprintln(w, "POLICY\tMATCHED\tOF ALL\tAPPROVED\tUSUAL\tFEES, MINOR UNITS")
	for _, p := range s.Policies {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", p.Policy, p.Matched, percent(p.MatchedPPM), percent(p.ApprovedPPM), percent(p.UsualPPM), feesText(p.Fees))
	}
	for _, p := range s.Policies {
		fmt.Fprintf(w, "\n%s\tMATCHED\tAPPROVED\tFEES, MINOR UNITS\n", strings.ToUpper(p.Policy))
		for _, r := range slices.Concat(p.Countries, p.Providers) {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", r.Name, r.Matched, percent(r.ApprovedPPM), feesText(r.Fees))
		}
	}
}

func feesText(byCurrency map[string]int64) string {
	var parts []string
	for currency, n := range byCurrency {
		parts = append(parts, fmt.Sprintf("%d %s", n, currency))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
