package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// Stage is how far a dispute has gone.
type Stage string

// The stages, in their order. A retrieval only asks: no money moves.
const (
	Retrieval      Stage = "retrieval"
	Chargeback     Stage = "chargeback"
	PreArbitration Stage = "pre_arbitration"
	Arbitration    Stage = "arbitration"
)

var stages = []Stage{Retrieval, Chargeback, PreArbitration, Arbitration}

// Dispute is what a cardholder denies of a transaction.
type Dispute struct {
	ID                     string          `json:"id"`
	Authorization          string          `json:"authorization"` // the transaction's id
	AuthorizationReference string          `json:"authorization_reference"`
	Stage                  Stage           `json:"stage"`
	Status                 Result          `json:"status"`
	Amount                 int64           `json:"amount"`
	Fee                    int64           `json:"fee"` // taken when the money is
	Currency               string          `json:"currency"`
	Reason                 string          `json:"reason"`
	NetworkCode            string          `json:"network_code"`
	EvidenceDueAt          time.Time       `json:"evidence_due_at"`
	Evidence               *Evidence       `json:"evidence,omitempty"`
	Answers                []disputeAnswer `json:"answers,omitempty"`
	CreatedAt              time.Time       `json:"created_at"`
}

// Evidence is what the merchant had to say.
type Evidence struct {
	Texts map[string]string `json:"texts"`
	Files []EvidenceFile    `json:"files"`
}

// EvidenceFile is a document that came in whole.
type EvidenceFile struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// disputeAnswer is an answer that was taken, so that a repeat is recognized.
type disputeAnswer struct {
	Reference string `json:"reference"`
	Digest    string `json:"digest"` // of the body
}

// The answers' scenario kind: SCENARIO timeout_after dispute.
const answering Kind = "dispute"

const (
	disputeFee  = 15                  // whole units of the currency
	evidenceFor = 10 * 24 * time.Hour // how long evidence is taken, unless the event says otherwise
)

func (d *Dispute) open() bool { return d.Status == Opened || d.Status == Reviewing }

// denied is how much of the transaction is denied, or was given back to its payer that way.
func (t *Transaction) denied() int64 {
	var sum int64
	for _, d := range t.Disputes {
		if d.Status != Won {
			sum += d.Amount
		}
	}
	return sum
}

// MayDispute tells whether some of what was captured is not disputed yet.
func (t *Transaction) MayDispute() bool {
	return isStatus(Captured, PartiallyCaptured)(t) && t.denied() < t.AmountCaptured
}

// disputed finds the newest dispute that fits, or, with an id, that one if it fits; nil if there is none.
func (t *Transaction) disputed(id string, fits func(*Dispute) bool) *Dispute {
	for i := len(t.Disputes) - 1; i >= 0; i-- {
		if d := &t.Disputes[i]; (id == "" || d.ID == id) && fits(d) {
			return d
		}
	}
	return nil
}

func hasDispute(fits func(*Dispute) bool) func(*Transaction) bool {
	return func(t *Transaction) bool { return t.disputed("", fits) != nil }
}

func mayEscalate(d *Dispute) bool { return d.open() && d.Stage != Arbitration }
func mayExpire(d *Dispute) bool   { return d.Status == Opened }

// dispute opens one: of the amount, or of all that is not denied yet.
func (t *turn) dispute(c Choice) error {
	amount, err := within(c, t.AmountCaptured-t.denied())
	if err != nil {
		return err
	}
	d := Dispute{ID: t.newID("dp"), Authorization: t.ID, AuthorizationReference: t.Reference, Stage: Chargeback, Status: Opened, Amount: amount,
		Currency: t.Currency, Reason: "fraudulent", NetworkCode: "10.4", CreatedAt: t.now}
	if c.Reason != "" {
		d.Reason, d.NetworkCode = c.Reason, ""
	}
	if c.Stage != "" {
		if d.Stage = Stage(c.Stage); !slices.Contains(stages, d.Stage) {
			return fault.Wrong("stage", fault.CodeInvalid, fmt.Sprintf("must be one of %v", stages))
		}
	}
	if err := t.await(&d, c.Seconds); err != nil {
		return err
	}
	t.Disputes = append(t.Disputes, d)
	t.references = append(t.references, d.ID)
	t.note("Dispute of %s opened: %s, %s", show(amount, t.Currency), d.Stage, d.Reason)
	t.tellDispute("dispute.opened", d)
	return nil
}

// maxEvidence is the longest that evidence is taken.
const maxEvidence = 365 * 24 * 3600 // seconds

