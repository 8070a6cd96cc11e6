package simcard_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/florinpay/florin/internal/provider"
)

// acquirer imitates the sandbox's protocol, by hand: what the connector must cope with, not how the sandbox does it.
type acquirer struct {
	account provider.Account

	mu             sync.Mutex
	next           int
	authorizations map[string]*fakeAuthorization // by id
	answers        map[string]answered           // by reference
	operations     map[string]*fakeOperation     // by reference

	authentications map[string]map[string]any // by reference
}

type answered struct {
	status int
	body   []byte
	asked  string
}

type fakeAuthorization struct {
	ID               string         `json:"id"`
	Reference        string         `json:"reference"`
	Status           string         `json:"status"`
	Amount           int64          `json:"amount"`
	AmountCaptured   int64          `json:"amount_captured"`
	AmountRefunded   int64          `json:"amount_refunded"`
	Currency         string         `json:"currency"`
	NetworkReference string         `json:"network_reference"`
	Decline          map[string]any `json:"decline"`
	CreatedAt        string         `json:"created_at"`
	closed           bool
}

type fakeOperation struct {
	ID            string `json:"id"`
	Reference     string `json:"reference"`
	Authorization string `json:"authorization"`
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Amount        int64  `json:"amount"`
	Currency      string `json:"currency"`
	CreatedAt     string `json:"created_at"`
}

func newAcquirer(a provider.Account) http.Handler {
	return &acquirer{account: a, authorizations: map[string]*fakeAuthorization{}, answers: map[string]answered{}, operations: map[string]*fakeOperation{},
		authentications: map[string]map[string]any{}}
}

// asked are the fields of any POST. Unknown ones are refused: a connector that misspells is found out.
type posted struct {
	Reference         string   `json:"reference"`
	OriginalReference string   `json:"original_reference"`
	Amount            int64    `json:"amount"`
	Currency          string   `json:"currency"`
	Capture           bool     `json:"capture"`
	Final             bool     `json:"final"`
	Reason            string   `json:"reason"`
	Descriptor        string   `json:"descriptor"`
	Description       string   `json:"description"`
	ThreeDS           *threeDS `json:"three_ds"`
	StoredCredential  *struct {
		Initiator        string `json:"initiator"`
		NetworkReference string `json:"network_reference"`
	} `json:"stored_credential"`
	Card *struct {
		Number   string `json:"number"`
		ExpMonth string `json:"exp_month"`
		ExpYear  string `json:"exp_year"`
		CVC      string `json:"cvc"`
		Name     string `json:"name"`
	} `json:"card"`
}

func (q *acquirer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if r.URL.Path == "/acs" {
		q.finish(w, body)
		return
	}
	if err != nil || r.Header.Get("Authorization") != "Bearer "+q.account.Credentials["api_key"].Reveal() {
		refuse(w, 401, "unauthorized")
		return
	}
	if r.Method == http.MethodGet {
		q.look(w, r)
		return
	}
	mac := hmac.New(sha256.New, []byte(q.account.Credentials["signing_key"].Reveal()))
	mac.Write(body)
	if r.Header.Get("Acquirer-Signature") != hex.EncodeToString(mac.Sum(nil)) {
		refuse(w, 401, "unauthorized")
		return
	}
	if r.URL.Path == "/alpha/v1/authentications" {
		q.repeatable(w, r.URL.Path, body, func() (int, any) { return q.authenticate(r, body) })
		return
	}
	var p posted
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil || p.Reference == "" {
		refuse(w, 400, "invalid")
		return
	}
	q.repeatable(w, r.URL.Path, body, func() (int, any) { return q.post(strings.TrimPrefix(r.URL.Path, "/alpha/v1/"), p) })
}

