package test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// pictures is where the pictures of the documentation are put: go test ./test -run Browser -pictures ../docs/img
var pictures = flag.String("pictures", "", "put the pictures that the documentation shows into this folder")

// tab is a page as a payer has it before them. It is pressed and typed into by mouse and keyboard, never by script.
type tab struct {
	t     *testing.T
	f     *florin
	ctx   context.Context
	wire  *wire
	payer cdp.BrowserContextID
	*payerTraffic
}

// payerTraffic is shared by all tabs of one payer.
type payerTraffic struct {
	log     *networkLog
	cards   []string // numbers that were typed
	origins []string // of shops, besides Florin's own zones
	allowed []string // parts of faults that the test means to cause
}

// payer opens a window for a new payer. At the end of the test nothing may have gone wrong in its pages, and no card number may have left
// them but to the vault.
func (f *florin) payer(t *testing.T) *tab {
	t.Helper()
	c := theChromium(t)
	ctx, cancel := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	p := &tab{t: t, f: f, ctx: ctx, wire: c.wire, payerTraffic: &payerTraffic{}}
	t.Cleanup(cancel)
	p.begin()
	p.log = c.wire.networkLog(p.payer)
	t.Cleanup(p.conclude)
	return p
}

// begin opens the window, which behaves as if it were in front.
func (p *tab) begin() {
	p.t.Helper()
	must(p.t, chromedp.Do(p.ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	})))
	p.payer = chromedp.FromContext(p.ctx).BrowserContextID
	p.t.Cleanup(p.showFailure)
}

// another opens a second window of the same payer.
func (p *tab) another() *tab {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx)
	p.t.Cleanup(cancel)
	other := &tab{t: p.t, f: p.f, ctx: ctx, wire: p.wire, payerTraffic: p.payerTraffic}
	other.begin()
	return other
}

// conclude holds what the payer's pages did against what they may do.
func (p *tab) conclude() {
	for _, leak := range p.log.leaks(p.f.vault, p.cards) {
		p.t.Errorf("a card number left the vault's fields: %s", leak)
	}
	known := append([]string{p.f.vault, p.f.site(), p.f.sandbox}, p.origins...)
	if strangers := p.log.strangers(known...); len(strangers) > 0 {
		p.t.Errorf("the pages called %v, which are nobody's here", strangers)
	}
	for _, fault := range p.log.faults() {
		if !slices.ContainsFunc(p.allowed, func(part string) bool { return strings.Contains(fault, part) }) {
			p.t.Errorf("in a page: %s", fault)
		}
	}
}

// showFailure keeps a picture and the words of a failed test's page.
func (p *tab) showFailure() {
	if !p.t.Failed() {
		return
	}
	dir := filepath.Join(os.TempDir(), "florin-failures")
	must(p.t, os.MkdirAll(dir, 0o755))
	file := filepath.Join(dir, strings.NewReplacer("/", "-", " ", "_").Replace(p.t.Name())+"-"+p.id()+".png")
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	if shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)); err == nil {
		must(p.t, os.WriteFile(file, shot, 0o644))
	}
	at, _ := chromedp.Run(ctx, chromedp.Location())
	words, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	p.t.Logf("the page %s, shown in %s, said:\n%s\nconsole:\n%s", at, file, words, tail(p.log.console(), 4<<10))
}

func (p *tab) id() string { return string(chromedp.FromContext(p.ctx).Target.TargetID)[:6] }

// do runs actions in the page, in bounded time.
func (p *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// open goes to an address, as if it were typed. Where a form that was pressed is still being answered, that answer may end the way here:
// then it is gone again.
func (p *tab) open(address string) *tab {
	p.t.Helper()
	eventually(p.t, "open "+address, func() bool {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		defer cancel()
		err := chromedp.Do(ctx, chromedp.Navigate(address))
		if err != nil && !strings.Contains(err.Error(), "net::ERR_ABORTED") {
			p.t.Fatalf("open %s: %v", address, err)
		}
		return err == nil
	})
	return p
}

// evaluate gives the value of an expression in the page, as JSON.
func (p *tab) evaluate(expression string) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) (json.RawMessage, error) {
		yes := true
		r, err := cdp.Call(ctx, t, runtime.Evaluate, runtime.EvaluateParams{Expression: expression, ReturnByValue: &yes, AwaitPromise: &yes})
		switch {
		case err != nil:
			return nil, err
		case r.ExceptionDetails != nil:
			return nil, fmt.Errorf("%s", r.ExceptionDetails.Exception.Description)
		}
		return json.RawMessage(r.Result.Value), nil
	})
}

// ask gives the value of an expression in the page; a promise is waited for.
func ask[T any](p *tab, expression string) T {
	p.t.Helper()
	var v T
	raw, err := p.evaluate(expression)
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	if len(raw) > 0 {
		must(p.t, json.Unmarshal(raw, &v))
	}
	return v
}

