package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/webhook"
)

type listenCommand struct {
	To         remote      `embed:""`
	ForwardTo  string      `help:"Where the webhooks go: http(s)://…" placeholder:"URL" required:""`
	Events     []string    `help:"Only these types: payment.captured, payment.*" placeholder:"TYPE"`
	Since      string      `help:"Begin behind this event instead of now." placeholder:"EVT"`
	Secret     secret.Text `help:"Secret to sign with, whsec_…; a new one each time if not given. FLORIN_SECRET keeps it from those who can see the command line." placeholder:"SECRET"`
	SkipVerify bool        `help:"Take any certificate of https://…"`
	Print      bool        `help:"Print each event's body too."`
}

func (listenCommand) Help() string {
	return `Sends each event as a webhook to an application that Florin's server need not reach, signed as in Standard Webhooks with the secret that it prints
at the start: give that one to the application. One at a time, in the order in which they happened; nothing is sent a second time. When the connection to Florin breaks it
goes on where it was; after a stop, --since goes on.

Example:

    florin listen --forward-to http://127.0.0.1:3000/webhooks --events 'payment.*,refund.*'`
}

const (
	// waiting is how many events wait for the application. When there are more the stream is not read on: Florin cuts it off, and it
	// goes on from there later.
	waiting = 256
	// forwardTimeout bounds one webhook, as Florin's own sender does.
	forwardTimeout = 15 * time.Second
	// maxForwardAnswer is what is read of an answer, so that the connection can be used again.
	maxForwardAnswer = 64 << 10
)

// Run forwards events until it is stopped.
func (l listenCommand) Run(ctx context.Context, c *console) error {
	f, err := l.forwarder(c)
	if err != nil {
		return err
	}
	florin, err := l.To.client()
	if err != nil {
		return err
	}
	after, err := begin(ctx, florin, l.Since)
	if err != nil {
		return err
	}
	err = f.run(ctx, florin, client.StreamEvents{Types: l.Events, After: after}, func() error { return l.ready(c, f.secret) })
	if !c.json && f.last != "" {
		fmt.Fprintln(c.err, "stopped; florin listen --since "+f.last+" goes on from here")
	}
	return stopped(ctx, err)
}

// ready tells where events go, and the secret unless it was given.
func (l listenCommand) ready(c *console, made secret.Text) error {
	types := l.Events
	if len(types) == 0 {
		types = []string{"*"}
	}
	value := map[string]any{"ready": true, "forward_to": l.ForwardTo, "events": types}
	text := fmt.Sprintf("%s of %s go to %s", strings.Join(types, ", "), l.To.APIURL, l.ForwardTo)
	if l.Secret.Empty() {
		value["secret"] = made.Reveal()
		text += ", signed with " + made.Reveal()
	}
	return c.line(value, text)
}

// forwarder sends events on as webhooks.
type forwarder struct {
	console *console
	client  *http.Client
	to      string
	secret  secret.Text
	print   bool
	last    string // the event that was sent last
}

func (l listenCommand) forwarder(c *console) (*forwarder, error) {
	to, err := url.Parse(l.ForwardTo)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return nil, usagef("--forward-to is http(s)://host[:port]/path")
	}
	if l.SkipVerify && to.Scheme != "https" {
		return nil, usagef("--skip-verify is for https://…")
	}
	key := l.Secret
	if key.Empty() {
		if key, err = webhook.NewSecret(rand.Reader); err != nil {
			return nil, err
		}
	} else if wrong := webhook.CheckSecret(key.Reveal()); wrong != "" {
		return nil, usagef("--secret %s", wrong)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if l.SkipVerify {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // asked for, and said
	}
	return &forwarder{console: c, to: l.ForwardTo, secret: key, print: l.Print, client: &http.Client{
		Transport: transport, Timeout: forwardTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// run reads the stream ahead of the application, up to a bound, and sends one event at a time. It calls ready when the stream is
// open for the first time, before anything is sent.
func (f *forwarder) run(ctx context.Context, florin *client.Client, from client.StreamEvents, ready func() error) error {
	ctx, stop := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop()
	queue := make(chan *client.Event, waiting)
	var ended, unsaid error
	from.Opened = sync.OnceFunc(func() {
		if unsaid = ready(); unsaid != nil {
			stop()
		}
	})
	reading.Go(func() {
		defer close(queue)
		ended = each(florin.Events.Stream(ctx, from), func(e *client.Event) error {
			select {
			case queue <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if unsaid != nil {
			ended = unsaid
		}
	})
	for e := range queue {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.forward(ctx, e); err != nil {
			return err
		}
	}
	return ended
}

// forwarded is what became of one event.
type forwarded struct {
	Event      string `json:"event"`
	Type       string `json:"type"`
	Status     int    `json:"status,omitempty"`
	Error      string `json:"error,omitempty"`
	DurationMS int64  `json:"duration_ms"`
}

// forward sends one event and shows what the application said. It fails if that cannot be shown, or if it was stopped.
func (f *forwarder) forward(ctx context.Context, e *client.Event) error {
	start := clock.Stopwatch()
	status, err := f.post(ctx, e)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.last = e.ID
	took := clock.Since(start)
	done := forwarded{Event: e.ID, Type: e.Type, Status: status, DurationMS: took.Milliseconds()}
	text := fmt.Sprintf("%s → %d in %s", eventLine(e), status, took.Round(100*time.Microsecond))
	if err != nil {
		done.Error = err.Error()
		text = fmt.Sprintf("%s → no answer: %s", eventLine(e), done.Error)
	}
	if f.print {
		text += "\n" + string(e.Raw)
	}
	return f.console.line(done, text)
}

// post sends the body as it was rendered, signed now.
func (f *forwarder) post(ctx context.Context, e *client.Event) (int, error) {
	at := clock.System{}.Now()
	signature, err := webhook.Sign([]secret.Text{f.secret}, e.ID, at, e.Raw)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.to, bytes.NewReader(e.Raw))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "florin-listen")
	request.Header.Set("webhook-id", e.ID)
	request.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	request.Header.Set("webhook-signature", signature)
	response, err := f.client.Do(request)
	if err != nil {
		return 0, cause(err)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, maxForwardAnswer))
	return response.StatusCode, errors.Join(err, response.Body.Close())
}

// cause takes the URL out of an error of net/http: it was said at the start, and a query may hold what a line of a log should not.
func cause(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
