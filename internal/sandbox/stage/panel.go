package stage

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/florinpay/florin/internal/fault"
)

// Event is something that happens to a piece, a P, without its caller asking: by a button, by the control API, or by plan. T is a turn of
// the world, C what the event may be told.
type Event[P, T, C any] struct {
	Name  string
	Label string // the button's
	May   func(P) bool
	Do    func(T, C) error
}

// EventOf is the event of this name. It fails with fault.NotFound if there is none.
func EventOf[P, T, C any](all []Event[P, T, C], name string) (Event[P, T, C], error) {
	for _, e := range all {
		if e.Name == name {
			return e, nil
		}
	}
	return Event[P, T, C]{}, fault.Missing("event")
}

// Button is an event that a tester may make happen.
type Button struct{ Name, Label string }

// resend is the event of every world that changes no piece.
var resend = Button{"resend_webhook", "Send last webhook again"}

// Buttons are the events that the state of a piece allows. hooked: a webhook about it was made, which can be sent again.
func Buttons[P, T, C any](all []Event[P, T, C], p P, hooked bool) []Button {
	var out []Button
	for _, e := range all {
		if e.May(p) {
			out = append(out, Button{e.Name, e.Label})
		}
	}
	if hooked {
		out = append(out, resend)
	}
	return out
}

// Happen makes an event happen to a piece: decide carries it out, unless it sends the last webhook about the piece once more. It fails with
// fault.NotFound if there is no such piece, or no webhook.
func (k Pieces[P, M]) Happen(id, event string, decide func(*Turn, M) error) (M, error) {
	var p M
	var err error
	if event == resend.Name {
		p, err = k.resend(ByID(id))
	} else {
		p, err = k.Change(ByID(id), decide)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", event, id, err)
	}
	return p, nil
}

func (k Pieces[P, M]) resend(f Find) (M, error) {
	p, r, err := k.Look(f)
	if err != nil {
		return nil, err
	}
	return p, k.stage.Do(func(b *Batch) error { return b.Again(r) })
}

// Shown is what testers see beside a piece itself: in the control API, and on the panel.
type Shown struct {
	Seq      int64     `json:"seq"` // newer ones are higher
	Events   []string  `json:"events,omitempty"`
	Webhooks []Webhook `json:"webhooks,omitempty"`
	Buttons  []Button  `json:"-"`
}

// One is a piece with its webhooks and its buttons. It fails with fault.NotFound if there is no such piece.
func (k Pieces[P, M]) One(id string, buttons func(p M, hooked bool) []Button) (M, Shown, error) {
	p, r, err := k.Look(ByID(id))
	if err != nil {
		return nil, Shown{}, err
	}
	hooks, err := k.stage.Webhooks(r.Seq)
	shown := Shown{Seq: r.Seq, Webhooks: hooks, Buttons: buttons(p, len(hooks) > 0)}
	for _, b := range shown.Buttons {
		shown.Events = append(shown.Events, b.Name)
	}
	return p, shown, err
}

// Panel is what the lists of all worlds show, as the data of a page.
type Panel struct {
	Frame
	Standing  Standing
	Scenarios []Scenario
	Query     url.Values
	Filtered  bool
	Older     string // where the next page is; empty: there is none
}

// Panel is the panel of a list, with the filters that the request has.
func (s *Stage) Panel(r *http.Request, title string) (Panel, Query, error) {
	q, err := ReadQuery(r)
	return Panel{Frame: NewFrame(r, title, s.world.Name, s.o.Clock.Now()), Standing: s.Standing(), Scenarios: s.Scenarios(), Query: r.URL.Query(),
		Filtered: q.Status+q.Text+q.Reference != ""}, q, err
}

// GoesOn says that there are more behind the piece with this seq.
func (p *Panel) GoesOn(r *http.Request, seq int64) {
	v := r.URL.Query()
	v.Set("before", strconv.FormatInt(seq, 10))
	p.Older = r.URL.Path + "?" + v.Encode()
}
