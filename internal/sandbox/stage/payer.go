package stage

import (
	"net/http"
	"net/url"
	"time"
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

// PayerForm reads what a payer did. It fails with fault.Malformed if it cannot be read.
func PayerForm(rw http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return nil, Unreadable()
	}
	return r.PostForm, nil
}
