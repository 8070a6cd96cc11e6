package payment

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// The manual queue: outcomes that nobody can find out by asking. A person looks them up where the provider shows them to people, and says
// what is so. What they say goes the way of an inquiry's answer. Meanwhile the provider is still asked, once a day.

// When an outcome becomes a person's business, of payments and of payouts: after so many inquiries, over so long a time; or after so long whatever
// their number, for those that a provider's health forbids do not count.
const (
	ManualInquiries = 8
	ManualAge       = 6 * time.Hour
	ManualAtLast    = 24 * time.Hour
	ManualAgain     = 24 * time.Hour // between inquiries from then on
)

// ManualReason is why an outcome is a person's business.
type ManualReason string

// The reasons.
const (
	ManualNoAnswer  ManualReason = "no_answer"  // many inquiries over hours did not tell
	ManualNoInquiry ManualReason = "no_inquiry" // the provider cannot be asked
)

// handOver puts an attempt whose outcome stays open after an inquiry into the manual queue, if it is time. What is there is asked about once a day;
// where nobody could be asked, because the provider is down, as soon as it may be back.
func (a *Attempt) handOver(o provider.Outcome, t terms) {
	if !inquirable[a.State] || a.asking() || o.Class == provider.Approved && o.State == provider.Pending {
		a.ManualAt, a.ManualReason = time.Time{}, "" // it is known, or the provider knows that it is not yet
		return
	}
	a.ManualAt, a.ManualReason = queued(a.ManualAt, a.ManualReason, t, a.Inquiries, t.now.Sub(a.SentAt), a.State != AttemptPending)
	a.ByHand = a.ByHand.since(a.ManualAt, a.ManualReason)
	if !a.ManualAt.IsZero() && o.NotBefore.IsZero() {
		a.DueAt = t.now.Add(ManualAgain)
	}
}

// handOver is the same for an operation.
func (o *Operation) handOver(heard provider.Outcome, t terms) {
	o.ManualAt, o.ManualReason = queued(o.ManualAt, o.ManualReason, t, o.Inquiries, t.now.Sub(o.CreatedAt), o.State == OperationUnknown)
	o.ByHand = o.ByHand.since(o.ManualAt, o.ManualReason)
	if !o.ManualAt.IsZero() && heard.NotBefore.IsZero() {
		o.DueAt = t.now.Add(ManualAgain)
	}
}

// queued is since when and why an outcome is in the queue. doubtful says that the provider never spoke of it: if it cannot be asked, that
// is the end of it.
func queued(since time.Time, why ManualReason, t terms, inquiries int64, age time.Duration, doubtful bool) (time.Time, ManualReason) {
	switch {
	case !since.IsZero():
		return since, why
	case t.blind && (doubtful || age >= ManualAge):
		return t.now, ManualNoInquiry
	case inquiries >= ManualInquiries && age >= ManualAge, age >= ManualAtLast:
		return t.now, ManualNoAnswer
	}
	return since, why
}

// ManualItem is an outcome that waits for a person, as the contract shows it.
type ManualItem struct {
	ID                string             `json:"id" doc:"Of the attempt, the capture, the void, the refund or the payout." example:"att_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object            string             `json:"object" enum:"manual_item"`
	Livemode          bool               `json:"livemode"`
	Payment           string             `json:"payment,omitempty" doc:"Absent of a payout."`
	Payout            string             `json:"payout,omitempty" doc:"The payout, of one; or that which it is a part of." example:"po_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Operation         provider.Operation `json:"operation" enum:"authorize,capture,void,refund,payout" doc:"What nobody knows the outcome of."`
	Amount            int64              `json:"amount"`
	Currency          string             `json:"currency"`
	Provider          string             `json:"provider" doc:"The provider account."`
	Reference         string             `json:"reference" doc:"Ours, by which the provider may know it."`
	ProviderReference string             `json:"provider_reference,omitempty"`
	Reason            ManualReason       `json:"reason" enum:"no_answer,no_inquiry" doc:"no_answer: many inquiries over hours did not tell. no_inquiry: the provider cannot be asked."`
	Detail            string             `json:"detail,omitempty" doc:"What the provider said last, for operators."`
	Inquiries         int64              `json:"inquiries"`
	Since             time.Time          `json:"since" doc:"Since when it waits for a person."`
	NextInquiryAt     *time.Time         `json:"next_inquiry_at" doc:"When the provider is asked again."`
	CreatedAt         time.Time          `json:"created_at"`
}

