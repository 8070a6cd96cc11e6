package test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// On both engines, with a bank that lives on: whoever dies in the middle, every payout is paid once.
func TestPayoutsSurviveAKill(t *testing.T) {
	onBothEngines(t, func(t *testing.T, f *florin) {
		f.connectBank()
		f.earn(100_000)
		to := f.payee("Ada Lovelace")
		var made []string
		for range 20 {
			made = append(made, f.payOut(to, 1_000).want(t, http.StatusCreated, "pay out").text("id"))
		}
		f.process.kill()
		f.start()
		for _, id := range made {
			f.ends(id, "paid")
		}
		var page struct {
			Data []struct {
				Reference, Status string
				Amount            int64
			}
		}
		a := f.do(request{method: "GET", url: f.sandbox + "/control/payouts/"}).want(t, http.StatusOK, "the bank's payouts")
		must(t, json.Unmarshal(a.body, &page))
		if len(page.Data) != len(made) {
			t.Errorf("the bank has %d payouts, want %d", len(page.Data), len(made))
		}
		for _, p := range page.Data {
			if p.Status != "paid" || p.Amount != 1_000 || !slices.Contains(made, p.Reference) {
				t.Errorf("the bank has %+v", p)
			}
		}
		if f.available() != 80_000 {
			t.Errorf("%d available", f.available())
		}
	})
}

// On both engines: two persons, a batch, and many askers at once.
func TestPayoutsOfManyPeople(t *testing.T) {
	onBothEngines(t, func(t *testing.T, f *florin) {
		f.connectBank()
		succeed(t, "", append([]string{"merchant", "update", "--merchant", f.account, "--payout-approval", "EUR=5000"}, f.books...)...)
		f.earn(20_000)
		to := f.payee("Ada Lovelace")
		var held answer
		eventually(t, "the threshold is known to every process", func() bool { // another process changed it, within a second
			held = f.payOut(to, 5_001).want(t, http.StatusCreated, "pay out")
			if held.text("status") == "held" {
				return true
			}
			f.ends(held.text("id"), "paid")
			f.earn(20_000)
			return false
		})
		before := f.available()
		approve := func(key string) answer {
			return f.do(request{method: "POST", url: f.api + "/v1/payouts/" + held.text("id") + "/approve", key: key})
		}
		if a := approve(f.secret); a.status != http.StatusForbidden || a.text("code") != "second_person_required" {
			t.Errorf("approved by who asked: %s", a)
		}
		if a := approve(f.key("secret")).want(t, http.StatusOK, "approve"); a.text("status") != "queued" {
			t.Errorf("approved: %s", a)
		}
		f.ends(held.text("id"), "paid")
		if f.available() != before-5_001 {
			t.Errorf("%d available, want %d", f.available(), before-5_001)
		}

		wrong := "amount,currency,iban,name\n100,EUR," + payeeIBAN + ",Ada\n100,EUR,DE88370400440532013000,Ada\n"
		report := f.post("/v1/payouts/batch", "", map[string]any{"csv": wrong}).want(t, http.StatusOK, "a wrong batch")
		if report.number("created") != 0 || report.number("invalid") != 1 {
			t.Errorf("a wrong batch: %s", report)
		}
		report = f.post("/v1/payouts/batch", "batch", map[string]any{"csv": strings.ReplaceAll(wrong, "DE88", "DE89")}).want(t, http.StatusOK, "a batch")
		again := f.post("/v1/payouts/batch", "batch", map[string]any{"csv": strings.ReplaceAll(wrong, "DE88", "DE89")}).want(t, http.StatusOK, "a batch again")
		listed, _ := f.get("/v1/payouts?batch="+report.text("id")).want(t, http.StatusOK, "list a batch").object["data"].([]any)
		if report.number("created") != 2 || string(again.body) != string(report.body) || len(listed) != 2 {
			t.Errorf("a batch: %s, again %s, listed %d", report, again, len(listed))
		}

		left := f.available()
		var all sync.WaitGroup
		var mu sync.Mutex
		made := int64(0)
		for range 30 {
			all.Go(func() {
				a := f.payOut(to, left/10)
				mu.Lock()
				defer mu.Unlock()
				if a.status == http.StatusCreated {
					made++
				} else if a.text("code") != "balance_insufficient" {
					t.Errorf("refused: %s", a)
				}
			})
		}
		all.Wait()
		if made != left/(left/10) || f.available() < 0 {
			t.Errorf("%d payouts of %d were made of %d", made, left/10, left)
		}
		for _, p := range f.list("/v1/payouts") {
			f.ends(p["id"].(string), "paid")
		}
	})
}
