package webhook

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/secret"
)

// The message and its signature are those of the standard's own libraries' tests.
func TestThePublishedSignatureComesOut(t *testing.T) {
	known := secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	got, err := sign([]secret.Text{known}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want || err != nil {
		t.Errorf("signed %s, %v", got, err)
	}
	if _, err := sign([]secret.Text{secret.New("whsec_%%%")}, "m", time.Unix(0, 0), nil); err == nil {
		t.Error("a secret that is none signs")
	}
}

func TestEachLiveSecretSigns(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		made := p.listen(e.URL, "*")
		stored, err := p.store.Endpoint(p.Context(), shop, made.ID)
		if err != nil {
			p.Fatal(err)
		}
		fresh := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		stored.Secrets = slices.Insert(stored.Secrets, 0, secret.New(fresh))
		row, err := p.store.EndpointUpdate(stored)
		if err != nil {
			p.Fatal(err)
		}
		if err := p.db.Commit(p.Context(), db.NewChange(shop, row)); err != nil {
			p.Fatal(err)
		}
		p.happen(event.PaymentCaptured, map[string]string{})
		p.work()
		for _, one := range []string{fresh, made.Secret} {
			verifier, err := standardwebhooks.NewWebhook(one)
			if err != nil {
				p.Fatal(err)
			}
			if err := verifier.VerifyIgnoringTimestamp(e.heard[0].body, e.heard[0].header); err != nil {
				p.Errorf("one of two secrets does not verify: %v", err)
			}
		}
		if n := len(strings.Fields(e.heard[0].header.Get("Webhook-Signature"))); n != 2 {
			p.Errorf("%d signatures", n)
		}
	})
}

// killed sends what is due and dies before it can write what came of it.
func (p *post) killed() {
	p.Helper()
	sweep := event.DeliverySweep(func(ctx context.Context, key []string) error {
		d, err := p.store.Delivery(ctx, key[0], key[1])
		if err != nil {
			return err
		}
		to, err := p.store.Endpoint(ctx, d.Merchant, d.Endpoint)
		if err != nil {
			return err
		}
		e, err := p.store.Event(ctx, d.Merchant, d.Event)
		if err != nil {
			return err
		}
		p.sender.post(ctx, to, e)
		return errors.New("killed")
	})
	if _, err := p.db.SweepOnce(p.Context(), sweep); err != nil {
		p.Fatal(err)
	}
}

func TestWhatWasSentAndNotRecordedIsSentAgain(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		p.listen(e.URL, "*")
		p.happen(event.PaymentCaptured, map[string]string{"id": "pay_1"})
		p.killed()
		p.work() // another worker, while the first one's lease lasts
		if len(e.heard) != 1 {
			p.Fatalf("heard %d webhooks within the lease", len(e.heard))
		}
		p.now.Advance(time.Minute)
		p.work()
		if len(e.heard) != 2 || !bytes.Equal(e.heard[0].body, e.heard[1].body) ||
			e.heard[0].header.Get("Webhook-Id") != e.heard[1].header.Get("Webhook-Id") {
			p.Errorf("heard %d webhooks: %v", len(e.heard), e.heard)
		}
		if first, second := e.heard[0].header.Get("Webhook-Timestamp"), e.heard[1].header.Get("Webhook-Timestamp"); first == second {
			p.Error("both tries say the same time")
		}
		if d := p.deliveries()[0]; d.State != event.DeliverySucceeded {
			p.Errorf("%+v", d)
		}
	})
}

func TestAnEndpointThatHangsDoesNotHoldUpTheOthers(t *testing.T) {
	eachPost(t, func(p *post) {
		release, heard := make(chan struct{}), make(chan struct{}, 1)
		hangs := func(http.ResponseWriter, *http.Request) { <-release }
		slow, quick := newEar(p.T), newEar(p.T, func(http.ResponseWriter, *http.Request) { heard <- struct{}{} })
		for range 400 {
			slow.script = append(slow.script, hangs)
		}
		p.listen(slow.URL, "payment.*")
		p.listen(quick.URL, "refund.*")
		for range 300 { // more than are sent at once
			p.happen(event.PaymentCreated, map[string]string{})
		}
		p.happen(event.RefundPending, map[string]string{})
		ctx, stop := context.WithCancel(p.Context())
		done := make(chan error, 1)
		go func() { done <- p.db.Sweep(ctx, p.sender.Sweeps()...) }()
		<-heard
		slow.mu.Lock()
		if n := len(slow.heard); n > 64 {
			p.Errorf("%d webhooks at once to one endpoint", n)
		}
		slow.mu.Unlock()
		close(release)
		stop()
		if err := <-done; err != nil {
			p.Error(err)
		}
	})
}

