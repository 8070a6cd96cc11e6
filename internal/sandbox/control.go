package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

const (
	pageSize    = 50
	maxPageSize = 500
)

// routeControl serves the control API and the pages. Anybody on this machine may use them, but no web page from elsewhere.
func (w *World) routeControl(mux *http.ServeMux) {
	inner := http.NewServeMux()
	inner.HandleFunc("GET /control/transactions", w.listTransactions)
	inner.HandleFunc("GET /control/transactions/{id}", w.getTransaction)
	inner.HandleFunc("POST /control/transactions/{id}/{event}", w.postEvent)
	inner.HandleFunc("GET /control/acquirers", w.listAcquirers)
	inner.HandleFunc("POST /control/acquirers/{name}/down", w.postDown)
	inner.HandleFunc("POST /control/acquirers/{name}/up", w.postUp)
	inner.HandleFunc("POST /control/accounts", w.postAccount)
	w.routeAuthentications(inner)
	w.routePages(inner)
	mux.Handle("/", stage.Local(inner))
}

// entry is a transaction in the control API.
type entry struct {
	*Transaction
	Seq      int64     `json:"seq"`              // newer ones are higher
	Events   []string  `json:"events,omitempty"` // that may happen now
	Webhooks []Webhook `json:"webhooks,omitempty"`
}

// page is a list of the control API.
type page struct {
	Data    []entry `json:"data"`
	Charges int     `json:"charges"` // of Data: how many hold or took money
	HasMore bool    `json:"has_more"`
}

// readQuery reads the filters acquirer, reference, status, q (anywhere in the stored transaction), before, limit.
func readQuery(r *http.Request) (query, error) {
	v := r.URL.Query()
	q := query{acquirer: v.Get("acquirer"), reference: v.Get("reference"), status: v.Get("status"), text: v.Get("q"), limit: pageSize}
	var wrong fault.Collect
	if s := v.Get("before"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 1 {
			wrong.Add("before", fault.CodeInvalid, "must be a seq")
		}
		q.before = n
	}
	if s := v.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxPageSize {
			wrong.Add("limit", fault.CodeInvalid, fmt.Sprintf("must be 1 to %d", maxPageSize))
		}
		q.limit = n
	}
	return q, wrong.Err()
}

// find lists one page and tells whether there is another.
func (w *World) find(q query) ([]row, bool, error) {
	limit := q.limit
	q.limit++
	rows, err := w.store.list(q)
	if err != nil || len(rows) <= limit {
		return rows, false, err
	}
	return rows[:limit], true, nil
}

func (w *World) listTransactions(rw http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r)
	if err != nil {
		w.front.Fail(rw, r, err)
		return
	}
	rows, more, err := w.find(q)
	if err != nil {
		w.front.Fail(rw, r, err)
		return
	}
	p := page{Data: []entry{}, Charges: charges(rows), HasMore: more}
	for i := range rows {
		p.Data = append(p.Data, entry{Transaction: &rows[i].Transaction, Seq: rows[i].seq})
	}
	stage.Write(rw, http.StatusOK, p)
}

// one reads a transaction with its webhooks.
func (w *World) one(id string) (*row, []Webhook, error) {
	rows, err := w.store.list(query{id: id, limit: 1})
	if err != nil {
		return nil, nil, err
	}
	if len(rows) == 0 {
		return nil, nil, fault.Missing("transaction")
	}
	hooks, err := w.store.webhooks(rows[0].seq)
	return &rows[0], hooks, err
}

func (w *World) getTransaction(rw http.ResponseWriter, r *http.Request) {
	t, hooks, err := w.one(r.PathValue("id"))
	if err != nil {
		w.front.Fail(rw, r, err)
		return
	}
	e := entry{Transaction: &t.Transaction, Seq: t.seq, Webhooks: hooks}
	for _, possible := range possibleEvents(&t.Transaction, len(hooks) > 0) {
		e.Events = append(e.Events, possible.name)
	}
	stage.Write(rw, http.StatusOK, e)
}

// possibleEvents are those that the state allows.
func possibleEvents(t *Transaction, hooked bool) []event {
	return slices.DeleteFunc(slices.Clone(events), func(e event) bool {
		return !e.may(t) || e.name == resend && !hooked
	})
}

