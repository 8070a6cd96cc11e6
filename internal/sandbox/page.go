package sandbox

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

//go:embed page/*
var pageFiles embed.FS

var pages = template.Must(stage.Templates().Funcs(template.FuncMap{"desk": desk}).ParseFS(pageFiles, "page/*.html"))

func (w *World) routePages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", w.listPage)
	mux.HandleFunc("GET /transactions/{id}", w.transactionPage)
	mux.HandleFunc("GET /cards", w.cardsPage)
	for _, name := range []string{"style.css", "payer.css", "mark.svg"} {
		mux.HandleFunc("GET /"+name, stage.File(name))
	}
}

// render shows a page of the panel.
func (w *World) render(rw http.ResponseWriter, r *http.Request, status int, name string, data any) {
	w.front.Render(rw, r, pages, status, name, data, stage.PanelPolicies())
}

// frame is what every page needs.
type frame = stage.Frame

func (w *World) frame(r *http.Request, title, tab string) frame {
	return stage.NewFrame(r, title, tab, w.o.Clock.Now())
}

// line is a transaction in the table, with the buttons that apply.
type line struct {
	*Transaction
	Buttons []button
}

type button struct{ Event, Label string }

func buttons(t *Transaction, hooked bool) []button {
	var out []button
	for _, e := range possibleEvents(t, hooked) {
		out = append(out, button{Event: e.name, Label: e.label})
	}
	return out
}

// desk is the buttons of one dispute.
func desk(d Dispute) []button {
	var out []button
	for _, b := range []struct {
		button
		may func(*Dispute) bool
	}{
		{button{"escalate", "Escalate"}, mayEscalate}, {button{"win", "Merchant wins"}, (*Dispute).open},
		{button{"lose", "Merchant loses"}, (*Dispute).open}, {button{"expire_dispute", "Expire"}, mayExpire},
	} {
		if b.may(&d) {
			out = append(out, b.button)
		}
	}
	return out
}

func (w *World) listPage(rw http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r)
	if err != nil {
		w.front.FailPage(rw, r, "/", err)
		return
	}
	rows, more, err := w.find(q)
	if err != nil {
		w.front.FailPage(rw, r, "/", err)
		return
	}
	data := struct {
		frame
		Acquirers []standing
		Statuses  []Status
		Lines     []line
		Query     url.Values
		Filtered  bool
		Older     string
		Newest    bool
	}{frame: w.frame(r, "Transactions", "transactions"), Acquirers: w.standings(), Statuses: statuses, Query: r.URL.Query(),
		Filtered: q.acquirer+q.reference+q.status+q.text != "", Newest: q.before == 0}
	for i := range rows {
		a, _ := w.book.numbered(rows[i].account) // an account is never deleted
		data.Lines = append(data.Lines, line{&rows[i].Transaction, buttons(&rows[i].Transaction, a.WebhookURL != "")})
	}
	if more {
		v := r.URL.Query()
		v.Set("before", strconv.FormatInt(rows[len(rows)-1].seq, 10))
		data.Older = "/?" + v.Encode()
	}
	w.render(rw, r, http.StatusOK, "list.html", data)
}

// hook is a webhook on the page.
type hook struct {
	Webhook
	State string
}

func (w *World) transactionPage(rw http.ResponseWriter, r *http.Request) {
	t, hooks, err := w.one(r.PathValue("id"))
	if err != nil {
		w.front.FailPage(rw, r, "/", err)
		return
	}
	data := struct {
		frame
		*Transaction
		Buttons []button
		Hooks   []hook
		Lines   []authenticationLine
	}{w.frame(r, t.ID, "transactions"), &t.Transaction, buttons(&t.Transaction, len(hooks) > 0), nil, nil}
	if t.Authentic != "" {
		a, err := w.oneAuthentication(t.Authentic)
		if err != nil {
			w.front.FailPage(rw, r, "/", err)
			return
		}
		data.Lines = append(data.Lines, lineOf(a))
	}
	for _, h := range hooks {
		data.Hooks = append(data.Hooks, hook{h, hookState(h)})
	}
	w.render(rw, r, http.StatusOK, "transaction.html", data)
}

func hookState(h Webhook) string {
	switch {
	case h.DueAt != nil:
		return "waiting"
	case h.Status >= 200 && h.Status <= 299:
		return "delivered"
	}
	return "given up"
}

// example is a row of the page of cards and scenarios.
type example struct{ Text, Title string }

func (w *World) cardsPage(rw http.ResponseWriter, r *http.Request) {
	data := struct {
		frame
		Cards, Scenarios []example
	}{frame: w.frame(r, "Test cards", "cards")}
	for _, c := range cards {
		data.Cards = append(data.Cards, example{c.number, c.title})
	}
	for _, s := range scenarios {
		data.Scenarios = append(data.Scenarios, example{scenarioPrefix + s.name, s.title})
	}
	w.render(rw, r, http.StatusOK, "cards.html", data)
}
