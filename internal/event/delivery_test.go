package event

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

// happen commits an event of a thread and gives back its deliveries, newest first.
func (o *office) happen(t Type, thread string, sequence int64) []Delivery {
	o.Helper()
	c := db.NewChange(shop)
	must(o.T, o.outbox.Emit(o.Context(), c, Fact{Type: t, Subject: thread, Thread: thread, Sequence: sequence}, o.now.Now()))
	must(o.T, o.db.Commit(o.Context(), c))
	_, all := o.stored()
	return all
}

// due is the sequences of what is due to an endpoint, in order.
func (o *office) due(to Endpoint) []int64 {
	o.Helper()
	letters, err := o.store.Due(o.Context(), shop, to.ID, time.Unix(0, 0), o.now.Now(), Oldest, 10)
	must(o.T, err)
	var found []int64
	for _, l := range letters {
		if !strings.Contains(string(l.Body), l.Event) {
			o.Errorf("the body of %s is another event's: %s", l.Event, l.Body)
		}
		found = append(found, l.Sequence)
	}
	return found
}

// ordered makes the shop's endpoints wait for the order of objects.
func (o *office) ordered(e Endpoint) Endpoint {
	o.Helper()
	e.Ordering = ByObject
	row, err := o.store.EndpointUpdate(e)
	must(o.T, err)
	must(o.T, o.db.Commit(o.Context(), db.NewChange(shop, row)))
	o.outbox.Forget(shop)
	return e
}

func TestALaterEventOfAThreadIsNotDueBeforeTheEarlierIsDone(t *testing.T) {
	each(t, func(o *office) {
		to := o.ordered(o.endpoint(Enabled, "*"))
		// Another process, whose clock is behind, writes the later event: the ids are in the wrong order, the sequence is right.
		o.happen(PaymentCaptured, "pay_1", 32)
		o.happen(PaymentCreated, "pay_1", 16)
		o.happen(PaymentCreated, "pay_2", 17)
		if got := o.due(to); !slices.Equal(got, []int64{16, 17}) {
			o.Fatalf("due are %v", got)
		}
		first := o.first(to, 16)
		first.DueAt = o.now.Now().Add(time.Hour) // it failed: what follows waits with it
		must(o.T, o.db.Commit(o.Context(), db.NewChange(shop, DeliveryRow(first))))
		if got := o.due(to); !slices.Equal(got, []int64{17}) {
			o.Errorf("due while the first waits: %v", got)
		}
		first.Version++
		first.State, first.DueAt = DeliverySucceeded, time.Time{}
		must(o.T, o.db.Commit(o.Context(), db.NewChange(shop, DeliveryRow(first))))
		if got := o.due(to); !slices.Equal(got, []int64{32, 17}) {
			o.Errorf("due once it is delivered: %v", got)
		}
	})
}

func (o *office) first(to Endpoint, sequence int64) Delivery {
	o.Helper()
	letters, err := o.store.Due(o.Context(), shop, to.ID, time.Unix(0, 0), o.now.Now(), Oldest, 10)
	must(o.T, err)
	for _, l := range letters {
		if l.Sequence == sequence {
			return l.Delivery
		}
	}
	o.Fatalf("%d is not due", sequence)
	return Delivery{}
}

func TestWithoutAnOrderNothingWaits(t *testing.T) {
	each(t, func(o *office) {
		to := o.endpoint(Enabled, "*")
		for _, one := range o.happen(PaymentCaptured, "pay_1", 32) {
			if one.Thread != "" || one.Sequence != 0 {
				o.Errorf("%+v", one)
			}
		}
		o.happen(PaymentCreated, "pay_1", 16)
		if got := o.due(to); len(got) != 2 {
			o.Errorf("due are %v", got)
		}
	})
}

func TestLanesAreDueByTheirHead(t *testing.T) {
	each(t, func(o *office) {
		busy, idle, off := o.endpoint(Enabled, "payment.*"), o.endpoint(Enabled, "refund.*"), o.endpoint(Disabled, "payment.*")
		o.happen(PaymentCreated, "pay_1", 1)
		o.happen(PaymentCaptured, "pay_1", 2)
		dueLanes := func() (found []string) {
			must(o.T, o.store.DueLanes(o.Context(), o.now.Now(), func(l DueLane) { found = append(found, l.Endpoint) }))
			return found
		}
		if got := dueLanes(); !slices.Equal(got, []string{busy.ID}) {
			o.Errorf("due are %v; %s is idle and %s is off", got, idle.ID, off.ID)
		}
		if _, all := o.stored(); len(all) != 4 {
			o.Errorf("%d deliveries: those to a disabled endpoint wait for it", len(all))
		}
		for _, l := range must1(o.store.Due(o.Context(), shop, busy.ID, time.Unix(0, 0), o.now.Now(), Oldest, 10))(o.T) {
			l.DueAt = o.now.Now().Add(time.Minute)
			must(o.T, o.db.Commit(o.Context(), db.NewChange(shop, DeliveryRow(l.Delivery))))
		}
		if got := dueLanes(); len(got) != 0 {
			o.Errorf("due before their time: %v", got)
		}
		lags := must1(o.store.Lags(o.Context()))(o.T)
		if lags[Healthy].Endpoints != 2 || lags[Stopped].Endpoints != 1 || !lags[Healthy].Oldest.Equal(o.now.Now()) || !lags[Slowed].Oldest.IsZero() {
			o.Errorf("lags %+v", lags)
		}
	})
}