// repeatable answers a repeated reference as the first time.
func (q *acquirer) repeatable(w http.ResponseWriter, path string, body []byte, do func() (int, any)) {
	var head struct {
		Reference string `json:"reference"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		refuse(w, 400, "invalid")
		return
	}
	asked := path + string(body)
	key := path[:strings.LastIndex(path, "/v1/")+5] + head.Reference // an authentication and its authorization have the same one
	before, repeated := q.answers[key]
	switch {
	case repeated && before.asked != asked:
		refuse(w, 409, "reference_reused")
		return
	case !repeated:
		status, answer := do()
		text, err := json.Marshal(answer)
		if err != nil {
			panic(err)
		}
		before = answered{status, text, asked}
		if status < 300 {
			q.answers[key] = before
		}
	}
	w.WriteHeader(before.status)
	_, _ = w.Write(before.body)
}

func (q *acquirer) look(w http.ResponseWriter, r *http.Request) {
	reference := r.URL.Query().Get("reference")
	var found any
	switch r.URL.Path {
	case "/alpha/v1/authorizations":
		for _, a := range q.authorizations {
			if a.Reference == reference {
				found = a
			}
		}
	case "/alpha/v1/authentications":
		if a, ok := q.authentications[reference]; ok {
			found = a
		}
	case "/alpha/v1/operations":
		if o, ok := q.operations[reference]; ok {
			found = o
		}
	}
	if found == nil {
		refuse(w, 404, "not_found")
		return
	}
	if err := json.NewEncoder(w).Encode(found); err != nil {
		panic(err)
	}
}

func (q *acquirer) id(kind string) string {
	q.next++
	return fmt.Sprintf("alpha_%s_%04d", kind, q.next)
}

func (q *acquirer) post(path string, p posted) (int, any) {
	if path == "authorizations" {
		return q.authorize(p)
	}
	if path == "reversals" {
		for _, a := range q.authorizations {
			if a.Reference == p.OriginalReference {
				return q.operate(a, "voids", p)
			}
		}
		return 404, map[string]string{"error": "not_found"}
	}
	parts := strings.Split(path, "/")
	a, ok := q.authorizations[parts[1]]
	if !ok || parts[0] != "authorizations" {
		return 404, map[string]string{"error": "not_found"}
	}
	return q.operate(a, parts[2], p)
}

func (q *acquirer) authorize(p posted) (int, any) {
	if p.Card == nil || p.Card.ExpMonth != "08" || p.Card.ExpYear != "2031" || p.Card.CVC != "123" || p.Card.Name != `Zoë "Q" O'Neil & Co` || p.Description != `Order "17" & more` {
		return 400, map[string]string{"error": "invalid"}
	}
	a := &fakeAuthorization{ID: q.id("auth"), Reference: p.Reference, Status: "authorized", Amount: p.Amount, Currency: p.Currency,
		NetworkReference: "123456789012345", CreatedAt: "2026-11-22T12:00:00Z"}
	if !q.proved(p.ThreeDS) {
		a.Status, a.Decline = "declined", map[string]any{"code": "1A", "reason": "authentication_failed"}
	} else if decline, declined := fakeDeclines[p.Card.Number]; declined {
		a.Status, a.Decline = "declined", decline
	} else if p.Capture {
		a.Status, a.AmountCaptured = "captured", p.Amount
	}
	q.authorizations[a.ID] = a
	return 201, a
}

var fakeDeclines = map[string]map[string]any{
	"4000000000009995": {"code": "51", "reason": "insufficient_funds", "network_code": "51", "advice": "02"},
	"4000000000009979": {"code": "43", "reason": "stolen_card", "network_code": "43", "advice": "03"},
	"4000000000000259": {"code": "61", "reason": "", "network_code": "61", "advice": ""},
	"4000000000000101": {"code": "Z9", "reason": "moon_phase", "network_code": "Z9", "advice": ""},
}

func (q *acquirer) operate(a *fakeAuthorization, kind string, p posted) (int, any) {
	o := &fakeOperation{ID: q.id("op"), Reference: p.Reference, Authorization: a.ID, Status: "succeeded", Amount: p.Amount,
		Currency: a.Currency, Kind: strings.TrimSuffix(kind, "s"), CreatedAt: "2026-11-22T12:00:00Z"}
	switch {
	case kind == "voids" && a.Status == "authorized":
		a.Status, o.Amount = "voided", a.Amount
	case kind == "captures" && !a.closed && a.Status != "voided" && a.AmountCaptured+p.Amount <= a.Amount:
		a.AmountCaptured += p.Amount
		a.Status, a.closed = "captured", p.Final
	case kind == "refunds" && a.AmountRefunded+p.Amount <= a.AmountCaptured:
		a.AmountRefunded += p.Amount
	default:
		return 409, map[string]string{"error": "state"}
	}
	q.operations[p.Reference] = o
	return 201, o
}

func refuse(w http.ResponseWriter, status int, kind string) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%q,"message":"the reason"}`, kind)
}
