package payouts

import (
	"cmp"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// Prefix is where the bank is served.
const Prefix = "/payouts"

const (
	maxBody   = 64 << 10
	maxOutage = 3600 // seconds
)

// Handler serves the bank's API under /payouts/v1, the control API under /control/payouts/, and its page at /payouts/.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payouts/v1/payouts", w.create)
	mux.HandleFunc("GET /payouts/v1/payouts", w.find)
	panel := http.NewServeMux()
	panel.HandleFunc("GET /control/payouts/{$}", w.listAll)
	panel.HandleFunc("POST /control/payouts/accounts", w.postAccount)
	panel.HandleFunc("POST /control/payouts/down", w.goDown)
	panel.HandleFunc("POST /control/payouts/up", w.goUp)
	panel.HandleFunc("GET /control/payouts/{id}", w.show)
	panel.HandleFunc("POST /control/payouts/{id}/{button}", w.press)
	panel.HandleFunc("GET /payouts/{$}", w.page)
	panel.Handle("GET /payouts", http.RedirectHandler(Prefix+"/", http.StatusSeeOther))
	mux.Handle("/", stage.Local(panel))
	return mux
}

// order is the body of a payout.
type order struct {
	Reference  string `json:"reference"`
	Amount     int64  `json:"amount"`
	Currency   string `json:"currency"`
	Rail       string `json:"rail"`
	Descriptor string `json:"descriptor"`
	Payee      struct {
		Name     string `json:"name"`
		Country  string `json:"country"`
		Number   string `json:"number"`
		BankCode string `json:"bank_code"`
		Branch   string `json:"branch_code"`
		Alias    string `json:"alias_type"`
	} `json:"payee"`
	Card *struct {
		Number   string `json:"number"`
		ExpMonth string `json:"exp_month"`
		ExpYear  string `json:"exp_year"`
		Name     string `json:"name"`
	} `json:"card"`
}

func (o order) check() error {
	var wrong fault.Collect
	if o.Reference == "" || len(o.Reference) > 128 {
		wrong.Add("reference", fault.CodeInvalid, "must be 1 to 128 characters")
	}
	if _, err := money.ParseCurrency(o.Currency); err != nil || o.Amount < 1 {
		wrong.Add("amount", fault.CodeInvalid, "must be 1 or more minor units of an ISO 4217 currency")
	}
	if o.Rail == "" || (o.Payee.Number == "") == (o.Card == nil) {
		wrong.Add("payee", fault.CodeInvalid, "must have a rail, and a number or a card")
	}
	return wrong.Err()
}

// who is the account of a caller, whose body must be signed.
func (w *World) who(r *http.Request, body []byte) (Account, bool) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	w.mu.Lock()
	a, known := w.accounts[key]
	w.mu.Unlock()
	if !ok || !known || r.Method == http.MethodGet {
		return a, ok && known
	}
	got, err := hex.DecodeString(r.Header.Get("Bank-Signature"))
	return a, err == nil && hmac.Equal(got, stage.HMAC(a.SigningKey, string(body)))
}

// isDown tells whether the bank refuses everybody, and does so.
func (w *World) isDown(rw http.ResponseWriter, r *http.Request) bool {
	w.mu.Lock()
	down := w.o.Clock.Now().Before(w.down)
	w.mu.Unlock()
	if down {
		w.front.Down(rw, r, "")
	}
	return down
}

func (w *World) create(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		w.front.Unread(rw, maxBody)
		return
	}
	a, ok := w.who(r, body)
	if !ok {
		w.front.Stranger(rw)
		return
	}
	if w.isDown(rw, r) {
		return
	}
	var o order
	if err = json.Unmarshal(body, &o); err != nil {
		err = fault.New(fault.Malformed, fault.CodeInvalid, "the body is no JSON of a payout")
	} else {
		err = o.check()
	}
	var reply stage.Reply
	if err == nil {
		reply, err = w.take(hashOf(a.APIKey.Reveal()), o, hashOf(string(body)))
	}
	w.front.Answer(rw, r, reply, err)
}