func must1[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		must(t, err)
		return v
	}
}

func TestDeliveriesOfAllStatesAreListedTogether(t *testing.T) {
	each(t, func(o *office) {
		to, other := o.endpoint(Enabled, "*"), o.endpoint(Enabled, "*")
		for i := range 9 {
			o.happen(PaymentCreated, fmt.Sprint("pay_", i), 1)
		}
		_, all := o.stored()
		var mine []string
		for _, d := range all {
			if d.Endpoint != to.ID {
				continue
			}
			switch len(mine) % 3 {
			case 0:
				d.State, d.DueAt = DeliverySucceeded, time.Time{}
			case 1:
				d = d.GiveUp("no")
			}
			mine = append(mine, d.ID)
			must(o.T, o.db.Commit(o.Context(), db.NewChange(shop, DeliveryRow(d))))
		}
		ids := func(p db.Page, f DeliveryFilter) (found []string, more bool) {
			list, more, err := o.store.Deliveries(o.Context(), shop, p, f)
			must(o.T, err)
			for _, d := range list {
				found = append(found, d.ID)
			}
			return found, more
		}
		for name, c := range map[string]struct {
			page db.Page
			f    DeliveryFilter
			want []string
			more bool
		}{
			"first":     {db.Page{Limit: 4}, DeliveryFilter{Endpoint: to.ID}, mine[:4], true},
			"next":      {db.Page{Limit: 4, StartingAfter: mine[3]}, DeliveryFilter{Endpoint: to.ID}, mine[4:8], true},
			"last":      {db.Page{Limit: 4, StartingAfter: mine[7]}, DeliveryFilter{Endpoint: to.ID}, mine[8:], false},
			"back":      {db.Page{Limit: 4, EndingBefore: mine[8]}, DeliveryFilter{Endpoint: to.ID}, mine[4:8], true},
			"failed":    {db.Page{Limit: 10}, DeliveryFilter{Endpoint: to.ID, State: DeliveryFailed}, []string{mine[1], mine[4], mine[7]}, false},
			"of event":  {db.Page{Limit: 10}, DeliveryFilter{Endpoint: to.ID, Event: all[0].Event}, mine[:1], false},
			"elsewhere": {db.Page{Limit: 10}, DeliveryFilter{Endpoint: other.ID, State: DeliveryFailed}, nil, false},
		} {
			if got, more := ids(c.page, c.f); !slices.Equal(got, c.want) || more != c.more {
				o.Errorf("%s: %v %t, want %v %t", name, got, more, c.want, c.more)
			}
		}
	})
}

func TestATryIsReadBackAsItWas(t *testing.T) {
	each(t, func(o *office) {
		o.endpoint(Enabled, "*")
		d := o.happen(PaymentCreated, "pay_1", 1)[0]
		a := Attempt{
			Merchant: shop, Delivery: d.ID, Number: 1, URL: "https://shop.example/", RequestHeader: map[string][]string{"A": {"b", "c"}}, Status: 500,
			Error: "the endpoint answered 500", ResponseHeader: map[string][]string{"D": {"e"}}, ResponseBody: []byte("no\xff"), Truncated: true,
			FirstByte: 3 * time.Millisecond, Duration: 5 * time.Millisecond, CreatedAt: o.now.Now(),
		}
		row, err := AttemptRow(a)
		must(o.T, err)
		must(o.T, o.db.Commit(o.Context(), db.NewChange(shop, row)))
		if err := o.db.Commit(o.Context(), db.NewChange(shop, row)); !fault.Is(err, fault.Exists) {
			o.Errorf("written twice: %v", err)
		}
		found := must1(o.store.Attempts(o.Context(), shop, d.ID))(o.T)
		if len(found) != 1 || fmt.Sprintf("%+v", found[0]) != fmt.Sprintf("%+v", a) {
			o.Fatalf("read back %+v", found)
		}
		shown := found[0].Object([]byte(`{}`))
		if shown.Response == nil || shown.Response.Body != "no" || shown.Response.Base64 || shown.Response.FirstByteMS != 3 || shown.DurationMS != 5 {
			o.Errorf("shown %+v", shown.Response)
		}
		if text, coded := Text([]byte("\xff\xfe bytes")); !coded || text != "//4gYnl0ZXM=" {
			o.Errorf("bytes are shown as %q, %t", text, coded)
		}
	})
}

func TestOnlySecretsThatHaveNotExpiredSign(t *testing.T) {
	each(t, func(o *office) {
		e := o.endpoint(Enabled, "*")
		if n := len(e.Signing(o.now.Now())); n != 2 {
			o.Errorf("%d sign", n)
		}
		object := Standing{Endpoint: e}.Object(o.now.Now())
		if object.OldSecretExpires == nil || object.Secret != "" || !slices.Equal(object.HeaderNames, []string{"X-Key"}) || strings.Contains(fmt.Sprintf("%+v", object), "hunter2") {
			o.Errorf("shown %+v", object)
		}
		later := o.now.Now().Add(time.Hour)
		if live := e.Signing(later); len(live) != 1 || live[0].Reveal() != "whsec_bmV3" {
			o.Errorf("%d sign an hour later", len(live))
		}
		if object := (Standing{Endpoint: e}).Object(later); object.OldSecretExpires != nil {
			o.Errorf("an old secret is still shown: %s", object.OldSecretExpires)
		}
	})
}
