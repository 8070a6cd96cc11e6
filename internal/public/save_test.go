package public

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/customer"
)

func TestThePayerIsAskedBeforeTheirCardIsSaved(t *testing.T) {
	const asks = "Save this card, so that Blue Bottle may charge it for later payments, also while I am not there."
	ada := "cus_01jd9qk3v8m2x4r6t7w9y0a1b2"
	for name, x := range map[string]struct {
		customer *string
		setup    string
		asked    bool
	}{"asked": {&ada, "off_session", true}, "nobody is known": {nil, "off_session", false}, "not wanted": {&ada, "", false}} {
		d := newDoor(t)
		d.core.object.Customer, d.core.object.SetupFutureUsage = x.customer, x.setup
		if page := text(d.visit(0)); strings.Contains(page, asks) != x.asked || strings.Contains(page, `id="save"`) != x.asked {
			t.Errorf("%s: the page says %s", name, page)
		}
	}
	d := newDoor(t)
	d.press(0, pressed(0))
	if d.core.confirmed[0].Agreed != nil {
		t.Errorf("who said nothing agreed %+v", d.core.confirmed[0].Agreed)
	}
	d = newDoor(t)
	d.press(0, strings.Replace(pressed(0), "{", `{"save":true,`, 1))
	sum := sha256.Sum256([]byte(asks))
	if want := (customer.Consent{GivenAt: noon, TextSHA256: hex.EncodeToString(sum[:]), Channel: customer.Web}); d.core.confirmed[0].Agreed == nil || *d.core.confirmed[0].Agreed != want {
		t.Errorf("agreed %+v, want %+v", d.core.confirmed[0].Agreed, want)
	}
	d = newDoor(t)
	d.call("POST", confirm, strings.Replace(card, "{", `{"save_payment_method":true,`, 1))
	if want := (customer.Consent{GivenAt: noon, Channel: customer.Web}); d.core.confirmed[0].Agreed == nil || *d.core.confirmed[0].Agreed != want {
		t.Errorf("on the merchant's page: agreed %+v", d.core.confirmed[0].Agreed)
	}
}
