package public

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"net/http"
	"testing"

	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

func TestACodeIsDrawnForWhoHasItsTicket(t *testing.T) {
	d := newDoor(t)
	at := "/codes/" + tenant + "/" + pay + "/"
	if w := d.send("GET", at+ticket+".png", ""); w.Code != http.StatusNotFound {
		t.Errorf("a code that is not there: %d", w.Code)
	}
	d.core.object.Status = payment.RequiresAction
	d.core.object.NextAction = &payment.NextAction{Type: provider.ActionQR, QRCode: "00020126"}
	w := d.send("GET", at+ticket+".png", "")
	if _, err := png.Decode(bytes.NewReader(w.Body.Bytes())); err != nil || w.Header().Get("Content-Type") != "image/png" {
		t.Errorf("%d %s: %v", w.Code, w.Header().Get("Content-Type"), err)
	}
	if w.Header().Get("Cross-Origin-Resource-Policy") != "cross-origin" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", w.Header())
	}
	w = d.send("GET", at+ticket+".svg", "")
	if err := xml.Unmarshal(w.Body.Bytes(), new(struct{ XMLName xml.Name })); err != nil || w.Header().Get("Content-Type") != "image/svg+xml" {
		t.Errorf("%d %s: %v", w.Code, w.Header().Get("Content-Type"), err)
	}
	for name, path := range map[string]string{"another ticket": at + "0123.png", "another kind": at + ticket + ".gif", "no kind": at + ticket} {
		if w := d.send("GET", path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}
