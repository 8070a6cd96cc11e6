package public

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"

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

func TestACheckoutShowsTheCodeThatIsToBeScanned(t *testing.T) {
	for name, c := range map[string]struct {
		deeplink string
		shown    bool
	}{"an app's": {"upi://pay?pa=shop@bank&am=92.32", true}, "a script": {"javascript:alert(1)", false}, "none": {"", false}} {
		d := newDoor(t)
		d.core.object.Status = payment.RequiresAction
		d.core.object.NextAction = &payment.NextAction{
			Type: provider.ActionQR, QRCode: "00020126", QRImageURL: "https://pay.example/codes/x.png", Deeplink: c.deeplink, ExpiresAt: noon.Add(20 * time.Minute),
		}
		page := d.visit(0).Body.String()
		for _, want := range []string{`src="https://pay.example/codes/x.png"`, ">00020126</textarea>", `data-state="scan"`, "until 2026-11-22, 12:20 UTC", "Scan to pay Blue Bottle"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %s", name, want)
			}
		}
		if shown := strings.Contains(page, "Open your bank’s app</a>"); shown != c.shown || strings.Contains(page, "javascript:") {
			t.Errorf("%s: the link to the app is shown: %t", name, shown)
		}
	}
}
