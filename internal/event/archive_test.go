package event

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
)

// long ago, so that the table lets go of what was made then.
var longAgo = time.Date(2020, 2, 27, 0, 0, 0, 0, time.UTC)

// at moves the clock to a time.
func (o *office) at(t time.Time) { o.now.Advance(t.Sub(o.now.Now())) }

// archived is an office with an archive, at a time long ago.
type archived struct {
	*office
	archive *Archive
	dir     string
}

func eachArchived(t *testing.T, body func(a *archived)) {
	each(t, func(o *office) {
		o.at(longAgo)
		dir := filepath.Join(o.TempDir(), "archive")
		archive, err := OpenArchive(o.store, dir, o.now)
		must(o.T, err)
		body(&archived{o, archive, dir})
	})
}

// happen commits events of a tenant at a time, and is their bodies.
func (a *archived) happen(tenant string, at time.Time, n int) [][]byte {
	a.Helper()
	a.at(at)
	ids := id.NewSource(a.now, rand.Reader) // the office's own never goes back in time
	c := db.NewChange(tenant)
	var bodies [][]byte
	for i := range n {
		e := Event{Merchant: tenant, ID: ids.New(id.Event), Type: PaymentCreated, Subject: "pay_1", CreatedAt: at}
		e.Body = fmt.Appendf(nil, `{"id":%q,"n":%d,"text":"é <&> \u2028 \n"}`, e.ID, i)
		bodies = append(bodies, e.Body)
		c.Add(eventRow(e))
	}
	must(a.T, a.db.Commit(a.Context(), c))
	return bodies
}

// bodiesIn is what zcat shows of a day, line by line; it checks the digest beside the file.
func (a *archived) bodiesIn(parts ...string) [][]byte {
	a.Helper()
	path := filepath.Join(append([]string{a.dir}, parts...)...)
	raw, err := os.ReadFile(path)
	must(a.T, err)
	sum := sha256.Sum256(raw)
	noted, err := os.ReadFile(path + ".sha256")
	must(a.T, err)
	if want := hex.EncodeToString(sum[:]) + "  " + filepath.Base(path) + "\n"; string(noted) != want {
		a.Errorf("%s.sha256 says %q, want %q", path, noted, want)
	}
	packed, err := gzip.NewReader(bytes.NewReader(raw))
	must(a.T, err)
	text, err := io.ReadAll(packed)
	must(a.T, err)
	if !bytes.HasSuffix(text, []byte("\n")) {
		a.Fatalf("the last line of %s has no end", path)
	}
	return bytes.Split(text[:len(text)-1], []byte("\n"))
}

// files is every file of the archive, from its folder on.
func (a *archived) files() []string {
	a.Helper()
	var all []string
	must(a.T, filepath.WalkDir(a.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		must(a.T, err)
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[e.IsDir()]; info.Mode().Perm() != want {
			a.Errorf("%s has mode %v", path, info.Mode())
		}
		if !e.IsDir() {
			name, err := filepath.Rel(a.dir, path)
			must(a.T, err)
			all = append(all, filepath.ToSlash(name))
		}
		return nil
	}))
	return all
}

// left is how many events the database has.
func (a *archived) left() int64 {
	a.Helper()
	n, err := db.Get(a.Context(), a.db, func(s db.Scanner) (n int64, err error) { return n, s.Scan(&n) }, "SELECT count(*) FROM event")
	must(a.T, err)
	return n
}

