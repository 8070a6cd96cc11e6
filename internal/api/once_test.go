package api

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/seal"
	"github.com/florinpay/florin/internal/webhook"
)

const order = `{"amount":9232,"currency":"EUR","payment_method_token":"` + someToken + `"}`

// onceDoor is a door whose keys, endpoints and answers are kept in a database.
type onceDoor struct {
	door
	db     *db.DB
	keys   *idempotency.Store
	store  *event.Store
	outbox *event.Outbox
}

func eachOnce(t *testing.T, test func(t *testing.T, d onceDoor)) {
	dbtest.Each(t, func(t *testing.T, database *db.DB) { test(t, openOnce(t, database)) }, idempotency.Schema, event.Schema, audit.Schema, customer.Schema)
}

// openOnce opens a door over a database. A second one over the same is what a restart leaves.
func openOnce(t *testing.T, database *db.DB) onceDoor {
	t.Helper()
	dir := t.TempDir()
	wrapper, err := seal.FileWrapper(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.Open(t.Context(), wrapper, filepath.Join(dir, "keyset"))
	if err != nil {
		t.Fatal(err)
	}
	var keys *idempotency.Store
	store := event.NewStore(database, box)
	var outbox *event.Outbox
	d := newDoor(t, func(o *Options) {
		keys = idempotency.New(database, idempotency.Options{Clock: o.Clock})
		outbox = event.NewOutbox(store, o.IDs, o.Clock)
		o.Idempotency, o.Events = keys, store
		o.Endpoints = &webhook.Endpoints{
			DB: database, Store: store, Outbox: outbox, Clock: o.Clock, IDs: o.IDs, Random: rand.Reader, AllowPrivate: true,
			Sender: webhook.NewSender(webhook.SenderOptions{DB: database, Store: store, Outbox: outbox, Clock: o.Clock, IDs: o.IDs, AllowPrivate: true}),
		}
		customers := &customer.Service{
			DB: database, Store: customer.NewStore(database, box), Clock: o.Clock, IDs: o.IDs, Cards: savedCards{}, Tokens: freeTokens{}, Events: savedEvents{outbox, o.Clock},
		}
		o.Customers, o.PaymentMethods = customers, customers
		o.Payments.(*fakePayments).commit = database.Commit
		o.Receiver = fakeReceiver{commit: func(c *db.Change) error { return database.Commit(t.Context(), c) }}
	})
	return onceDoor{d, database, keys, store, outbox}
}

// paid makes a payment beside all keys.
func (d onceDoor) paid(t *testing.T) string {
	t.Helper()
	id, ok := accepted(t, d.call("POST", "/v1/payments", order), 201)["id"].(string)
	if !ok {
		t.Fatal("a payment without an id")
	}
	return id
}

// same checks that two answers are the same to the byte and that the second says that it is a repetition.
func same(t *testing.T, first, second *httptest.ResponseRecorder) {
	t.Helper()
	if first.Code != second.Code || !bytes.Equal(first.Body.Bytes(), second.Body.Bytes()) {
		t.Errorf("first %d %s\nthen  %d %s", first.Code, first.Body, second.Code, second.Body)
	}
	if a, b := first.Header().Get("Content-Type"), second.Header().Get("Content-Type"); a != b {
		t.Errorf("content type first %q, then %q", a, b)
	}
	if first.Header().Get("Request-Id") == second.Header().Get("Request-Id") {
		t.Error("two requests have one id")
	}
	if got := second.Header().Get("Idempotent-Replayed"); got != "true" {
		t.Errorf("the second answer has Idempotent-Replayed %q", got)
	}
}

// By the id a repeat finds what was made where its answer was lost, and people find who made it.
func TestWhatAWriteShowsIsKnownByItsID(t *testing.T) {
	some := 0
	for _, o := range newDoor(t).operations {
		if o.answer == nil || !o.writes() || o.method == http.MethodDelete { // which does the same when it is repeated
			continue
		}
		if _, has := o.answer.FieldByName("ID"); !has {
			continue
		}
		made := reflect.New(o.answer).Elem()
		made.FieldByName("ID").SetString("x_1")
		if got := subjectOf(made.Interface()); got != "x_1" {
			t.Errorf("%s shows a %v, whose id is %q", o.id, o.answer, got)
		}
		some++
	}
	if some < 30 {
		t.Errorf("only %d writes show what has an id", some)
	}
}

func TestARepeatGetsTheFirstAnswerByteForByte(t *testing.T) {
	decline := &payment.DeclinedError{Code: fault.CodeCardDeclined, Decline: provider.Decline{Code: provider.DoNotHonor}}
	endpoint := `{"url":"https://shop.example/webhooks","events":["*"]}`
	cases := map[string]struct {
		method, path, body string
		decline            error
		status             int
	}{
		"create":             {"POST", "/v1/payments", order, nil, 201},
		"create, unfinished": {"POST", "/v1/payments", `{"amount":1,"currency":"JPY","confirm":false}`, nil, 201},
		"a decline":          {"POST", "/v1/payments", order, decline, 402},
		"confirm":            {"POST", "/v1/payments/{payment}/confirm", `{}`, nil, 200},
		"capture":            {"POST", "/v1/payments/{payment}/capture", `{"amount":1}`, nil, 200},
		"no body":            {"POST", "/v1/payments/{payment}/capture", ``, nil, 200},
		"cancel":             {"POST", "/v1/payments/{payment}/cancel", `{"reason":"out of stock"}`, nil, 200},
		"refund":             {"POST", "/v1/payments/{payment}/refund", `{"amount":1000}`, nil, 201},
		"endpoint":           {"POST", "/v1/webhook_endpoints", endpoint, nil, 201},
		"replay":             {"POST", "/v1/inbound_webhooks/iw_" + someID + "/replay", ``, nil, 200},
		"endpoint changed":   {"PATCH", "/v1/webhook_endpoints/{endpoint}", `{"status":"disabled"}`, nil, 200},
	}
	eachOnce(t, func(t *testing.T, d onceDoor) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				made, ok := accepted(t, d.call("POST", "/v1/webhook_endpoints", endpoint), 201)["id"].(string)
				if !ok {
					t.Fatal("an endpoint without an id")
				}
				path := strings.NewReplacer("{payment}", d.paid(t), "{endpoint}", made).Replace(c.path)
				d.payments.decline = c.decline
				first := d.call(c.method, path, c.body, "Idempotency-Key", name)
				if first.Code != c.status || first.Header().Get("Idempotent-Replayed") != "" {
					t.Fatalf("first %d, %v: %s", first.Code, first.Header(), first.Body)
				}
				charged := d.payments.charged
				d.payments.decline = nil
				d.clock.Advance(time.Hour)
				same(t, first, d.call(c.method, path, c.body, "Idempotency-Key", name))
				if d.payments.charged != charged {
					t.Error("the provider was called again")
				}
			})
		}
	})
}

