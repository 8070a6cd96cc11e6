package webhook

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/seal"
)

const shop = "acct_shop:test"

// post is a sender with its endpoints over one engine, and a clock moved by hand.
type post struct {
	*testing.T
	db        *db.DB
	ids       *id.Source
	now       *clock.Manual
	store     *event.Store
	outbox    *event.Outbox
	endpoints *Endpoints
	sender    *Sender
	sequence  int64
}

func eachPost(t *testing.T, body func(p *post)) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		dir := t.TempDir()
		wrapper, err := seal.FileWrapper(filepath.Join(dir, "key"))
		if err != nil {
			t.Fatal(err)
		}
		box, err := seal.Open(t.Context(), wrapper, filepath.Join(dir, "keyset"))
		if err != nil {
			t.Fatal(err)
		}
		ids := id.NewSource(now, rand.Reader)
		store := event.NewStore(d, box)
		outbox := event.NewOutbox(store, ids, now)
		sender := newTestSender(d, store, outbox, now, ids)
		body(&post{
			T: t, db: d, ids: ids, now: now, store: store, outbox: outbox, sender: sender,
			endpoints: &Endpoints{DB: d, Store: store, Outbox: outbox, Clock: now, IDs: ids, Random: rand.Reader, Sender: sender, AllowPrivate: true},
		})
	}, audit.Schema, event.Schema)
}

func newTestSender(d *db.DB, s *event.Store, o *event.Outbox, c clock.Clock, ids *id.Source) *Sender {
	return NewSender(SenderOptions{DB: d, Store: s, Outbox: o, Clock: c, IDs: ids, AllowPrivate: true, BacklogRate: 1_000_000})
}

// listen makes an endpoint for a URL.
func (p *post) listen(url string, filters ...string) event.EndpointObject {
	p.Helper()
	o, err := p.endpoints.Create(p.Context(), shop, EndpointInput{URL: url, Events: filters}, func(*db.Change, event.EndpointObject) error { return nil })
	if err != nil {
		p.Fatal(err)
	}
	return o
}

// happen commits an event.
func (p *post) happen(t event.Type, object any) {
	p.Helper()
	c := db.NewChange(shop)
	p.sequence++
	f := event.Fact{Type: t, Subject: "pay_1", Thread: "pay_1", Sequence: p.sequence, Object: object}
	if err := p.outbox.Emit(p.Context(), c, f, p.now.Now()); err != nil {
		p.Fatal(err)
	}
	if err := p.db.Commit(p.Context(), c); err != nil {
		p.Fatal(err)
	}
	p.outbox.Committed(c)
}

// work sends what is due, until nothing more can be sent now, and takes recoveries as far as they go.
func (p *post) work() {
	p.Helper()
	for _, s := range p.sender.Sweeps() {
		if _, err := p.db.SweepOnce(p.Context(), s); err != nil {
			p.Fatal(err)
		}
	}
	p.drain(p.sender)
}

// drain has a sender do what its lanes do, as long as there is something to do.
func (p *post) drain(s *Sender) {
	p.Helper()
	var lanes sync.WaitGroup
	err := p.store.DueLanes(p.Context(), p.now.Now(), func(due event.DueLane) {
		l := s.newLane(laneKey{due.Merchant, due.Endpoint})
		lanes.Go(func() {
			if !l.take(p.Context()) {
				return
			}
			for l.keep(p.Context()) {
				l.read(p.Context())
				if len(l.underWay) == 0 && !l.mayStart(p.now.Now()) {
					break
				}
				l.turn(p.Context())
			}
			for len(l.underWay) > 0 {
				l.finish(p.Context(), <-l.done)
			}
			l.release(p.Context())
		})
	})
	lanes.Wait()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *post) deliveries() []event.Delivery {
	p.Helper()
	found, _, err := p.store.Deliveries(p.Context(), shop, db.Page{Limit: 100}, event.DeliveryFilter{})
	if err != nil {
		p.Fatal(err)
	}
	return found
}

// ear is an endpoint of a merchant: it keeps what it hears and answers from a script, 200 when that is used up.
type ear struct {
	*httptest.Server
	mu     sync.Mutex
	heard  []heard
	script []http.HandlerFunc
}

type heard struct {
	header http.Header
	body   []byte
}

func newEar(t *testing.T, script ...http.HandlerFunc) *ear {
	e := &ear{script: script}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read a webhook: %v", err)
		}
		e.mu.Lock()
		e.heard = append(e.heard, heard{r.Header, body})
		answer := func(http.ResponseWriter, *http.Request) {}
		if len(e.script) > 0 {
			answer, e.script = e.script[0], e.script[1:]
		}
		e.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// run has the sender work by itself until the test ends.
func (p *post) run(s *Sender) {
	ctx, stop := context.WithCancel(p.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	p.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			p.Error(err)
		}
	})
}

// about commits an event about a payment.
func (p *post) about(thread string, t event.Type) {
	p.Helper()
	p.sequence++
	c := db.NewChange(shop)
	f := event.Fact{Type: t, Subject: thread, Thread: thread, Sequence: p.sequence}
	if err := p.outbox.Emit(p.Context(), c, f, p.now.Now()); err != nil {
		p.Fatal(err)
	}
	if err := p.db.Commit(p.Context(), c); err != nil {
		p.Fatal(err)
	}
	p.outbox.Committed(c)
}

// setEndpoint changes an endpoint as it is stored.
func (p *post) setEndpoint(endpoint string, change func(e *event.Endpoint)) {
	p.Helper()
	e, err := p.store.Endpoint(p.Context(), shop, endpoint)
	if err != nil {
		p.Fatal(err)
	}
	change(&e)
	row, err := p.store.EndpointUpdate(e)
	if err != nil {
		p.Fatal(err)
	}
	if err := p.db.Commit(p.Context(), db.NewChange(shop, row)); err != nil {
		p.Fatal(err)
	}
	p.outbox.Forget(shop)
	p.sender.known.Forget(laneKey{shop, endpoint})
}
