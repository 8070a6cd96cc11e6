package sandbox

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

func TestReopenedWorldGoesOn(t *testing.T) {
	s := newSite(t)
	s.answer = func(int) int { return 500 }
	o := s.authorized("att_1", "4000000000000259", "", true, "captured")
	s.hook()
	s.eventually("the try is recorded", func() bool {
		_, hooks, err := s.world.one(o.text("id"))
		return err == nil && hooks[0].Attempts == 1
	})
	if err := s.world.Close(); err != nil {
		t.Fatal(err)
	}
	s.answer = func(int) int { return 200 }
	s.clock.Advance(time.Minute)
	again := open(t, s.path, Options{Clock: s.clock})
	s.wantHooks("authorization.captured", "dispute.opened")
	all, err := again.Transactions("alpha")
	if err != nil || len(all) != 1 || all[0].ID != o.text("id") || all[0].Status != Captured {
		t.Errorf("%+v, %v", all, err)
	}
	if err := s.world.store.do(func(*batch) error { return nil }); err != stage.ErrClosed {
		t.Errorf("work after Close: %v", err)
	}
}

func TestNoNumberIsStored(t *testing.T) {
	const marked = "4000056655665556"
	s := newSite(t)
	for i, name := range []string{"", "SCENARIO duplicate_webhook", "Ada Marked Lovelace"} {
		o := s.authorized(fmt.Sprint("att_", i), marked, name, false, "authorized")
		s.post("/alpha/v1/authorizations/"+o.text("id")+"/captures", object{"reference": fmt.Sprint("cap_", i), "amount": 10, "final": true})
	}
	s.post("/alpha/v1/authorizations", charge("att_bad", marked+"0", "SCENARIO nothing", true))
	for range 7 {
		if h := s.hook(); bytes.Contains(h.body, []byte(marked)) {
			t.Errorf("a webhook holds the number: %s", h.body)
		}
	}
	if err := s.world.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(s.path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	kept := false
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		kept = kept || bytes.Contains(raw, []byte("400005******5556"))
		for _, never := range []string{marked, "Lovelace", `"cvc"`} {
			if bytes.Contains(raw, []byte(never)) {
				t.Errorf("%s holds %s", filepath.Base(f), never)
			}
		}
	}
	if !kept {
		t.Error("the masked number was not found: the test looks in the wrong place")
	}
}

// killed is the environment variable that makes the test program a world to be killed.
const killed = "SANDBOX_TEST_KILLED"

func TestMain(m *testing.M) {
	if path := os.Getenv(killed); path != "" {
		serveUntilKilled(path)
	}
	os.Exit(m.Run())
}

func serveUntilKilled(path string) {
	w, err := Open(path, Options{})
	if err == nil {
		err = w.Register(Account{Acquirer: "alpha", APIKey: secret.New("key_alpha"), SigningKey: secret.New("sign")})
	}
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println(httptest.NewServer(w.Handler()).URL)
	select {}
}

func TestKilledWorldLosesNothingItAnswered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.db")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), killed+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "http") {
		t.Fatalf("the child said %q, %v", line, err)
	}
	s := &site{t: t, url: strings.TrimSpace(line)}
	answered := make(chan string, 10_000)
	gone := make(chan struct{})
	for worker := range 8 {
		go func() {
			defer func() { gone <- struct{}{} }()
			for i := 0; ; i++ {
				reference := fmt.Sprintf("att_%d_%d", worker, i)
				resp, err := http.DefaultClient.Do(s.request(t.Context(), http.MethodPost, "/alpha/v1/authorizations", charge(reference, visa, "", true)))
				if err != nil {
					return // killed
				}
				resp.Body.Close()
				if resp.StatusCode == http.StatusCreated {
					answered <- reference
				}
			}
		}()
	}
	var references []string
	for range 200 {
		references = append(references, <-answered)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		<-gone
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	close(answered)
	for r := range answered {
		references = append(references, r)
	}
	w := open(t, path, Options{})
	for _, r := range references {
		if n, err := w.Charges(r); n != 1 || err != nil {
			t.Errorf("%s: %d charges, %v", r, n, err)
		}
	}
}

func TestStoreFailureIsAnAnswerAndPasses(t *testing.T) {
	s := newSite(t)
	err := s.world.store.do(func(b *batch) error {
		if err := b.insertOperation.exec(1, "cap_lost", 1); err != nil {
			t.Error(err)
		}
		return b.insertOperation.exec(1, nil, 1) // NOT NULL
	})
	if err == nil {
		t.Fatal("it went through")
	}
	if code, _ := s.get("/alpha/v1/operations?reference=cap_lost"); code != http.StatusNotFound {
		t.Error("a failed batch left something behind")
	}
	s.authorized("att_1", visa, "", true, "captured")
}

func TestNewerFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.db")
	w := open(t, path, Options{})
	if _, err := w.store.conn.ExecContext(t.Context(), `PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("opened: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "no", "such", "folder", "x.db"), Options{}); err == nil {
		t.Error("opened in a folder that is not there")
	}
}

func TestOldDeliveriesAreForgotten(t *testing.T) {
	s := newSite(t)
	s.register(Account{Acquirer: "alpha", APIKey: secret.New("key_alpha"), SigningKey: secret.New("sign")})
	if err := s.world.store.do(func(b *batch) error {
		now := s.clock.Now()
		for i := range keepWebhooks + 5000 {
			if err := b.post(1, 1, "evt", "test", "{}", now.Add(time.Hour), now); err != nil {
				return err
			}
			if err := b.updateWebhook.exec(i+1, 1, 200, nil); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := s.world.store.readers.QueryRow(`SELECT count(*) FROM webhook`).Scan(&n); err != nil || n > keepWebhooks+1100 {
		t.Errorf("%d are kept, %v", n, err)
	}
}

func TestWrongAccountsAreRefused(t *testing.T) {
	w := open(t, filepath.Join(t.TempDir(), "sandbox.db"), Options{Clock: clock.System{}})
	for _, a := range []Account{
		{}, {Acquirer: "gamma", APIKey: secret.New("k"), SigningKey: secret.New("s")}, {Acquirer: "alpha", SigningKey: secret.New("s")},
		{Acquirer: "alpha", APIKey: secret.New("k")},
		{Acquirer: "alpha", Merchant: strings.Repeat("x", 41), APIKey: secret.New("k"), SigningKey: secret.New("s")},
		{Acquirer: "alpha", APIKey: secret.New("k"), SigningKey: secret.New("s"), WebhookURL: "http://127.0.0.1/"},
	} {
		if err := w.Register(a); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", a, err)
		}
	}
}
