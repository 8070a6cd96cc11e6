package payouts

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
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

// refusal is an error answer.
type refusal struct {
	Error   string `json:"error"`
	Message string `json:"message,omitempty"`
}

func answer(rw http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // a type of this package that does not marshal is a mistake in this package
		http.Error(rw, `{"error":"internal"}`, http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	if _, err := rw.Write(body); err != nil {
		panic(http.ErrAbortHandler) // the client left; there is nobody to tell
	}
}

func fail(rw http.ResponseWriter, err error) {
	switch fault.Of(err) {
	case fault.NotFound:
		answer(rw, http.StatusNotFound, refusal{"not_found", err.Error()})
	case fault.Conflict:
		answer(rw, http.StatusConflict, refusal{"state", err.Error()})
	case fault.Invalid, fault.Malformed:
		answer(rw, http.StatusBadRequest, refusal{"invalid", err.Error()})
	default:
		answer(rw, http.StatusInternalServerError, refusal{"internal", err.Error()})
	}
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
func (w *World) isDown(rw http.ResponseWriter) bool {
	w.mu.Lock()
	down := w.o.Clock.Now().Before(w.down)
	w.mu.Unlock()
	if down {
		answer(rw, http.StatusServiceUnavailable, refusal{"not_accepted", "the bank is down: not processed"})
	}
	return down
}

func (w *World) create(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		answer(rw, http.StatusBadRequest, refusal{"invalid", "the body cannot be read"})
		return
	}
	a, ok := w.who(r, body)
	if !ok {
		answer(rw, http.StatusUnauthorized, refusal{"unauthorized", "the key or the signature is wrong"})
		return
	}
	if w.isDown(rw) {
		return
	}
	var o order
	if err := json.Unmarshal(body, &o); err != nil {
		answer(rw, http.StatusBadRequest, refusal{"invalid", "the body is no JSON of a payout"})
		return
	}
	if err := o.check(); err != nil {
		fail(rw, err)
		return
	}
	w.take(rw, r, hashOf(a.APIKey.Reveal()), o, hashOf(string(body)))
}

// take makes a payout, or finds that it is made already.
func (w *World) take(rw http.ResponseWriter, r *http.Request, account string, o order, asked string) {
	k, fresh, err := w.made(account, o, asked)
	switch {
	case errors.Is(err, errNotTaken):
		if k.Scenario == "error_500" {
			answer(rw, http.StatusInternalServerError, refusal{"internal", "SCENARIO error_500: not processed"})
			return
		}
		w.hold(r)
	case err != nil:
		fail(rw, err)
		return
	case k.Asked != asked:
		answer(rw, http.StatusConflict, refusal{"reference_reused", "the reference is that of another payout"})
		return
	case fresh && k.Scenario == "timeout_after":
		w.hold(r)
	}
	answer(rw, http.StatusCreated, k.payout)
}

// errNotTaken is a fault before anything was done.
var errNotTaken = errors.New("not taken")

// made gives the payout of a reference, which is made if there is none. A fault before that is set by the first try only.
func (w *World) made(account string, o order, asked string) (kept, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, found, err := w.store.one(byReference, account, o.Reference)
	if err != nil || found && known.Status != "" {
		return known, false, err
	}
	k := w.fill(account, o, asked)
	if !found && (k.Scenario == "timeout_before" || k.Scenario == "error_500") {
		ghost := k
		ghost.Status = "" // seen, and not taken: nobody finds it
		ghost.DueAt, ghost.Next = time.Time{}, ""
		return k, false, errors.Join(errNotTaken, w.store.put(ghost))
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

// hold keeps a request until its client leaves, the world lets go, or the time is over. Then there is no answer.
func (w *World) hold(r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), w.o.Hold)
	defer cancel()
	defer context.AfterFunc(w.held, cancel)()
	<-ctx.Done()
	panic(http.ErrAbortHandler)
}

func (w *World) find(rw http.ResponseWriter, r *http.Request) {
	a, ok := w.who(r, nil)
	if !ok {
		answer(rw, http.StatusUnauthorized, refusal{"unauthorized", "the key is wrong"})
		return
	}
	if w.isDown(rw) {
		return
	}
	k, found, err := w.store.one(byReference, hashOf(a.APIKey.Reveal()), r.URL.Query().Get("reference"))
	switch {
	case err != nil:
		fail(rw, err)
	case !found || k.Status == "":
		fail(rw, fault.Missing("payout"))
	default:
		answer(rw, http.StatusOK, k.payout)
	}
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

func (w *World) listAll(rw http.ResponseWriter, _ *http.Request) {
	all, err := w.entries()
	if err != nil {
		fail(rw, err)
		return
	}
	answer(rw, http.StatusOK, map[string]any{"data": all})
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
	if err != nil {
		fail(rw, err)
		return
	}
	answer(rw, http.StatusOK, k.entry())
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
	if err != nil {
		fail(rw, err)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(rw, r, Prefix+"/", http.StatusSeeOther)
		return
	}
	answer(rw, http.StatusOK, k.entry())
}

func (w *World) postAccount(rw http.ResponseWriter, r *http.Request) {
	var a Account
	if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, maxBody)).Decode(&a); err != nil {
		answer(rw, http.StatusBadRequest, refusal{"invalid", "the body is no JSON of an account"})
		return
	}
	if err := w.Register(a); err != nil {
		fail(rw, err)
		return
	}
	answer(rw, http.StatusCreated, map[string]string{"base_path": Prefix})
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
		answer(rw, http.StatusBadRequest, refusal{"invalid", "seconds must be 1 to 3600"})
		return
	}
	w.setDown(rw, w.o.Clock.Now().Add(time.Duration(seconds)*time.Second))
}

func (w *World) goUp(rw http.ResponseWriter, _ *http.Request) { w.setDown(rw, time.Time{}) }

func (w *World) setDown(rw http.ResponseWriter, until time.Time) {
	w.mu.Lock()
	w.down = until
	w.mu.Unlock()
	answer(rw, http.StatusOK, map[string]any{"down_until": until})
}

var pages = template.Must(template.New("page").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Payouts: simulated bank</title>
<link rel="stylesheet" href="/style.css"><link rel="icon" href="/mark.svg">
<main><h1>Payouts</h1><p>What the simulated bank was asked to pay. <a href="/">The card acquirers</a></p>
<table><thead><tr><th>Payout</th><th>Payee</th><th>Rail</th><th>Amount</th><th>Status</th><th></th></tr></thead><tbody>
{{range .}}<tr><td>{{.Reference}}</td><td>{{.Payee}} …{{.Last4}}</td><td>{{.Rail}}</td><td>{{.Amount}} {{.Currency}}</td><td>{{.Status}} {{.Reason}}</td>
<td>{{$id := .ID}}{{range .Buttons}}<form method="post" action="/control/payouts/{{$id}}/{{.}}"><button>{{.}}</button></form>{{end}}</td></tr>
{{else}}<tr><td colspan="6">Nothing yet.</td></tr>{{end}}</tbody></table></main></html>`))

func (w *World) page(rw http.ResponseWriter, _ *http.Request) {
	all, err := w.entries()
	if err != nil {
		fail(rw, err)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'")
	if err := pages.Execute(rw, all); err != nil {
		panic(http.ErrAbortHandler) // the client left
	}
}
