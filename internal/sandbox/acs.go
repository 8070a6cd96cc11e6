package sandbox

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

const (
	pathChallenge  = "/acs/challenge"
	maxSessionData = 1024 // characters, by the specification
)

// routeACS serves the issuers' challenge pages. Browsers are sent here by pages of any origin, so the guard of the panel does
// not apply: who knows an acsTransID, which nobody can guess, may answer its challenge.
func (w *World) routeACS(mux *http.ServeMux) {
	mux.HandleFunc("POST "+pathChallenge, w.openChallenge)
	mux.HandleFunc("GET "+pathChallenge+"/{acs}", w.challengePage)
	mux.HandleFunc("POST "+pathChallenge+"/{acs}", w.answerChallenge)
	for _, name := range []string{"acs.css", "acs.js", "bank.svg"} {
		mux.HandleFunc("GET /acs/"+name, stage.FileOf(pageFiles, name))
	}
}

// readACSForm reads the form of a challenge.
func readACSForm(rw http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return stage.Unreadable()
	}
	return nil
}

// openChallenge takes the CReq and leads to the page of its challenge: a page of its own address may be reloaded, and gone
// back to, without anything being sent again.
func (w *World) openChallenge(rw http.ResponseWriter, r *http.Request) {
	err := readACSForm(rw, r)
	var m CReq
	if err == nil {
		m, err = readCReq(r.PostForm.Get("creq"))
	}
	session := r.PostForm.Get("threeDSSessionData")
	if err == nil && len(session) > maxSessionData {
		err = fault.New(fault.Malformed, fault.CodeInvalid, "203 Format of threeDSSessionData is invalid: at most 1024 characters")
	}
	if err == nil {
		_, err = w.touch(byACS(m.ACSTransID), func(a *Authentication) error { return a.open(m, session, w.o.Clock.Now()) })
	}
	if err != nil {
		w.failACS(rw, r, err)
		return
	}
	http.Redirect(rw, r, pathChallenge+"/"+m.ACSTransID, http.StatusSeeOther)
}

// open notes that the CReq came. It fails with errCReqUnknown if the message is not of this authentication's challenge.
func (a *Authentication) open(m CReq, session string, now time.Time) error {
	if a.CReq == "" || m.ThreeDSServerTransID != a.ARes.ThreeDSServerTransID {
		return errCReqUnknown
	}
	if a.Status == ChallengeOpen && !a.Opened {
		a.Opened, a.SessionData = true, session
		a.note(now, "CReq: the challenge is shown")
	}
	return nil
}

func byACS(acsTransID string) func(*batch) (*authenticationRow, error) {
	return func(b *batch) (*authenticationRow, error) {
		return b.authentication(b.authenticationByACS, acsTransID)
	}
}

// answerChallenge takes what the payer did. Whatever it was, the page tells what stands now; of a challenge that is over
// nothing changes.
func (w *World) answerChallenge(rw http.ResponseWriter, r *http.Request) {
	if err := readACSForm(rw, r); err != nil {
		w.failACS(rw, r, err)
		return
	}
	to := url.URL{Path: pathChallenge + "/" + r.PathValue("acs")}
	move := r.PostForm.Get("do")
	if move == "" {
		move = moveCode
	}
	code := strings.ReplaceAll(strings.TrimSpace(r.PostForm.Get("code")), " ", "")
	switch {
	case !slices.Contains([]string{moveCode, moveCancel, moveTimeOut}, move):
		w.failACS(rw, r, fault.Wrong("do", fault.CodeInvalid, "must be code, cancel or time_out"))
		return
	case move == moveCode && code == "":
		to.RawQuery = "missing=code"
		http.Redirect(rw, r, to.String(), http.StatusSeeOther)
		return
	}
	_, err := w.touch(byACS(r.PathValue("acs")), func(a *Authentication) error {
		return a.play(move, code, w.o.Clock.Now(), w.o.Random)
	})
	if err != nil && !fault.Is(err, fault.Conflict) {
		w.failACS(rw, r, err)
		return
	}
	http.Redirect(rw, r, to.String(), http.StatusSeeOther)
}

