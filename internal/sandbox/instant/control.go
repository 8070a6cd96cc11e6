package instant

import (
	"html/template"
	"net/http"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

var pages = template.Must(stage.Templates().ParseFS(pageFiles, "page/*.html"))

// entry is a charge in the control API, and a line of the panel.
type entry struct {
	*piece
	stage.Shown
}

// Title is what the bank does, for testers.
func (b Bank) Title() string { return b.title }

// Method is the bank's.
func (b Bank) Method() string { return b.method }

// entries are one page of a list, and whether there is another.
func (w *World) entries(q stage.Query) ([]entry, bool, error) {
	return stage.Page(w.pieces, q, func(p *piece, seq int64) entry { return entry{p, stage.Shown{Seq: seq, Buttons: buttons(p, true)}} })
}

func (w *World) listCharges(rw http.ResponseWriter, r *http.Request) {
	stage.AnswerList(w.Stage, rw, r, w.entries)
}

// one is a charge with its webhooks.
func (w *World) one(id string) (entry, error) {
	p, shown, err := w.pieces.One(id, buttons)
	return entry{p, shown}, err
}

func (w *World) controlCharge(rw http.ResponseWriter, r *http.Request) {
	e, err := w.one(r.PathValue("id"))
	w.Conclude(rw, r, e, err)
}

func (w *World) postEvent(rw http.ResponseWriter, r *http.Request) {
	var c Choice
	err := stage.ReadBody(r, &c)
	var after Charge
	if err == nil {
		after, err = w.Happen(r.PathValue("id"), r.PathValue("event"), c)
	}
	w.Conclude(rw, r, after, err)
}

// postPay pays a code as a payer who scans it.
func (w *World) postPay(rw http.ResponseWriter, r *http.Request) {
	var scanned struct {
		Code   string `json:"code"`
		Amount int64  `json:"amount"` // minor units; 0: what the code says
	}
	err := stage.ReadBody(r, &scanned)
	var after Charge
	if err == nil {
		after, err = w.Pay(scanned.Code, scanned.Amount)
	}
	w.Conclude(rw, r, after, err)
}

// wall is an account's codes for any payment.
type wall struct{ Merchant, Method, Code string }

func (w *World) walls() ([]wall, error) {
	var out []wall
	err := w.Do(func(b *stage.Batch) error {
		accounts, err := b.Accounts()
		if err != nil {
			return err
		}
		for _, a := range accounts {
			for _, s := range schemes {
				if s.redirect {
					continue
				}
				code, copyCode, err := staticCode(s.method, a)
				if err != nil {
					return err
				}
				if code == "" {
					code = copyCode
				}
				out = append(out, wall{a.Shown(), s.title, code})
			}
		}
		return nil
	})
	return out, err
}

func (w *World) listPage(rw http.ResponseWriter, r *http.Request) {
	panel, q, err := w.Panel(r, "Instant payments")
	var onWalls []wall
	if err == nil {
		onWalls, err = w.walls()
	}
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
	w.Render(rw, r, pages, http.StatusOK, "charges.html", struct {
		stage.Panel
		Statuses []Status
		Banks    []Bank
		Walls    []wall
		Lines    []entry
	}{panel, statuses, banks, onWalls, lines}, stage.PanelPolicies())
}

func (w *World) chargePage(rw http.ResponseWriter, r *http.Request) {
	e, err := w.one(r.PathValue("id"))
	if err != nil {
		w.FailPage(rw, r, err)
		return
	}
	w.Render(rw, r, pages, http.StatusOK, "charge.html", struct {
		stage.Frame
		entry
	}{stage.NewFrame(r, e.ID, name, w.Clock().Now()), e}, stage.PanelPolicies())
}
