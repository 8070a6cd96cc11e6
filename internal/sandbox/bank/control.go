package bank

import (
	"html/template"
	"net/http"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

var pages = template.Must(stage.Templates().ParseFS(pageFiles, "page/*.html"))

// entry is a payment in the control API, and a line of the panel.
type entry struct {
	*piece
	stage.Shown
}

// entries are one page of a list, and whether there is another.
func (w *World) entries(q stage.Query) ([]entry, bool, error) {
	return stage.Page(w.pieces, q, func(p *piece, seq int64) entry { return entry{p, stage.Shown{Seq: seq, Buttons: buttons(p, true)}} })
}

func (w *World) listPayments(rw http.ResponseWriter, r *http.Request) {
	stage.AnswerList(w.Stage, rw, r, w.entries)
}

// one is a payment with its webhooks.
func (w *World) one(id string) (entry, error) {
	p, shown, err := w.pieces.One(id, buttons)
	return entry{p, shown}, err
}

func (w *World) controlPayment(rw http.ResponseWriter, r *http.Request) {
	e, err := w.one(r.PathValue("id"))
	w.Conclude(rw, r, e, err)
}

func (w *World) postEvent(rw http.ResponseWriter, r *http.Request) {
	var none struct{}
	err := stage.ReadBody(r, &none)
	var p Payment
	if err == nil {
		p, err = w.Happen(r.PathValue("id"), r.PathValue("event"))
	}
	w.Conclude(rw, r, p, err)
}

func (w *World) listPage(rw http.ResponseWriter, r *http.Request) {
	panel, q, err := w.Panel(r, "Bank payments")
	var lines []entry
	var more bool
	if err == nil {
		lines, more, err = w.entries(q)
	}
	if err != nil {
		w.FailPage(rw, r, err)
		return
	}
	if more {
		panel.GoesOn(r, lines[len(lines)-1].Seq)
	}
	w.Render(rw, r, pages, http.StatusOK, "payments.html", struct {
		stage.Panel
		Statuses []Status
		Banks    []Bank
		Lines    []entry
	}{panel, statuses, banks, lines}, stage.PanelPolicies())
}

func (w *World) paymentPage(rw http.ResponseWriter, r *http.Request) {
	e, err := w.one(r.PathValue("id"))
	if err != nil {
		w.FailPage(rw, r, err)
		return
	}
	w.Render(rw, r, pages, http.StatusOK, "payment.html", struct {
		stage.Frame
		entry
	}{stage.NewFrame(r, e.ID, name, w.Clock().Now()), e}, stage.PanelPolicies())
}

// Title is what the bank does, for testers.
func (b Bank) Title() string { return b.title }
