package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
)

const headerReplayed = idempotency.Replayed

var replayed = http.Header{headerReplayed: {"true"}}

// once makes a write happen once for each idempotency key. It is the payment.Companion of its request: it renders the
// answer in the very Change that makes the answer true, and those bytes are what is sent, now and on every repeat.
//
// The key is not looked up first. The work begins, and the row that takes the key travels in its first Change: a key
// that is taken makes that Change fail whole, before any provider is called. Only a request that failed for whatever
// reason asks what is known of its key. So a fresh key costs no read, and a repeat costs no more than it must.
type once struct {
	api    *API
	rq     *request
	ctx    context.Context // of the work: Result may have to look at the key again
	key    idempotency.Key
	keyed  bool
	status int // of success

	begun    *idempotency.Record // whose started row is in a Change
	subject  string
	answer   answer
	rendered bool
	secret   bool // the answer shows a secret: it is stored sealed
	personal bool // the answer tells who somebody is: it is stored sealed, and not given again once they are erased
}

// work does what the request asks for, with the once as its companion. The error may be a decline.
type work func(ctx context.Context, o *once) (any, error)

// view shows what a request made, as it is now: for the repeat of a request that has no stored answer.
type view func(ctx context.Context, subject string) (shown, error)

// shown is what a request made, as it is now.
type shown struct {
	object   any
	refusal  error // what the request would have been refused with, such as a decline; nil if it succeeded
	inFlight bool  // the outcome is not known yet
	erased   bool  // it was about somebody who is erased: what was answered before is not told again
}

// asItIs is the view of what has no outcome to wait for, and is nobody's personal data: what a store has of a tenant's object.
func asItIs[T any](tenant string, get func(ctx context.Context, tenant, subject string) (T, error)) view {
	return func(ctx context.Context, subject string) (shown, error) {
		found, err := get(ctx, tenant, subject)
		return shown{object: found}, err
	}
}

func (a *API) once(ctx context.Context, rq *request, raw []byte, status int, do work, show view) (answer, error) {
	o := &once{api: a, rq: rq, ctx: ctx, status: status}
	return o.run(ctx, raw, do, show)
}

// act does once what an action without parameters asks for, of an object of this kind; what names it where there is none.
func (a *API) act(ctx context.Context, rq *request, in *actionInput, kind id.Prefix, what string, do work, show view) (answer, error) {
	if !id.Has(in.ID, kind) {
		return answer{}, fault.Missing(what)
	}
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		if _, err := decodeOptional[noParameters](rq, in.RawBody, a.Clock.Now()); err != nil {
			return nil, err
		}
		return do(ctx, o)
	}, show)
}

func (o *once) run(ctx context.Context, raw []byte, do work, show view) (answer, error) {
	r := o.rq.Request
	text, keyed, err := idempotency.Parse(r.Header[idempotency.Header])
	if err != nil {
		return answer{}, err
	}
	if keyed {
		o.keyed = true
		o.key = idempotency.Key{
			Merchant: o.rq.principal.Tenant, Method: r.Method, Path: r.URL.Path, Key: text, Query: r.URL.RawQuery, Body: raw,
		}
	}
	object, err := do(ctx, o)
	if err == nil || isDecline(err) {
		if !o.rendered {
			o.render(object, err)
		}
		return o.answer, nil
	}
	if !keyed {
		return answer{}, err
	}
	return o.repeat(ctx, err, show)
}

func isDecline(err error) bool {
	var declined *payment.DeclinedError
	return errors.As(err, &declined)
}

// repeat answers a request that failed, if its key is known, as the request before it was answered.
func (o *once) repeat(ctx context.Context, failed error, show view) (answer, error) {
	const tries = 3 // a race with the first request, or with the worker of another repeat, is lost once at most
	for range tries {
		record, found, err := o.api.Idempotency.Find(ctx, o.key)
		switch {
		case err != nil && fault.Of(err) != fault.Internal:
			return answer{}, err // used for another request
		case err != nil:
			return answer{}, errors.Join(failed, err)
		case !found:
			return answer{}, failed
		case record.Done && strings.HasPrefix(record.ContentType, personalMark):
			return o.replayPersonal(ctx, record, show)
		case record.Done:
			return o.replay(record)
		case o.owns(record) && !lost(failed) && !fault.Is(failed, fault.Conflict):
			return answer{}, failed // our own: the intent is down, the result is not. A repeat will find it
		}
		given, err := o.adopt(ctx, record, show)
		if !lost(err) {
			return given, err
		}
	}
	return answer{}, failed
}

// owns tells whether a record is the one that this request wrote, as far as can be told: two requests of one
// microsecond about one object look the same, and then each is told that the other still runs.
func (o *once) owns(r idempotency.Record) bool {
	return o.begun != nil && r.Subject == o.subject && r.StartedAt.Equal(o.begun.StartedAt)
}

// lost tells whether a Change failed because another one came first.
func lost(err error) bool { return fault.Is(err, fault.Exists) || fault.Is(err, fault.Stale) }

// sealedMark goes before the content type of an answer that is stored sealed, and personalMark before that if it tells who somebody
// is.
const (
	sealedMark   = "sealed "
	personalMark = "personal "
)

