package public

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
)

// language is one language of the pages: its words, and how it writes amounts.
type language struct {
	Tag      string             `json:"tag"` // BCP 47
	Name     string             `json:"name"`
	Words    map[string]string  `json:"words"`
	Declines map[string]decline `json:"declines"` // of cards, by the code that the payer may know
	// BankDeclines are of methods that a payer finishes at their bank. What no bank says of an account has no words of its own.
	BankDeclines map[string]decline `json:"bank_declines"`
	Numbers      numbers            `json:"numbers"`
	Dates        dates              `json:"dates"`
}

// decline is what a payer is told: what happened, and what to do next.
type decline struct {
	What string `json:"what"`
	Next string `json:"next"`
}

type languages struct {
	all []*language // English first: it is for those who speak none of the others
}

const fallback = "en"

// readLanguages reads the texts. It fails if a language lacks one that English has, or has it with other places to fill.
func readLanguages() (languages, error) {
	entries, err := embedded.ReadDir("text")
	if err != nil {
		return languages{}, fmt.Errorf("read texts: %w", err)
	}
	var l languages
	for _, e := range entries {
		text, err := embedded.ReadFile(path.Join("text", e.Name()))
		if err != nil {
			return languages{}, fmt.Errorf("read texts: %w", err)
		}
		one := &language{}
		if err := json.Unmarshal(text, one); err != nil {
			return languages{}, fmt.Errorf("read texts of %s: %w", e.Name(), err)
		}
		l.all = append(l.all, one)
	}
	i := slices.IndexFunc(l.all, func(one *language) bool { return one.Tag == fallback })
	if i < 0 {
		return languages{}, fmt.Errorf("read texts: none in %s", fallback)
	}
	l.all[0], l.all[i] = l.all[i], l.all[0]
	for _, one := range l.all {
		if err := one.compare(l.all[0]); err != nil {
			return languages{}, fmt.Errorf("texts of %s: %w", one.Tag, err)
		}
	}
	return l, nil
}

var place = regexp.MustCompile(`\{[a-z0-9_]+\}`)

// compare holds a language to the first one, and to the decline table.
func (l *language) compare(first *language) error {
	if a, b := slices.Sorted(maps.Keys(l.Words)), slices.Sorted(maps.Keys(first.Words)); !slices.Equal(a, b) {
		return fmt.Errorf("words %v, want %v", a, b)
	}
	for key, text := range l.Words {
		a, b := place.FindAllString(text, -1), place.FindAllString(first.Words[key], -1)
		slices.Sort(a)
		slices.Sort(b)
		if text == "" || !slices.Equal(slices.Compact(a), slices.Compact(b)) {
			return fmt.Errorf("%s is %q, with other places than %q", key, text, first.Words[key])
		}
	}
	if err := l.Dates.check(); err != nil {
		return err
	}
	for _, code := range payerCodes() {
		if d := l.Declines[string(code)]; d.What == "" || d.Next == "" {
			return fmt.Errorf("no words for the decline %s", code)
		}
	}
	for code := range first.BankDeclines {
		if d := l.BankDeclines[code]; d.What == "" || d.Next == "" {
			return fmt.Errorf("no words for the decline %s by a bank", code)
		}
	}
	if len(l.BankDeclines) != len(first.BankDeclines) || l.BankDeclines[string(provider.GenericDecline)].What == "" {
		return fmt.Errorf("words for the declines %v by banks", slices.Sorted(maps.Keys(l.BankDeclines)))
	}
	return nil
}

// payerCodes are the declines that a payer may know of.
func payerCodes() []provider.DeclineCode {
	var codes []provider.DeclineCode
	for _, code := range provider.Codes() {
		codes = append(codes, provider.Explain(code).Payer)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// say is a text with its places filled: pairs of name and value.
func (l *language) say(key string, pairs ...string) string {
	text, ok := l.Words[key]
	if !ok {
		panic("public: no text " + key) // readLanguages holds the languages to each other, and a test the pages to them
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, "{"+pairs[i]+"}", pairs[i+1])
	}
	return text
}

// decline is what the payer is told of a decline.
func (l *language) decline(f *payerFailure) decline {
	switch f.Code {
	case fault.CodeCardDeclined:
		if d, ok := l.Declines[string(f.DeclineCode)]; ok {
			return d
		}
		return l.Declines[string(provider.GenericDecline)]
	case fault.CodePaymentDeclined:
		if d, ok := l.BankDeclines[string(f.DeclineCode)]; ok {
			return d
		}
		if f.DeclineCode != "" {
			return l.BankDeclines[string(provider.GenericDecline)]
		}
	case fault.CodeProviderUnavailable: // nobody has said anything of the card
		return decline{l.Words["unreached_what"], l.Words["unreached_next"]}
	case fault.CodeKillSwitch:
		return decline{l.Words["off_what"], l.Words["off_next"]}
	case fault.CodeExpired:
		return decline{l.Words["late_what"], l.Words["late_next"]}
	}
	return decline{l.Words["stopped_what"], l.Words["stopped_next"]}
}

// named is the language of a tag, or nil: pt is pt-BR, de-AT is de.
func (l languages) named(tag string) *language {
	for _, exact := range []bool{true, false} {
		for _, one := range l.all {
			if exact && strings.EqualFold(one.Tag, tag) || !exact && strings.EqualFold(base(one.Tag), base(tag)) {
				return one
			}
		}
	}
	return nil
}

func base(tag string) string {
	b, _, _ := strings.Cut(tag, "-")
	return b
}

// maxLanguages bounds how much of an Accept-Language header is looked at.
const maxLanguages = 20

// of is the language for a request: what it asks for by ?lang, what it asked for before, and what the browser prefers.
func (l languages) of(r *http.Request) *language {
	if one := l.named(r.URL.Query().Get("lang")); one != nil {
		return one
	}
	if c, err := r.Cookie(languageCookie); err == nil {
		if one := l.named(c.Value); one != nil {
			return one
		}
	}
	return l.accepted(r.Header.Get("Accept-Language"))
}

// accepted is the first of a browser's languages that there is. Browsers send the preferred ones first, with falling weights.
// Source: RFC 9110, section 12.5.4.
func (l languages) accepted(header string) *language {
	type wish struct {
		tag    string
		weight string
	}
	var wishes []wish
	for i, part := range strings.Split(header, ",") {
		if i == maxLanguages {
			break
		}
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		weight, _ := strings.CutPrefix(strings.TrimSpace(params), "q=")
		if strings.Trim(weight, "0.") == "" && weight != "" {
			continue // not at all
		}
		wishes = append(wishes, wish{strings.TrimSpace(tag), cmp.Or(weight, "1")})
	}
	slices.SortStableFunc(wishes, func(a, b wish) int { return strings.Compare(b.weight, a.weight) }) // 1, 0.9, 0.85: as texts they sort the same
	for _, w := range wishes {
		if one := l.named(w.tag); one != nil && w.tag != "" {
			return one
		}
	}
	return l.all[0]
}

const languageCookie = "florin_language"
