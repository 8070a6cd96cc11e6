package inbound

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// next is a receiver of another process over the same database.
func (x *inbox) next() *inbox {
	return newInbox(x.T, x.DB, x.now, &scripted{db: x.DB, verdict: payment.Applied})
}

func TestWhatCouldNotBeAppliedIsAppliedByTheNextProcess(t *testing.T) {
	for name, body := range map[string]string{"a message": "evt-1", "an empty one": "", "one that trips its reader": "trip"} {
		t.Run(name, func(t *testing.T) {
			eachInbox(t, func(x *inbox) {
				x.script.fails.Store(1)
				x.hear(body)
				if m := x.only(); m.Verdict != Waiting || m.Detail != waits || m.Tries != 1 || !m.DueAt.Equal(x.now.Now().Add(time.Second)) || !m.AppliedAt.IsZero() {
					x.Errorf("kept %+v", m)
				}
				x.hear(body) // the provider sends it again: it still waits
				then := x.next()
				then.work()
				if m := x.only(); m.Verdict != Waiting || m.Duplicates != 1 || x.script.applied.Load()+then.script.applied.Load() != 0 {
					x.Errorf("before its time: %+v", m)
				}
				x.counted("waiting", 1)
				x.now.Advance(time.Second)
				if body == "trip" {
					then.work() // it trips again: what waits is not lost by that, and is read by the next version
					x.now.Advance(time.Minute)
					then.Providers = wiser()
				}
				then.work()
				then.work()
				m := x.only()
				if m.Verdict != payment.Applied || m.Detail != "test" || !m.DueAt.IsZero() || !m.AppliedAt.Equal(x.now.Now()) || string(m.Body) != body || then.script.applied.Load() != 1 {
					x.Errorf("applied %d times: %+v", then.script.applied.Load(), m)
				}
			})
		})
	}
}

func TestAMistakeOfOursLosesNoMessage(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.script.trips.Store(true)
		x.hear("evt-1")
		if m := x.only(); m.Verdict != Waiting {
			x.Errorf("kept %+v", m)
		}
		if !strings.Contains(x.log.String(), "a mistake") {
			x.Errorf("operators read %q", x.log)
		}
		if strings.Contains(x.only().Detail, "mistake") {
			x.Error("merchants read of it")
		}
		x.script.trips.Store(false)
		x.now.Advance(time.Second)
		x.work()
		if m := x.only(); m.Verdict != payment.Applied {
			x.Errorf("then %+v", m)
		}
	})
}

func TestAMessageOfABusyPaymentIsNoWarningUnlessItKeepsWaiting(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.script.failure = fmt.Errorf("commit: %w", fault.New(fault.Stale, fault.CodeOverloaded, "others are at it"))
		x.script.fails.Store(1000)
		x.hear("evt-1")
		for range 5 {
			m := x.only()
			if m.Verdict != Waiting {
				x.Fatalf("it is %+v", m)
			}
			if m.Tries < stuckAfter && x.log.Len() > 0 {
				x.Fatalf("after %d tries operators are told %q", m.Tries, x.log)
			}
			x.now.Advance(m.DueAt.Sub(x.now.Now()))
			x.work()
		}
		if !strings.Contains(x.log.String(), "level=ERROR") {
			x.Errorf("it keeps waiting, and operators are told %q", x.log)
		}
	})
}

func TestAMessageThatCannotBeAppliedIsAWarning(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.script.fails.Store(1000)
		x.hear("evt-1")
		if !strings.Contains(x.log.String(), "level=WARN") || !strings.Contains(x.log.String(), errAway.Error()) {
			x.Errorf("operators are told %q", x.log)
		}
	})
}

