package stage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// bell is the smallest world: a bell that rings later, and tells it.
type bell struct {
	*stage.Stage
	clock *clock.Manual
	heard chan string // bodies of webhooks
	url   string      // of the receiver
	held  chan time.Duration
}

// ring is what the world keeps.
type ring struct{ Rung int }

func newBell(t *testing.T) *bell {
	t.Helper()
	b := &bell{clock: clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)), heard: make(chan string, 1000), held: make(chan time.Duration, 10)}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		b.heard <- string(body)
	}))
	t.Cleanup(receiver.Close)
	b.url = receiver.URL
	return b
}

func (b *bell) open(t *testing.T, file string) {
	t.Helper()
	s, err := stage.Open(file, stage.World{Name: "bell", Title: "the bell", Header: "Bell-Signature", Fire: b.fire}, stage.Options{
		Clock: b.clock, Wait: func(ctx context.Context, d time.Duration) error {
			b.held <- d
			<-ctx.Done()
			return ctx.Err()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Stage = s
	s.Begin()
	if err := s.Register(stage.Account{APIKey: secret.New("key"), SigningKey: secret.New("sign"), WebhookURL: b.url, WebhookSecret: secret.New("hook")}); err != nil {
		t.Fatal(err)
	}
}

func (b *bell) close(t *testing.T) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func (b *bell) fire(batch *stage.Batch, r stage.Record, event, _ string) error {
	var kept ring
	if err := json.Unmarshal([]byte(r.Body), &kept); err != nil {
		return err
	}
	if event != "ring" {
		return fault.State("it only rings")
	}
	kept.Rung++
	turn := b.Turn("")
	turn.Tell("bell.rang", stage.Start, false, kept)
	return batch.Save(r, kept, turn)
}

// hang makes a bell with events after some time.
func (b *bell) hang(t *testing.T, reference string, events ...string) {
	t.Helper()
	turn := b.Turn("")
	for _, e := range events {
		turn.Later(e, "", b.clock.Now().Add(time.Minute))
	}
	err := b.Do(func(batch *stage.Batch) error {
		return batch.Create(stage.Record{ID: turn.NewID("bell"), Account: 1, Reference: reference}, ring{}, turn)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bell) hears(t *testing.T, what string) {
	t.Helper()
	select {
	case body := <-b.heard:
		if !strings.Contains(body, what) {
			t.Fatalf("heard %s, want %s", body, what)
		}
	case <-time.After(patience):
		t.Fatalf("%s was never heard", what)
	}
}

func TestWhatWasPlannedHappensAfterARestart(t *testing.T) {
	b, file := newBell(t), filepath.Join(t.TempDir(), "bell.db")
	b.open(t, file)
	b.hang(t, "one", "ring", "crack") // the second does not apply, and is dropped
	b.close(t)
	if err := b.Do(func(*stage.Batch) error { return nil }); err == nil {
		t.Error("a closed world still works")
	}
	b.clock.Advance(time.Minute)
	b.open(t, file)
	defer b.close(t)
	b.hears(t, `"Rung":1`)
	list, err := b.List(stage.Query{Reference: "one", Limit: -1})
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Body, `"Rung":1`) {
		t.Errorf("it keeps %+v, %v", list, err)
	}
}

// A burst is more than the courier holds in memory: the rest waits in the file, and nothing is sent twice.
func TestABurstOfWebhooksIsSentOnceEach(t *testing.T) {
	b := newBell(t)
	b.open(t, filepath.Join(t.TempDir(), "bell.db"))
	defer b.close(t)
	const burst = 300
	for i := range burst {
		b.hang(t, fmt.Sprint("bell_", i), "ring")
	}
	b.clock.Advance(time.Minute)
	b.Wake()
	seen := map[string]bool{}
	for range burst {
		select {
		case body := <-b.heard:
			var m stage.Message
			if err := json.Unmarshal([]byte(body), &m); err != nil || seen[m.ID] {
				t.Fatalf("heard again, or unreadable: %s, %v", body, err)
			}
			seen[m.ID] = true
		case <-time.After(patience):
			t.Fatalf("%d of %d were heard", len(seen), burst)
		}
	}
}

func TestAFailedBatchLeavesNothing(t *testing.T) {
	b := newBell(t)
	b.open(t, filepath.Join(t.TempDir(), "bell.db"))
	defer b.close(t)
	turn := b.Turn("")
	turn.Tell("bell.rang", stage.Start, false, ring{})
	err := b.Do(func(batch *stage.Batch) error {
		if err := batch.Create(stage.Record{ID: "bell_1", Account: 1, Reference: "one"}, ring{}, turn); err != nil {
			return err
		}
		return fault.State("and then it does not work out")
	})
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("failed with %v", err)
	}
	if list, err := b.List(stage.Query{Limit: -1}); err != nil || len(list) != 0 {
		t.Errorf("it keeps %+v, %v", list, err)
	}
	b.hang(t, "two", "ring")
	b.clock.Advance(time.Minute)
	b.Wake()
	b.hears(t, `"Rung":1`) // and not the one before
}

func TestAWorldThatIsDown(t *testing.T) {
	b := newBell(t)
	b.open(t, filepath.Join(t.TempDir(), "bell.db"))
	defer b.close(t)
	mux := http.NewServeMux()
	mux.Handle("/bell", b.Answer(func(stage.Call) (stage.Reply, error) { return stage.Reply{Status: 200, Body: "ding"}, nil }))
	inner := http.NewServeMux()
	b.Mount(inner)
	mux.Handle("/control/", stage.Local(inner))
	server := httptest.NewServer(mux)
	defer server.Close()
	defer b.Release()
	ask := func() (int, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/bell", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer key")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		return answer.StatusCode, answer.Body.Close()
	}
	press := func(path, body string) int {
		answer, err := http.Post(server.URL+"/control/bell/"+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode
	}
	if status, err := ask(); status != 200 || err != nil {
		t.Fatalf("up: %d, %v", status, err)
	}
	for _, bad := range []string{`{"seconds":0}`, `{"seconds":3601}`, `{"seconds":1,"mode":"sulk"}`, `{"seconds":"x"}`, `{"minutes":1}`} {
		if status := press("down", bad); status != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, status)
		}
	}
	if status := press("down", `{"seconds":30}`); status != 200 || b.Standing().Up {
		t.Errorf("going down: %d, %+v", status, b.Standing())
	}
	if status, err := ask(); status != http.StatusServiceUnavailable || err != nil {
		t.Errorf("unavailable: %d, %v", status, err)
	}
	press("down", `{"seconds":30,"mode":"refuse"}`)
	if status, err := ask(); err == nil {
		t.Errorf("a connection that was reset answers %d", status)
	}
	press("down", `{"seconds":30,"mode":"hang"}`)
	hung := make(chan error, 1)
	go func() {
		_, err := ask()
		hung <- err
	}()
	<-b.held
	if status := press("up", ``); status != 200 || !b.Standing().Up {
		t.Errorf("coming up: %d, %+v", status, b.Standing())
	}
	if status, err := ask(); status != 200 || err != nil {
		t.Errorf("up again: %d, %v", status, err)
	}
	b.Release()
	if err := <-hung; err == nil {
		t.Error("a call that hung was answered")
	}
}

func TestAccountsThatCannotWorkAreRefused(t *testing.T) {
	b := newBell(t)
	b.open(t, filepath.Join(t.TempDir(), "bell.db"))
	defer b.close(t)
	key := secret.New("k")
	for param, a := range map[string]stage.Account{
		"api_key": {SigningKey: key}, "signing_key": {APIKey: key}, "merchant": {APIKey: key, SigningKey: key, Merchant: strings.Repeat("m", 41)},
		"webhook_url": {APIKey: key, SigningKey: key, WebhookURL: "http://192.0.2.1/in", WebhookSecret: key}, "webhook_secret": {APIKey: key, SigningKey: key, WebhookURL: "http://127.0.0.1/in"},
	} {
		if err := b.Register(a); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), param) {
			t.Errorf("%s: %v", param, err)
		}
	}
}

