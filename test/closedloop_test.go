package test

import (
	"net/http"
	"sync"
	"testing"
)

// On both engines: a customer's money goes back to where it came from, and what cannot go back to the destination.
func TestACustomersMoneyGoesBackToItsSources(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, f *florin) {
		f.connectBank()
		f.earn(50_000) // the merchant's other money
		to := f.payee("Ada Lovelace")
		payer := func() string {
			return f.post("/v1/customers", "", map[string]any{}).want(t, http.StatusCreated, "customer").text("id")
		}
		paysIn := func(who, number string, amount int64, capture bool) string {
			return f.post("/v1/payments", "", map[string]any{
				"amount": amount, "currency": "EUR", "payment_method_token": f.token(number, ""), "customer": who, "capture": capture,
			}).want(t, http.StatusCreated, "pay in").text("id")
		}
		payOut := func(who string, amount int64, more map[string]any) answer {
			body := map[string]any{"amount": amount, "currency": "EUR", "customer": who}
			for k, v := range more {
				body[k] = v
			}
			return f.post("/v1/payouts", "", body)
		}
		prefer := map[string]any{"closed_loop": "prefer", "destination_token": to}
		part := func(o answer, i int, field string) any { return dig(o.object["parts"].([]any)[i], field) }
		left := func(who string) int64 {
			balances, _ := f.get("/v1/customers/"+who+"/funds").want(t, http.StatusOK, "funds").object["balances"].([]any)
			n, _ := dig(balances[0], "left").(float64)
			return int64(n)
		}

		ada := payer()
		first, second := paysIn(ada, approved, 3_000, true), paysIn(ada, "5555555555554444", 2_000, true)
		before := f.available()
		made := payOut(ada, 6_000, prefer).want(t, http.StatusCreated, "prefer")
		if part(made, 0, "payment") != first || part(made, 1, "payment") != second || part(made, 2, "amount") != 1_000.0 || left(ada) != 0 || f.available() > before-1_000 {
			t.Errorf("prefer: %s", made)
		}
		done := f.ends(made.text("id"), "paid")
		if done.number("amount_paid") != 6_000 || part(done, 0, "status") != "succeeded" || part(done, 2, "status") != "succeeded" {
			t.Errorf("prefer: %s", done)
		}
		for _, id := range []string{first, second} {
			p := f.get("/v1/payments/" + id)
			if p.number("amount_refunded") != p.number("amount_captured") {
				t.Errorf("not refunded: %s", p)
			}
		}
		refund := f.get("/v1/refunds/" + part(done, 0, "id").(string))
		if refund.text("payout") != made.text("id") || refund.text("reason") != "closed_loop" {
			t.Errorf("refund: %s", refund)
		}
		listed, _ := f.get("/v1/payouts?customer="+ada).want(t, http.StatusOK, "list").object["data"].([]any)
		if len(listed) != 1 {
			t.Errorf("listed %v", listed)
		}
		f.verify()

		bob := payer()
		source := paysIn(bob, approved, 1_000, true)
		if a := payOut(bob, 1_001, map[string]any{"closed_loop": "require"}); a.status != http.StatusConflict || a.text("code") != "closed_loop_insufficient" {
			t.Errorf("require more than there is: %s", a)
		}
		back := f.post("/v1/payouts", "", map[string]any{"amount": 400, "currency": "EUR", "source_payment": source}).want(t, http.StatusCreated, "source_payment")
		if back.text("closed_loop") != "require" || back.text("customer") != bob {
			t.Errorf("source_payment: %s", back)
		}
		f.ends(back.text("id"), "paid")
		held := paysIn(bob, approved, 700, false)
		reversed := payOut(bob, 1_000, map[string]any{"closed_loop": "require", "closed_loop_order": "newest"}).want(t, http.StatusCreated, "reverse")
		if part(reversed, 0, "type") != "reversal" || part(reversed, 1, "amount") != 300.0 {
			t.Errorf("reversal: %s", reversed)
		}
		f.ends(reversed.text("id"), "paid")
		if p := f.get("/v1/payments/" + held); p.text("status") != "canceled" {
			t.Errorf("not reversed: %s", p)
		}

		// A refund that fails later goes on to the destination; that it was withdrawn there counts.
		eve := payer()
		paysIn(eve, "4000000000005126", 1_000, true)
		failing := payOut(eve, 1_000, prefer).want(t, http.StatusCreated, "prefer").text("id")
		other := f.ends(failing, "paid")
		if part(other, 0, "status") != "failed" || part(other, 0, "replaced") != true || part(other, 1, "type") != "payout" || part(other, 1, "reason") != "refund_failed" || left(eve) != 0 {
			t.Errorf("a refund that failed: %s", other)
		}
		paysIn(eve, "4000000000005126", 1_000, true)
		lost := f.ends(payOut(eve, 1_000, map[string]any{"closed_loop": "require"}).want(t, http.StatusCreated, "require").text("id"), "failed")
		if lost.number("amount_paid") != 0 || left(eve) != 1_000 {
			t.Errorf("what must go back and does not: %s, %d left", lost, left(eve))
		}

		// Nobody knows what became of the refund: nothing goes another way meanwhile, and it turns out that it was made.
		pat := payer()
		f.post("/v1/payments", "", map[string]any{
			"amount": 1_000, "currency": "EUR", "payment_method_token": f.token(approved, "SCENARIO timeout_after refund"), "customer": pat,
		}).want(t, http.StatusCreated, "pay in")
		unknown := f.ends(payOut(pat, 1_000, prefer).want(t, http.StatusCreated, "prefer").text("id"), "paid")
		if parts, _ := unknown.object["parts"].([]any); len(parts) != 1 || part(unknown, 0, "type") != "refund" {
			t.Errorf("paid by two ways: %s", unknown)
		}

		// Many at once send nothing back twice.
		zoe := payer()
		for range 3 {
			paysIn(zoe, approved, 1_000, true)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		var ids []string
		for range 6 {
			all.Go(func() {
				a := payOut(zoe, 1_000, map[string]any{"closed_loop": "require"})
				mu.Lock()
				defer mu.Unlock()
				if a.status == http.StatusCreated {
					ids = append(ids, a.text("id"))
				} else if a.text("code") != "closed_loop_insufficient" {
					t.Errorf("refused: %s", a)
				}
			})
		}
		all.Wait()
		for _, id := range ids {
			f.ends(id, "paid")
		}
		if len(ids) != 3 || left(zoe) != 0 {
			t.Errorf("%d went back of 3, %d left", len(ids), left(zoe))
		}
	})
}
