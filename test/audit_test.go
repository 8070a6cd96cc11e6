package test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// done is one thing that the audit trail must tell of.
type done struct{ action, actor, subject, request string }

// witness does things and remembers what the trail must say of each.
type witness struct {
	*testing.T
	f    *florin
	ids  map[string]string // of keys, by their text
	told []done
}

// by sends a request by a key, and notes that it was done to the subject; of what the answer shows if there is none.
func (w *witness) by(key, method, path string, body any, action, subject string) answer {
	w.Helper()
	a := w.f.do(request{method: method, url: w.f.api + path, key: key, body: body})
	if a.err != nil || a.status/100 != 2 {
		w.Fatalf("%s %s: %s", method, path, a)
	}
	if subject == "" {
		subject = a.text("id")
	}
	w.told = append(w.told, done{action, w.ids[key], subject, a.header.Get("Request-Id")})
	return a
}

// operator runs a command, and notes what it did.
func (w *witness) operator(action, subject string, args ...string) map[string]any {
	w.Helper()
	shown := succeed(w.T, "", slices.Concat(args, w.f.books)...)
	if subject == "" {
		subject, _ = shown["id"].(string)
	}
	w.told = append(w.told, done{action, "operator", subject, ""})
	return shown
}

// person is a key of somebody's own.
func (w *witness) person() string {
	w.Helper()
	made := w.operator("api_key.created", "", "keys", "create", "--merchant", w.f.account, "--kind", "secret")
	text := made["key"].(string)
	w.ids[text] = made["id"].(string)
	return text
}

// Everything critical that people do is in the trail: by whom, to what and by which request.
func TestTheAuditTrailTellsOfEverythingCritical(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	f.earn(20_000)
	w := &witness{T: t, f: f, ids: map[string]string{}}
	began := f.list("/v1/audit_log")
	asker, ada, bob := w.person(), w.person(), w.person()

	const switches = "/v1/kill_switches"
	off := w.by(ada, "POST", switches, map[string]any{"scope": map[string]any{"provider_account": "alpha"}, "reason": "It loses messages"}, "kill_switch.created", "").text("id")
	w.by(bob, "DELETE", switches+"/"+off, nil, "kill_switch.lifted", off)

	// Manual mode: each of two, and what is declined.
	w.by(ada, "POST", switches, map[string]any{"mode": "approve", "scope": map[string]any{"operation": "payout"}, "reason": "r", "two_above": []any{map[string]any{"amount": 100, "currency": "EUR"}}}, "kill_switch.created", "")
	w.by(ada, "POST", switches, map[string]any{"mode": "approve", "scope": map[string]any{"operation": "refund"}, "reason": "r", "two_above": []any{map[string]any{"amount": 100, "currency": "EUR"}}}, "kill_switch.created", "")
	to := f.payee("Ada Lovelace")
	payout := func() string {
		body := map[string]any{"amount": 500, "currency": "EUR", "destination_token": to}
		return w.by(asker, "POST", "/v1/payouts", body, "payout.created", "").text("id")
	}
	paid := f.pay(f.token(approved, ""), "", 5000, true).want(t, http.StatusCreated, "pay").text("id")
	refund := func() string {
		a := f.do(request{method: "POST", url: f.api + "/v1/payments/" + paid + "/refund", key: asker, body: map[string]any{"amount": 500}}).want(t, http.StatusCreated, "refund")
		return a.text("id")
	}
	for noun, ask := range map[string]func() string{"payout": payout, "refund": refund} {
		agreed, declined := ask(), ask()
		at := "/v1/" + noun + "s/"
		if own := f.do(request{method: "POST", url: f.api + at + agreed + "/approve", key: asker}); own.status != http.StatusForbidden {
			t.Errorf("approved by who asked: %s", own)
		}
		if one := w.by(ada, "POST", at+agreed+"/approve", nil, noun+".approved", agreed); one.text("status") != "held" {
			t.Errorf("the first of two: %s", one)
		}
		if two := w.by(bob, "POST", at+agreed+"/approve", nil, noun+".approved", agreed); two.text("status") == "held" {
			t.Errorf("the second of two: %s", two)
		}
		w.by(bob, "POST", at+declined+"/cancel", nil, noun+".canceled", declined)
	}

	policy := func(account string) map[string]any {
		return map[string]any{"name": "n", "rules": []any{map[string]any{"id": "r", "when": "amount > 1", "then": map[string]any{"strategy": "ordered", "accounts": []string{account}}}}}
	}
	made := w.by(ada, "POST", "/v1/routing/policies", policy("beta"), "routing_policy.created", "").text("id")
	at := "/v1/routing/policies/" + made
	w.by(bob, "POST", at+"/publish", map[string]any{"version": 1}, "routing_policy.published", made)
	w.by(ada, "POST", at+"/versions", policy("alpha"), "routing_policy.changed", made)
	w.by(bob, "POST", at+"/publish", map[string]any{"version": 2}, "routing_policy.published", made)
	w.by(bob, "POST", at+"/rollback", nil, "routing_policy.rolled_back", made)
	w.by(bob, "POST", at+"/unpublish", nil, "routing_policy.unpublished", made)

	const maintenance = "/v1/provider_accounts/beta/maintenance"
	begins := time.Now().UTC().Add(30 * 24 * time.Hour)
	window := w.by(ada, "POST", maintenance, map[string]any{"starts_at": begins, "ends_at": begins.Add(time.Hour), "reason": "Announced"}, "provider_maintenance.announced", "").text("id")
	w.by(ada, "DELETE", maintenance, nil, "provider_maintenance.lifted", window)

	w.by(bob, "DELETE", "/v1/api_keys/"+w.ids[asker], nil, "api_key.revoked", w.ids[asker])
	lost := w.person()
	w.operator("api_key.revoked", w.ids[lost], "keys", "revoke", "--merchant", f.account, w.ids[lost])
	w.operator("merchant.updated", f.account, "merchant", "update", "--merchant", f.account, "--payout-approval", "EUR=5000", "--returns", `{"any":{"days":30}}`)
	everybodys := w.operator("kill_switch.created", "", "kill-switch", "on", "--operation", "refund", "--approve", "--reason", "Everybody")["id"].(string)
	w.operator("kill_switch.lifted", everybodys, "kill-switch", "off", everybodys)
	own := w.operator("kill_switch.created", "", "kill-switch", "on", "--merchant", f.account, "--operation", "payout", "--reason", "This one")["id"].(string)
	w.operator("kill_switch.lifted", own, "kill-switch", "off", "--merchant", f.account, own)
	credentials := filepath.Join(t.TempDir(), "credentials")
	must(t, os.WriteFile(credentials, []byte("api_key=secret-of-gamma-1\nsigning_key=secret-of-gamma-2\nwebhook_secret=secret-of-gamma-3\n"), 0o600))
	w.operator("provider_account.created", "gamma", "providers", "add", "gamma", "--merchant", f.account, "--provider", "simcard", "--setting", "base_url="+f.sandbox+"/alpha", "--credentials", credentials)
	w.operator("provider_account.updated", "gamma", "providers", "add", "gamma", "--merchant", f.account, "--provider", "simcard", "--setting", "base_url="+f.sandbox+"/beta", "--credentials", credentials)

	w.tells(began)
	w.keeps()
}

