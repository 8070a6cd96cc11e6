package payment

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/provider"
)

// A late approval is an authorization that a provider made, or says that it made, after Florin had ended its attempt: the
// merchant was told that nothing was charged, so the payer's money goes back, whatever they paid with. What the provider only holds
// is released, and not booked: no money has moved. What it took is booked to suspense, for the provider owes it and will list it in
// its reports, and goes back as a transfer that came late does.

// reverseLate sends back what a late approval took, and asks again until that is certain.
func (s *Service) reverseLate(ctx context.Context, key []string) error {
	c, err := s.store.contradiction(ctx, key[0], key[1], key[2], key[3])
	if err != nil {
		return err
	}
	a, err := s.store.attempt(ctx, c.Merchant, c.Payment, c.Attempt)
	if err != nil {
		return err
	}
	account, err := s.Accounts.Get(ctx, c.Merchant, a.Account)
	if err != nil {
		return fmt.Errorf("provider account %s: %w", a.Account, err)
	}
	until := s.shutUntil(account, health.Inquiry)
	if off := s.withheld(ctx, a, control.Inquiry); off != nil {
		until = off.NotBefore
	}
	if !until.IsZero() {
		c.DueAt = health.Spread(a.ID, until)
		return s.DB.Commit(ctx, db.NewChange(c.Merchant, contradictionRow(c)))
	}
	c.DueAt = time.Time{}
	took := s.letGo(ctx, account, a, &c)
	if c.Remedy == RemedyReverse && c.DueAt.IsZero() {
		c.DueAt = s.Clock.Now().Add(provider.InquiryDelay(c.Tries))
		if c.Tries++; c.Tries >= provider.UnresolvedAfter {
			s.Logger.Warn("a late approval cannot be reversed", "merchant_id", c.Merchant, "payment_id", c.Payment, "attempt_id", a.ID, "tries", c.Tries)
		}
	}
	if took != nil {
		return s.bookLate(ctx, c, a, *took)
	}
	return s.remedied(ctx, c)
}

// remedied writes how far the remedy of a contradiction is, and closes its break with the end of it.
func (s *Service) remedied(ctx context.Context, c Contradiction) error {
	change := db.NewChange(c.Merchant, contradictionRow(c))
	var err error
	switch c.Remedy {
	case RemedyReversed:
		err = s.closesBreak(ctx, change, c, whyReleased)
	case RemedyBooked:
		var back bool
		if back, err = s.allBack(ctx, c.Merchant, c.Payment, c.Attempt, ""); back { // before it was known that it was late
			err = s.closesBreak(ctx, change, c, whyReturned)
		}
	}
	if err == nil {
		err = s.DB.Commit(ctx, change)
	}
	if err == nil {
		s.Outbox.Committed(change)
	}
	return err
}

// letGo asks what the provider has now, and decides what becomes of the late approval: a hold is voided at once, and it is over then or asked
// about again; taken money, which is given back as well, is booked first. That there is nothing is believed as it is of an attempt: when it was
// said twice after the settle delay, and a reversal finds nothing either. DueAt is set if people hold the reversal back, or its health does.
func (s *Service) letGo(ctx context.Context, account provider.Account, a Attempt, c *Contradiction) (took *provider.Outcome) {
	finding := s.inquire(ctx, account, a, provider.Inquiry{
		Operation: provider.OpAuthorize, Reference: a.ourReference(), Original: c.Reference, Attempt: a.ourReference(),
	})
	if len(finding.Transfers) > 0 { // each of them is booked by itself
		finding = s.hearTransfers(ctx, account, a, finding)
		if finding.Outcome.Class != provider.Unknown {
			c.Remedy = RemedyBooked
			return nil
		}
	}
	now, original := finding.Outcome, finding.Outcome.Reference
	switch {
	case now.Class == provider.Unknown:
		return nil
	case !finding.Found:
		if original = c.Reference; !c.gone(s.Clock.Now(), s.capabilities(account).SettleDelay) {
			return nil
		}
	case now.Class == provider.Declined, now.State == provider.Voided:
		c.Remedy = RemedyReversed
		return nil
	case now.Class == provider.Approved && now.State == provider.Captured:
		c.Remedy = RemedyBooked
		return &now
	case now.Class != provider.Approved:
		return nil
	}
	out := s.reversal(ctx, account, a, provider.Void{Reference: lateVoid(a, c.Tries), Original: original})
	switch {
	case out.State == provider.Voided, !finding.Found && out.Class == provider.Declined && out.State == provider.Missing:
		c.Remedy = RemedyReversed
	case !out.NotBefore.IsZero():
		c.DueAt = health.Spread(a.ID, out.NotBefore)
	}
	return nil
}

