package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/event"
)

// arrivalPatience is how long what was committed may take to arrive once no more is made.
const arrivalPatience = time.Minute

// tallyOf counts what arrives: each delivery once, and the time it took within the measured time.
type tallyOf struct {
	latency    latencies
	start      time.Time
	warmup     time.Duration
	end        time.Duration
	made, came atomic.Int64
	expected   int64 // arrivals of an event
	more       chan struct{}
}

func (b benchWebhooksCommand) tally(expected int) *tallyOf {
	warmup, end := b.times()
	return &tallyOf{start: clock.Stopwatch(), warmup: warmup, end: end, expected: int64(expected), more: make(chan struct{}, 1)}
}

func (t *tallyOf) arrived(_ string, took time.Duration) {
	t.came.Add(1)
	if now := clock.Since(t.start); now >= t.warmup && now < t.end {
		t.latency.add(took)
	}
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// await waits until everything has arrived, or nothing more does. It tells how much is missing.
func (t *tallyOf) await(ctx context.Context) int64 {
	late := time.NewTimer(arrivalPatience)
	defer late.Stop()
	for {
		missing := t.made.Load()*t.expected - t.came.Load()
		if missing <= 0 {
			return 0
		}
		select {
		case <-t.more:
		case <-late.C:
			return missing
		case <-ctx.Done():
			return missing
		}
	}
}

// oneEndpoint delivers to one healthy endpoint as fast as it goes: no more than a few thousand are on the way.
func (b benchWebhooksCommand) oneEndpoint(ctx context.Context, w *benchPost, r *webhooksReport) error {
	tenant, err := w.tenant(ctx, "/healthy")
	if err != nil {
		return err
	}
	const onTheWay = 2000
	room := make(chan struct{}, onTheWay)
	t := b.tally(1)
	w.arrived = func(event string, took time.Duration) {
		t.arrived(event, took)
		<-room
	}
	err = b.produce(ctx, t, func() error {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		return w.happen(ctx, tenant)
	})
	if err != nil {
		return err
	}
	missing := t.await(ctx)
	r.One = measured(&t.latency, t.end-t.warmup)
	r.check("one endpoint", missing == 0, "%d events committed, %d did not arrive", t.made.Load(), missing)
	return nil
}

// produce has events made by all producers until the time is over.
func (b benchWebhooksCommand) produce(ctx context.Context, t *tallyOf, make func() error) error {
	faults := []error{}
	var mu sync.Mutex
	var producers sync.WaitGroup
	for range b.Producers {
		producers.Go(func() {
			for clock.Since(t.start) < t.end {
				if err := make(); err != nil {
					mu.Lock()
					defer mu.Unlock()
					faults = append(faults, err)
					return
				}
				t.made.Add(1)
			}
		})
	}
	producers.Wait()
	return errors.Join(append(faults, ctx.Err())...)
}

// endpointsOfTenant is how many endpoints hear of each event in the part in which some hang.
const endpointsOfTenant = 10

// besideHanging delivers at a steady rate to many endpoints, some of which hang.
func (b benchWebhooksCommand) besideHanging(ctx context.Context, w *benchPost, r *webhooksReport) error {
	r.Endpoints = (b.Endpoints + endpointsOfTenant - 1) / endpointsOfTenant * endpointsOfTenant
	r.Hanging = r.Endpoints * b.Hanging / 100
	var tenants []string
	for made := 0; made < r.Endpoints; made += endpointsOfTenant {
		var paths []string
		for i := made; i < made+endpointsOfTenant; i++ {
			if i*b.Hanging/100 < (i+1)*b.Hanging/100 { // spread evenly
				paths = append(paths, "/hanging")
			} else {
				paths = append(paths, "/healthy")
			}
		}
		tenant, err := w.tenant(ctx, paths...)
		if err != nil {
			return err
		}
		tenants = append(tenants, tenant)
	}
	t := b.tally(1)
	w.arrived = t.arrived
	healthy := int64(r.Endpoints - r.Hanging)
	tick := time.NewTicker(time.Second * endpointsOfTenant / time.Duration(b.Rate))
	defer tick.Stop()
	for n := 0; clock.Since(t.start) < t.end; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := w.happen(ctx, tenants[n%len(tenants)]); err != nil {
			return err
		}
		// What is expected of an event is its tenant's healthy endpoints: the tenants take turns, so whole turns are counted.
		if (n+1)%len(tenants) == 0 {
			t.made.Add(healthy)
		}
	}
	missing := t.await(ctx)
	r.Healthy = measured(&t.latency, t.end-t.warmup)
	r.check("healthy endpoints", missing == 0, "%d deliveries expected, %d did not arrive", t.made.Load(), missing)
	return nil
}

// failingEndpoints is how many endpoints the deliveries that wait are for: as many as a merchant may have.
const failingEndpoints = event.MaxEndpoints

// besideWaiting measures payments before and while many deliveries wait for endpoints that fail.
func (b benchWebhooksCommand) besideWaiting(ctx context.Context, payments benchCommand, w *benchPost, r *webhooksReport) error {
	if b.Waiting == 0 {
		return nil
	}
	m := &waitingReport{Deliveries: b.Waiting / failingEndpoints * failingEndpoints}
	var err error
	if m.Before, err = b.payments(ctx, payments, w, r); err != nil {
		return err
	}
	if m.Memory[0], err = memoryUsed(); err != nil {
		return err
	}
	began := clock.Stopwatch()
	paths := make([]string, failingEndpoints)
	for i := range paths {
		paths[i] = "/failing"
	}
	tenant, err := w.tenant(ctx, paths...)
	if err != nil {
		return err
	}
	if err := b.fill(ctx, w, tenant, m.Deliveries/failingEndpoints); err != nil {
		return err
	}
	m.FillMillis = clock.Since(began).Milliseconds()
	if m.Memory[1], err = memoryUsed(); err != nil {
		return err
	}
	if m.Beside, err = b.payments(ctx, payments, w, r); err != nil {
		return err
	}
	waiting, err := w.waiting(ctx, tenant)
	r.Waiting = m
	r.check("deliveries that wait", waiting == int64(m.Deliveries), "%d made, %d wait", m.Deliveries, waiting)
	return err
}

func (b benchWebhooksCommand) payments(ctx context.Context, payments benchCommand, w *benchPost, r *webhooksReport) (*measurement, error) {
	one := &benchReport{}
	l := payments.load(w.benchServer.url, w.shops, runName())
	err := payments.drive(ctx, l, one)
	r.check("payments", len(one.Errors) == 0 && one.Lost == 0, "%d captured, errors: %s", one.Payments.Count, errorsText(one.Errors))
	return one.Payments, err
}

// fill commits events for the endpoints that fail.
func (b benchWebhooksCommand) fill(ctx context.Context, w *benchPost, tenant string, events int) error {
	var left atomic.Int64
	left.Store(int64(events))
	faults := make([]error, b.Producers)
	var producers sync.WaitGroup
	for n := range b.Producers {
		producers.Go(func() {
			for left.Add(-1) >= 0 && faults[n] == nil {
				faults[n] = w.happen(ctx, tenant)
			}
		})
	}
	producers.Wait()
	return errors.Join(append(faults, ctx.Err())...)
}

// waiting counts a tenant's deliveries that have not been delivered.
func (w *benchPost) waiting(ctx context.Context, tenant string) (int64, error) {
	var n int64
	endpoints, err := w.parts.events.Endpoints(ctx, tenant)
	for _, e := range endpoints {
		one, failed := w.parts.events.Pending(ctx, tenant, e.ID)
		n, err = n+one, errors.Join(err, failed)
	}
	return n, err
}
