package event

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/seal"
	"github.com/florinpay/florin/internal/secret"
)

const shop = "acct_shop:test"

// office is an outbox on one engine, with a clock moved by hand.
type office struct {
	*testing.T
	db     *db.DB
	now    *clock.Manual
	ids    *id.Source
	store  *Store
	outbox *Outbox

	sequence int64
}

func (o *office) next() int64 {
	o.sequence++
	return o.sequence
}

func each(t *testing.T, body func(o *office)) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		dir := t.TempDir()
		wrapper, err := seal.FileWrapper(filepath.Join(dir, "key"))
		must(t, err)
		box, err := seal.Open(t.Context(), wrapper, filepath.Join(dir, "keyset"))
		must(t, err)
		ids := id.NewSource(now, rand.Reader)
		store := NewStore(d, box)
		body(&office{T: t, db: d, now: now, ids: ids, store: store, outbox: NewOutbox(store, ids, now)})
	}, Schema)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// endpoint commits an endpoint of the shop.
func (o *office) endpoint(status EndpointStatus, filters ...string) Endpoint {
	o.Helper()
	e := Endpoint{
		Merchant: shop, ID: o.ids.New(id.Endpoint), URL: "https://shop.example/hooks", Filters: filters, Status: status, Description: "ours",
		Secrets: []SigningSecret{
			{Secret: secret.New("whsec_bmV3"), CreatedAt: o.now.Now()}, {Secret: secret.New("whsec_b2xk"), CreatedAt: o.now.Now(), ExpiresAt: o.now.Now().Add(time.Hour)},
		},
		Ordering: Unordered, Concurrency: DefaultConcurrency, Headers: map[string]secret.Text{"X-Key": secret.New("hunter2")},
		Certificate: "chain", CertificateKey: secret.New("the key"),
		Metadata: map[string]string{"team": "a"}, CreatedAt: o.now.Now(), Version: 1,
	}
	if status == Disabled {
		e.DisabledReason, e.DisabledAt = DisabledFailing, o.now.Now()
	}
	rows, err := o.store.EndpointRows(e)
	must(o.T, err)
	must(o.T, o.db.Commit(o.Context(), db.NewChange(shop, rows...)))
	return e
}

// emit makes a Change with an event.
func (o *office) emit(t Type, object any) *db.Change {
	o.Helper()
	c := db.NewChange(shop)
	must(o.T, o.outbox.Emit(o.Context(), c, Fact{Type: t, Subject: "pay_1", Thread: "pay_1", Sequence: o.next(), Object: object}, o.now.Now()))
	return c
}

// stored is the shop's events and deliveries.
func (o *office) stored() ([]Event, []Delivery) {
	o.Helper()
	events, _, err := o.store.Events(o.Context(), shop, db.Page{Limit: 100}, "", "")
	must(o.T, err)
	deliveries, _, err := o.store.Deliveries(o.Context(), shop, db.Page{Limit: 100}, DeliveryFilter{})
	must(o.T, err)
	return events, deliveries
}

func TestAnEventAndItsDeliveriesLandWithWhatHappened(t *testing.T) {
	each(t, func(o *office) {
		wants := o.endpoint(Enabled, "payment.*")
		o.endpoint(Enabled, "refund.*")
		o.endpoint(Deleted, "*")
		c := o.emit(PaymentCaptured, map[string]any{"id": "pay_1", "note": "<é & \u2028>"})
		if events, deliveries := o.stored(); len(events)+len(deliveries) != 0 {
			o.Error("they are there before the Change is")
		}
		must(o.T, o.db.Commit(o.Context(), c))
		events, deliveries := o.stored()
		if len(events) != 1 || len(deliveries) != 1 {
			o.Fatalf("%d events, %d deliveries", len(events), len(deliveries))
		}
		e, d := events[0], deliveries[0]
		if d.Event != e.ID || d.Endpoint != wants.ID || d.State != DeliveryPending || !d.DueAt.Equal(o.now.Now()) || d.Attempts != 0 {
			o.Errorf("delivery %+v", d)
		}
		var body map[string]any
		must(o.T, json.Unmarshal(e.Body, &body))
		data := body["data"].(map[string]any)
		if body["id"] != e.ID || body["object"] != "event" || body["type"] != "payment.captured" || body["api_version"] != Version ||
			body["livemode"] != false || body["created_at"] != o.now.Now().Format(time.RFC3339Nano) || data["note"] != "<é & \u2028>" || len(body) != 7 {
			o.Errorf("body %s", e.Body)
		}
		// A Change that loses takes its event with it.
		lost := o.emit(PaymentFailed, map[string]string{})
		lost.Add(eventRow(e))
		if err := o.db.Commit(o.Context(), lost); !fault.Is(err, fault.Exists) {
			o.Errorf("told %v", err)
		}
		if events, deliveries := o.stored(); len(events) != 1 || len(deliveries) != 1 {
			o.Errorf("%d events, %d deliveries after a Change that lost", len(events), len(deliveries))
		}
	})
}

