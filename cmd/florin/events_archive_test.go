package main

import (
	"bytes"
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/inbound"
	"github.com/florinpay/florin/internal/secret"
)

// oldBooks is a migrated database in which something happened long ago and something happened now.
func oldBooks(t *testing.T) storage {
	t.Helper()
	where := storage{Database: secret.New("sqlite:" + filepath.Join(t.TempDir(), "florin.db"))}
	s := newStores(slog.New(slog.DiscardHandler), nil)
	defer func() { ok(t, s.close()) }()
	ok(t, s.openMain(t.Context(), where))
	ok(t, s.migrate(t.Context()))
	store := event.NewStore(s.main, nil)
	for _, at := range []time.Time{time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC), s.clock.Now()} {
		now := clock.NewManual(at)
		outbox := event.NewOutbox(store, id.NewSource(now, rand.Reader), now)
		c := db.NewChange("acct_shop:live")
		ok(t, outbox.Emit(t.Context(), c, event.Fact{Type: event.PaymentCreated, Subject: "pay_1", Object: map[string]string{"id": "pay_1"}}, at))
		ok(t, s.main.Commit(t.Context(), c))
	}
	return where
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEventsAreArchivedByCommandAndCheckedTheNextTime(t *testing.T) {
	where, dir := oldBooks(t), filepath.Join(t.TempDir(), "archive")
	for _, want := range []string{`"written":1,"verified":0,"events":1`, `"written":0,"verified":1,"events":0`} {
		var out, err bytes.Buffer
		if code := run([]string{"--json", "events", "archive", "--database", where.Database.Reveal(), "--archive", dir}, &out, &err); code != exitOK || !strings.Contains(out.String(), want) {
			t.Errorf("exit %d, %s%s, want %s", code, out.String(), err.String(), want)
		}
	}
	path := filepath.Join(dir, "acct_shop", "live", "2020-02-29.jsonl.gz")
	ok(t, os.WriteFile(path, []byte("something else"), 0o600))
	var said bytes.Buffer
	if code := run([]string{"events", "archive", "--database", where.Database.Reveal(), "--archive", dir}, io.Discard, &said); code != exitFailed || !strings.Contains(said.String(), path) {
		t.Errorf("over a file that is none: exit %d, %s", code, said.String())
	}
	// Earlier than anything, there is nothing to do.
	if code := run([]string{"events", "archive", "--database", where.Database.Reveal(), "--archive", dir, "--before", "2020-02-29"}, io.Discard, &said); code != exitOK {
		t.Errorf("before the day: exit %d, %s", code, said.String())
	}
}

func TestAWorkerPrunesEventsWithAndWithoutAnArchive(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "archive")} {
		var said bytes.Buffer
		a := &parts{stores: newStores(slog.New(slog.NewTextHandler(&said, nil)), nil), plan: plan{archive: dir, keepEvents: event.Kept}}
		ok(t, a.openMain(t.Context(), oldBooks(t)))
		a.events = event.NewStore(a.main, nil)
		a.receiver = inbound.NewReceiver(inbound.ReceiverOptions{DB: a.main, Clock: a.clock, IDs: a.ids, Logger: a.log})
		ok(t, a.openArchive())
		a.pruneEvents(t.Context())
		if !strings.Contains(said.String(), `what=events count=1`) {
			t.Errorf("with the archive %q: %s", dir, said.String())
		}
		left, _, err := a.events.Events(t.Context(), "acct_shop:live", db.Page{Limit: 9}, "", "")
		if err != nil || len(left) != 1 || time.Since(left[0].CreatedAt) > time.Hour {
			t.Errorf("with the archive %q these are left: %v, %v", dir, left, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "acct_shop", "live", "2020-02-29.jsonl.gz")); (err == nil) != (dir != "") {
			t.Errorf("with the archive %q: %v", dir, err)
		}
		a.receiver.Close()
		ok(t, a.close())
	}
}
