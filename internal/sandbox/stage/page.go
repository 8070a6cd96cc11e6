package stage

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/money"
)

//go:embed page/*
var pageFiles embed.FS

// Templates are the parts that all pages of the simulated outside world share: "top" and "bottom" around a page whose data has a Frame,
// "chip" for a state, "money" for an amount. A world parses its own pages into a copy.
func Templates() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"amount": func(minor int64, code string) [2]string { // the number, the currency
			number, currency, _ := strings.Cut(Show(minor, code), " ")
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
		"when": func(f Framed, at any) Instant {
			t, ok := at.(time.Time)
			if p, isPointer := at.(*time.Time); isPointer && p != nil {
				t, ok = *p, true
			}
			if !ok {
				return Instant{}
			}
			return Instant{t, f.Ago(t)}
		},
		"card": func(masked string) string { return "•••• " + masked[max(0, len(masked)-4):] },
	}).ParseFS(pageFiles, "page/*.html"))
}

// tones are the colours, and the shapes beside them, of what things are.
var tones = map[string]string{
	"captured": "good", "authorized": "info", "partially_captured": "info", "pending": "wait", "declined": "bad",
	"voided": "still", "expired": "still", "succeeded": "good", "failed": "bad", "open": "wait", "reviewing": "info", "won": "good", "lost": "bad", "accepted": "bad",
	"frictionless": "info", "challenge": "wait", "completed": "info", "Y": "good", "A": "info", "U": "wait", "C": "wait", "N": "bad", "R": "bad",
	"up": "good", "down": "bad", "delivered": "good", "waiting": "wait", "given up": "bad",
	"awaiting_authorisation": "wait", "active": "wait", "paid": "good", "rejected": "bad", "returned": "still", "stray": "info",
}

// Show is an amount for people.
func Show(minor int64, code string) string {
	c, err := money.ParseCurrency(code)
	if err != nil { // checked when it came in; a store from another version may hold one that left the list
		return fmt.Sprintf("%d %s", minor, code)
	}
	return money.Of(minor, c).String()
}

// File serves a file that the pages of all worlds ask for: style.css, payer.css or mark.svg.
func File(name string) http.HandlerFunc { return FileOf(pageFiles, name) }

// kinds are the files that pages ask for, by the end of the name.
var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// FileOf serves a file of a world's own pages, from the folder page.
func FileOf(files fs.FS, name string) http.HandlerFunc {
	kind := kinds[path.Ext(name)]
	return func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", kind)
		rw.Header().Set("Cache-Control", "max-age=60")
		rw.Header().Set("X-Content-Type-Options", "nosniff")
		http.ServeFileFS(rw, r, files, "page/"+name)
	}
}

// Frame is what every page needs.
type Frame struct {
	Title string
	Tab   string // which of the tabs it belongs to; empty: none
	Path  string // where a button leads back to
	Now   time.Time
}

// NewFrame is the frame of a page that this request asks for.
func NewFrame(r *http.Request, title, tab string, now time.Time) Frame {
	return Frame{title, tab, r.URL.RequestURI(), now}
}

// Ago is a time as people say it.
func (f Frame) Ago(t time.Time) string {
	d := f.Now.Sub(t)
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

// Framed is data that has a Frame.
type Framed interface{ Ago(t time.Time) string }

// Instant is a time for the template "when": as people say it, and exact.
type Instant struct {
	At  time.Time
	Ago string
}

// Policies are the headers that bound what a page may do.
type Policies map[string]string

// PanelPolicies are those of pages for testers: their buttons work from themselves alone.
func PanelPolicies() Policies {
	return Policies{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"Referrer-Policy":         "same-origin", // under no-referrer a browser does not say where a button was, and Local refuses it
	}
}

// PayerPolicies are those of pages for payers. A form's answer leads on to the shop, and some browsers hold form-action against that
// address, too.
func PayerPolicies() Policies {
	return Policies{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' http: https:; frame-ancestors 'none'; base-uri 'none'",
		"Referrer-Policy":         "strict-origin", // the address of a payment is for its payer only
	}
}

// Render shows a page.
func (s *Stage) Render(rw http.ResponseWriter, r *http.Request, pages *template.Template, status int, name string, data any, policies Policies) {
	s.front.Render(rw, r, pages, status, name, data, policies)
}

var shared = Templates()

// FailPage tells a reader of pages what did not work.
func (s *Stage) FailPage(rw http.ResponseWriter, r *http.Request, err error) {
	s.front.FailPage(rw, r, s.front.within(r.PostFormValue("back")), err)
}
