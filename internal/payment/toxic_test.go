package payment

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simcard"
)

// toxics are what goes wrong between Florin and the acquirer, by what toxiproxy calls it. An answer is waited for no longer than
// toxicTimeout: a latency is beyond it, and half-open is a connection on which nothing comes any more, not even its end.
var toxics = map[string]string{
	"late request":         `{"type": "latency", "stream": "upstream", "attributes": {"latency": 300}}`,
	"late answer":          `{"type": "latency", "stream": "downstream", "attributes": {"latency": 300}}`,
	"request reset":        `{"type": "reset_peer", "stream": "upstream", "attributes": {"timeout": 0}}`,
	"answer reset":         `{"type": "reset_peer", "stream": "downstream", "attributes": {"timeout": 0}}`,
	"request cut":          `{"type": "limit_data", "stream": "upstream", "attributes": {"bytes": 300}}`,
	"answer cut":           `{"type": "limit_data", "stream": "downstream", "attributes": {"bytes": 150}}`,
	"half-open to":         `{"type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}`,
	"half-open from":       `{"type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}`,
	"slow request":         `{"type": "bandwidth", "stream": "upstream", "attributes": {"rate": 1}}`,
	"slow answer":          `{"type": "bandwidth", "stream": "downstream", "attributes": {"rate": 1}}`,
	"request by the byte":  `{"type": "slicer", "stream": "upstream", "attributes": {"average_size": 2, "size_variation": 1, "delay": 2000}}`,
	"answer by the byte":   `{"type": "slicer", "stream": "downstream", "attributes": {"average_size": 2, "size_variation": 1, "delay": 2000}}`,
	"nobody listens there": "",
}

const toxicTimeout = 60 * time.Millisecond

// Whatever the network does to a call, and to whichever: the acquirer's books and Florin's are the same once it has been asked.
func TestWhateverTheNetworkDoesAnOrderIsChargedOnceOrNotAtAll(t *testing.T) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxiproxy tells each thing that it does
	eachStreet(t, func(s *street) {
		m := newMatrix(s)
		m.hooks(false) // they come another way, and would tell
		road := newRoad(m)
		for _, op := range []string{"authorize", "sale", "capture", "void", "refund"} {
			for name := range toxics {
				road.runs(crossing{op: op, number: visa, toxic: name})
			}
		}
		m.takeOver()
		m.compare()
		s.Logf("%d ways, ended %v, not known after the call %v", len(m.all), m.ended, road.doubts)
		for name := range toxics {
			if road.doubts[name] == 0 && name != "nobody listens there" {
				s.Errorf("%s: each call had its answer: nothing was tested", name)
			}
		}
	})
}

// road is the way from Florin to alpha: a proxy for each call, that does to it what is asked for.
type road struct {
	*matrix
	far     string // where alpha listens
	patient *patient
	server  *toxiproxy.ApiServer
	doubts  map[string]int

	mu    sync.Mutex
	open  int           // connections at alpha
	empty chan struct{} // told when there is none left
}

func newRoad(m *matrix) *road {
	r := &road{matrix: m, server: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), doubts: map[string]int{}, empty: make(chan struct{}, 1)}
	r.patient = &patient{mortal: m.Providers["simcard"].(mortal)}
	m.Providers["simcard"] = r.patient
	alpha := httptest.NewUnstartedServer(m.world.Handler())
	alpha.Config.ConnState = r.count
	alpha.Start()
	m.Cleanup(alpha.Close)
	r.far = alpha.Listener.Addr().String()
	return r
}

func (r *road) count(_ net.Conn, s http.ConnState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s {
	case http.StateNew:
		r.open++
	case http.StateClosed, http.StateHijacked:
		if r.open--; r.open == 0 {
			select {
			case r.empty <- struct{}{}:
			default:
			}
		}
	}
}

// runs asks for an operation over a road on which something goes wrong, and waits until nothing is on the road any more: what was on its
// way has arrived at the acquirer, or never will.
func (r *road) runs(c crossing) {
	r.Helper()
	one, in := r.prepares(c)
	proxy := toxiproxy.NewProxy(r.server, c.String(), "127.0.0.1:0", r.far)
	if err := proxy.Start(); err != nil {
		r.Fatal(err)
	}
	if toxic := toxics[c.toxic]; toxic == "" {
		proxy.Stop()
	} else if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		r.Fatal(err)
	}
	settings, straight := r.accounts[0].Settings, r.accounts[0].Settings["base_url"]
	settings["base_url"] = "http://" + proxy.Listen + "/alpha"
	r.patient.hurries.Store(true)
	err := r.asks(r.process(), one, in)
	r.patient.hurries.Store(false)
	settings["base_url"] = straight
	var refused *DeclinedError
	if err != nil && !errors.As(err, &refused) {
		r.Errorf("%v: %v", c, err)
	}
	if r.doubtful(one) {
		r.doubts[c.toxic]++
	}
	proxy.Stop() // with the toxics in it: toxiproxy 2.5.0 stands still if one is taken out while its connection ends
	r.clears()
}

// clears waits until the acquirer has no connection any more, and so no call under way.
func (r *road) clears() {
	r.Helper()
	for patience := time.After(time.Minute); ; {
		r.mu.Lock()
		open := r.open
		r.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-r.empty:
		case <-patience:
			r.Fatalf("%d connections are still open", open)
		}
	}
}

// doubtful tells whether it is not known what became of a way's call.
func (r *road) doubtful(one *life) bool {
	r.Helper()
	operations, err := r.store.operations(r.Context(), shop, one.payment)
	if err != nil {
		r.Fatal(err)
	}
	for _, o := range operations {
		if o.open() {
			return true
		}
	}
	p, err := r.store.payment(r.Context(), shop, one.payment)
	if err != nil {
		r.Fatal(err)
	}
	return p.Status == Processing
}

// patient is a connector that waits for answers as long as it should, or hurries.
type patient struct {
	mortal
	hurries atomic.Bool
}

func (p *patient) Capabilities() provider.Capabilities {
	c := (*simcard.Connector)(nil).Capabilities()
	if p.hurries.Load() {
		c.Timeout = toxicTimeout
	}
	return c
}