// await waits until an expression in the page is true. A page that is being left has no answer yet.
func (p *tab) await(what, expression string) *tab {
	p.t.Helper()
	eventually(p.t, what, func() bool {
		raw, err := p.evaluate("Boolean(" + expression + ")")
		return err == nil && string(raw) == "true"
	})
	return p
}

// shows waits until the page shows a text.
func (p *tab) shows(texts ...string) *tab {
	p.t.Helper()
	for _, text := range texts {
		p.await("the page shows "+text, fmt.Sprintf("document.body.innerText.includes(%s)", quote(text)))
	}
	return p
}

// at waits until the page is at an address that has this part.
func (p *tab) at(part string) *tab {
	p.t.Helper()
	return p.await("the page is at "+part, fmt.Sprintf("location.href.includes(%s) && document.readyState === 'complete'", quote(part)))
}

// location is the page's address.
func (p *tab) location() string {
	p.t.Helper()
	return ask[string](p, "location.href")
}

// back presses the browser's own button.
func (p *tab) back() *tab {
	p.t.Helper()
	p.do("go back", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		h, err := cdp.Call(ctx, t, page.GetNavigationHistory, cdp.Empty{})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, t, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: h.Entries[h.CurrentIndex-1].ID})
		return err
	}))
	return p
}

// text is what the first element that a selector finds shows.
func (p *tab) text(selector string) string {
	p.t.Helper()
	return ask[string](p, fmt.Sprintf("document.querySelector(%s)?.innerText ?? ''", quote(selector)))
}

// quote writes a text as JavaScript does.
func quote(text string) string {
	q, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text can be written
	}
	return string(q)
}

// spot is where the middle of an element is, in CSS pixels.
type spot struct{ X, Y float64 }

// spotOf brings the element that an expression gives into view.
const spotOf = `(() => { const e = %s; e.scrollIntoView({block: 'center', behavior: 'instant'});
	const r = e.getBoundingClientRect(); return {x: r.left + r.width / 2, y: r.top + r.height / 2}; })()`

// click presses the first element that a selector finds.
func (p *tab) click(selector string) {
	p.t.Helper()
	element := fmt.Sprintf("document.querySelector(%s)", quote(selector))
	p.await(selector+" is there", element)
	s := ask[spot](p, fmt.Sprintf(spotOf, element))
	p.do("click "+selector, chromedp.MouseClickXY(s.X, s.Y))
}

// leave presses what leads to another page.
func (p *tab) leave(selector, to string) *tab {
	p.t.Helper()
	p.click(selector)
	return p.at(to)
}

// keys types on the keyboard, wherever the focus is.
func (p *tab) keys(text string) {
	p.t.Helper()
	p.do("type", chromedp.KeyEvent(text))
}

// write types into a box of the page itself.
func (p *tab) write(selector, text string) {
	p.t.Helper()
	p.click(selector)
	p.do("select what is there", chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	p.keys(text)
}

// choose takes an entry of a list, by its value.
func (p *tab) choose(selector, value string) *tab {
	p.t.Helper()
	list := "document.querySelector(" + quote(selector) + ")"
	p.await("the list has "+value, fmt.Sprintf("%[1]s?.getClientRects().length > 0 && [...%[1]s.options].some((o) => o.value === %[2]s)", list, quote(value)))
	return p.await("it takes "+value, fmt.Sprintf("((list) => { list.value = %[2]s; list.dispatchEvent(new Event('change', { bubbles: true })); return list.value === %[2]s; })(%[1]s)", list, quote(value)))
}

// phone makes the window as narrow as the smallest phones are.
func (p *tab) phone() *tab {
	p.t.Helper()
	p.do("be a phone", chromedp.EmulateViewport(360, 740, chromedp.EmulateScale(2)))
	return p
}

// dark asks pages for their dark colours.
func (p *tab) dark() *tab {
	p.t.Helper()
	p.do("be dark", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
		})
		return err
	}))
	return p
}

// languages are those that the browser asks for.
func (p *tab) languages(accept string) *tab {
	p.t.Helper()
	p.do("speak "+accept, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		agent, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("navigator.userAgent"))
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, t, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: accept})
		return err
	}))
	return p
}

// picture takes one for the documentation, if they are wanted.
func (p *tab) picture(name string) *tab {
	p.t.Helper()
	if *pictures == "" {
		return p
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	shot, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		yes := true
		r, err := cdp.Call(ctx, t, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &yes})
		return r.Data, err
	})
	must(p.t, err)
	must(p.t, os.WriteFile(filepath.Join(*pictures, name+".png"), shot, 0o644))
	return p
}
