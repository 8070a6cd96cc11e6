package stripe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stripe/stripe-mock/embedded"
)

// spec is Stripe's own OpenAPI document, the copy inside stripe-mock: nothing is fetched.
var spec = sync.OnceValues(func() (*openapi3.T, error) {
	text, err := document()
	if err != nil {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromData(text)
})

// document is its text, for both referees.
var document = sync.OnceValues(func() ([]byte, error) {
	var raw any
	if err := json.Unmarshal(embedded.OpenAPISpec, &raw); err != nil {
		return nil, err
	}
	return json.Marshal(openEnums(raw))
})

// openEnums drops the enums that Stripe itself marks as not binding. The type of payment_method_data is one: the public
// document leaves out raw card data, which takes a permission from Stripe.
func openEnums(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v["x-stripeBypassValidation"] == true {
			delete(v, "enum")
		}
		for k := range v {
			v[k] = openEnums(v[k])
		}
	case []any:
		for i := range v {
			v[i] = openEnums(v[i])
		}
	}
	return v
}

func stripeSpec(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// operationOf finds the operation of a path that was called.
func operationOf(doc *openapi3.T, method, path string) (*openapi3.Operation, bool) {
	if item := doc.Paths.Value(path); item != nil {
		return item.GetOperation(method), item.GetOperation(method) != nil
	}
	parts := strings.Split(path, "/")
	for template, item := range doc.Paths.Map() {
		pattern := strings.Split(template, "/")
		match := len(pattern) == len(parts)
		for i := 0; match && i < len(parts); i++ {
			match = pattern[i] == parts[i] || strings.HasPrefix(pattern[i], "{")
		}
		if match && item.GetOperation(method) != nil {
			return item.GetOperation(method), true
		}
	}
	return nil, false
}

// requestFaults checks a form or a query against the document.
func requestFaults(doc *openapi3.T, method, path string, values url.Values) error {
	operation, ok := operationOf(doc, method, path)
	if !ok {
		return fmt.Errorf("Stripe has no %s %s", method, path)
	}
	tree, err := nest(values)
	if err != nil {
		return err
	}
	if method == "POST" {
		media := operation.RequestBody.Value.Content["application/x-www-form-urlencoded"]
		if media == nil {
			media = operation.RequestBody.Value.Content["multipart/form-data"]
		}
		schema := media.Schema.Value
		if err := undocumented(tree, schema, ""); err != nil {
			return err
		}
		return brief(schema.VisitJSON(coerce(tree, schema)))
	}
	for name, value := range tree {
		parameter := operation.Parameters.GetByInAndName("query", name)
		if parameter == nil {
			return fmt.Errorf("%s %s has no parameter %s", method, path, name)
		}
		if err := parameter.Schema.Value.VisitJSON(coerce(value, parameter.Schema.Value)); err != nil {
			return fmt.Errorf("parameter %s: %w", name, brief(err))
		}
	}
	return nil
}

// undocumented finds a parameter that the document does not have, at any depth: below the first it leaves objects open. Raw card data is
// the one exception: see openEnums.
func undocumented(v any, schema *openapi3.Schema, path string) error {
	tree, ok := v.(map[string]any)
	variants := append(openapi3.SchemaRefs{schema.NewRef()}, schema.AnyOf...)
	if !ok || path == ".payment_method_data.card" {
		return nil
	}
	for name, value := range tree {
		found := false
		for _, variant := range variants {
			s := variant.Value
			if property := s.Properties[name]; property != nil {
				found = true
				if err := undocumented(value, property.Value, path+"."+name); err != nil {
					return err
				}
			}
			found = found || s.AdditionalProperties.Schema != nil || s.Type.Is("array")
		}
		if !found && path+"."+name != ".payment_method_data.card" {
			return fmt.Errorf("%s.%s is not documented", path, name)
		}
	}
	return nil
}

// answerFaults checks an answer against the document.
func answerFaults(doc *openapi3.T, method, path string, status int, body []byte) error {
	operation, ok := operationOf(doc, method, path)
	if !ok {
		return fmt.Errorf("Stripe has no %s %s", method, path)
	}
	response := operation.Responses.Status(status)
	if response == nil {
		response = operation.Responses.Default()
	}
	return jsonFaults(response.Value.Content["application/json"].Schema.Value, body)
}

func schemaFaults(doc *openapi3.T, name string, body []byte) error {
	return jsonFaults(doc.Components.Schemas[name].Value, body)
}

func jsonFaults(schema *openapi3.Schema, body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	return brief(schema.VisitJSON(value))
}

// brief leaves the schema itself out of an error: it fills pages.
func brief(err error) error {
	var fault *openapi3.SchemaError
	if errors.As(err, &fault) {
		return fmt.Errorf("%s: %s", strings.Join(fault.JSONPointer(), "."), fault.Reason)
	}
	return err
}

var formKey = regexp.MustCompile(`^([a-z_]+)((?:\[[^\[\]]*\])*)$`)

// nest turns a[b][0]=c into maps, as Stripe reads it.
func nest(values url.Values) (map[string]any, error) {
	root := map[string]any{}
	for key, all := range values {
		parts := formKey.FindStringSubmatch(key)
		if parts == nil || len(all) != 1 {
			return nil, fmt.Errorf("field %q comes %d times or has no name", key, len(all))
		}
		names := []string{parts[1]}
		if parts[2] != "" {
			names = append(names, strings.Split(strings.Trim(parts[2], "[]"), "][")...)
		}
		node := root
		for _, name := range names[:len(names)-1] {
			child, ok := node[name].(map[string]any)
			if !ok {
				child = map[string]any{}
				node[name] = child
			}
			node = child
		}
		node[names[len(names)-1]] = all[0]
	}
	return root, nil
}

// coerce gives form text the type that the document says.
func coerce(value any, schema *openapi3.Schema) any {
	for _, choice := range schema.AnyOf {
		if choice.Value.Type != nil && !choice.Value.Type.Is("string") {
			if _, nested := value.(map[string]any); nested || !choice.Value.Type.Is("object") {
				return coerce(value, choice.Value)
			}
		}
	}
	switch v := value.(type) {
	case string:
		if schema.Type.Is("integer") {
			if n, err := strconv.ParseInt(v, 10, 64); err == nil {
				return float64(n)
			}
		}
		if schema.Type.Is("boolean") && (v == "true" || v == "false") {
			return v == "true"
		}
	case map[string]any:
		if schema.Type.Is("array") {
			list := make([]any, len(v))
			for i := range list {
				item, ok := v[strconv.Itoa(i)]
				if !ok {
					return value
				}
				list[i] = coerce(item, schema.Items.Value)
			}
			return list
		}
		for name, child := range v {
			if property := schema.Properties[name]; property != nil {
				v[name] = coerce(child, property.Value)
			}
		}
	}
	return value
}
