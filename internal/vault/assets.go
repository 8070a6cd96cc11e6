package vault

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// assetPath is where the fields' scripts and styles are. A name holds the hash of what it names, so it never changes.
const assetPath = "/fields/assets/"

// asset is a file as it is served.
type asset struct {
	kind string
	body []byte
}

// assets are the fields' files, by their names with hashes, and the paths that a page needs.
type assets struct {
	byName        map[string]asset
	style, script string
	preload       []string
}

// modules are the scripts, each after what it imports: the hash of an import is a part of who imports it.
var modules = []string{"data", "card", "edit", "style", "parent", "group", "field"}

var fieldAssets = must(newAssets(fieldFiles))

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("vault: the hosted fields cannot be built: %v", err)) // they are part of the binary: a test says so first
	}
	return v
}

func newAssets(files fs.FS) (*assets, error) {
	a := &assets{byName: map[string]asset{}}
	style, err := fs.ReadFile(files, "fields/field.css")
	if err != nil {
		return nil, err
	}
	a.style = a.add("field", ".css", "text/css; charset=utf-8", style)
	var named []string // './card.js', './card-<hash>.js', …
	for _, module := range modules {
		text, err := moduleText(files, module)
		if err != nil {
			return nil, err
		}
		text = strings.NewReplacer(named...).Replace(text)
		at := a.add(module, ".js", "text/javascript; charset=utf-8", []byte(text))
		named = append(named, "'./"+module+".js'", "'./"+path.Base(at)+"'")
		a.preload = append(a.preload, at)
	}
	a.script, a.preload = a.preload[len(a.preload)-1], a.preload[:len(a.preload)-1]
	return a, nil
}

// moduleText is a script as it is written; data is made of what the Go side knows.
func moduleText(files fs.FS, module string) (string, error) {
	if module == "data" {
		return dataModule()
	}
	text, err := fs.ReadFile(files, "fields/"+module+".js")
	return string(text), err
}

// add keeps a file and tells its path.
func (a *assets) add(name, extension, kind string, body []byte) string {
	sum := sha256.Sum256(body)
	file := name + "-" + hex.EncodeToString(sum[:8]) + extension
	a.byName[file] = asset{kind, body}
	return assetPath + file
}

func (v *Vault) serveAsset(w http.ResponseWriter, r *http.Request) {
	request := v.begin(w, r)
	found, ok := fieldAssets.byName[r.PathValue("name")]
	err := readOnly(w, r)
	if err == nil && !ok {
		err = errPath
	}
	if err != nil {
		v.refuse(w, r, request, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", found.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	v.send(w, r, request, found.body)
}

// defaultLocale is the language of whoever speaks none of the others.
const defaultLocale = "en"

// texts are what the fields say in one language.
type texts struct {
	Titles       map[string]string `json:"titles"`       // of the pages, by kind of field
	Labels       map[string]string `json:"labels"`       // by part
	Placeholders map[string]string `json:"placeholders"` // by part
	Errors       map[string]string `json:"errors"`       // by code
	NoScript     string            `json:"no_script"`
}

// fieldTexts are the files of fields/text, by locale.
var fieldTexts = must(readTexts(fieldFiles))

func readTexts(files fs.FS) (map[string]texts, error) {
	all := map[string]texts{}
	names, err := fs.Glob(files, "fields/text/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var t texts
		if err := json.Unmarshal(body, &t); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[strings.TrimSuffix(path.Base(name), ".json")] = t
	}
	return all, nil
}

// brandTitles are the brands' names for people.
var brandTitles = map[string]string{
	visa.name: "Visa", mastercard.name: "Mastercard", amex.name: "Amex", discover.name: "Discover", diners.name: "Diners Club",
	jcb.name: "JCB", unionpay.name: "UnionPay", maestro.name: "Maestro", otherBrand.name: "",
}

// fieldData is what the script knows of cards: the rules that this package judges by.
type fieldData struct {
	Brands   map[string]brandData `json:"brands"`
	Ranges   [][4]any             `json:"ranges"` // from, to, width, brand; asked from the top
	MaxYears int                  `json:"maxYears"`
	Texts    map[string]texts     `json:"texts"`
}

type brandData struct {
	Title   string `json:"title"`
	Lengths []int  `json:"lengths"`
	CVC     int    `json:"cvc"` // 0: three or four
}

// dataModule is the script that holds fieldData.
func dataModule() (string, error) {
	data := fieldData{Brands: map[string]brandData{}, MaxYears: maxYears, Texts: fieldTexts}
	note := func(b brand) {
		lengths := []int{}
		for n := minDigits; n <= maxDigits; n++ {
			if b.fits(n) {
				lengths = append(lengths, n)
			}
		}
		data.Brands[b.name] = brandData{brandTitles[b.name], lengths, b.cvc}
	}
	note(otherBrand)
	for _, r := range brandRanges {
		note(r.brand)
		data.Ranges = append(data.Ranges, [4]any{r.from, r.to, r.width, r.brand.name})
	}
	text, err := json.Marshal(data)
	if err != nil {
		return "", err
	}
	return "export const data = " + string(text) + ";\n", nil
}
