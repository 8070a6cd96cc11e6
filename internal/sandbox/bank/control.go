package bank

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

var pages = template.Must(stage.Templates().ParseFS(pageFiles, "page/*.html"))

// entry is a payment in the control API, and a line of the panel.
type entry struct {
	*piece
	Seq      int64           `json:"seq"` // newer ones are higher
	Events   []string        `json:"events,omitempty"`
	Webhooks []stage.Webhook `json:"webhooks,omitempty"`
	Buttons  []event         `json:"-"`
}

// Name and Label are the event's for the panel.
func (e event) Name() string { return e.name }

// Label is the button's.
func (e event) Label() string { return e.label }

// entries are one page of a list, and whether there is another.
func (w *World) entries(q stage.Query) ([]entry, bool, error) {
	return stage.Page(w.pieces, q, func(p *piece, seq int64) entry { return entry{piece: p, Seq: seq, Buttons: possible(p, true)} })
}

func (w *World) listPayments(rw http.ResponseWriter, r *http.Request) {
	stage.AnswerList(w.Stage, rw, r, w.entries)
}

// one is a payment with its webhooks.
func (w *World) one(id string) (entry, error) {
	p, r, err := w.pieces.Look(stage.ByID(id))
	if err != nil {
		return entry{}, err
	}
	hooks, err := w.Webhooks(r.Seq)
	e := entry{piece: p, Seq: r.Seq, Webhooks: hooks, Buttons: possible(p, len(hooks) > 0)}
	for _, b := range e.Buttons {
		e.Events = append(e.Events, b.name)
	}
	return e, err
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
	q, err := stage.ReadQuery(r)
	if err != nil {
		w.FailPage(rw, r, err)
		return
	}
	data := struct {
		stage.Frame
		Standing  stage.Standing
		Statuses  []Status
		Banks     []Bank
		Scenarios []stage.Scenario
		Lines     []entry
		Query     url.Values
		Filtered  bool
		Older     string
	}{Frame: stage.NewFrame(r, "Bank payments", name, w.Clock().Now()), Standing: w.Standing(), Statuses: statuses, Banks: banks,
		Scenarios: w.Scenarios(), Query: r.URL.Query(), Filtered: q.Status+q.Text+q.Reference != ""}
	var more bool
	if data.Lines, more, err = w.entries(q); err != nil {
		w.FailPage(rw, r, err)
		return
	}
	if more {
		v := r.URL.Query()
		v.Set("before", strconv.FormatInt(data.Lines[len(data.Lines)-1].Seq, 10))
		data.Older = "/bank?" + v.Encode()
	}
	w.Render(rw, r, pages, http.StatusOK, "payments.html", data, stage.PanelPolicies())
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