func TestEventsAreListedByTypeAndSubject(t *testing.T) {
	each(t, func(o *office) {
		for _, kind := range []Type{PaymentCreated, PaymentCaptured, PaymentCreated} {
			must(o.T, o.db.Commit(o.Context(), o.emit(kind, map[string]string{})))
		}
		for _, c := range []struct {
			kind    Type
			subject string
			want    int
		}{{"", "", 3}, {PaymentCreated, "", 2}, {"", "pay_1", 3}, {"", "pay_2", 0}, {PaymentCaptured, "pay_1", 1}} {
			found, _, err := o.store.Events(o.Context(), shop, db.Page{Limit: 10}, c.kind, c.subject)
			if err != nil || len(found) != c.want {
				o.Errorf("%s about %s: %d, %v", c.kind, c.subject, len(found), err)
			}
		}
		all, _ := o.stored()
		if _, err := o.store.Event(o.Context(), "acct_shop:live", all[0].ID); !fault.Is(err, fault.NotFound) {
			o.Errorf("the other mode sees it: %v", err)
		}
	})
}

func TestANewEndpointIsHeardOfHereAtOnceAndElsewhereWithinASecond(t *testing.T) {
	each(t, func(o *office) {
		elsewhere := NewOutbox(o.store, o.ids, o.now)
		wanted := func(x *Outbox) int {
			c := db.NewChange(shop)
			must(o.T, x.Emit(o.Context(), c, Fact{Type: PaymentCreated, Subject: "pay_1"}, o.now.Now()))
			return c.Len() - 1
		}
		if wanted(o.outbox)+wanted(elsewhere) != 0 {
			o.Fatal("there is no endpoint yet")
		}
		o.endpoint(Enabled, "*")
		o.outbox.Forget(shop)
		if n := wanted(o.outbox); n != 1 {
			o.Errorf("here: %d deliveries", n)
		}
		o.now.Advance(time.Second)
		if n := wanted(elsewhere); n != 1 {
			o.Errorf("elsewhere: %d deliveries", n)
		}
	})
}

func TestWhoListensHearsWhatHasLanded(t *testing.T) {
	each(t, func(o *office) {
		wants := o.endpoint(Enabled, "payment.*")
		var heard []*db.Change
		stop := o.outbox.Listen(func(c *db.Change) { heard = append(heard, c) })
		c := o.emit(PaymentCreated, nil)
		must(o.T, o.db.Commit(o.Context(), c))
		o.outbox.Committed(c)
		if len(heard) != 1 || !Happened(heard[0]) || !slices.Equal(DueIn(heard[0]), []string{wants.ID}) || len(LanesIn(heard[0])) != 0 {
			o.Errorf("heard %v", heard)
		}
		stop()
		o.outbox.Committed(c)
		if len(heard) != 1 {
			o.Error("it hears on after it stopped")
		}
	})
}

func TestSecretsOfEndpointsAreSealed(t *testing.T) {
	each(t, func(o *office) {
		made := o.endpoint(Enabled, "payment.*", "refund.failed")
		got, err := o.store.Endpoint(o.Context(), shop, made.ID)
		if err != nil || len(got.Secrets) != 2 || got.Secrets[0].Secret.Reveal() != "whsec_bmV3" || got.Secrets[1].Secret.Reveal() != "whsec_b2xk" {
			o.Errorf("read back %+v, %v", got, err)
		}
		if !slices.Equal(got.Filters, made.Filters) || got.URL != made.URL || got.Metadata["team"] != "a" || got.Version != 1 || !got.CreatedAt.Equal(made.CreatedAt) {
			o.Errorf("read back %+v", got)
		}
		raw, err := db.Get(o.Context(), o.db, func(s db.Scanner) (b []byte, err error) { return b, s.Scan(&b) },
			"SELECT sealed FROM webhook_endpoint WHERE merchant_id = $1", shop)
		if err != nil || strings.Contains(string(raw), "whsec_") || strings.Contains(string(raw), "bmV3") {
			o.Errorf("stored in the clear: %q, %v", raw, err)
		}
		// A sealed secret that is moved to another endpoint does not open there.
		other := made
		other.ID = o.ids.New(id.Endpoint)
		values, err := o.store.endpointValues(other)
		must(o.T, err)
		values[11] = raw
		must(o.T, o.db.Commit(o.Context(), db.NewChange(shop, endpointTable.Insert(values...))))
		if _, err := o.store.Endpoint(o.Context(), shop, other.ID); err == nil {
			o.Error("another endpoint's secret opens")
		}
	})
}

