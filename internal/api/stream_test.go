package api

import (
	"bufio"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// shore is a door on the events of a real database, listening.
type shore struct {
	*testing.T
	door
	db     *db.DB
	outbox *event.Outbox
	url    string
}

func eachShore(t *testing.T, body func(s *shore)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var outbox *event.Outbox
		opened := newDoor(t, func(o *Options) {
			store := event.NewStore(d, nil)
			outbox = event.NewOutbox(store, id.NewSource(o.Clock, rand.Reader), o.Clock)
			streams := event.NewStreams(store, event.StreamOptions{Clock: o.Clock, Logger: slog.New(slog.DiscardHandler)})
			deafen := outbox.Listen(streams.Landed)
			t.Cleanup(func() { deafen(); streams.Close() })
			o.Events, o.Streams = store, streams
		})
		server := httptest.NewServer(opened.Handler())
		t.Cleanup(server.Close)
		t.Cleanup(opened.Release)
		body(&shore{t, opened, d, outbox, server.URL})
	}, event.Schema)
}

// happens has something happen to a payment of a tenant, and gives the event's id.
func (s *shore) happens(tenant string, t event.Type) string {
	s.Helper()
	c := db.NewChange(tenant)
	if err := s.outbox.Emit(s.Context(), c, event.Fact{Type: t, Subject: "pay_" + someID, Object: map[string]string{"note": "<&>"}}, s.clock.Now()); err != nil {
		s.Fatal(err)
	}
	if err := s.db.Commit(s.Context(), c); err != nil {
		s.Fatal(err)
	}
	s.outbox.Committed(c)
	found, _, err := s.Events.EventsOf(s.Context(), tenant, db.Page{Limit: 1}, nil, "")
	if err != nil {
		s.Fatal(err)
	}
	return found[0].ID
}

// listen opens a stream and reads its head; the cursor in it is given.
func (s *shore) listen(query string, headers ...string) (*bufio.Reader, string) {
	s.Helper()
	w := connect(s.T, http.DefaultClient, "GET", s.url+"/v1/events/stream"+query, headers...)
	if w.StatusCode != 200 {
		s.Fatalf("answered %d", w.StatusCode)
	}
	r := bufio.NewReader(w.Body)
	head := part(s.T, r)
	cursor, ok := strings.CutPrefix(head, "retry: 1000\nid: ")
	if !ok {
		s.Fatalf("begins with %q", head)
	}
	return r, strings.TrimSuffix(cursor, "\n")
}

// hears reads the next event, which must be the one, and gives its cursor.
func (s *shore) hears(r *bufio.Reader, t event.Type, want string) string {
	s.Helper()
	text := part(s.T, r)
	stored, err := s.Events.Event(s.Context(), tenant, want)
	if err != nil {
		s.Fatal(err)
	}
	cursor, rest, _ := strings.Cut(strings.TrimPrefix(text, "id: "), "\n")
	if rest != "event: "+string(t)+"\ndata: "+string(stored.Body)+"\n" {
		s.Errorf("heard %q, want %s %s", text, t, stored.Body)
	}
	return cursor
}

func TestAStreamSendsATenantsEventsByteForByte(t *testing.T) {
	eachShore(t, func(s *shore) {
		s.happens(tenant, event.PaymentCreated) // before
		r, first := s.listen("?types=payment.captured,refund.*")
		s.happens("acct_dev:live", event.PaymentCaptured)
		s.happens("acct_other:test", event.PaymentCaptured)
		s.happens(tenant, event.PaymentFailed)
		a, b := s.happens(tenant, event.PaymentCaptured), s.happens(tenant, event.RefundFailed)
		cursor := s.hears(r, event.PaymentCaptured, a)
		s.hears(r, event.RefundFailed, b)

		// Each of these comes back behind something else.
		for place, want := range map[string]string{first: a, cursor: b, a: b} {
			kind := event.RefundFailed
			if want == a {
				kind = event.PaymentCaptured
			}
			again, told := s.listen("?types=payment.captured,refund.*", "Last-Event-ID", place)
			if told != place {
				s.Errorf("behind %s it begins at %s", place, told)
			}
			s.hears(again, kind, want)
			byQuery, _ := s.listen("?types=payment.captured,refund.*&after=" + url.QueryEscape(place))
			s.hears(byQuery, kind, want)
		}
		both, _ := s.listen("?after="+a, "Last-Event-ID", b) // a page that reconnects sends both
		c := s.happens(tenant, event.PaymentCanceled)
		s.hears(both, event.PaymentCanceled, c)
	})
}

