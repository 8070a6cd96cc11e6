package test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// networkLog is the browser's own account of what one payer's pages sent, with bodies, and of what went wrong in them.
type networkLog struct {
	mu    sync.Mutex
	sent  []sentRequest
	extra []sentExtra
	wrong []string // exceptions, and what a page's own policy stopped
	said  []string // on the console, for a test that fails
}

// sentRequest is one request, or one message on a socket.
type sentRequest struct {
	id     string
	method string
	url    string
	page   string // of the document that sent it
	body   string
	opaque bool   // its body was not shown
	raw    []byte // all that the browser told of it
}

// sentExtra is what the browser told of a request when it went out: the headers as they were sent.
type sentExtra struct {
	id  string
	raw []byte
}

func newNetworkLog() *networkLog { return &networkLog{} }

// heard takes an event of the browser.
func (l *networkLog) heard(domain, event string, params []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch domain + "." + event {
	case "Network.requestWillBeSent":
		l.request(params)
	case "Network.requestWillBeSentExtraInfo", "Network.webSocketWillSendHandshakeRequest":
		var e struct{ RequestID string }
		if json.Unmarshal(params, &e) == nil {
			l.extra = append(l.extra, sentExtra{e.RequestID, slices.Clone(params)})
		}
	case "Network.webSocketCreated", "Network.webSocketFrameSent", "Network.webTransportCreated":
		l.socket(event, params)
	case "Runtime.exceptionThrown":
		l.wrong = append(l.wrong, exceptionOf(params))
	case "Runtime.consoleAPICalled":
		l.said = append(l.said, string(params))
	case "Log.entryAdded":
		l.entry(params)
	}
}

func (l *networkLog) request(params []byte) {
	var e struct {
		RequestID, DocumentURL string
		Request                struct {
			URL, Method, PostData string
			HasPostData           bool
		}
	}
	if json.Unmarshal(params, &e) != nil {
		l.wrong = append(l.wrong, "the log cannot read "+string(params))
		return
	}
	r := e.Request
	l.sent = append(l.sent, sentRequest{
		id: e.RequestID, method: r.Method, url: r.URL, page: e.DocumentURL, body: r.PostData, opaque: r.HasPostData && r.PostData == "", raw: slices.Clone(params),
	})
}

func (l *networkLog) socket(event string, params []byte) {
	var e struct{ RequestID, TransportID, URL string }
	if json.Unmarshal(params, &e) != nil {
		return
	}
	one := sentRequest{id: e.RequestID + e.TransportID, method: event, url: e.URL, raw: slices.Clone(params)}
	if at := slices.IndexFunc(l.sent, func(s sentRequest) bool { return s.id == one.id }); one.url == "" && at >= 0 {
		one.url = l.sent[at].url
	}
	l.sent = append(l.sent, one)
}

func exceptionOf(params []byte) string {
	var e struct {
		ExceptionDetails struct {
			Text, URL string
			Exception struct{ Description string }
		}
	}
	if json.Unmarshal(params, &e) != nil {
		return string(params)
	}
	d := e.ExceptionDetails
	return fmt.Sprintf("%s: %s %s", d.URL, d.Text, d.Exception.Description)
}

func (l *networkLog) entry(params []byte) {
	var e struct {
		Entry struct{ Source, Level, Text, URL string }
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	said := strings.Join([]string{e.Entry.Source, e.Entry.Level, e.Entry.URL, e.Entry.Text}, " ")
	l.said = append(l.said, said)
	if e.Entry.Source == "security" && e.Entry.Level == "error" {
		l.wrong = append(l.wrong, said)
	}
}

// requests are those that went out so far.
func (l *networkLog) requests() []sentRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.sent)
}

// to are the requests to an address, by its origin and a part of its path.
func (l *networkLog) to(origin, path string) []sentRequest {
	return slices.DeleteFunc(l.requests(), func(s sentRequest) bool { return originOf(s.url) != origin || !strings.Contains(s.url, path) })
}

// posts are the POST requests to an address; a browser may ask before one whether it may.
func (l *networkLog) posts(origin, path string) []sentRequest {
	return slices.DeleteFunc(l.to(origin, path), func(s sentRequest) bool { return s.method != "POST" })
}

// console is what the pages said, for a test that fails.
func (l *networkLog) console() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.said, "\n")
}

