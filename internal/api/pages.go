package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"sync"
	"time"
)

//go:embed pages/reference.html
var referenceTemplate string

//go:embed pages/reference.css
var referenceStyle string

// pages are the documents that the api zone serves to readers. Each is made for its first reader: most processes have none.
type pages struct {
	yaml, json, html func() rendered
}

// rendered is a document, and what it is known by.
type rendered struct {
	body []byte
	tag  string // Etag
}

// firstTime makes a page when it is first asked for. It panics if it cannot be made, which no input can cause.
func firstTime(make func() ([]byte, error)) func() rendered {
	return sync.OnceValue(func() rendered {
		body, err := make()
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		return rendered{body, `"` + hex.EncodeToString(sum[:8]) + `"`}
	})
}

// servePages serves the documents.
func (a *API) servePages() {
	doc := a.huma.OpenAPI()
	a.pages = pages{yaml: firstTime(doc.YAML), json: firstTime(doc.MarshalJSON), html: firstTime(a.referencePage)}
	style := sha256.Sum256([]byte(referenceStyle))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) +
		"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	a.mux.HandleFunc("GET /openapi.yaml", static("application/openapi+yaml", a.pages.yaml, nil))
	a.mux.HandleFunc("GET /openapi.json", static("application/openapi+json", a.pages.json, nil))
	a.mux.HandleFunc("GET /docs", static("text/html; charset=utf-8", a.pages.html, http.Header{
		"Content-Security-Policy": {policy}, "Referrer-Policy": {"no-referrer"}, "X-Content-Type-Options": {"nosniff"},
	}))
	a.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/docs", http.StatusFound) })
}

// referencePage renders the documentation for people.
func (a *API) referencePage() ([]byte, error) {
	page, err := template.New("reference").Parse(referenceTemplate)
	if err != nil {
		return nil, fmt.Errorf("read the template of the reference: %w", err)
	}
	var b bytes.Buffer
	data := a.reference()
	data.Style = template.CSS(referenceStyle) //nolint:gosec // our own file
	if err := page.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("render the reference: %w", err)
	}
	return b.Bytes(), nil
}

// static serves a page, which never changes while the process runs.
func static(contentType string, of func() rendered, header http.Header) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := of()
		for name, values := range header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Etag", p.tag)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.body))
	}
}
