package simulation

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/florinpay/florin/internal/ppm"
	"github.com/florinpay/florin/internal/routing/sim"
)

// Replay tries contenders on a history, one after the other. accounts are the candidates of payments that name none, and seed is that of
// their random bits. The history is walked once for each of them.
func Replay(ctx context.Context, history func() iter.Seq2[sim.Recorded, error], accounts []string, contenders []Contender, s Subject, seed uint64) (Report, error) {
	price := pricesOf(contenders, s)
	out := Report{Policies: []Result{}}
	for _, c := range contenders {
		r, err := sim.Replay(Until(ctx, priced(history(), price)), accounts, c.Make(), classOf, seed)
		if err != nil {
			return Report{}, err
		}
		out.add(c, r)
	}
	return out, nil
}

// Until walks a history until ctx ends.
func Until(ctx context.Context, history iter.Seq2[sim.Recorded, error]) iter.Seq2[sim.Recorded, error] {
	return func(yield func(sim.Recorded, error) bool) {
		for r, err := range history {
			if err == nil {
				err = ctx.Err()
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// pricesOf says what payments cost, by the tables of the first contender that has some; nil if none has.
func pricesOf(contenders []Contender, s Subject) func(*sim.Recorded) {
	i := slices.IndexFunc(contenders, func(c Contender) bool { return c.Rules != nil && c.Rules.Prices() })
	if i < 0 {
		return nil
	}
	rules := contenders[i].Rules
	return func(r *sim.Recorded) {
		request := s.request(sim.Query{At: r.At, Country: r.Country, BIN: r.BIN, Amount: r.Amount, Currency: r.Currency, Facts: r.Facts})
		if cost, ok := rules.Cost(r.Provider, &request); ok {
			r.Fee, r.FeeKnown = cost.Minor(), true
		}
	}
}

// priced gives the payments that have no fee the one that they are said to have.
func priced(history iter.Seq2[sim.Recorded, error], price func(*sim.Recorded)) iter.Seq2[sim.Recorded, error] {
	if price == nil {
		return history
	}
	return func(yield func(sim.Recorded, error) bool) {
		for r, err := range history {
			if err == nil && r.Fee == 0 && r.Outcome == sim.ApprovedOutcome {
				price(&r)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// Report is what a history says about policies.
type Report struct {
	Payments    int64    `json:"payments" doc:"First tries of requests that had an outcome."`
	Approved    int64    `json:"approved"`
	ApprovedPPM int64    `json:"approved_ppm" doc:"In parts per million, rounded, as all that end in _ppm."`
	Policies    []Result `json:"policies" doc:"The version that is tried, then what it is compared with."`
}

// Result is one policy's. Only matched payments count: those that it would have sent where they went.
type Result struct {
	Name        string    `json:"name" example:"simulated"`
	Policy      string    `json:"policy,omitempty" doc:"The routing policy, if it is one." example:"rp_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Version     int64     `json:"version,omitempty"`
	Matched     int64     `json:"matched" doc:"Payments that it would have sent where they went. Only these count: how the others would have ended is not known."`
	MatchedPPM  int64     `json:"matched_ppm" doc:"Of all payments."`
	Approved    int64     `json:"approved" doc:"Of the matched ones."`
	ApprovedPPM int64     `json:"approved_ppm"`
	UsualPPM    int64     `json:"usual_ppm" doc:"What the countries and BINs of the matched ones had among all payments: what is approved above it is not the mix."`
	Fees        []Amount  `json:"fees" doc:"What the approved of the matched ones cost, by currency. Each payment's fee is rounded to the minor unit."`
	Unpriced    int64     `json:"unpriced" doc:"The approved of the matched ones of which no fee is known."`
	Countries   []Segment `json:"countries"`
	Accounts    []Segment `json:"provider_accounts"`
}

// Segment is the matched payments of a country, or of a provider account.
type Segment struct {
	Name        string   `json:"name" doc:"Empty: the country is not known."`
	Matched     int64    `json:"matched"`
	Approved    int64    `json:"approved"`
	ApprovedPPM int64    `json:"approved_ppm"`
	Fees        []Amount `json:"fees"`
	Unpriced    int64    `json:"unpriced"`
}

// Amount is money in the currency's minor unit.
type Amount struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

func (s *Report) add(c Contender, r sim.Replayed) {
	s.Payments, s.Approved, s.ApprovedPPM = r.Payments, r.Approved, ppm.Of(r.Approved, r.Payments)
	row := Result{
		Name: c.Name, Policy: c.Policy, Version: c.Version, Matched: r.Matched.Payments, MatchedPPM: ppm.Of(r.Matched.Payments, r.Payments),
		Approved: r.Matched.Approved, ApprovedPPM: ppm.Of(r.Matched.Approved, r.Matched.Payments), Fees: amounts(r.Matched.Fees), Unpriced: r.Matched.Unpriced,
		Countries: segments(r.ByCountry), Accounts: segments(r.ByProvider),
	}
	if r.Matched.Payments > 0 {
		row.UsualPPM = (r.Usual + r.Matched.Payments/2) / r.Matched.Payments
	}
	s.Policies = append(s.Policies, row)
}

func segments(all []sim.Named) []Segment {
	rows := make([]Segment, 0, len(all))
	for _, n := range all {
		rows = append(rows, Segment{n.Name, n.Payments, n.Approved, ppm.Of(n.Approved, n.Payments), amounts(n.Fees), n.Unpriced})
	}
	return rows
}

func amounts(byCurrency map[string]int64) []Amount {
	all := []Amount{}
	for currency, n := range byCurrency {
		all = append(all, Amount{n, currency})
	}
	slices.SortFunc(all, func(a, b Amount) int { return cmp.Compare(a.Currency, b.Currency) })
	return all
}