// faults are exceptions in the pages, and what their own policy stopped.
func (l *networkLog) faults() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.wrong)
}

// leaks are the requests that took one of the card numbers anywhere but to the vault, in whatever form, or whose body was not seen.
func (l *networkLog) leaks(vault string, pans []string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	home := map[string]bool{} // by request id: all of its hops went to the vault
	var found []string
	look := func(where string, raw []byte) {
		for _, pan := range pans {
			if how := holds(raw, pan); how != "" {
				found = append(found, fmt.Sprintf("%s holds %s…%s %s: %s", where, pan[:6], pan[len(pan)-4:], how, raw))
			}
		}
	}
	for _, s := range l.sent {
		at, known := home[s.id]
		home[s.id] = originOf(s.url) == vault && (at || !known)
	}
	for _, s := range l.sent {
		address, _ := url.QueryUnescape(s.url)
		if originOf(s.url) == vault {
			look("an address of the vault", []byte(s.url+" "+address))
			continue
		}
		look(s.method+" "+s.url, append([]byte(address+" "), s.raw...))
		if body, err := url.QueryUnescape(s.body); err == nil {
			look("the body of "+s.method+" "+s.url, []byte(body))
		}
		if s.opaque {
			found = append(found, fmt.Sprintf("the body of %s %s was not seen", s.method, s.url))
		}
	}
	for _, x := range l.extra {
		if !home[x.id] {
			look("headers", x.raw)
		}
	}
	return found
}

// strangers are the origins other than the given ones that something was sent to.
func (l *networkLog) strangers(known ...string) []string {
	var found []string
	for _, s := range l.requests() {
		if o := originOf(s.url); o != "" && !slices.Contains(known, o) && !slices.Contains(found, o) {
			found = append(found, o)
		}
	}
	return found
}

// originOf is scheme, host and port of an address; empty for one that leads to no server.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func TestTheNetworkLogFindsALeak(t *testing.T) {
	const vault, shop = "https://vault.example", "https://shop.example"
	for name, c := range map[string]struct {
		event string
		leaks bool
	}{
		"the vault's own":        {`{"requestId":"1","request":{"url":"https://vault.example/v1/tokens","method":"POST","headers":{},"hasPostData":true,"postData":"{\"number\":\"4012888888881881\"}"}}`, false},
		"in a body":              {`{"requestId":"1","request":{"url":"https://shop.example/log","method":"POST","headers":{},"hasPostData":true,"postData":"{\"n\":\"4012 8888 8888 1881\"}"}}`, true},
		"in a form":              {`{"requestId":"1","request":{"url":"https://shop.example/log","method":"POST","headers":{},"hasPostData":true,"postData":"n=4012%2D8888%2D8888%2D1881"}}`, true},
		"in an address":          {`{"requestId":"1","request":{"url":"https://shop.example/?n=4012%208888%208888%201881","method":"GET","headers":{}}}`, true},
		"in a header":            {`{"requestId":"1","request":{"url":"https://shop.example/","method":"GET","headers":{"X-Card":"4012888888881881"}}}`, true},
		"in base 64":             {`{"requestId":"1","request":{"url":"https://shop.example/","method":"POST","headers":{},"hasPostData":true,"postData":"bj00MDEyODg4ODg4ODgxODgx"}}`, true},
		"in the vault's address": {`{"requestId":"1","request":{"url":"https://vault.example/?n=4012888888881881","method":"GET","headers":{}}}`, true},
		"a body that is hidden":  {`{"requestId":"1","request":{"url":"https://shop.example/","method":"POST","headers":{},"hasPostData":true}}`, true},
		"nothing":                {`{"requestId":"1","request":{"url":"https://shop.example/","method":"POST","headers":{},"hasPostData":true,"postData":"last4=1881"}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newNetworkLog()
			l.heard("Network", "requestWillBeSent", []byte(c.event))
			if leaks := l.leaks(vault, []string{markedPAN}); (len(leaks) > 0) != c.leaks {
				t.Errorf("leaks %q", leaks)
			}
			if strangers := l.strangers(vault, shop); len(l.requests()) != 1 || len(strangers) != 0 {
				t.Errorf("%d requests, strangers %v", len(l.requests()), strangers)
			}
		})
	}
}