func TestAStoredAnswerKeepsItsSecretSealed(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		body := `{"url":"https://shop.example/webhooks","events":["*"]}`
		made := accepted(t, d.call("POST", "/v1/webhook_endpoints", body, "Idempotency-Key", "k"), 201)
		record, found, err := d.keys.Find(t.Context(), idempotency.Key{
			Merchant: tenant, Method: "POST", Path: "/v1/webhook_endpoints", Key: "k", Body: []byte(body),
		})
		if err != nil || !found || !record.Done {
			t.Fatalf("stored %+v, %t, %v", record, found, err)
		}
		if secret, _ := made["secret"].(string); !strings.HasPrefix(secret, "whsec_") || bytes.Contains(record.Answer, []byte(secret)) {
			t.Errorf("secret %q lies in the open: %q", secret, record.Answer)
		}
	})
}

func TestAKeyIsForOneRequestOnly(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		first := d.call("POST", "/v1/payments", order, "Idempotency-Key", "k")
		accepted(t, first, 201)
		p := refused(t, d.call("POST", "/v1/payments", order+" ", "Idempotency-Key", "k"), 422, "idempotency_key_reused")
		if p.Param != "Idempotency-Key" || p.Retryable {
			t.Errorf("told %+v", p)
		}
		// What is wrong with the other request does not matter: it is another one.
		refused(t, d.call("POST", "/v1/payments", `{}`, "Idempotency-Key", "k"), 422, "idempotency_key_reused")
		// Another merchant, another mode and another path have keys of their own.
		accepted(t, d.call("POST", "/v1/payments", order, "Idempotency-Key", "k", "Authorization", "Bearer sk_test_other"), 201)
		accepted(t, d.call("POST", "/v1/payments", order, "Idempotency-Key", "k", "Authorization", "Bearer sk_live_dev"), 201)
		accepted(t, d.call("POST", "/v1/payments/"+d.paid(t)+"/capture", "", "Idempotency-Key", "k"), 200)
		same(t, first, d.call("POST", "/v1/payments", order, "Idempotency-Key", "k"))
	})
}

