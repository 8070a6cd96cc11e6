package dispute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// Payments finds what is disputed, and notes what providers contradict. See payment.Service.
type Payments interface {
	Denied(ctx context.Context, account provider.Account, reference string) (payment.Payment, error)
	Ours(ctx context.Context, account provider.Account, theirs string) (string, error)
	Find(ctx context.Context, tenant, payment string) (payment.Payment, error)
	List(ctx context.Context, tenant string, p payment.Page, f payment.Filter) ([]payment.Object, bool, error)
	Contradict(ctx context.Context, c *db.Change, k payment.Contradiction) error
	Alarm(k *payment.Contradiction)
}

// Accounts finds a tenant's contract with a provider.
type Accounts interface {
	Get(ctx context.Context, tenant, account string) (provider.Account, error)
}

// Sealer keeps evidence from lying in the open. See seal.Box.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
	Open(ciphertext, associated []byte) ([]byte, error)
}

// Options are what a Service stands on.
type Options struct {
	DB        *db.DB
	Payments  Payments
	Accounts  Accounts
	Providers provider.Registry
	Outbox    *event.Outbox
	Breaks    payment.Breaks // may be nil: a dispute of no payment has its list and its message alone
	Sealer    Sealer
	// Keep is how long evidence stays after its dispute has ended; zero: as long as Kept says.
	Keep    time.Duration
	Clock   clock.Clock
	IDs     *id.Source
	Logger  *slog.Logger
	Metrics prometheus.Registerer // may be nil
}

// Service keeps disputes.
type Service struct {
	Options
	store   store
	changes *prometheus.CounterVec
}

// New makes a service.
func New(o Options) *Service {
	o.Keep = cmp.Or(o.Keep, Kept)
	s := &Service{Options: o, store: store{o.DB},
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "florin_dispute_changes_total",
			Help: "Disputes that were opened, and where they went, by status; unmatched are of payments that are not known, contradicted what cannot be true."}, []string{"status"}),
	}
	if o.Metrics != nil {
		o.Metrics.MustRegister(s.changes)
	}
	return s
}

// tries is how often a decision is made anew because what it was made from changed meanwhile.
const tries = 32

// apply commits what decide decides from the rows as they are, again and again while others change them. with adds to the Change.
func (s *Service) apply(ctx context.Context, decide func() (decision, error), with func(*db.Change, decision) error) (decision, error) {
	for try := 1; ; try++ {
		d, err := decide()
		if err != nil {
			return d, err
		}
		change, contradiction, err := s.change(ctx, d)
		if err != nil {
			return d, err
		}
		if err := with(change, d); err != nil {
			return d, err
		}
		if change.Len() == 0 {
			return d, nil
		}
		err = s.DB.Commit(ctx, change)
		switch {
		case err == nil:
			s.Outbox.Committed(change)
			s.Payments.Alarm(contradiction)
			s.count(d)
			return d, nil
		case !overtaken(err) || try == tries:
			return d, fmt.Errorf("commit dispute %s: %w", d.dispute.ID, err)
		}
	}
}

// overtaken tells whether a Change lost because what it was decided from has changed.
func overtaken(err error) bool {
	var lost *db.Conflict
	return fault.Is(err, fault.Stale) || errors.As(err, &lost) && (lost.Table == table.Name || lost.Table == evidenceTable.Name || lost.Table == payment.BreakTable)
}

// change turns a decision into the rows that it writes.
func (s *Service) change(ctx context.Context, d decision) (*db.Change, *payment.Contradiction, error) {
	now := s.Clock.Now()
	c := db.NewChange(d.dispute.Merchant)
	contradiction := d.contradiction()
	if contradiction != nil {
		if err := s.Payments.Contradict(ctx, c, *contradiction); err != nil {
			return nil, nil, err
		}
	}
	if err := s.opens(ctx, c, d); err != nil {
		return nil, nil, err
	}
	if !d.changed {
		return c, contradiction, nil
	}
	row, err := d.dispute.row()
	if err != nil {
		return nil, nil, err
	}
	c.Add(row)
	if d.payment != nil && len(d.events)+len(d.postings) > 0 {
		if err := d.payment.Dispute(c, d.disputed); err != nil {
			return nil, nil, err
		}
	}
	for _, p := range d.postings {
		if err := ledger.Post(c, s.IDs, p, now); err != nil {
			return nil, nil, err
		}
	}
	return c, contradiction, s.emit(ctx, c, d, now)
}

