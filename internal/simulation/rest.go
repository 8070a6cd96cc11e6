package simulation

import (
	"context"
	"iter"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/payment"
)

// A simulation beside payments rests for as long as it works, so that it takes half a processor at most, and no payment waits for long.
const (
	workSlice   = 2 * time.Millisecond
	longestRest = 20 * time.Millisecond // what took longer has waited for the database
)

// rested walks a sequence with a rest after each slice of work, until ctx ends.
func rested[T any](ctx context.Context, all iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		began := clock.Stopwatch()
		for one, err := range all {
			if !yield(one, err) {
				return
			}
			worked := clock.Since(began)
			if worked < workSlice {
				continue
			}
			select {
			case <-ctx.Done(): // whoever walks sees it, too
			case <-time.After(min(worked, longestRest)):
			}
			began = clock.Stopwatch()
		}
	}
}

// restful reads attempts with rests.
type restful struct{ Attempts }

// Newest rests between pages, which are read at once.
func (r restful) Newest(ctx context.Context, tenant string, s payment.Span) (iter.Seq2[payment.Past, error], func() bool) {
	read, more := r.Attempts.Newest(ctx, tenant, s)
	return rested(ctx, read), more
}
