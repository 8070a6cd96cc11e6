package test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// wire is the connection to Chromium. chromedp speaks through it. Beside that it watches every page, frame and worker on a session
// of its own, from before the first request of each: chromedp alone would miss frames of other sites, and what they send at once.
type wire struct {
	*chromedp.PipeConn

	mu      sync.Mutex
	last    int64                                // id of our last command
	waiting map[int64]chan<- *cdproto.Message    // for the answers to ours
	broken  error                                // why nothing is heard any more
	watched map[target.SessionID]*watchedTarget  // our sessions
	known   map[target.ID]bool                   // what we watch
	traffic map[cdp.BrowserContextID]*networkLog // what was sent, by payer
}

// watchedTarget is a page, or a frame or worker in a process of its own.
type watchedTarget struct {
	info   *target.Info
	tab    target.ID       // the page that it is, or is in
	worlds map[int64]world // by execution context
}

// world is a document's script context: where an expression may be evaluated.
type world struct {
	session target.SessionID
	id      int64
	origin  string
	frame   string
}

// ourIDs is where the ids of our commands begin, far above chromedp's. They are 32 bits wide.
const ourIDs = 1 << 30

func newWire(conn *chromedp.PipeConn) *wire {
	return &wire{
		PipeConn: conn, last: ourIDs, waiting: map[int64]chan<- *cdproto.Message{}, watched: map[target.SessionID]*watchedTarget{},
		known: map[target.ID]bool{}, traffic: map[cdp.BrowserContextID]*networkLog{},
	}
}

// Allocate gives chromedp the browser at the other end.
func (w *wire) Allocate(ctx context.Context, options ...chromedp.BrowserOption) (*chromedp.Browser, error) {
	b, err := chromedp.NewBrowserTransport(ctx, w, options...)
	if err == nil {
		_, err = w.call(ctx, "", "Target.setAutoAttach", autoAttach)
	}
	return b, err
}

// Wait is for allocators that start a browser.
func (w *wire) Wait() {}

// Attaches says that the browser is not chromedp's to end.
func (w *wire) Attaches() bool { return true }

// autoAttach stops whatever is opened until we watch it.
var autoAttach = map[string]any{"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true}

// Read gives chromedp the next message that is its own.
func (w *wire) Read(ctx context.Context, m *cdproto.Message) error {
	for {
		*m = cdproto.Message{}
		if err := w.PipeConn.Read(ctx, m); err != nil {
			w.breaks(err)
			return err
		}
		if !w.takes(m) {
			return nil
		}
	}
}

// breaks ends all waiting for answers: the browser is gone.
func (w *wire) breaks(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken == nil {
		w.broken = fmt.Errorf("Chromium is gone: %w", err)
	}
	for id, answer := range w.waiting {
		delete(w.waiting, id)
		close(answer)
	}
}

// takes tells whether a message is ours, and handles it.
func (w *wire) takes(m *cdproto.Message) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.ID > ourIDs {
		if answer, ok := w.waiting[m.ID]; ok {
			delete(w.waiting, m.ID)
			kept := *m
			answer <- &kept
		}
		return true
	}
	watched, ours := w.watched[m.SessionID]
	if !ours && m.SessionID != "" {
		return false
	}
	switch m.Method {
	case "Target.attachedToTarget":
		return w.attached(m) || ours
	case "Target.detachedFromTarget":
		return w.detached(m) || ours
	}
	if ours {
		w.heard(watched, m)
	}
	return ours
}

// attached begins to watch what was opened. What is watched already is attached to by chromedp.
func (w *wire) attached(m *cdproto.Message) bool {
	var e target.EventAttachedToTarget
	if json.Unmarshal(m.Params, &e) != nil || w.known[e.TargetInfo.TargetID] {
		return false
	}
	w.known[e.TargetInfo.TargetID] = true
	tab := e.TargetInfo.TargetID
	if parent, inside := w.watched[m.SessionID]; inside {
		tab = parent.tab
	}
	w.watched[e.SessionID] = &watchedTarget{info: e.TargetInfo, tab: tab, worlds: map[int64]world{}}
	go func() { // the reader must not write: both pipes could be full
		for _, c := range []struct {
			method string
			params map[string]any
		}{
			{"Network.enable", map[string]any{"maxPostDataSize": 4 << 20}}, {"Runtime.enable", nil}, {"Log.enable", nil},
			{"Target.setAutoAttach", autoAttach}, {"Runtime.runIfWaitingForDebugger", nil},
		} {
			_ = w.send(e.SessionID, c.method, c.params, nil) // what is gone already sends nothing more
		}
	}()
	return true
}

