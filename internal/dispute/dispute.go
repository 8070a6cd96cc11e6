// Package dispute keeps what payers deny: how far each dispute has gone, the money that it holds, the merchant's evidence, and the
// deadlines. Decisions are pure functions. What a provider says may come in any order and any number of times.
package dispute

import (
	"maps"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// Dispute is a payment, or a part of one, that its payer denies.
type Dispute struct {
	Merchant      string // the tenant
	ID            string // dp_…
	Payment       string // empty: it is of a payment that is not known here
	Account       string // the provider account
	Reference     string // the provider's
	Transaction   string // our reference of the authorization, as the provider gives it
	Stage         provider.DisputeStage
	Status        provider.DisputeStatus
	Money         Money
	Amount        money.Money
	Fee           money.Money // what the provider takes on top, and keeps
	ReasonCode    string      // the network's
	Reason        string
	Evidence      Evidence
	Answer        *Answer   // the last one; nil: there was none
	Reminded      int64     // how many days were left at the last reminder; 0: there was none
	EvidenceDueAt time.Time // zero: nothing is awaited
	EndedAt       time.Time
	ErasedAt      time.Time // when evidence was last destroyed; zero: never
	DueAt         time.Time // when time itself changes it: a reminder, its end, or another try to answer
	CreatedAt     time.Time
	Version       int64
}

// Money is what a dispute did with the money.
type Money string

// What there is to say of the money.
const (
	MoneyNone     Money = "none"     // nothing is held: an inquiry, or a payment that is not known
	MoneyHeld     Money = "held"     // the provider has taken it back, for as long as it lasts
	MoneyReturned Money = "returned" // won: the amount came back, the fee did not
	MoneyGone     Money = "gone"     // lost, accepted or expired
)

// Evidence is what there is of it. The contents are sealed and kept apart.
type Evidence struct {
	Fields []string `json:"fields,omitempty"` // which texts there are, sorted
	Files  []File   `json:"files,omitempty"`  // by name
}

func (e Evidence) empty() bool { return len(e.Fields)+len(e.Files) == 0 }

// File is a document of the evidence.
type File struct {
	Name      string    `json:"name" example:"receipt.pdf"`
	Type      string    `json:"type" example:"application/pdf"`
	Size      int64     `json:"size" doc:"In bytes." example:"48213"`
	SHA256    string    `json:"sha256" doc:"In hexadecimal."`
	CreatedAt time.Time `json:"created_at"`
}

// with is the evidence with a file, in place of one of the same name.
func (e Evidence) with(f File) Evidence {
	e = e.without(f.Name)
	e.Files = append(e.Files, f)
	slices.SortFunc(e.Files, func(a, b File) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return e
}

func (e Evidence) without(name string) Evidence {
	e.Files = slices.DeleteFunc(slices.Clone(e.Files), func(f File) bool { return f.Name == name })
	return e
}

func (e Evidence) file(name string) (File, bool) {
	for _, f := range e.Files {
		if f.Name == name {
			return f, true
		}
	}
	return File{}, false
}

// Answer is what the merchant had told to the provider.
type Answer struct {
	ID     string      `json:"id"` // da_…: our reference of it at the provider
	Kind   AnswerKind  `json:"kind"`
	State  AnswerState `json:"state"`
	Tries  int64       `json:"tries,omitempty"`
	Detail string      `json:"detail,omitempty"` // why it was refused
	At     time.Time   `json:"at"`               // when it was given
}

// AnswerKind is what is answered.
type AnswerKind string

// The kinds of answer.
const (
	Submit AnswerKind = "submit" // the evidence
	Accept AnswerKind = "accept" // the payer is right
)

// AnswerState is what became of an answer.
type AnswerState string

// The states. While an answer is pending it is given again and again until the provider says what it makes of it.
const (
	AnswerPending   AnswerState = "pending"
	AnswerTaken     AnswerState = "taken"
	AnswerRefused   AnswerState = "refused"
	AnswerOvertaken AnswerState = "overtaken" // the provider moved on before it said anything
)

// pending tells whether an answer is on its way.
func (d Dispute) pending() bool { return d.Answer != nil && d.Answer.State == AnswerPending }

// Object is a dispute as the contract shows it: in answers and in webhooks alike.
type Object struct {
	ID                string                 `json:"id" example:"dp_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object            string                 `json:"object" enum:"dispute"`
	Livemode          bool                   `json:"livemode"`
	Payment           *string                `json:"payment" doc:"Null if the provider names a payment that is not known here: look into it." example:"pay_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Stage             provider.DisputeStage  `json:"stage" enum:"inquiry,chargeback,pre_arbitration,arbitration" doc:"An inquiry holds no money." example:"chargeback"`
	Status            provider.DisputeStatus `json:"status" enum:"needs_response,under_review,won,lost,accepted,expired" example:"needs_response"`
	Amount            int64                  `json:"amount" doc:"What is denied, in the currency's minor unit." example:"9232"`
	Fee               int64                  `json:"fee" doc:"What the provider takes on top, and keeps." example:"1500"`
	Currency          string                 `json:"currency" doc:"ISO 4217." example:"EUR"`
	Money             Money                  `json:"money" enum:"none,held,returned,gone" doc:"none: nothing is held. held: the provider has taken it back for as long as the dispute lasts. returned: won, the amount came back. gone: lost, accepted or expired." example:"held"`
	Reason            string                 `json:"reason" doc:"A category, such as fraudulent." example:"fraudulent"`
	ReasonCode        string                 `json:"reason_code" doc:"The network's." example:"10.4"`
	Provider          string                 `json:"provider" doc:"The provider account." example:"alpha"`
	ProviderReference string                 `json:"provider_reference" doc:"The provider's own id of the dispute." example:"alpha_dp_8d2f"`
	EvidenceDueAt     *time.Time             `json:"evidence_due_at" doc:"Until when evidence is taken. Past it the dispute is expired."`
	EvidenceFields    []string               `json:"evidence_fields" doc:"Which texts of evidence there are." example:"explanation"`
	EvidenceFiles     []File                 `json:"evidence_files"`
	Response          *ResponseObject        `json:"response" doc:"The last answer that you gave. Null if there was none."`
	EvidenceErasedAt  *time.Time             `json:"evidence_erased_at" doc:"When the evidence was destroyed: its customer was erased, or the time for which it is kept was over. Null if it was not."`
	ReminderDays      *int64                 `json:"reminder_days" doc:"In an event that reminds: how many days are left, 7, 3 or 1. Null otherwise."`
	EndedAt           *time.Time             `json:"ended_at" doc:"When it was won or lost."`
	Metadata          map[string]string      `json:"metadata"`
	CreatedAt         time.Time              `json:"created_at"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o Object) ObjectID() string { return o.ID }

// ResponseObject is an answer to a dispute.
type ResponseObject struct {
	Type   AnswerKind  `json:"type" enum:"submit,accept"`
	Status AnswerState `json:"status" enum:"pending,taken,refused,overtaken" doc:"pending: the provider has not said what it makes of it, and is told again by itself. overtaken: the dispute went on without it."`
	Detail string      `json:"detail" doc:"Why it was refused; empty otherwise."`
	At     time.Time   `json:"at" doc:"When you gave it."`
}

func (d Dispute) object() Object {
	o := Object{
		ID: d.ID, Object: "dispute", Livemode: id.Live(d.Merchant), Stage: d.Stage, Status: d.Status, Amount: d.Amount.Minor(), Fee: d.Fee.Minor(),
		Currency: d.Amount.Currency().Code(), Money: d.Money, Reason: d.Reason, ReasonCode: d.ReasonCode, Provider: d.Account,
		ProviderReference: d.Reference, EvidenceDueAt: pointer(d.EvidenceDueAt), EvidenceFields: orEmpty(d.Evidence.Fields),
		EvidenceFiles: orEmpty(d.Evidence.Files), EvidenceErasedAt: pointer(d.ErasedAt), EndedAt: pointer(d.EndedAt), Metadata: map[string]string{}, CreatedAt: d.CreatedAt,
	}
	if d.Payment != "" {
		o.Payment = &d.Payment
	}
	if a := d.Answer; a != nil {
		o.Response = &ResponseObject{a.Kind, a.State, a.Detail, a.At}
	}
	return o
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// names are a map's keys, sorted.
func names(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
