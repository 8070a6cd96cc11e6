package bank

import (
	"net/http"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

func (w *World) payPage(rw http.ResponseWriter, r *http.Request) {
	p, _, err := w.pieces.Look(stage.ByAlias(r.PathValue("token")))
	if err != nil {
		w.FailPage(rw, r, err)
		return
	}
	chosen, _ := findBank(p.Bank)
	page := stage.PayerPage{Scheme: "Bank payment", Merchant: p.Merchant, Amount: p.Amount, Currency: p.Currency, For: p.Description,
		Step: p.step(), Bank: chosen.Name, Missing: r.URL.Query().Has("missing"), Ending: stage.Endings[string(p.Status)], Expires: p.ExpiresAt, Shop: p.ReturnURL}
	for _, b := range banks {
		page.Banks = append(page.Banks, stage.PayerBank{ID: b.ID, Name: b.Name, Title: b.title, Available: b.Available})
	}
	w.ShowPayer(rw, r, page)
}

// step is where the payer stands.
func (p *piece) step() string { return stage.StepOf(p.Status != Awaiting, p.Bank, p.LoggedIn) }

// answerPage takes what the payer did. Of a payment that is over nothing changes.
func (w *World) answerPage(rw http.ResponseWriter, r *http.Request) {
	w.AnswerPayer(rw, r, func(m stage.PayerMove) (after stage.PayerStands, err error) {
		p, err := w.pieces.Change(stage.ByAlias(r.PathValue("token")), on(func(t *turn) (err error) {
			switch {
			case t.Status != Awaiting:
				return nil
			case !t.Now.Before(t.ExpiresAt):
				return t.expire()
			}
			after.Missing, err = m.Make(t.atPage())
			return err
		}))
		if err == nil {
			after.Over, after.Shop = p.Status != Awaiting, p.ReturnURL
		}
		return after, err
	})
}

func (t *turn) atPage() stage.AtPage {
	return stage.AtPage{Step: t.step(), Choose: t.choose, LogIn: func() { t.LoggedIn = true }, Approve: t.approve, Reject: t.reject, Expire: t.expire, Note: t.note}
}

func (t *turn) choose(id string) (string, bool) {
	b, ok := findBank(id)
	if ok = ok && b.Available; ok {
		t.Bank = b.ID
	}
	return b.Name, ok
}
