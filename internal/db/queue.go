package db

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

// pending is a Change that waits to be written, or a job that a writer runs on its connection between batches.
type pending struct {
	change *Change
	keys   []string // of the change's rows, in their order; see key
	job    func(ctx context.Context, s session) error

	state     atomic.Uint32
	uncertain bool // a COMMIT that held it went unanswered: its own row may be there
	queued    time.Time
	err       error
	done      chan struct{}
}

const (
	waiting uint32 = iota
	taken
	withdrawn
)

// withdraw takes it back, if no writer has it yet.
func (p *pending) withdraw() bool { return p.state.CompareAndSwap(waiting, withdrawn) }

func (p *pending) merchant() string {
	if p.change == nil {
		return "" // jobs have a lane of their own
	}
	return p.change.merchant
}

// queue is the bounded queue before the writers, fair between merchants.
//
// A key that a writer has in hand is busy: a Change that touches it steps aside until it is released. So two Changes
// that touch the same key never share a batch, nor wait for each other's locks inside the database.
type queue struct {
	mu      sync.Mutex
	some    sync.Cond
	lanes   map[string]*lane
	turn    []*lane // the lanes that hold something, whose turn is next first
	busy    map[string][]*pending
	size    int // all that wait, those that stepped aside too
	bound   int
	closed  bool
	metrics *metrics
}

// lane is what waits of one merchant. What stepped aside and came back goes first.
type lane struct {
	merchant   string
	back, line []*pending
}

func newQueue(bound int, m *metrics) *queue {
	q := &queue{lanes: map[string]*lane{}, busy: map[string][]*pending{}, bound: bound, metrics: m}
	q.some.L = &q.mu
	return q
}

// add queues a Change. It fails with fault.Unavailable if the queue is full or closed.
func (q *queue) add(p *pending) error {
	p.queued = clock.Stopwatch()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed
	}
	if q.size >= q.bound {
		q.metrics.refused.Inc()
		return errFull
	}
	q.size++
	l := q.lane(p.merchant())
	l.line = append(l.line, p)
	q.some.Signal()
	return nil
}

// lane finds or makes a merchant's lane and sees that it has its turn. The caller is about to put something in.
func (q *queue) lane(merchant string) *lane {
	l, ok := q.lanes[merchant]
	if !ok {
		l = &lane{merchant: merchant}
		q.lanes[merchant] = l
		q.turn = append(q.turn, l)
	}
	return l
}

// take waits for something to write and takes all that waits, at most limit, without waiting for more. It is nil when
// the queue is closed and empty. A job comes alone.
func (q *queue) take(limit int) []*pending {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if batch := q.collect(limit); len(batch) > 0 {
			return batch
		}
		if q.closed && q.size == 0 {
			q.some.Broadcast()
			return nil
		}
		q.some.Wait()
	}
}

func (q *queue) collect(limit int) []*pending {
	var batch []*pending
	var jobs []*lane // none or the one: jobs have one lane
	rows := 0
	for len(batch) < limit && rows < maxBatchRows && len(q.turn) > 0 {
		l := q.turn[0]
		if l.head().job != nil && len(batch) > 0 {
			jobs, q.turn = q.turn[:1:1], q.turn[1:] // the next batch is the job alone; this one fills up first
			continue
		}
		p := l.pop()
		q.next(l)
		if q.stepAside(p) {
			continue
		}
		q.size--
		if !p.state.CompareAndSwap(waiting, taken) {
			continue
		}
		for _, k := range p.keys {
			q.busy[k] = nil
		}
		batch = append(batch, p)
		rows += len(p.keys)
		if p.job != nil {
			break
		}
	}
	if jobs != nil {
		q.turn = append(jobs, q.turn...)
	}
	return batch
}

// maxBatchRows ends a batch of unusually large Changes early.
const maxBatchRows = 4096

// next gives the turn to the next lane; an empty one leaves.
func (q *queue) next(l *lane) {
	q.turn = q.turn[1:]
	if len(l.back) > 0 || len(l.line) > 0 {
		q.turn = append(q.turn, l)
		return
	}
	delete(q.lanes, l.merchant)
}

// head is what pop takes next.
func (l *lane) head() *pending {
	if len(l.back) > 0 {
		return l.back[0]
	}
	return l.line[0]
}

func (l *lane) pop() *pending {
	from := &l.back
	if len(*from) == 0 {
		from = &l.line
	}
	p := (*from)[0]
	(*from)[0] = nil
	*from = (*from)[1:]
	return p
}

// stepAside parks a Change behind a key that is busy.
func (q *queue) stepAside(p *pending) bool {
	if p.state.Load() == withdrawn {
		return false
	}
	for _, k := range p.keys {
		if behind, is := q.busy[k]; is {
			q.busy[k] = append(behind, p)
			return true
		}
	}
	return false
}

// release frees the keys of Changes whose outcome is settled, and calls back who stepped aside for them.
func (q *queue) release(settled []*pending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	back := 0
	for _, p := range settled {
		for _, k := range p.keys {
			for _, behind := range q.busy[k] {
				l := q.lane(behind.merchant())
				l.back = append(l.back, behind)
				back++
			}
			delete(q.busy, k)
		}
	}
	if back > 0 || q.closed {
		q.some.Broadcast()
	}
}

// waiting is how many wait.
func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.size
}

// close refuses what comes from now on. What waits is still taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.some.Broadcast()
}