// await sets until when evidence is taken, and what the stage costs.
func (t *turn) await(d *Dispute, seconds int64) error {
	if seconds < 0 || seconds > maxEvidence {
		return fault.Wrong("seconds", fault.CodeInvalid, fmt.Sprintf("must be 1 to %d", maxEvidence))
	}
	wait := evidenceFor
	if seconds > 0 {
		wait = time.Duration(seconds) * time.Second
	}
	d.Status, d.EvidenceDueAt = Opened, t.now.Add(wait)
	if d.Stage != Retrieval {
		d.Fee = feeOf(d.Currency)
	}
	t.later("expire_dispute", d.ID, wait)
	return nil
}

func feeOf(code string) int64 {
	fee := int64(disputeFee)
	if c, err := money.ParseCurrency(code); err == nil { // checked when it came in
		for range c.Exponent() {
			fee *= 10
		}
	}
	return fee
}

func (t *turn) tellDispute(kind string, d Dispute) {
	d.Answers = nil
	t.tell(kind, answering, d)
}

// escalate takes a dispute to the next stage: the cardholder's bank was not convinced, and asks again.
func (t *turn) escalate(c Choice) error {
	d := t.disputed(c.dispute(), mayEscalate)
	if d == nil {
		return fault.Missing("dispute that can go further")
	}
	d.Stage = stages[slices.Index(stages, d.Stage)+1]
	if err := t.await(d, c.Seconds); err != nil {
		return err
	}
	t.note("Dispute goes to %s", d.Stage)
	t.tellDispute("dispute.updated", *d)
	return nil
}

// endDispute decides an open dispute.
func endDispute(r Result) func(*turn, Choice) error {
	return func(t *turn, c Choice) error {
		d := t.disputed(c.dispute(), (*Dispute).open)
		if d == nil {
			return fault.Missing("open dispute")
		}
		d.Status = r
		t.note("Dispute %s by the merchant", r)
		t.tellDispute("dispute."+string(r), *d)
		return nil
	}
}

// expireDispute ends one that was not answered. By itself that happens when the time for evidence is over.
func (t *turn) expireDispute(c Choice) error {
	d := t.disputed(c.dispute(), mayExpire)
	if d == nil {
		return fault.Missing("dispute that awaits an answer")
	}
	if c.Operation != "" && t.now.Before(d.EvidenceDueAt) { // planned for a time that was put off
		return fault.State("evidence is still taken")
	}
	d.Status = Lapsed
	t.note("Dispute expired without an answer")
	t.tellDispute("dispute.expired", *d)
	return nil
}

// filePart is the body of a piece of a file.
type filePart struct {
	Reference string `json:"reference"`
	Name      string `json:"name"`
	Part      int64  `json:"part"` // from 0
	Data      []byte `json:"data"` // base 64
}

// answerRequest is the body of an answer to a dispute.
type answerRequest struct {
	Reference string            `json:"reference"`
	Texts     map[string]string `json:"texts"`
	Files     []EvidenceFile    `json:"files"`
}

const (
	maxPart  = 1 << 20 // bytes of a piece of a file
	maxParts = 16
	maxFiles = 20
)

// about finds the transaction of a dispute. It fails with fault.NotFound.
func (b *batch) about(a account, dispute string) (*row, *Dispute, error) {
	r, err := b.find(b.findOperation, a.number, dispute)
	if err != nil {
		return nil, nil, err
	}
	if r == nil {
		return nil, nil, fault.Missing("dispute")
	}
	d := r.disputed(dispute, func(*Dispute) bool { return true })
	if d == nil {
		return nil, nil, fault.Missing("dispute")
	}
	return r, d, nil
}

func (w *World) putPart(c caller) (int, any, fate, error) {
	var p filePart
	if err := stage.Decode(c.body, &p); err != nil {
		return 0, nil, processed, err
	}
	var wrong fault.Collect
	stage.CheckReference(&wrong, "reference", p.Reference)
	stage.CheckReference(&wrong, "name", p.Name)
	if p.Part < 0 || p.Part >= maxParts {
		wrong.Add("part", fault.CodeInvalid, fmt.Sprintf("must be 0 to %d", maxParts-1))
	}
	if len(p.Data) == 0 || len(p.Data) > maxPart {
		wrong.Add("data", fault.CodeInvalid, "must be 1 byte to 1 MiB")
	}
	if err := wrong.Err(); err != nil {
		return 0, nil, processed, err
	}
	end := processed
	err := w.store.do(func(b *batch) error {
		r, d, err := b.about(c.account, c.request.PathValue("id"))
		if err != nil {
			return err
		}
		if end = w.turn(&r.Transaction).play.fateOf(answering); end.Before() {
			return stage.NotProcessed(end)
		}
		return b.upsertPart.exec(d.ID, p.Reference, p.Name, p.Part, p.Data)
	})
	return http.StatusOK, map[string]any{"name": p.Name, "part": p.Part}, processed, err
}

