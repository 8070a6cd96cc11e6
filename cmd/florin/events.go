package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/id"
)

type eventsGroup struct {
	List    eventsList    `cmd:"" help:"List what happened, newest first."`
	Tail    eventsTail    `cmd:"" help:"Print what happens, as it happens, until it is stopped."`
	Resend  eventsResend  `cmd:"" help:"Send an event again to the webhook endpoints that were to hear of it."`
	Archive eventsArchive `cmd:"" help:"Write days that are over to an archive of files."`
}

type eventsList struct {
	To    remote   `embed:""`
	Types []string `help:"Only these types: payment.captured, payment.*" placeholder:"TYPE"`
	Limit int      `help:"How many." default:"20"`
}

func (eventsList) Help() string {
	return "Events are kept for 30 days.\n\nExample:\n\n    florin events list --types 'payment.*,refund.failed' --limit 50"
}

// Validate refuses to list nothing.
func (e eventsList) Validate() error {
	if e.Limit < 1 {
		return errors.New("--limit is at least 1")
	}
	return nil
}

// largestPage is how many events the API gives at once.
const largestPage = 100

// Run prints the newest events.
func (e eventsList) Run(ctx context.Context, c *console) error {
	florin, err := e.To.client()
	if err != nil {
		return err
	}
	found := []*client.Event{}
	more := false
	page := client.Page{Limit: min(e.Limit, largestPage-1) + 1}
	for event, err := range florin.Events.List(ctx, client.ListEvents{Page: page, Types: e.Types}) {
		if err != nil {
			return err
		}
		if more = len(found) == e.Limit; more {
			break
		}
		found = append(found, event)
	}
	return c.print(map[string]any{"object": "list", "data": bodies(found), "has_more": more}, func(w io.Writer) {
		fmt.Fprintln(w, "CREATED\tTYPE\tEVENT\tABOUT")
		for _, event := range found {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", event.CreatedAt.Format(time.DateTime), event.Type, event.ID, about(event))
		}
	})
}

// bodies are events as they were rendered when they happened, byte for byte.
func bodies(events []*client.Event) []json.RawMessage {
	all := make([]json.RawMessage, len(events))
	for i, e := range events {
		all[i] = e.Raw
	}
	return all
}

// about is the id of the object that an event is about.
func about(e *client.Event) string {
	var object struct{ ID string }
	if json.Unmarshal(e.Data, &object) != nil { // not an object of ours: there is nothing to show
		return ""
	}
	return object.ID
}

type eventsTail struct {
	To    remote   `embed:""`
	Types []string `help:"Only these types: payment.captured, payment.*" placeholder:"TYPE"`
	Since string   `help:"Begin behind this event instead of now." placeholder:"EVT"`
}

func (eventsTail) Help() string {
	return "It goes on where it was when the connection breaks. With --json each line is an event.\n\nExample:\n\n    florin events tail --types 'payment.*'"
}

// Run prints events until it is stopped.
func (e eventsTail) Run(ctx context.Context, c *console) error {
	florin, err := e.To.client()
	if err != nil {
		return err
	}
	after, err := begin(ctx, florin, e.Since)
	if err != nil {
		return err
	}
	opened := sync.OnceFunc(func() { c.waits("events of", e.To.APIURL) })
	from := client.StreamEvents{Types: e.Types, After: after, Opened: opened}
	return stopped(ctx, each(florin.Events.Stream(ctx, from), func(event *client.Event) error {
		return c.line(json.RawMessage(event.Raw), eventLine(event))
	}))
}

// eventLine is an event on one line.
func eventLine(e *client.Event) string {
	return fmt.Sprintf("%s %-26s %s %s", e.CreatedAt.Format(time.TimeOnly), e.Type, e.ID, about(e))
}

// waits says, beside the output, that nothing of what comes now is missed. With --json it is a line of JSON.
func (c *console) waits(what, url string) {
	if !c.json {
		fmt.Fprintln(c.err, "waiting for "+what, url)
		return
	}
	_ = writeJSON(c.err, map[string]any{"api_url": url, "ready": true}) // as with text: who closed the error output does not read it
}

// line shows one thing of many as it comes: value as a line of JSON with --json, else text.
func (c *console) line(value any, text string) error {
	if c.json {
		return writeJSON(c.out, value)
	}
	if _, err := fmt.Fprintln(c.out, text); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// each does something with everything that a stream brings, until one of them fails.
func each[T any](stream iter.Seq2[*T, error], do func(*T) error) error {
	for one, err := range stream {
		if err == nil {
			err = do(one)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stopped is nil for a command that ended because it was told to.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// recent is how far back a stream begins if nothing happened since.
const recent = time.Hour

// begin is behind which event a stream begins: since, or else the newest one there is. So nothing is missed that happens while the
// stream is being opened.
func begin(ctx context.Context, florin *client.Client, since string) (string, error) {
	if since != "" {
		return since, nil
	}
	after := id.Floor(id.Event, clock.System{}.Now().Add(-recent))
	found, err := newest(florin.Events.List(ctx, client.ListEvents{Page: client.Page{Limit: 1}}))
	if err != nil || found == nil {
		return after, err
	}
	return max(after, found.ID), nil
}
