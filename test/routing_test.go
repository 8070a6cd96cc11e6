package test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// alphaSaysNo is a card whose bank alpha cannot reach, and beta can.
const alphaSaysNo = "4000000000000077"

// attemptsOf are a payment's tries: at which account, how they ended, and by which rule.
func (f *florin) attemptsOf(t *testing.T, body map[string]any) string {
	t.Helper()
	paid := f.post("/v1/payments", "", body).want(t, http.StatusCreated, "pay")
	now := f.get("/v1/payments/" + paid.text("id") + "?expand=attempts")
	tries, _ := now.object["attempts"].([]any)
	var told []string
	for _, one := range tries {
		rule, _ := dig(one, "routing", "rule").(string)
		told = append(told, strings.TrimSpace(dig(one, "provider").(string)+" "+dig(one, "status").(string)+" "+rule))
	}
	return strings.Join(told, ", ")
}

func TestPaymentsAreRoutedByThePublishedPolicy(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	pay := func(metadata map[string]string) string {
		t.Helper()
		return f.attemptsOf(t, map[string]any{"amount": 9232, "currency": "EUR", "payment_method_token": f.token(alphaSaysNo, ""), "metadata": metadata})
	}
	vip := map[string]string{"tier": "gold"}
	if got := pay(vip); got != "alpha declined, beta captured" {
		t.Errorf("without a policy: %s", got)
	}
	policy := func(account string) map[string]any {
		return map[string]any{"name": "to " + account, "rules": []any{map[string]any{
			"id": "vip", "when": "brand == 'visa' && has(metadata.tier) && metadata.tier == 'gold'", "then": map[string]any{"strategy": "ordered", "accounts": []string{account}},
		}}}
	}
	made := f.post("/v1/routing/policies", "", policy("beta")).want(t, http.StatusCreated, "create a policy")
	at := "/v1/routing/policies/" + made.text("id")
	if got := pay(vip); got != "alpha declined, beta captured" {
		t.Errorf("by a draft: %s", got)
	}
	f.post(at+"/publish", "", map[string]any{"version": 1}).want(t, http.StatusOK, "publish")
	if got := pay(vip); got != "beta captured vip" {
		t.Errorf("by the policy: %s", got)
	}
	if got := pay(map[string]string{}); got != "alpha declined, beta captured" {
		t.Errorf("where no rule matches: %s", got)
	}

	f.post(at+"/versions", "", policy("alpha")).want(t, http.StatusCreated, "change the policy")
	f.post(at+"/publish", "once", map[string]any{"version": 2}).want(t, http.StatusOK, "publish the change")
	f.post(at+"/publish", "once", map[string]any{"version": 2}).want(t, http.StatusOK, "repeat the request")
	if got := pay(vip); got != "alpha declined vip, beta captured vip" {
		t.Errorf("by the change: %s", got)
	}
	f.post(at+"/rollback", "", nil).want(t, http.StatusOK, "roll back")
	if got := pay(vip); got != "beta captured vip" {
		t.Errorf("after the rollback: %s", got)
	}

	if now := f.get(at).want(t, http.StatusOK, "read the policy"); dig(now.object, "document", "name") != "to beta" || dig(now.object, "document_version") != 1.0 {
		t.Errorf("after the rollback the policy is shown as %s", now)
	}
	simulated := f.post(at+"/simulate", "", map[string]any{"version": 2, "days": 1}).want(t, http.StatusOK, "simulate the change")
	var told []string
	for _, p := range simulated.object["policies"].([]any) {
		told = append(told, fmt.Sprint(dig(p, "name"), " ", dig(p, "approved"), "/", dig(p, "matched")))
	}
	// Two of the six went to beta at once, by version 1. The others went to alpha first; one of them has no tier, which is the same to both versions.
	if got := strings.Join(told, ", "); got != "simulated 0/4, published 2/3, fixed 0/4" || dig(simulated.object, "payments") != 6.0 {
		t.Errorf("simulated: %s: %s", got, simulated)
	}

	wrong := f.post(at+"/versions", "", map[string]any{"name": "wrong", "rules": []any{
		map[string]any{"id": "a", "when": "amount / 2 > 3", "then": map[string]any{"strategy": "ordered", "accounts": []string{"delta"}}},
	}}).want(t, http.StatusBadRequest, "save what is wrong")
	for _, told := range []string{`"rules[0].when"`, "line 1, column 8", `"rules[0].then.accounts[0]"`} {
		if !strings.Contains(string(wrong.body), told) {
			t.Errorf("the refusal does not tell of %s: %s", told, wrong)
		}
	}
	if refused := f.post(at+"/versions", "", policy("payouts")).want(t, http.StatusBadRequest, "pay in through an account for payouts"); !strings.Contains(string(refused.body), "payouts cannot take payments") {
		t.Errorf("the refusal is %s", refused)
	}

	tried := f.post(at+"/validate", "", map[string]any{"facts": map[string]any{"amount": 9232, "currency": "EUR"}}).want(t, http.StatusOK, "try it")
	if ranked := fmt.Sprint(dig(tried.object, "decision", "ranked")); strings.Contains(ranked, "payouts") || strings.Contains(ranked, "bank") || !strings.Contains(ranked, "alpha") {
		t.Errorf("a card is tried at %s", ranked)
	}
	f.post(at+"/unpublish", "", nil).want(t, http.StatusOK, "withdraw the policy")
	if got := pay(vip); got != "alpha declined, beta captured" {
		t.Errorf("after it was withdrawn: %s", got)
	}
}

