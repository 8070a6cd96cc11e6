package webhook

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/secret"
)

const ownSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// faulty checks that an error names these parameters and no others.
func faulty(t *testing.T, what string, err error, params ...string) {
	t.Helper()
	var wrong *fault.Error
	if !errors.As(err, &wrong) || wrong.Kind != fault.Invalid {
		t.Errorf("%s: %v", what, err)
		return
	}
	var named []string
	for _, f := range wrong.Fields {
		named = append(named, f.Param)
		if f.Code == "" || f.Detail == "" {
			t.Errorf("%s: %+v", what, f)
		}
	}
	if slices.Sort(named); !slices.Equal(named, params) {
		t.Errorf("%s: named %q, want %q", what, named, params)
	}
}

// conflict checks that an error is a refusal by the state of things.
func conflict(t *testing.T, what string, err error) {
	t.Helper()
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Kind != fault.Conflict || refused.Code != fault.CodeStateConflict || refused.Detail == "" {
		t.Errorf("%s: %v", what, err)
	}
}

func (p *post) stored(endpoint string) event.Standing {
	p.Helper()
	s, err := p.store.Standing(p.Context(), shop, endpoint)
	if err != nil {
		p.Fatal(err)
	}
	return s
}

func TestAnEndpointIsMadeAsItWasAskedFor(t *testing.T) {
	eachPost(t, func(p *post) {
		chain, key := newAuthority(p.T).issue(p.T, "north", p.now.Now().Add(time.Hour))
		o, err := p.endpoints.Create(p.Context(), shop, EndpointInput{
			URL: "https://shop.example/hooks", Events: []string{"payment.*"}, Description: "till", Ordering: event.ByObject, Concurrency: 64, RateLimit: 5000,
			Headers: map[string]string{"X-Shop": "north", "Authorization": "Bearer hidden"}, ClientCertificate: &ClientCertificate{chain, key},
			Secret: secret.New(ownSecret), Metadata: map[string]string{"k": "v"},
		}, alone)
		if err != nil {
			p.Fatal(err)
		}
		if o.Ordering != event.ByObject || o.Concurrency != 64 || o.RateLimit != 5000 || !slices.Equal(o.HeaderNames, []string{"Authorization", "X-Shop"}) ||
			o.ClientCertificate == nil || o.ClientCertificate.Subject != "CN=north" || o.Secret != ownSecret || o.Health != event.Healthy || o.OldestPendingAge != nil {
			p.Errorf("made %+v", o)
		}
		s := p.stored(o.ID)
		if s.Headers["Authorization"].Reveal() != "Bearer hidden" || s.Certificate != chain || s.CertificateKey.Reveal() != key.Reveal() || s.Secrets[0].Secret.Reveal() != ownSecret {
			p.Errorf("stored %+v", s)
		}
		if again := s.Object(p.now.Now()); again.Secret != "" || !slices.Equal(again.HeaderNames, o.HeaderNames) {
			p.Errorf("shown again %+v", again)
		}
		plain := p.listen("https://shop.example/plain", "*")
		if plain.Ordering != event.Unordered || plain.Concurrency != event.DefaultConcurrency || plain.RateLimit != 0 || CheckSecret(plain.Secret) != "" {
			p.Errorf("by default %+v", plain)
		}
	})
}

func TestEveryWrongFieldOfAnEndpointIsNamedAtOnce(t *testing.T) {
	eachPost(t, func(p *post) {
		wrong := EndpointInput{
			URL: "ftp://shop.example", Events: []string{"*", "pay*"}, Ordering: "time", Concurrency: 65, RateLimit: 5001,
			Headers: map[string]string{"Host": "a", "X-Shop": "a\r\nX: b"}, ClientCertificate: &ClientCertificate{}, Secret: secret.New("whsec_c2hvcnQ="),
		}
		_, err := p.endpoints.Create(p.Context(), shop, wrong, nil)
		faulty(p.T, "all", err, "client_certificate.certificate", "concurrency", "events[1]", "headers.Host", "headers.X-Shop", "ordering", "rate_limit", "secret", "url")
		if strings.Contains(err.Error(), "c2hvcnQ") {
			p.Errorf("the secret is told back: %v", err)
		}
		wrong = EndpointInput{URL: "https://shop.example", Events: slices.Repeat([]string{"*"}, event.MaxFilters+1), Concurrency: -1, RateLimit: -1, Secret: secret.New("secret")}
		_, err = p.endpoints.Create(p.Context(), shop, wrong, nil)
		faulty(p.T, "below", err, "concurrency", "events", "rate_limit", "secret")
		if all, err := p.endpoints.List(p.Context(), shop); err != nil || len(all) > 0 {
			p.Errorf("made %v, %v", all, err)
		}
	})
}

