package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"net/http"
	"time"
)

//go:embed pages/reference.html
var referenceTemplate string

//go:embed pages/reference.css
var referenceStyle string

// pages are the documents that the api zone serves to readers, made once at start.
type pages struct {
	yaml, json, html []byte
	policy           string // Content-Security-Policy of the page
}

// servePages makes the documents and serves them. It panics if they cannot be made, which no input can cause.
func (a *API) servePages() {
	var err error
	if a.pages.yaml, a.pages.json, err = a.openAPI(); err != nil {
		panic(err)
	}
	page := template.Must(template.New("reference").Parse(referenceTemplate))
	var b bytes.Buffer
	data := a.reference()
	data.Style = template.CSS(referenceStyle) //nolint:gosec // our own file
	if err := page.Execute(&b, data); err != nil {
		panic(err)
	}
	a.pages.html = b.Bytes()
	style := sha256.Sum256([]byte(referenceStyle))
	a.pages.policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) +
		"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	a.mux.HandleFunc("GET /openapi.yaml", static("application/openapi+yaml", a.pages.yaml, nil))
	a.mux.HandleFunc("GET /openapi.json", static("application/openapi+json", a.pages.json, nil))
	a.mux.HandleFunc("GET /docs", static("text/html; charset=utf-8", a.pages.html, http.Header{
		"Content-Security-Policy": {a.pages.policy}, "Referrer-Policy": {"no-referrer"}, "X-Content-Type-Options": {"nosniff"},
	}))
	a.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/docs", http.StatusFound) })
}

// static serves bytes that never change while the process runs.
func static(contentType string, body []byte, header http.Header) http.HandlerFunc {
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Etag", tag)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	}
}
