package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// request is one HTTP request of a test.
type request struct {
	method, url, key, once string
	body                   any // []byte as it is, anything else as JSON
}

// answer is what came back; err is set instead if nothing did.
type answer struct {
	status int
	header http.Header
	body   []byte
	object map[string]any
	err    error
}

func (a answer) text(name string) string { s, _ := a.object[name].(string); return s }

func (a answer) number(name string) int64 {
	n, _ := a.object[name].(float64)
	return int64(n)
}

func (a answer) String() string { return fmt.Sprintf("%d %s %v", a.status, a.body, a.err) }

// client opens a connection for each request, so that a connection that a stopping server closed is never used again.
var client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

func (f *florin) do(r request) answer {
	f.t.Helper()
	body, raw := r.body.([]byte)
	if !raw && r.body != nil {
		var err error
		body, err = json.Marshal(r.body)
		must(f.t, err)
	}
	// Not the test's context: it ends before the cleanups, which still ask.
	q, err := http.NewRequest(r.method, r.url, bytes.NewReader(body))
	must(f.t, err)
	if r.body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	if r.key != "" {
		q.Header.Set("Authorization", "Bearer "+r.key)
	}
	if r.once != "" {
		q.Header.Set("Idempotency-Key", r.once)
	}
	response, err := client.Do(q)
	if err != nil {
		return answer{err: err}
	}
	defer func() { must(f.t, response.Body.Close()) }()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.body, a.err = io.ReadAll(response.Body); a.err == nil && strings.Contains(response.Header.Get("Content-Type"), "json") {
		a.err = json.Unmarshal(a.body, &a.object)
	}
	return a
}

// card is a card as it is sent to the vault.
func card(number, name string) map[string]any {
	c := map[string]any{"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
	if name != "" {
		c["name"] = name
	}
	return map[string]any{"card": c}
}

const approved = "4242424242424242"

// token brings a card into the vault, as a backend that may see cards does: what it gets serves any number of payments.
func (f *florin) token(number, name string) string {
	f.t.Helper()
	a := f.do(request{method: "POST", url: f.vault + "/v1/tokens", key: f.secret, body: card(number, name)})
	if a.err != nil || a.status/100 != 2 || a.text("id") == "" {
		f.t.Fatalf("tokenize: %s", a)
	}
	return a.text("id")
}

// post asks the api zone for something, as the merchant.
func (f *florin) post(path, once string, body any) answer {
	f.t.Helper()
	return f.do(request{method: "POST", url: f.api + path, key: f.secret, once: once, body: body})
}

func (f *florin) get(path string) answer {
	f.t.Helper()
	return f.do(request{method: "GET", url: f.api + path, key: f.secret})
}

// want fails the test unless the answer has the status.
func (a answer) want(t *testing.T, status int, doing string) answer {
	t.Helper()
	if a.err != nil || a.status != status {
		t.Fatalf("%s: want %d, got %s", doing, status, a)
	}
	return a
}

// pay makes a payment.
func (f *florin) pay(token, once string, amount int64, capture bool) answer {
	f.t.Helper()
	return f.post("/v1/payments", once, map[string]any{
		"amount": amount, "currency": "EUR", "payment_method_token": token, "capture": capture, "metadata": map[string]string{"once": once},
	})
}

// list is every object of a list, newest first.
func (f *florin) list(path string) []map[string]any {
	f.t.Helper()
	var all []map[string]any
	for after := ""; ; {
		a := f.get(path+"?limit=100"+after).want(f.t, http.StatusOK, "list "+path)
		data, _ := a.object["data"].([]any)
		for _, one := range data {
			all = append(all, one.(map[string]any))
		}
		if more, _ := a.object["has_more"].(bool); !more || len(data) == 0 {
			return all
		}
		after = "&starting_after=" + all[len(all)-1]["id"].(string)
	}
}

// transaction is what an acquirer has of one authorization.
type transaction struct {
	ID        string `json:"id"`
	Acquirer  string `json:"acquirer"`
	Reference string `json:"reference"`
	Status    string `json:"status"`
	Amount    int64  `json:"amount"`
	Captured  int64  `json:"amount_captured"`
	Refunded  int64  `json:"amount_refunded"`
}

func (x transaction) holdsMoney() bool {
	return x.Status == "authorized" || x.Status == "captured" || x.Status == "partially_captured" || x.Status == "pending"
}

// transactions is what the acquirers have, newest first.
func (f *florin) transactions() []transaction {
	f.t.Helper()
	a := f.do(request{method: "GET", url: f.sandbox + "/control/transactions?limit=500"}).want(f.t, http.StatusOK, "list the acquirers' transactions")
	var page struct {
		Data []transaction `json:"data"`
	}
	must(f.t, json.Unmarshal(a.body, &page))
	return page.Data
}

// charges is how many transactions hold or took money, at any acquirer.
func (f *florin) charges() int {
	f.t.Helper()
	n := 0
	for _, x := range f.transactions() {
		if x.holdsMoney() {
			n++
		}
	}
	return n
}

// runsExample has a shell run a document's own lines, which must say what is wanted.
func (f *florin) runsExample(t *testing.T, document string, wants ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", document))
	must(t, err)
	_, script, begun := strings.Cut(string(text), "```sh\n")
	script, _, ended := strings.Cut(script, "```")
	if !begun || !ended {
		t.Fatalf("%s has no script", document)
	}
	out, err := f.shell(t, script)
	for _, want := range wants {
		if err != nil || !strings.Contains(out, want) {
			t.Fatalf("%v, want %s:\n%s", err, want, out)
		}
	}
}

// shell runs lines as a reader of the documents would, with the zones' addresses and the key in the names that they use.
func (f *florin) shell(t *testing.T, script string) (string, error) {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	shell.Env = append(os.Environ(), "API="+f.api, "VAULT="+f.vault, "SANDBOX="+f.sandbox, "SK="+f.secret)
	out, err := shell.CombinedOutput()
	return string(out), err
}