func TestAnAnswerWithoutEndIsNotReadToItsEnd(t *testing.T) {
	eachPost(t, func(p *post) {
		ended := make(chan struct{})
		e := newEar(p.T, func(w http.ResponseWriter, _ *http.Request) {
			defer close(ended)
			for block := make([]byte, 64<<10); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		})
		p.listen(e.URL, "*")
		p.happen(event.PaymentCaptured, map[string]string{})
		p.work()
		<-ended
		if d := p.deliveries()[0]; d.State != event.DeliverySucceeded || d.LastStatus != 200 {
			p.Errorf("%+v", d)
		}
	})
}

func TestAnEndpointHasFifteenSecondsToAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		want  int
	}{"in time": {14 * time.Second, 200}, "too late": {16 * time.Second, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				served := make(chan struct{})
				go func() {
					defer close(served)
					answerAfter(there, c.after)
				}()
				s := NewSender(nil, nil, clock.System{}, false)
				s.client.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return here, nil }}
				begun := time.Now()
				got := s.post(t.Context(), event.Endpoint{URL: "http://shop.example/", Secrets: []secret.Text{secret.New("whsec_AAAA")}}, event.Event{ID: "evt_1"})
				if got.status != c.want || (got.err == nil) != (c.want == 200) {
					t.Errorf("after %s: %+v", time.Since(begun), got)
				}
				if c.want == 0 && (time.Since(begun) != 15*time.Second || reason(got.err) != "the endpoint did not answer in time") {
					t.Errorf("after %s: %q", time.Since(begun), reason(got.err))
				}
				s.client.CloseIdleConnections()
				<-served
			})
		})
	}
}

// answerAfter reads one request and answers it after a time.
func answerAfter(conn net.Conn, after time.Duration) {
	defer conn.Close()
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, request.Body); err != nil {
		return
	}
	<-time.After(after)
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") // it may have hung up
}

// What a merchant is told of a failure says nothing of the network that Florin runs in, and can always be stored.
func TestReasonsTellNothingOfTheInside(t *testing.T) {
	inside := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 53}
	wrap := func(err error) error {
		return &url.Error{Op: "Post", URL: "https://shop.example/?key=hunter2", Err: err}
	}
	for name, err := range map[string]error{
		"reset":     wrap(&net.OpError{Op: "read", Net: "tcp", Source: inside, Addr: inside, Err: errors.New("connection reset by peer")}),
		"forbidden": wrap(&net.OpError{Op: "dial", Net: "tcp", Addr: inside, Err: errForbiddenAddress}),
		"lookup":    wrap(&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "shop.example", Server: "10.1.2.3:53"}}),
		"odd text":  wrap(errors.New("malformed \x00 \xff " + strings.Repeat("ü", 400))),
	} {
		got := reason(err)
		if got == "" || len(got) > maxError || strings.Contains(got, "10.1.2.3") || strings.Contains(got, "hunter2") || strings.ContainsRune(got, 0) || !utf8.ValidString(got) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestDeliveriesAreListedByEndpointAndEvent(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		first, second := p.listen(e.URL, "payment.*"), p.listen(e.URL, "*")
		p.happen(event.PaymentCreated, map[string]string{})
		p.happen(event.RefundPending, map[string]string{})
		all := p.deliveries()
		if len(all) != 3 || !slices.IsSortedFunc(all, func(a, b event.Delivery) int { return strings.Compare(b.ID, a.ID) }) {
			p.Fatalf("%+v", all)
		}
		for _, c := range []struct {
			endpoint, event string
			want            int
		}{{first.ID, "", 1}, {second.ID, "", 2}, {"", all[0].Event, 1}, {"", all[2].Event, 2}, {first.ID, all[0].Event, 0}} {
			found, more, err := p.store.Deliveries(p.Context(), shop, db.Page{Limit: 10}, c.endpoint, c.event)
			if err != nil || more || len(found) != c.want {
				p.Errorf("to %q of %q: %d, %v", c.endpoint, c.event, len(found), err)
			}
		}
		found, _, err := p.store.Deliveries(p.Context(), "acct_other:test", db.Page{Limit: 10}, first.ID, "")
		if err != nil || len(found) != 0 {
			p.Errorf("another merchant sees %v, %v", found, err)
		}
	})
}
