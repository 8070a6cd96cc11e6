package test

import (
	"bufio"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPayoutsEndAsTheirBankSays(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	hooks := f.listen()
	f.earn(10_000)
	for _, c := range []struct {
		payee, status, failure string
		told                   []string
		back                   bool // the money is available again
	}{
		{"Ada Lovelace", "paid", "", []string{"payout.paid", "payout.queued", "payout.sent"}, false},
		{"SCENARIO refuse", "failed", "invalid_account", []string{"payout.failed", "payout.queued"}, true},
		{"SCENARIO fail", "failed", "invalid_account", []string{"payout.failed", "payout.queued", "payout.sent"}, true},
		{"SCENARIO return", "returned", "invalid_account", []string{"payout.paid", "payout.queued", "payout.returned", "payout.sent"}, true},
		{"SCENARIO duplicate_webhook", "paid", "", []string{"payout.paid", "payout.queued", "payout.sent"}, false},
		{"SCENARIO out_of_order_webhooks", "paid", "", []string{"payout.paid", "payout.queued", "payout.sent"}, false},
		{"SCENARIO timeout_after", "paid", "", []string{"payout.paid", "payout.queued", "payout.sent"}, false}, // unknown, and settled by an inquiry or the webhook
	} {
		before := f.available()
		made := f.payOut(f.payee(c.payee), 1_000).want(t, http.StatusCreated, c.payee)
		if now := f.available(); made.text("status") != "queued" || now != before-1_000 && !(c.back && now == before) { // it may be back by now
			t.Errorf("%s: made %s, %d available", c.payee, made, now)
		}
		ended := f.ends(made.text("id"), c.status)
		if c.failure != "" && !strings.Contains(string(ended.body), c.failure) {
			t.Errorf("%s: %s", c.payee, ended.body)
		}
		hooks.wait(made.text("id"), c.told...)
		if got := hooks.types(made.text("id")); !slices.Equal(got, c.told) {
			t.Errorf("%s: told %v", c.payee, got)
		}
		want := before - 1_000
		if c.back {
			want = before
		}
		if f.available() != want {
			t.Errorf("%s: %d available, want %d", c.payee, f.available(), want)
		}
		f.verify()
	}

	// To a debit card, by its token: no number leaves the vault but to the bank.
	pushed := f.post("/v1/payouts", "", map[string]any{"amount": 1_000, "currency": "EUR", "card_token": f.token("4000056655665556", "Ada Lovelace")}).want(t, http.StatusCreated, "push to a card")
	if pushed.text("rail") != "card_push" {
		t.Errorf("pushed by %s", pushed)
	}
	f.ends(pushed.text("id"), "paid")
	credit := f.post("/v1/payouts", "", map[string]any{"amount": 1, "currency": "EUR", "card_token": f.token(approved, "")})
	if credit.status != 400 || credit.text("code") != "destination_not_supported" || credit.text("param") != "card_token" {
		t.Errorf("to a card without Fast Funds: %s", credit)
	}

	// By the buttons of the bank's page: a webhook that is sent again changes nothing, and money that was paid comes back.
	before := f.available()
	made := f.payOut(f.payee("SCENARIO wait"), 1_000).want(t, http.StatusCreated, "wait").text("id")
	f.ends(made, "sent")
	f.bank(made, "pay")
	f.ends(made, "paid")
	f.bank(made, "send_webhook")
	f.bank(made, "return")
	f.ends(made, "returned")
	hooks.wait(made, "payout.returned")
	if got := hooks.types(made); len(got) != 4 || f.available() != before {
		t.Errorf("by buttons: told %v, %d available", got, f.available())
	}
}

// To every kind of destination: what fails and what comes back is available again, and its timeline streams.
func TestPayoutsOfEveryRailFailAndComeBack(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	to := map[string][2]string{ // by rail: the currency, and what leads there beside the name
		"sepa_instant": {"EUR", `{"type":"iban","iban":"DE89 3704 0044 0532 0130 00"`},
		"fps":          {"GBP", `{"type":"bank_account","country":"GB","bank_code":"200000","account_number":"55779911"`},
		"ach":          {"USD", `{"type":"bank_account","country":"US","bank_code":"021000021","account_number":"123456789"`},
		"pix":          {"BRL", `{"type":"pix","pix_key":"ada@example.com"`},
		"npp":          {"AUD", `{"type":"payid","payid":"ada@example.com"`},
		"upi":          {"INR", `{"type":"upi","vpa":"ada@okbank"`},
		"card_push":    {"EUR", ""},
	}
	for _, one := range to {
		f.post("/v1/payments", "", map[string]any{"amount": 100_000, "currency": one[0], "payment_method_token": f.token(approved, "")}).want(t, http.StatusCreated, "earn "+one[0])
	}
	has := func() map[string]float64 {
		sums := map[string]float64{}
		all, _ := f.get("/v1/balance").want(t, http.StatusOK, "balance").object["available"].([]any)
		for _, one := range all {
			currency, _ := dig(one, "currency").(string)
			sums[currency], _ = dig(one, "amount").(float64)
		}
		return sums
	}
	for _, one := range to {
		eventually(t, one[0]+" is available", func() bool { return has()[one[0]] >= 100_000 && (one[0] != "EUR" || has()["EUR"] >= 200_000) })
	}
	before, asked := has(), f.authentications()
	stream := f.follow("payout.*")
	ends := map[string]string{}
	for rail, one := range to {
		for name, status := range map[string]string{"SCENARIO fail": "failed", "SCENARIO return": "returned"} {
			body := map[string]any{"amount": 1_000, "currency": one[0]}
			if rail == "card_push" {
				body["card_token"] = f.token("4000056655665556", name)
			} else {
				there := f.post("/v1/destinations", "", []byte(one[1]+`,"name":"`+name+`"}`)).want(t, http.StatusCreated, "destination for "+rail)
				body["destination_token"] = there.text("id")
			}
			made := f.post("/v1/payouts", "", body).want(t, http.StatusCreated, "pay out by "+rail)
			if made.text("rail") != rail {
				t.Errorf("it goes by %s, not %s", made.text("rail"), rail)
			}
			ends[made.text("id")] = status
		}
	}
	for id, status := range ends {
		f.ends(id, status)
		stream.shows(t, id, "payout."+status)
	}
	if now := has(); !maps.Equal(now, before) {
		t.Errorf("available %v, before %v", now, before)
	}
	if n := f.authentications(); n != asked {
		t.Errorf("cardholders were asked for 3-D Secure %d times", n-asked)
	}
}

// authentications is how often an issuer was asked about a cardholder.
func (f *florin) authentications() int {
	f.t.Helper()
	all, _ := f.do(request{method: "GET", url: f.sandbox + "/control/authentications?limit=500"}).want(f.t, http.StatusOK, "list authentications").object["data"].([]any)
	return len(all)
}

// stream is what comes by an event stream.
type stream struct{ lines chan string }

// follow opens a stream of events of some types, until the end of the test.
func (f *florin) follow(types string) stream {
	f.t.Helper()
	q, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.api+"/v1/events/stream?types="+types, nil)
	must(f.t, err)
	q.Header.Set("Authorization", "Bearer "+f.secret)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(q)
	must(f.t, err)
	if response.StatusCode != http.StatusOK {
		f.t.Fatalf("the stream is answered with %d", response.StatusCode)
	}
	s := stream{make(chan string, 10_000)}
	f.t.Cleanup(func() { must(f.t, response.Body.Close()) })
	go func() {
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			s.lines <- lines.Text()
		}
		close(s.lines)
	}()
	return s
}

