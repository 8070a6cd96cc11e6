package bank_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// pagePath is the payer's page of a payment.
func pagePath(t *testing.T, o object) string {
	t.Helper()
	u, err := url.Parse(o.Text("authorisation_url"))
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func TestAPayerGoesThroughTheirBank(t *testing.T) {
	s := newSite(t)
	o := started(t, s, "att_1", "Order 17")
	page := pagePath(t, o)
	steps := []struct {
		shows  string
		form   url.Values
		status int
		to     string
	}{
		{"Choose your bank", form("do", "choose", "bank", "closed"), http.StatusBadRequest, ""},
		{"Choose your bank", form("do", "approve"), http.StatusSeeOther, page}, // a step ahead: nothing happens
		{"Choose your bank", form("do", "choose", "bank", "northbank"), http.StatusSeeOther, page},
		{"Log in to Northbank", form("do", "login", "user", "ann"), http.StatusSeeOther, page + "?missing=login"},
		{"Log in to Northbank", form("do", "login", "user", "ann", "password", "x"), http.StatusSeeOther, page},
		{"Agree to this payment", form("do", "approve"), http.StatusSeeOther, "https://shop.example/back?a=b"},
	}
	for _, step := range steps {
		if status, html := s.Page(page); status != http.StatusOK || !strings.Contains(html, step.shows) || !strings.Contains(html, "92.32") || !strings.Contains(html, "Shoe shop") {
			t.Fatalf("the page does not show %q: %d %s", step.shows, status, html)
		}
		if status, to := s.Submit(page, step.form); status != step.status || step.to != "" && to != step.to {
			t.Fatalf("%v: %d %s, want %d %s", step.form, status, to, step.status, step.to)
		}
	}
	if h := s.Hook("payment.pending"); h.Data["reference"] != "att_1" {
		t.Errorf("pending is about %v", h.Data)
	}
	stands(t, s, o, "pending")
	s.Advance(2 * time.Second)
	if h := s.Hook("payment.paid"); h.Data["amount"] != 9232.0 || h.Header.Get("Bank-Event") != h.ID {
		t.Errorf("paid says %v", h.Data)
	}
	if now := stands(t, s, o, "paid"); now.Text("bank") != "northbank" {
		t.Errorf("the bank is lost: %v", now)
	}
	if _, html := s.Page(page); !strings.Contains(html, `href="https://shop.example/back?a=b"`) {
		t.Errorf("the page of a payment that is over does not lead back: %s", html)
	}
	s.Submit(page, form("do", "decline"))
	stands(t, s, o, "paid")
	s.NoHook()
}

func TestAPayerMayDeclineLeaveOrFindTheBankClosed(t *testing.T) {
	s := newSite(t)
	for name, c := range map[string]struct {
		bank, do, status, failure, hook string
	}{
		"declines":       {"harbour", "decline", "rejected", "consent_declined", "payment.rejected"},
		"the bank fails": {"harbour", "fail", "rejected", "bank_unavailable", "payment.rejected"},
		"it expires":     {"harbour", "expire", "expired", "", "payment.expired"},
		"leaves":         {"harbour", "leave", "awaiting_authorisation", "", ""},
		"has no money":   {"empty_purse", "approve", "rejected", "insufficient_funds", "payment.rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			body := request("att_"+c.do, "Order")
			body["bank"] = c.bank
			_, o := s.Post("/bank/v1/payments", body)
			page := pagePath(t, o)
			s.Submit(page, form("do", "login", "user", "ann", "password", "x"))
			if status, to := s.Submit(page, form("do", c.do)); status != http.StatusSeeOther || to != "https://shop.example/back?a=b" {
				t.Fatalf("led to %d %s", status, to)
			}
			if c.hook != "" {
				s.Hook(c.hook)
			}
			if got := stands(t, s, o, c.status).Sub("failure").Text("code"); got != c.failure {
				t.Errorf("failed with %q, want %q", got, c.failure)
			}
		})
	}
	body := request("att_closed", "Order")
	body["bank"] = "closed"
	if _, o := s.Post("/bank/v1/payments", body); o.Text("status") != "rejected" || o.Sub("failure").Text("code") != "bank_unavailable" {
		t.Errorf("from a bank that is not reached: %v", o)
	}
	s.Hook("payment.rejected")
}

func TestThePanelShowsWhatThereIs(t *testing.T) {
	s := newSite(t)
	if status, html := s.Page("/bank"); status != http.StatusOK || !strings.Contains(html, "No payments yet") || !strings.Contains(html, "Empty Purse Bank") || !strings.Contains(html, "SCENARIO late_success") {
		t.Errorf("the empty panel: %d %s", status, html)
	}
	o := started(t, s, "att_1", `<script>alert("x")</script>`)
	id := o.Text("id")
	if _, html := s.Page("/bank?status=awaiting_authorisation"); !strings.Contains(html, "/control/bank/payments/"+id+"/approve") || strings.Contains(html, "<script>") {
		t.Errorf("the panel: %s", html)
	}
	if status, to := s.Submit("/control/bank/payments/"+id+"/approve", form("back", "/bank/payments/"+id)); status != http.StatusSeeOther || to != "/bank/payments/"+id {
		t.Errorf("a button leads to %d %s", status, to)
	}
	s.Hook("payment.pending")
	if status, html := s.Page("/bank/payments/" + id); status != http.StatusOK || !strings.Contains(html, "The payer consented") || !strings.Contains(html, "payment.pending") {
		t.Errorf("the payment's page: %d %s", status, html)
	}
	if status, html := s.Submit("/control/bank/payments/"+id+"/expire", form("back", "/bank")); status != http.StatusConflict || !strings.Contains(html, "did not work") {
		t.Errorf("a button that does not apply: %d %s", status, html)
	}
	if _, html := s.Page("/bank?status=rejected"); !strings.Contains(html, "Nothing fits") {
		t.Errorf("a filter that fits nothing: %s", html)
	}
	if _, list := s.Get("/control/bank/payments?reference=att_1"); len(list["data"].([]any)) != 1 {
		t.Errorf("the control API lists %v", list)
	}
}
