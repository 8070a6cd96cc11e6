package payouts

import (
	"cmp"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// Prefix is where the bank is served.
const Prefix = "/payouts"

const (
	maxBody   = 64 << 10
	maxOutage = 3600 // seconds
)

// Handler serves the bank's API under /payouts/v1, the control API under /control/payouts/, and its page at /payouts/.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payouts/v1/payouts", w.create)
	mux.HandleFunc("GET /payouts/v1/payouts", w.find)
	panel := http.NewServeMux()
	panel.HandleFunc("GET /control/payouts/{$}", w.listAll)
	panel.HandleFunc("POST /control/payouts/accounts", w.postAccount)
	panel.HandleFunc("POST /control/payouts/down", w.goDown)
	panel.HandleFunc("POST /control/payouts/up", w.goUp)
	panel.HandleFunc("GET /control/payouts/{id}", w.show)
	panel.HandleFunc("POST /control/payouts/{id}/{button}", w.press)
	panel.HandleFunc("GET /payouts/{$}", w.page)
	panel.Handle("GET /payouts", http.RedirectHandler(Prefix+"/", http.StatusSeeOther))
	mux.Handle("/", stage.Local(panel))
	return mux
}

// order is the body of a payout.
type order struct {
	Reference  string `json:"reference"`
	Amount     int64  `json:"amount"`
	Currency   string `json:"currency"`
	Rail       string `json:"rail"`
	Descriptor string `json:"descriptor"`
	Payee      struct {
		Name     string `json:"name"`
		Country  string `json:"country"`
		Number   string `json:"number"`
		BankCode string `json:"bank_code"`
		Branch   string `json:"branch_code"`
		Alias    string `json:"alias_type"`
	} `json:"payee"`
	Card *struct {
		Number   string `json:"number"`
		ExpMonth string `json:"exp_month"`
		ExpYear  string `json:"exp_year"`
		Name     string `json:"name"`
	} `json:"card"`
}

func (o order) check() error {
	var wrong fault.Collect
	if o.Reference == "" || len(o.Reference) > 128 {
		wrong.Add("reference", fault.CodeInvalid, "must be 1 to 128 characters")
	}
	if _, err := money.ParseCurrency(o.Currency); err != nil || o.Amount < 1 {
		wrong.Add("amount", fault.CodeInvalid, "must be 1 or more minor units of an ISO 4217 currency")
	}
	if o.Rail == "" || (o.Payee.Number == "") == (o.Card == nil) {
		wrong.Add("payee", fault.CodeInvalid, "must have a rail, and a number or a card")
	}
	return wrong.Err()
}

// who is the account of a caller, whose body must be signed.
func (w *World) who(r *http.Request, body []byte) (Account, bool) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	w.mu.Lock()
	a, known := w.accounts[key]
	w.mu.Unlock()
	if !ok || !known || r.Method == http.MethodGet {
		return a, ok && known
	}
	got, err := hex.DecodeString(r.Header.Get("Bank-Signature"))
	return a, err == nil && hmac.Equal(got, stage.HMAC(a.SigningKey, string(body)))
}

// isDown tells whether the bank refuses everybody, and does so.
func (w *World) isDown(rw http.ResponseWriter, r *http.Request) bool {
	w.mu.Lock()
	down := w.o.Clock.Now().Before(w.down)
	w.mu.Unlock()
	if down {
		w.front.Down(rw, r, "")
	}
	return down
}

func (w *World) create(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
	if err != nil {
		w.front.Unread(rw, maxBody)
		return
	}
	a, ok := w.who(r, body)
	if !ok {
		w.front.Stranger(rw)
		return
	}
	if w.isDown(rw, r) {
		return
	}
	var o order
	if err = json.Unmarshal(body, &o); err != nil {
		err = fault.New(fault.Malformed, fault.CodeInvalid, "the body is no JSON of a payout")
	} else {
		err = o.check()
	}
	var reply stage.Reply
	if err == nil {
		reply, err = w.take(hashOf(a.APIKey.Reveal()), o, hashOf(string(body)))
	}
	w.front.Answer(rw, r, reply, err)
}

// take makes a payout, or finds that it is made already.
func (w *World) take(account string, o order, asked string) (stage.Reply, error) {
	k, fresh, err := w.made(account, o, asked)
	reply := stage.Reply{Status: http.StatusCreated, Body: k.payout}
	switch {
	case err != nil:
		return reply, err
	case k.Asked != asked:
		return reply, stage.ErrReused
	case fresh && k.Scenario == "timeout_after":
		reply.Fate = stage.HeldAfter
	}
	return reply, nil
}

// faults are the scenarios that keep the first try of a payout from being taken.
var faults = map[string]stage.Fate{"timeout_before": stage.HeldBefore, "error_500": stage.BrokenBefore}

// made gives the payout of a reference, which is made if there is none. It fails with stage.NotProcessed where a scenario has it, at the
// first try only.
func (w *World) made(account string, o order, asked string) (kept, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, found, err := w.store.one(byReference, account, o.Reference)
	if err != nil || found && known.Status != "" {
		return known, false, err
	}
	k := w.fill(account, o, asked)
	if fate, faulty := faults[k.Scenario]; faulty && !found {
		ghost := k
		ghost.Status = "" // seen, and not taken: nobody finds it
		ghost.DueAt, ghost.Next = time.Time{}, ""
		return k, false, cmp.Or(w.store.put(ghost), stage.NotProcessed(fate))
	}
	if found {
		k.ID = known.ID
	}
	return k, true, w.tell(k, k.CreatedAt)
}

func (w *World) fill(account string, o order, asked string) kept {
	now := w.o.Clock.Now()
	k := kept{
		payout:  payout{ID: w.o.IDs.New("bank"), Reference: o.Reference, Status: pending, Amount: o.Amount, Currency: o.Currency, Rail: o.Rail, CreatedAt: now},
		Account: account, Payee: o.Payee.Name, Asked: asked,
	}
	number := o.Payee.Number
	if o.Card != nil {
		number = o.Card.Number
		if k.Payee == "" {
			k.Payee = o.Card.Name
		}
	}
	k.Last4 = number[max(0, len(number)-4):]
	if name, ok := strings.CutPrefix(k.Payee, "SCENARIO "); ok {
		if _, known := scenarios[name]; known {
			k.Scenario = name
		}
	}
	switch k.Scenario {
	case "refuse":
		k.Status, k.Reason = failed, "invalid_account"
	case "fail":
		k.Next, k.DueAt = "fail", now.Add(w.o.Pay)
	case "wait":
	default:
		k.Next, k.DueAt = "pay", now.Add(w.o.Pay)
	}
	return k
}

func (w *World) find(rw http.ResponseWriter, r *http.Request) {
	a, ok := w.who(r, nil)
	if !ok {
		w.front.Stranger(rw)
		return
	}
	if w.isDown(rw, r) {
		return
	}
	k, found, err := w.store.one(byReference, hashOf(a.APIKey.Reveal()), r.URL.Query().Get("reference"))
	if err == nil && (!found || k.Status == "") {
		err = fault.Missing("payout")
	}
	w.front.Answer(rw, r, stage.Reply{Status: http.StatusOK, Body: k.payout}, err)
}
