package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer bounds what is read of an answer: a page of a hundred expanded payments is far below it.
const maxAnswer = 16 << 20

// The waits between tries double from firstWait to longestWait, less a random part of up to half. A server that asks for more
// than patience is not waited for: the caller gets the error with RetryAfter and decides.
const (
	firstWait   = 250 * time.Millisecond
	longestWait = 8 * time.Second
	patience    = 30 * time.Second
)

// CallOption changes one call.
type CallOption func(*call)

// WithIdempotencyKey sets the key of one call: for a call that must be the same over restarts of the caller, or to repeat a
// call whose outcome is open. The same key with another body is refused (422 idempotency_key_reused).
func WithIdempotencyKey(key string) CallOption { return func(c *call) { c.key = key } }

// WithExpand asks for more of an object, such as "attempts", "refunds", "timeline" of a payment.
func WithExpand(fields ...string) CallOption {
	return func(c *call) {
		for _, f := range fields {
			c.expand(f)
		}
	}
}

// Meta is what an answer says beside its object.
type Meta struct {
	RequestID string // req_…
	Replayed  bool   // the answer had been given before, to the same idempotency key
	Tries     int
}

// WithMeta fills m when the call ends with an answer, good or bad.
func WithMeta(m *Meta) CallOption { return func(c *call) { c.meta = m } }

// call is one call with all its tries.
type call struct {
	method string
	base   *url.URL
	path   string // escaped
	query  url.Values
	body   []byte // nil: none
	kind   string // the body's media type; empty: JSON
	key    string
	meta   *Meta
}

func (c *call) expand(field string) {
	if c.query == nil {
		c.query = url.Values{}
	}
	if old := c.query.Get("expand"); old != "" {
		field = old + "," + field
	}
	c.query.Set("expand", field)
}

// answer is one good answer.
type answer struct {
	header http.Header
	body   []byte
}

func get[T any](ctx context.Context, c *core, path string, query url.Values, options []CallOption) (*T, error) {
	return do[T](ctx, c, &call{method: http.MethodGet, base: c.base, path: path, query: query}, options)
}

func remove[T any](ctx context.Context, c *core, path string, options []CallOption) (*T, error) {
	return do[T](ctx, c, &call{method: http.MethodDelete, base: c.base, path: path}, options)
}

func post[T any](ctx context.Context, c *core, path string, body any, options []CallOption) (*T, error) {
	return write[T](ctx, c, http.MethodPost, c.base, path, body, options)
}

// write is a POST or a PATCH. A nil body is an empty object: the server wants JSON.
func write[T any](ctx context.Context, c *core, method string, base *url.URL, path string, body any, options []CallOption) (*T, error) {
	if body == nil {
		body = struct{}{}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("florin: %s %s: %w", method, path, err)
	}
	return do[T](ctx, c, &call{method: method, base: base, path: path, body: text, key: c.newKey()}, options)
}

// do runs a call and reads its object.
func do[T any](ctx context.Context, c *core, k *call, options []CallOption) (*T, error) {
	for _, option := range options {
		option(k)
	}
	got, err := c.run(ctx, k)
	if err != nil {
		return nil, err
	}
	object := new(T)
	if len(got.body) == 0 { // 204
		return object, nil
	}
	if err := json.Unmarshal(got.body, object); err != nil {
		return nil, fmt.Errorf("florin: %s %s (%s): the answer cannot be read: %w", k.method, k.path, got.header.Get("Request-Id"), err)
	}
	return object, nil
}

// run tries a call until there is an answer that stands, or tries or time are used up.
func (c *core) run(ctx context.Context, k *call) (answer, error) {
	for try := 1; ; try++ {
		got, err := c.try(ctx, k, try)
		if err == nil {
			return got, nil
		}
		d, again := c.again(err, try)
		if !again || ctx.Err() != nil || tooLate(ctx, c.now().Add(d)) {
			return answer{}, err
		}
		if c.wait(ctx, d) != nil {
			return answer{}, err // what the server or the network said tells more than that the caller gave up
		}
	}
}

