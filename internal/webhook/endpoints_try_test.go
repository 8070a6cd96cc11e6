package webhook

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

// try tests an endpoint for a caller that adds nothing.
func (p *post) try(endpoint string) (event.DeliveryObject, error) {
	return p.endpoints.Test(p.Context(), shop, endpoint, onlyDelivery, onlyDelivery)
}

func TestATestIsForOneEndpointAloneAndAtOnce(t *testing.T) {
	eachPost(t, func(p *post) {
		other := newEar(p.T)
		p.listen(other.URL, "*")
		e := newEar(p.T)
		o := p.listen(e.URL, "refund.*")
		var begun, ended event.DeliveryObject
		got, err := p.endpoints.Test(p.Context(), shop, o.ID, func(c *db.Change, d event.DeliveryObject) error {
			begun = d
			return nil
		}, func(c *db.Change, d event.DeliveryObject) error {
			ended = d
			return nil
		})
		if err != nil || got.Status != event.DeliverySucceeded || got.EventType != event.EndpointTest || got.NextAttemptAt != nil || got.AttemptCount != 1 || len(got.Attempts) != 1 {
			p.Fatalf("%+v, %v", got, err)
		}
		if begun.ID != got.ID || begun.Status != event.DeliveryPending || ended.ID != got.ID || ended.Status != got.Status || len(ended.Attempts) != 1 {
			p.Errorf("begun %+v, ended %+v", begun, ended)
		}
		if len(e.heard) != 1 || !verifies(p.T, e.heard[0], o.Secret) || got.Attempts[0].Request.Body != string(e.heard[0].body) || got.Attempts[0].Response.Status != 200 ||
			!strings.Contains(string(e.heard[0].body), `"type":"webhook_endpoint.test"`) || !strings.Contains(string(e.heard[0].body), `"id":"`+o.ID+`"`) {
			p.Errorf("heard %+v", e.heard)
		}
		p.now.Advance(time.Hour)
		p.work()
		if len(e.heard) != 1 || len(other.heard) != 0 {
			p.Errorf("later heard %d, another endpoint %d", len(e.heard), len(other.heard))
		}
		if shown, err := p.endpoints.Delivery(p.Context(), shop, got.ID); err != nil || shown.Status != event.DeliverySucceeded || len(shown.Attempts) != 1 {
			p.Errorf("kept %+v, %v", shown, err)
		}
		if _, err := p.endpoints.Test(p.Context(), "acct_other:test", o.ID, onlyDelivery, onlyDelivery); !fault.Is(err, fault.NotFound) {
			p.Errorf("another merchant: %v", err)
		}
	})
}

func TestALaneLeavesATestToWhoMakesIt(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T, func(http.ResponseWriter, *http.Request) {
			p.now.Advance(tryTimeout)
			p.work()
		})
		o := p.listen(e.URL, "*")
		if got, err := p.try(o.ID); err != nil || got.Status != event.DeliverySucceeded || len(e.heard) != 1 {
			p.Errorf("heard %d: %+v, %v", len(e.heard), got, err)
		}
	})
}

func TestATestThatFailsDoesNotComeAgainByItself(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T, status(500), status(500), status(500))
		o := p.listen(e.URL, "*")
		got, err := p.try(o.ID)
		if err != nil || got.Status != event.DeliveryFailed || got.NextAttemptAt != nil || got.ResponseStatus != 500 || got.Error == "" || got.Attempts[0].Error == "" {
			p.Fatalf("%+v, %v", got, err)
		}
		p.now.Advance(time.Hour)
		p.work()
		if _, err := p.endpoints.Enable(p.Context(), shop, o.ID, alone); err != nil { // nor by a recovery
			p.Fatal(err)
		}
		p.work()
		if len(e.heard) != 1 {
			p.Errorf("heard %d", len(e.heard))
		}
		if _, err := p.endpoints.Retry(p.Context(), shop, got.ID, onlyDelivery); err != nil {
			p.Fatal(err)
		}
		p.work()
		p.now.Advance(time.Hour)
		p.work()
		if d := p.deliveries()[0]; d.State != event.DeliveryFailed || d.Attempts != 2 || len(e.heard) != 2 {
			p.Errorf("retried by hand: %+v, heard %d", d, len(e.heard))
		}
	})
}

