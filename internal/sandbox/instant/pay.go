package instant

import (
	"net/http"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// endings tell a payer how their payment ended.
var endings = map[Status][3]string{
	Paid:     {"good", "paid", "Your bank has sent the money."},
	Rejected: {"bad", "not paid", "The payment did not come about. No money was taken."},
	Expired:  {"bad", "expired", "The time for this payment is over. No money was taken."},
	Canceled: {"bad", "canceled", "The shop gave this payment up. No money was taken."},
}

func (w *World) payPage(rw http.ResponseWriter, r *http.Request) {
	p, _, err := w.look(byAlias(r.PathValue("token")))
	if err == nil && p.RedirectURL == "" {
		err = fault.Missing("page")
	}
	if err != nil {
		w.FailPage(rw, r, err)
		return
	}
	s, _ := findScheme(p.Method)
	chosen, _ := findBank(p.Method, p.Bank)
	page := stage.PayerPage{Scheme: s.title, Merchant: p.Merchant, Amount: p.Amount, Currency: p.Currency, For: p.Description, Step: p.step(),
		Bank: chosen.Name, Missing: r.URL.Query().Has("missing"), Ending: endings[p.Status], Expires: p.ExpiresAt, Shop: p.ReturnURL}
	for _, b := range banks {
		if b.method == p.Method {
			page.Banks = append(page.Banks, stage.PayerBank{ID: b.ID, Name: b.Name, Title: b.title, Available: b.Available})
		}
	}
	w.ShowPayer(rw, r, page)
}

// step is where the payer stands.
func (p *piece) step() string {
	switch {
	case p.Status != Active:
		return stage.StepDone
	case p.Bank == "":
		return stage.StepChoose
	case !p.LoggedIn:
		return stage.StepLogin
	}
	return stage.StepConsent
}

// answerPage takes what the payer did, and leads on: to the next step, or back to the shop. Of a charge that is over nothing changes.
func (w *World) answerPage(rw http.ResponseWriter, r *http.Request) {
	form, err := stage.PayerForm(rw, r)
	if err != nil {
		w.FailPage(rw, r, err)
		return
	}
	on := r.URL.Path // no query: it said what was wrong before
	p, err := w.change(byAlias(r.PathValue("token")), func(t *turn) error {
		switch {
		case t.RedirectURL == "":
			return fault.Missing("page")
		case t.Status != Active:
			return nil
		case !t.Now.Before(t.ExpiresAt):
			return t.expire()
		}
		return t.payerDid(form.Get("do"), form.Get("bank"), form.Get("user") != "" && form.Get("password") != "", &on)
	})
	if err != nil {
		w.FailPage(rw, r, err)
		return
	}
	if p.Status != Active || form.Get("do") == stage.DoLeave {
		on = p.ReturnURL
	}
	http.Redirect(rw, r, on, http.StatusSeeOther)
}

// payerDid decides what a payer's move does to a charge that waits for it. on gains what the next page must say.
func (t *turn) payerDid(move, chosen string, filled bool, on *string) error {
	step := t.step()
	switch {
	case move == stage.DoChoose && step == stage.StepChoose:
		b, ok := findBank(t.Method, chosen)
		if !ok || !b.Available {
			return fault.Wrong("bank", fault.CodeInvalid, "is not a bank that can be chosen")
		}
		t.Bank = b.ID
		t.note("The payer chose %s", b.Name)
	case move == stage.DoLogin && step == stage.StepLogin && !filled:
		*on += "?missing=login"
	case move == stage.DoLogin && step == stage.StepLogin:
		t.LoggedIn = true
		t.note("The payer logged in")
	case move == stage.DoApprove && step == stage.StepConsent:
		return t.approve()
	case move == stage.DoDecline && step == stage.StepConsent:
		return t.reject(consentDeclined)
	case move == stage.DoLeave:
		t.note("The payer left without deciding")
	case move == stage.DoFail:
		return t.reject(bankUnavailable)
	case move == stage.DoExpire:
		return t.expire()
	default: // a form of a step that is behind them: the page shows where they stand
	}
	return nil
}
