package webhook

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOfALongAnswerTheBeginningIsKept(t *testing.T) {
	sent := bytes.Repeat([]byte("0123456789abcdef"), 2<<10) // 32 KiB
	for size, truncated := range map[int]bool{0: false, keptBody - 1: false, keptBody: false, keptBody + 1: true, 2 * keptBody: true} {
		got := sendOnce(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(sent[:size]) })
		if got.Status != 200 || got.Truncated != truncated || !bytes.Equal(got.ResponseBody, sent[:min(size, keptBody)]) {
			t.Errorf("of %d bytes: %d, truncated %v, %v", size, len(got.ResponseBody), got.Truncated, got.Err)
		}
	}
}

func TestAnEndlessAnswerIsCutOffByEitherProtocol(t *testing.T) {
	for _, two := range []bool{false, true} {
		ended := make(chan struct{})
		l := listenAt(t, func(s *httptest.Server) { s.EnableHTTP2 = two; s.StartTLS() }, func(w http.ResponseWriter, _ *http.Request) {
			defer close(ended)
			for block := bytes.Repeat([]byte("x"), 64<<10); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		})
		got := courierFor(t, courierOptions{AllowPrivate: true, Roots: rootsOf(l)}).carry(t.Context(), endpointAt(l.URL), captured)
		<-ended
		if got.Status != 200 || !got.Truncated || len(got.ResponseBody) != keptBody || got.Err != nil {
			t.Errorf("HTTP/2 %v: %d, %d bytes, %v", two, got.Status, len(got.ResponseBody), got.Err)
		}
	}
}

func TestHugeHeadersAreNoAnswerAndLongOnesAreBounded(t *testing.T) {
	for _, two := range []bool{false, true} {
		var size int
		l := listenAt(t, func(s *httptest.Server) { s.EnableHTTP2 = two; s.StartTLS() }, func(w http.ResponseWriter, _ *http.Request) {
			for i := range size {
				w.Header().Add("X-Long-"+strconv.Itoa(i), strings.Repeat("x", 1000))
			}
			w.Header().Set("A-First", "kept")
			w.Header().Set("Z-Last", strings.Repeat("x", keptHeader))
		})
		c := courierFor(t, courierOptions{AllowPrivate: true, Roots: rootsOf(l)})
		size = 30
		got := c.carry(t.Context(), endpointAt(l.URL), captured)
		kept := 0
		for name, values := range got.ResponseHeader {
			kept += len(name) + len(strings.Join(values, ""))
		}
		if got.Status != 200 || kept > keptHeader || kept < keptHeader/2 || got.ResponseHeader["A-First"] == nil || got.ResponseHeader["Z-Last"] != nil {
			t.Errorf("HTTP/2 %v: %+v, %d bytes kept", two, got.Status, kept)
		}
		size = 100
		if got = c.carry(t.Context(), endpointAt(l.URL), captured); got.Status != 0 || got.Err == nil || explain(got.Err) == "" {
			t.Errorf("HTTP/2 %v: with huge headers %d, %v", two, got.Status, got.Err)
		}
	}
}

func TestNothingIsUnpacked(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := w.Write(make([]byte, 8<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	packed := bomb.Bytes()[:min(bomb.Len(), keptBody)]
	for _, encoding := range []string{"gzip", "br", "nonsense"} {
		got := sendOnce(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", encoding)
			_, _ = w.Write(packed)
		})
		if got.Status != 200 || !bytes.Equal(got.ResponseBody, packed) {
			t.Errorf("%s: %d bytes of %d, %v", encoding, len(got.ResponseBody), len(packed), got.Err)
		}
	}
}

func TestAnAnswerIsKeptByteForByteWhateverItIs(t *testing.T) {
	odd := []byte("caf\xe9 \x00 \xff\xfe \xed\xa0\x80")
	got := sendOnce(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Odd", "caf\xe9")
		_, _ = w.Write(odd)
	})
	if !bytes.Equal(got.ResponseBody, odd) {
		t.Errorf("%q", got.ResponseBody)
	}
	if value := got.ResponseHeader["X-Odd"][0]; !utf8.ValidString(value) || !strings.HasPrefix(value, "caf") {
		t.Errorf("a header that no database takes: %q", value)
	}
}

func TestCardNumbersInAnswersAreCovered(t *testing.T) {
	const card = "4242424242424242"
	edge := strings.Repeat("x", keptBody-10) + card + strings.Repeat("x", 1000) // of the number, ten digits would be kept
	for name, body := range map[string]string{"alone": card, "in JSON": `{"n":"4242 4242 4242 4242"}`, "across the end": edge} {
		got := sendOnce(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Card", card)
			w.Header().Set("X-"+card, "yes")
			_, _ = io.WriteString(w, body)
		})
		if all := fmt.Sprintf("%s %v", got.ResponseBody, got.ResponseHeader); strings.Contains(all, "4242424242") || strings.Contains(all, "4242 4242") {
			t.Errorf("%s: a card number is recorded: …%s", name, all[max(0, len(all)-300):])
		}
		if want := min(len(body), keptBody); len(got.ResponseBody) != want {
			t.Errorf("%s: %d bytes, want %d", name, len(got.ResponseBody), want)
		}
	}
}

// After a 101 the connection is the server's to use, and no deadline of the request would end the reading.
func TestASwitchOfProtocolsDoesNotHoldATryUp(t *testing.T) {
	hungUp := make(chan error, 1)
	got := sendOnce(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tea\r\n\r\n")
		_, err = conn.Read(make([]byte, 1))
		hungUp <- err
	})
	if err := <-hungUp; got.Status != 101 || got.Err != nil || len(got.ResponseBody) != 0 || err == nil {
		t.Errorf("%+v, then %v", got, err)
	}
}

func TestWhatIsNoAnswerIsAnErrorInPlainWords(t *testing.T) {
	for name, written := range map[string]string{
		"nothing": "", "no HTTP": "220 mail.shop.example ESMTP 4242424242424242\r\n", "half a head": "HTTP/1.1 200 OK\r\nContent-Le",
		"two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "a wrong status": "HTTP/1.1 99999 OK\r\n\r\n",
	} {
		got := sendOnce(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, written)
			conn.Close()
		})
		if got.Status != 0 || got.Err == nil || got.ResponseBody != nil {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		if why := explain(got.Err); why == "" || strings.Contains(why, "4242424242424242") || strings.Contains(why, "127.0.0.1") {
			t.Errorf("%s: %q", name, why)
		}
	}
}