func TestRefusalsThatChangeNothingAreNotStored(t *testing.T) {
	limited := &fault.Error{Kind: fault.RateLimited, Detail: "slow down", RetryAfter: 3 * time.Second}
	cases := map[string]struct {
		body    string
		headers []string
		refuse  error
		status  int
		code    string
	}{
		"400": {`{"amount":-1,"currency":"EUR"}`, nil, nil, 400, fault.CodeAmountTooSmall},
		"401": {order, []string{"Authorization", "Bearer sk_test_wrong"}, nil, 401, access.CodeKeyInvalid},
		"403": {order, []string{"Authorization", "Bearer rk_test_read"}, nil, 403, access.CodeScope},
		"404": {order, nil, fault.Missing("token"), 404, fault.CodeNotFound},
		"429": {order, nil, limited, 429, problem.CodeRateLimited},
		"503": {order, nil, fault.New(fault.Unavailable, fault.CodeOverloaded, "full"), 503, fault.CodeOverloaded},
	}
	eachOnce(t, func(t *testing.T, d onceDoor) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				d.payments.refuse, d.payments.charged = c.refuse, 0
				headers := append([]string{"Idempotency-Key", name}, c.headers...)
				refused(t, d.call("POST", "/v1/payments", c.body, headers...), c.status, c.code)
				d.payments.refuse = nil
				accepted(t, d.call("POST", "/v1/payments", order, "Idempotency-Key", name), 201)
				if d.payments.charged != 1 {
					t.Errorf("%d charges", d.payments.charged)
				}
			})
		}
	})
}

func TestQuotedAndBareAreOneKey(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		first := d.call("POST", "/v1/payments", order, "Idempotency-Key", `order-1001`)
		same(t, first, d.call("POST", "/v1/payments", order, "Idempotency-Key", `"order-1001"`))
	})
}

func TestAMalformedKeyIsRefusedBeforeAnything(t *testing.T) {
	for name, values := range map[string][]string{
		"empty": {""}, "spaces": {"  "}, "empty string": {`""`}, "too long": {strings.Repeat("k", 256)},
		"two": {"a", "b"}, "the same twice": {"a", "a"}, "open quote": {`"a`}, "not ASCII": {"schlüssel"}, "control": {"a\tb"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			r := httptest.NewRequest("POST", "/v1/payments", strings.NewReader(order))
			r.Header = http.Header{"Content-Type": {jsonType}, "Authorization": {"Bearer sk_test_dev"}, "Idempotency-Key": values}
			w := httptest.NewRecorder()
			d.Handler().ServeHTTP(w, r)
			p := refused(t, w, 400, idempotency.CodeKeyInvalid)
			if len(p.Errors) != 1 || p.Errors[0].Param != "Idempotency-Key" || d.payments.asked != 0 {
				t.Errorf("told %+v, asked %d", p.Errors, d.payments.asked)
			}
		})
	}
}

