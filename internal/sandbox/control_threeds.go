package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// routeAuthentications serves the part of the control API and of the pages that is about 3-D Secure.
func (w *World) routeAuthentications(mux *http.ServeMux) {
	mux.HandleFunc("GET /control/authentications", w.listAuthentications)
	mux.HandleFunc("GET /control/authentications/{id}", w.getAuthentication)
	mux.HandleFunc("POST /control/authentications/{id}/{event}", w.postChallenge)
	mux.HandleFunc("GET /authentications", w.authenticationsPage)
	mux.HandleFunc("GET /authentications/{id}", w.authenticationPage)
}

// authenticationEntry is an authentication in the control API.
type authenticationEntry struct {
	*Authentication
	Seq    int64    `json:"seq"`              // newer ones are higher
	Events []string `json:"events,omitempty"` // that may happen now
}

func (r *authenticationRow) entry() authenticationEntry {
	e := authenticationEntry{Authentication: &r.Authentication, Seq: r.seq}
	for _, possible := range r.buttons() {
		e.Events = append(e.Events, possible.Event)
	}
	return e
}

// buttons are the moves that the state allows.
func (a *Authentication) buttons() []challengeEvent {
	if a.Status != ChallengeOpen {
		return nil
	}
	return challengeEvents
}

// findAuthentications lists one page, and tells whether there is another. What ran out of time is ended first, so that
// nobody is offered a button that does nothing.
func (w *World) findAuthentications(q query) ([]authenticationRow, bool, error) {
	limit := q.limit
	q.limit++
	rows, err := w.store.authentications(q)
	if err != nil {
		return nil, false, err
	}
	now := w.o.Clock.Now()
	for i := range rows {
		if rows[i].overdue(now) {
			a, err := w.settled(rows[i].ARes.ACSTransID)
			if err != nil {
				return nil, false, err
			}
			rows[i].Authentication = *a
		}
	}
	if len(rows) <= limit {
		return rows, false, nil
	}
	return rows[:limit], true, nil
}

// oneAuthentication reads one. It fails with fault.NotFound.
func (w *World) oneAuthentication(id string) (*authenticationRow, error) {
	rows, _, err := w.findAuthentications(query{id: id, limit: 1})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fault.Missing("authentication")
	}
	return &rows[0], nil
}

func (w *World) listAuthentications(rw http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r)
	if err != nil {
		w.front.Fail(rw, r, err)
		return
	}
	rows, more, err := w.findAuthentications(q)
	if err != nil {
		w.front.Fail(rw, r, err)
		return
	}
	data := []authenticationEntry{}
	for i := range rows {
		data = append(data, rows[i].entry())
	}
	stage.Write(rw, http.StatusOK, map[string]any{"data": data, "has_more": more})
}

func (w *World) getAuthentication(rw http.ResponseWriter, r *http.Request) {
	a, err := w.oneAuthentication(r.PathValue("id"))
	if err != nil {
		w.front.Fail(rw, r, err)
		return
	}
	stage.Write(rw, http.StatusOK, a.entry())
}

func (w *World) postChallenge(rw http.ResponseWriter, r *http.Request) {
	err := stage.ReadBody(r, &struct{}{})
	var a Authentication
	if err == nil {
		a, err = w.Challenge(r.PathValue("id"), r.PathValue("event"))
	}
	w.front.Conclude(rw, r, a, err)
}

// authenticationLine is an authentication in a table, with the buttons that apply.
type authenticationLine struct {
	*Authentication
	Buttons []challengeEvent
}

func lineOf(r *authenticationRow) authenticationLine {
	return authenticationLine{&r.Authentication, r.buttons()}
}

func (w *World) authenticationsPage(rw http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r)
	if err != nil {
		w.front.FailPage(rw, r, "/authentications", err)
		return
	}
	rows, more, err := w.findAuthentications(q)
	if err != nil {
		w.front.FailPage(rw, r, "/", err)
		return
	}
	data := struct {
		frame
		Statuses []AuthenticationStatus
		Lines    []authenticationLine
		Query    url.Values
		Filtered bool
		Older    string
		Newest   bool
	}{frame: w.frame(r, "3-D Secure", "authentications"), Statuses: authenticationStatuses, Query: r.URL.Query(),
		Filtered: q.acquirer+q.reference+q.status+q.text != "", Newest: q.before == 0}
	for i := range rows {
		data.Lines = append(data.Lines, lineOf(&rows[i]))
	}
	if more {
		v := r.URL.Query()
		v.Set("before", strconv.FormatInt(rows[len(rows)-1].seq, 10))
		data.Older = "/authentications?" + v.Encode()
	}
	w.render(rw, r, http.StatusOK, "authentications.html", data)
}

// emvMessage is a message on the page.
type emvMessage struct{ Name, From, Text string }

// messages are those that were exchanged, in their order.
func (a *Authentication) messages() ([]emvMessage, error) {
	all := []struct {
		name, from string
		message    any
		there      bool
	}{
		{"AReq", "3-D Secure server to directory server to ACS", a.AReq, true}, {"ARes", "ACS to 3-D Secure server", a.ARes, true},
		{"CReq", "browser to ACS", nil, a.CReq != ""}, {"RReq", "ACS to 3-D Secure server", a.RReq, a.RReq != nil},
		{"RRes", "3-D Secure server to ACS", a.RRes, a.RRes != nil}, {"CRes", "ACS to browser", nil, a.RReq != nil},
	}
	var out []emvMessage
	for _, m := range all {
		if !m.there {
			continue
		}
		encoded := a.CReq
		var err error
		switch {
		case m.name == "CRes":
			encoded, err = a.cres()
		case m.message != nil:
			encoded, err = encodeMessage(m.message)
		}
		if err != nil {
			return nil, err
		}
		text, err := indented(encoded)
		if err != nil {
			return nil, fmt.Errorf("show the %s of %s: %w", m.name, a.ID, err)
		}
		out = append(out, emvMessage{m.name, m.from, text})
	}
	return out, nil
}

// indented is a message in base64url for people.
func indented(encoded string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", err
	}
	var raw json.RawMessage = text
	text, err = json.MarshalIndent(raw, "", "  ")
	return string(text), err
}

func (w *World) authenticationPage(rw http.ResponseWriter, r *http.Request) {
	a, err := w.oneAuthentication(r.PathValue("id"))
	if err != nil {
		w.front.FailPage(rw, r, "/authentications", err)
		return
	}
	messages, err := a.messages()
	if err != nil {
		w.front.FailPage(rw, r, "/authentications", err)
		return
	}
	w.render(rw, r, http.StatusOK, "authentication.html", struct {
		frame
		authenticationLine
		Messages []emvMessage
	}{w.frame(r, a.ID, "authentications"), lineOf(a), messages})
}
