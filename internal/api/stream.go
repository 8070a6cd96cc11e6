package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/strict"
)

// Resuming is how every stream is asked for. It is exported because huma reads no other embedded struct.
type Resuming struct {
	After  string `query:"after" maxLength:"128" doc:"Begin behind this: an id, or what a stream gave as id. Without it, and without Last-Event-ID, the stream begins now."`
	LastID string `header:"Last-Event-ID" maxLength:"128" doc:"The last id that the stream gave; a browser that reconnects sends it by itself. It goes before after."`
}

// place is where to begin, and the name of the parameter that says so.
func (in Resuming) place() (text, param string) {
	if in.LastID != "" {
		return in.LastID, "Last-Event-ID"
	}
	return in.After, "after"
}

type streamEventsInput struct {
	Resuming
	Types string `query:"types" maxLength:"1000" doc:"Only events of these types, or of those that begin so: separated by commas." example:"payment.*,refund.failed"`
}

// Resolve checks the query.
func (in *streamEventsInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) { checkTypes(f, in.Types) })
}

const eventStreamDoc = `Events as they happen, as server-sent events. Each frame's id is a place to come back to: send it as Last-Event-ID, and the stream goes on behind it. Events come at least once, and one that took long to land comes behind younger ones: dedupe by the event's id. A reader that does not take what is written within 10 seconds is cut off. A comment is sent after 15 seconds of silence.`

const eventStreamSample = `retry: 1000
id: evt_01jd9qk0000000000000000000

id: evt_01jd9qk3v8m2x4r6t7w9y0a1b2:1:01jd9qjt8m
event: payment.captured
data: {"id":"evt_01jd9qk3v8m2x4r6t7w9y0a1b2","object":"event","type":"payment.captured","api_version":"2026-11-22","created_at":"2026-11-22T12:00:00Z","livemode":false,"data":{"id":"pay_01jd9qk3v8m2x4r6t7w9y0a1b2","object":"payment","status":"captured"}}

: heartbeat
`

func (a *API) registerEventStream() {
	registerStream(a, operation{
		id: "streamEvents", method: http.MethodGet, path: "/v1/events/stream", tag: "Events", summary: "Stream events",
		doc: eventStreamDoc, scope: access.EventsRead, status: http.StatusOK, answer: reflect.TypeFor[event.Object](), stream: "events", sample: eventStreamSample,
		refusals: []int{http.StatusGone, http.StatusTooManyRequests},
	}, a.streamEvents)
}

func (a *API) streamEvents(ctx context.Context, rq *request, in *streamEventsInput) (source, error) {
	var from event.Cursor
	if text, param := in.place(); text != "" {
		var err error
		from, err = event.ParseCursor(text, a.Clock.Now(), a.EventsKept)
		if fault.Is(err, fault.Invalid) {
			err = fault.Wrong(param, fault.CodeInvalid, err.Error())
		}
		if err != nil {
			return nil, err
		}
	}
	s, err := a.Streams.Open(ctx, rq.principal.Tenant, filtersOf(in.Types), from)
	if err != nil {
		return nil, err
	}
	return &eventSource{s}, nil
}

// eventSource sends a tenant's events.
type eventSource struct{ *event.Stream }

func (s *eventSource) next(ctx context.Context) ([]frame, bool, error) {
	events, more, err := s.Read(ctx)
	page := make([]frame, len(events))
	for i, e := range events {
		page[i] = frame{e.Cursor.String(), string(e.Type), e.Body}
	}
	return page, more, err
}

func (s *eventSource) changed() <-chan struct{} { return s.Changed() }
func (s *eventSource) cursor() string           { return s.Cursor().String() }
func (s *eventSource) close()                   { s.Close() }
