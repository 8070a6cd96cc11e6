package vault

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/problem"
)

// The hosted fields are pages that a shop shows in frames: what is typed into them, only this origin can read. Their script talks to
// the page around by the messages that docs/hosted-fields.md describes, never about digits.

//go:embed fields/*.js fields/*.css fields/*.html fields/text/*.json
var fieldFiles embed.FS

// fieldsVersion is the version of the messages.
const fieldsVersion = "v1"

// input is one box of a field, by the names of its texts.
type input struct {
	Part         string // number expiry cvc
	Autocomplete string // the browser's word for it. Source: HTML Living Standard, autofill field names
	Label        string
	Placeholder  string
	MaxLength    int // characters as they are shown
}

// fieldParts are what each kind of field asks for, in the order of the keyboard.
var fieldParts = map[string][]string{
	"card": {"number", "expiry", "cvc"}, "card-number": {"number"}, "card-expiry": {"expiry"}, "card-cvc": {"cvc"},
}

// inputs are the boxes, with texts in English: the script puts in those of the payer's language.
func inputs(kind string) []input {
	all := map[string]input{
		"number": {Autocomplete: "cc-number", MaxLength: 40}, "expiry": {Autocomplete: "cc-exp", MaxLength: 12}, "cvc": {Autocomplete: "cc-csc", MaxLength: 10},
	}
	english := fieldTexts[defaultLocale]
	var out []input
	for _, part := range fieldParts[kind] {
		in := all[part]
		in.Part, in.Label, in.Placeholder = part, english.Labels[part], english.Placeholders[part]
		out = append(out, in)
	}
	return out
}

// fieldPage is what the page is made of.
type fieldPage struct {
	Kind, Key, Origin, Title, Lang, NoScript string
	Inputs                                   []input
	Style, Script                            string   // paths
	Preload                                  []string // what Script imports
}

var pageTemplate = template.Must(template.ParseFS(fieldFiles, "fields/page.html"))

// The headers of a page, beside its Content-Security-Policy. A page that isolates itself may only frame what says the last two.
var pageHeaders = map[string]string{
	"Content-Type":                 "text/html; charset=utf-8",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Embedder-Policy": "require-corp",
	"Cross-Origin-Resource-Policy": "cross-origin",
	"Permissions-Policy": "accelerometer=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), " +
		"magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=()",
}

func (v *Vault) serveField(w http.ResponseWriter, r *http.Request) {
	request := v.begin(w, r)
	page, sources, err := v.field(w, r)
	if err != nil {
		v.refuse(w, r, request, err)
		return
	}
	var text bytes.Buffer
	if err := pageTemplate.Execute(&text, page); err != nil {
		v.refuse(w, r, request, fmt.Errorf("render field %s: %w", page.Kind, err))
		return
	}
	for name, value := range pageHeaders {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors "+strings.Join(sources, " "))
	v.send(w, r, request, text.Bytes())
}

// send writes a body whose headers are set. A caller that is gone is only noted.
func (v *Vault) send(w http.ResponseWriter, r *http.Request, request string, body []byte) {
	if _, err := w.Write(body); err != nil {
		v.logger.DebugContext(r.Context(), "caller did not take the answer", "request_id", request, "error", err)
	}
}

// field decides on a request for a field: the page, and the sources whose pages may show it.
func (v *Vault) field(w http.ResponseWriter, r *http.Request) (fieldPage, []string, error) {
	kind := r.PathValue("field")
	if r.PathValue("version") != fieldsVersion || fieldParts[kind] == nil {
		return fieldPage{}, nil, errPath
	}
	if err := readOnly(w, r); err != nil {
		return fieldPage{}, nil, err
	}
	d := v.fields.Take(limit.ByAddress(v.address(r)))
	d.Header(w.Header())
	if err := d.Err(); err != nil {
		return fieldPage{}, nil, err
	}
	key, err := publishable(r.URL.Query()["key"])
	if err != nil {
		return fieldPage{}, nil, err
	}
	origin, err := parseOrigin(r.URL.Query().Get("origin"))
	if err != nil {
		return fieldPage{}, nil, fault.Wrong("origin", fault.CodeInvalid, "must be the origin of the page around the field: "+err.Error())
	}
	sources, err := v.frameAncestors(r.Context(), key)
	if err != nil {
		return fieldPage{}, nil, err
	}
	if !slices.ContainsFunc(sources, func(s string) bool { return covers(s, origin) }) {
		return fieldPage{}, nil, errFrame
	}
	texts := fieldTexts[defaultLocale]
	return fieldPage{
		Kind: kind, Key: key, Origin: browserOrigin(origin), Title: texts.Titles[kind], Lang: defaultLocale, NoScript: texts.NoScript,
		Inputs: inputs(kind), Style: fieldAssets.style, Script: fieldAssets.script, Preload: fieldAssets.preload,
	}, sources, nil
}

var errFrame = fault.New(fault.Forbidden, problem.CodeOrigin, "the origin is not registered for the merchant of this key: add it with florin merchant update --origin")

// readOnly refuses every method but GET and HEAD.
func readOnly(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	w.Header().Set("Allow", "GET, HEAD")
	return problem.New(problem.CodeMethod, "the path takes GET only")
}

// publishable is the key of a query. A secret key in a page's address is worth a word of its own: it is no secret any more.
func publishable(given []string) (string, error) {
	switch {
	case len(given) == 0 || given[0] == "":
		return "", fault.New(fault.Unauthorized, codeKeyMissing, "the address has no publishable key: add ?key=pk_…")
	case len(given) > 1:
		return "", fault.New(fault.Malformed, problem.CodeDuplicate, "the key stands twice")
	case !strings.HasPrefix(given[0], "pk_"):
		return "", fault.New(fault.Forbidden, codeKeyKind, "the fields take a publishable key, pk_… If this was a secret key, revoke it: it stood in a page")
	}
	return given[0], nil
}

// frameAncestors are the sources of frame-ancestors for a key, as browsers write them. What is not an origin is left out: it
// would end the directive, or say something else in it.
func (v *Vault) frameAncestors(ctx context.Context, key string) ([]string, error) {
	given, err := v.ancestors(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("frame ancestors: %w", err)
	}
	var sources []string
	for _, text := range given {
		host, anyPort := strings.CutSuffix(text, ":*")
		origin, err := parseOrigin(host)
		switch {
		case err != nil:
			v.logger.WarnContext(ctx, "an origin that may show the hosted fields is none", "error", err)
			continue
		case anyPort:
			origin = origin[:strings.LastIndexByte(origin, ':')] + ":*"
		default:
			origin = browserOrigin(origin)
		}
		sources = append(sources, origin)
	}
	return sources, nil
}

// covers tells whether a source of frame-ancestors names an origin, which has its port.
func covers(source, origin string) bool {
	if host, anyPort := strings.CutSuffix(source, ":*"); anyPort {
		return host == origin[:strings.LastIndexByte(origin, ':')]
	}
	return source == browserOrigin(origin)
}

// browserOrigin is an origin as browsers write it: without the port that its scheme has anyhow.
func browserOrigin(origin string) string {
	for scheme, port := range defaultPorts {
		if bare, ok := strings.CutSuffix(origin, ":"+port); ok && strings.HasPrefix(origin, scheme+"://") {
			return bare
		}
	}
	return origin
}
