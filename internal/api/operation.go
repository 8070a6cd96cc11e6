package api

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/obs"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/strict"
)

// operation is one line of the contract.
type operation struct {
	id      string // for programs: createPayment
	method  string
	path    string
	tag     string
	summary string
	doc     string
	scope   access.Scope

	status   int          // of success
	answer   reflect.Type // of success, or of each event of a stream; nil: it has no body
	body     reflect.Type // nil: it takes none
	optional bool         // the body may be left out
	raw      []string     // the types of a body that is a file; body is nil then
	files    []string     // the types of an answer that is a file; answer is nil then
	most     int64        // how many bytes a body has at most; maxBody if zero
	query    []string     // the names of its query parameters
	stream   string       // what the answer is a stream of, if it is one
	sample   string       // of a body, or of a stream, for the documentation
	shows    story        // how the sample of the answer differs from the common one
	priority priority     // under overload; set when it is registered
	refusals []int        // the statuses of refusals beyond those that every operation has
	looks    bool         // it writes nothing, whatever its method: it ends when its caller hangs up
}

func (o *operation) writes() bool { return o.method != http.MethodGet }

// takesBody tells whether there is a body to read, JSON or a file.
func (o *operation) takesBody() bool { return o.body != nil || o.raw != nil }

func (o *operation) mostBody() int64 { return cmp.Or(o.most, maxBody) }

// metadata is the key under which huma hands an operation back.
const metadata = "florin"

// output lets an operation write its own bytes: those that were stored for a repeat are those that are sent.
type output struct {
	Body func(huma.Context)
}

// register adds an operation to the mux and to the document. I holds its parameters, and a field RawBody if it takes a
// body.
func register[I any](a *API, o operation, run func(ctx context.Context, rq *request, in *I) (answer, error)) {
	operate(a, o, func(ctx context.Context, rq *request, in *I) (func(), error) {
		given, err := run(ctx, rq, in)
		return func() { rq.Answer(given) }, err
	})
}

// operate adds an operation whose answer run gives as what writes it.
func operate[I any](a *API, o operation, run func(ctx context.Context, rq *request, in *I) (func(), error)) {
	op := &o
	op.query, op.priority = queryNames(reflect.TypeFor[I]()), o.rank()
	a.operations = append(a.operations, op)
	described := a.describe(op)
	huma.Register(a.huma, described, func(ctx context.Context, in *I) (*output, error) {
		rq := requestOf(ctx)
		ctx, done := rq.work(ctx)
		defer done()
		write, err := (func())(nil), error(nil)
		if op.body == nil { // else decode tells of the query together with the body
			err = rq.query.Err()
		}
		if err == nil {
			write, err = run(ctx, rq, in)
		}
		if err != nil {
			given := rq.fail(err)
			write = func() { rq.Answer(given) }
		}
		return &output{Body: func(huma.Context) { write() }}, nil
	})
	if o.body != nil {
		bodies.Compile(o.body)                                            // a shape that cannot be compiled shows at start
		delete(described.RequestBody.Content, "application/octet-stream") // what huma takes a raw body for
		media := described.RequestBody.Content[jsonType]
		media.Schema = a.huma.OpenAPI().Components.Schemas.Schema(o.body, true, o.id)
		described.RequestBody.Required = !o.optional
	}
	if o.raw != nil {
		delete(described.RequestBody.Content, "application/octet-stream")
		described.RequestBody.Required = true
	}
}

// work is the context of a request's work.
func (rq *request) work(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = obs.With(ctx, obs.MerchantID, rq.principal.Tenant)
	if !rq.operation.writes() {
		return context.WithTimeout(ctx, lookTimeout)
	}
	if rq.operation.looks || rq.operation.takesBody() && rq.Request.Body == http.NoBody {
		// huma has set a deadline for a body that does not come. It would strike while the connection only waits for the
		// answer, and end every later request on it. Writers that have no deadlines need no taking back.
		_ = huma.SetReadDeadline(rq.ResponseWriter, time.Time{})
	}
	if rq.operation.looks {
		return context.WithTimeout(ctx, workTimeout)
	}
	// Once money may move, a caller that hangs up does not stop the work: its retry will want the answer.
	return context.WithTimeout(context.WithoutCancel(ctx), workTimeout)
}

// queryNames are the query parameters that an input takes.
func queryNames(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("query"); name != "" {
			name, _, _ = strings.Cut(name, ",")
			names = append(names, name)
		}
	}
	return names
}

// admit lets a request in: whether there is room for it, who calls, whether it may, and whether the rest is worth reading.
func (a *API) admit(ctx huma.Context, next func(huma.Context)) {
	rq := requestOf(ctx.Context())
	rq.operation = ctx.Operation().Metadata[metadata].(*operation)
	if rq.operation.stream == "" {
		leave, err := a.valve.enter(rq.operation.priority)
		if err != nil {
			rq.Answer(rq.fail(err))
			return
		}
		defer leave()
	}
	if err := a.admission(rq); err != nil {
		rq.Answer(rq.fail(err))
		return
	}
	if rq.operation.raw != nil || rq.operation.files != nil {
		select {
		case a.files <- struct{}{}:
			defer func() { <-a.files }()
		default:
			rq.Answer(rq.fail(errFiles))
			return
		}
	}
	next(ctx)
}

// filesAtOnce is how many files are taken or given at once: they are large, and are held whole.
const filesAtOnce = 16

var errFiles = &fault.Error{Kind: fault.Unavailable, Code: fault.CodeOverloaded, Detail: "too many files are under way", RetryAfter: time.Second}

