package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
)

// reference is what the page of the documentation shows. It is made from the OpenAPI document, so it cannot disagree
// with it.
type reference struct {
	Title, Version string
	Intro          []string
	Groups         []*referenceGroup
	Codes          []referenceCode
	Declines       []referenceDecline
	Style          template.CSS
}

type referenceGroup struct {
	Name, Anchor, Doc string
	Operations        []referenceOperation
}

type referenceOperation struct {
	ID, Method, Path, Summary, Doc string
	Scopes                         []string
	Server                         string // where it is served if not by the api zone
	Params, Body, Answer           []referenceRow
	AnswerName                     string
	Curl, Example                  string
	Status                         string
	Refusals                       []string
}

// referenceRow is one parameter or field. Depth is how far inside.
type referenceRow struct {
	Name, Type, Doc, Limits string
	Required                bool
	Depth                   int
}

type referenceCode struct {
	Status                int
	Name, Title, WhatToDo string
}

type referenceDecline struct{ Code, Category, Retry, Text string }

func (a *API) reference() reference {
	doc := a.huma.OpenAPI()
	r := reference{Title: doc.Info.Title, Version: doc.Info.Version, Intro: strings.Split(doc.Info.Description, "\n\n")}
	byName := map[string]*referenceGroup{}
	for _, t := range doc.Tags {
		g := &referenceGroup{Name: t.Name, Anchor: anchor(t.Name), Doc: t.Description}
		byName[t.Name] = g
		r.Groups = append(r.Groups, g)
	}
	w := referenceWriter{doc: doc, schemas: doc.Components.Schemas}
	for _, o := range a.inOrder(doc) {
		g := byName[o.Tags[0]]
		g.Operations = append(g.Operations, w.operation(o))
	}
	for _, c := range problem.Codes {
		r.Codes = append(r.Codes, referenceCode{c.Status, c.Name, c.Title, c.Advice})
	}
	for _, c := range provider.Codes() {
		m := provider.Explain(c)
		r.Declines = append(r.Declines, referenceDecline{string(c), m.Category, string(m.Retry), m.Text})
	}
	return r
}

func anchor(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }

// inOrder is the document's operations as they were registered, then those of other listeners.
func (a *API) inOrder(doc *huma.OpenAPI) []*huma.Operation {
	place := map[string]int{}
	for i, o := range a.operations {
		place[o.id] = i
	}
	var all []*huma.Operation
	for _, p := range doc.Paths {
		all = append(all, operationsOf(p)...)
	}
	slices.SortFunc(all, func(x, y *huma.Operation) int {
		i, ok := place[x.OperationID]
		j, also := place[y.OperationID]
		if !ok || !also {
			return strings.Compare(x.OperationID, y.OperationID)
		}
		return i - j
	})
	return all
}

type referenceWriter struct {
	doc     *huma.OpenAPI
	schemas huma.Registry
	shows   story
}

func (w referenceWriter) operation(o *huma.Operation) referenceOperation {
	r := referenceOperation{ID: o.OperationID, Method: o.Method, Path: o.Path, Summary: o.Summary, Doc: o.Description}
	base := w.doc.Servers[0].URL
	if len(o.Servers) > 0 {
		base, r.Server = o.Servers[0].URL, o.Servers[0].Description
	}
	for _, s := range o.Security {
		for _, scopes := range s {
			r.Scopes = append(r.Scopes, scopes...)
		}
	}
	for _, p := range o.Parameters {
		if p.Ref == "" {
			r.Params = append(r.Params, row(p.Name, p.Schema, p.Description, p.Required, 0))
		}
	}
	var sample string
	if o.RequestBody != nil {
		if media := o.RequestBody.Content[jsonType]; media != nil {
			r.Body, sample = w.rows(media.Schema, 0), exampleText(media)
		}
	}
	w.answers(&r, o)
	r.Curl = curl(o, base, sample)
	return r
}

