package sandbox

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

//go:embed page/*
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"amount": func(minor int64, code string) [2]string { // the number, the currency
		number, currency, _ := strings.Cut(show(minor, code), " ")
		return [2]string{number, currency}
	},
	"utc":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"tone":  func(s any) string { return tones[fmt.Sprint(s)] },
	"words": func(s any) string { return strings.ReplaceAll(fmt.Sprint(s), "_", " ") },
	"short": func(id string) string {
		if len(id) > 14 {
			return "…" + id[len(id)-12:]
		}
		return id
	},
	"card": func(masked string) string { return "•••• " + masked[max(0, len(masked)-4):] },
}).ParseFS(pageFiles, "page/*.html"))

// tones are the colours, and the shapes beside them, of what things are.
var tones = map[string]string{
	"captured": "good", "authorized": "info", "partially_captured": "info", "pending": "wait", "declined": "bad",
	"voided": "still", "expired": "still", "succeeded": "good", "failed": "bad", "open": "wait", "won": "good", "lost": "bad",
	"frictionless": "info", "challenge": "wait", "completed": "info", "Y": "good", "A": "info", "U": "wait", "C": "wait", "N": "bad", "R": "bad",
	"up": "good", "down": "bad", "delivered": "good", "waiting": "wait", "given up": "bad",
}

func (w *World) routePages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", w.listPage)
	mux.HandleFunc("GET /transactions/{id}", w.transactionPage)
	mux.HandleFunc("GET /cards", w.cardsPage)
	for name, kind := range map[string]string{"style.css": typeCSS, "mark.svg": typeSVG} {
		mux.HandleFunc("GET /"+name, pageFile(name, kind))
	}
}

const (
	typeCSS = "text/css; charset=utf-8"
	typeSVG = "image/svg+xml"
)

// pageFile serves a file that pages ask for.
func pageFile(name, kind string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", kind)
		rw.Header().Set("Cache-Control", "max-age=60")
		rw.Header().Set("X-Content-Type-Options", "nosniff")
		http.ServeFileFS(rw, r, pageFiles, "page/"+name)
	}
}

// render shows a page of the panel.
func (w *World) render(rw http.ResponseWriter, r *http.Request, status int, name string, data any) {
	w.renderWith(rw, r, status, name, data, map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"Referrer-Policy":         "same-origin", // under no-referrer a browser does not say where a button was, and local refuses it
	})
}

func (w *World) renderWith(rw http.ResponseWriter, r *http.Request, status int, name string, data any, policies map[string]string) {
	var out strings.Builder
	if err := pages.ExecuteTemplate(&out, name, data); err != nil {
		w.o.Logger.Error("sandbox page failed", "path", r.URL.Path, "error", err)
		http.Error(rw, "This page has a fault. The sandbox's log says which.", http.StatusInternalServerError)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	for policy, value := range policies {
		h.Set(policy, value)
	}
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	if _, err := rw.Write([]byte(out.String())); err != nil {
		panic(http.ErrAbortHandler) // the reader left
	}
}

// frame is what every page needs.
type frame struct {
	Title string
	Tab   string
	Path  string // where a button leads back to
	now   time.Time
}

// Ago is a time as people say it.
func (f frame) Ago(t time.Time) string {
	d := f.now.Sub(t)
	if d < 0 {
		return "in " + span(-d)
	}
	if d < time.Second {
		return "now"
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		word string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= u.unit {
			return fmt.Sprintf("%d %s", d/u.unit, u.word)
		}
	}
	return fmt.Sprintf("%d s", (d+time.Second-1)/time.Second)
}

func (w *World) frame(r *http.Request, title, tab string) frame {
	return frame{title, tab, r.URL.RequestURI(), w.o.Clock.Now()}
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

func (w *World) listPage(rw http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r)
	if err != nil {
		w.failPage(rw, r, "/", err)
		return
	}
	rows, more, err := w.find(q)
	if err != nil {
		w.failPage(rw, r, "/", err)
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
		w.failPage(rw, r, "/", err)
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
			w.failPage(rw, r, "/", err)
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

func (w *World) failPage(rw http.ResponseWriter, r *http.Request, back string, err error) {
	refusal, known := refusals[fault.Of(err)]
	detail := err.Error()
	if !known {
		w.o.Logger.Error("sandbox page failed", "path", r.URL.Path, "error", err)
		refusal.status, detail = http.StatusInternalServerError, "The sandbox's log says more."
	}
	w.render(rw, r, refusal.status, "error.html", struct {
		frame
		Back, Detail string
	}{w.frame(r, "That did not work", ""), back, detail})
}
