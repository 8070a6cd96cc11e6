package payouts

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

var key, signing, hookKey = secret.New("key"), secret.New("sign"), secret.New("hook")

// town is a world behind a server, with a merchant that hears its webhooks.
type town struct {
	*testing.T
	*World
	now   *clock.Manual
	url   string
	path  string
	heard chan string // type and state of each webhook
}

func newTown(t *testing.T) *town {
	d := &town{T: t, now: clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)), path: filepath.Join(t.TempDir(), "world.db"), heard: make(chan string, 100)}
	shop := httptest.NewServer(http.HandlerFunc(d.hear))
	t.Cleanup(shop.Close)
	d.open()
	if err := d.Register(Account{APIKey: key, SigningKey: signing, WebhookURL: shop.URL, WebhookSecret: hookKey}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { d.World.Handler().ServeHTTP(rw, r) }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { d.Release() })
	d.url = server.URL
	return d
}

func (d *town) open() {
	d.Helper()
	w, err := Open(d.path, Options{Clock: d.now})
	if err != nil {
		d.Fatal(err)
	}
	d.World = w
	d.Cleanup(func() {
		if err := w.Close(); err != nil && !strings.Contains(err.Error(), "closed") {
			d.Error(err)
		}
	})
}

func (d *town) hear(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		d.Error(err)
	}
	stamp, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Bank-Signature"), "t="), ",")
	at, err := strconv.ParseInt(stamp, 10, 64)
	if want := stage.WebhookSignature(hookKey, time.Unix(at, 0), string(body)); err != nil || r.Header.Get("Bank-Signature") != want {
		d.Errorf("signed %s, want %s", r.Header.Get("Bank-Signature"), want)
	}
	var m struct {
		Type string
		Data payout
	}
	if err := json.Unmarshal(body, &m); err != nil {
		d.Error(err)
	}
	d.heard <- m.Type
	rw.WriteHeader(http.StatusNoContent)
}

// next waits for webhooks of these types.
func (d *town) next(types ...string) {
	d.Helper()
	for _, want := range types {
		select {
		case got := <-d.heard:
			if got != want {
				d.Fatalf("heard %s, want %s", got, want)
			}
		case <-d.Context().Done():
			d.Fatalf("%s never came", want)
		}
	}
}

// call calls the bank as a merchant does.
func (d *town) call(method, path, body string) (int, payout) {
	d.Helper()
	r, err := http.NewRequestWithContext(d.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer key")
	r.Header.Set("Bank-Signature", hex.EncodeToString(stage.HMAC(signing, body)))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, payout{}
	}
	defer resp.Body.Close()
	var p payout
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
		d.Fatal(err)
	}
	return resp.StatusCode, p
}

func (d *town) pay(reference, payee string) (int, payout) {
	return d.call("POST", "/payouts/v1/payouts", `{"reference":"`+reference+`","amount":100,"currency":"EUR","rail":"sepa_instant","payee":{"name":"`+payee+`","number":"DE89370400440532013000"}}`)
}

func (d *town) status(reference, want string) {
	d.Helper()
	if code, p := d.call("GET", "/payouts/v1/payouts?reference="+reference, ""); code != 200 || p.Status != want {
		d.Errorf("%s is %q (%d), want %q", reference, p.Status, code, want)
	}
}

func (d *town) later(by time.Duration) {
	d.now.Advance(by)
	d.Wake()
}

func TestAPayeeIsPaidAfterAMoment(t *testing.T) {
	d := newTown(t)
	code, p := d.pay("po_1", "Ada")
	if code != 201 || p.Status != pending || p.ID == "" || p.Amount != 100 {
		t.Fatalf("%d %+v", code, p)
	}
	d.next("payout.pending")
	d.later(2 * time.Second)
	d.next("payout.paid")
	d.status("po_1", paid)
	if code, again := d.pay("po_1", "Ada"); code != 201 || again.ID != p.ID {
		t.Errorf("a repeat: %d %+v", code, again)
	}
	if code, _ := d.pay("po_1", "Grace"); code != 409 {
		t.Errorf("the reference with another payee: %d", code)
	}
}

func TestScenarios(t *testing.T) {
	for scenario, c := range map[string]struct {
		first  string
		hooks  []string   // at once
		later  [][]string // after two seconds each
		status string
	}{
		"refuse":                {failed, []string{"payout.failed"}, nil, failed},
		"fail":                  {pending, []string{"payout.pending"}, [][]string{{"payout.failed"}}, failed},
		"return":                {pending, []string{"payout.pending"}, [][]string{{"payout.paid"}, {"payout.returned"}}, returned},
		"duplicate_webhook":     {pending, []string{"payout.pending", "payout.pending", "payout.pending"}, [][]string{{"payout.paid", "payout.paid", "payout.paid"}}, paid},
		"out_of_order_webhooks": {pending, nil, [][]string{{"payout.paid"}, {"payout.pending"}}, paid},
	} {
		t.Run(scenario, func(t *testing.T) {
			d := newTown(t)
			if code, p := d.pay("po_1", "SCENARIO "+scenario); code != 201 || p.Status != c.first {
				t.Fatalf("%d %+v", code, p)
			}
			d.next(c.hooks...)
			for _, types := range c.later {
				d.later(2 * time.Second)
				d.next(types...)
			}
			d.status("po_1", c.status)
		})
	}
}

func TestASilentPayoutIsPaidAndNobodyIsTold(t *testing.T) {
	d := newTown(t)
	d.pay("po_1", "SCENARIO silent")
	d.pay("po_2", "Ada") // falls due after the first
	d.next("payout.pending")
	d.later(2 * time.Second)
	d.next("payout.paid")
	d.status("po_1", paid)
}

