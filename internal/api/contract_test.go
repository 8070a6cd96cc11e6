package api

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
)

var update = flag.Bool("update", false, "write api/openapi.yaml as the binary serves it")

const (
	goldenFile = "../../api/openapi.yaml"
	released   = "../../api/released" // one document for each release whose promises stand
)

func TestTheCommittedDocumentIsWhatTheBinaryServes(t *testing.T) {
	served := newDoor(t).call("GET", "/openapi.yaml", "", "Authorization", "")
	if served.Code != 200 || served.Header().Get("Content-Type") != "application/openapi+yaml" {
		t.Fatalf("served %d, %v", served.Code, served.Header())
	}
	if *update {
		if err := os.WriteFile(goldenFile, served.Body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, served.Body.Bytes()) {
		t.Errorf("api/openapi.yaml is not what is served: see what changed, then run go test ./internal/api -update")
	}
}

// parse reads a document as the tools of its readers do.
func parse(t testing.TB, text []byte) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// parsed reads the committed document once for all tests that only read it: it is long.
var parsed = sync.OnceValues(func() (*openapi3.T, error) {
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromData(text)
})

// described is the committed document, which is what the binary serves. Nobody changes it.
func described(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheDocumentIsValid(t *testing.T) {
	d := newDoor(t)
	for name, text := range map[string][]byte{"yaml": d.pages.yaml().body, "json": d.pages.json().body} {
		doc := parse(t, text)
		err := doc.Validate(t.Context(), openapi3.EnableMultiError(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaDefaultsValidation(),
			openapi3.EnableSchemaPatternValidation())
		if err != nil || doc.OpenAPI != "3.1.0" {
			t.Errorf("%s: OpenAPI %s, %v", name, doc.OpenAPI, err)
		}
	}
	broken := parse(t, bytes.Replace(d.pages.yaml().body, []byte("amount: 9232\n"), []byte("amount: 92.32\n"), 1))
	if broken.Validate(t.Context(), openapi3.EnableExamplesValidation()) == nil {
		t.Error("a wrong example is not noticed")
	}
}

// eachOperation walks a document's operations.
func eachOperation(doc *openapi3.T, do func(path, method string, o *openapi3.Operation)) {
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			do(path, method, o)
		}
	}
}

func TestEveryOperationIsDescribed(t *testing.T) {
	doc := described(t)
	seen := map[string]bool{}
	eachOperation(doc, func(path, method string, o *openapi3.Operation) {
		at := method + " " + path
		if o.OperationID == "" || seen[o.OperationID] || o.Summary == "" || len(o.Tags) != 1 || doc.Tags.Get(o.Tags[0]) == nil {
			t.Errorf("%s: id %q, summary %q, tags %v", at, o.OperationID, o.Summary, o.Tags)
		}
		seen[o.OperationID] = true
		for _, p := range o.Parameters {
			if p.Value.In == "path" && p.Value.Example == nil {
				t.Errorf("%s: %s has no example", at, p.Value.Name)
			}
		}
		if o.RequestBody != nil {
			for kind, media := range o.RequestBody.Value.Content {
				if kind != "*/*" && (kind != jsonType && !takesFile(o) || media.Example == nil) {
					t.Errorf("%s: body %s, example %v", at, kind, media.Example)
				}
			}
		}
		for status, answer := range o.Responses.Map() {
			for kind, media := range answer.Value.Content {
				if status < "300" && (kind != jsonType && !isStream(o) && !givesFile(o) || media.Example == nil) {
					t.Errorf("%s: answer %s %s, example %v", at, status, kind, media.Example)
				}
			}
			if answer.Value.Headers[headerRequestID] == nil {
				t.Errorf("%s: answer %s without %s", at, status, headerRequestID)
			}
		}
	})
	if len(seen) < 25 {
		t.Errorf("only %d operations", len(seen))
	}
}

// breaking are the changes from one document to another that break a client of the first.
func breaking(t *testing.T, from, to []byte) []string {
	t.Helper()
	info := func(name string, text []byte) *load.SpecInfo {
		s, err := load.NewSpecInfoFromData(openapi3.NewLoader(), text, name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	report, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), info("from", from), info("to", to))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range checker.CheckBackwardCompatibility(checker.NewConfig(checker.GetAllChecks()), report, sources) {
		if c.IsBreaking() {
			found = append(found, c.GetOperation()+" "+c.GetPath()+": "+c.GetUncolorizedText(checker.NewDefaultLocalizer()))
		}
	}
	return found
}

// Every release whose document lies in api/released is promised to. Before there is one, the committed document is.
func TestNothingThatIsPromisedIsBroken(t *testing.T) {
	promises, err := filepath.Glob(filepath.Join(released, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(promises) == 0 {
		promises = []string{goldenFile}
	}
	served := newDoor(t).pages.yaml().body
	for _, file := range promises {
		promised, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range breaking(t, promised, served) {
			t.Errorf("breaks what %s promises: %s", filepath.Base(file), change)
		}
	}
}

// shortened is a document with a few of its paths only: it is compared in a fraction of the time.
func shortened(t *testing.T, text []byte, paths ...string) []byte {
	t.Helper()
	doc := parse(t, text)
	for path := range doc.Paths.Map() {
		if !slices.Contains(paths, path) {
			doc.Paths.Delete(path)
		}
	}
	short, err := doc.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return short
}

func TestTheCheckForBreakingChangesBites(t *testing.T) {
	served := newDoor(t).pages.yaml().body
	if found := breaking(t, served, served); len(found) > 0 {
		t.Fatalf("no change breaks %v", found)
	}
	short := shortened(t, served, "/v1/payments", "/v1/payments/{id}/cancel", "/v1/payments/{id}/capture", "/v1/balance", "/v1/refunds")
	schema := func(doc *openapi3.T, name string) *openapi3.Schema { return doc.Components.Schemas[name].Value }
	for name, change := range map[string]func(*openapi3.T){
		"an operation is gone":    func(doc *openapi3.T) { doc.Paths.Find("/v1/payments/{id}/cancel").Post = nil },
		"a path is gone":          func(doc *openapi3.T) { doc.Paths.Delete("/v1/balance") },
		"an answer loses a field": func(doc *openapi3.T) { delete(schema(doc, "Payment").Properties, "amount_captured") },
		"a field may be missing": func(doc *openapi3.T) {
			p := schema(doc, "Payment")
			p.Required = slices.DeleteFunc(p.Required, func(s string) bool { return s == "status" })
		},
		"a field changes its type": func(doc *openapi3.T) {
			schema(doc, "Refund").Properties["amount"].Value.Type = &openapi3.Types{"string"}
		},
		"a request loses a field": func(doc *openapi3.T) { delete(schema(doc, "CreatePayment").Properties, "metadata") },
		"a request needs a field": func(doc *openapi3.T) { p := schema(doc, "CapturePayment"); p.Required = append(p.Required, "amount") },
		"a limit is tightened":    func(doc *openapi3.T) { *schema(doc, "CreatePayment").Properties["amount"].Value.Max = 1000 },
		"a query parameter is gone": func(doc *openapi3.T) {
			o := doc.Paths.Find("/v1/refunds").Get
			o.Parameters = slices.DeleteFunc(o.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.Name == "payment" })
		},
		"the status of a success changes": func(doc *openapi3.T) {
			r := doc.Paths.Find("/v1/payments").Post.Responses
			r.Set("200", r.Value("201"))
			r.Delete("201")
		},
	} {
		t.Run(name, func(t *testing.T) {
			doc := parse(t, short)
			change(doc)
			text, err := doc.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if len(breaking(t, short, text)) == 0 {
				t.Error("it is not noticed")
			}
		})
	}
	grown := bytes.Replace(served, []byte("        bin:\n"), []byte("        program:\n          type: string\n        bin:\n"), 1)
	if found := breaking(t, served, grown); bytes.Equal(grown, served) || len(found) > 0 {
		t.Errorf("a new field in an answer breaks %v", found)
	}
}
