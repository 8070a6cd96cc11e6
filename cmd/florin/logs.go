package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/id"
)

type logsGroup struct {
	Tail logsTail `cmd:"" help:"Print the requests to the API, as they are answered, until it is stopped."`
}

type logsTail struct {
	To     remote   `embed:""`
	Status []string `help:"Only answers with these statuses: 402, or 4xx for all of them." placeholder:"STATUS"`
	Method []string `help:"Only these methods." placeholder:"METHOD"`
	Path   string   `help:"Only paths that begin so." placeholder:"PREFIX"`
}

func (logsTail) Help() string {
	return `Requests of this merchant in this mode, to the api zone of the process that answers; what was before is not kept for long. With --json each line is a
request.

Example:

    florin logs tail --status 4xx,5xx --method POST --path /v1/payments`
}

// Validate refuses a status that no answer has.
func (l logsTail) Validate() error {
	for _, s := range l.Status {
		digits := strings.TrimSuffix(strings.ToLower(s), "xx")
		n, err := strconv.Atoi(digits)
		if len(digits) == 1 {
			n *= 100
		}
		if err != nil || len(s) != 3 || n < 100 || n > 599 {
			return fmt.Errorf("--status %s: a status is 100 to 599, or 1xx to 5xx", s)
		}
	}
	return nil
}

// Run prints requests until it is stopped.
func (l logsTail) Run(ctx context.Context, c *console) error {
	florin, err := l.To.client()
	if err != nil {
		return err
	}
	after := id.Floor(id.Request, clock.System{}.Now()) // so that nothing is missed while the stream is being opened
	c.waits("requests to", l.To.APIURL)
	return stopped(ctx, each(florin.RequestLogs.Stream(ctx, client.StreamRequestLogs{After: after}), func(r *client.RequestLog) error {
		if !l.wants(r) {
			return nil
		}
		return c.line(r, logLine(r))
	}))
}

// wants tells whether a request passes the filters.
func (l logsTail) wants(r *client.RequestLog) bool {
	status := strconv.Itoa(r.Status)
	return (len(l.Status) == 0 || slices.ContainsFunc(l.Status, func(s string) bool { return s == status || strings.EqualFold(s, status[:1]+"xx") })) &&
		(len(l.Method) == 0 || slices.ContainsFunc(l.Method, func(m string) bool { return strings.EqualFold(m, r.Method) })) &&
		strings.HasPrefix(r.Path, l.Path)
}

// logLine is a request on one line.
func logLine(r *client.RequestLog) string {
	line := fmt.Sprintf("%s %d %-6s %s %dms %s", r.CreatedAt.Format(time.TimeOnly), r.Status, r.Method, r.Path, r.DurationMS, r.ID)
	if r.ErrorCode != "" {
		line += " " + r.ErrorCode
	}
	return line
}