// exampleText is the example that exemplify gave.
func exampleText(m *huma.MediaType) string {
	text, _ := m.Example.(json.RawMessage)
	return string(text)
}

// exemplify gives every operation examples, in the document and so on the page that is made from it.
func exemplify(doc *huma.OpenAPI) {
	w := referenceWriter{doc: doc, schemas: doc.Components.Schemas}
	for _, p := range doc.Paths {
		for _, o := range operationsOf(p) {
			about, ok := o.Metadata[metadata].(*operation)
			if !ok {
				about = &operation{}
			}
			for _, param := range o.Parameters {
				if param.In == "path" {
					param.Example = pathSample(o.Path, param.Name)
				}
			}
			if o.RequestBody != nil && o.RequestBody.Content[jsonType] != nil {
				media := o.RequestBody.Content[jsonType]
				media.Example = json.RawMessage(cmp.Or(about.sample, w.sample(media.Schema, nil)))
			}
			for _, answer := range o.Responses {
				if media := answer.Content[jsonType]; media != nil {
					media.Example = json.RawMessage(w.sample(media.Schema, about.shows))
				}
			}
		}
	}
}

func operationsOf(p *huma.PathItem) []*huma.Operation {
	return slices.DeleteFunc([]*huma.Operation{p.Get, p.Post, p.Patch, p.Delete}, func(o *huma.Operation) bool { return o == nil })
}

// pathSample is an example of a path's parameter.
func pathSample(path, name string) string {
	switch name {
	case "merchant":
		return "acct_dev"
	case "provider_account":
		return "alpha"
	case "name":
		return "receipt.txt"
	}
	collection, _, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	return idSamples[collection]
}

func (w referenceWriter) answers(r *referenceOperation, o *huma.Operation) {
	for _, status := range slices.Sorted(mapKeys(o.Responses)) {
		if status >= "400" {
			r.Refusals = append(r.Refusals, status)
			continue
		}
		r.Status = status
		if media := o.Responses[status].Content[eventStream]; media != nil {
			item, _ := media.Extensions[itemSchema].(*huma.Schema)
			r.Answer, r.Example = w.rows(item, 0), fmt.Sprint(media.Example)
			r.AnswerName = strings.TrimPrefix(item.Ref, "#/components/schemas/")
		}
		if media := o.Responses[status].Content[jsonType]; media != nil {
			r.Answer, r.Example = w.rows(media.Schema, 0), exampleText(media)
			r.AnswerName = strings.TrimPrefix(media.Schema.Ref, "#/components/schemas/")
		}
	}
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// curl is a command that a reader can paste.
func curl(o *huma.Operation, base, sample string) string {
	var b strings.Builder
	path := o.Path
	for _, p := range o.Parameters {
		if p.In == "path" {
			path = strings.Replace(path, "{"+p.Name+"}", fmt.Sprint(p.Example), 1)
		}
	}
	fmt.Fprintf(&b, "curl %s%s", base, path)
	if o.Method != "GET" && o.RequestBody == nil {
		fmt.Fprintf(&b, " -X %s", o.Method)
	}
	if o.Method == "PATCH" {
		b.WriteString(" -X PATCH")
	}
	switch {
	case len(o.Security) == 0:
		return b.String() + " \\\n  --data-binary @message.json"
	case len(o.Security) > 1:
		b.WriteString(" \\\n  -H 'Authorization: Bearer pk_test_dev'")
	default:
		b.WriteString(" \\\n  -H 'Authorization: Bearer sk_test_dev'")
	}
	if o.RequestBody != nil {
		b.WriteString(" \\\n  -H 'Idempotency-Key: " + strings.ToLower(o.OperationID) + "-1001'")
		b.WriteString(" \\\n  -H 'Content-Type: application/json' \\\n  -d '" + compact(sample) + "'")
	}
	return b.String()
}

func compact(text string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return text
	}
	return b.String()
}

