package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

func TestWebhookIsSigned(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", visa, "", true, "captured")
	h := s.hook()
	mac := hmac.New(sha256.New, []byte("hook"))
	mac.Write([]byte("1795348800." + string(h.body)))
	if got, want := h.header.Get("Acquirer-Signature"), "t=1795348800,v1="+hex.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	data := object(h.Data.(map[string]any))
	if h.header.Get("Acquirer-Event") != h.ID || !strings.HasPrefix(h.ID, "alpha_evt_") || h.Type != "authorization.captured" || h.CreatedAt.IsZero() {
		t.Errorf("%v %s", h.header, h.body)
	}
	if data.text("authorization_reference") != "att_1" || data.text("id") != o.text("id") || data.num("amount_captured") != 9232 {
		t.Errorf("data: %v", data)
	}
}

func TestEachCallIsTold(t *testing.T) {
	s := newSite(t)
	o := s.authorized("att_1", visa, "", false, "authorized")
	s.wantHook("authorization.authorized")
	at := "/alpha/v1/authorizations/" + o.text("id")
	for path, body := range map[string]object{"/captures": {"reference": "cap_1", "amount": 5000, "final": false}} {
		s.post(at+path, body)
		if data := object(s.wantHook("operation.succeeded")); data.text("kind") != "capture" || data.text("reference") != "cap_1" || data.text("authorization_reference") != "att_1" {
			t.Errorf("%v", data)
		}
	}
	s.post(at+"/refunds", object{"reference": "ref_1", "amount": 1000})
	if data := object(s.wantHook("operation.succeeded")); data.text("kind") != "refund" {
		t.Errorf("%v", data)
	}
	s.authorized("att_2", "4000000000000002", "", true, "declined")
	s.wantHook("authorization.declined")
}

func TestWebhookIsTriedAgainUntilItIsTaken(t *testing.T) {
	s := newSite(t)
	s.answer = func(n int) int { return []int{500, 302, 200}[min(n, 2)] }
	s.authorized("att_1", visa, "", true, "captured")
	first := s.hook()
	state := func() Webhook {
		_, hooks, err := s.world.one(s.newest().ID)
		if err != nil || len(hooks) != 1 {
			t.Fatalf("%v, %v", hooks, err)
		}
		return hooks[0]
	}
	s.eventually("the first try is recorded", func() bool { return state().Attempts == 1 })
	s.noHook()
	s.advance(time.Second)
	second := s.hook()
	s.eventually("the second try is recorded", func() bool { return state().Attempts == 2 })
	s.advance(5 * time.Second)
	third := s.hook()
	if first.ID != second.ID || second.ID != third.ID || string(first.body) != string(third.body) {
		t.Error("a try is another message")
	}
	s.eventually("the third try is recorded", func() bool { w := state(); return w.Attempts == 3 && w.Status == 200 && w.DueAt == nil })
	s.advance(time.Hour)
	s.noHook()
}

func (s *site) newest() Transaction {
	s.t.Helper()
	all, err := s.world.Transactions("")
	if err != nil || len(all) == 0 {
		s.t.Fatalf("%d transactions, %v", len(all), err)
	}
	return all[0]
}

func TestWebhookIsGivenUpInTheEnd(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Retry = []time.Duration{time.Second} })
	s.answer = func(int) int { return 500 }
	s.authorized("att_1", visa, "", true, "captured")
	s.hook()
	var hooks []Webhook
	recorded := func(n int) func() bool {
		return func() bool {
			var err error
			if _, hooks, err = s.world.one(s.newest().ID); err != nil {
				t.Fatal(err)
			}
			return hooks[0].Attempts == n
		}
	}
	s.eventually("the first try is recorded", recorded(1))
	s.advance(time.Second)
	s.hook()
	s.eventually("the last try is recorded", recorded(2))
	if hooks[0].DueAt != nil || hookState(hooks[0]) != "given up" {
		t.Errorf("%+v", hooks[0])
	}
}

func TestNoURLNoWebhook(t *testing.T) {
	s := newSite(t)
	s.register(Account{Acquirer: "alpha", APIKey: secret.New("key_alpha"), SigningKey: secret.New("sign")})
	o := s.authorized("att_1", visa, "", true, "captured")
	if _, hooks, err := s.world.one(o.text("id")); len(hooks) != 0 || err != nil {
		t.Errorf("%v, %v", hooks, err)
	}
}

func TestWebhooksGoToThisMachineOnly(t *testing.T) {
	s := newSite(t)
	for _, bad := range []string{"http://192.0.2.1/", "https://example.com/in", "ftp://127.0.0.1/", "http://127.0.0.1.example.com/", "//127.0.0.1", "http://[::ffff:192.0.2.1]/"} {
		err := s.world.Register(Account{Acquirer: "alpha", APIKey: secret.New("k"), SigningKey: secret.New("s"), WebhookURL: bad, WebhookSecret: secret.New("w")})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, good := range []string{"http://127.0.0.1:8080/in/acct_dev/alpha", "http://localhost/", "https://[::1]:1/"} {
		s.register(Account{Acquirer: "alpha", APIKey: secret.New("k"), SigningKey: secret.New("s"), WebhookURL: good, WebhookSecret: secret.New("w")})
	}
	if err := stage.LoopbackOnly(t.Context(), "tcp", "192.0.2.1:80", nil); err == nil {
		t.Error("dialed away from this machine")
	}
}

func TestWebhookFollowsNoRedirect(t *testing.T) {
	s := newSite(t)
	asked := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		http.Redirect(rw, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	s.register(Account{Acquirer: "alpha", APIKey: secret.New("key_alpha"), SigningKey: secret.New("sign"), WebhookURL: server.URL + "/in", WebhookSecret: secret.New("hook")})
	o := s.authorized("att_1", visa, "", true, "captured")
	s.eventually("the try is recorded", func() bool {
		_, hooks, err := s.world.one(o.text("id"))
		return err == nil && hooks[0].Attempts == 1 && hooks[0].Status == http.StatusTemporaryRedirect
	})
	if len(asked) != 1 {
		t.Errorf("%d requests", len(asked))
	}
}

// More webhooks than fit in memory arrive once each.
func TestFloodOfWebhooksArrives(t *testing.T) {
	const flood = courierQueue + 500
	s := newSite(t)
	s.hooks = make(chan received, 2*flood)
	if err := s.world.store.do(func(b *batch) error {
		for i := range flood {
			now := s.clock.Now()
			a, _ := s.world.book.find("alpha", "key_alpha")
			if err := b.post(1, a.number, "evt", "test", fmt.Sprintf(`{"id":"%d"}`, i), now, now); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range flood {
		seen[s.hook().ID] = true
	}
	s.noHook()
	if len(seen) != flood {
		t.Errorf("%d of %d arrived", len(seen), flood)
	}
}

// The sweep finds a webhook due whose try is recorded in the same batch.
func TestWebhookThatWasJustTriedIsNotHandedOverAgain(t *testing.T) {
	s := newSite(t)
	if err := s.world.store.do(func(b *batch) error {
		now := s.clock.Now()
		a, _ := s.world.book.find("alpha", "key_alpha")
		if err := b.post(1, a.number, "evt", "test", `{"id":"1"}`, now, now); err != nil {
			return err
		}
		return b.sent(b.ready[0], http.StatusNoContent, time.Time{})
	}); err != nil {
		t.Fatal(err)
	}
	s.noHook()
}
