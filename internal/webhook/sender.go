package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
)

// Sender delivers events to endpoints, at least once.
type Sender struct {
	db     *db.DB
	store  *event.Store
	clock  clock.Clock
	client *http.Client
}

// NewSender makes a sender. It reaches private networks only if allowPrivate is set.
func NewSender(d *db.DB, s *event.Store, c clock.Clock, allowPrivate bool) *Sender {
	return &Sender{db: d, store: s, clock: c, client: newClient(allowPrivate)}
}

// Sweeps is the sender's queue.
func (s *Sender) Sweeps() []db.Sweep { return []db.Sweep{event.DeliverySweep(s.deliver)} }

// deliver tries one delivery that is due.
func (s *Sender) deliver(ctx context.Context, key []string) error {
	d, err := s.store.Delivery(ctx, key[0], key[1])
	if err != nil || d.State != event.DeliveryPending {
		return err
	}
	to, err := s.store.Endpoint(ctx, d.Merchant, d.Endpoint)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil || to.Status != event.Enabled {
		return s.write(ctx, giveUp(d, "the endpoint is gone or disabled"))
	}
	e, err := s.store.Event(ctx, d.Merchant, d.Event)
	if err != nil {
		return fmt.Errorf("event %s of delivery %s: %w", d.Event, d.ID, err)
	}
	answer := s.post(ctx, to, e)
	if answer.status == http.StatusGone {
		if err := s.disable(ctx, d.Merchant, d.Endpoint); err != nil {
			return err
		}
	}
	return s.write(ctx, after(d, answer, s.clock.Now()))
}

// disable stops sending to an endpoint that has said that it is gone. Deliveries that wait for it are given up when they
// are due.
func (s *Sender) disable(ctx context.Context, tenant, endpoint string) error {
	ctx = context.WithoutCancel(ctx)
	for {
		to, err := s.store.Endpoint(ctx, tenant, endpoint)
		if fault.Is(err, fault.NotFound) || err == nil && to.Status != event.Enabled {
			return nil // deleted, or disabled by another delivery
		}
		if err != nil {
			return err
		}
		to.Status = event.Disabled
		row, err := s.store.EndpointUpdate(to)
		if err != nil {
			return err
		}
		if err = s.db.Commit(ctx, db.NewChange(tenant, row)); !fault.Is(err, fault.Stale) {
			return err
		}
	}
}

// answer is what came of one try.
type answer struct {
	status     int
	retryAfter time.Duration
	err        error // why there was no answer
}

// maxAnswer is how much of an answer is read: enough to use the connection again, not enough to hurt.
const maxAnswer = 16 << 10

func (s *Sender) post(ctx context.Context, to event.Endpoint, e event.Event) answer {
	now := s.clock.Now()
	signature, err := sign(to.Secrets, e.ID, now, e.Body)
	if err != nil {
		return answer{err: err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(e.Body))
	if err != nil {
		return answer{err: err}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Florin-Webhooks/1.0")
	request.Header.Set("Webhook-Id", e.ID)
	request.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	request.Header.Set("Webhook-Signature", signature)
	response, err := s.client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer))
	if err = errors.Join(err, response.Body.Close()); err != nil && response.StatusCode/100 != 2 {
		return answer{err: err}
	}
	return answer{status: response.StatusCode, retryAfter: retryAfter(response.Header)}
}

// after is the delivery once a try has ended. A 2xx is success, a 410 ends it, and everything else comes again: a
// redirect, too, is no success.
func after(d event.Delivery, a answer, now time.Time) event.Delivery {
	d.Attempts++
	d.LastStatus, d.LastAt, d.LastError = int64(a.status), now, ""
	switch {
	case a.err != nil:
		d.LastError = reason(a.err)
	case a.status/100 == 2:
		d.State, d.DueAt = event.DeliverySucceeded, time.Time{}
		return d
	default:
		d.LastError = "the endpoint answered " + strconv.Itoa(a.status)
	}
	if d.DueAt = nextTry(d.ID, d.Attempts, d.CreatedAt, now, a.retryAfter); d.DueAt.IsZero() || a.status == http.StatusGone {
		return giveUp(d, d.LastError)
	}
	return d
}

func giveUp(d event.Delivery, why string) event.Delivery {
	d.State, d.DueAt, d.LastError = event.DeliveryFailed, time.Time{}, why
	return d
}

// maxError bounds what is kept of an error's text, in bytes.
const maxError = 300

// reason is why there was no answer, for the merchant to read. It leaves out what the errors say of our own network: our
// resolver, our addresses, and what a name means to us.
func reason(err error) string {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var lookup *net.DNSError
	var operation *net.OpError
	var late net.Error
	switch {
	case errors.Is(err, errForbiddenAddress):
		return errForbiddenAddress.Error()
	case errors.As(err, &lookup):
		return "the name of the host does not resolve"
	case errors.As(err, &late) && late.Timeout():
		return "the endpoint did not answer in time"
	case errors.As(err, &operation):
		err = operation.Err
	}
	text := err.Error()
	return strings.ToValidUTF8(strings.ReplaceAll(text[:min(len(text), maxError)], "\x00", ""), "")
}

func (s *Sender) write(ctx context.Context, d event.Delivery) error {
	err := s.db.Commit(context.WithoutCancel(ctx), db.NewChange(d.Merchant, event.DeliveryUpdate(d)))
	if fault.Is(err, fault.Stale) {
		return nil // its lease ran out and another worker has it: sent twice, recorded once
	}
	return err
}
