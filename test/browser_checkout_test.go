package test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const (
	emptyCard = "4000000000009995" // insufficient_funds
	muteCard  = "4000000000000002" // do_not_honor
	euro9232  = "€92.32"
)

// checkout is a payment that waits for its payer; fields replace or add to what it is made of.
func (f *florin) checkout(t *testing.T, fields map[string]any) answer {
	t.Helper()
	body := map[string]any{"amount": 9232, "currency": "EUR", "confirm": false}
	for name, value := range fields {
		body[name] = value
	}
	made := f.post("/v1/payments", "", body).want(t, http.StatusCreated, "make a payment for a payer")
	if made.text("checkout_url") == "" || made.text("client_secret") == "" {
		t.Fatalf("there is nothing for the payer: %s", made)
	}
	return made
}

// stands fails the test unless the payment has the status and the acquirers as many charges.
func (f *florin) stands(t *testing.T, id, status string, charges int) answer {
	t.Helper()
	p := f.get("/v1/payments/"+id).want(t, http.StatusOK, "look at the payment")
	if p.text("status") != status {
		t.Errorf("the payment is %s, want %s: %s", p.text("status"), status, p.body)
	}
	if n := f.charges(); n != charges {
		t.Errorf("the acquirers have %d charges, want %d", n, charges)
	}
	return p
}

// payAt opens a payment's checkout page, ready to be typed into.
func (p *tab) payAt(made answer) *tab {
	p.t.Helper()
	p.open(made.text("checkout_url"))
	for _, kind := range []string{"card-number", "card-expiry", "card-cvc"} {
		p.field(kind).ready()
	}
	return p
}

// pay types a card into the checkout page and presses the button.
func (p *tab) pay(number string) *tab {
	p.t.Helper()
	p.typeCard(number)
	p.click("#button")
	return p
}

func TestBrowserPaysOnTheCheckoutPage(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	s := f.openShop(t, "shop.example").register()
	made := f.checkout(t, map[string]any{"return_url": s.url + "/thanks?cart=7"})
	p := f.payer(t)
	p.origins = append(p.origins, s.url)
	p.payAt(made).shows(euro9232).picture("checkout-light")
	if strings.Contains(p.location(), "secret") {
		t.Errorf("the client secret stayed in the address: %s", p.location())
	}
	if cookies := ask[string](p, "document.cookie"); strings.Contains(cookies, "secret") {
		t.Errorf("the page's script can read %s", cookies)
	}
	p.typeCard(approved).write("#name", "Ada Lovelace")
	p.click("#button")
	p.shows("Paid", "Visa card ending in 4242").picture("checkout-paid").accessible("paid")
	p.leave("a.main", s.url+"/thanks").shows("Thank you")
	if at := p.location(); !strings.Contains(at, "cart=7") || !strings.Contains(at, "payment="+made.text("id")) || !strings.Contains(at, "status=captured") {
		t.Errorf("the payer came back to %s", at)
	}
	f.stands(t, made.text("id"), "captured", 1)
	p.open(made.text("checkout_url")).shows("Paid") // again, with the secret of the step that is over
	f.stands(t, made.text("id"), "captured", 1)
}

func TestBrowserTriesASecondCardAfterADecline(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.checkout(t, nil)
	p := f.payer(t).payAt(made)
	p.write("#name", "Ada Lovelace")
	p.pay(emptyCard).shows("There is not enough money", "Try another card", "Pay €92.32").picture("checkout-decline").accessible("declined")
	f.stands(t, made.text("id"), "requires_payment_method", 0)
	if on := ask[string](p, "document.activeElement.id"); on != "declined" {
		t.Errorf("the focus is on %q: a screen reader does not say what happened", on)
	}
	if name, number := ask[string](p, "document.getElementById('name').value"), p.field("card-number").value("number"); name != "Ada Lovelace" || !strings.HasSuffix(number, "9995") {
		t.Errorf("what was typed is lost: name %q, number %q", name, number)
	}
	p.pay(muteCard).shows("does not say why", "Call the number on the back")
	p.pay(approved).shows("Paid")
	f.stands(t, made.text("id"), "captured", 1)
	if n := len(f.transactions()); n != 3 {
		t.Errorf("%d transactions at the acquirers, want 3", n)
	}
}

func TestBrowserShowsWhatIsWrongBeforeItAsksAnybody(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.checkout(t, nil)
	p := f.payer(t).payAt(made)
	p.click("#button")
	p.await("the number is asked for", "document.getElementById('number-fault').innerText").accessible("with faults")
	p.typeCard("4242424242424241")
	p.click("#button")
	p.await("the number is said to be wrong", "document.getElementById('number').classList.contains('florin-invalid')")
	p.field("card-number").write("number", approved)
	p.cards = append(p.cards, approved)
	p.field("card-expiry").write("expiry", "0119")
	p.click("#button")
	p.await("the date is said to be over", "document.getElementById('expiry-fault').innerText")
	if n := len(p.log.to(f.site(), "/confirm")); n != 0 {
		t.Errorf("%d tries with a card that is not complete", n)
	}
	f.stands(t, made.text("id"), "requires_payment_method", 0)
}

