package payment

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
)

// related is the rows that belong to a payment.
type related struct {
	attempts       []Attempt
	operations     []Operation
	contradictions []Contradiction
	transfers      []Transfer
	clearings      []Clearing
}

// Get is a payment with what expand names: attempts, refunds, timeline. It fails with fault.NotFound.
func (s *Service) Get(ctx context.Context, tenant, payment string, expand []string) (Object, error) {
	p, err := s.store.payment(ctx, tenant, payment)
	if err != nil {
		return Object{}, err
	}
	var rows related
	if p.Status == Authorized || len(expand) > 0 {
		if rows, err = s.related(ctx, p, expand); err != nil {
			return Object{}, err
		}
		if p, err = s.store.payment(ctx, tenant, payment); err != nil { // again: it is at least as new as they are
			return Object{}, err
		}
	}
	s.read(p)
	object := s.answered(p)
	object.underWay(rows.operations...)
	for _, what := range expand {
		if expander, ok := expanders[what]; ok {
			expander(&object, p, rows)
		}
	}
	return object, nil
}

// related reads what an expansion shows. Operations are read for any: an authorized payment shows what is being captured.
func (s *Service) related(ctx context.Context, p Payment, expand []string) (rows related, err error) {
	if rows.operations, err = s.store.operations(ctx, p.Merchant, p.ID); err != nil {
		return rows, err
	}
	timeline := slices.Contains(expand, "timeline")
	if timeline || slices.Contains(expand, "attempts") {
		if rows.attempts, err = s.store.attempts(ctx, p.Merchant, p.ID); err != nil {
			return rows, err
		}
	}
	if timeline {
		if rows.transfers, err = s.store.transfers(ctx, p.Merchant, p.ID); err != nil {
			return rows, err
		}
		if rows.clearings, err = s.store.clearings(ctx, p.Merchant, p.ID); err != nil {
			return rows, err
		}
		rows.contradictions, err = s.store.contradictions(ctx, p.Merchant, p.ID)
	}
	return rows, err
}

// expanders put rows that belong to a payment into its object.
var expanders = map[string]func(*Object, Payment, related){
	"attempts": func(o *Object, _ Payment, rows related) {
		o.Attempts = []AttemptObject{}
		for _, a := range rows.attempts {
			o.Attempts = append(o.Attempts, attemptObject(a))
		}
	},
	"refunds": func(o *Object, _ Payment, rows related) {
		o.Refunds = []RefundObject{}
		for _, op := range rows.operations {
			if op.Kind == KindRefund {
				o.Refunds = append(o.Refunds, refundObject(op))
			}
		}
	},
	"timeline": func(o *Object, p Payment, rows related) { o.Timeline = timeline(p, rows) },
}

// timeline is what was done about a payment, oldest first: when each try and each operation was begun, and when it came to
// where it stands. What a provider said that cannot be true stands in it as well, with what is done about it.
func timeline(p Payment, rows related) []TimelineEntry {
	entries := []TimelineEntry{{At: p.CreatedAt, Event: "payment.created", Detail: p.Amount.String()}}
	entries = append(entries, triesTold(p, rows)...)
	for _, op := range rows.operations {
		entries = append(entries, op.asAsked(rows.clearings).told()...)
	}
	for _, t := range rows.transfers {
		entries = append(entries, TimelineEntry{At: t.CreatedAt, Event: "transfer.received", Detail: t.Amount.String() + " at " + t.Account})
		if t.Reason != TransferFits {
			entries = append(entries, TimelineEntry{At: t.MovedAt, Event: "transfer." + string(t.State), Detail: t.told()})
		}
	}
	for _, c := range rows.clearings {
		entries = append(entries, TimelineEntry{At: c.At, Event: string(event.PaymentAdjusted), Detail: c.Subject + ": captured " + c.Captured.String() + ", cleared at " + c.Cleared.String()})
	}
	for _, c := range rows.contradictions {
		entries = append(entries, TimelineEntry{At: c.FirstAt, Event: contradictionEvents[c.Remedy], Detail: c.Subject + ": " + c.Claim})
	}
	slices.SortStableFunc(entries, func(a, b TimelineEntry) int { return a.At.Compare(b.At) })
	return entries
}

var contradictionEvents = map[Remedy]string{
	RemedyNone: "contradiction", RemedyReverse: "late_approval.reversing", RemedyReversed: "late_approval.reversed",
	RemedyBooked: "late_approval.booked",
}

// List is a page of a tenant's payments, newest first.
func (s *Service) List(ctx context.Context, tenant string, p Page, f Filter) ([]Object, bool, error) {
	payments, more, err := s.store.payments(ctx, tenant, p, f)
	if err != nil {
		return nil, false, err
	}
	objects := make([]Object, len(payments))
	at := map[string]*Object{}
	var held []string
	for i, p := range payments {
		objects[i] = s.object(p)
		if p.Status == Authorized {
			held, at[p.ID] = append(held, p.ID), &objects[i]
		}
	}
	if len(held) == 0 {
		return objects, more, nil
	}
	open, err := s.store.openOf(ctx, tenant, held)
	for _, op := range open {
		at[op.Payment].underWay(op)
	}
	return objects, more, err
}