// Happen makes an event happen to a transaction, as the panel's buttons do. It fails with fault.NotFound if there is no such
// transaction, event or webhook, with fault.Conflict if the state does not allow it, with fault.Invalid on a wrong choice.
func (w *World) Happen(transaction, event string, c Choice) (Transaction, error) {
	var after Transaction
	err := w.store.do(func(b *batch) error {
		r, err := b.find(b.txnByID, transaction)
		if err != nil {
			return err
		}
		if r == nil {
			return fault.Missing("transaction")
		}
		t := w.turn(&r.Transaction)
		if err := t.happen(event, c); err != nil {
			return err
		}
		after = r.Transaction
		if event == resend {
			found, err := b.again(r.seq, t.now)
			if err == nil && !found {
				err = fault.Missing("webhook of this transaction")
			}
			return err
		}
		a, _ := w.book.numbered(r.account) // an account is never deleted
		err = b.save(r, a, t)
		after = *t.Transaction
		return err
	})
	if err != nil {
		return Transaction{}, fmt.Errorf("%s %s: %w", event, transaction, err)
	}
	return after, nil
}

func (w *World) postEvent(rw http.ResponseWriter, r *http.Request) {
	var c Choice
	err := stage.ReadBody(r, &c)
	var t Transaction
	if err == nil {
		t, err = w.Happen(r.PathValue("id"), r.PathValue("event"), c)
	}
	w.front.Conclude(rw, r, t, err)
}

// Down takes an acquirer down for a while: mode is unavailable (503 not_accepted; also the empty mode), hang (no answer) or
// refuse (the connection is reset). Nothing that comes meanwhile is processed. A restart of the sandbox ends it.
// It fails with fault.NotFound on an unknown acquirer and with fault.Invalid on another mode or more than an hour.
func (w *World) Down(name string, d time.Duration, mode string) (Outage, error) {
	if _, ok := findAcquirer(name); !ok {
		return Outage{}, fault.Missing("acquirer")
	}
	mode, err := stage.CheckOutage(d, mode)
	if err != nil {
		return Outage{}, err
	}
	return w.outages.set(name, mode, d), nil
}

// Up ends an acquirer's outage. It fails with fault.NotFound on an unknown acquirer.
func (w *World) Up(name string) error {
	if _, ok := findAcquirer(name); !ok {
		return fault.Missing("acquirer")
	}
	w.outages.end(name)
	return nil
}

func (w *World) postDown(rw http.ResponseWriter, r *http.Request) {
	var body stage.OutageAsked
	err := stage.ReadBody(r, &body)
	var out Outage
	if err == nil {
		out, err = w.Down(r.PathValue("name"), body.For(), body.Mode)
	}
	w.front.Conclude(rw, r, out, err)
}

// standing is an acquirer in the control API.
type standing struct {
	Name   string  `json:"name"`
	Up     bool    `json:"up"`
	Outage *Outage `json:"outage,omitempty"`
}

func (w *World) standings() []standing {
	out := make([]standing, len(acquirers))
	for i, a := range acquirers {
		out[i] = standing{Name: a.name, Up: true}
		if outage, down := w.outages.now(a.name); down {
			out[i].Up, out[i].Outage = false, &outage
		}
	}
	return out
}

func (w *World) listAcquirers(rw http.ResponseWriter, _ *http.Request) {
	stage.Write(rw, http.StatusOK, map[string]any{"data": w.standings()})
}

func (w *World) postUp(rw http.ResponseWriter, r *http.Request) {
	err := w.Up(r.PathValue("name"))
	w.front.Conclude(rw, r, standing{Name: r.PathValue("name"), Up: true}, err)
}

func (w *World) postAccount(rw http.ResponseWriter, r *http.Request) {
	var a Account
	err := stage.ReadBody(r, &a)
	if err == nil {
		err = w.Register(a)
	}
	w.front.Conclude(rw, r, map[string]string{"acquirer": a.Acquirer, "merchant": a.merchant(), "webhook_url": a.WebhookURL}, err)
}
