package payment

import (
	"context"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/id"
)

// Expansions are what Get can put into a payment.
var Expansions = []string{"attempts", "refunds", "timeline"}

// Get is a payment with what expand names. It fails with fault.NotFound.
func (s *Service) Get(ctx context.Context, tenant, payment string, expand []string) (Object, error) {
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil {
		return Object{}, err
	}
	object := s.answered(p)
	var operations []Operation
	if p.Status == Authorized || slices.Contains(expand, "refunds") || slices.Contains(expand, "timeline") {
		if operations, err = s.store.operations(ctx, tenant, payment); err != nil {
			return Object{}, err
		}
	}
	var attempts []Attempt
	if slices.Contains(expand, "attempts") || slices.Contains(expand, "timeline") {
		if attempts, err = s.store.attempts(ctx, tenant, payment); err != nil {
			return Object{}, err
		}
	}
	object.AmountCapturing = capturing(operations...)
	for _, what := range expand {
		if expander, ok := expanders[what]; ok {
			expander(&object, p, attempts, operations)
		}
	}
	return object, nil
}

// expanders put rows that belong to a payment into its object.
var expanders = map[string]func(*Object, Payment, []Attempt, []Operation){
	"attempts": func(o *Object, _ Payment, attempts []Attempt, _ []Operation) {
		o.Attempts = []AttemptObject{}
		for _, a := range attempts {
			o.Attempts = append(o.Attempts, attemptObject(a))
		}
	},
	"refunds": func(o *Object, _ Payment, _ []Attempt, operations []Operation) {
		o.Refunds = []RefundObject{}
		for _, op := range operations {
			if op.Kind == KindRefund {
				o.Refunds = append(o.Refunds, refundObject(op))
			}
		}
	},
	"timeline": func(o *Object, p Payment, attempts []Attempt, operations []Operation) {
		o.Timeline = timeline(p, attempts, operations)
	},
}

// timeline is what was done about a payment, oldest first: when it was begun, and how it stands.
func timeline(p Payment, attempts []Attempt, operations []Operation) []TimelineEntry {
	entries := []TimelineEntry{{At: p.CreatedAt, Event: "payment.created", Detail: p.Amount.String()}}
	for _, a := range attempts {
		entries = append(entries, TimelineEntry{At: a.CreatedAt, Event: "attempt." + string(a.State), Detail: a.Amount.String() + " at " + a.Account})
	}
	for _, op := range operations {
		entries = append(entries, TimelineEntry{At: op.CreatedAt, Event: string(op.Kind) + "." + string(op.State), Detail: op.Amount.String()})
	}
	slices.SortStableFunc(entries, func(a, b TimelineEntry) int { return a.At.Compare(b.At) })
	return entries
}

// List is a page of a tenant's payments, newest first, of one status if it is given.
func (s *Service) List(ctx context.Context, tenant string, p Page, status string) ([]Object, bool, error) {
	payments, more, err := s.store.payments(ctx, tenant, p, status)
	if err != nil {
		return nil, false, err
	}
	objects := make([]Object, len(payments))
	for i, p := range payments {
		objects[i] = s.object(p)
	}
	return objects, more, nil
}

// GetRefund is a refund; fault.NotFound if there is none.
func (s *Service) GetRefund(ctx context.Context, tenant, refund string) (RefundObject, error) {
	o, err := named[Operation]("refund")(s.store.operation(ctx, tenant, refund))
	if err != nil {
		return RefundObject{}, err
	}
	return refundObject(o), nil
}

// ListRefunds is a page of a tenant's refunds, newest first, of one payment if it is given.
func (s *Service) ListRefunds(ctx context.Context, tenant string, p Page, payment string) ([]RefundObject, bool, error) {
	operations, more, err := s.store.refunds(ctx, tenant, p, payment)
	if err != nil {
		return nil, false, err
	}
	objects := make([]RefundObject, len(operations))
	for i, o := range operations {
		objects[i] = refundObject(o)
	}
	return objects, more, nil
}

func (s *Service) object(p Payment) Object {
	o := Object{
		ID: p.ID, Object: "payment", Livemode: p.Live(), Status: p.Status, Amount: p.Amount.Minor(), Currency: p.Amount.Currency().Code(),
		AmountAuthorized: p.Authorized.Minor(), AmountCaptured: p.Captured.Minor(),
		AmountRefunded: p.Refunded.Minor() + p.Refunding.Minor(), AmountDisputed: p.Disputed.Minor(),
		Capture: p.Capture, CaptureBefore: pointer(p.CaptureBefore), ExpiresAt: pointer(p.ExpiresAt),
		StatementDescriptor: p.StatementDescriptor, Description: p.Description, CancellationReason: p.CancellationReason,
		Failure: p.Failure, Provider: p.Account, ProviderReference: p.Reference, NetworkReference: p.NetworkReference,
		Metadata: orEmpty(p.Metadata), CreatedAt: p.CreatedAt,
	}
	if p.Method.Token != "" {
		o.PaymentMethod = methodObject(p.Method)
	}
	return o
}

// answered is a payment as its merchant is answered: with the client secret while its payer may still act upon it.
// Events never carry the secret.
func (s *Service) answered(p Payment) Object {
	object := s.object(p)
	if p.Status == RequiresPaymentMethod || p.Status == RequiresAction {
		object.ClientSecret = p.ID + "_secret_" + s.Secret(p.Merchant, p.ID)
	}
	return object
}

// showing is the payment as it is after an operation's outcome was recorded.
func (s *Service) showing(d decision) Object {
	object := s.answered(d.payment)
	object.AmountCapturing = capturing(*d.operation)
	return object
}

// capturing is what open captures may yet take.
func capturing(operations ...Operation) int64 {
	var sum int64
	for _, o := range operations {
		if o.Kind == KindCapture && o.open() {
			sum += o.Amount.Minor()
		}
	}
	return sum
}

func attemptObject(a Attempt) AttemptObject {
	return AttemptObject{
		ID: a.ID, Object: "attempt", Number: a.Number, Status: a.State, Provider: a.Account, Amount: a.Amount.Minor(),
		Currency: a.Amount.Currency().Code(), ProviderReference: a.Reference, NetworkReference: a.NetworkReference,
		Failure: a.Failure, CreatedAt: a.CreatedAt,
	}
}

// refundStatus is what the contract calls an operation's state.
var refundStatus = map[OperationState]string{
	OperationSending: "pending", OperationPending: "pending", OperationUnknown: "pending",
	OperationSucceeded: "succeeded", OperationFailed: "failed",
}

func refundObject(o Operation) RefundObject {
	return RefundObject{
		ID: o.ID, Object: "refund", Livemode: id.Live(o.Merchant), Payment: o.Payment, Amount: o.Amount.Minor(),
		Currency: o.Amount.Currency().Code(), Status: refundStatus[o.State], Reason: o.Reason, Failure: o.Failure,
		ProviderReference: o.Reference, Metadata: orEmpty(o.Metadata), CreatedAt: o.CreatedAt,
	}
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