func TestARestartRanksAsBefore(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	made := f.post("/v1/routing/policies", "", map[string]any{"name": "learning", "rules": []any{}, "default": map[string]any{"then": map[string]any{"strategy": "adaptive"}}}).
		want(t, http.StatusCreated, "create a policy")
	at := "/v1/routing/policies/" + made.text("id")
	f.post(at+"/publish", "", map[string]any{"version": 1}).want(t, http.StatusOK, "publish")
	order := func() string { // of what a payment by that card would ask, with why the first is first
		facts := map[string]any{"amount": 9232, "currency": "EUR", "bin": alphaSaysNo[:6], "country": "US", "candidates": []string{"alpha", "beta"}}
		ranked, _ := dig(f.post(at+"/validate", "", map[string]any{"facts": facts}).want(t, http.StatusOK, "validate").object, "decision", "ranked").([]any)
		if len(ranked) != 2 {
			t.Fatalf("the decision ranks %v", ranked)
		}
		return dig(ranked[0], "account").(string) + " " + dig(ranked[0], "reason").(string)
	}
	if got := order(); got != "alpha no_history" {
		t.Fatalf("before any payment: %s", got)
	}
	eventually(t, "beta is preferred", func() bool {
		f.attemptsOf(t, map[string]any{"amount": 9232, "currency": "EUR", "payment_method_token": f.token(alphaSaysNo, "")})
		return order() == "beta highest_estimate"
	})
	f.process.stop()
	f.start()
	eventually(t, "beta is preferred again, without another payment", func() bool { return order() == "beta highest_estimate" })
}

func TestHowAnExperimentStandsIsShownOnceItIsWritten(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	ordered := func(name, account string) map[string]any {
		return map[string]any{"name": name, "then": map[string]any{"strategy": "ordered", "accounts": []string{account}}}
	}
	made := f.post("/v1/routing/policies", "", map[string]any{
		"name": "trial", "rules": []any{}, "actions": []any{ordered("usual", "alpha"), ordered("tried", "beta")},
		"default": map[string]any{"then": map[string]any{"strategy": "experiment", "experiment": map[string]any{"name": "beta-first", "control": "usual", "challenger": "tried", "share": 50, "minimum_sample": 50}}},
	}).want(t, http.StatusCreated, "create a policy")
	at := "/v1/routing/policies/" + made.text("id")
	f.post(at+"/publish", "", map[string]any{"version": 1}).want(t, http.StatusOK, "publish")
	want := map[string]int{}
	for range 8 {
		tries := f.attemptsOf(t, map[string]any{"amount": 9232, "currency": "EUR", "payment_method_token": f.token(alphaSaysNo, "")})
		want[tries]++
	}
	const control, challenger = "alpha declined, beta captured", "beta captured"
	if want[control]+want[challenger] != 8 {
		t.Fatalf("the payments went %v", want)
	}
	eventually(t, "the experiment is counted", func() bool {
		shown := f.get(at+"/experiments").want(t, http.StatusOK, "read the experiments")
		e := func(path ...string) any { return dig(shown.object["data"].([]any)[0], path...) }
		return e("name") == "beta-first" && e("status") == "running" && e("control", "outcomes") == float64(want[control]) && e("control", "approved") == 0.0 &&
			e("challenger", "outcomes") == float64(want[challenger]) && e("challenger", "approved") == float64(want[challenger])
	})
}
