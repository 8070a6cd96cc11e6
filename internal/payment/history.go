package payment

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
	"unique"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
)

// History reads how attempts of the past ended: for a router that begins anew, and to try policies on.
type History struct {
	store store
	page  int // how many attempts are read at a time
}

// NewHistory is the history of a database that has Schema.
func NewHistory(d *db.DB) History { return History{store{d}, 500} }

// Past is an attempt that came to an end, and what was known before it was sent.
type Past struct {
	Payment                       string
	Account, Method, Country, BIN string
	Amount                        money.Money
	Candidates                    []string // accounts that could have had it, as they were ranked
	First                         bool     // the first one that was asked for the payer's money, by its request
	Approved                      bool
	Kind                          routing.Kind         // whose doing it was
	Code                          provider.DeclineCode // empty if it was not declined
	At                            time.Time
	PastFacts                     // if they were asked for
}

// PastFacts are what else is known of an attempt's payment. Brand and funding are empty if it has another card by now.
type PastFacts struct {
	Brand, Funding, Customer string
	OffSession               bool
	Metadata                 map[string]string
}

// Span bounds a reading: attempts of payments that were made From then on, which ended before Before; Most of them.
type Span struct {
	From, Before time.Time
	Most         int
	Facts        bool // with PastFacts
}

// Tenants are those who have attempts, at most that many.
func (h History) Tenants(ctx context.Context, most int) ([]string, error) {
	var all []string
	for last := ""; len(all) < most; {
		next, err := h.store.tenantAfter(ctx, last)
		if err != nil {
			return nil, fmt.Errorf("tenants with attempts: %w", err)
		}
		if next == "" {
			break
		}
		all, last = append(all, next), next
	}
	return all, nil
}

// Read walks a tenant's attempts that ended, the newest payment first. It ends after the first error.
func (h History) Read(ctx context.Context, tenant string, s Span) iter.Seq2[Past, error] {
	past, _ := h.Newest(ctx, tenant, s)
	return past
}

// Newest is Read, and says once that is through whether Most was too few: there are older attempts in the span.
func (h History) Newest(ctx context.Context, tenant string, s Span) (read iter.Seq2[Past, error], more func() bool) {
	older := false
	return func(yield func(Past, error) bool) {
		floor := id.Floor(id.Payment, s.From)
		at := pastCursor{payment: id.Floor(id.Payment, s.Before.Add(time.Second))} // an id has the millisecond that it was made in
		for left := s.Most; left > 0; {
			limit := min(h.page, left)
			page, err := h.store.attemptsBefore(ctx, tenant, floor, at, limit+1)
			if err != nil {
				yield(Past{}, fmt.Errorf("attempts of %s: %w", tenant, err))
				return
			}
			next := len(page) > limit
			page = page[:min(limit, len(page))]
			if !h.tell(ctx, tenant, page, s, yield) || !next {
				return
			}
			left -= limit
			older = left == 0
			at = pastCursor{page[limit-1].Payment, page[limit-1].Number}
		}
	}, func() bool { return older }
}

// tell yields what of a page ended; false if that is to be all.
func (h History) tell(ctx context.Context, tenant string, page []Attempt, s Span, yield func(Past, error) bool) bool {
	var all []Past
	for _, a := range page {
		if past, ended := a.past(); ended && past.At.Before(s.Before) {
			all = append(all, past)
		}
	}
	if s.Facts {
		if err := h.learn(ctx, tenant, all); err != nil {
			yield(Past{}, fmt.Errorf("payments of %s: %w", tenant, err))
			return false
		}
	}
	for _, past := range all {
		if !yield(past, nil) {
			return false
		}
	}
	return true
}

// learn reads what is known of the payments of a page.
func (h History) learn(ctx context.Context, tenant string, page []Past) error {
	if len(page) == 0 {
		return nil
	}
	ids := make([]string, h.page) // always as many, so that there is one statement: the last one stands in for what is missing
	for i := range ids {
		ids[i] = page[min(i, len(page)-1)].Payment
	}
	known, err := h.store.pastPayments(ctx, tenant, ids)
	if err != nil {
		return err
	}
	for i := range page {
		p, m := &page[i], known[page[i].Payment]
		p.Customer, p.OffSession, p.Metadata = m.customer, m.asked.OffSession, m.metadata
		if m.method.word() == p.Method && m.method.BIN == p.BIN {
			p.Brand, p.Funding = m.method.Brand, m.method.Funding
		}
	}
	return nil
}

// past is how an attempt ended; false if it has not, or if it was given up before the issuer agreed: whose doing that was is not stored.
func (a Attempt) past() (Past, bool) {
	r := a.Route
	if r == nil {
		return Past{}, false
	}
	p := Past{
		Payment: a.Payment, Account: a.Account, Method: r.Method, Country: r.Country, BIN: r.BIN, Amount: a.Amount, First: r.After == 0, Kind: routing.ByIssuer, At: a.MovedAt,
	}
	for _, one := range r.Ranked {
		p.Candidates = append(p.Candidates, one.Account)
	}
	switch {
	case !r.ApprovedAt.IsZero(): // whatever became of it since
		p.Approved, p.At = true, r.ApprovedAt
	case a.State == AttemptDeclined:
		p.Code = a.Failure.code()
		p.Kind = kindOf(p.Code)
	case a.State == AttemptNotSent:
		p.Kind = routing.ByTechnique
	default:
		return Past{}, false
	}
	return p, true
}

// maxTaught is how many tenants are taught of at most.
const maxTaught = 4096

// Teach hands what tells something about the accounts that were asked to warm, tenant by tenant, oldest first, and says how many attempts
// that were. A tenant that has less than its share of Most leaves the rest to those that come behind. What was read before an error is
// taught, too.
func (h History) Teach(ctx context.Context, s Span, warm func(iter.Seq[routing.Outcome])) (taught int, err error) {
	tenants, err := h.Tenants(ctx, maxTaught)
	left := s.Most
	for i, tenant := range tenants {
		share := s
		share.Most = left / (len(tenants) - i)
		read, all, failed := h.remember(ctx, tenant, share)
		warm(outcomes(tenant, all))
		taught, left, err = taught+len(all), left-read, errors.Join(err, failed)
		if ctx.Err() != nil {
			break
		}
	}
	return taught, err
}

// remembered is an outcome that waits for older ones. There may be many, with few different words.
type remembered struct {
	account, method, country, bin unique.Handle[string]
	approved                      bool
	at                            time.Time
}

// remember is the newest outcomes of a tenant that tell something about an account, oldest first, and how many it read for that.
func (h History) remember(ctx context.Context, tenant string, s Span) (read int, all []remembered, err error) {
	for past, failed := range h.Read(ctx, tenant, s) {
		if failed != nil {
			err = failed
			break
		}
		read++
		if past.Approved || past.Kind == routing.ByIssuer {
			all = append(all, remembered{
				unique.Make(past.Account), unique.Make(past.Method), unique.Make(past.Country), unique.Make(past.BIN), past.Approved, past.At,
			})
		}
	}
	slices.SortStableFunc(all, func(a, b remembered) int { return a.at.Compare(b.at) })
	return read, all, err
}

func outcomes(tenant string, all []remembered) iter.Seq[routing.Outcome] {
	return func(yield func(routing.Outcome) bool) {
		for _, r := range all {
			o := routing.Outcome{
				Merchant: tenant, Account: r.account.Value(), Method: r.method.Value(), Country: r.country.Value(), BIN: r.bin.Value(),
				Approved: r.approved, Kind: routing.ByIssuer, At: r.at,
			}
			if !yield(o) {
				return
			}
		}
	}
}
