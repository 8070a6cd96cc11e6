package payment

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/provider"
)

// hearTransfer hears of money that came in on a code. Money that names no payment of ours is booked all the same: it is there.
func (s *Service) hearTransfer(ctx context.Context, account provider.Account, n provider.Notification) (message, error) {
	if n.Transfer.Amount.Minor() <= 0 || n.Transfer.Reference == "" {
		return verdict(Unsupported, "a transfer of nothing"), nil
	}
	payment, number, ok := parseAttemptReference(n.Attempt)
	in := Transfer{Merchant: account.Merchant, Account: account.ID, Reference: n.Transfer.Reference, Amount: n.Transfer.Amount, Payer: n.Transfer.Payer}
	read := func() (Payment, Attempt, error) {
		return s.reload(ctx, Payment{Merchant: account.Merchant, ID: payment}, Attempt{Number: number})
	}
	if ok {
		_, a, err := read()
		if err != nil && !fault.Is(err, fault.NotFound) {
			return message{}, err
		}
		ok = err == nil && a.Account == account.ID
	}
	if !ok {
		return message{
			Heard: Heard{Verdict: Unmatched, Detail: "transfer " + in.Reference + ", reference " + n.Attempt},
			also:  func(c *db.Change) error { return s.stray(c, in) },
		}, nil
	}
	in.Payment, in.Attempt = payment, number
	return message{Heard: Heard{Subject: payment}, decide: func() (decision, error) {
		p, a, err := read()
		if err != nil {
			return decision{}, err
		}
		return s.receive(ctx, account, p, a, in)
	}}, nil
}

// hearTransfers hears of what came in on a code by an inquiry, as if each had been told by webhook: the webhook may be lost. Until all
// of it is booked nothing else is believed, and what is over is in suspense then, no part of the payment's amount.
func (s *Service) hearTransfers(ctx context.Context, account provider.Account, a Attempt, f provider.Finding) provider.Finding {
	var sum int64
	for _, one := range f.Transfers {
		told := provider.Notification{Operation: provider.OpTransfer, Attempt: a.ourReference(), Transfer: one}
		if err := s.Notify(ctx, account, told, func(*db.Change, Heard) error { return nil }); err != nil {
			return provider.Unanswered(provider.Doubt(err.Error()))
		}
		if one.Amount.Currency() == a.Amount.Currency() {
			sum += one.Amount.Minor()
		}
	}
	if f.Outcome.State == provider.Captured && sum >= a.Amount.Minor() {
		f.Outcome.Amount = a.Amount
	}
	return f
}

// receive decides a transfer with the facts that stand beside its attempt's rows.
func (s *Service) receive(ctx context.Context, account provider.Account, p Payment, a Attempt, in Transfer) (decision, error) {
	t, err := s.terms(ctx, p.Merchant, account)
	if err != nil {
		return decision{}, err
	}
	known, err := s.transfersOf(ctx, a)
	if err != nil {
		return decision{}, err
	}
	in.ID, in.CreatedAt = s.IDs.New(id.Transfer), t.now
	return receive(p, a, in, known, t)
}

// transfersOf is what came in on an attempt's code.
func (s *Service) transfersOf(ctx context.Context, a Attempt) ([]Transfer, error) {
	all, err := s.store.transfers(ctx, a.Merchant, a.Payment)
	return slices.DeleteFunc(all, func(t Transfer) bool { return t.Attempt != a.Number }), err
}

// stray books a transfer that belongs to nothing of ours: it stays in suspense until a person knows whose it is.
func (s *Service) stray(c *db.Change, in Transfer) error {
	now := s.Clock.Now()
	in.ID, in.CreatedAt, in.MovedAt = s.IDs.New(id.Transfer), now, now
	in.Surplus, in.Reason, in.State = in.Amount, TransferUnknown, TransferHeld
	c.Add(transferRow(in))
	s.Logger.Warn("money came in that names no payment", "merchant_id", in.Merchant, "provider_account", in.Account, "transfer_id", in.ID)
	return ledger.Post(c, s.IDs, in.posting(ledger.SuspenseReceived), now)
}

// heardBefore tells whether a Change lost because its transfer was heard of before, by a message with another id.
func heardBefore(err error) bool {
	var lost *db.Conflict
	return errors.As(err, &lost) && lost.Kind == fault.Exists && lost.Table == transferTable.Name
}

