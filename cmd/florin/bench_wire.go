package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

// answerTimeout bounds one request of the load generator.
const answerTimeout = 60 * time.Second

// wire is one keep-alive connection that writes whole requests and reads whole answers. It exists because the load generator
// shares the machine with what it measures: net/http's client would cost more than the server.
type wire struct {
	dial    func(ctx context.Context) (net.Conn, error)
	conn    net.Conn
	reader  *bufio.Reader
	body    []byte
	redials int
}

// newWire talks to the host of a URL. It does not connect before its first request.
func newWire(to *url.URL) *wire {
	host := to.Host
	if to.Port() == "" {
		host = net.JoinHostPort(to.Hostname(), map[string]string{"http": "80", "https": "443"}[to.Scheme])
	}
	plain := &net.Dialer{Timeout: 10 * time.Second}
	dial := func(ctx context.Context) (net.Conn, error) { return plain.DialContext(ctx, "tcp", host) }
	if to.Scheme == "https" {
		secure := &tls.Dialer{NetDialer: plain, Config: &tls.Config{ServerName: to.Hostname(), NextProtos: []string{"http/1.1"}}}
		dial = func(ctx context.Context) (net.Conn, error) { return secure.DialContext(ctx, "tcp", host) }
	}
	return &wire{dial: dial}
}

// exchange sends a request and reads its answer. The body is valid until the next exchange. A connection that broke is made
// anew and the request sent once more: it carries an idempotency key, so that is harmless.
func (w *wire) exchange(ctx context.Context, request []byte) (status int, body []byte, err error) {
	for range 2 {
		if status, body, err = w.once(ctx, request); err == nil {
			return status, body, nil
		}
		w.close()
		w.redials++
		if ctx.Err() != nil {
			break
		}
	}
	return 0, nil, err
}

func (w *wire) once(ctx context.Context, request []byte) (int, []byte, error) {
	if w.conn == nil {
		conn, err := w.dial(ctx)
		if err != nil {
			return 0, nil, fmt.Errorf("connect: %w", err)
		}
		w.conn, w.reader = conn, bufio.NewReaderSize(conn, 8<<10)
	}
	if err := w.conn.SetDeadline(clock.Stopwatch().Add(answerTimeout)); err != nil {
		return 0, nil, fmt.Errorf("bound the request: %w", err)
	}
	if _, err := w.conn.Write(request); err != nil {
		return 0, nil, fmt.Errorf("send: %w", err)
	}
	status, last, err := w.read()
	if err != nil {
		return 0, nil, fmt.Errorf("read the answer: %w", err)
	}
	if last {
		w.close()
	}
	return status, w.body, nil
}

func (w *wire) close() {
	if w.conn != nil {
		_ = w.conn.Close() // nothing depends on it any more
		w.conn = nil
	}
}

var errNotHTTP = errors.New("not an HTTP/1.1 answer")

// read reads one answer into w.body; last tells that the server closes the connection behind it.
func (w *wire) read() (status int, last bool, err error) {
	line, err := w.line()
	if err != nil {
		return 0, false, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, false, errNotHTTP
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, false, errNotHTTP
	}
	size, chunked := int64(0), false
	for {
		if line, err = w.line(); err != nil {
			return 0, false, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if size, err = strconv.ParseInt(string(value), 10, 32); err != nil {
				return 0, false, errNotHTTP
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		case bytes.EqualFold(name, []byte("Connection")):
			last = bytes.EqualFold(value, []byte("close"))
		}
	}
	w.body = w.body[:0]
	if chunked {
		return status, last, w.chunks()
	}
	return status, last, w.take(size)
}

func (w *wire) line() ([]byte, error) {
	line, err := w.reader.ReadSlice('\n')
	return bytes.TrimSuffix(line, []byte("\r\n")), err
}

// take appends n bytes of the answer to the body.
func (w *wire) take(n int64) error {
	at := len(w.body)
	w.body = append(w.body, make([]byte, n)...)
	_, err := io.ReadFull(w.reader, w.body[at:])
	return err
}

func (w *wire) chunks() error {
	for {
		line, err := w.line()
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(line), 16, 32)
		if err != nil {
			return errNotHTTP
		}
		if err := w.take(size); err != nil {
			return err
		}
		if line, err = w.line(); err != nil || len(line) != 0 {
			return errors.Join(errNotHTTP, err)
		}
		if size == 0 {
			return nil
		}
	}
}