// GetRefund is a refund; fault.NotFound if there is none.
func (s *Service) GetRefund(ctx context.Context, tenant, refund string) (RefundObject, error) {
	o, err := s.store.operation(ctx, tenant, refund)
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
		AmountRefunded: p.Refunded.Minor() + p.Refunding.Minor(), AmountDisputed: p.Disputed.Minor(), AmountWithdrawn: p.Withdrawn.Minor(),
		Capture: p.Capture, CaptureBefore: pointer(p.CaptureBefore), ExpiresAt: pointer(p.ExpiresAt), RefundableUntil: pointer(p.RefundableUntil),
		StatementDescriptor: p.StatementDescriptor, Description: p.Description, CancellationReason: p.CancellationReason,
		Failure: p.Failure, Provider: p.Account, ProviderReference: p.Reference, NetworkReference: p.NetworkReference,
		Metadata: orEmpty(p.Metadata), CreatedAt: p.CreatedAt,
	}
	if p.Method.known() {
		o.PaymentMethod = methodObject(p.Method)
	}
	if left, err := p.refundable(); err == nil {
		o.AmountRefundable = left.Minor()
	}
	o.Customer, o.Order, o.ReturnURL = nullable(p.Customer), nullable(p.Order), nullable(p.ReturnURL)
	if p.Asked.Setup {
		o.SetupFutureUsage = "off_session"
	}
	if p.Proof != nil {
		o.ThreeDS = threeDSObject(p.Proof.ThreeDS, p.Proof.Exemption)
	}
	if l := p.Later; l != nil {
		o.QueueUntil = pointer(l.QueueUntil)
		if p.waits() {
			o.NextRetryAt = pointer(l.At)
		}
		if l.Smart != nil {
			o.Retry = &RetryObject{"smart", l.Smart.Until, l.Smart.MaxTries, l.Smart.Declined}
		}
	}
	if p.Action != nil {
		o.NextAction = s.nextAction(p)
	}
	return o
}

func threeDSObject(d provider.ThreeDS, exemption string) *ThreeDSObject {
	o := &ThreeDSObject{
		Version: d.Version, Status: d.Status, StatusReason: d.StatusReason, ECI: d.ECI, CAVV: d.CAVV, DSTransID: d.DSTransID,
		Flow: d.Flow, LiabilityShift: liabilityShift(d, exemption),
	}
	if exemption != "" {
		o.Exemption = &exemption
	}
	return o
}

// answered is a payment as its merchant is answered: with the client secret, and the page on which it can be paid, while its
// payer may still act upon it. Events never carry either.
func (s *Service) answered(p Payment) Object {
	object := s.object(p)
	if p.Status == RequiresPaymentMethod || p.Status == RequiresAction {
		object.ClientSecret = s.clientSecret(p, p.Attempts)
		if s.PublicURL != "" {
			object.CheckoutURL = s.PublicURL + "/pay/" + url.PathEscape(p.Merchant) + "/" + p.ID + "?client_secret=" + url.QueryEscape(object.ClientSecret)
		}
	}
	return object
}

// showing is the payment as it is after an operation's outcome was recorded.
func (s *Service) showing(d decision) Object {
	object := s.answered(d.payment)
	object.underWay(*d.operation)
	return object
}

// underWay shows what open captures may yet take, and an open cancellation may yet release.
func (o *Object) underWay(operations ...Operation) {
	for _, op := range operations {
		switch {
		case !op.open():
		case op.Kind == KindCapture:
			o.AmountCapturing += op.Amount.Minor()
		case op.Purpose == PurposeCancel:
			o.AmountCanceling += op.Amount.Minor()
		}
	}
}

func attemptObject(a Attempt) AttemptObject {
	o := AttemptObject{
		ID: a.ID, Object: "attempt", Number: a.Number, Status: a.State, Provider: a.Account, Amount: a.Amount.Minor(),
		Currency: a.Amount.Currency().Code(), Reference: a.ourReference(), ProviderReference: a.Reference, NetworkReference: a.NetworkReference,
		Descriptor: a.Descriptor, Failure: a.Failure, CreatedAt: a.CreatedAt,
	}
	if d := a.proof(); d != nil {
		o.ThreeDS = threeDSObject(*d, a.Secure.Exemption)
	}
	if a.Route != nil {
		o.Routing = &RoutingObject{Decision: a.Route.Decision, Place: a.Route.Place}
	}
	return o
}

// refundStatus is what the contract calls an operation's state.
var refundStatus = map[OperationState]string{
	OperationHeld: "held", OperationQueued: "pending", OperationSending: "pending", OperationPending: "pending", OperationUnknown: "pending",
	OperationSucceeded: "succeeded", OperationFailed: "failed",
}

func refundObject(o Operation) RefundObject {
	r := RefundObject{
		ID: o.ID, Object: "refund", Livemode: id.Live(o.Merchant), Payment: o.Payment, Amount: o.Amount.Minor(),
		Currency: o.Amount.Currency().Code(), Status: refundStatus[o.State], Reason: o.Reason, Failure: o.Failure,
		ProviderReference: o.Reference, Payout: o.Payout, RequestedBy: o.RequestedBy, ApprovedBy: control.Approvers(o.ApprovedBy), Metadata: orEmpty(o.Metadata), CreatedAt: o.CreatedAt,
	}
	if o.State == OperationQueued {
		r.QueueUntil = pointer(o.Deadline)
	}
	return r
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// nullable is a text of its own: a pointer into a payment would keep all of the payment on the heap.
func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