// again decides whether a failed try is followed by another one, and after how long.
func (c *core) again(err error, try int) (time.Duration, bool) {
	if try > c.retries {
		return 0, false
	}
	backoff := c.jitter(min(firstWait<<min(try-1, 20), longestWait))
	var refused *Error
	if errors.As(err, &refused) {
		return max(backoff, refused.RetryAfter), refused.temporary() && refused.RetryAfter <= patience
	}
	var lost *TransportError
	if !errors.As(err, &lost) {
		return 0, false
	}
	// A certificate that is wrong will be wrong again, and nothing was sent.
	var certificate *tls.CertificateVerificationError
	return backoff, !errors.As(err, &certificate)
}

// temporary tells whether the same request may be answered otherwise a little later. An answer about a payment, and one that
// is stored under the key, are decisions: they stay.
func (e *Error) temporary() bool {
	if e.replayed || e.Payment != "" {
		return false
	}
	switch e.Status {
	case http.StatusConflict:
		return e.Code == CodeIdempotencyInUse
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// try sends the request once. Its error is an *Error, or a *TransportError if there was no answer.
func (c *core) try(ctx context.Context, k *call, number int) (answer, error) {
	log := c.logger.With(slog.String("method", k.method), slog.String("path", k.path), slog.String("idempotency_key", k.key), slog.Int("try", number))
	lost := func(err error) (answer, error) {
		log.DebugContext(ctx, "florin: no answer", slog.String("error", err.Error()))
		return answer{}, &TransportError{Method: k.method, Path: k.path, IdempotencyKey: k.key, Tries: number, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return lost(context.Cause(ctx))
	}
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := c.request(bounded, k)
	if err != nil {
		return answer{}, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return lost(cause(err))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	err = errors.Join(err, response.Body.Close())
	if err != nil {
		return lost(err)
	}
	if len(body) > maxAnswer {
		return answer{}, fmt.Errorf("florin: %s %s: the answer is over %d bytes", k.method, k.path, maxAnswer)
	}
	log.DebugContext(ctx, "florin: answer", slog.Int("status", response.StatusCode), slog.String("request_id", response.Header.Get("Request-Id")))
	if k.meta != nil {
		*k.meta = Meta{response.Header.Get("Request-Id"), response.Header.Get("Idempotent-Replayed") == "true", number}
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		e := readError(response.StatusCode, response.Header, body, c.now())
		e.IdempotencyKey = k.key
		return answer{}, e
	}
	return answer{response.Header, body}, nil
}

func (c *core) request(ctx context.Context, k *call) (*http.Request, error) {
	address := k.base.String() + k.path
	if len(k.query) > 0 {
		address += "?" + k.query.Encode()
	}
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body)
	}
	r, err := http.NewRequestWithContext(ctx, k.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("florin: %s %s: %w", k.method, k.path, cause(err))
	}
	c.authorize(r.Header)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "florin-go")
	if c.version != "" {
		r.Header.Set("Florin-Version", c.version)
	}
	if k.body != nil {
		r.Header.Set("Content-Type", cmp.Or(k.kind, "application/json"))
		r.Header.Set("Idempotency-Key", k.key)
	}
	return r, nil
}

// cause takes the URL out of an error of net/http: a query may hold what a log should not.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// tooLate tells whether the context ends before the time of the next try: then waiting for it is in vain.
func tooLate(ctx context.Context, next time.Time) bool {
	deadline, ok := ctx.Deadline()
	return ok && next.After(deadline)
}

// wait is a pause that ends early, with the context's error, if the context does.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// jitter takes off up to half, so that callers that failed together do not come back together.
func jitter(d time.Duration) time.Duration { return d - rand.N(d/2) }

// under is the path of a thing by its id. An empty id would be the list of all things, so it is refused.
func under(collection, id string, rest ...string) (string, error) {
	if id == "" {
		return "", fmt.Errorf("florin: %s: the id is empty", collection)
	}
	path := collection + "/" + url.PathEscape(id)
	for _, r := range rest {
		path += "/" + r
	}
	return path, nil
}