func TestAHundredEndpointsAreEnoughAndEachIsHeard(t *testing.T) {
	eachPost(t, func(p *post) {
		add := func(n int) {
			p.Helper()
			c := db.NewChange(shop)
			for range n {
				rows, err := p.store.EndpointRows(event.Endpoint{
					Merchant: shop, ID: p.ids.New(id.Endpoint), URL: "https://shop.example/", Filters: []string{"*"}, Status: event.Enabled, Ordering: event.Unordered, Concurrency: 1, CreatedAt: p.now.Now(),
				})
				if err != nil {
					p.Fatal(err)
				}
				c.Add(rows...)
			}
			if err := p.db.Commit(p.Context(), c); err != nil {
				p.Fatal(err)
			}
		}
		add(event.MaxEndpoints)
		_, err := p.endpoints.Create(p.Context(), shop, EndpointInput{URL: "https://shop.example/", Events: []string{"*"}}, nil)
		if !errors.Is(err, event.ErrTooManyEndpoints) {
			p.Errorf("one more: %v", err)
		}
		add(1) // as a creation does that met another one
		c := db.NewChange(shop)
		if err := p.outbox.Emit(p.Context(), c, event.Fact{Type: event.PaymentCreated, Subject: "pay_1"}, p.now.Now()); err != nil {
			p.Fatal(err)
		}
		if n := len(event.DueIn(c)); n != event.MaxEndpoints+1 {
			p.Errorf("%d are told", n)
		}
		if all, err := p.endpoints.List(p.Context(), shop); err != nil || len(all) != event.MaxEndpoints+1 {
			p.Errorf("%d are listed, %v", len(all), err)
		}
	})
}

func TestMailIsForThoseWhoCanSendIt(t *testing.T) {
	eachPost(t, func(p *post) {
		in := EndpointInput{URL: "mailto:ops@shop.example", Events: []string{"*"}}
		_, err := p.endpoints.Create(p.Context(), shop, in, nil)
		faulty(p.T, "no server", err, "url")
		p.endpoints.Mail = true
		made, err := p.endpoints.Create(p.Context(), shop, in, alone)
		if err != nil || made.URL != in.URL {
			p.Errorf("%+v, %v", made, err)
		}
		in.URL = "mailto:ops@shop.example?cc=all@shop.example"
		_, err = p.endpoints.Create(p.Context(), shop, in, nil)
		faulty(p.T, "two addresses", err, "url")
		in.URL, in.Headers, in.ClientCertificate = made.URL, map[string]string{"X-Shop": "north"}, &ClientCertificate{}
		_, err = p.endpoints.Create(p.Context(), shop, in, nil)
		faulty(p.T, "what only HTTP has", err, "client_certificate", "headers")
		_, err = p.endpoints.Update(p.Context(), shop, made.ID, EndpointChange{Headers: in.Headers, ClientCertificate: &ClientCertificate{Chain: "x"}}, nil)
		faulty(p.T, "later", err, "client_certificate", "headers")
	})
}

func ref[T any](v T) *T { return &v }