func TestARepeatAfterAFaultIsTaken(t *testing.T) {
	d := newTown(t)
	if code, _ := d.pay("po_1", "SCENARIO error_500"); code != 500 {
		t.Errorf("answered %d", code)
	}
	if code, _ := d.call("GET", "/payouts/v1/payouts?reference=po_1", ""); code != 404 {
		t.Errorf("what was not taken is found: %d", code)
	}
	if code, p := d.pay("po_1", "SCENARIO error_500"); code != 201 || p.Status != pending {
		t.Errorf("the repeat: %d %+v", code, p)
	}
	d.Release() // what is held is let go at once
	if code, _ := d.pay("po_2", "SCENARIO timeout_before"); code != 0 {
		t.Errorf("answered %d", code)
	}
	if code, _ := d.call("GET", "/payouts/v1/payouts?reference=po_2", ""); code != 404 {
		t.Errorf("what was not taken is found: %d", code)
	}
	if code, _ := d.pay("po_3", "SCENARIO timeout_after"); code != 0 {
		t.Errorf("answered %d", code)
	}
	d.status("po_3", pending)
}

func TestButtonsDecideWhatBecomesOfAPayout(t *testing.T) {
	d := newTown(t)
	press := func(button string) int {
		r, err := http.Post(d.url+"/control/payouts/po_1/"+button, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return r.StatusCode
	}
	d.pay("po_1", "SCENARIO wait")
	d.next("payout.pending")
	if got := press("return"); got != 409 {
		t.Errorf("returned before it was paid: %d", got)
	}
	if got := press("pay"); got != 200 {
		t.Errorf("pay: %d", got)
	}
	d.next("payout.paid")
	if got := press("fail"); got != 409 {
		t.Errorf("failed after it was paid: %d", got)
	}
	if got := press("send_webhook"); got != 200 {
		t.Errorf("send_webhook: %d", got)
	}
	d.next("payout.paid")
	if got := press("return"); got != 200 {
		t.Errorf("return: %d", got)
	}
	d.next("payout.returned")
	d.status("po_1", returned)
	if got := press("dance"); got != 404 {
		t.Errorf("no such button: %d", got)
	}
	list, err := http.Get(d.url + "/control/payouts/")
	if err != nil {
		t.Fatal(err)
	}
	defer list.Body.Close()
	var listed struct{ Data []entry }
	if err := json.NewDecoder(list.Body).Decode(&listed); err != nil || len(listed.Data) != 1 || listed.Data[0].Reference != "po_1" {
		t.Errorf("listed %+v, %v", listed, err)
	}
	page, err := http.Get(d.url + "/payouts")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	text, err := io.ReadAll(page.Body)
	if err != nil || !strings.Contains(string(text), "po_1") || strings.Contains(string(text), "0532013000") || !strings.Contains(string(text), "…3000") {
		t.Errorf("the page: %s, %v", text, err)
	}
}

func TestABankThatIsDownTakesNothing(t *testing.T) {
	d := newTown(t)
	if r, err := http.PostForm(d.url+"/control/payouts/down", map[string][]string{"seconds": {"30"}}); err != nil || r.StatusCode != 200 {
		t.Fatalf("%v, %v", r, err)
	}
	if code, _ := d.pay("po_1", "Ada"); code != 503 {
		t.Errorf("answered %d", code)
	}
	d.now.Advance(30 * time.Second)
	if code, _ := d.pay("po_1", "Ada"); code != 201 {
		t.Errorf("afterwards %d", code)
	}
}

func TestStrangersAndFormlessOrdersAreRefused(t *testing.T) {
	d := newTown(t)
	for body, want := range map[string]int{
		"{": 400, `{"reference":"po_1"}`: 400, `{"reference":"po_1","amount":0,"currency":"EUR","rail":"pix","payee":{"number":"1"}}`: 400,
		`{"reference":"po_1","amount":1,"currency":"EUR","rail":"pix"}`: 400,
	} {
		if code, _ := d.call("POST", "/payouts/v1/payouts", body); code != want {
			t.Errorf("%s: %d", body, code)
		}
	}
	signing = secret.New("another")
	defer func() { signing = secret.New("sign") }()
	if code, _ := d.pay("po_1", "Ada"); code != 401 {
		t.Errorf("a wrong signature: %d", code)
	}
	for name, a := range map[string]Account{
		"no key": {SigningKey: signing}, "elsewhere": {APIKey: key, SigningKey: signing, WebhookURL: "https://shop.example/", WebhookSecret: hookKey},
		"no secret": {APIKey: key, SigningKey: signing, WebhookURL: "http://127.0.0.1/"},
	} {
		if err := d.Register(a); err == nil {
			t.Errorf("%s is registered", name)
		}
	}
}

func TestTheBankRemembersAfterARestart(t *testing.T) {
	d := newTown(t)
	d.pay("po_1", "Ada")
	d.next("payout.pending")
	if err := d.World.Close(); err != nil {
		t.Fatal(err)
	}
	d.now.Advance(time.Hour)
	d.open()
	if first := <-d.heard; first == "payout.pending" { // the bank died before it noted that this was heard
		first = <-d.heard
		if first != "payout.paid" {
			t.Errorf("heard %s", first)
		}
	} else if first != "payout.paid" {
		t.Errorf("heard %s", first)
	}
	d.status("po_1", paid)
}

func TestNobodyElseReadsTheWorldsFiles(t *testing.T) {
	d := newTown(t)
	files, err := filepath.Glob(d.path + "*")
	if err != nil || len(files) < 2 { // with its log
		t.Fatalf("files %v, %v", files, err)
	}
	for _, path := range files {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has %v, %v", filepath.Base(path), info.Mode(), err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none", "world.db"), Options{Clock: d.now}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}
