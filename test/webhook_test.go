package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receiver is a merchant's webhook endpoint that takes only what verifies by the Standard Webhooks library.
type receiver struct {
	t      *testing.T
	server *httptest.Server

	mu     sync.Mutex
	verify *standardwebhooks.Webhook
	events map[string]webhookEvent // by id: what came twice is one
	order  []string
}

type webhookEvent struct {
	ID       string         `json:"id"`
	Object   string         `json:"object"`
	Type     string         `json:"type"`
	Livemode bool           `json:"livemode"`
	Data     map[string]any `json:"data"`
}

// listen registers a receiver for every event.
func (f *florin) listen() *receiver {
	f.t.Helper()
	r := &receiver{t: f.t, events: map[string]webhookEvent{}}
	r.server = httptest.NewServer(http.HandlerFunc(r.take))
	f.t.Cleanup(r.server.Close)
	made := f.post("/v1/webhook_endpoints", "endpoint", map[string]any{"url": r.server.URL + "/hooks", "events": []string{"*"}})
	if made.err != nil || made.status/100 != 2 {
		f.t.Fatalf("register a webhook endpoint: %s", made)
	}
	verify, err := standardwebhooks.NewWebhook(made.text("secret"))
	must(f.t, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verify = verify
	return r
}

func (r *receiver) take(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && r.verify == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if err == nil {
		err = r.verify.Verify(body, q.Header)
	}
	var e webhookEvent
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err != nil || e.ID != q.Header.Get("webhook-id") {
		r.t.Errorf("a webhook does not verify: %v\n%v\n%s", err, q.Header, body)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if _, again := r.events[e.ID]; !again {
		r.events[e.ID] = e
		r.order = append(r.order, e.ID)
	}
	w.WriteHeader(http.StatusNoContent)
}

// types are the events that came about an object, sorted.
func (r *receiver) types(subject string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var types []string
	for _, id := range r.order {
		if e := r.events[id]; e.Data["id"] == subject {
			types = append(types, e.Type)
		}
	}
	slices.Sort(types)
	return types
}

// wait waits until each of the types came about the object.
func (r *receiver) wait(subject string, types ...string) {
	r.t.Helper()
	eventually(r.t, "webhooks "+subject, func() bool {
		have := r.types(subject)
		return !slices.ContainsFunc(types, func(t string) bool { return !slices.Contains(have, t) })
	})
}