func TestAChangeTouchesWhatItNamesAlone(t *testing.T) {
	eachPost(t, func(p *post) {
		chain, key := newAuthority(p.T).issue(p.T, "north", p.now.Now().Add(time.Hour))
		o := p.listen("https://shop.example/hooks", "payment.*")
		own, lane := &ClientCertificate{chain, key}, p.stored(o.ID).Lane
		for name, c := range map[string]struct {
			change EndpointChange
			is     func(e event.Standing) bool
		}{
			"events":      {EndpointChange{Events: []string{"refund.*"}}, func(e event.Standing) bool { return slices.Equal(e.Filters, []string{"refund.*"}) }},
			"description": {EndpointChange{Description: ref("till")}, func(e event.Standing) bool { return e.Description == "till" }},
			"ordering":    {EndpointChange{Ordering: ref(event.ByObject)}, func(e event.Standing) bool { return e.Ordering == event.ByObject }},
			"concurrency": {EndpointChange{Concurrency: ref(int64(3))}, func(e event.Standing) bool { return e.Concurrency == 3 }},
			"rate":        {EndpointChange{RateLimit: ref(int64(7))}, func(e event.Standing) bool { return e.RateLimit == 7 }},
			"headers":     {EndpointChange{Headers: map[string]string{"X-Shop": "a"}}, func(e event.Standing) bool { return e.Headers["X-Shop"].Reveal() == "a" }},
			"certificate": {EndpointChange{ClientCertificate: own}, func(e event.Standing) bool { return e.Certificate == chain }},
			"metadata":    {EndpointChange{Metadata: map[string]string{"k": "v"}}, func(e event.Standing) bool { return maps.Equal(e.Metadata, map[string]string{"k": "v"}) }},
		} {
			shown, err := p.endpoints.Update(p.Context(), shop, o.ID, c.change, alone)
			if err != nil || !c.is(p.stored(o.ID)) || shown.Secret != "" {
				p.Errorf("%s: %+v, %v", name, shown, err)
			}
		}
		s := p.stored(o.ID)
		if s.Description != "till" || s.Concurrency != 3 || s.RateLimit != 7 || len(s.Headers) != 1 || s.Certificate != chain || len(s.Metadata) != 1 || s.Ordering != event.ByObject {
			p.Errorf("a later change undid an earlier one: %+v", s)
		}
		if s.Lane != lane {
			p.Errorf("the lane was written: whoever sends in it takes that for a mended endpoint")
		}
		_, err := p.endpoints.Update(p.Context(), shop, o.ID, EndpointChange{Headers: map[string]string{}, ClientCertificate: &ClientCertificate{}, RateLimit: ref(int64(0))}, alone)
		if s = p.stored(o.ID); err != nil || len(s.Headers) > 0 || s.Certificate != "" || !s.CertificateKey.Empty() || s.RateLimit != 0 || s.Concurrency != 3 {
			p.Errorf("taken away: %+v, %v", s, err)
		}
		_, err = p.endpoints.Update(p.Context(), shop, o.ID, EndpointChange{
			Events: []string{}, Status: ref(event.EndpointStatus("deleted")), Ordering: ref(event.Ordering("")), Concurrency: ref(int64(0)), RateLimit: ref(int64(-1)),
			Headers: map[string]string{"Webhook-Id": "a"}, ClientCertificate: &ClientCertificate{Chain: chain},
		}, nil)
		faulty(p.T, "all wrong", err, "client_certificate.private_key", "concurrency", "events", "headers.Webhook-Id", "ordering", "rate_limit", "status")
		if _, err := p.endpoints.Update(p.Context(), "acct_other:test", o.ID, EndpointChange{}, nil); !fault.Is(err, fault.NotFound) {
			p.Errorf("another merchant: %v", err)
		}
	})
}

func TestAChangeThatMeetsAnotherIsDecidedAnew(t *testing.T) {
	eachPost(t, func(p *post) {
		o := p.listen("https://shop.example/hooks", "*")
		met := 0
		shown, err := p.endpoints.Update(p.Context(), shop, o.ID, EndpointChange{Description: ref("ours")}, func(*db.Change, event.EndpointObject) error {
			if met++; met > 1 {
				return nil
			}
			_, err := p.endpoints.Update(p.Context(), shop, o.ID, EndpointChange{Concurrency: ref(int64(2)), Status: ref(event.Disabled)}, alone)
			return err
		})
		if s := p.stored(o.ID); err != nil || met != 2 || s.Description != "ours" || s.Concurrency != 2 || s.Status != event.Disabled || !s.Lane.Paused || shown.Concurrency != 2 {
			p.Errorf("after %d decisions %+v, %v", met, s, err)
		}
		always := 0
		_, err = p.endpoints.Update(p.Context(), shop, o.ID, EndpointChange{Description: ref("never")}, func(*db.Change, event.EndpointObject) error {
			always++
			_, err := p.endpoints.Update(p.Context(), shop, o.ID, EndpointChange{RateLimit: ref(int64(always))}, alone)
			return err
		})
		if !fault.Is(err, fault.Stale) || always != changeTries {
			p.Errorf("after %d tries %v", always, err)
		}
	})
}