func (o *once) replay(r idempotency.Record) (answer, error) {
	given := answer{Status: r.Status, ContentType: r.ContentType, Body: r.Answer, Header: replayed}
	if plain, ok := strings.CutPrefix(strings.TrimPrefix(r.ContentType, personalMark), sealedMark); ok {
		body, err := o.api.Sealer.Open(r.Answer, o.sealContext())
		if err != nil {
			return answer{}, fmt.Errorf("open a stored answer: %w", err)
		}
		given.ContentType, given.Body = plain, body
	}
	o.rq.Code = codeIn(given)
	return given, nil
}

// replayPersonal gives an answer again that tells who somebody is. Once they are erased the answer is what is left of them.
func (o *once) replayPersonal(ctx context.Context, r idempotency.Record, show view) (answer, error) {
	made, err := show(ctx, r.Subject)
	if err != nil {
		return answer{}, fmt.Errorf("see whether an answer may be given again: %w", err)
	}
	if !made.erased {
		return o.replay(r)
	}
	o.render(made.object, nil)
	o.answer.Header = replayed
	return o.answer, nil
}

// codeIn is the code of a refusal that is given again.
func codeIn(a answer) string {
	var p struct{ Code string }
	if a.ContentType != problem.ContentType || json.Unmarshal(a.Body, &p) != nil {
		return ""
	}
	return p.Code
}

func (o *once) sealContext() []byte { return []byte(o.key.Merchant + " idempotency " + o.key.Path) }

// adopt answers for a request that has left an intent and no answer: with what it made, as that is now. Nobody can tell
// whether its process died or still waits for the provider, so a repeat is refused while the outcome is on its way, for
// as long as the first may run. Once the outcome is known, by the worker or a webhook, the answer is as well: a first
// request that comes back after all finds the stored one and gives it too (see overtaken).
func (o *once) adopt(ctx context.Context, r idempotency.Record, show view) (answer, error) {
	made, err := show(ctx, r.Subject)
	if err != nil {
		return answer{}, fmt.Errorf("show what an interrupted request made: %w", err)
	}
	if lease := o.api.KeyLease - o.api.Clock.Now().Sub(r.StartedAt); made.inFlight && lease > 0 {
		return answer{}, r.InUse(min(lease, time.Second))
	}
	o.render(made.object, made.refusal)
	kind, body, err := o.stored()
	if err != nil {
		return answer{}, err
	}
	c := db.NewChange(o.key.Merchant, r.Answered(o.answer.Status, kind, body))
	if err := o.api.DB.Commit(ctx, c); err != nil {
		return answer{}, fmt.Errorf("store the answer of an interrupted request: %w", err)
	}
	o.answer.Header = replayed
	return o.answer, nil
}

// Intent takes the key in the Change that goes before the work.
func (o *once) Intent(c *db.Change, subject string) {
	if !o.keyed {
		return
	}
	record := o.key.Start(o.api.Clock.Now(), subject)
	o.begun, o.subject = &record, subject
	c.Add(record.Started())
}

// Result renders the answer and stores it in the Change that makes it true.
func (o *once) Result(c *db.Change, object any, err error) error {
	again := o.rendered
	o.render(object, err)
	if !o.keyed {
		return nil
	}
	if again && o.begun != nil {
		if over, err := o.overtaken(); over || err != nil {
			return err
		}
	}
	kind, body, err := o.stored()
	if err != nil {
		return err
	}
	if o.begun != nil {
		c.Add(o.begun.Answered(o.answer.Status, kind, body))
		return nil
	}
	c.Add(o.key.Once(o.api.Clock.Now(), subjectOf(object), o.answer.Status, kind, body))
	return nil
}

// overtaken tells whether a repeat was answered while the first request, this one, still waited for the provider. Its
// answer is the key's then. What became of the money is written all the same, without it.
func (o *once) overtaken() (bool, error) {
	record, found, err := o.api.Idempotency.Find(o.ctx, o.key)
	if err != nil {
		return false, fmt.Errorf("look at the key of a request again: %w", err)
	}
	if !found || !record.Done {
		return false, nil
	}
	o.answer, err = o.replay(record)
	o.answer.Header = nil // to its caller it is no repeat
	return true, err
}

// stored is the answer as it is kept for repeats: its content type and its bytes.
func (o *once) stored() (contentType string, body []byte, err error) {
	if !o.secret && !o.personal {
		return o.answer.ContentType, o.answer.Body, nil
	}
	if body, err = o.api.Sealer.Seal(o.answer.Body, o.sealContext()); err != nil {
		return "", nil, fmt.Errorf("seal an answer: %w", err)
	}
	if o.personal {
		return personalMark + sealedMark + o.answer.ContentType, body, nil
	}
	return sealedMark + o.answer.ContentType, body, nil
}

// render makes the answer's bytes.
func (o *once) render(object any, err error) {
	o.rendered = true
	if err == nil {
		o.answer = answer{Status: o.status, ContentType: jsonType}
		if o.answer.Body, err = problem.Render(object); err == nil {
			return
		}
	}
	o.answer = o.rq.fail(err)
}

// subjectOf is the id of what an answer shows; empty for one that shows many.
func subjectOf(object any) string {
	if o, ok := object.(identified); ok {
		return o.ObjectID()
	}
	return ""
}
