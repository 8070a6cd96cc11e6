package webhook

import (
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

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
	now       *clock.Manual
	store     *event.Store
	outbox    *event.Outbox
	endpoints *Endpoints
	sender    *Sender
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
		body(&post{
			T: t, db: d, now: now, store: store, outbox: outbox, sender: NewSender(d, store, now, true),
			endpoints: &Endpoints{DB: d, Store: store, Outbox: outbox, Clock: now, IDs: ids, Random: rand.Reader, AllowPrivate: true},
		})
	}, event.Schema)
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
	if err := p.outbox.Emit(p.Context(), c, t, "pay_1", object, p.now.Now()); err != nil {
		p.Fatal(err)
	}
	if err := p.db.Commit(p.Context(), c); err != nil {
		p.Fatal(err)
	}
}

// work sends what is due.
func (p *post) work() {
	p.Helper()
	for _, s := range p.sender.Sweeps() {
		if _, err := p.db.SweepOnce(p.Context(), s); err != nil {
			p.Fatal(err)
		}
	}
}

func (p *post) deliveries() []event.Delivery {
	p.Helper()
	found, _, err := p.store.Deliveries(p.Context(), shop, db.Page{Limit: 100}, "", "")
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
