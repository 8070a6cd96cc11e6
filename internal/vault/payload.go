package vault

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// payload is a request's body with a card number in it. It is wiped when nobody needs it any more: net/http may go on
// reading a body after it gave the answer, so its writers are counted (by way.got and way.wrote).
type payload struct {
	mu      sync.Mutex
	data    []byte
	writers int
	done    bool
}

// body is a reader of a type that net/http knows to be in memory: with any other it would flush the headers into a
// packet of their own.
func (p *payload) body() io.ReadCloser {
	if len(p.data) == 0 {
		return http.NoBody
	}
	return io.NopCloser(bytes.NewReader(p.data))
}

// handed notes that a connection may read it from now on.
func (p *payload) handed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writers++
}

// written notes that a connection will not read it any more.
func (p *payload) written() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writers--
	p.wipeIdle()
}

// wipe overwrites the bytes, as soon as no connection reads them.
func (p *payload) wipe() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	p.wipeIdle()
}

func (p *payload) wipeIdle() {
	if p.done && p.writers == 0 {
		clear(p.data)
	}
}
