package sandbox

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/secret"
)

// BenchmarkAuthorization is a direct capture over HTTP by 64 clients. cpu-µs/op counts both ends, the client's too;
// BenchmarkEmptyCall is the same without the acquirer's work.
func BenchmarkAuthorization(b *testing.B) {
	s := newSite(b, func(o *Options) { o.Clock = clock.System{} })
	s.register(Account{Acquirer: "alpha", APIKey: secret.New("key_alpha"), SigningKey: secret.New("sign")}) // no webhooks
	var n atomic.Int64
	measure(b, s, func() *http.Request {
		return s.request(b.Context(), http.MethodPost, "/alpha/v1/authorizations", charge(fmt.Sprintf("att_01j%023d", n.Add(1)), visa, "", true))
	}, http.StatusCreated)
}

func BenchmarkEmptyCall(b *testing.B) {
	s := newSite(b, func(o *Options) { o.Clock = clock.System{} })
	measure(b, s, func() *http.Request {
		r := s.request(b.Context(), http.MethodPost, "/alpha/v1/authorizations", charge("att_1", visa, "", true))
		r.Header.Del("Authorization")
		return r
	}, http.StatusUnauthorized)
}

func measure(b *testing.B, s *site, next func() *http.Request, want int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.SetParallelism(32)
	b.ReportAllocs()
	before := cpu(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Do(next())
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != want {
				b.Errorf("%s %v", resp.Status, err)
			}
			resp.Body.Close()
		}
	})
	b.ReportMetric((cpu(b)-before)*1e6/float64(b.N), "cpu-µs/op")
}

func cpu(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}