// endings tell the payer how a challenge ended: the word of the chip, and a sentence.
var endings = map[string][2]string{
	string(Authenticated): {"confirmed", "Thank you. Your bank knows that it is you."},
	canceledByPayer:       {"canceled", "You canceled. Nothing was charged."},
	timedOut:              {"timed out", "The time to confirm is over. Nothing was charged."},
	neverOpened:           {"timed out", "The time to confirm is over. Nothing was charged."},
	reasonTooMany:         {"not confirmed", "Three codes were wrong. Nothing was charged."},
	"":                    {"not confirmed", "Your bank could not confirm that it is you. Nothing was charged."},
}

// ending finds how it ended.
func ending(v Verdict) [2]string {
	for _, key := range []string{v.ChallengeCancel, string(v.TransStatus), v.TransStatusReason} {
		if e, ok := endings[key]; ok && key != "" {
			return e
		}
	}
	return endings[""]
}

// challengeView is what the pages of a challenge show.
type challengeView struct {
	frame
	*Authentication
	Network string    // of the card, as people write it
	Left    int       // codes that may still be entered
	Missing bool      // none was entered
	Ending  [2]string // of a challenge that is over
	CRes    string
	Shop    string // the host that the browser goes back to
}

var networks = map[string]string{"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover",
	"jcb": "JCB", "diners": "Diners Club", "unionpay": "UnionPay"}

func (w *World) challengePage(rw http.ResponseWriter, r *http.Request) {
	a, err := w.settled(r.PathValue("acs"))
	if err == nil && a.CReq == "" {
		err = errCReqUnknown
	}
	if err != nil {
		w.failACS(rw, r, err)
		return
	}
	v := challengeView{frame: w.frame(r, "Confirm your payment", ""), Authentication: a, Network: networks[a.Card.Brand],
		Left: maxWrongCodes - a.Entered, Missing: r.URL.Query().Get("missing") != ""}
	if a.Status == ChallengeOpen {
		w.renderACS(rw, r, http.StatusOK, "challenge.html", v, "form-action 'self'")
		return
	}
	back, err := url.Parse(a.AReq.NotificationURL)
	if err == nil {
		v.CRes, err = a.cres()
	}
	if err != nil {
		w.failACS(rw, r, err)
		return
	}
	v.Title, v.Ending, v.Shop = "Back to the shop", ending(*a.Result), back.Host
	// The form goes to the shop's server, and on from there to wherever that sends the browser: some browsers hold the policy
	// against that address, too.
	w.renderACS(rw, r, http.StatusOK, "return.html", v, "script-src 'self'; form-action http: https:")
}

// renderACS shows a page of a challenge. Shops show them in frames of their own, so any may.
func (w *World) renderACS(rw http.ResponseWriter, r *http.Request, status int, name string, v challengeView, policy string) {
	w.front.Render(rw, r, pages, status, name, v, stage.Policies{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors http: https:; " + policy,
		"Referrer-Policy":         "strict-origin", // the address of a challenge is for its payer only
	})
}

// failACS tells the payer that there is no such challenge.
func (w *World) failACS(rw http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadRequest
	switch {
	case fault.Is(err, fault.NotFound):
		err = errCReqUnknown
	case slices.ContainsFunc([]error{errCReqUnreadable, errCReqVersion, errCReqUnknown}, func(e error) bool { return errors.Is(err, e) }):
	case !stage.IsRefusal(err):
		w.o.Logger.Error("sandbox challenge failed", "path", r.URL.Path, "error", err)
		status, err = http.StatusInternalServerError, errors.New("403 Transient system failure: the log of the sandbox says more")
	}
	v := challengeView{frame: w.frame(r, "This challenge cannot be shown", ""), Ending: [2]string{"failed", err.Error()}}
	w.renderACS(rw, r, status, "refusal.html", v, "form-action 'none'")
}
