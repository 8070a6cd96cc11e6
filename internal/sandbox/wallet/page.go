package wallet

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

//go:embed page/*
var pageFiles embed.FS

var pages = template.Must(stage.Templates().ParseFS(pageFiles, "page/*.html"))

// SheetPath is where the pay sheet is.
const SheetPath = "/wallet/sheet"

const maxForm = 16 << 10

// Handler serves the pay sheet under /wallet, and /control/wallet.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+SheetPath, w.showSheet)
	mux.HandleFunc("POST "+SheetPath, w.answerSheet)
	for _, name := range []string{"wallet.css", "wallet.js", "wallet.svg"} {
		mux.HandleFunc("GET /wallet/"+name, stage.FileOf(pageFiles, name))
	}
	inner := http.NewServeMux()
	inner.HandleFunc("POST /control/wallet/tokens", w.postToken)
	mux.Handle("/control/", stage.Local(inner))
	return mux
}

// sheet is the page: what is asked for, and in the end what became of it.
type sheet struct {
	Ask
	Origin  string // of the page around
	Path    string // where the form goes
	Cards   []Card
	Defects []struct{ ID, Title string }
	Outcome string // approved or canceled; empty: the payer is asked
	Token   string
	Wrong   string // what a tester chose and cannot be had
}

// ask reads the sheet's address.
func ask(q url.Values) (sheet, error) {
	s := sheet{Cards: cards, Defects: defects, Path: SheetPath + "?" + q.Encode(), Ask: Ask{
		Merchant: q.Get("merchant"), Key: q.Get("key"), Currency: q.Get("currency"), Label: q.Get("label"),
	}}
	var err error
	if s.Amount, err = strconv.ParseInt(q.Get("amount"), 10, 64); err != nil {
		return s, fault.Wrong("amount", fault.CodeInvalid, "must be minor units")
	}
	if s.Origin, err = origin(q.Get("origin")); err != nil {
		return s, fault.Wrong("origin", fault.CodeInvalid, "must be the origin of the page around the sheet")
	}
	if err := s.check(); err != nil {
		return s, err
	}
	_, err = readRecipient(s.Merchant, s.Key)
	return s, err
}

// origin is a page's origin, if it can stand in a header as it is.
func origin(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || text != u.Scheme+"://"+u.Host || strings.ContainsAny(text, ";, '\"") {
		return "", errOrigin
	}
	return text, nil
}

func (w *World) showSheet(rw http.ResponseWriter, r *http.Request) {
	s, err := ask(r.URL.Query())
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	w.render(rw, r, s)
}

// answerSheet takes what the payer did, and tells the page around.
func (w *World) answerSheet(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	s, err := ask(r.URL.Query())
	if err == nil {
		if err = r.ParseForm(); err != nil {
			err = stage.Unreadable()
		}
	}
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	s.Card, s.Defect, s.CardholderName = r.PostForm.Get("card"), r.PostForm.Get("defect"), r.PostForm.Get("cardholder_name")
	if s.Outcome = "canceled"; r.PostForm.Get("do") == "approve" {
		s.Outcome = "approved"
		switch s.Token, err = w.Token(s.Ask); {
		case fault.Is(err, fault.Conflict) || fault.Is(err, fault.Invalid):
			s.Outcome, s.Wrong = "", err.Error()
		case err != nil:
			w.o.Logger.Error("the wallet cannot make a token", "error", err)
			http.Error(rw, "The sandbox's log says what is wrong.", http.StatusInternalServerError)
			return
		}
	}
	w.render(rw, r, s)
}

func (w *World) render(rw http.ResponseWriter, r *http.Request, s sheet) {
	w.front.Render(rw, r, pages, http.StatusOK, "sheet.html", s, stage.Policies{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors " + s.Origin,
		"Referrer-Policy":         "no-referrer",
	})
}

// postToken gives a token without a sheet, for tests.
func (w *World) postToken(rw http.ResponseWriter, r *http.Request) {
	var a Ask
	err := stage.ReadBody(r, &a)
	var token string
	if err == nil {
		token, err = w.Token(a)
	}
	w.front.Conclude(rw, r, map[string]string{"token": token}, err)
}
