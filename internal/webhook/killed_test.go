package webhook

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// workerOf tells the test's own binary to be a worker on a database, with the key in a directory.
const workerOf = "FLORIN_TEST_WORKER"

func TestMain(m *testing.M) {
	if at, asked := os.LookupEnv(workerOf); asked {
		url, dir, _ := strings.Cut(at, " ")
		if err := worker(context.Background(), url, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// worker makes events and sends them, until it is killed. It prints each event that was committed.
func worker(ctx context.Context, url, dir string) error {
	p, err := openPost(ctx, url, dir)
	if err != nil {
		return err
	}
	go func() {
		for n := int64(1); ; n++ {
			c := db.NewChange(shop)
			err := p.outbox.Emit(ctx, c, event.Fact{Type: event.PaymentCreated, Subject: "pay_1", Object: n}, p.sender.clock.Now())
			if err == nil {
				err = p.db.Commit(ctx, c)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			p.outbox.Committed(c)
			fmt.Println(event.EventIn(c))
		}
	}()
	return p.sender.Run(ctx)
}

// openPost opens a sender as a worker has it: by the machine's clock, and with a lease that does not keep a test waiting.
func openPost(ctx context.Context, url, dir string) (*post, error) {
	d, err := db.Open(ctx, url, db.Options{}, audit.Schema, event.Schema)
	if err != nil {
		return nil, err
	}
	wrapper, err := seal.FileWrapper(filepath.Join(dir, "key"))
	if err != nil {
		return nil, err
	}
	box, err := seal.Open(ctx, wrapper, filepath.Join(dir, "keyset"))
	if err != nil {
		return nil, err
	}
	ids, now := id.System(), clock.System{}
	store := event.NewStore(d, box)
	outbox := event.NewOutbox(store, ids, now)
	return &post{
		db: d, ids: ids, store: store, outbox: outbox,
		sender: NewSender(SenderOptions{
			DB: d, Store: store, Outbox: outbox, Clock: now, IDs: ids, AllowPrivate: true, Lease: 150 * time.Millisecond, Poll: 10 * time.Millisecond,
		}),
		endpoints: &Endpoints{DB: d, Store: store, Outbox: outbox, Clock: now, IDs: ids, Random: rand.Reader, AllowPrivate: true},
	}, nil
}

// toll counts what an endpoint has heard.
type toll struct {
	mu    sync.Mutex
	heard map[string]int
	more  chan struct{} // holds one when something was heard
}

func (c *toll) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.heard[r.Header.Get("Webhook-Id")]++
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// missing is how many of the events were not heard.
func (c *toll) missing(events []string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range events {
		if c.heard[e] == 0 {
			n++
		}
	}
	return n
}

const kills = 50

// A worker that is killed at any moment, fifty times over, loses no event that was committed.
func TestNoEventIsLostHoweverOftenTheWorkerIsKilled(t *testing.T) {
	for engine, url := range dbtest.URLs(t) {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			heard := &toll{heard: map[string]int{}, more: make(chan struct{}, 1)}
			server := httptest.NewServer(heard)
			defer server.Close()
			dir := t.TempDir()
			setUp(t, url, dir, server.URL)
			var committed []string
			for range kills {
				at, err := rand.Int(rand.Reader, big.NewInt(60))
				if err != nil {
					t.Fatal(err)
				}
				committed = append(committed, lifeOfAWorker(t, url, dir, int(at.Int64())+1, func() bool { return true })...)
			}
			before := heard.missing(committed)
			// The last one lives until everything has arrived.
			lifeOfAWorker(t, url, dir, 1, func() bool {
				late := time.After(time.Minute)
				for heard.missing(committed) > 0 {
					select {
					case <-heard.more:
						late = time.After(time.Minute)
					case <-late:
						return false
					}
				}
				return true
			})
			if n := heard.missing(committed); n > 0 {
				t.Errorf("%d of %d events are lost", n, len(committed))
			}
			t.Logf("%d events, %d of them delivered by the last worker", len(committed), before)
		})
	}
}

func setUp(t *testing.T, url, dir, endpoint string) {
	t.Helper()
	p, err := openPost(t.Context(), url, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := p.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.endpoints.Create(t.Context(), shop, EndpointInput{URL: endpoint, Events: []string{"*"}}, alone); err != nil {
		t.Fatal(err)
	}
}

// lifeOfAWorker runs a worker until it has told of some events and until is true, kills it, and gives back all that it told of.
func lifeOfAWorker(t *testing.T, url, dir string, events int, until func() bool) (committed []string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), workerOf+"="+url+" "+dir)
	var complaints strings.Builder
	command.Stderr = &complaints
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) || err != nil {
			break // a line that was cut off tells of nothing
		}
		committed = append(committed, strings.TrimSpace(line))
		if len(committed) == events {
			if !until() {
				t.Error("what was committed does not arrive")
			}
			if err := command.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = command.Wait() // killed: that is its error
	if len(committed) < events {
		t.Fatalf("the worker ended by itself: %s", complaints.String())
	}
	return committed
}
