package instant_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestAPayerGoesToThePageOfTheirBank(t *testing.T) {
	s := newSite(t)
	for method, bank := range map[string]string{"fpx": "fpx_straits", "ideal": "ideal_canal"} {
		_, list := s.Get("/instant/v1/banks?method=" + method)
		if banks := list["data"].([]any); len(banks) < 3 {
			t.Errorf("%s has banks %v", method, banks)
		}
		for do, want := range map[string][2]string{"approve": {"paid", "charge.paid"}, "decline": {"rejected", "charge.rejected"}, "fail": {"rejected", "charge.rejected"}, "expire": {"expired", "charge.expired"}, "leave": {"active", ""}} {
			o := started(t, s, "att_"+method+do, method, "Order")
			u, err := url.Parse(o.Text("redirect_url"))
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range []url.Values{{"do": {"choose"}, "bank": {bank}}, {"do": {"login"}, "user": {"ann"}, "password": {"x"}}} {
				if status, to := s.Submit(u.Path, form); status != http.StatusSeeOther || to != u.Path {
					t.Fatalf("%v leads to %d %s", form, status, to)
				}
			}
			if _, html := s.Page(u.Path); !strings.Contains(html, "Agree to this payment") {
				t.Fatalf("no consent is asked for: %s", html)
			}
			if status, to := s.Submit(u.Path, url.Values{"do": {do}}); status != http.StatusSeeOther || to != "https://shop.example/back" {
				t.Errorf("%s leads to %d %s", do, status, to)
			}
			if want[1] != "" {
				s.Hook(want[1])
			}
			received := map[string]int64{"approve": 9232}[do]
			stands(t, s, o, want[0], received)
		}
	}
	late := started(t, s, "att_late", "ideal", "SCENARIO late_success")
	press(t, s, late, "approve", nil)
	s.Hook("charge.expired")
	s.Advance(2 * time.Second)
	s.Hook("charge.paid")
	stands(t, s, late, "paid", 9232)
	// A page that was left open is too late before anybody swept.
	soon := request("att_soon", "ideal", "Order")
	soon["expires_at"] = s.Clock.Now().Add(time.Minute)
	_, open := s.Post("/instant/v1/charges", soon)
	u, err := url.Parse(open.Text("redirect_url"))
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(time.Minute)
	if _, to := s.Submit(u.Path, url.Values{"do": {"choose"}, "bank": {"ideal_canal"}}); to != "https://shop.example/back" {
		t.Errorf("who is too late is led to %s", to)
	}
	s.Hook("charge.expired")
	stands(t, s, open, "expired", 0)
	closed := request("att_closed", "fpx", "Order")
	closed["bank"] = "fpx_monsoon"
	if _, o := s.Post("/instant/v1/charges", closed); o.Text("status") != "rejected" || o.Sub("failure").Text("code") != "bank_unavailable" {
		t.Errorf("from a bank that is not reached: %v", o)
	}
	s.Hook("charge.rejected")
	if status, _ := s.Get("/instant/v1/banks?method=pix"); status != http.StatusBadRequest {
		t.Errorf("Pix has banks: %d", status)
	}
	s.NoHook()
}

func TestThePanelShowsWhatThereIs(t *testing.T) {
	s := newSite(t)
	if status, html := s.Page("/instant"); status != http.StatusOK || !strings.Contains(html, "No charges yet") || !strings.Contains(html, "Monsoon Bank") || !strings.Contains(html, "br.gov.bcb.pix") {
		t.Errorf("the empty panel: %d %s", status, html)
	}
	o := started(t, s, "att_1", "pix", `<b>bold</b>`)
	id := o.Text("id")
	if _, html := s.Page("/instant?q=att_1"); !strings.Contains(html, "/control/instant/charges/"+id+"/pay_twice") || strings.Contains(html, "<b>") {
		t.Errorf("the panel: %s", html)
	}
	if status, to := s.Submit("/control/instant/charges/"+id+"/pay_part", url.Values{"back": {"/instant/charges/" + id}}); status != http.StatusSeeOther || to != "/instant/charges/"+id {
		t.Errorf("a button leads to %d %s", status, to)
	}
	transfer(t, s, "att_1", 4616)
	if status, to := s.Submit("/control/instant/pay", url.Values{"back": {"/instant"}, "code": {o.Text("code")}, "amount": {"4616"}}); status != http.StatusSeeOther || to != "/instant" {
		t.Errorf("the form leads to %d %s", status, to)
	}
	transfer(t, s, "att_1", 4616)
	if status, html := s.Page("/instant/charges/" + id); status != http.StatusOK || !strings.Contains(html, "E99999999") || !strings.Contains(html, "transfer.received") || !strings.Contains(html, "46.16") {
		t.Errorf("the charge's page: %d %s", status, html)
	}
	press(t, s, o, "resend_webhook", nil)
	transfer(t, s, "att_1", 4616)
}
