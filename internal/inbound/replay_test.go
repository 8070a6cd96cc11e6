package inbound

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// understander is the talker's next version: it understands what the talker mumbles, and does not trip.
type understander struct{ talker }

func (understander) ReadWebhook(a provider.Account, body []byte) (provider.Notification, error) {
	if text := string(body); strings.HasPrefix(text, "mumble") || text == "trip" {
		return provider.Notification{EventID: text, Type: "test"}, nil
	}
	return talker{}.ReadWebhook(a, body)
}

func wiser() provider.Registry { return provider.Registry{"talker": understander{}} }

func TestWhatMatchedNothingIsMatchedByAReplay(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.script.verdict = payment.Unmatched
		x.hear("evt-1")
		x.script.verdict, x.script.subject = payment.Applied, "pay_1"
		x.now.Advance(time.Minute)
		told, err := x.replay(x.only().ID)
		m := x.only()
		if err != nil || m.Verdict != payment.Applied || m.Subject != "pay_1" || !m.AppliedAt.Equal(x.now.Now()) || m.Duplicates != 0 {
			x.Errorf("recorded %+v, %v", m, err)
		}
		if told.ID != m.ID || told.Verdict != m.Verdict || told.Subject != m.Subject || !told.AppliedAt.Equal(m.AppliedAt) || string(told.Body) != "evt-1" {
			x.Errorf("told %+v", told)
		}
	})
}

func TestWhatWasAppliedStaysAppliedWhenItIsReplayed(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.hear("evt-1")
		before := x.only()
		x.now.Advance(time.Minute)
		x.script.verdict = payment.Known
		if _, err := x.replay(before.ID); err != nil {
			x.Error(err)
		}
		if m := x.only(); m.Verdict != payment.Applied || !m.AppliedAt.Equal(before.AppliedAt) || m.Detail != before.Detail {
			x.Errorf("recorded %+v", m)
		}
		x.script.verdict = payment.Contradicted
		if _, err := x.replay(before.ID); err != nil {
			x.Error(err)
		}
		if m := x.only(); m.Verdict != payment.Contradicted || !m.AppliedAt.Equal(before.AppliedAt) {
			x.Errorf("recorded %+v", m)
		}
	})
}

func TestAReplayChangesAllOrNothing(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.script.verdict = payment.Unmatched
		x.hear("evt-1")
		before := x.only()
		x.script.verdict = payment.Applied
		refusal := errors.New("no answer can be stored")
		if _, err := x.Replay(x.Context(), shop, before.ID, func(*db.Change, Webhook) error { return refusal }); !errors.Is(err, refusal) {
			x.Errorf("without its companion: %v", err)
		}
		x.script.fails.Store(1)
		if _, err := x.replay(before.ID); !errors.Is(err, errAway) {
			x.Errorf("without payments: %v", err)
		}
		x.script.trips.Store(true)
		if _, err := x.replay(before.ID); err == nil {
			x.Error("a replay that tripped was told as done")
		}
		x.script.trips.Store(false)
		if m := x.only(); m.Version != before.Version || m.Verdict != payment.Unmatched {
			x.Errorf("changed to %+v", m)
		}
		beside := before
		beside.ID, beside.Event, beside.Version = x.IDs.New("iw"), "beside", 0
		_, err := x.Replay(x.Context(), shop, before.ID, func(c *db.Change, m Webhook) error {
			if m.Verdict != payment.Applied {
				x.Errorf("its companion is told %+v", m)
			}
			c.Add(beside.row())
			return nil
		})
		if all := x.all(); err != nil || len(all) != 2 || all[0].Event != "beside" || all[1].Verdict != payment.Applied {
			x.Errorf("recorded %+v, %v", all, err)
		}
	})
}

func TestAReplayNeedsNotWaitForTheWorker(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.script.fails.Store(1)
		x.hear("evt-1")
		if _, err := x.replay(x.only().ID); err != nil {
			x.Error(err)
		}
		x.now.Advance(time.Hour)
		x.work()
		if m := x.only(); m.Verdict != payment.Applied || !m.DueAt.IsZero() || x.script.applied.Load() != 1 {
			x.Errorf("applied %d times: %+v", x.script.applied.Load(), m)
		}
		// A worker that had it in hand all the while finds that it is settled.
		if err := x.applyWaiting(x.Context(), []string{shop, x.only().ID}); err != nil || x.script.applied.Load() != 1 {
			x.Errorf("applied %d times, %v", x.script.applied.Load(), err)
		}
	})
}

func TestReplaysAtOnceDoNotLoseOneAnother(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.script.verdict = payment.Unmatched
		x.hear("evt-1")
		x.script.verdict = payment.Applied
		m := x.only()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := x.replay(m.ID); err != nil {
					x.Error(err)
				}
			})
			all.Go(func() { x.hear("evt-1") })
		}
		all.Wait()
		if m := x.only(); m.Verdict != payment.Applied || m.Duplicates < 1 || m.Duplicates > 8 {
			x.Errorf("recorded %+v", m)
		}
	})
}

func TestWhatCouldNotBeReadIsReadByTheNextVersion(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.hear("mumble")
		before := x.only()
		if m, err := x.replay(before.ID); err != nil || m.Verdict != Unreadable {
			x.Errorf("by the same version: %+v, %v", m, err)
		}
		x.Providers = wiser()
		if _, err := x.replay(before.ID); err != nil {
			x.Error(err)
		}
		if m := x.only(); m.Verdict != payment.Applied || m.Type != "test" || m.Event != before.Event {
			x.Errorf("recorded %+v", m)
		}
	})
}

func TestWhatIsNotThereIsNotReplayed(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.hear("evt-1")
		m := x.only()
		if _, err := x.replay(x.IDs.New("iw")); !fault.Is(err, fault.NotFound) {
			x.Errorf("an unknown message: %v", err)
		}
		if _, err := x.Replay(x.Context(), "acct_other:test", m.ID, nil); !fault.Is(err, fault.NotFound) {
			x.Errorf("another merchant's: %v", err)
		}
		x.Accounts = liveOnly{}
		if _, err := x.replay(m.ID); !fault.Is(err, fault.Conflict) {
			x.Errorf("without its account: %v", err)
		}
		x.Accounts, x.Providers = oneAccount{}, provider.Registry{"talker": silent{}}
		if _, err := x.replay(m.ID); !fault.Is(err, fault.Conflict) {
			x.Errorf("without its reader: %v", err)
		}
		away := fault.New(fault.Unavailable, "", "away")
		x.Accounts = liveOnly{fails: away}
		if _, err := x.replay(m.ID); !fault.Is(err, fault.Unavailable) {
			x.Errorf("without a database: %v", err)
		}
	})
}