// take makes a payout, or finds that it is made already.
func (w *World) take(account string, o order, asked string) (stage.Reply, error) {
	k, fresh, err := w.made(account, o, asked)
	reply := stage.Reply{Status: http.StatusCreated, Body: k.payout}
	switch {
	case err != nil:
		return reply, err
	case k.Asked != asked:
		return reply, stage.ErrReused
	case fresh && k.Scenario == "timeout_after":
		reply.Fate = stage.HeldAfter
	}
	return reply, nil
}

// faults are the scenarios that keep the first try of a payout from being taken.
var faults = map[string]stage.Fate{"timeout_before": stage.HeldBefore, "error_500": stage.BrokenBefore}

// made gives the payout of a reference, which is made if there is none. It fails with stage.NotProcessed where a scenario has it, at the
// first try only.
func (w *World) made(account string, o order, asked string) (kept, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, found, err := w.store.one(byReference, account, o.Reference)
	if err != nil || found && known.Status != "" {
		return known, false, err
	}
	k := w.fill(account, o, asked)
	if fate, faulty := faults[k.Scenario]; faulty && !found {
		ghost := k
		ghost.Status = "" // seen, and not taken: nobody finds it
		ghost.DueAt, ghost.Next = time.Time{}, ""
		return k, false, cmp.Or(w.store.put(ghost), stage.NotProcessed(fate))
	}
	if found {
		k.ID = known.ID
	}
	return k, true, w.tell(k, k.CreatedAt)
}

func (w *World) fill(account string, o order, asked string) kept {
	now := w.o.Clock.Now()
	k := kept{
		payout:  payout{ID: w.o.IDs.New("bank"), Reference: o.Reference, Status: pending, Amount: o.Amount, Currency: o.Currency, Rail: o.Rail, CreatedAt: now},
		Account: account, Payee: o.Payee.Name, Asked: asked,
	}
	number := o.Payee.Number
	if o.Card != nil {
		number = o.Card.Number
		if k.Payee == "" {
			k.Payee = o.Card.Name
		}
	}
	k.Last4 = number[max(0, len(number)-4):]
	if name, ok := strings.CutPrefix(k.Payee, "SCENARIO "); ok {
		if _, known := scenarios[name]; known {
			k.Scenario = name
		}
	}
	switch k.Scenario {
	case "refuse":
		k.Status, k.Reason = failed, "invalid_account"
	case "fail":
		k.Next, k.DueAt = "fail", now.Add(w.o.Pay)
	case "wait":
	default:
		k.Next, k.DueAt = "pay", now.Add(w.o.Pay)
	}
	return k
}

func (w *World) find(rw http.ResponseWriter, r *http.Request) {
	a, ok := w.who(r, nil)
	if !ok {
		w.front.Stranger(rw)
		return
	}
	if w.isDown(rw, r) {
		return
	}
	k, found, err := w.store.one(byReference, hashOf(a.APIKey.Reveal()), r.URL.Query().Get("reference"))
	if err == nil && (!found || k.Status == "") {
		err = fault.Missing("payout")
	}
	w.front.Answer(rw, r, stage.Reply{Status: http.StatusOK, Body: k.payout}, err)
}

// entry is a payout in the control API.
type entry struct {
	payout
	Payee    string   `json:"payee"`
	Last4    string   `json:"last4"`
	Scenario string   `json:"scenario,omitempty"`
	Buttons  []string `json:"buttons"`
}

func (k kept) entry() entry {
	e := entry{payout: k.payout, Payee: k.Payee, Last4: k.Last4, Scenario: k.Scenario, Buttons: []string{}}
	for _, name := range []string{"pay", "fail", "return"} {
		if slices.Contains(buttons[name].from, k.Status) {
			e.Buttons = append(e.Buttons, name)
		}
	}
	e.Buttons = append(e.Buttons, "send_webhook")
	return e
}

func (w *World) entries() ([]entry, error) {
	found, err := w.store.list(newest)
	all := []entry{}
	for _, k := range found {
		if k.Status != "" {
			all = append(all, k.entry())
		}
	}
	return all, err
}

func (w *World) listAll(rw http.ResponseWriter, r *http.Request) {
	all, err := w.entries()
	w.front.Answer(rw, r, stage.Reply{Status: http.StatusOK, Body: map[string]any{"data": all}}, err)
}