// idSamples are ids for paths, by collection.
var idSamples = map[string]string{
	"manual_queue":  "att_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"routing":       "rp_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"kill_switches": "ks_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"audit_log":     "aud_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"recon":         "brk_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"payments":      "pay_01jd9qk3v8m2x4r6t7w9y0a1b2", "refunds": "ref_01jd9qk3v8m2x4r6t7w9y0a1b2", "events": "evt_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"webhook_endpoints": "we_01jd9qk3v8m2x4r6t7w9y0a1b2", "webhook_deliveries": "wd_01jd9qk3v8m2x4r6t7w9y0a1b2", "webhook_recoveries": "wr_01jd9qk3v8m2x4r6t7w9y0a1b2", "api_keys": "key_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"customers": "cus_01jd9qk3v8m2x4r6t7w9y0a1b2", "payment_methods": "pm_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"orders":            "ord_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"destinations":      "dst_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"payouts":           "po_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"disputes":          "dp_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"inbound_webhooks":  "iw_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"provider_accounts": "alpha",
}

// maxRowDepth is how deep the tables of fields go: an expanded payment holds refunds, which need no third explanation.
const maxRowDepth = 2

// rows are an object's fields in the order of its Go type, with those of objects inside below them.
func (w referenceWriter) rows(s *huma.Schema, depth int) []referenceRow {
	var rows []referenceRow
	w.eachField(s, func(name string, p *huma.Schema, required bool) {
		rows = append(rows, row(name, p, p.Description, required, depth))
		if inner := inside(p); inner != nil && depth < maxRowDepth {
			rows = append(rows, w.rows(inner, depth+1)...)
		}
	})
	return rows
}

// inside is the object that a field or a list holds.
func inside(s *huma.Schema) *huma.Schema {
	switch {
	case s.Ref != "":
		return s
	case len(s.OneOf) > 0:
		return s.OneOf[0]
	case s.Items != nil:
		return inside(s.Items)
	}
	return nil
}

func (w referenceWriter) eachField(s *huma.Schema, do func(name string, p *huma.Schema, required bool)) {
	t := w.schemas.TypeFromRef(cmp.Or(s.Ref, "#/components/schemas/"))
	if t == nil {
		return
	}
	object := w.schemas.SchemaFromRef(s.Ref)
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if p := object.Properties[name]; p != nil {
			do(name, p, slices.Contains(object.Required, name))
		}
	}
}

func row(name string, s *huma.Schema, doc string, required bool, depth int) referenceRow {
	return referenceRow{Name: name, Type: typeWord(s), Doc: doc, Limits: limits(s), Required: required, Depth: depth}
}

func typeWord(s *huma.Schema) string {
	switch {
	case s.Ref != "":
		return strings.TrimPrefix(s.Ref, "#/components/schemas/")
	case len(s.OneOf) > 0:
		return typeWord(s.OneOf[0]) + " or null"
	case s.Items != nil:
		return "list of " + typeWord(s.Items)
	case s.Format == "date-time":
		return nullable("time", s)
	}
	return nullable(s.Type, s)
}

func nullable(word string, s *huma.Schema) string {
	if s.Nullable {
		return word + " or null"
	}
	return word
}

// limits are what a value must keep to, in words.
func limits(s *huma.Schema) string {
	if s.Items != nil {
		s = s.Items
	}
	var words []string
	add := func(format string, v any) { words = append(words, fmt.Sprintf(format, v)) }
	if s.MinLength != nil {
		add("at least %d characters", *s.MinLength)
	}
	if s.MaxLength != nil {
		add("at most %d characters", *s.MaxLength)
	}
	if s.Minimum != nil {
		add("from %.0f", *s.Minimum)
	}
	if s.Maximum != nil {
		add("up to %.0f", *s.Maximum)
	}
	if len(s.Enum) > 1 {
		options := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			options[i] = fmt.Sprint(e)
		}
		add("one of %s", strings.Join(options, ", "))
	}
	if s.Default != nil {
		add("default %v", s.Default)
	}
	return strings.Join(words, " · ")
}