func TestATestReachesWhoIsNotSentTo(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		for range failuresToOpen {
			e.script = append(e.script, status(500))
		}
		o := p.listen(e.URL, "*")
		for range failuresToOpen {
			p.happen(event.PaymentCaptured, nil)
		}
		p.work()
		if s := p.stored(o.ID); s.Health() != event.Slowed {
			p.Fatalf("the breaker is closed: %+v", s.Lane)
		}
		if got, err := p.try(o.ID); err != nil || got.Status != event.DeliverySucceeded {
			p.Errorf("with its breaker open: %+v, %v", got, err)
		}
		lane := p.stored(o.ID).Lane
		if lane.OpenUntil.IsZero() {
			p.Error("the test closed the breaker")
		}
		if _, err := p.endpoints.Disable(p.Context(), shop, o.ID, alone); err != nil {
			p.Fatal(err)
		}
		e.script = []http.HandlerFunc{status(http.StatusGone)}
		if got, err := p.try(o.ID); err != nil || got.Status != event.DeliveryFailed || got.ResponseStatus != http.StatusGone {
			p.Errorf("while disabled: %+v, %v", got, err)
		}
		if s := p.stored(o.ID); s.Status != event.Disabled || s.DisabledReason != event.DisabledByMerchant {
			p.Errorf("the test changed the endpoint: %+v", s)
		}
	})
}

// What a process leaves that died within a test is tried by the lane, once.
func TestATestIsNotLostWithItsProcess(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T, status(500))
		o := p.listen(e.URL, "*")
		died := errors.New("died")
		_, err := p.endpoints.Test(p.Context(), shop, o.ID, onlyDelivery, func(*db.Change, event.DeliveryObject) error { return died })
		if !errors.Is(err, died) {
			p.Fatal(err)
		}
		if d := p.deliveries()[0]; d.State != event.DeliveryPending || d.Attempts != 0 || d.DueAt.Sub(p.now.Now()) <= tryTimeout {
			p.Errorf("%+v", d)
		}
		p.now.Advance(testHold)
		e.script = []http.HandlerFunc{status(500)}
		p.work()
		p.now.Advance(time.Hour)
		p.work()
		if d := p.deliveries()[0]; d.State != event.DeliveryFailed || d.Attempts != 1 || len(e.heard) != 2 {
			p.Errorf("%+v, heard %d", d, len(e.heard))
		}
	})
}

func TestATestThatIsNotBegunIsNotSent(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		o := p.listen(e.URL, "*")
		taken := &db.Conflict{Kind: fault.Exists}
		_, err := p.endpoints.Test(p.Context(), shop, o.ID, func(*db.Change, event.DeliveryObject) error { return taken }, onlyDelivery)
		if !fault.Is(err, fault.Exists) || len(e.heard) > 0 || len(p.deliveries()) > 0 {
			p.Errorf("heard %d, %v", len(e.heard), err)
		}
	})
}

func TestAMerchantsTestsAreBounded(t *testing.T) {
	eachPost(t, func(p *post) {
		arrived, release := make(chan struct{}), make(chan struct{})
		hang := func(http.ResponseWriter, *http.Request) {
			arrived <- struct{}{}
			<-release
		}
		e := newEar(p.T)
		for range testsOfTenant {
			e.script = append(e.script, hang)
		}
		o := p.listen(e.URL, "*")
		var all sync.WaitGroup
		for range testsOfTenant {
			all.Go(func() {
				if got, err := p.try(o.ID); err != nil || got.Status != event.DeliverySucceeded {
					p.Errorf("%+v, %v", got, err)
				}
			})
		}
		for range testsOfTenant {
			<-arrived
		}
		var full *fault.Error
		if _, err := p.try(o.ID); !errors.As(err, &full) || full.Kind != fault.Unavailable || full.RetryAfter <= 0 {
			p.Errorf("one too many: %v", err)
		}
		close(release)
		all.Wait()
		if _, err := p.try(o.ID); err != nil {
			p.Errorf("once they are done: %v", err)
		}
	})
}
