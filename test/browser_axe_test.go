package test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/chromedp"
)

// axe is axe-core, which finds what keeps people out of a page.
var axe = sync.OnceValues(func() (string, error) {
	code, err := os.ReadFile("testdata/axe/axe.min.js")
	return string(code), err
})

// runAxe gives what axe found, and how many of its rules held. Frames are run apart: it cannot look into those of other origins.
const runAxe = `axe.run(document, {iframes: false}).then((r) => ({held: r.passes.length, found: r.violations.map((v) => ({
	rule: v.id, impact: v.impact, help: v.help, where: v.nodes.map((n) => n.html + ' ' + n.failureSummary).slice(0, 3)}))}))`

type axeReport struct {
	Held  int
	Found []struct {
		Rule, Impact, Help string
		Where              []string
	}
}

// accessible fails the test if axe finds something serious or critical in the page.
func (p *tab) accessible(what string) *tab {
	p.t.Helper()
	report, err := p.inspect()
	if err != nil {
		p.t.Fatalf("axe: %v", err)
	}
	p.judge(what, report)
	return p
}

// inspect has axe look at the page. It fails if the page is left meanwhile.
func (p *tab) inspect() (report axeReport, err error) {
	p.t.Helper()
	code, err := axe()
	must(p.t, err)
	if _, err := p.evaluate("if (!globalThis.axe) { " + code + "\n} true"); err != nil {
		return report, err
	}
	raw, err := p.evaluate(runAxe)
	if err != nil {
		return report, err
	}
	return report, json.Unmarshal(raw, &report)
}

// accessibleFields does the same inside each of the vault's fields.
func (p *tab) accessibleFields() {
	p.t.Helper()
	code, err := axe()
	must(p.t, err)
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	worlds := p.wire.worlds(chromedp.FromContext(p.ctx).Target.TargetID, p.f.vault)
	if len(worlds) == 0 {
		p.t.Fatal("the page has no fields")
	}
	for _, one := range worlds {
		raw, err := p.wire.call(ctx, one.session, "Runtime.evaluate", map[string]any{
			"expression": code + "\n;" + runAxe, "contextId": one.id, "returnByValue": true, "awaitPromise": true,
		})
		must(p.t, err)
		var answer struct{ Result struct{ Value axeReport } }
		must(p.t, json.Unmarshal(raw, &answer))
		p.judge("a field", answer.Result.Value)
	}
}

func (p *tab) judge(what string, r axeReport) {
	p.t.Helper()
	if r.Held < 5 {
		p.t.Fatalf("axe did not look at %s: %d rules held", what, r.Held)
	}
	for _, one := range r.Found {
		if slices.Contains([]string{"serious", "critical"}, one.Impact) {
			p.t.Errorf("%s: %s (%s): %s", what, one.Help, one.Rule, strings.Join(one.Where, "\n"))
		} else {
			p.t.Logf("%s: %s finding, %s", what, one.Impact, one.Rule)
		}
	}
}