func same(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

const shopLive = "acct_shop:live"

func TestAnArchiveHoldsEachDaysEventsByteForByte(t *testing.T) {
	eachArchived(t, func(a *archived) {
		first := a.happen(shop, longAgo, 1203) // more than are read at once, from the day's first moment on
		live := a.happen(shopLive, longAgo.Add(time.Hour), 2)
		last := a.happen(shop, longAgo.Add(day-time.Microsecond), 3)
		leap := a.happen(shop, longAgo.Add(2*day), 4) // 29 February; nothing happened on the 28th
		a.happen(shop, longAgo.Add(3*day), 5)

		a.at(longAgo.Add(3*day + dayLag - time.Microsecond))
		done, err := a.archive.Save(a.Context(), a.now.Now())
		if err != nil || done != (Saved{Written: 2, Events: 1208, Until: longAgo.Add(2 * day)}) {
			a.Errorf("before the last day is long enough over: %+v, %v", done, err)
		}
		a.now.Advance(time.Microsecond)
		done, err = a.archive.Save(a.Context(), a.now.Now().Add(time.Hour))
		if err != nil || done != (Saved{Written: 1, Verified: 2, Events: 4, Until: longAgo.Add(3 * day)}) {
			a.Errorf("then: %+v, %v", done, err)
		}
		if got, want := strings.Join(a.files(), " "), "acct_shop/live/2020-02-27.jsonl.gz acct_shop/live/2020-02-27.jsonl.gz.sha256 "+
			"acct_shop/test/2020-02-27.jsonl.gz acct_shop/test/2020-02-27.jsonl.gz.sha256 "+
			"acct_shop/test/2020-02-29.jsonl.gz acct_shop/test/2020-02-29.jsonl.gz.sha256"; got != want {
			a.Errorf("files: %s", got)
		}
		for name, want := range map[string][][]byte{"test/2020-02-27": append(first, last...), "live/2020-02-27": live, "test/2020-02-29": leap} {
			if got := a.bodiesIn("acct_shop", name+".jsonl.gz"); !same(got, want) {
				a.Errorf("%s: %d lines, not the %d bodies", name, len(got), len(want))
			}
		}
		if n := a.left(); n != 1203+2+3+4+5 {
			a.Errorf("%d events are left: archiving deletes none", n)
		}
	})
}

func TestWithAnArchiveEventsLeaveByWholeDaysThatAreInIt(t *testing.T) {
	eachArchived(t, func(a *archived) {
		first := append(a.happen(shop, longAgo, 600), a.happen(shop, longAgo.Add(20*time.Hour), 3)...)
		live := a.happen(shopLive, longAgo.Add(time.Hour), 2)
		second := a.happen(shop, longAgo.Add(day), 4)
		a.happen(shop, longAgo.Add(2*day), 5)
		for _, step := range []struct {
			before  time.Time
			deleted int64
		}{
			{longAgo.Add(day + clockSlack - time.Microsecond), 0}, // the day is not old to its end
			{longAgo.Add(day + clockSlack), 605},
			{longAgo.Add(day + clockSlack), 0},
			{longAgo.Add(3*day - time.Microsecond), 4},
		} {
			if n, err := a.store.Prune(a.Context(), step.before, a.archive); n != step.deleted || err != nil {
				a.Errorf("before %v: %d deleted, %v", step.before, n, err)
			}
		}
		if n := a.left(); n != 5 {
			a.Errorf("%d events are left", n)
		}
		if !same(a.bodiesIn("acct_shop", "test/2020-02-27.jsonl.gz"), first) || !same(a.bodiesIn("acct_shop", "live/2020-02-27.jsonl.gz"), live) ||
			!same(a.bodiesIn("acct_shop", "test/2020-02-28.jsonl.gz"), second) {
			a.Error("the archive is not what was deleted")
		}
	})
}

func TestWithoutAnArchiveEventsLeaveByTheirAge(t *testing.T) {
	eachArchived(t, func(a *archived) {
		a.happen(shop, longAgo, 3)
		a.happen(shop, longAgo.Add(time.Hour), 2)
		if n, err := a.store.Prune(a.Context(), longAgo.Add(time.Hour+clockSlack), nil); n != 3 || err != nil {
			a.Errorf("%d deleted, %v", n, err)
		}
		if n := a.left(); n != 2 || len(a.files()) != 0 {
			a.Errorf("%d events are left, files %v", n, a.files())
		}
	})
}

func TestYoungEventsAreNotPrunedWhateverIsAsked(t *testing.T) {
	each(t, func(o *office) {
		archive, err := OpenArchive(o.store, o.TempDir(), o.now)
		must(o.T, err)
		o.at(clock.System{}.Now()) // the table goes by the engine's clock
		must(o.T, o.db.Commit(o.Context(), o.emit(PaymentCreated, nil)))
		for _, a := range []*Archive{nil, archive} {
			if n, err := o.store.Prune(o.Context(), o.now.Now().Add(1000*day), a); n != 0 || err == nil {
				o.Errorf("%d deleted, %v", n, err)
			}
		}
		if events, _ := o.stored(); len(events) != 1 {
			o.Errorf("%d events are left", len(events))
		}
	})
}

func TestWhatIsGoneFromTheDatabaseStaysInTheArchive(t *testing.T) {
	eachArchived(t, func(a *archived) {
		bodies := a.happen(shop, longAgo, 7)
		a.at(longAgo.Add(2 * day))
		_, err := a.archive.Save(a.Context(), a.now.Now())
		must(a.T, err)
		// A process died amid its deleting.
		if n, err := a.db.PruneTenant(a.Context(), eventTable, "id", shop, "evt_9", 3); n != 3 || err != nil {
			a.Fatalf("%d deleted, %v", n, err)
		}
		done, err := a.archive.Save(a.Context(), a.now.Now())
		if err != nil || done.Verified != 1 || done.Written != 0 {
			a.Errorf("%+v, %v", done, err)
		}
		if n, err := a.store.Prune(a.Context(), a.now.Now(), a.archive); n != 4 || err != nil {
			a.Errorf("%d deleted, %v", n, err)
		}
		if !same(a.bodiesIn("acct_shop", "test/2020-02-27.jsonl.gz"), bodies) {
			a.Error("the archive has changed")
		}
	})
}

func TestArchivingEndsWithItsContext(t *testing.T) {
	eachArchived(t, func(a *archived) {
		a.happen(shop, longAgo, 5)
		a.at(longAgo.Add(2 * day))
		ctx, end := context.WithCancel(a.Context())
		end()
		if n, err := a.store.Prune(ctx, a.now.Now(), a.archive); n != 0 || err != nil {
			a.Errorf("%d deleted, %v", n, err)
		}
		if _, err := a.archive.Save(ctx, a.now.Now()); !errors.Is(err, context.Canceled) {
			a.Errorf("told %v", err)
		}
		if all := a.files(); len(all) != 0 {
			a.Errorf("files %v", all)
		}
	})
}

func TestAnArchiveNeedsAFolderThatCanBeWritten(t *testing.T) {
	each(t, func(o *office) {
		path := filepath.Join(o.TempDir(), "a file")
		must(o.T, os.WriteFile(path, nil, 0o600))
		for _, dir := range []string{path, filepath.Join(path, "below")} {
			if _, err := OpenArchive(o.store, dir, o.now); err == nil {
				o.Errorf("%s is an archive", dir)
			}
		}
		archive, err := OpenArchive(o.store, o.TempDir(), o.now)
		must(o.T, err)
		for _, tenant := range []string{"../up:test", "a/b:live", ".:test", "..:live", ":test", "acct_shop", `a\b:test`} {
			if p, err := archive.path(tenant, longAgo); err == nil {
				o.Errorf("%s is kept at %s", tenant, p)
			}
		}
	})
}

func TestWhatIsAboutAnEventLeavesWithItOrBefore(t *testing.T) {
	eachArchived(t, func(a *archived) {
		count := func(table string) int64 {
			n, err := db.Get(a.Context(), a.db, func(s db.Scanner) (n int64, err error) { return n, s.Scan(&n) }, "SELECT count(*) FROM "+table)
			must(a.T, err)
			return n
		}
		var events []string
		for _, at := range []time.Time{longAgo, longAgo.Add(2 * day)} {
			a.happen(shop, at, 1)
			page, err := a.store.eventsFrom(a.Context(), shop, id.Floor(id.Event, at), "evt_z", 1)
			must(a.T, err)
			events = append(events, page[0].ID)
		}
		// Each event is delivered at once, and the first one again to another endpoint after a day.
		for i, d := range []struct {
			event string
			at    time.Time
		}{{events[0], longAgo}, {events[0], longAgo.Add(day)}, {events[1], longAgo.Add(2 * day)}} {
			a.at(d.at)
			ids := id.NewSource(a.now, rand.Reader)
			delivery := Delivery{Merchant: shop, ID: ids.New(id.Delivery), Event: d.event, Endpoint: fmt.Sprint("we_", i), State: DeliveryPending,
				DueAt: d.at, Since: d.at, CreatedAt: d.at}
			try, err := AttemptRow(Attempt{Merchant: shop, Delivery: delivery.ID, Number: 1, CreatedAt: d.at})
			must(a.T, err)
			recovery := RecoveryRow(Recovery{Merchant: shop, ID: ids.New(id.Recovery), Endpoint: "we_0", Kind: Resend, Since: d.at, Until: d.at, DoneAt: d.at, CreatedAt: d.at})
			must(a.T, a.db.Commit(a.Context(), db.NewChange(shop, DeliveryRow(delivery), try, recovery)))
		}
		for _, step := range []struct {
			before                               time.Time
			deleted                              int64
			events, deliveries, tries, recovered int64
		}{
			{longAgo.Add(clockSlack), 0, 2, 3, 3, 3},
			// The event, both deliveries of it, and the try and the recovery that are as old; the younger ones have their own time.
			{longAgo.Add(clockSlack + time.Second), 5, 1, 1, 2, 2},
			{longAgo.Add(day + clockSlack + time.Second), 2, 1, 1, 1, 1},
			{longAgo.Add(2*day + clockSlack + time.Second), 4, 0, 0, 0, 0},
		} {
			n, err := a.store.Prune(a.Context(), step.before, nil)
			if n != step.deleted || err != nil {
				a.Errorf("before %v: %d deleted, %v", step.before, n, err)
			}
			got := [4]int64{count("event"), count("webhook_delivery"), count("webhook_attempt"), count("webhook_recovery")}
			if got != [4]int64{step.events, step.deliveries, step.tries, step.recovered} {
				a.Errorf("before %v: left %v", step.before, got)
			}
		}
	})
}