func TestScenariosAreReadStrictly(t *testing.T) {
	b := newBell(t)
	b.open(t, filepath.Join(t.TempDir(), "bell.db"))
	defer b.close(t)
	for text, want := range map[string]struct{ start, refund bool }{
		"SCENARIO no_webhook": {true, true}, " scenario NO_WEBHOOK refund ": {false, true}, "SCENARIO no_webhook start": {true, false}, "no_webhook": {}, "": {}, "SCENARIOS": {},
	} {
		p, err := b.Play(text)
		if err != nil || p.Plays("no_webhook", stage.Start) != want.start || p.Plays("no_webhook", stage.Refund) != want.refund {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
	if p, err := b.Play("SCENARIO timeout_after"); err != nil || p.Fate(stage.Start) == stage.Processed || p.Fate(stage.Refund) != stage.Processed || p.Fate(stage.Start).Before() {
		t.Errorf("a fate is of the start alone: %+v, %v", p, err)
	}
	for _, bad := range []string{"SCENARIO moon", "SCENARIO slow capture", "SCENARIO slow refund please"} {
		if p, err := b.Play(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, p)
		}
	}
	if !slices.ContainsFunc(b.Scenarios(), func(s stage.Scenario) bool { return s.Name == "slow" }) {
		t.Error("the list lacks what every world has")
	}
}
