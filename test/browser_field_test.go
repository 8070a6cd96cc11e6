package test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/chromedp/chromedp"
)

// field is one of the vault's, in a frame of the page.
type field struct {
	p    *tab
	kind string
}

func (p *tab) field(kind string) field { return field{p, kind} }

// frame is the frame's element in the page.
func (d field) frame() string {
	return fmt.Sprintf("document.querySelector('iframe[src*=\"/fields/v1/%s?\"]')", d.kind)
}

// ask gives the value of an expression inside the field, in which only the browser's owner can look. False before it is there.
func (d field) ask(expression string, into any) bool {
	d.p.t.Helper()
	return ask[bool](d.p, "Boolean("+d.frame()+")") &&
		d.p.inside(d.p.f.vault, fmt.Sprintf("location.pathname.endsWith('/%s') ? (%s) : undefined", d.kind, expression), into)
}

// inside gives the value of an expression in a frame of an origin, the first in which it has one.
func (p *tab) inside(origin, expression string, into any) bool {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	for _, one := range p.wire.worlds(chromedp.FromContext(p.ctx).Target.TargetID, origin) {
		raw, err := p.wire.call(ctx, one.session, "Runtime.evaluate", map[string]any{
			"expression": expression, "contextId": one.id, "returnByValue": true, "awaitPromise": true,
		})
		var answer struct {
			Result struct{ Value json.RawMessage }
		}
		if err == nil && json.Unmarshal(raw, &answer) == nil && answer.Result.Value != nil {
			must(p.t, json.Unmarshal(answer.Result.Value, into))
			return true
		}
	}
	return false
}

// ready waits until the field can be typed into: it has told the page its height.
func (d field) ready() field {
	d.p.t.Helper()
	d.p.await(d.kind+" is ready", d.frame()+"?.style.height.endsWith('px')")
	eventually(d.p.t, d.kind+" can be seen into", func() bool {
		var ok bool
		return d.ask("document.readyState === 'complete'", &ok) && ok
	})
	return d
}

// click puts the cursor into a box of the field: number, expiry or cvc. Where the page moved between the look and the press, it is pressed again.
func (d field) click(part string) {
	d.p.t.Helper()
	d.ready()
	d.press(part)
	eventually(d.p.t, part+" has the cursor", func() bool {
		var on string
		if d.ask("document.activeElement?.id ?? ''", &on) && on == part {
			return true
		}
		d.press(part)
		return false
	})
}

// press presses the middle of a box where it is now.
func (d field) press(part string) {
	d.p.t.Helper()
	var inside spot
	if !d.ask(fmt.Sprintf("(() => { const r = document.getElementById('%s').getBoundingClientRect(); return {x: r.left + r.width / 2, y: r.top + r.height / 2}; })()", part), &inside) {
		d.p.t.Fatalf("%s has no %s", d.kind, part)
	}
	corner := ask[spot](d.p, fmt.Sprintf("(() => { const e = %s; e.scrollIntoView({block: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect(); return {x: r.left, y: r.top}; })()", d.frame()))
	d.p.do("click "+part, chromedp.MouseClickXY(corner.X+inside.X, corner.Y+inside.Y))
}

// write types into a box of the field, over what is there.
func (d field) write(part, text string) {
	d.p.t.Helper()
	d.click(part)
	d.p.do("select what is there", chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	d.p.keys(text)
}

// value is what a box of the field holds.
func (d field) value(part string) string {
	d.p.t.Helper()
	var v string
	if !d.ask(fmt.Sprintf("document.getElementById('%s').value", part), &v) {
		d.p.t.Fatalf("%s has no %s", d.kind, part)
	}
	return v
}

// typeCard writes a card into fields that stand apart.
func (p *tab) typeCard(number string) *tab {
	p.t.Helper()
	p.cards = append(p.cards, number)
	p.field("card-number").write("number", number)
	p.field("card-expiry").write("expiry", "1230")
	p.field("card-cvc").write("cvc", "123")
	return p
}

// typeWholeCard writes a card into the one field that has it all.
func (p *tab) typeWholeCard(number string) *tab {
	p.t.Helper()
	p.cards = append(p.cards, number)
	whole := p.field("card")
	whole.write("number", number)
	whole.write("expiry", "1230")
	whole.write("cvc", "123")
	return p
}