func TestWhatWaitsIsTriedEverLessOftenAndNotGivenUp(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.script.fails.Store(1000)
		x.hear("evt-1")
		var pauses []time.Duration
		for range 40 {
			m := x.only()
			pauses = append(pauses, m.DueAt.Sub(x.now.Now()))
			if stuck := m.Tries >= stuckAfter; stuck != strings.Contains(x.log.String(), "level=ERROR") || x.number("florin_inbound_webhooks_waiting", map[bool]string{true: "stuck", false: "waiting"}[stuck]) != 1 {
				x.Fatalf("after %d tries operators are told %q", m.Tries, x.log)
			}
			x.now.Advance(m.DueAt.Sub(x.now.Now()) - time.Microsecond)
			x.work()
			if again := x.only(); again.Tries != m.Tries {
				x.Fatalf("tried before its time, after %d tries", m.Tries)
			}
			x.now.Advance(time.Microsecond)
			x.work()
		}
		if !slices.IsSorted(pauses) || pauses[0] != time.Second || pauses[len(pauses)-1] != time.Hour {
			x.Errorf("pauses %v", pauses)
		}
		x.script.fails.Store(0)
		x.now.Advance(time.Hour)
		x.work()
		if m := x.only(); m.Verdict != payment.Applied || m.Tries != 41 {
			x.Errorf("in the end %+v", m)
		}
	})
}

// hung is a script that applies nothing before its hold is closed.
func hung(x *inbox) { x.script.hold, x.script.held = make(chan struct{}), make(chan struct{}, 100) }

func TestWhatTakesTooLongIsAnsweredAndAppliedLater(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		hung(x)
		var took []time.Duration
		for _, body := range []string{"1", "2", "3", "4", "5", "6", "7"} {
			start := clock.Stopwatch()
			x.hear(body) // returns while nothing can be applied
			took = append(took, clock.Since(start))
			<-x.script.held
		}
		if quickest := slices.Min(took); quickest > applyTime/3 { // all of that, if its sender had to wait until it was given up
			x.Errorf("answered after %v", took)
		}
		for _, m := range x.all() {
			if m.Verdict != Waiting {
				x.Errorf("kept %+v", m)
			}
		}
		close(x.script.hold)
		x.Close()
		if n := x.script.applied.Load(); n != 0 {
			x.Errorf("%d were applied beside their records", n)
		}
		x.script.hold = nil
		x.now.Advance(time.Second)
		x.work()
		for _, m := range x.all() {
			if m.Verdict != payment.Applied || m.Duplicates != 0 {
				x.Errorf("then %+v", m)
			}
		}
		if all, n := x.all(), x.script.applied.Load(); len(all) != 7 || n != 7 {
			x.Errorf("%d records, applied %d times", len(all), n)
		}
	}, func(o *ReceiverOptions) { o.Patience = DefaultPatience })
}

// Where a commit takes a part of the time. Where the machine does other things too, it is a few commits, which take as long there.
func TestAMessageIsAnsweredWithin50Milliseconds(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		var took, commits []time.Duration
		for i := range 41 {
			start := clock.Stopwatch()
			x.hear(strings.Repeat("x", i+1))
			took = append(took, clock.Since(start))
			start = clock.Stopwatch()
			m := record(provider.Account{Merchant: shop, ID: "beside"}, provider.Notification{}, []byte(strings.Repeat("y", i+1)), nil, x.now.Now())
			m.ID = x.IDs.New(id.InboundWebhook)
			if err := x.DB.Commit(x.Context(), db.NewChange(shop, m.heard(payment.Heard{Verdict: payment.Applied}, m.CreatedAt).row())); err != nil {
				x.Fatal(err)
			}
			commits = append(commits, clock.Since(start))
		}
		slices.Sort(took)
		slices.Sort(commits)
		median, commit := took[len(took)/2], commits[len(commits)/2]
		if median > 50*time.Millisecond && median > 10*commit {
			x.Errorf("half of them took longer than %s, the longest %s; half of the commits took longer than %s", median, took[len(took)-1], commit)
		}
	}, func(o *ReceiverOptions) { o.Patience = DefaultPatience })
}

