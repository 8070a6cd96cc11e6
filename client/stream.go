package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// silence is how long a stream may say nothing before it is taken for dead: three heartbeats.
	silence = 45 * time.Second
	// The wait before a stream that broke is opened again, unless the server says another one, within these bounds.
	reopenWait     = time.Second
	shortestReopen = 100 * time.Millisecond
	longestReopen  = 30 * time.Second
)

// StreamEvents chooses events to follow.
type StreamEvents struct {
	Types []string // such as payment.captured or payment.*; none: all
	After string   // the ID or the Cursor of an event: begin behind it; empty: now

	Opened func() // if not nil, called whenever the stream has been opened, before anything is read of it
}

// Stream follows events as they happen. When the connection breaks it is opened again, behind the last event that was read.
// Events come at least once, and one that took long to land comes behind younger ones: dedupe by ID. Who stores the Cursor of
// each event once it is dealt with can begin there after a restart, and misses nothing.
//
// The sequence ends with an error: that of ctx when it ends, or an [*Error] when the server refuses: a wrong filter, a key that
// does not work any more, a cursor whose events are no longer kept (410). Before the stream was open for the first time, it is
// tried as often as any call.
func (s *EventService) Stream(ctx context.Context, p StreamEvents) iter.Seq2[*Event, error] {
	v := url.Values{}
	set(v, "types", strings.Join(p.Types, ","))
	return follow(ctx, s.core, "/v1/events/stream", v, p.After, p.Opened, func(e *Event, cursor string) { e.Cursor = cursor })
}

// follow reads a stream of objects, over as many connections as it takes.
func follow[T any](ctx context.Context, c *core, path string, query url.Values, after string, opened func(), mark func(*T, string)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		s := &follower{core: c, call: call{method: http.MethodGet, base: c.base, path: path, query: query}, at: after, retry: reopenWait, opened: opened}
		left := false // by the caller
		take := func(data []byte, cursor string) error {
			object := new(T)
			if err := json.Unmarshal(data, object); err != nil {
				return final{fmt.Errorf("florin: GET %s: what came cannot be read: %w", path, err)}
			}
			mark(object, cursor)
			if left = !yield(object, nil); left {
				return final{errors.New("left")}
			}
			return nil
		}
		for {
			err := s.connect(ctx, take)
			if left {
				return
			}
			if err = s.pause(ctx, err); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// final is an error that another connection would not help.
type final struct{ error }

// follower is one stream over all its connections.
type follower struct {
	core  *core
	call  call
	at    string        // the last cursor
	retry time.Duration // before the next connection
	tries int           // in vain, since the stream was open
	begun bool          // it was open once

	opened func() // nil: nobody wants to know
}

// pause waits before the next connection. Its error is why there is none.
func (s *follower) pause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var over final
	if errors.As(err, &over) {
		return over.error
	}
	s.tries++
	d := s.core.jitter(min(s.retry<<min(s.tries-1, 10), longestReopen))
	var refused *Error
	if !s.begun {
		again := false
		if d, again = s.core.again(err, s.tries); !again {
			return err
		}
	} else if errors.As(err, &refused) {
		if refused.Status < 500 && refused.Status != http.StatusTooManyRequests {
			return err
		}
		d = max(d, min(refused.RetryAfter, longestReopen))
	}
	if s.core.wait(ctx, d) != nil {
		return context.Cause(ctx)
	}
	return nil
}

// connect opens the stream and reads it until it breaks.
func (s *follower) connect(ctx context.Context, take func(data []byte, cursor string) error) error {
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet := time.AfterFunc(s.core.timeout, cancel)
	defer quiet.Stop()
	lost := func(err error) error {
		return &TransportError{Method: s.call.method, Path: s.call.path, Tries: s.tries + 1, Err: cause(err)}
	}
	request, err := s.core.request(bounded, &s.call)
	if err != nil {
		return final{err}
	}
	request.Header.Set("Accept", "text/event-stream")
	if s.at != "" {
		request.Header.Set("Last-Event-ID", s.at)
	}
	response, err := s.core.http.Do(request)
	if err != nil {
		return lost(err)
	}
	defer func() { _ = response.Body.Close() }() // it is read to its end, or given up
	s.core.logger.DebugContext(ctx, "florin: stream", "path", s.call.path, "status", response.StatusCode, "request_id", response.Header.Get("Request-Id"))
	if response.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		if err != nil {
			return lost(err)
		}
		return readError(response.StatusCode, response.Header, body, s.core.now())
	}
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || media != "text/event-stream" {
		return final{fmt.Errorf("florin: GET %s (%s): the answer is no stream", s.call.path, response.Header.Get("Request-Id"))}
	}
	s.begun, s.tries = true, 0
	if s.opened != nil {
		s.opened()
	}
	return lost(s.read(response.Body, quiet, take))
}

// read reads frames as the HTML standard has them. It never returns nil. quiet strikes when the server is silent for too long;
// the time that the caller takes does not count.
func (s *follower) read(body io.Reader, quiet *time.Timer, take func(data []byte, cursor string) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxAnswer)
	id, data := s.at, []byte(nil)
	for quiet.Reset(silence); lines.Scan(); quiet.Reset(silence) {
		name, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "id":
			id = string(value)
		case "data":
			data = append(append(data, value...), '\n')
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				s.retry = min(max(time.Duration(ms)*time.Millisecond, shortestReopen), longestReopen)
			}
		case "":
			if len(lines.Bytes()) > 0 {
				continue // a comment
			}
			s.at = id
			if data == nil {
				continue
			}
			quiet.Stop()
			if err := take(bytes.TrimSuffix(data, []byte("\n")), id); err != nil {
				return err
			}
			data = nil
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF // a stream has no end
}