func (w *wire) detached(m *cdproto.Message) bool {
	var e target.EventDetachedFromTarget
	if json.Unmarshal(m.Params, &e) != nil {
		return false
	}
	gone, ours := w.watched[e.SessionID]
	if ours {
		delete(w.known, gone.info.TargetID)
		delete(w.watched, e.SessionID)
	}
	return ours
}

// heard takes an event of a watched target.
func (w *wire) heard(from *watchedTarget, m *cdproto.Message) {
	switch domain, event, _ := strings.Cut(string(m.Method), "."); {
	case event == "executionContextCreated":
		from.created(m)
	case event == "executionContextDestroyed":
		var e struct{ ExecutionContextID int64 }
		if json.Unmarshal(m.Params, &e) == nil {
			delete(from.worlds, e.ExecutionContextID)
		}
	case event == "executionContextsCleared":
		clear(from.worlds)
	default:
		w.log(from.info.BrowserContextID).heard(domain, event, m.Params)
	}
}

func (from *watchedTarget) created(m *cdproto.Message) {
	var e struct {
		Context struct {
			ID      int64
			Origin  string
			AuxData struct {
				IsDefault bool
				FrameID   string
			}
		}
	}
	if json.Unmarshal(m.Params, &e) == nil && e.Context.AuxData.IsDefault {
		from.worlds[e.Context.ID] = world{m.SessionID, e.Context.ID, e.Context.Origin, e.Context.AuxData.FrameID}
	}
}

// log is what a payer's pages sent. The caller holds the lock.
func (w *wire) log(payer cdp.BrowserContextID) *networkLog {
	if w.traffic[payer] == nil {
		w.traffic[payer] = newNetworkLog()
	}
	return w.traffic[payer]
}

// networkLog is what a payer's pages sent so far.
func (w *wire) networkLog(payer cdp.BrowserContextID) *networkLog {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log(payer)
}

// worlds are the documents of an origin in a page and its frames.
func (w *wire) worlds(tab target.ID, origin string) []world {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []world
	for _, at := range w.watched {
		if at.tab == tab {
			for one := range maps.Values(at.worlds) {
				if one.origin == origin {
					found = append(found, one)
				}
			}
		}
	}
	return slices.SortedFunc(slices.Values(found), func(a, b world) int { return strings.Compare(a.frame, b.frame) })
}

func (w *wire) send(session target.SessionID, method string, params any, answer chan<- *cdproto.Message) error {
	m := &cdproto.Message{SessionID: session, Method: cdproto.MethodType(method)}
	if params != nil {
		raw, err := json.Marshal(params)
		if err != nil {
			return fmt.Errorf("send %s: %w", method, err)
		}
		m.Params = raw
	}
	w.mu.Lock()
	w.last++
	m.ID = w.last
	if answer != nil && w.broken == nil {
		w.waiting[m.ID] = answer
	}
	broken := w.broken
	w.mu.Unlock()
	if broken != nil {
		return broken
	}
	return w.PipeConn.Write(context.Background(), m)
}

// gone is why nothing is heard any more.
func (w *wire) gone() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

// call sends a command on a session of ours, or to the browser itself, and waits for the answer.
func (w *wire) call(ctx context.Context, session target.SessionID, method string, params any) (json.RawMessage, error) {
	answer := make(chan *cdproto.Message, 1)
	if err := w.send(session, method, params, answer); err != nil {
		return nil, err
	}
	select {
	case m, heard := <-answer:
		if !heard {
			return nil, fmt.Errorf("%s: %w", method, w.gone())
		}
		if m.Error != nil {
			return nil, fmt.Errorf("%s: %w", method, m.Error)
		}
		return json.RawMessage(m.Result), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", method, ctx.Err())
	}
}
