package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/webhook"
)

// hangFor is how long an endpoint that hangs holds a webhook, if nobody hangs up before.
const hangFor = 30 * time.Second

// benchPost is a server whose events are delivered to a receiver on this machine.
type benchPost struct {
	*benchServer
	endpoints *webhook.Endpoints
	receiver  *http.Server
	url       string
	ended     chan error
	stop      chan struct{} // closed: who hangs lets go

	tenants atomic.Int64
	landed  sync.Map // by event: when its Change was committed
	arrived func(eventID string, took time.Duration)
}

func newBenchPost(s *benchServer) (*benchPost, error) {
	listener, err := net.Listen("tcp", devHost+":0")
	if err != nil {
		return nil, fmt.Errorf("listen for webhooks: %w", err)
	}
	w := &benchPost{
		benchServer: s, url: "http://" + listener.Addr().String(), ended: make(chan error, 1), stop: make(chan struct{}),
		endpoints: &webhook.Endpoints{
			DB: s.parts.main, Store: s.parts.events, Outbox: s.parts.outbox, Clock: s.parts.clock, IDs: s.parts.ids, Random: rand.Reader, AllowPrivate: true,
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthy", w.healthy)
	mux.HandleFunc("/hanging", w.hanging)
	mux.HandleFunc("/failing", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusInternalServerError) })
	w.receiver = &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() { w.ended <- w.receiver.Serve(listener) }()
	return w, nil
}

func (w *benchPost) close() error {
	close(w.stop)
	err := w.receiver.Close()
	if ended := <-w.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

func (w *benchPost) healthy(_ http.ResponseWriter, r *http.Request) {
	now := clock.Stopwatch()
	_, _ = io.Copy(io.Discard, r.Body) // a body that breaks off is sent again
	event := r.Header.Get("Webhook-Id")
	took := time.Duration(0) // it may arrive before its committer has looked at the clock
	if at, known := w.landed.Load(event); known {
		took = max(now.Sub(at.(time.Time)), 0)
	}
	w.arrived(event, took)
}

func (w *benchPost) hanging(_ http.ResponseWriter, r *http.Request) {
	timer := time.NewTimer(hangFor)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-w.stop:
	}
}

// tenant is one that nobody has used yet, with endpoints at the receiver's paths.
func (w *benchPost) tenant(ctx context.Context, paths ...string) (string, error) {
	tenant := id.Tenant(fmt.Sprintf("acct_hooks%d", w.tenants.Add(1)), false)
	for _, path := range paths {
		in := webhook.EndpointInput{URL: w.url + path, Events: []string{"*"}}
		if _, err := w.endpoints.Create(ctx, tenant, in, func(*db.Change, event.EndpointObject) error { return nil }); err != nil {
			return "", fmt.Errorf("make an endpoint: %w", err)
		}
	}
	return tenant, nil
}

// benchObject is about as large as a payment.
var benchObject = map[string]string{"id": "pay_0000000000000000000000000b", "object": "payment", "note": string(make([]byte, 150))}

// happen commits an event, with its deliveries, and notes when.
func (w *benchPost) happen(ctx context.Context, tenant string) error {
	c := db.NewChange(tenant)
	f := event.Fact{Type: event.PaymentCaptured, Subject: "pay_0000000000000000000000000b", Object: benchObject}
	if err := w.parts.outbox.Emit(ctx, c, f, w.parts.clock.Now()); err != nil {
		return err
	}
	if err := w.parts.main.Commit(ctx, c); err != nil {
		return fmt.Errorf("commit an event: %w", err)
	}
	w.landed.Store(event.EventIn(c), clock.Stopwatch())
	w.parts.outbox.Committed(c)
	return nil
}