// opens adds the break of a dispute of no payment, and those of what contradicts it; it closes the first when the dispute has found its payment. What
// contradicts a dispute of a payment is noted there.
func (s *Service) opens(ctx context.Context, c *db.Change, d decision) error {
	switch {
	case s.Breaks == nil:
		return nil
	case d.payment != nil && d.found:
		return s.Breaks.Settle(ctx, c, d.dispute.ID, "The dispute has found its payment, "+d.payment.ID+".")
	case d.payment != nil:
		return nil
	}
	b := payment.Break{Kind: payment.BreakContradiction, Subject: d.dispute.ID, Account: d.dispute.Account, Detail: d.claim, Source: d.dispute.ID + " " + d.claim}
	if d.claim == "" {
		if d.dispute.Version > 0 {
			return nil
		}
		b.Kind, b.Amount, b.Source = payment.BreakUnknownDispute, d.dispute.Amount, d.dispute.ID
		b.Detail = "a dispute of a payment that is not known, reference " + words(d.dispute.Transaction)
	}
	return s.Breaks.Open(ctx, c, b)
}

// contradiction is what is to be noted at the payment.
func (d decision) contradiction() *payment.Contradiction {
	if d.claim == "" || d.payment == nil {
		return nil
	}
	return &payment.Contradiction{
		Merchant: d.dispute.Merchant, Payment: d.payment.ID, Subject: d.dispute.ID, Claim: d.claim, Attempt: d.payment.Attempts,
		Account: d.dispute.Account, Reference: d.dispute.Reference,
	}
}

