package test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// sheet is the wallet's pay sheet, in a frame over the page.
type sheet struct{ p *tab }

const sheetFrame = `document.querySelector('dialog[open] iframe')`

// sheet presses the wallet's button, and waits until the sheet can be pressed.
func (p *tab) sheet() sheet {
	p.t.Helper()
	p.click("#wallet")
	p.await("the sheet is there", sheetFrame)
	eventually(p.t, "the sheet can be pressed", func() bool {
		var ok bool
		return p.inside(p.f.sandbox, "document.readyState === 'complete' && document.getElementById('approve') !== null || undefined", &ok) && ok
	})
	return sheet{p}
}

// choose picks from a list of the sheet: its popup is the browser's own, where no mouse of ours comes.
func (s sheet) choose(list, value string) sheet {
	s.p.t.Helper()
	var chosen string
	if !s.p.inside(s.p.f.sandbox, fmt.Sprintf("(document.getElementById('%s').value = '%s', document.getElementById('%[1]s').value)", list, value), &chosen) || chosen != value {
		s.p.t.Fatalf("%s has no %s: %q", list, value, chosen)
	}
	return s
}

// press presses a button of the sheet, and waits until the sheet is gone.
func (s sheet) press(button string) *tab {
	s.p.t.Helper()
	var inside spot
	if !s.p.inside(s.p.f.sandbox, fmt.Sprintf(spotOf, "document.getElementById('"+button+"')"), &inside) {
		s.p.t.Fatalf("the sheet has no %s", button)
	}
	corner := ask[spot](s.p, "(() => { const r = "+sheetFrame+".getBoundingClientRect(); return {x: r.left, y: r.top}; })()")
	s.p.do("press "+button, chromedp.MouseClickXY(corner.X+inside.X, corner.Y+inside.Y))
	return s.p.await("the sheet is gone", "!document.querySelector('dialog')")
}

func TestBrowserPaysWithTheWallet(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.checkout(t, nil)
	p := f.payer(t).payAt(made).shows("Pay with the test wallet").accessible("checkout with a wallet").picture("checkout-wallet")
	p.allowed = append(p.allowed, "409")

	s := p.sheet()
	p.picture("wallet-sheet")
	s.press("cancel").await("nothing is said", "document.getElementById('status').textContent === ''")
	f.stands(t, made.text("id"), "requires_payment_method", 0)

	p.sheet().choose("defect", "expired").press("approve").shows("let the payer approve again")
	f.stands(t, made.text("id"), "requires_payment_method", 0)

	p.sheet().choose("card", "empty").press("approve").shows("There is not enough money")
	f.stands(t, made.text("id"), "requires_payment_method", 0)

	p.sheet().choose("card", "secured").press("approve").shows("Paid", "Visa card ending in 3184").accessible("paid by wallet")
	paid := f.stands(t, made.text("id"), "captured", 1)
	if dig(paid.object, "payment_method", "type") != "wallet" || paid.object["three_ds"] != nil {
		t.Errorf("paid %s", paid.body)
	}
}
