package providertest

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// Requests holds what calls send against the fixtures in testdata/requests, so that a change of what goes over the wire is seen: the line, the
// names of the headers, the body. With update it writes them.
func Requests[C any](t *testing.T, update bool, account func(base string) provider.Account, connect func(provider.Sender) C, calls map[string]func(C, provider.Account)) {
	t.Helper()
	for name, call := range calls {
		var got strings.Builder
		call(connect(Sender{Client: &http.Client{}, Sent: func(r vault.Request, body []byte) {
			fmt.Fprintf(&got, "%s %s\n%s\n\n%s\n", r.Method, r.URL, strings.Join(slices.Sorted(maps.Keys(r.Header)), "\n"), body)
		}}), account("http://127.0.0.1:1"))
		file := filepath.Join("testdata", "requests", name+".txt")
		if update {
			if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || string(want) != got.String() {
			t.Errorf("%s: %v\ngot\n%swant\n%s", name, err, got.String(), want)
		}
	}
}