func TestAStatusIsChangedAsByEnableAndDisable(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		o := p.listen(e.URL, "*")
		shown, err := p.endpoints.Update(p.Context(), shop, o.ID, EndpointChange{Status: ref(event.Disabled)}, alone)
		if err != nil || shown.Status != event.Disabled || *shown.DisabledReason != event.DisabledByMerchant || shown.Health != event.Stopped {
			p.Fatalf("%+v, %v", shown, err)
		}
		p.happen(event.PaymentCaptured, nil)
		p.now.Advance(time.Minute)
		p.work()
		if shown, err = p.endpoints.Get(p.Context(), shop, o.ID); err != nil || len(e.heard) > 0 || shown.OldestPendingAge == nil || *shown.OldestPendingAge != 60 {
			p.Errorf("while disabled: heard %d, %+v, %v", len(e.heard), shown, err)
		}
		if shown, err = p.endpoints.Update(p.Context(), shop, o.ID, EndpointChange{Status: ref(event.Enabled)}, alone); err != nil || shown.Status != event.Enabled || shown.DisabledReason != nil {
			p.Errorf("%+v, %v", shown, err)
		}
		p.work()
		if shown, err = p.endpoints.Get(p.Context(), shop, o.ID); err != nil || len(e.heard) != 1 || shown.OldestPendingAge != nil {
			p.Errorf("once enabled: heard %d, %+v, %v", len(e.heard), shown, err)
		}
	})
}

// The clock stands still, so what is known of an endpoint does not grow old by itself.
func TestWhoSendsFollowsAChangeInItsProcessAtOnce(t *testing.T) {
	eachPost(t, func(p *post) {
		arrived := make(chan struct{}, 4)
		e := newEar(p.T)
		for range cap(arrived) {
			e.script = append(e.script, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{} })
		}
		o := p.listen(e.URL, "*")
		p.run(p.sender)
		next := func() heard {
			p.happen(event.PaymentCaptured, nil)
			<-arrived
			e.mu.Lock()
			defer e.mu.Unlock()
			return e.heard[len(e.heard)-1]
		}
		if !verifies(p.T, next(), o.Secret) {
			p.Fatal("the first does not verify")
		}
		rotated, err := p.endpoints.RotateSecret(p.Context(), shop, o.ID, Rotation{}, alone)
		if err != nil {
			p.Fatal(err)
		}
		if h := next(); !verifies(p.T, h, rotated.Secret) || verifies(p.T, h, o.Secret) {
			p.Errorf("the rotated secret is not what signs: %v", h.header)
		}
		if _, err := p.endpoints.Update(p.Context(), shop, o.ID, EndpointChange{Headers: map[string]string{"X-Shop": "south"}}, alone); err != nil {
			p.Fatal(err)
		}
		if h := next(); h.header.Get("X-Shop") != "south" {
			p.Errorf("the changed header is not sent: %v", h.header)
		}
	})
}

// The lane has looked at its endpoint already when the secret is changed and the event happens.
func TestWhatHappensAfterAChangeIsSentAsTheEndpointIsThen(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		o := p.listen(e.URL, "*")
		defer p.outbox.Listen(p.sender.hear)()
		l := p.sender.newLane(laneKey{shop, o.ID})
		if !l.take(p.Context()) {
			p.Fatal("the lane is not free")
		}
		rotated, err := p.endpoints.RotateSecret(p.Context(), shop, o.ID, Rotation{}, alone)
		if err != nil {
			p.Fatal(err)
		}
		p.happen(event.PaymentCaptured, nil)
		l.turn(p.Context())
		l.drain(p.Context())
		if len(e.heard) != 1 || !verifies(p.T, e.heard[0], rotated.Secret) {
			p.Errorf("heard %d, not signed with the new secret", len(e.heard))
		}
	})
}

func TestOwnHeadersAndTheirHidingReachTheEndpointAndTheRecord(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		o, err := p.endpoints.Create(p.Context(), shop, EndpointInput{URL: e.URL, Events: []string{"*"}, Headers: map[string]string{"X-Key": "hidden-value"}}, alone)
		if err != nil {
			p.Fatal(err)
		}
		p.happen(event.PaymentCaptured, nil)
		p.work()
		if len(e.heard) != 1 || e.heard[0].header.Get("X-Key") != "hidden-value" {
			p.Fatalf("heard %+v", e.heard)
		}
		shown, err := p.endpoints.Delivery(p.Context(), shop, p.deliveries()[0].ID)
		if err != nil || len(shown.Attempts) != 1 || !slices.Equal(shown.Attempts[0].Request.Header["X-Key"], []string{hiddenHeader}) ||
			!bytes.Equal([]byte(shown.Attempts[0].Request.Body), e.heard[0].body) || shown.Endpoint != o.ID {
			p.Errorf("%+v, %v", shown, err)
		}
	})
}