func (a *API) admission(rq *request) error {
	ctx, done := context.WithTimeout(rq.Request.Context(), admitTimeout)
	defer done()
	principal, err := a.Authenticate(ctx, rq.Request)
	if err != nil {
		return err
	}
	rq.principal, rq.Merchant = principal, principal.Tenant
	if err := principal.Require(rq.operation.scope); err != nil {
		return err
	}
	if rq.operation.takesBody() {
		if err := rq.operation.bodyHead(rq.Request); err != nil {
			return err
		}
	}
	return rq.readQuery()
}

// readQuery refuses a query that cannot be read. It notes parameters that nothing takes and parameters that stand twice,
// one of which would be ignored: they are told together with what else is wrong.
func (rq *request) readQuery() error {
	if rq.Request.URL.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(rq.Request.URL.RawQuery)
	if err != nil {
		return fault.New(fault.Malformed, problem.CodeMalformed, "the query cannot be read")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch {
		case !slices.Contains(rq.operation.query, name):
			rq.query.Add(strict.Shorten(name), problem.CodeUnknown, "there is no such parameter")
		case len(query[name]) > 1:
			rq.query.Add(name, problem.CodeDuplicate, "stands twice")
		}
	}
	return nil
}

// bodyHead refuses by the head what needs no reading of the body.
func (o *operation) bodyHead(r *http.Request) error {
	if most := o.mostBody(); r.ContentLength > most {
		return fault.New(fault.TooLarge, problem.CodeTooLarge, fmt.Sprintf("the body is larger than %d MiB", most>>20))
	}
	if o.raw != nil {
		if !slices.Contains(o.raw, mediaType(r.Header["Content-Type"])) || len(r.Header["Content-Encoding"]) > 0 {
			return problem.New(problem.CodeMediaType, "the body is a file of the type "+strings.Join(o.raw, ", "))
		}
		return nil
	}
	if r.ContentLength == 0 {
		return nil
	}
	if !plainJSON(r.Header["Content-Type"]) || len(r.Header["Content-Encoding"]) > 0 {
		return problem.New(problem.CodeMediaType, "")
	}
	return nil
}

// mediaType is the content type without its parameters, empty if there is none or more than one.
func mediaType(values []string) string {
	if len(values) != 1 {
		return ""
	}
	kind, _, err := mime.ParseMediaType(values[0])
	if err != nil {
		return ""
	}
	return kind
}

// plainJSON tells whether the content type is application/json, in UTF-8 if it says so.
func plainJSON(values []string) bool {
	if len(values) != 1 {
		return false
	}
	if values[0] == jsonType {
		return true
	}
	kind, rest, _ := strings.Cut(values[0], ";")
	if !strings.EqualFold(strings.TrimSpace(kind), jsonType) {
		return false
	}
	rest = strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(rest, " ", ""), `"`, ""))
	return rest == "" || rest == "charset=utf-8"
}

// describe makes the document's entry.
func (a *API) describe(o *operation) huma.Operation {
	d := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Tags: []string{o.tag}, Summary: o.summary, Description: o.doc,
		DefaultStatus: o.status, Metadata: map[string]any{metadata: o},
		SkipValidateBody: true, BodyReadTimeout: bodyTimeout, MaxBodyBytes: o.mostBody() + 1, // huma refuses a body that reaches its bound
		Security:  []map[string][]string{{"secretKey": {string(o.scope)}}},
		Responses: a.responses(o),
	}
	d.Parameters = append(d.Parameters, &huma.Param{Ref: "#/components/parameters/FlorinVersion"})
	if o.body != nil {
		d.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{jsonType: {}}}
	}
	if o.raw != nil {
		d.BodyReadTimeout = fileTimeout
		d.RequestBody = &huma.RequestBody{Content: fileContent(o.raw)}
	}
	if o.method == http.MethodPost || o.method == http.MethodPatch {
		d.Parameters = append(d.Parameters, &huma.Param{Ref: idempotencyRef})
	}
	return d
}

// fileContent describes a file of one of some types.
func fileContent(kinds []string) map[string]*huma.MediaType {
	content := map[string]*huma.MediaType{}
	for _, kind := range kinds {
		content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}, Example: "the bytes of the file"}
	}
	return content
}

// always are the refusals that every operation may answer; those that write or have a body may answer more.
var (
	always   = []int{400, 401, 403, 500, 503}
	withBody = []int{408, 413, 415, 422}
)

func (a *API) responses(o *operation) map[string]*huma.Response {
	schemas := a.huma.OpenAPI().Components.Schemas
	headers := map[string]*huma.Param{headerRequestID: requestIDHeader}
	if o.method == http.MethodPost || o.method == http.MethodPatch {
		headers[headerReplayed] = replayedHeader
	}
	success := &huma.Response{Description: http.StatusText(o.status), Headers: headers}
	switch {
	case o.stream != "":
		success.Content = map[string]*huma.MediaType{eventStream: {
			Schema: &huma.Schema{Type: huma.TypeString}, Example: o.sample,
			Extensions: map[string]any{itemSchema: schemas.Schema(o.answer, true, o.id+"Answer")},
		}}
	case o.files != nil:
		success.Content = fileContent(o.files)
	case o.answer != nil:
		success.Content = map[string]*huma.MediaType{jsonType: {Schema: schemas.Schema(o.answer, true, o.id+"Answer")}}
	}
	all := map[string]*huma.Response{strconv.Itoa(o.status): success}
	statuses := slices.Concat(always, o.refusals)
	if o.writes() {
		statuses = append(statuses, http.StatusConflict)
	}
	if o.takesBody() {
		statuses = append(statuses, withBody...)
	}
	if strings.Contains(o.path, "{") {
		statuses = append(statuses, http.StatusNotFound)
	}
	for _, status := range statuses {
		all[strconv.Itoa(status)] = refusal(a.huma.OpenAPI(), status)
	}
	return all
}
