package simulation

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/routing/sim"
)

// Attempts are what is stored of the past. See payment.History.
type Attempts interface {
	Newest(ctx context.Context, tenant string, s payment.Span) (read iter.Seq2[payment.Past, error], more func() bool)
}

// Window is which of a merchant's payments are tried: those of a method that were made in the last Days before Now. At most Attempts
// attempts are read, the newest, and what merchants wrote about their payments takes at most Bytes.
type Window struct {
	Subject
	Days            int
	Now             time.Time
	Attempts, Bytes int
}

// From is the beginning of the window.
func (w Window) From() time.Time { return w.Now.AddDate(0, 0, -w.Days) }

// History is what was read of a window.
type History struct {
	Payments  []sim.Recorded // oldest first
	Truncated bool           // there are older ones in the window
}

// Stored reads the first attempts of a window's requests, with their candidates in the merchant's own order. It reads page by page, and holds
// no transaction meanwhile.
func Stored(ctx context.Context, h Attempts, w Window, own []routing.Candidate) (History, error) {
	place := places(own)
	words := wordbook{}
	var out History
	past, more := h.Newest(ctx, w.Tenant, payment.Span{From: w.From(), Before: w.Now, Most: w.Attempts, Facts: true})
	for p, err := range past {
		if err != nil {
			return History{}, err
		}
		if !p.First || p.Method != w.Method {
			continue
		}
		if w.Bytes -= size(p); w.Bytes < 0 {
			out.Truncated = true
			break
		}
		out.Payments = append(out.Payments, recorded(p, words.candidates(p.Candidates, place)))
	}
	out.Truncated = out.Truncated || more()
	slices.SortStableFunc(out.Payments, func(a, b sim.Recorded) int { return a.At.Compare(b.At) })
	return out, nil
}

// places are where accounts stand in the merchant's own order.
func places(own []routing.Candidate) map[string]int {
	at := map[string]int{}
	for i, c := range own {
		at[c.Account] = i - len(own) // those that are gone stand at 0: behind
	}
	return at
}

// About what a map of texts takes, and each of its entries beyond the letters. The first few have room in the map.
const mapSize, entrySize = 320, 16

// size is about what a payment takes beyond what all of them take.
func size(p payment.Past) int {
	n := len(p.Customer)
	if len(p.Metadata) > 0 {
		n += mapSize
	}
	for key, value := range p.Metadata {
		n += len(key) + len(value) + entrySize
	}
	return n
}

// recorded is an attempt as a simulation sees it. There are many, with few different words.
func recorded(p payment.Past, candidates []string) sim.Recorded {
	one := func(s string) string { return unique.Make(s).Value() }
	return sim.Recorded{
		At: p.At, Country: one(p.Country), BIN: one(p.BIN), Provider: one(p.Account), Outcome: outcomeOf(p), DeclineCode: one(string(p.Code)),
		Amount: p.Amount.Minor(), Currency: p.Amount.Currency().Code(), Candidates: candidates,
		Facts: sim.Facts{
			Payment: p.Payment, Brand: one(p.Brand), Funding: one(p.Funding), Customer: p.Customer, OffSession: p.OffSession, Metadata: p.Metadata,
		},
	}
}

func outcomeOf(p payment.Past) string {
	switch {
	case p.Approved:
		return sim.ApprovedOutcome
	case p.Code != "":
		return sim.DeclinedOutcome
	}
	return sim.TechnicalOutcome
}

// wordbook has each list of candidates once.
type wordbook map[string][]string

func (w wordbook) candidates(accounts []string, place map[string]int) []string {
	slices.SortFunc(accounts, func(a, b string) int { return cmp.Or(cmp.Compare(place[a], place[b]), cmp.Compare(a, b)) })
	key := strings.Join(accounts, " ")
	if known, ok := w[key]; ok {
		return known
	}
	w[key] = accounts
	return accounts
}

// All walks what was read.
func (h History) All() iter.Seq2[sim.Recorded, error] {
	return func(yield func(sim.Recorded, error) bool) {
		for _, r := range h.Payments {
			if !yield(r, nil) {
				return
			}
		}
	}
}
