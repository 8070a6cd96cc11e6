package api

import (
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
)

// What a process cannot do in time it refuses at once, before it looks who asks: a caller that is told to come back in a second is
// better off than one that waits for a minute. What matters less is refused earlier. Streams and files have bounds of their own, as
// have providers' webhooks.

// priority is how much a request matters.
type priority uint8

const (
	prioRead    priority = iota
	prioWrite            // what moves no payment
	prioPayment          // new ones, and those that their payers go on with
	prioRefund           // what gives money back or lets it go, and captures: their payers have paid already
	prioOps              // people who see to the installation: they end what there is too much of
	priorities
)

var priorityNames = [priorities]string{"read", "write", "payment", "refund", "ops"}

// shares are how much of what one process does at once there may be, in percent, when a request of a priority comes in.
var shares = [priorities]int64{50, 70, 85, 95, 100}

// ranked are the operations whose priority is not that of all writes or all reads.
var ranked = map[string]priority{
	"createPayment": prioPayment, "confirmPayment": prioPayment,
	"refundPayment": prioRefund, "capturePayment": prioRefund, "cancelPayment": prioRefund, "approveRefund": prioRefund, "cancelRefund": prioRefund,
	"cancelPayout":      prioRefund,
	"getProviderHealth": prioOps, "announceMaintenance": prioOps, "liftMaintenance": prioOps,
	"publishRoutingPolicy": prioOps, "rollbackRoutingPolicy": prioOps, "unpublishRoutingPolicy": prioOps,
}

// rank is an operation's priority.
func (o *operation) rank() priority {
	p, ok := ranked[o.id]
	switch {
	case ok:
		return p
	case o.scope == access.OpsRead, o.scope == access.OpsWrite:
		return prioOps
	case o.writes():
		return prioWrite
	}
	return prioRead
}

// DefaultMaxRequests is how many requests one process works on at once.
const DefaultMaxRequests = 2048

// The bounds of reads that are under way. They wait for nothing but this process and its database, so that they take longer says that
// there is too much to do: then fewer are let in. Writes wait for providers, whose times say nothing about us.
const (
	leastReads  = 32
	firstReads  = 256
	shedRetry   = time.Second
	readsWindow = time.Minute // in which the limit is held to what was needed of it
)

// valve bounds what is under way. It is one addition for a write, and a lock besides for a read.
type valve struct {
	most   int64
	under  atomic.Int64
	reads  adaptivelimiter.AdaptiveLimiter[struct{}]
	shed   *prometheus.CounterVec
	bounds [priorities]int64
}

func newValve(most int, r prometheus.Registerer) *valve {
	if most <= 0 {
		most = DefaultMaxRequests
	}
	v := &valve{most: int64(most), shed: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "florin_api_shed_total", Help: "Requests that were refused because there was too much to do.",
	}, []string{"priority"})}
	for p, share := range shares {
		v.bounds[p] = max(1, v.most*share/100)
		v.shed.WithLabelValues(priorityNames[p])
	}
	first := uint(min(firstReads, v.bounds[prioRead]))
	v.reads = adaptivelimiter.NewBuilder[struct{}]().
		WithLimits(min(leastReads, first), uint(v.bounds[prioRead]), first).
		WithMaxLimitFunc(func(inFlight int) float64 { return float64(max(firstReads, 2*inFlight)) }).
		WithMaxLimitStabilizationWindow(readsWindow).
		Build()
	if r != nil {
		r.MustRegister(v.shed)
	}
	return v
}

// enter takes room for a request, which leave gives back. It fails with fault.Unavailable.
func (v *valve) enter(p priority) (leave func(), err error) {
	if v.under.Add(1) > v.bounds[p] {
		v.under.Add(-1)
		return nil, v.refuse(p)
	}
	if p != prioRead {
		return v.leave, nil
	}
	permit, ok := v.reads.TryAcquirePermit()
	if !ok {
		v.under.Add(-1)
		return nil, v.refuse(p)
	}
	return func() {
		permit.Record()
		v.leave()
	}, nil
}

func (v *valve) leave() { v.under.Add(-1) }

func (v *valve) refuse(p priority) error {
	v.shed.WithLabelValues(priorityNames[p]).Inc()
	return errBusy
}

var errBusy = &fault.Error{Kind: fault.Unavailable, Code: fault.CodeOverloaded, Detail: "there is too much to do just now; nothing was done of this request", RetryAfter: shedRetry}
