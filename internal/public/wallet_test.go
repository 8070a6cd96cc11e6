package public

import (
	"slices"
	"strings"
	"testing"
)

func TestTheWalletIsOfferedWhereThereIsOneAndNowhereElse(t *testing.T) {
	const sheet = "http://127.0.0.1:8090"
	with, without := newDoor(t, func(o *Options) { o.WalletURL = sheet + "/wallet/sheet" }), newDoor(t)
	w := with.visit(0)
	says(t, w, 200, `id="wallet"`, `data-amount="9232"`, `data-currency="EUR"`, `data-label="Blue Bottle"`, "Pay with the test wallet")
	csp := directives(w)
	if !slices.Contains(strings.Fields(csp["frame-src"]), sheet) || !slices.Contains(strings.Fields(csp["connect-src"]), "https://vault.example") {
		t.Errorf("the page may not show it: %v", csp)
	}
	w = without.visit(0)
	csp = directives(w)
	if strings.Contains(text(w), `id="wallet"`) || strings.Contains(csp["connect-src"], "vault") || strings.Contains(csp["frame-src"], sheet) {
		t.Errorf("it is offered where there is none: %v", csp)
	}
	if _, err := New(Options{URL: "https://pay.example", VaultURL: "https://vault.example", WalletURL: "javascript:alert(1)", Clock: with.hands}); err == nil {
		t.Error("an address that is none is taken")
	}
}