func (a Attempt) manualItem() ManualItem {
	return ManualItem{
		ID: a.ID, Object: "manual_item", Livemode: id.Live(a.Merchant), Payment: a.Payment, Operation: provider.OpAuthorize, Amount: a.Amount.Minor(),
		Currency: a.Amount.Currency().Code(), Provider: a.Account, Reference: a.ourReference(), ProviderReference: a.Reference, Reason: a.ManualReason,
		Detail: a.Detail, Inquiries: a.Inquiries, Since: a.ManualAt, NextInquiryAt: pointer(a.DueAt), CreatedAt: a.CreatedAt,
	}
}

func (o Operation) manualItem() ManualItem {
	return ManualItem{
		ID: o.ID, Object: "manual_item", Livemode: id.Live(o.Merchant), Payment: o.Payment, Operation: inquiries[o.Kind], Amount: o.Amount.Minor(),
		Currency: o.Amount.Currency().Code(), Provider: o.Account, Reference: o.ID, ProviderReference: o.Reference, Reason: o.ManualReason,
		Detail: o.Detail, Inquiries: o.Inquiries, Since: o.ManualAt, NextInquiryAt: pointer(o.DueAt), CreatedAt: o.CreatedAt,
	}
}

// ManualPlace is a place in the manual queue: that of what waits since a time, and of what began to wait at once that of an id. The zero value is
// before all.
type ManualPlace struct {
	Since time.Time
	ID    string
}

// Place is where an item stands in the queue.
func (i ManualItem) Place() ManualPlace { return ManualPlace{i.Since, i.ID} }

// Compare orders places.
func (p ManualPlace) Compare(q ManualPlace) int {
	return cmp.Or(p.Since.Compare(q.Since), strings.Compare(p.ID, q.ID))
}

// ManualQueue is what of payments waits for a person, the longest first, behind a place; at most most.
func (s *Service) ManualQueue(ctx context.Context, tenant string, after ManualPlace, most int) ([]ManualItem, error) {
	attempts, err := s.store.manualAttempts(ctx, tenant, after, most)
	if err != nil {
		return nil, err
	}
	operations, err := s.store.manualOperations(ctx, tenant, after, most)
	if err != nil {
		return nil, err
	}
	all := make([]ManualItem, 0, len(attempts)+len(operations))
	for _, a := range attempts {
		all = append(all, a.manualItem())
	}
	for _, o := range operations {
		all = append(all, o.manualItem())
	}
	slices.SortFunc(all, func(a, b ManualItem) int { return a.Place().Compare(b.Place()) })
	return all[:min(most, len(all))], nil
}

// ManualPlace is where an item stands in the manual queue; fault.NotFound if it is not in it.
func (s *Service) ManualPlace(ctx context.Context, tenant, item string) (ManualPlace, error) {
	if id.Has(item, id.Attempt) {
		a, err := s.store.manualAttempt(ctx, tenant, item)
		return ManualPlace{a.ManualAt, a.ID}, err
	}
	op, err := s.manualOperation(ctx, tenant, item)
	return ManualPlace{op.ManualAt, op.ID}, err
}

// manualOperation is an operation in the manual queue; fault.NotFound if it is not in it.
func (s *Service) manualOperation(ctx context.Context, tenant, operation string) (Operation, error) {
	op, err := s.store.operation(ctx, tenant, operation)
	if fault.Is(err, fault.NotFound) || err == nil && op.ManualAt.IsZero() {
		err = errNotQueued
	}
	return op, err
}

// ManualOutcome is what a person says of an outcome.
type ManualOutcome string

// What they can say: of an attempt that the money was taken, or held, or that it was not; of an operation that it was done, or not.
const (
	Charged    ManualOutcome = "charged"
	NotCharged ManualOutcome = "not_charged"
	Done       ManualOutcome = "succeeded"
	NotDone    ManualOutcome = "failed"
)

// Resolution is what a person found out.
type Resolution struct {
	Outcome   ManualOutcome
	Reference string // the provider's; needed for what was charged, unless it is known
	Reason    string // how they know
}