// waiting sends a request and waits until it is at the provider.
func (d onceDoor) waiting(t *testing.T, path, body string) (subject string, answered chan *httptest.ResponseRecorder) {
	t.Helper()
	d.payments.atProvider, d.payments.answers = make(chan string), make(chan struct{})
	answered = make(chan *httptest.ResponseRecorder, 1)
	go func() { answered <- d.call("POST", path, body, "Idempotency-Key", "k") }()
	return <-d.payments.atProvider, answered
}

func TestAKeyIsInUseWhileItsFirstRequestRuns(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		_, first := d.waiting(t, "/v1/payments", order)
		w := d.call("POST", "/v1/payments", order, "Idempotency-Key", "k")
		if p := refused(t, w, 409, idempotency.CodeKeyInUse); w.Header().Get("Retry-After") != "1" || !p.Retryable {
			t.Errorf("Retry-After %q, %+v", w.Header().Get("Retry-After"), p)
		}
		refused(t, d.call("POST", "/v1/payments", `{"amount":1}`, "Idempotency-Key", "k"), 422, idempotency.CodeKeyReused)
		d.payments.answers <- struct{}{}
		same(t, <-first, d.call("POST", "/v1/payments", order, "Idempotency-Key", "k"))
		if d.payments.charged != 1 {
			t.Errorf("%d charges", d.payments.charged)
		}
	})
}

// A webhook tells how a payment ended while the first request still waits for the provider's answer. A repeat is answered
// then, and its answer is the key's: the first request gives it too, and still records what it knows.
func TestAFirstRequestThatIsOvertakenGivesTheStoredAnswer(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		subject, first := d.waiting(t, "/v1/payments", order)
		heard, err := d.payments.find(tenant, subject)
		if err != nil {
			t.Fatal(err)
		}
		heard.Status, heard.Description = payment.Captured, "by webhook"
		d.payments.put(tenant, heard)
		repeat := d.call("POST", "/v1/payments", order, "Idempotency-Key", "k")
		if o := accepted(t, repeat, 201); o["id"] != subject || o["description"] != "by webhook" {
			t.Fatalf("answered %v", o)
		}
		if repeat.Header().Get("Idempotent-Replayed") != "true" {
			t.Error("the repeat does not say that it is one")
		}
		d.payments.answers <- struct{}{}
		given := <-first
		if given.Code != repeat.Code || given.Body.String() != repeat.Body.String() || given.Header().Get("Idempotent-Replayed") != "" {
			t.Errorf("the first request was answered %d %v %s", given.Code, given.Header(), given.Body)
		}
		if recorded, err := d.payments.find(tenant, subject); err != nil || recorded.Description == "by webhook" {
			t.Errorf("what the first request learned was not recorded: %+v, %v", recorded, err)
		}
		same(t, repeat, d.call("POST", "/v1/payments", order, "Idempotency-Key", "k"))
		if d.payments.charged != 1 {
			t.Errorf("%d charges", d.payments.charged)
		}
	})
}

func TestOfManyWithOneKeyOneCharges(t *testing.T) {
	eachOnce(t, func(t *testing.T, d onceDoor) {
		const clients = 50
		answers := make([]*httptest.ResponseRecorder, clients)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = d.call("POST", "/v1/payments", order, "Idempotency-Key", "k") })
		}
		all.Wait()
		made := 0
		last := d.call("POST", "/v1/payments", order, "Idempotency-Key", "k")
		for _, w := range answers {
			switch {
			case w.Code == http.StatusConflict:
				refused(t, w, 409, idempotency.CodeKeyInUse)
			case w.Header().Get("Idempotent-Replayed") == "":
				made++
				fallthrough
			default:
				same(t, w, last)
			}
		}
		if made != 1 || d.payments.charged != 1 {
			t.Errorf("%d made it, %d charges", made, d.payments.charged)
		}
	})
}