// answered serves both answers: evidence, and the acceptance.
func (w *World) answered(accept bool) func(caller) (int, any, fate, error) {
	return func(c caller) (int, any, fate, error) {
		var q answerRequest
		if err := stage.Decode(c.body, &q); err != nil {
			return 0, nil, processed, err
		}
		var wrong fault.Collect
		stage.CheckReference(&wrong, "reference", q.Reference)
		if len(q.Files) > maxFiles {
			wrong.Add("files", fault.CodeInvalid, fmt.Sprintf("must be at most %d", maxFiles))
		}
		if err := wrong.Err(); err != nil {
			return 0, nil, processed, err
		}
		var after Dispute
		end := processed
		err := w.store.do(func(b *batch) (err error) {
			after, end, err = w.answer(b, c, q, accept)
			return err
		})
		after.Answers = nil
		return http.StatusOK, after, end, err
	}
}

// answer carries an answer out, on the writer. A repeat is answered with the dispute as it is now.
func (w *World) answer(b *batch, c caller, q answerRequest, accept bool) (Dispute, fate, error) {
	r, d, err := b.about(c.account, c.request.PathValue("id"))
	if err != nil {
		return Dispute{}, processed, err
	}
	sum := sha256.Sum256(slices.Concat([]byte(c.request.URL.Path), c.body))
	digest := hex.EncodeToString(sum[:])
	for _, known := range d.Answers {
		if known.Reference != q.Reference {
			continue
		}
		if known.Digest != digest {
			return Dispute{}, processed, stage.ErrReused
		}
		return *d, processed, nil
	}
	t := w.turn(&r.Transaction)
	end := t.play.fateOf(answering)
	switch {
	case end.Before():
		return Dispute{}, end, stage.NotProcessed(end)
	case d.Status != Opened:
		return Dispute{}, processed, fault.State(fmt.Sprintf("the dispute is %s: it takes no answer", d.Status))
	case !t.now.Before(d.EvidenceDueAt):
		return Dispute{}, processed, fault.State("evidence is not taken any more")
	}
	if !accept {
		for _, f := range q.Files {
			if err := b.whole(d.ID, q.Reference, f); err != nil {
				return Dispute{}, processed, err
			}
		}
	}
	d.Answers = append(d.Answers, disputeAnswer{q.Reference, digest})
	if accept {
		d.Status = Accepted
		t.note("Dispute accepted by the merchant")
		t.tellDispute("dispute.accepted", *d)
	} else {
		d.Status, d.Evidence = Reviewing, &Evidence{q.Texts, q.Files}
		t.note("Evidence came: %d texts, %d files", len(q.Texts), len(q.Files))
		t.tellDispute("dispute.updated", *d)
	}
	return *d, end, b.save(r, c.account, t)
}

// whole fails with fault.Invalid unless all pieces of a file came as they were sent.
func (b *batch) whole(dispute, reference string, f EvidenceFile) error {
	rows, err := b.partsOf.Query(dispute, reference, f.Name)
	if err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	defer rows.Close() // its error is in rows.Err
	var body bytes.Buffer
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return fmt.Errorf("%w: %w", errStore, err)
		}
		body.Write(data)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	if sum := sha256.Sum256(body.Bytes()); int64(body.Len()) != f.Size || hex.EncodeToString(sum[:]) != f.SHA256 {
		return fault.Wrong("files", fault.CodeInvalid, f.Name+" did not come whole")
	}
	return nil
}

// evidenceStatements are those of the pieces of files.
type evidenceStatements struct{ upsertPart, partsOf statement }

func (s *evidenceStatements) sql() map[*statement]string {
	return map[*statement]string{
		&s.upsertPart: `INSERT INTO evidence_part (dispute, reference, name, part, data) VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (dispute, reference, name, part) DO UPDATE SET data = excluded.data`,
		&s.partsOf: `SELECT data FROM evidence_part WHERE dispute = ?1 AND reference = ?2 AND name = ?3 ORDER BY part`,
	}
}