// emit adds the decision's events. They are of the payment's thread, or of the dispute's own if there is no payment.
func (s *Service) emit(ctx context.Context, c *db.Change, d decision, now time.Time) error {
	object := d.dispute.object()
	if d.reminder > 0 {
		object.ReminderDays = &d.reminder
	}
	for i, t := range d.events {
		f := event.Fact{Type: t, Subject: d.dispute.ID, Thread: d.dispute.ID, Sequence: d.dispute.Version*int64(len(reminders)) + int64(i), Object: object}
		if d.payment != nil {
			f.Thread, f.Sequence = d.payment.ID, d.payment.Place(i)
		}
		if err := s.Outbox.Emit(ctx, c, f, now); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) count(d decision) {
	if d.claim != "" {
		s.changes.WithLabelValues("contradicted").Inc()
	}
	for _, t := range d.events {
		switch {
		case t == event.DisputeCreated && d.payment == nil:
			s.changes.WithLabelValues("unmatched").Inc()
		case t == event.DisputeCreated:
			s.changes.WithLabelValues("opened").Inc()
		case t == event.DisputeWon || t == event.DisputeLost:
			s.changes.WithLabelValues(string(d.dispute.Status)).Inc()
		}
	}
}

// Notify applies what a provider says of a dispute. The caller's record of the message, made by with, travels in the same Change; with may
// be called again for another one. A dispute of a payment that is not known is kept, and finds its payment when the message is replayed.
func (s *Service) Notify(ctx context.Context, account provider.Account, n provider.Notification, with func(c *db.Change, h payment.Heard) error) error {
	if n.Dispute == nil || n.Dispute.Reference == "" {
		return fmt.Errorf("message %s of %s speaks of a dispute and has none", n.EventID, account.ID)
	}
	m := *n.Dispute
	if place(m.Stage) < 0 || !known[m.Status] || m.Amount.Minor() < 1 || m.Fee.Minor() < 0 || m.Fee != (money.Money{}) && m.Fee.Currency() != m.Amount.Currency() {
		return fmt.Errorf("message %s of %s has a dispute that cannot be: %+v", n.EventID, account.ID, m)
	}
	m.Reason, m.ReasonCode = words(m.Reason), words(m.ReasonCode)
	fresh := s.IDs.New(id.Dispute)
	_, err := s.apply(ctx, func() (decision, error) {
		d, p, err := s.about(ctx, account, n, fresh)
		if err != nil {
			return decision{}, err
		}
		return hear(d, p, m, s.Clock.Now()), nil
	}, func(c *db.Change, d decision) error { return with(c, heard(d)) })
	return err
}

// heard is what became of a message.
func heard(d decision) payment.Heard {
	h := payment.Heard{Verdict: payment.Applied, Subject: d.dispute.ID}
	switch {
	case d.claim != "":
		h.Verdict, h.Detail = payment.Contradicted, d.claim
	case d.payment == nil:
		h.Verdict, h.Detail = payment.Unmatched, "reference "+words(d.dispute.Transaction)
	case !d.changed:
		h.Verdict = payment.Known
	}
	return h
}

// about reads what is known of the dispute of a message, and its payment; it is a new one with the id fresh if it was never heard of. The
// dispute is read first: whatever changes its money changes the payment in the same Change, so the payment is at least as new.
func (s *Service) about(ctx context.Context, account provider.Account, n provider.Notification, fresh string) (Dispute, *payment.Payment, error) {
	reference, err := s.transaction(ctx, account, n)
	if err != nil {
		return Dispute{}, nil, err
	}
	d, err := s.store.byReference(ctx, account.Merchant, account.ID, n.Dispute.Reference)
	if fault.Is(err, fault.NotFound) {
		d, err = Dispute{
			Merchant: account.Merchant, ID: fresh, Account: account.ID, Reference: n.Dispute.Reference, Transaction: reference,
			Money: MoneyNone, CreatedAt: s.Clock.Now(),
		}, nil
	}
	if err != nil {
		return d, nil, err
	}
	if d.Payment != "" {
		return s.beside(ctx, d)
	}
	d.Transaction = reference
	p, err := s.Payments.Denied(ctx, account, reference)
	if fault.Is(err, fault.NotFound) {
		return d, nil, nil
	}
	return d, &p, err
}

// transaction is our reference of the authorization that a message speaks of, or the provider's own if that is all it gives and none of ours
// has it.
func (s *Service) transaction(ctx context.Context, account provider.Account, n provider.Notification) (string, error) {
	if n.Attempt != "" || n.Dispute.Original == "" {
		return n.Attempt, nil
	}
	ours, err := s.Payments.Ours(ctx, account, n.Dispute.Original)
	if fault.Is(err, fault.NotFound) {
		return words(n.Dispute.Original), nil
	}
	return ours, err
}

// beside reads the payment of a dispute that was read.
func (s *Service) beside(ctx context.Context, d Dispute) (Dispute, *payment.Payment, error) {
	if d.Payment == "" {
		return d, nil, nil
	}
	p, err := s.Payments.Find(ctx, d.Merchant, d.Payment)
	return d, &p, err
}

// read reads a dispute and its payment.
func (s *Service) read(ctx context.Context, tenant, dispute string) (Dispute, *payment.Payment, error) {
	d, err := s.store.dispute(ctx, tenant, dispute)
	if err != nil {
		return d, nil, err
	}
	return s.beside(ctx, d)
}

// Get is a dispute. It fails with fault.NotFound.
func (s *Service) Get(ctx context.Context, tenant, dispute string) (Object, error) {
	d, err := s.store.dispute(ctx, tenant, dispute)
	return d.object(), err
}

// List is a page of a tenant's disputes, newest first, and whether more follow.
func (s *Service) List(ctx context.Context, tenant string, p db.Page, f Filter) ([]Object, bool, error) {
	found, more, err := s.store.list(ctx, tenant, p, f)
	objects := make([]Object, len(found))
	for i, d := range found {
		objects[i] = d.object()
	}
	return objects, more, err
}

// maxWords is how much is kept of what a provider says, in bytes.
const maxWords = 100

// words is what a provider says as it may be kept and shown.
func words(s string) string {
	if len(s) > maxWords {
		s = s[:maxWords]
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
