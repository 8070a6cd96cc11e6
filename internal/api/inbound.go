package api

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/inbound"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/strict"
)

// receipt is the answer to a provider.
type receipt struct {
	Received bool `json:"received" doc:"The message is recorded." example:"true"`
}

// receive takes a provider's webhook. The body is handed on as it came: the signature is over its bytes.
func (a *API) receive(w http.ResponseWriter, r *http.Request) {
	rq := requestOf(r.Context())
	// The provider may hang up as soon as it has sent; what it said is applied all the same.
	ctx, done := context.WithTimeout(context.WithoutCancel(r.Context()), workTimeout)
	defer done()
	err := a.Receiver.Receive(ctx, inbound.Message{
		Merchant: r.PathValue("merchant"), Account: r.PathValue("provider_account"), From: a.Address(r), Header: r.Header,
		Body: func() ([]byte, error) { return wholeBody(w, r) },
	})
	if err != nil {
		rq.Answer(rq.fail(err))
		return
	}
	given, err := show(receipt{Received: true}, nil)
	if err != nil {
		given = rq.fail(err)
	}
	rq.Answer(given)
}

func wholeBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, fault.New(fault.TooLarge, problem.CodeTooLarge, "the body is larger than 1 MiB")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem.New(problem.CodeReadTimeout, "")
	case err != nil:
		return nil, fault.New(fault.Malformed, problem.CodeMalformed, "the body did not arrive whole")
	}
	return body, nil
}

// inboundWebhook is a provider's message as it was recorded.
type inboundWebhook struct {
	ID              string          `json:"id" example:"iw_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object          string          `json:"object" enum:"inbound_webhook"`
	Livemode        bool            `json:"livemode"`
	ProviderAccount string          `json:"provider_account" doc:"The provider account that it came for." example:"alpha"`
	EventID         string          `json:"event_id" doc:"The provider's own id of the message, by which it is recorded once. If it gave none that can be kept: sha256: and the hash of the body." example:"wh_8d2f"`
	Type            string          `json:"type" doc:"The provider's own word for it." example:"authorization.captured"`
	Verdict         payment.Verdict `json:"verdict" enum:"waiting,applied,known,unmatched,unsupported,contradicted,unreadable" doc:"What became of it. waiting: it could not be applied yet, and is tried again by itself. known: it said what was known. unmatched: it speaks of nothing of yours. unsupported: this version does not understand it. contradicted: it cannot be true together with what is known. unreadable: its signature is good and its body is not."`
	Detail          string          `json:"detail" doc:"Why, for people; empty if there is nothing to say."`
	Subject         *string         `json:"subject" doc:"The payment, refund or dispute that it speaks of." example:"pay_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Duplicates      int64           `json:"duplicates" doc:"How often it came again. That changed nothing." example:"0"`
	Tries           int64           `json:"tries" doc:"How often it could not be applied." example:"0"`
	AppliedAt       *time.Time      `json:"applied_at" doc:"When it changed something."`
	NextTryAt       *time.Time      `json:"next_try_at" doc:"When it is tried again; null if it does not wait."`
	Body            *string         `json:"body,omitempty" doc:"What the provider sent, card numbers masked. Not in lists, nor in the answer to a replay." example:"{\"id\":\"wh_8d2f\",\"type\":\"authorization.captured\"}"`
	BodyEncoding    string          `json:"body_encoding,omitempty" enum:"utf-8,base64" doc:"How body is to be read: base64 if what came is no UTF-8." example:"utf-8"`
	CreatedAt       time.Time       `json:"created_at" doc:"When it came."`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (w inboundWebhook) ObjectID() string { return w.ID }

type listInboundInput struct {
	Paging
	ProviderAccount string `query:"provider_account" maxLength:"64" doc:"Only messages for this provider account." example:"alpha"`
	Verdict         string `query:"verdict" enum:"waiting,applied,known,unmatched,unsupported,contradicted,unreadable" doc:"Only messages of which this became."`
}

// Resolve checks the query.
func (in *listInboundInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.InboundWebhook)
		if code, detail := plainName(in.ProviderAccount); code != "" {
			f.Add("provider_account", code, detail)
		}
	})
}

