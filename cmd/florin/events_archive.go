package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/florinpay/florin/internal/event"
)

type eventsArchive struct {
	Storage storage `embed:""`
	Archive string  `help:"Directory of the archive." required:"" placeholder:"DIR"`
	Before  string  `help:"Archive the days before this one, in UTC: 2026-11-22. Without it, every day that is over." placeholder:"DATE"`
}

func (eventsArchive) Help() string {
	return `A file for each merchant, mode and day: DIR/ACCOUNT/MODE/2026-11-22.jsonl.gz, a line for each event, with its SHA-256 beside it. It is made
once: a file that is there is compared with the database, and stays as it is. Nothing is deleted: florin serve --archive does that when events
are old enough, and writes what is missing before. It works beside a server that runs.

Example:

    florin events archive --data ./florin-data --archive /var/lib/florin/events --before 2026-11-22
    zcat /var/lib/florin/events/acct_shop/live/2026-11-21.jsonl.gz`
}

// Validate refuses what is no date.
func (e eventsArchive) Validate() error {
	_, err := e.before()
	return err
}

// before is the zero time without --before.
func (e eventsArchive) before() (time.Time, error) {
	if e.Before == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, e.Before)
	if err != nil {
		return time.Time{}, fmt.Errorf("--before %s: want a date such as 2026-11-22", e.Before)
	}
	return t, nil
}

type archiveShown struct {
	Written  int    `json:"written"`  // files
	Verified int    `json:"verified"` // files that were there
	Events   int64  `json:"events"`   // in those that were written
	Before   string `json:"before"`
}

// Run archives what is not in the archive yet, and checks what is.
func (e eventsArchive) Run(ctx context.Context, c *console) error {
	return withMain(ctx, c, e.Storage, func(s *stores, _ storage) error {
		before, err := e.before()
		if err != nil {
			return usageError{err}
		}
		if before.IsZero() {
			before = s.clock.Now()
		}
		archive, err := event.OpenArchive(event.NewStore(s.main, nil), e.Archive, s.clock)
		if err != nil {
			return err
		}
		saved, err := archive.Save(ctx, before)
		if err != nil {
			return err
		}
		shown := archiveShown{saved.Written, saved.Verified, saved.Events, saved.Until.Format(time.DateOnly)}
		return c.print(shown, shown.text)
	})
}

func (a archiveShown) text(w io.Writer) {
	fmt.Fprintf(w, "%d days with %d events written, %d days verified; every day before %s is in the archive\n", a.Written, a.Events, a.Verified, a.Before)
}
