package health

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/breaker"
	"github.com/florinpay/florin/internal/id"
)

// How an account fares as a whole.
const (
	well        = "well"
	degraded    = "degraded"    // an operation's breaker is not closed
	maintenance = "maintenance" // a window is open now
)

// Report is how a provider account fares, as the API shows it.
type Report struct {
	Object          string            `json:"object" enum:"provider_health"`
	ProviderAccount string            `json:"provider_account" example:"alpha"`
	Livemode        bool              `json:"livemode"`
	State           string            `json:"state" enum:"well,degraded,maintenance" doc:"degraded: at least one operation is not closed. maintenance: a window is open now."`
	WindowSeconds   int64             `json:"window_seconds" doc:"Of which calls, failures and latencies are." example:"60"`
	Operations      []OperationReport `json:"operations" doc:"One for each operation, called or not."`
	Maintenance     []WindowObject    `json:"maintenance" doc:"Windows that are not over, by their beginning."`
}

// OperationReport is how an operation fares.
type OperationReport struct {
	Operation        Operation  `json:"operation" enum:"authorize,authenticate,capture,void,refund,payout,inquiry"`
	State            string     `json:"state" enum:"closed,half_open,open,maintenance" doc:"closed: calls are made. open: they are not, because too many failed. half_open: one at a time is, to see. maintenance: they are not, until the window ends."`
	Since            *time.Time `json:"since" doc:"Since when calls are made, or since when they began to fail. Null if nothing was called lately."`
	Elsewhere        bool       `json:"elsewhere" doc:"Another process of this installation says so; this one sees no failure."`
	Calls            int64      `json:"calls" doc:"That ended within the window, at most the last 256, in the process that answers."`
	Failures         int64      `json:"failures" doc:"Of these, for technical reasons. Declines are none."`
	LatencyP50       *int64     `json:"latency_p50_ms" doc:"Of the calls that did not fail; null if there are none."`
	LatencyP95       *int64     `json:"latency_p95_ms"`
	ConcurrencyLimit int64      `json:"concurrency_limit" doc:"How many calls may be under way at once, of all the account's operations together. Refunds, voids and inquiries have some room beyond what others have, and payments that are under way a part of that."`
	InFlight         int64      `json:"in_flight" doc:"Calls of this operation that are under way."`
	NextProbeAt      *time.Time `json:"next_probe_at" doc:"When the next call is let through; null if calls are made."`
}

// Report tells how an account fares: what this process sees, and what another one has told of what this one does not see. Whether there is
// such an account the caller knows.
func (h *Health) Report(ctx context.Context, tenant, account string) (Report, error) {
	now := h.Clock.Now()
	windows, err := h.Windows(ctx, tenant, account)
	if err != nil {
		return Report{}, fmt.Errorf("list the windows of %s: %w", account, err)
	}
	told, err := h.store.openOf(ctx, tenant, account)
	if err != nil {
		return Report{}, fmt.Errorf("read the health of %s: %w", account, err)
	}
	r := Report{
		Object: "provider_health", ProviderAccount: account, Livemode: id.Live(tenant), State: well, WindowSeconds: int64(window / time.Second),
		Maintenance: windows, Operations: make([]OperationReport, 0, len(Operations)),
	}
	for _, o := range Operations {
		one := h.report(Call{Tenant: tenant, Account: account, Operation: o}, now)
		for _, t := range told {
			if t.Operation == o && one.State == string(stateClosed) && t.Process != h.node && !t.stale(now) {
				one.State, one.Since, one.Elsewhere, one.NextProbeAt = string(stateOpen), &t.Since, true, &t.Until
			}
		}
		switch one.State {
		case Maintenance:
			r.State = maintenance
		case string(stateClosed):
		default:
			if r.State == well {
				r.State = degraded
			}
		}
		r.Operations = append(r.Operations, one)
	}
	return r, nil
}

// report is what this process knows of an operation.
func (h *Health) report(c Call, now time.Time) OperationReport {
	r := OperationReport{Operation: c.Operation, State: string(stateClosed), ConcurrencyLimit: firstLimit}
	if c.Operation.outranks() {
		r.ConcurrencyLimit += reserve
	}
	a, v := h.valve(c, false)
	if a != nil {
		r.ConcurrencyLimit = int64(a.bulkhead.limit(c.Operation))
	}
	if v != nil {
		s, f := v.standing(), v.figures()
		r.State, r.Since = string(s.state), &s.since
		r.Calls, r.Failures, r.InFlight = int64(f.calls), int64(f.failures), int64(f.inFlight)
		if f.calls > f.failures {
			r.LatencyP50, r.LatencyP95 = milliseconds(f.median), milliseconds(f.p95)
		}
		if s.wait > 0 {
			next := s.nextProbe(now)
			r.NextProbeAt = &next
		}
	}
	if until, ok := h.windows.covers(c, now); ok {
		r.State, r.NextProbeAt = Maintenance, &until
	}
	return r
}

// nextProbe is when the next call is let through, to the millisecond: the same for all who ask while nothing changes. When a probe that is
// under way ends nobody knows: then it is the next full second.
func (s standing) nextProbe(now time.Time) time.Time {
	if s.state == stateOpen {
		return s.until.Truncate(time.Millisecond)
	}
	return now.Truncate(breaker.ProbePause).Add(breaker.ProbePause)
}

func milliseconds(d time.Duration) *int64 {
	ms := d.Milliseconds()
	return &ms
}