// replayInbound takes nothing: a replay is of what was recorded.
type replayInbound struct{}

func (a *API) registerInbound() {
	object := reflect.TypeFor[inboundWebhook]()
	const tag, all, one = inboundTag, "/v1/inbound_webhooks", "/v1/inbound_webhooks/{id}"
	register(a, operation{
		id: "listInboundWebhooks", method: http.MethodGet, path: all, tag: tag, summary: "List inbound webhooks",
		doc:   "What providers said, whether or not it was understood. Their bodies are shown one by one.",
		scope: access.WebhooksRead, status: http.StatusOK, answer: reflect.TypeFor[listing[inboundWebhook]](),
	}, a.listInbound)
	register(a, operation{
		id: "getInboundWebhook", method: http.MethodGet, path: one, tag: tag, summary: "Get an inbound webhook",
		scope: access.WebhooksRead, status: http.StatusOK, answer: object,
	}, a.getInbound)
	register(a, operation{
		id: "replayInboundWebhook", method: http.MethodPost, path: one + "/replay", tag: tag, summary: "Replay an inbound webhook",
		doc:   "Reads the recorded message again and applies it: one that matched nothing may match by now. What it says that is known changes nothing.",
		scope: access.WebhooksWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[replayInbound](), optional: true, sample: `{}`,
	}, a.replayInbound)
}

func (a *API) listInbound(ctx context.Context, rq *request, in *listInboundInput) (answer, error) {
	found, more, err := a.Receiver.List(ctx, rq.principal.Tenant, in.page(), inbound.Filter{
		Account: in.ProviderAccount, Verdict: payment.Verdict(in.Verdict),
	})
	data := make([]inboundWebhook, len(found))
	for i, m := range found {
		data[i] = shownInbound(m)
	}
	return showList(data, more, err)
}

func (a *API) getInbound(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.InboundWebhook) {
		return answer{}, fault.Missing("inbound webhook")
	}
	found, err := a.Receiver.Get(ctx, rq.principal.Tenant, in.ID)
	return show(wholeInbound(found), err)
}

func (a *API) replayInbound(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.InboundWebhook) {
		return answer{}, fault.Missing("inbound webhook")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		if _, err := decodeOptional[replayInbound](rq, in.RawBody, a.Clock.Now()); err != nil {
			return nil, err
		}
		var now inboundWebhook
		_, err := a.Receiver.Replay(ctx, tenant, in.ID, func(c *db.Change, m inbound.Webhook) error {
			now = shownInbound(m)
			c.Add(a.auditReplay(rq.by(), m))
			return o.Result(c, now, nil)
		})
		return now, err
	}, func(ctx context.Context, subject string) (shown, error) {
		found, err := a.Receiver.Get(ctx, tenant, subject)
		return shown{object: shownInbound(found)}, err
	})
}

func (a *API) auditReplay(by audit.By, m inbound.Webhook) db.Row {
	return by.Record(a.IDs, a.Clock.Now(), m.Merchant, "inbound_webhook.replayed", m.ID, map[string]string{"verdict": string(m.Verdict)}).Row()
}

func shownInbound(m inbound.Webhook) inboundWebhook {
	o := inboundWebhook{
		ID: m.ID, Object: "inbound_webhook", Livemode: id.Live(m.Merchant), ProviderAccount: m.Account, EventID: m.Event, Type: m.Type,
		Verdict: m.Verdict, Detail: m.Detail, Duplicates: m.Duplicates, Tries: m.Tries,
		AppliedAt: orNil(m.AppliedAt), NextTryAt: orNil(m.DueAt), CreatedAt: m.CreatedAt,
	}
	if m.Subject != "" {
		o.Subject = &m.Subject
	}
	return o
}

// wholeInbound is a message with its body.
func wholeInbound(m inbound.Webhook) inboundWebhook {
	o := shownInbound(m)
	text := string(m.Body)
	o.BodyEncoding = "utf-8"
	if !utf8.Valid(m.Body) {
		text, o.BodyEncoding = base64.StdEncoding.EncodeToString(m.Body), "base64"
	}
	o.Body = &text
	return o
}