func TestBrowserWaitsForALateAnswer(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	for n := 1; ; n++ {
		made := f.checkout(t, nil)
		p := f.payer(t).payAt(made)
		p.write("#name", "SCENARIO late_approval")
		waits := p.pay(approved).waits(made)
		p.shows("Paid") // by itself
		f.stands(t, made.text("id"), "captured", n)
		if waits {
			return
		}
		if n == 5 {
			t.Fatal("the page was not seen to wait")
		}
	}
}

// waits looks at the page that waits for the bank's answer. It is false where the machine was too slow to see it: the answer is there in 5 s.
func (p *tab) waits(made answer) bool {
	p.t.Helper()
	const waits = "['Waiting for the bank’s answer', 'Please do not pay again'].every((text) => document.body.innerText.includes(text))"
	p.await("the page waits, or has its answer", waits+" || document.body.innerText.includes('Paid')")
	status := p.f.get("/v1/payments/" + made.text("id")).text("status")
	report, err := p.inspect()
	if still, gone := p.evaluate(waits); err != nil || gone != nil || string(still) != "true" || status == "captured" {
		return false
	}
	if status != "processing" {
		p.t.Errorf("while the page waits the payment is %s", status)
	}
	p.judge("waiting", report)
	return true
}

func TestBrowserSpeaksThePayersLanguage(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	for _, c := range []struct{ accept, lang, pay, paid, declined, date string }{
		{"en-GB,en;q=0.9", "en", "Pay €92.32", "Paid", "There is not enough money", "expired"},
		{"de-CH,de;q=0.9,en;q=0.5", "de", "92,32\u00a0€ zahlen", "Bezahlt", "Auf der Karte ist dafür nicht genug Geld", "abgelaufen"},
		{"pt-BR,pt;q=0.9", "pt-BR", "Pagar €\u00a092,32", "Pago", "Não há saldo suficiente neste cartão", "venc"},
		{"es-MX,es;q=0.9", "es", "Pagar 92,32\u00a0€", "Pagado", "No hay saldo suficiente en esta tarjeta", "caduc"},
	} {
		t.Run(c.lang, func(t *testing.T) {
			t.Parallel()
			made := f.checkout(t, nil)
			p := f.payer(t).languages(c.accept).payAt(made)
			if lang, pay := ask[string](p, "document.documentElement.lang"), p.text("#button"); lang != c.lang || pay != c.pay {
				t.Errorf("lang %q, button %q, want %q", lang, pay, c.pay)
			}
			p.field("card-expiry").write("expiry", "0119")
			p.keys(kb.Tab)
			p.await("the field speaks it, too", fmt.Sprintf("document.getElementById('expiry-fault').innerText.toLowerCase().includes(%s)", quote(c.date)))
			p.pay(emptyCard).shows(c.declined)
			p.pay(approved).shows(c.paid)
			if p := f.get("/v1/payments/" + made.text("id")); p.text("status") != "captured" {
				t.Errorf("payment %s", p)
			}
		})
	}
	t.Run("by a link", func(t *testing.T) {
		t.Parallel()
		p := f.payer(t).payAt(f.checkout(t, nil))
		p.leave("footer a[lang=de]", "lang=de").shows("Mit Karte zahlen")
		p.open(strings.SplitN(p.location(), "?", 2)[0]).shows("Mit Karte zahlen")
	})
	t.Cleanup(func() {
		if n := f.charges(); n != 4 {
			t.Errorf("the acquirers have %d charges, want 4", n)
		}
	})
}

// tooLow names what is shown to be pressed and is less than 44 pixels high.
const tooLow = `Array.from(document.querySelectorAll('.box, .ways label, button'))
	.filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 44)
	.map((e) => e.tagName + '#' + e.id + ' ' + e.getBoundingClientRect().height).join(', ')`

func TestBrowserOfAPhoneNeedNotScrollSideways(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	fits := func(p *tab, what string) {
		t.Helper()
		if wide := ask[float64](p, "document.documentElement.scrollWidth"); wide > 360 {
			t.Errorf("%s is %v pixels wide on a phone of 360", what, wide)
		}
	}
	made := f.checkout(t, nil)
	p := f.payer(t).phone().payAt(made).shows(euro9232).picture("checkout-phone")
	fits(p, "the checkout page")
	if small := ask[string](p, tooLow); small != "" {
		t.Errorf("a finger does not hit %s", small)
	}
	p.pay(emptyCard).shows("There is not enough money")
	fits(p, "the decline")
	p.leave("footer a[lang=de]", "lang=de").shows("Mit Karte zahlen")
	fits(p, "the page in German")
	p.pay(challengedCard).at("/acs/challenge/").shows("Confirm your payment")
	fits(p, "the bank's page")
	p.write("#code", "123456")
	p.click("#confirm")
	p.shows("Bezahlt")
	fits(p, "the result")
	f.stands(t, made.text("id"), "captured", 1)
}

