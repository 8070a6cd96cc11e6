package stage

import (
	"net/http"
	"net/url"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// PayerPage is what a payer's bank shows them: one step of a payment, "payer.html".
type PayerPage struct {
	Frame
	Scheme   string // above: Bank payment, FPX
	Merchant string
	Amount   int64 // minor units
	Currency string
	For      string // what is paid for, as the merchant says it
	Step     string
	Banks    []PayerBank // for StepChoose
	Bank     string      // the name of the chosen one
	Missing  bool        // the last form was not filled in
	Ending   [3]string   // for StepDone: the tone and the words of a chip, and a sentence
	Expires  time.Time
	Shop     string // where the browser goes back to
}

// PayerBank is a bank that the payer may choose.
type PayerBank struct {
	ID, Name, Title string
	Available       bool
}

// The steps of a payer.
const (
	StepChoose  = "choose"
	StepLogin   = "login"
	StepConsent = "consent"
	StepDone    = "done"
)

// What a payer may do, the form field do.
const (
	DoChoose  = "choose"  // with bank
	DoLogin   = "login"   // with user and password
	DoApprove = "approve" // consent
	DoDecline = "decline"
	DoLeave   = "leave"  // back to the shop, undecided
	DoFail    = "fail"   // the bank fails, for testers
	DoExpire  = "expire" // for testers
)

// ShopHost is the host that the browser goes back to.
func (p PayerPage) ShopHost() string {
	u, err := url.Parse(p.Shop)
	if err != nil { // it was read once, when the payment began
		return "the shop"
	}
	return u.Host
}

// ShowPayer shows a payer their step.
func (s *Stage) ShowPayer(rw http.ResponseWriter, r *http.Request, p PayerPage) {
	p.Frame = NewFrame(r, p.Scheme, "", s.o.Clock.Now())
	s.Render(rw, r, shared, http.StatusOK, "payer.html", p, PayerPolicies())
}

// Endings tell a payer how their payment ended, by its status.
var Endings = map[string][3]string{
	"pending":  {"wait", "on its way", "Your bank sends the money now. The shop tells you when it has arrived."},
	"paid":     {"good", "paid", "Your bank has sent the money."},
	"rejected": {"bad", "not paid", "The payment did not come about. No money was taken."},
	"expired":  {"bad", "expired", "The time for this payment is over. No money was taken."},
	"canceled": {"bad", "canceled", "The shop gave this payment up. No money was taken."},
}

// StepOf is where a payer stands.
func StepOf(over bool, bank string, loggedIn bool) string {
	switch {
	case over:
		return StepDone
	case bank == "":
		return StepChoose
	case !loggedIn:
		return StepLogin
	}
	return StepConsent
}

// PayerMove is what a payer did at a page.
type PayerMove struct {
	Do     string
	Bank   string
	Filled bool // user and password
}

func readPayerMove(rw http.ResponseWriter, r *http.Request) (PayerMove, error) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return PayerMove{}, Unreadable()
	}
	form := r.PostForm
	return PayerMove{form.Get("do"), form.Get("bank"), form.Get("user") != "" && form.Get("password") != ""}, nil
}

// AtPage is a payment whose payer is at a page, within a decision.
type AtPage struct {
	Step    string
	Choose  func(bank string) (name string, ok bool) // ok is false if that bank cannot be chosen
	LogIn   func()
	Approve func() error
	Reject  func(code string) error
	Expire  func() error
	Note    func(format string, args ...any)
}

// Make decides what the move does to a payment that waits for it. missing tells that a form was not filled in.
func (m PayerMove) Make(p AtPage) (missing bool, err error) {
	switch {
	case m.Do == DoChoose && p.Step == StepChoose:
		name, ok := p.Choose(m.Bank)
		if !ok {
			return false, fault.Wrong("bank", fault.CodeInvalid, "is not a bank that can be chosen")
		}
		p.Note("The payer chose %s", name)
	case m.Do == DoLogin && p.Step == StepLogin && !m.Filled:
		return true, nil
	case m.Do == DoLogin && p.Step == StepLogin:
		p.LogIn()
		p.Note("The payer logged in")
	case m.Do == DoApprove && p.Step == StepConsent:
		return false, p.Approve()
	case m.Do == DoDecline && p.Step == StepConsent:
		return false, p.Reject(ConsentDeclined)
	case m.Do == DoLeave:
		p.Note("The payer left without deciding")
	case m.Do == DoFail:
		return false, p.Reject(BankUnavailable)
	case m.Do == DoExpire:
		return false, p.Expire()
	default: // a form of a step that is behind them: the page shows where they stand
	}
	return false, nil
}

// PayerStands is how a payment stands after a payer's move.
type PayerStands struct {
	Over    bool
	Missing bool   // the form was not filled in
	Shop    string // where the browser goes back to
}

// AnswerPayer takes what a payer did, and leads on: to the next step, or back to the shop.
func (s *Stage) AnswerPayer(rw http.ResponseWriter, r *http.Request, do func(PayerMove) (PayerStands, error)) {
	m, err := readPayerMove(rw, r)
	var after PayerStands
	if err == nil {
		after, err = do(m)
	}
	if err != nil {
		s.FailPage(rw, r, err)
		return
	}
	on := r.URL.Path // no query: it said what was wrong before
	switch {
	case after.Over || m.Do == DoLeave:
		on = after.Shop
	case after.Missing:
		on += "?missing=login"
	}
	http.Redirect(rw, r, on, http.StatusSeeOther)
}
