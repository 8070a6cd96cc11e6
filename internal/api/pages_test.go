package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
)

func page(t *testing.T) (door, *httptest.ResponseRecorder) {
	t.Helper()
	d := newDoor(t)
	w := d.call("GET", "/docs", "", "Authorization", "")
	if w.Code != 200 {
		t.Fatalf("answered %d", w.Code)
	}
	return d, w
}

// Each document is made for its first reader, and the first readers may come together.
func TestTheFirstReadersOfTheDocumentsMayComeTogether(t *testing.T) {
	d := newDoor(t)
	var all sync.WaitGroup
	for _, path := range []string{"/docs", "/openapi.yaml", "/openapi.json", "/docs", "/openapi.yaml", "/openapi.json"} {
		all.Go(func() {
			if w := d.call("GET", path, "", "Authorization", ""); w.Code != 200 || w.Body.Len() < 10_000 {
				t.Errorf("%s: %d, %d bytes", path, w.Code, w.Body.Len())
			}
		})
	}
	all.Go(func() { accepted(t, d.call("GET", "/v1/balance", ""), 200) })
	all.Wait()
}

func TestTheReferenceNeedsNothingFromElsewhere(t *testing.T) {
	_, w := page(t)
	text := w.Body.String()
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllStringSubmatch(text, -1)
	if len(style) != 1 {
		t.Fatalf("%d style sheets", len(style))
	}
	sum := sha256.Sum256([]byte(style[0][1]))
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("the policy opens too much: %s", policy)
	}
	for _, never := range []string{"<script", "<link", "<img", "<iframe", "<form", " style=", " onclick=", "javascript:", "src=", "@import", "url("} {
		if strings.Contains(strings.ToLower(text), never) {
			t.Errorf("the page has %s", never)
		}
	}
	for name, want := range map[string]string{"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestEveryLinkOfTheReferenceLeadsSomewhere(t *testing.T) {
	d, w := page(t)
	text := w.Body.String()
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if ids[m[1]] || m[1] == "" || strings.ContainsAny(m[1], " ") {
			t.Errorf("id %q stands twice or is none", m[1])
		}
		ids[m[1]] = true
	}
	links := regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(text, -1)
	for _, m := range links {
		anchor, inside := strings.CutPrefix(m[1], "#")
		switch {
		case inside && !ids[anchor]:
			t.Errorf("%s leads nowhere", m[1])
		case !inside && d.call("GET", m[1], "", "Authorization", "").Code != 200:
			t.Errorf("%s is not served", m[1])
		}
	}
	if len(links) < 40 {
		t.Errorf("only %d links", len(links))
	}
	if to := d.call("GET", "/", ""); to.Code != 302 || to.Header().Get("Location") != "/docs" {
		t.Errorf("/ leads to %d %s", to.Code, to.Header().Get("Location"))
	}
}

func TestTheReferenceHasEverythingOfTheContract(t *testing.T) {
	d, w := page(t)
	text := html.UnescapeString(w.Body.String())
	want := []string{"/v1/tokens", "/in/{merchant}/{provider_account}"}
	for _, o := range d.operations {
		want = append(want, `id="`+o.id+`"`, o.path, o.summary, string(o.scope))
	}
	for _, c := range problem.Codes {
		want = append(want, `id="error-`+c.Name+`"`, c.Title)
	}
	for _, c := range provider.Codes() {
		want = append(want, "<code>"+string(c)+"</code>")
	}
	for _, part := range want {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	for _, never := range []string{"<no value>", "%!", "ZgotmplZ", "…\"", "\"livemode\": {"} {
		if never != "…\"" && strings.Contains(text, never) {
			t.Errorf("the page has %q", never)
		}
	}
}

// The samples are one story: its amounts fit each other and its books balance.
func TestTheSamplesOfTheReferenceAreTrue(t *testing.T) {
	doc := described(t)
	eachOperation(doc, func(path, method string, o *openapi3.Operation) {
		for status, answer := range o.Responses.Map() {
			media := answer.Value.Content[jsonType]
			if media == nil || status > "299" {
				continue
			}
			text, err := json.Marshal(media.Example)
			if err != nil {
				t.Fatal(err)
			}
			if shown := strings.Contains(string(text), "whsec_"); shown != (o.OperationID == "createWebhookEndpoint" || o.OperationID == "rotateWebhookSecret") {
				t.Errorf("%s shows a secret: %t", o.OperationID, shown)
			}
			if strings.Contains(string(text), `"…"`) {
				t.Errorf("%s has a field without a sample: %s", o.OperationID, text)
			}
			for _, field := range undescribed(media.Schema.Value, media.Example, "") {
				t.Errorf("%s shows %s, which is not described", o.OperationID, field)
			}
		}
	})
	var p payment.Object
	for _, verb := range []string{"", "/{id}/confirm", "/{id}/capture", "/{id}/cancel"} {
		example(t, doc, "/v1/payments"+verb, "POST", &p)
		if p.AmountCaptured > p.AmountAuthorized || p.AmountRefunded > p.AmountCaptured || p.AmountRefunded != 0 || (p.Status == payment.Captured) != p.Capture {
			t.Errorf("%s shows %+v", verb, p)
		}
	}
	var book listing[ledgerTransaction]
	example(t, doc, "/v1/ledger/transactions", "GET", &book)
	sum := int64(0)
	for _, e := range book.Data[0].Entries {
		sum += e.Amount
	}
	if sum != 0 || len(book.Data[0].Entries) < 2 {
		t.Errorf("the entries of the sample do not balance: %+v", book.Data[0])
	}
}

// example reads the sample of an operation's success.
func example(t *testing.T, doc *openapi3.T, path, method string, into any) {
	t.Helper()
	for status, answer := range doc.Paths.Find(path).GetOperation(method).Responses.Map() {
		if status < "300" {
			text, err := json.Marshal(answer.Value.Content[jsonType].Example)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, into); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestADocumentThatIsKnownIsNotSentAgain(t *testing.T) {
	d := newDoor(t)
	for _, path := range []string{"/docs", "/openapi.yaml", "/openapi.json"} {
		w := d.call("GET", path, "")
		if again := d.call("GET", path, "", "If-None-Match", w.Header().Get("Etag")); again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("%s: %d", path, again.Code)
		}
	}
}