// one is a payout by the bank's id or by the caller's reference.
func (w *World) one(name string) (kept, error) {
	k, found, err := w.store.one(byID, name)
	if err == nil && !found {
		k, found, err = w.store.one(`WHERE reference = ?1`, name)
	}
	if err == nil && (!found || k.Status == "") {
		err = fault.Missing("payout")
	}
	return k, err
}

func (w *World) show(rw http.ResponseWriter, r *http.Request) {
	k, err := w.one(r.PathValue("id"))
	w.front.Answer(rw, r, stage.Reply{Status: http.StatusOK, Body: k.entry()}, err)
}

func (w *World) press(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k, err := w.one(r.PathValue("id"))
	if err == nil {
		if button := r.PathValue("button"); button == "send_webhook" {
			err = w.again(k)
		} else {
			err = w.happen(k, button)
		}
	}
	if err == nil {
		k, err = w.one(k.ID)
	}
	if err == nil && strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(rw, r, Prefix+"/", http.StatusSeeOther)
		return
	}
	w.front.Answer(rw, r, stage.Reply{Status: http.StatusOK, Body: k.entry()}, err)
}

func (w *World) postAccount(rw http.ResponseWriter, r *http.Request) {
	var a Account
	err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, maxBody)).Decode(&a)
	if err != nil {
		err = fault.New(fault.Malformed, fault.CodeInvalid, "the body is no JSON of an account")
	} else {
		err = w.Register(a)
	}
	w.front.Answer(rw, r, stage.Reply{Status: http.StatusCreated, Body: map[string]string{"base_path": Prefix}}, err)
}

// again sends the last webhook about a payout once more.
func (w *World) again(k kept) error {
	last, err := w.store.hooks(hooksOf, k.ID)
	if err != nil {
		return err
	}
	if len(last) == 0 {
		return fault.State("no webhook was sent about it")
	}
	now := w.o.Clock.Now()
	if err := w.store.put(k, hook{Body: last[0].Body, dueAt: now}); err != nil {
		return err
	}
	w.Wake()
	return nil
}

func (w *World) goDown(rw http.ResponseWriter, r *http.Request) {
	seconds, err := strconv.Atoi(r.FormValue("seconds"))
	if err != nil || seconds < 1 || seconds > maxOutage {
		w.front.Fail(rw, r, fault.Wrong("seconds", fault.CodeInvalid, "must be 1 to 3600"))
		return
	}
	w.setDown(rw, w.o.Clock.Now().Add(time.Duration(seconds)*time.Second))
}

func (w *World) goUp(rw http.ResponseWriter, _ *http.Request) { w.setDown(rw, time.Time{}) }

func (w *World) setDown(rw http.ResponseWriter, until time.Time) {
	w.mu.Lock()
	w.down = until
	w.mu.Unlock()
	stage.Write(rw, http.StatusOK, map[string]any{"down_until": until})
}

var pages = template.Must(template.New("page").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Payouts: simulated bank</title>
<link rel="stylesheet" href="/style.css"><link rel="icon" href="/mark.svg">
<main><h1>Payouts</h1><p>What the simulated bank was asked to pay. <a href="/">The card acquirers</a></p>
<table><thead><tr><th>Payout</th><th>Payee</th><th>Rail</th><th>Amount</th><th>Status</th><th></th></tr></thead><tbody>
{{range .}}<tr><td>{{.Reference}}</td><td>{{.Payee}} …{{.Last4}}</td><td>{{.Rail}}</td><td>{{.Amount}} {{.Currency}}</td><td>{{.Status}} {{.Reason}}</td>
<td>{{$id := .ID}}{{range .Buttons}}<form method="post" action="/control/payouts/{{$id}}/{{.}}"><button>{{.}}</button></form>{{end}}</td></tr>
{{else}}<tr><td colspan="6">Nothing yet.</td></tr>{{end}}</tbody></table></main></html>`))

func (w *World) page(rw http.ResponseWriter, r *http.Request) {
	all, err := w.entries()
	if err != nil {
		w.front.FailPage(rw, r, Prefix+"/", err)
		return
	}
	w.front.Render(rw, r, pages, http.StatusOK, "page", all, stage.PanelPolicies())
}