func TestBrowserNeedsNoMouse(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.checkout(t, nil)
	p := f.payer(t).payAt(made)
	p.cards = append(p.cards, emptyCard, approved)
	p.tabTo("the wallet", "document.activeElement.id === 'wallet'")
	p.next("the methods", "document.activeElement === document.querySelector('[name=way]:checked')")
	p.next("the number", "document.activeElement === "+p.field("card-number").frame())
	p.keys(emptyCard)
	p.next("the date", "document.activeElement === "+p.field("card-expiry").frame())
	p.keys("1230")
	p.next("the code", "document.activeElement === "+p.field("card-cvc").frame())
	p.keys("123")
	p.next("the name", "document.activeElement.id === 'name'")
	p.keys("Ada Lovelace")
	p.next("the button", "document.activeElement.id === 'button'")
	p.keys(kb.Enter)
	p.shows("There is not enough money")
	p.next("the wallet", "document.activeElement.id === 'wallet'")
	p.next("the methods again", "document.activeElement === document.querySelector('[name=way]:checked')")
	p.next("the number again", "document.activeElement === "+p.field("card-number").frame())
	p.keys(strings.Repeat(kb.Backspace, 16) + approved)
	for _, at := range []string{p.field("card-expiry").frame(), p.field("card-cvc").frame(), "document.getElementById('name')", "document.getElementById('button')"} {
		p.next(at, "document.activeElement === "+at)
	}
	p.keys(kb.Enter)
	p.shows("Paid")
	f.stands(t, made.text("id"), "captured", 1)
}

// tabTo presses the tabulator until something has the focus that can be seen to have it.
func (p *tab) tabTo(what, focused string) {
	p.t.Helper()
	for range 12 {
		p.keys(kb.Tab)
		if ask[bool](p, focused) {
			return
		}
	}
	p.t.Fatalf("the keyboard does not reach %s", what)
}

// next presses the tabulator, unless the page went on by itself.
func (p *tab) next(what, focused string) {
	p.t.Helper()
	if !ask[bool](p, focused) {
		p.keys(kb.Tab)
	}
	p.await("the keyboard is at "+what, focused)
}

func TestBrowserShowsTheMerchantsNameAndColour(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	const name = `<img src=x onerror="document.title='taken'"> & <script>document.title='taken'</script>`
	succeed(t, "", append([]string{"merchant", "update", "--merchant", f.account, "--name", name, "--color", "#7a1f5c"}, f.books...)...)
	made := f.checkout(t, nil)
	p := f.payer(t)
	eventually(t, "the server knows the name", func() bool {
		return strings.Contains(p.open(made.text("checkout_url")).text(".merchant"), "onerror")
	})
	p.payAt(made)
	if shown := p.text(".merchant"); shown != name {
		t.Errorf("the name is shown as %q", shown)
	}
	if colour := ask[string](p, "getComputedStyle(document.getElementById('button')).backgroundColor"); colour != "rgb(122, 31, 92)" {
		t.Errorf("the button is %s", colour)
	}
	p.pay(approved).shows("Paid").accessible("paid")
	if title := ask[string](p, "document.title"); title == "taken" {
		t.Error("the merchant's name ran as a script")
	}
	if n := ask[int](p, "document.querySelectorAll('main img, header img').length"); n != 0 {
		t.Errorf("the merchant's name became %d pictures", n)
	}
	f.stands(t, made.text("id"), "captured", 1)
}

func TestBrowserPagesAreUsableByAll(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.checkout(t, nil)
	p := f.payer(t).payAt(made).accessible("checkout")
	p.accessibleFields()
	p.pay(challengedCard).at("/acs/challenge/").accessible("challenge")
	p.open(f.site() + strings.SplitN(strings.TrimPrefix(made.text("checkout_url"), f.site()), "?", 2)[0]).shows("Continue to your bank").accessible("action")
	next, _ := dig(f.get("/v1/payments/"+made.text("id")).object, "next_action", "url").(string)
	p.open(next + "?back").shows("Continue at your bank").accessible("on the way to the bank")
	p.open(f.site() + "/pay/acct_dev:test/pay_00000000000000000000000000").shows("no such payment").accessible("unknown")
	dark := f.payer(t).dark().payAt(f.checkout(t, nil)).picture("checkout-dark").accessible("checkout in the dark")
	dark.accessibleFields()
	dark.pay(emptyCard).shows("There is not enough money").accessible("decline in the dark")
	dark.pay(approved).shows("Paid").accessible("paid in the dark")
	if n := f.charges(); n != 1 {
		t.Errorf("the acquirers have %d charges, want 1", n)
	}
}
