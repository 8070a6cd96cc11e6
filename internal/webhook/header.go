package webhook

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/strict"
)

// The bounds of the headers that a merchant may add to its webhooks.
const (
	MaxHeaders     = 20
	MaxHeaderName  = 100
	MaxHeaderValue = 1000
)

// reservedHeaders are ours to set: what says how the body is framed and read, what concerns one connection only, who sends, and
// the signature. Names that end in a dash stand for all that begin so.
var reservedHeaders = []string{
	"Accept-Encoding", "Connection", "Content-", "Expect", "Host", "Http2-Settings", "Keep-Alive", "Proxy-", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "User-Agent", "Webhook-",
}

func reservedHeader(canonical string) bool {
	return slices.ContainsFunc(reservedHeaders, func(r string) bool {
		return canonical == r || strings.HasSuffix(r, "-") && strings.HasPrefix(canonical, r)
	})
}

// checkHeaders says what is wrong with the headers that a merchant adds to its webhooks, each fault by the name of its header.
// It repeats no value.
func checkHeaders(headers map[string]string) []fault.Field {
	if len(headers) > MaxHeaders {
		return []fault.Field{{Param: "headers", Code: fault.CodeInvalid, Detail: fmt.Sprintf("must be %d at most", MaxHeaders)}}
	}
	var wrong []fault.Field
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		canonical := http.CanonicalHeaderKey(name)
		detail := checkHeader(name, headers[name])
		if detail == "" && seen[canonical] {
			detail = "stands twice: case makes no difference in the name of a header"
		}
		seen[canonical] = true
		if detail != "" {
			wrong = append(wrong, fault.Field{Param: "headers." + strict.Shorten(name), Code: fault.CodeInvalid, Detail: detail})
		}
	}
	return wrong
}

func checkHeader(name, value string) string {
	switch {
	case name == "" || len(name) > MaxHeaderName || strings.ContainsFunc(name, notToken):
		return fmt.Sprintf("must have a name of 1 to %d letters, digits and signs of !#$%%&'*+-.^_`|~", MaxHeaderName)
	case reservedHeader(http.CanonicalHeaderKey(name)):
		return "is set by Florin and cannot be chosen"
	case value == "" || len(value) > MaxHeaderValue || strings.TrimSpace(value) != value || strings.ContainsFunc(value, notVisible):
		return fmt.Sprintf("must be 1 to %d visible ASCII characters, with spaces between them at most", MaxHeaderValue)
	}
	return ""
}

// notToken: source: RFC 9110, section 5.6.2.
func notToken(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func notVisible(r rune) bool { return r < ' ' || r > '~' }
