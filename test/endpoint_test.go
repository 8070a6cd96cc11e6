package test

import (
	"net/http"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// What a merchant does with an endpoint, against a whole Florin: test it, change its secret, disable and enable it, have
// something sent again. Every webhook verifies all the while.
func TestAnEndpointIsLookedAfter(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	began := time.Now().UTC().Add(-time.Minute)
	hooks := f.listen()
	one := "/v1/webhook_endpoints/" + f.list("/v1/webhook_endpoints")[0]["id"].(string)

	tested := f.post(one+"/test", "test", nil).want(t, http.StatusOK, "test")
	if attempts, _ := tested.object["attempts"].([]any); tested.text("status") != "succeeded" || tested.text("event_type") != "webhook_endpoint.test" || len(attempts) != 1 {
		t.Errorf("tested: %s", tested)
	}

	rotated := f.post(one+"/rotate_secret", "rotate", map[string]any{"expire_old_after": 3600}).want(t, http.StatusOK, "rotate the secret")
	token := f.token(approved, "")
	paid := f.pay(token, "first", 9232, true).want(t, http.StatusCreated, "pay").text("id")
	hooks.wait(paid, "payment.captured") // by the old secret
	fresh, err := standardwebhooks.NewWebhook(rotated.text("secret"))
	must(t, err)
	hooks.mu.Lock()
	hooks.verify = fresh
	hooks.mu.Unlock()

	f.post(one+"/disable", "disable", nil).want(t, http.StatusOK, "disable")
	missed := f.pay(token, "second", 100, true).want(t, http.StatusCreated, "pay while it is disabled").text("id")
	if types := hooks.types(missed); len(types) > 0 {
		t.Errorf("a disabled endpoint heard %v", types)
	}
	f.post(one+"/enable", "enable", nil).want(t, http.StatusOK, "enable")
	hooks.wait(missed, "payment.captured") // by the new secret

	recovery := f.post(one+"/recover", "recover", map[string]any{"since": began, "statuses": []string{"succeeded"}, "events": []string{"payment.captured"}}).want(t, http.StatusAccepted, "recover")
	eventually(t, "the recovery", func() bool {
		r := f.get("/v1/webhook_recoveries/" + recovery.text("id"))
		return r.text("status") == "done" && r.number("queued") == 2
	})
	delivery := ""
	eventually(t, "both to be sent again", func() bool {
		sent := 0
		for _, d := range f.list("/v1/webhook_deliveries") {
			if d["event_type"] == "payment.captured" && d["status"] == "succeeded" && d["attempt_count"] == 2.0 {
				delivery = d["id"].(string)
				sent++
			}
		}
		return sent == 2
	})
	f.post("/v1/webhook_deliveries/"+delivery+"/retry", "retry", nil).want(t, http.StatusOK, "retry")
	eventually(t, "one to be sent a third time", func() bool {
		d := f.get("/v1/webhook_deliveries/" + delivery)
		attempts, _ := d.object["attempts"].([]any)
		return d.text("status") == "succeeded" && len(attempts) == 3
	})
}
