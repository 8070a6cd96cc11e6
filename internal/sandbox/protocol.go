package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// number is an integer that may come as a JSON number or as a string of digits, as card fields do.
type number int

// UnmarshalJSON reads 8, "8" and "08".
func (n *number) UnmarshalJSON(text []byte) error {
	i, err := strconv.Atoi(strings.Trim(string(text), `"`))
	if err != nil {
		return errors.New("not a whole number")
	}
	*n = number(i)
	return nil
}

// authorizationRequest is the body of an authorization.
type authorizationRequest struct {
	Reference string `json:"reference"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Capture   bool   `json:"capture"`
	Card      struct {
		cardRequest
		CVC        string `json:"cvc"`
		Cryptogram string `json:"cryptogram"` // of a network token
	} `json:"card"`
	ThreeDS      *ThreeDS          `json:"three_ds"`
	NetworkToken *NetworkToken     `json:"network_token"`
	Stored       *StoredCredential `json:"stored_credential"`
	Descriptor   string            `json:"descriptor"`
	Description  string            `json:"description"`
}

// StoredCredential says that a card is kept, to be charged again: at the cardholder's own payment, and at those that the merchant
// makes later, which refer to it by the network's reference.
type StoredCredential struct {
	Initiator        string `json:"initiator"` // cardholder or merchant
	NetworkReference string `json:"network_reference,omitempty"`
}

func (s *StoredCredential) check(wrong *fault.Collect) {
	switch {
	case s.Initiator != "cardholder" && s.Initiator != "merchant":
		wrong.Add("stored_credential.initiator", fault.CodeInvalid, "must be cardholder or merchant")
	case s.Initiator == "cardholder" && s.NetworkReference != "":
		wrong.Add("stored_credential.network_reference", fault.CodeInvalid, "is for payments that the merchant makes")
	case s.Initiator == "merchant" && (len(s.NetworkReference) != 15 || strings.Trim(s.NetworkReference, "0123456789") != ""):
		wrong.Add("stored_credential.network_reference", fault.CodeInvalid, "must be the 15 digits of the cardholder's own payment")
	}
}

// cardRequest is a card in a body, without its CVC.
type cardRequest struct {
	Number   pan    `json:"number"`
	ExpMonth number `json:"exp_month"`
	ExpYear  number `json:"exp_year"`
	Name     string `json:"name"`
}

// check adds what is wrong, and makes a year of two digits one of four.
func (c *cardRequest) check(wrong *fault.Collect) {
	if !c.Number.wellFormed() {
		wrong.Add("card.number", fault.CodeInvalid, "must be 12 to 19 digits")
	}
	if c.ExpMonth < 1 || c.ExpMonth > 12 {
		wrong.Add("card.exp_month", fault.CodeInvalid, "must be 1 to 12")
	}
	if c.ExpYear < 100 {
		c.ExpYear += 2000
	}
	if c.ExpYear < 2000 || c.ExpYear > 2099 {
		wrong.Add("card.exp_year", fault.CodeInvalid, "must be a year of two or four digits")
	}
}

// kept is what is kept of the card.
func (c *cardRequest) kept() Card {
	return Card{c.Number.masked(), c.Number.brand(), int(c.ExpMonth), int(c.ExpYear)}
}

// scenario is the one that the cardholder's name sets at an acquirer.
func (c *cardRequest) scenario(a acquirer) (play, error) {
	if !a.scenarios {
		return play{}, nil
	}
	p, err := parseScenario(c.Name)
	if err != nil {
		err = fault.Wrong("card.name", fault.CodeInvalid, err.Error())
	}
	return p, err
}

func (r *authorizationRequest) check() error {
	var wrong fault.Collect
	stage.CheckReference(&wrong, "reference", r.Reference)
	stage.CheckAmount(&wrong, r.Amount)
	if _, err := money.ParseCurrency(r.Currency); err != nil {
		wrong.Add("currency", fault.CodeCurrency, "is not an ISO 4217 code")
	}
	r.Card.check(&wrong)
	if d := r.ThreeDS; d != nil {
		for _, field := range []string{d.Version, d.ECI, d.CAVV, d.DSTransID, string(d.TransStatus)} {
			if len(field) > 64 {
				wrong.Add("three_ds", fault.CodeInvalid, "has a field of more than 64 characters")
			}
		}
	}
	if r.Stored != nil {
		r.Stored.check(&wrong)
	}
	r.NetworkToken.check(&wrong, r.Card.Cryptogram)
	if r.NetworkToken != nil && r.ThreeDS != nil {
		wrong.Add("three_ds", fault.CodeInvalid, "cannot stand beside network_token: the cryptogram is the proof")
	}
	return wrong.Err()
}

func (w *World) authorize(c caller) (int, any, fate, error) {
	var r authorizationRequest
	if err := stage.Decode(c.body, &r); err != nil {
		return 0, nil, processed, err
	}
	if err := r.check(); err != nil {
		return 0, nil, processed, err
	}
	p, err := r.Card.scenario(c.acquirer)
	if err != nil {
		return 0, nil, processed, err
	}
	end := p.fateOf(Authorize)
	if end.Before() {
		return 0, nil, processed, stage.NotProcessed(end)
	}
	t := w.turn(&Transaction{Acquirer: c.name, Capture: r.Capture, Card: r.Card.kept(), ThreeDS: r.ThreeDS, NetworkToken: r.NetworkToken, Stored: r.Stored, Descriptor: r.Descriptor,
		Description: r.Description, Scenario: p.String()})
	t.play, t.Reference, t.Amount, t.Currency = p, r.Reference, r.Amount, r.Currency
	if r.NetworkToken != nil {
		return w.recordToken(c.account, t, r, end)
	}
	decide := func(secure proof) {
		var refusal *Decline
		refusal, t.Trait = issuer(r.Card.Number, t.Card.ExpMonth, t.Card.ExpYear, c.name, t.now, secure)
		t.open(refusal)
	}
	if r.ThreeDS != nil {
		return w.recordSecure(c.account, t, end, decide)
	}
	decide(noProof)
	return w.record(c.account, t, end)
}

// record writes a new authorization, or answers a repeated one as it was first answered.
func (w *World) record(a account, t *turn, end fate) (int, any, fate, error) {
	body, err := json.Marshal(t.Transaction)
	if err != nil {
		return 0, nil, processed, err
	}
	var existing *row
	err = w.store.do(func(b *batch) (err error) {
		existing, err = b.create(a, t, string(body))
		return err
	})
	return recorded(t, existing, end, err)
}

// recordSecure does as record, for an authorization with 3-D Secure data. It is decided on the writer: whether the data was
// used before must not be overtaken.
func (w *World) recordSecure(a account, t *turn, end fate, decide func(proof)) (int, any, fate, error) {
	var existing *row
	err := w.store.do(func(b *batch) (err error) {
		if existing, err = b.find(b.txnByReference, a.number, t.Reference); err != nil || existing != nil {
			return err
		}
		r, err := b.authentication(b.authenticationByDS, t.ThreeDS.DSTransID)
		if err != nil {
			return err
		}
		var known *Authentication
		if r != nil {
			known, t.Authentic = &r.Authentication, r.ID
		}
		decide(t.ThreeDS.weigh(known, t.Card, t.Amount, t.Currency))
		body, err := json.Marshal(t.Transaction)
		if err != nil {
			return err
		}
		if _, err := b.create(a, t, string(body)); err != nil || r == nil || t.Status == Declined {
			return err
		}
		r.UsedBy = t.ID
		r.note(t.now, "Used by %s", t.ID)
		return b.saveAuthentication(r)
	})
	return recorded(t, existing, end, err)
}

func recorded(t *turn, existing *row, end fate, err error) (int, any, fate, error) {
	switch {
	case err != nil:
		return 0, nil, processed, err
	case existing == nil:
		return http.StatusCreated, t.shown(), end, nil
	case !existing.asksSame(t.Transaction):
		return 0, nil, processed, stage.ErrReused
	}
	return http.StatusOK, existing.first(), processed, nil
}

// operationRequest is the body of a capture, void, refund or reversal.
type operationRequest struct {
	Reference         string `json:"reference"`
	Amount            int64  `json:"amount"`
	Final             bool   `json:"final"`
	Reason            string `json:"reason"`
	OriginalReference string `json:"original_reference"`
}

func (r operationRequest) check(o order) error {
	var wrong fault.Collect
	stage.CheckReference(&wrong, "reference", r.Reference)
	if o.kind != Void {
		stage.CheckAmount(&wrong, r.Amount)
	}
	if o.id == "" {
		stage.CheckReference(&wrong, "original_reference", r.OriginalReference)
	}
	return wrong.Err()
}

// ordered serves the captures, voids, refunds, and, without an id in the path, the reversals.
func (w *World) ordered(kind Kind) func(caller) (int, any, fate, error) {
	return func(c caller) (int, any, fate, error) {
		var r operationRequest
		if err := stage.Decode(c.body, &r); err != nil {
			return 0, nil, processed, err
		}
		o := order{kind: kind, id: c.request.PathValue("id"), original: r.OriginalReference, reference: r.Reference}
		if err := r.check(o); err != nil {
			return 0, nil, processed, err
		}
		if kind != Void {
			o.amount, o.final, o.reason = r.Amount, r.Final, r.Reason
		}
		var made Operation
		var end fate
		status := http.StatusCreated
		err := w.store.do(func(b *batch) (err error) {
			var fresh bool
			made, end, fresh, err = w.execute(b, c.account, o)
			if !fresh {
				status = http.StatusOK
			}
			return err
		})
		if err != nil {
			return 0, nil, processed, err
		}
		return status, made, end, nil
	}
}

// execute carries an order out, on the writer. An order whose reference is known is answered as it was first answered.
func (w *World) execute(b *batch, a account, o order) (made Operation, end fate, fresh bool, err error) {
	earlier, err := b.find(b.findOperation, a.number, o.reference)
	if err != nil {
		return made, end, false, err
	}
	if earlier != nil {
		if known := earlier.operation(o.reference); known != nil && o.same(&earlier.Transaction, known) {
			return known.first(), processed, false, nil
		}
		return made, end, false, stage.ErrReused
	}
	r, err := b.original(a, o)
	if err != nil {
		return made, end, false, err
	}
	t := w.turn(&r.Transaction)
	if o.reference == t.Reference {
		return made, end, false, stage.ErrReused
	}
	end = t.play.fateOf(o.kind)
	if end.Before() {
		return made, end, false, stage.NotProcessed(end)
	}
	op, err := t.obey(o)
	if err != nil {
		return made, end, false, err
	}
	return op.shown(), end, true, b.save(r, a, t)
}

// original finds the transaction that an order is about. It fails with fault.NotFound.
func (b *batch) original(a account, o order) (r *row, err error) {
	if o.id == "" {
		r, err = b.find(b.txnByReference, a.number, o.original)
	} else {
		r, err = b.find(b.txnByID, o.id)
	}
	if err == nil && (r == nil || r.account != a.number) {
		err = fault.Missing("authorization")
	}
	return r, err
}

func (w *World) getAuthorization(c caller) (int, any, fate, error) {
	return w.oneAuthorization(query{account: c.account.number, id: c.request.PathValue("id"), limit: 1})
}

func (w *World) findAuthorization(c caller) (int, any, fate, error) {
	reference := c.request.URL.Query().Get("reference")
	if reference == "" {
		return 0, nil, processed, fault.Wrong("reference", fault.CodeInvalid, "must be given")
	}
	return w.oneAuthorization(query{account: c.account.number, reference: reference, limit: 1})
}

func (w *World) oneAuthorization(q query) (int, any, fate, error) {
	rows, err := w.store.list(q)
	if err != nil {
		return 0, nil, processed, err
	}
	if len(rows) == 0 {
		return 0, nil, processed, fault.Missing("authorization")
	}
	return http.StatusOK, rows[0].shown(), processed, nil
}

func (w *World) findOperation(c caller) (int, any, fate, error) {
	reference := c.request.URL.Query().Get("reference")
	if reference == "" {
		return 0, nil, processed, fault.Wrong("reference", fault.CodeInvalid, "must be given")
	}
	r, err := w.store.byOperation(c.account.number, reference)
	if err != nil {
		return 0, nil, processed, err
	}
	if r == nil || r.operation(reference) == nil {
		return 0, nil, processed, fault.Missing("operation")
	}
	return http.StatusOK, r.operation(reference).shown(), processed, nil
}