// returnTransfer sends what lies in suspense back to whoever it came from, and asks again until that is certain.
func (s *Service) returnTransfer(ctx context.Context, key []string) error {
	t, err := s.store.transfer(ctx, key[0], key[1])
	if err != nil {
		return err
	}
	a, err := s.store.attempt(ctx, t.Merchant, t.Payment, t.Attempt)
	if err != nil {
		return err
	}
	if t.State == TransferHeld {
		if t, err = s.leaveSuspense(ctx, t, a); err != nil || t.State != TransferReturning {
			return err
		}
	}
	account, err := s.Accounts.Get(ctx, t.Merchant, t.Account)
	if err != nil {
		return err
	}
	return s.recordReturn(ctx, t, s.giveBack(ctx, account, t, a))
}

// leaveSuspense writes that a transfer goes back, unless the payment may still need it: the intent, before the provider is asked.
func (s *Service) leaveSuspense(ctx context.Context, t Transfer, a Attempt) (Transfer, error) {
	now := s.Clock.Now()
	if t.Reason == TransferPart && !holdsNothing[a.State] {
		t.DueAt = now.Add(partSlack) // the attempt ends when its own time comes
	} else {
		t.State, t.MovedAt, t.DueAt = TransferReturning, now, now.Add(provider.InquiryDelay(0))
	}
	err := s.DB.Commit(ctx, db.NewChange(t.Merchant, transferRow(t)))
	t.Version++
	return t, err
}

// maxReturns bounds how often a provider may take a return and then fail it, before it is a person's business alone.
const maxReturns = 20

// giveBack asks what became of a transfer's return, and asks for it if it was never asked for, or every time so far was refused. A
// provider would repeat its refusal of a reference for ever; only a refusal makes room for another, so that no two can succeed.
func (s *Service) giveBack(ctx context.Context, account provider.Account, t Transfer, a Attempt) provider.Outcome {
	refunder, err := provider.Lookup[provider.Refunder](s.Providers, account.Provider)
	if err != nil {
		return provider.Doubt(err.Error())
	}
	r := provider.Refund{
		Reference: t.ID, Original: a.Reference, Attempt: a.ourReference(), Transfer: t.Reference, Amount: t.Surplus, Reason: string(t.Reason),
	}
	if t.Reference == r.Attempt { // all of it came in one piece
		r.Original, r.Transfer = cmp.Or(t.Original, a.Reference), ""
	}
	for n := 1; t.Tries > 0; n++ {
		found := s.inquire(ctx, account, a, provider.Inquiry{Operation: provider.OpRefund, Reference: r.Reference, Original: r.Original, Attempt: r.Attempt})
		if found.Outcome.Class == provider.Unknown || found.Found && (found.Outcome.Class != provider.Declined || n > maxReturns) {
			return found.Outcome
		}
		if !found.Found {
			break
		}
		r.Reference = t.ID + "-" + strconv.Itoa(n)
	}
	if off := s.withheld(ctx, a, control.Refund); off != nil {
		return *off
	}
	return s.call(ctx, account, health.Refund, func(ctx context.Context) provider.Outcome { return refunder.Refund(ctx, account, r) })
}

// retryReturn is how long after a refused return it is tried again.
const retryReturn = time.Hour

// recordReturn writes down what became of a return.
func (s *Service) recordReturn(ctx context.Context, t Transfer, o provider.Outcome) error {
	now := s.Clock.Now()
	c := db.NewChange(t.Merchant)
	t.Detail, t.DueAt = o.Detail, now.Add(provider.InquiryDelay(t.Tries))
	t.Tries++
	switch {
	case !o.NotBefore.IsZero():
		t.DueAt = health.Spread(t.ID, o.NotBefore)
		t.Tries-- // it was none
	case o.Class == provider.Approved && o.State == provider.Succeeded:
		if err := ledger.Post(c, s.IDs, t.posting(ledger.SuspenseReturned), now); err != nil {
			return err
		}
		t.State, t.MovedAt, t.DueAt = TransferReturned, now, time.Time{}
		if err := s.givenBack(ctx, c, t); err != nil {
			return err
		}
	case o.Class == provider.Declined:
		t.DueAt = now.Add(retryReturn)
	}
	if t.State == TransferReturning && t.Tries >= provider.UnresolvedAfter {
		s.Logger.Warn("a transfer cannot be returned", "merchant_id", t.Merchant, "payment_id", t.Payment, "transfer_id", t.ID, "tries", t.Tries, "detail", o.Detail)
	}
	c.Add(transferRow(t))
	err := s.DB.Commit(context.WithoutCancel(ctx), c)
	if err == nil {
		s.Outbox.Committed(c)
	}
	return err
}
