package webhook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/secret"
)

func TestAMerchantsHeaderTakesThePlaceOfNothing(t *testing.T) {
	l := listenAt(t, nil, nil)
	to := endpointAt(l.URL)
	to.Headers = map[string]secret.Text{}
	for _, name := range []string{"webhook-id", "Webhook-Signature", "user-agent", "Content-Type", "Content-Encoding", "Connection", "Accept-Encoding", "Expect"} {
		to.Headers[name] = secret.New("forged")
	}
	got := courierFor(t, courierOptions{AllowPrivate: true}).carry(t.Context(), to, captured)
	if got.Status != 200 {
		t.Fatalf("%+v", got)
	}
	if all := fmt.Sprint(l.heard[0].header, got.RequestHeader); strings.Contains(all, "forged") || strings.Contains(all, hiddenHeader) {
		t.Errorf("sent and recorded %s", all)
	}
}

func TestHeadersOfMerchantsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		headers map[string]string
		wrong   []string
	}{
		"right":       {map[string]string{"Authorization": "Bearer a b c", "X-Shop": "1", "Cookie": "a=b"}, nil},
		"none":        {nil, nil},
		"too many":    {manyHeaders(21), []string{"headers"}},
		"just enough": {manyHeaders(20), nil},
		"ours": {map[string]string{"content-type": "a", "Content-Length": "1", "CONTENT-ENCODING": "a", "Host": "a", "Connection": "close", "keep-alive": "a",
			"Transfer-Encoding": "a", "TE": "a", "Trailer": "a", "Upgrade": "a", "Proxy-Authorization": "a", "User-Agent": "a", "Webhook-Id": "a", "webhook-x": "a",
			"Accept-Encoding": "a", "Expect": "a", "HTTP2-Settings": "a"},
			[]string{"headers.Accept-Encoding", "headers.CONTENT-ENCODING", "headers.Connection", "headers.Content-Length", "headers.Expect", "headers.HTTP2-Settings",
				"headers.Host", "headers.Proxy-Authorization", "headers.TE", "headers.Trailer", "headers.Transfer-Encoding", "headers.Upgrade", "headers.User-Agent",
				"headers.Webhook-Id", "headers.content-type", "headers.keep-alive", "headers.webhook-x"}},
		"bad names":  {map[string]string{"": "a", "X Y": "a", "X\r\nY": "a", "X:": "a", "Ä": "a"}, []string{"headers.", "headers.X\r\nY", "headers.X Y", "headers.X:", "headers.Ä"}},
		"long name":  {map[string]string{"X" + strings.Repeat("x", 100): "a"}, []string{"headers.X" + strings.Repeat("x", 39) + "…"}},
		"bad values": {map[string]string{"A": "", "B": "a\r\nX: y", "C": "ü", "D": strings.Repeat("x", 1001), "E": " a", "F": "a\t"}, []string{"headers.A", "headers.B", "headers.C", "headers.D", "headers.E", "headers.F"}},
		"long value": {map[string]string{"A": strings.Repeat("x", 1000)}, nil},
		"twice":      {map[string]string{"X-Shop": "1", "x-shop": "2"}, []string{"headers.x-shop"}},
	} {
		var params []string
		for _, f := range checkHeaders(c.headers) {
			params = append(params, f.Param)
			if f.Detail == "" || f.Code == "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if !slices.Equal(params, c.wrong) {
			t.Errorf("%s: %q, want %q", name, params, c.wrong)
		}
	}
}

func manyHeaders(n int) map[string]string {
	headers := map[string]string{}
	for i := range n {
		headers["X-"+strconv.Itoa(i)] = "a"
	}
	return headers
}
