package public

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/exchange"
	"github.com/florinpay/florin/internal/problem"
)

//go:embed js/*.js js/*.d.ts page/*.js page/*.css page/*.html page/*.svg text/*.json
var embedded embed.FS

// filesPath is where scripts and styles are. A name holds the hash of what it names, so it never changes.
const filesPath = "/js/"

// file is a file as it is served.
type file struct {
	Path      string // on this server
	Integrity string // as the HTML attribute has it
	kind      string
	body      []byte
}

// files are what pages load, made once at start. The addresses in them are filled in before they are hashed.
type files struct {
	byName          map[string]*file
	Florin, Types   *file
	Checkout, Leave *file
	Style, Icon     *file
	integrity       []byte // integrity.json
}

const (
	javascript = "text/javascript; charset=utf-8"
	stylesheet = "text/css; charset=utf-8"
)

func newFiles(s site) (*files, error) {
	f := &files{byName: map[string]*file{}}
	places := []string{"__PUBLIC_URL__", s.url, "__VAULT_URL__", s.vault}
	for _, one := range []struct {
		into       **file
		from, name string
		kind       string
	}{
		{&f.Florin, "js/florin.js", "florin", javascript},
		{&f.Types, "js/florin.d.ts", "florin", "application/typescript; charset=utf-8"},
		{&f.Checkout, "page/checkout.js", "checkout", javascript},
		{&f.Leave, "page/leave.js", "leave", javascript},
		{&f.Style, "page/page.css", "page", stylesheet},
		{&f.Icon, "page/icon.svg", "icon", "image/svg+xml"},
	} {
		text, err := embedded.ReadFile(one.from)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", one.from, err)
		}
		*one.into = f.add(one.name, one.from[strings.Index(one.from, "."):], one.kind, strings.NewReplacer(places...).Replace(string(text)))
		if one.into == &f.Florin {
			places = append(places, "__FLORIN_JS__", f.Florin.Path)
		}
	}
	// The types are found beside the script, under its name.
	f.byName[strings.TrimSuffix(strings.TrimPrefix(f.Florin.Path, filesPath), ".js")+".d.ts"] = f.Types
	var err error
	f.integrity, err = problem.Render(map[string]string{"url": s.url + f.Florin.Path, "integrity": f.Florin.Integrity})
	return f, err
}

func (f *files) add(name, extension, kind, text string) *file {
	short, long := sha256.Sum256([]byte(text)), sha512.Sum384([]byte(text))
	base := name + "-" + hex.EncodeToString(short[:8]) + extension
	made := &file{filesPath + base, "sha384-" + base64.StdEncoding.EncodeToString(long[:]), kind, []byte(text)}
	f.byName[base] = made
	return made
}

// entry leads to the script as it is now. Who wants its integrity checked takes the address of integrity.json instead.
func (p *Public) entry(w http.ResponseWriter, r *http.Request) {
	open(w.Header())
	w.Header().Set("Cache-Control", "public, max-age=300")
	http.Redirect(w, r, p.files.Florin.Path, http.StatusFound)
}

// file serves a file for ever, or integrity.json as it is now.
func (p *Public) file(w http.ResponseWriter, r *http.Request) {
	open(w.Header())
	if r.PathValue("name") == "integrity.json" {
		w.Header().Set("Cache-Control", "public, max-age=300")
		exchangeOf(r).Answer(exchange.Answer{Status: http.StatusOK, ContentType: exchange.JSON, Body: p.files.integrity})
		return
	}
	f, ok := p.files.byName[r.PathValue("name")]
	if !ok {
		exchangeOf(r).Lost(http.NewServeMux())
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "public, max-age="+year+", immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
}

// open lets pages of any origin load a file, with its integrity checked.
func open(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
}
