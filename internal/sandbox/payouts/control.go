package payouts

import (
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

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