func TestAStreamOfAnotherTenantOrModeIsEmpty(t *testing.T) {
	eachShore(t, func(s *shore) {
		mine := s.happens(tenant, event.PaymentCreated)
		before := id.Floor(id.Event, s.clock.Now().Add(-time.Second))
		for key, of := range map[string]string{"sk_live_dev": "acct_dev:live", "sk_test_other": "acct_other:test"} {
			r, _ := s.listen("?after="+before, "Authorization", "Bearer "+key)
			theirs := s.happens(of, event.PaymentCaptured)
			if text := part(s.T, r); !strings.Contains(text, theirs) || strings.Contains(text, mine) {
				s.Errorf("%s hears %q", key, text)
			}
		}
	})
}

func TestAStreamThatCannotBeIsRefused(t *testing.T) {
	d := newDoor(t)
	gone := id.Floor(id.Event, start.Add(-event.Kept-time.Hour))
	for _, c := range []struct {
		query, header string
		status        int
		code, param   string
	}{
		{"?after=nonsense", "", 400, fault.CodeInvalid, "after"},
		{"?after=pay_" + someID, "", 400, fault.CodeInvalid, "after"},
		{"?after=" + id.Floor(id.Event, start.Add(time.Hour)), "", 400, fault.CodeInvalid, "after"},
		{"?after=" + strings.Repeat("x", 200), "", 400, fault.CodeInvalid, "after"},
		{"", "nonsense", 400, fault.CodeInvalid, "Last-Event-ID"},
		{"", strings.Repeat("x", 200), 400, fault.CodeInvalid, "Last-Event-ID"},
		{"?after=" + gone, "", 410, fault.CodeCursorExpired, ""},
		{"", gone, 410, fault.CodeCursorExpired, ""},
		{"?types=payment.exploded", "", 400, fault.CodeInvalid, "types"},
		{"?types=payment.*,", "", 400, fault.CodeInvalid, "types"},
		{"?types=pay*", "", 400, fault.CodeInvalid, "types"},
		{"?type=payment.created", "", 400, "parameter_unknown", "type"},
	} {
		headers := []string{"Last-Event-ID", c.header}
		if p := refused(t, d.call("GET", "/v1/events/stream"+c.query, "", headers...), c.status, c.code); p.Param != c.param {
			t.Errorf("%s %s: param %q", c.query, c.header, p.Param)
		}
	}
	refused(t, d.call("GET", "/v1/events/stream", "", "Authorization", "Bearer rk_test_read"), 403, access.CodeScope)
	if p := refused(t, d.call("GET", "/v1/request_logs/stream?after=evt_"+someID, ""), 400, fault.CodeInvalid); p.Param != "after" {
		t.Errorf("param %q", p.Param)
	}
	if d.streams.all != 0 || len(d.streams.by) != 0 {
		t.Errorf("%d streams are counted as open", d.streams.all)
	}
}

func TestEventsAreListedByPatterns(t *testing.T) {
	eachShore(t, func(s *shore) {
		a, b, c := s.happens(tenant, event.PaymentCreated), s.happens(tenant, event.PaymentCaptured), s.happens(tenant, event.RefundFailed)
		for query, want := range map[string][]string{
			"": {c, b, a}, "?types=*": {c, b, a}, "?types=payment.*": {b, a}, "?types=refund.failed,payment.created": {c, a}, "?types=refund.*&subject=pay_" + someID: {c},
			"?type=payment.created": {a}, "?types=payment.canceled": nil,
		} {
			list := accepted(s.T, s.call("GET", "/v1/events"+query, ""), 200)["data"].([]any)
			if len(list) != len(want) {
				s.Errorf("%s: %v", query, list)
				continue
			}
			for i, one := range list {
				if one.(map[string]any)["id"] != want[i] {
					s.Errorf("%s: at %d %v, want %s", query, i, one, want[i])
				}
			}
		}
		for _, query := range []string{"?types=payment.created&type=payment.created", "?types=x", "?types=,"} {
			refused(s.T, s.call("GET", "/v1/events"+query, ""), 400, fault.CodeInvalid)
		}
	})
}