// shows waits until the stream has shown an object whose timeline ends with an event. What it shows of others meanwhile is kept.
func (s stream) shows(t *testing.T, id, event string) {
	t.Helper()
	late := time.After(patience)
	var others []string
	defer func() {
		for _, line := range others {
			s.lines <- line
		}
	}()
	for {
		select {
		case line, open := <-s.lines:
			if !open {
				t.Fatalf("the stream ended before %s of %s", event, id)
			}
			_, timeline, _ := strings.Cut(line, `"timeline":`)
			if strings.Contains(line, id) && strings.Contains(timeline, `"`+event+`"`) {
				return
			}
			others = append(others, line)
		case <-late:
			t.Fatalf("the stream did not show %s of %s", event, id)
		}
	}
}

func TestPayoutsThatMustNotBeMadeAreRefused(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	f.earn(1_000)
	to := f.payee("Ada Lovelace")
	refused := func(a answer, status int, code, param string) {
		t.Helper()
		if a.status != status || a.text("code") != code || a.text("param") != param {
			t.Errorf("want %d %s %s, got %s", status, code, param, a)
		}
	}
	refused(f.payOut(to, 1_001), 409, "balance_insufficient", "")
	refused(f.payOut("dst_01jd9qk3v8m2x4r6t7w9y0a1b2", 1), 404, "not_found", "")
	refused(f.post("/v1/destinations", "", map[string]any{"type": "iban", "name": "Ada", "iban": "DE88 3704 0044 0532 0130 00"}), 400, "parameter_invalid", "iban")
	refused(f.post("/v1/payouts", "", map[string]any{"amount": 1, "currency": "USD", "destination_token": to}), 400, "currency_not_supported", "currency")
	refused(f.post("/v1/payouts", "", map[string]any{"amount": 1, "currency": "BRL", "bank_alias": map[string]any{"type": "pix", "value": "111.222.333-44", "name": "Ada"}}), 400, "parameter_invalid", "bank_alias.value")
	f.do(request{method: "PATCH", url: f.api + "/v1/destinations/" + to, key: f.secret, body: map[string]any{"blocked": true}}).want(t, 200, "block")
	refused(f.payOut(to, 1), 409, "destination_blocked", "")
	refused(f.post("/v1/destinations", "", map[string]any{"type": "iban", "name": "Ada", "iban": payeeIBAN}), 409, "destination_blocked", "")
	if f.available() != 1_000 || len(f.list("/v1/payouts")) != 0 {
		t.Errorf("a refusal left something: %d available", f.available())
	}
	f.do(request{method: "PATCH", url: f.api + "/v1/destinations/" + to, key: f.secret, body: map[string]any{"blocked": false}}).want(t, 200, "let go")

	body := map[string]any{"amount": 100, "currency": "EUR", "destination_token": to}
	first := f.post("/v1/payouts", "once", body).want(t, 201, "pay out")
	again := f.post("/v1/payouts", "once", body).want(t, 201, "repeat")
	if string(first.body) != string(again.body) || again.header.Get("Idempotent-Replayed") != "true" || len(f.list("/v1/payouts")) != 1 {
		t.Errorf("a repeat: %s", again)
	}
	f.ends(first.text("id"), "paid")
	refused(f.post("/v1/payouts/"+first.text("id")+"/cancel", "", nil), 409, "state_conflict", "")
}

// The document's own lines, run by a shell.
func TestTheExampleOfThePayoutsDocumentRuns(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	f.runsExample(t, "payouts.md", `"status":"paid"`)
}