// tells compares the trail since it was looked at with what was done. Entries that two processes made in one millisecond may stand either
// way round.
func (w *witness) tells(before []map[string]any) {
	w.Helper()
	var got, want []string
	trail := w.f.list("/v1/audit_log")
	for _, e := range trail[:len(trail)-len(before)] {
		if e["action"] == "destination.created" {
			continue
		}
		request, _ := e["request_id"].(string)
		got = append(got, fmt.Sprint(done{e["action"].(string), e["actor"].(string), e["subject"].(string), request}))
		if e["object"] != "audit_entry" || e["livemode"] != false || e["details"] == nil {
			w.Errorf("an entry is %v", e)
		}
	}
	for _, d := range w.told {
		want = append(want, fmt.Sprint(d))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.Errorf("the trail has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// keeps tries the filters, who may read, and what must not be there.
func (w *witness) keeps() {
	w.Helper()
	f := w.f
	look := func(key, query string) answer {
		return f.do(request{method: "GET", url: f.api + "/v1/audit_log" + query, key: key})
	}
	count := func(key, query string) int {
		w.Helper()
		return len(look(key, query).want(w.T, http.StatusOK, "list "+query).object["data"].([]any))
	}
	if n := count(f.secret, "?limit=100&action=kill_switch.lifted"); n != 3 {
		w.Errorf("%d switches were lifted", n)
	}
	if n := count(f.secret, "?limit=100&actor=operator&subject=gamma"); n != 2 {
		w.Errorf("%d times the operator changed gamma", n)
	}
	if n := count(f.secret, "?created_at[gte]="+url.QueryEscape("2096-01-01T00:00:00Z")); n != 0 {
		w.Errorf("%d entries are of the future", n)
	}
	one := look(f.secret, "?limit=1").object["data"].([]any)[0].(map[string]any)
	if got := look(f.secret, "/"+one["id"].(string)).want(w.T, http.StatusOK, "read one"); got.text("action") != one["action"] {
		w.Errorf("one is %s, listed was %v", got, one)
	}
	reads := f.key("restricted", "--scopes", "ops:read")
	for _, entry := range [...]string{"", "/" + one["id"].(string)} {
		if a := look(f.key("restricted", "--scopes", "payments:write,routing:write"), entry); a.status != http.StatusForbidden || a.text("code") != "scope_missing" {
			w.Errorf("without the scope: %s", a)
		}
		look(reads, entry).want(w.T, http.StatusOK, "with the scope")
	}
	// The other mode sees what concerns the merchant as a whole and everybody, and its own key.
	live := f.key("secret", "--mode", "live")
	seen := look(live, "?limit=100").want(w.T, http.StatusOK, "list in live mode")
	for _, e := range seen.object["data"].([]any) {
		if concerns := dig(e, "concerns"); dig(e, "livemode") != true || concerns == "mode" && dig(e, "action") != "api_key.created" {
			w.Errorf("live mode sees %v", e)
		}
	}
	if a := look(live, "/"+one["id"].(string)); a.status != http.StatusNotFound {
		w.Errorf("live mode reads an entry of test mode: %s", a)
	}
	if text := string(look(f.secret, "?limit=100").body) + string(seen.body); strings.Contains(text, "secret-of-gamma") || strings.Contains(text, live) {
		w.Error("the trail has a secret")
	}
	all := succeed(w.T, "", slices.Concat([]string{"audit", "list", "--merchant", f.account, "--subject", "gamma"}, f.books)...)
	if entries := all["data"].([]any); len(entries) != 2 || dig(entries[0], "mode") != "test" || dig(entries[0], "details", "settings.base_url") == nil {
		w.Errorf("by the command line: %v", all)
	}
}