func TestAnEventCannotBeChanged(t *testing.T) {
	each(t, func(o *office) {
		o.at(clock.System{}.Now()) // the table goes by the engine's clock
		must(o.T, o.db.Commit(o.Context(), o.emit(PaymentCreated, nil)))
		if _, err := o.db.Prune(o.Context(), eventTable, "created_at", db.Micros(o.now.Now())+1, 10); err == nil {
			o.Error("it is deleted")
		}
	})
}

// bodies are of any data: what they say must not depend on how they were put together.
func TestABodyIsWhatJSONSaysOfIt(t *testing.T) {
	for _, data := range []any{
		map[string]any{"id": "pay_1", "metadata": map[string]string{"note": "<b>&\u2028\"null}\""}}, map[string]any{}, nil, []any{}, "null}", 7,
	} {
		raw, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		o := Object{ID: "evt_1", Object: "event", Type: PaymentCaptured, APIVersion: Version, CreatedAt: time.Unix(1, 5000).UTC(), Livemode: true, Data: raw}
		want, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := o.render()
		if err != nil || string(got) != string(want) {
			t.Errorf("rendered %s, %v; JSON is %s", got, err, want)
		}
	}
}

func TestFiltersMatchTypes(t *testing.T) {
	for filter, c := range map[string]struct {
		kind Type
		want bool
	}{
		"*":                {RefundFailed, true},
		"payment.*":        {PaymentCaptured, true},
		"payment.captured": {PaymentCaptured, true},
		"payment.capture":  {PaymentCaptured, false},
		"refund.*":         {PaymentCaptured, false},
		"":                 {PaymentCaptured, false},
	} {
		if Matches(filter, c.kind) != c.want {
			t.Errorf("%q takes %s: %t", filter, c.kind, !c.want)
		}
	}
	for filter, ok := range map[string]bool{"*": true, "payment.*": true, "refund.failed": true, "pay*": false, "": false, "payment": false,
		"payment.exploded": false, "basket.*": false, "**": false, "*.failed": false} {
		if err := CheckFilter(filter); (err == nil) != ok {
			t.Errorf("%q: %v", filter, err)
		}
	}
	for _, kind := range Types {
		if err := CheckFilter(string(kind)); err != nil {
			t.Error(err)
		}
	}
}

// Who is written for the contract may ask for all of it, whether or not this version makes such events, and gets no others for it.
func TestTypesThatNeverHappenCanBeAskedFor(t *testing.T) {
	for filter, want := range map[string][]Type{
		"payment.in_review": {"payment.in_review"}, "risk.*": {"risk.review_opened", "risk.review_closed"},
	} {
		if err := CheckFilter(filter); err != nil {
			t.Errorf("%s: %v", filter, err)
		}
		if got := TypesOf([]string{filter}); !slices.Equal(got, want) {
			t.Errorf("%s takes %v", filter, got)
		}
		for _, kind := range want {
			if err := CheckType(kind); err != nil || slices.Contains(Types, kind) {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
}

func TestAnUnknownTypeIsToldWhatThereIs(t *testing.T) {
	for wrong, want := range map[string]string{
		"refund.exploded": "there are refund.pending, refund.succeeded, refund.failed",
		"refund":          "there are refund.pending, refund.succeeded, refund.failed",
		"basket.*":        "payment.*, refund.*,", "": "kill_switch.*", "4242424242424242": "payment.*",
	} {
		for _, err := range []error{CheckFilter(wrong), CheckType(Type(wrong))} {
			if err == nil || !strings.Contains(err.Error(), want) || wrong != "" && wrong != "refund" && strings.Contains(err.Error(), wrong) {
				t.Errorf("%q: %v", wrong, err)
			}
		}
	}
}

func TestEveryTypeIsInTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range askable {
		if !strings.Contains(string(text), "`"+string(kind)+"`") {
			t.Errorf("docs/events.md does not tell of %s", kind)
		}
	}
}