// gone counts a provider's word that it has no such transaction, and tells whether that is believed. A provider may tell of an approval before
// its inquiries find it.
func (c *Contradiction) gone(now time.Time, settles time.Duration) bool {
	if now.Sub(c.LastAt) >= settles {
		c.NotFound++
	}
	return c.NotFound >= provider.NotFoundTwice
}

// bookLate books what a provider took after its attempt had ended. Our reference of the attempt stands for the transfer's: it is one,
// whatever is heard of it and however often.
func (s *Service) bookLate(ctx context.Context, c Contradiction, a Attempt, took provider.Outcome) error {
	if took.Amount.Minor() <= 0 {
		took.Amount = a.Amount
	}
	now := s.Clock.Now()
	in := Transfer{
		Merchant: a.Merchant, ID: s.IDs.New(id.Transfer), Account: a.Account, Reference: a.ourReference(), Original: took.Reference, Payment: a.Payment,
		Attempt: a.Number, Amount: took.Amount, Surplus: took.Amount, Reason: TransferLate, State: TransferHeld, DueAt: now, CreatedAt: now, MovedAt: now,
	}
	change := db.NewChange(c.Merchant, contradictionRow(c), transferRow(in))
	if err := ledger.Post(change, s.IDs, in.posting(ledger.SuspenseReceived), now); err != nil {
		return err
	}
	err := s.DB.Commit(ctx, change)
	if heardBefore(err) { // another message about it
		return s.remedied(ctx, c)
	}
	if err == nil {
		s.metrics.suspended(in)
	}
	return err
}

// reversal voids an authorization, or closes what a payer was to pay by another method. Nobody asked for it, and people who have switched
// voids off expect none: it waits like one that somebody asked for.
func (s *Service) reversal(ctx context.Context, account provider.Account, a Attempt, v provider.Void) provider.Outcome {
	v.Attempt = a.ourReference()
	capturer, err := provider.Lookup[provider.Capturer](s.Providers, account.Provider)
	do := func(ctx context.Context) provider.Outcome { return capturer.Void(ctx, account, v) }
	if a.Token == "" { // no card
		var closer provider.Closer
		closer, err = provider.Lookup[provider.Closer](s.Providers, account.Provider)
		do = func(ctx context.Context) provider.Outcome { return closer.Close(ctx, account, v) }
	}
	if err != nil {
		return provider.Doubt(err.Error())
	}
	if off := s.withheld(ctx, a, control.Void); off != nil {
		return *off
	}
	return s.call(ctx, account, health.Void, do)
}

// What follows an attempt's own reference in those of its reversals. A reversal that was refused is tried under a new
// reference, or a provider that remembers references would repeat its refusal for ever.
const (
	reversed = "-r"
	late     = "-late-"
)

func ownReversal(a Attempt) string {
	return a.ourReference() + reversed + strconv.FormatInt(a.NotFound, 10)
}

func lateVoid(a Attempt, try int64) string {
	return a.ourReference() + late + strconv.FormatInt(try, 10)
}

// isReversal tells whether a reference is of a reversal of an attempt: ours, and without a row of its own.
func isReversal(reference, attempt string) bool {
	rest, ok := strings.CutPrefix(reference, attempt)
	_, _, ours := parseAttemptReference(attempt)
	return ok && ours && (strings.HasPrefix(rest, reversed) || strings.HasPrefix(rest, late))
}