// Whichever comes first, the record alone or what was applied, is the message's only record.
func TestALateApplyDoesNotCountTwice(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		hung(x)
		x.Patience = time.Millisecond
		x.hear("evt-1")
		x.hear("evt-1") // a copy, while the first is still being applied
		close(x.script.hold)
		x.Close()
		x.script.hold = nil
		if m := x.only(); m.Verdict != Waiting || x.script.applied.Load() != 0 {
			x.Errorf("kept %+v, applied %d times", m, x.script.applied.Load())
		}
		for range 3 {
			x.now.Advance(time.Minute)
			x.work()
		}
		if m := x.only(); m.Verdict != payment.Applied || x.script.applied.Load() != 1 {
			x.Errorf("then %+v, applied %d times", m, x.script.applied.Load())
		}
	})
}

func TestWhatIsNotRecordedIsNotAnsweredAsTaken(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		if err := x.DB.Close(); err != nil {
			x.Fatal(err)
		}
		if err := x.Receive(x.Context(), letter(signed, "evt-1")); !fault.Is(err, fault.Unavailable) {
			x.Errorf("without a database: %v", err)
		}
		x.script.fails.Store(1)
		if err := x.Receive(x.Context(), letter(signed, "evt-2")); err == nil || !strings.Contains(err.Error(), errAway.Error()) {
			x.Errorf("what could not be applied nor recorded: %v", err)
		}
		families, err := x.numbers.Gather()
		if err == nil {
			x.Errorf("what waits could be counted: %v", families)
		}
	})
}

func TestTooManyMessagesUnderWayAreToldToComeAgain(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		hung(x)
		var first sync.WaitGroup
		for _, body := range []string{"evt-1", "evt-2"} {
			first.Go(func() { x.hear(body) })
			<-x.script.held
		}
		err := x.Receive(x.Context(), letter(signed, "evt-3"))
		if !fault.Is(err, fault.Unavailable) || err.(*fault.Error).RetryAfter <= 0 { //nolint:errorlint // it comes bare
			x.Errorf("the third: %v", err)
		}
		x.counted(overloaded, 1)
		if err := x.Receive(x.Context(), letter(forged, "evt-3")); !fault.Is(err, fault.Unauthorized) {
			x.Errorf("a forged one: %v", err)
		}
		close(x.script.hold)
		first.Wait()
		x.script.hold = nil
		x.hear("evt-3")
		if all := x.all(); len(all) != 3 {
			x.Errorf("%d records", len(all))
		}
	}, func(o *ReceiverOptions) { o.UnderWay = 2 })
}

// A payment service that hangs fills up; what comes then is recorded at once.
func TestWhatCannotBeAppliedForWantOfRoomIsKept(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		hung(x)
		var first sync.WaitGroup
		first.Go(func() { x.hear("evt-1") })
		<-x.script.held
		x.hear("evt-2")
		if m := x.only(); m.Event != "evt-2" || m.Verdict != Waiting {
			x.Errorf("kept %+v", m)
		}
		close(x.script.hold)
		first.Wait()
		x.script.hold = nil
		x.now.Advance(time.Second)
		x.work()
		for _, m := range x.all() {
			if m.Verdict != payment.Applied {
				x.Errorf("then %+v", m)
			}
		}
	}, func(o *ReceiverOptions) { o.Applying = 1 })
}

func TestAHangingAccountLeavesTheWorkerToOthers(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		for _, s := range x.Sweeps() {
			if s.Group != "provider_account" || s.Share <= 0 || s.Share >= s.Limit {
				x.Errorf("%s gives all its %d hands to one account: %d", s.Name, s.Limit, s.Share)
			}
		}
		now := x.now.Now()
		var rows []db.Row
		for _, account := range slices.Concat(slices.Repeat([]string{"alpha"}, 40), []string{"beta"}) {
			rows = append(rows, Webhook{
				Merchant: shop, ID: x.IDs.New("iw"), Account: account, Event: x.IDs.New("evt"), Verdict: Waiting, Body: []byte("x"), DueAt: now, CreatedAt: now,
			}.row())
		}
		if err := x.DB.Commit(x.Context(), db.NewChange(shop, rows...)); err != nil {
			x.Fatal(err)
		}
		x.work() // alpha's as many as it may at once
		if n := x.script.applied.Load(); n != 8 {
			x.Errorf("%d of alpha's were applied at once", n)
		}
	})
}