// ResolveManual takes a person's word for what became of an outcome in the manual queue, and gives the payment as it is then. It fails with
// fault.NotFound if it is not in the queue, with fault.Invalid for an outcome that does not fit, and with fault.Conflict if the
// provider told meanwhile.
func (s *Service) ResolveManual(ctx context.Context, tenant, item string, r Resolution, with Companion) (Object, error) {
	if id.Has(item, id.Attempt) {
		a, err := s.store.manualAttempt(ctx, tenant, item)
		if err != nil {
			return Object{}, err
		}
		return s.resolveByHand(ctx, a.Account, tenant, with, func(account provider.Account) (decision, error) {
			return s.attemptByHand(ctx, account, a, r)
		})
	}
	op, err := s.manualOperation(ctx, tenant, item)
	if err != nil {
		return Object{}, err
	}
	return s.resolveByHand(ctx, op.Account, tenant, with, func(account provider.Account) (decision, error) {
		return s.operationByHand(ctx, account, op, r)
	})
}

var (
	errNotQueued = fault.Missing("item in the manual queue")
	errToldNow   = fault.State("the provider has told meanwhile what became of it")
)

// resolveByHand commits what a person's word means.
func (s *Service) resolveByHand(ctx context.Context, account, tenant string, with Companion, decide func(provider.Account) (decision, error)) (Object, error) {
	at, err := s.Accounts.Get(ctx, tenant, account)
	if err != nil {
		return Object{}, fmt.Errorf("provider account %s: %w", account, err)
	}
	d, err := s.apply(ctx, func() (decision, error) { return decide(at) }, func(c *db.Change, d decision) error {
		return with.Result(c, s.answered(d.payment), nil)
	})
	if err != nil {
		return Object{}, err
	}
	return s.answered(d.payment), nil
}

func (s *Service) attemptByHand(ctx context.Context, account provider.Account, a Attempt, r Resolution) (decision, error) {
	p, a, err := s.reload(ctx, Payment{Merchant: a.Merchant, ID: a.Payment}, a)
	if err != nil {
		return decision{}, err
	}
	if a.ManualAt.IsZero() {
		return decision{}, errToldNow
	}
	o, err := r.ofAttempt(a)
	if err != nil {
		return decision{}, err
	}
	a.ByHand = a.ByHand.resolved(a.ManualAt, a.ManualReason, r, s.Clock.Now())
	return s.settle(ctx, account, p, a, o, nobodyWaits)
}

func (s *Service) operationByHand(ctx context.Context, account provider.Account, op Operation, r Resolution) (decision, error) {
	op, err := s.store.operation(ctx, op.Merchant, op.ID)
	if err != nil {
		return decision{}, err
	}
	if op.ManualAt.IsZero() {
		return decision{}, errToldNow
	}
	o, err := r.ofOperation(op)
	if err != nil {
		return decision{}, err
	}
	d, read, err := s.settleOperation(ctx, account, op, o)
	if d.operation != nil {
		d.operation.ByHand = read.ByHand.resolved(op.ManualAt, op.ManualReason, r, s.Clock.Now())
	}
	return d, err
}

// words is what a person said, for operators.
func (r Resolution) words() string { return "a person says: " + string(r.Outcome) + ". " + r.Reason }

// ofAttempt is a person's word about an authorization, as an inquiry would have said it.
func (r Resolution) ofAttempt(a Attempt) (provider.Outcome, error) {
	o := provider.Outcome{Class: provider.Approved, Reference: r.Reference, Detail: r.words()}
	switch r.Outcome {
	case Charged:
		if o.State, o.Amount = provider.Authorized, a.Amount; a.Capture {
			o.State = provider.Captured
		}
		if r.Reference == "" && a.Reference == "" {
			return o, fault.Wrong("reference", fault.CodeInvalid, "is required: without the provider's reference the money cannot be captured or refunded")
		}
	case NotCharged:
		o.State, o.Amount = provider.Voided, money.Money{}
	default:
		return o, fault.Wrong("outcome", fault.CodeInvalid, "must be charged or not_charged: it is about a payment's money")
	}
	return o, nil
}

// ofOperation is the same about a capture, a void or a refund.
func (r Resolution) ofOperation(op Operation) (provider.Outcome, error) {
	switch r.Outcome {
	case Done:
		return provider.Outcome{Class: provider.Approved, State: doneStates[op.Kind], Amount: op.Amount, Reference: r.Reference, Detail: r.words()}, nil
	case NotDone:
		o := provider.Refused(provider.ProcessingError, "manual", r.words())
		o.State, o.Reference = provider.Failed, r.Reference
		return o, nil
	}
	return provider.Outcome{}, fault.Wrong("outcome", fault.CodeInvalid, "must be succeeded or failed: it is about a "+string(op.Kind))
}

var doneStates = map[Kind]provider.State{KindCapture: provider.Captured, KindVoid: provider.Voided, KindRefund: provider.Succeeded}
