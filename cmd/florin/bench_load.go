package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

// shop is one merchant of the load: its key, and the tokens of its payers' cards.
type shop struct {
	key    string
	tokens []string
}

// load is a number of clients, each of which creates one payment after the other over a connection of its own.
type load struct {
	to      *url.URL
	shops   []shop
	clients int
	warmup  time.Duration
	measure time.Duration
	run     string // names this run in idempotency keys and metadata

	latency latencies     // of captured payments, within the measured time
	inTime  atomic.Uint64 // captured, within the measured time
	all     atomic.Uint64 // captured, with warm-up and tail
	lost    atomic.Uint64 // no answer: these may be captured or not
	mu      sync.Mutex
	errors  map[string]uint64 // by code, from the first request on
}

// drive runs the load until its time is over or ctx ends. measuring is called when the warm-up ends and when the measured time
// ends.
func (l *load) drive(ctx context.Context, measuring func(begins bool)) {
	l.errors = map[string]uint64{}
	start := clock.Stopwatch()
	var clients sync.WaitGroup
	for n := range l.clients {
		clients.Go(func() { l.client(ctx, n, start) })
	}
	for i, at := range []time.Duration{l.warmup, l.warmup + l.measure} {
		timer := time.NewTimer(at - clock.Since(start))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		measuring(i == 0)
	}
	clients.Wait()
}

func (l *load) client(ctx context.Context, n int, start time.Time) {
	w := newWire(l.to)
	defer w.close()
	requests := make([]*stencil, len(l.shops))
	for i := range l.shops {
		requests[i] = l.order(i, n)
	}
	for made := 0; ctx.Err() == nil && clock.Since(start) < l.warmup+l.measure; made++ {
		request := requests[(n+made)%len(requests)].next(made)
		began := clock.Stopwatch()
		status, body, err := w.exchange(ctx, request)
		took, ended := clock.Since(began), clock.Since(start)
		switch code := outcome(status, body, err); {
		case code == "":
			l.all.Add(1)
			if ended >= l.warmup && ended < l.warmup+l.measure {
				l.inTime.Add(1)
				l.latency.add(took)
			}
		case err != nil && ctx.Err() == nil:
			l.lost.Add(1)
			l.failed(code)
		case err == nil:
			l.failed(code)
		default:
			l.lost.Add(1) // broken off by us
		}
	}
}

func (l *load) failed(code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errors[code]++
}

// outcome is empty for a captured payment, else what came instead of it.
func outcome(status int, body []byte, err error) string {
	switch {
	case err != nil:
		return "no answer"
	case status >= 200 && status < 300 && bytes.Contains(body, []byte(`"status":"captured"`)):
		return ""
	case status >= 200 && status < 300:
		return fmt.Sprintf("%d, payment is %s", status, word(body, `"status":"`))
	}
	return fmt.Sprintf("%d %s", status, word(body, `"code":"`))
}

// word is the text between a mark and the next quote.
func word(body []byte, mark string) string {
	_, after, found := bytes.Cut(body, []byte(mark))
	text, _, closed := bytes.Cut(after, []byte(`"`))
	if !found || !closed || len(text) > 64 {
		return "unreadable"
	}
	return string(text)
}

// stencil is a request that is written once; each next payment changes its key, its order number, its token and its amount in place. Cards are
// few, and of one card at one amount only as many payments are sent at once as its network lets be declined: amounts differ, so that clients do
// not wait for each other.
type stencil struct {
	text     []byte
	key, ref []byte // where the number of the request stands, in text
	amount   []byte
	token    []byte
	tokens   []string
	client   int
}

const orderDigits = 10

// benchAmount is what stands before the amount, and benchAmounts how many there are, from the least of four digits on.
const (
	benchAmount  = `"amount":`
	benchAmounts = 9_000
)

func (l *load) order(shopNumber, client int) *stencil {
	s := l.shops[shopNumber]
	number := strings.Repeat("0", orderDigits)
	key := fmt.Sprintf("bench-%s-%d-%d-", l.run, shopNumber, client)
	body := fmt.Sprintf(`{`+benchAmount+`9232,"currency":"EUR","payment_method_token":"%s","capture":true,"metadata":{"bench":"%s","order_id":"ORD-%d-%s"}}`,
		s.tokens[0], l.run, client, number)
	text := fmt.Sprintf("POST %s/v1/payments HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Idempotency-Key: %s%s\r\nContent-Length: %d\r\n\r\n%s", strings.TrimRight(l.to.Path, "/"), l.to.Host, s.key, key, number, len(body), body)
	o := &stencil{text: []byte(text), tokens: s.tokens, client: client}
	at := strings.Index(text, key) + len(key)
	o.key = o.text[at : at+orderDigits]
	at = strings.Index(text, number+`"}}`)
	o.ref = o.text[at : at+orderDigits]
	at = strings.Index(text, benchAmount) + len(benchAmount)
	o.amount = o.text[at : at+len("9232")]
	at = strings.LastIndex(text, s.tokens[0])
	o.token = o.text[at : at+len(s.tokens[0])]
	return o
}

// next is the request of the n-th payment of a client. It is valid until the call after it.
func (o *stencil) next(n int) []byte {
	copy(o.token, o.tokens[n%len(o.tokens)])
	strconv.AppendInt(o.amount[:0], int64(1_000+(n*7_919+o.client*4_787)%benchAmounts), 10)
	for i, rest := orderDigits-1, n; i >= 0; i, rest = i-1, rest/10 {
		o.key[i] = byte('0' + rest%10)
		o.ref[i] = o.key[i]
	}
	return o.text
}
