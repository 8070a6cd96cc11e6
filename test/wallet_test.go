package test

import (
	"net/http"
	"slices"
	"testing"
)

// approve has a payer approve in the simulated wallet, and gives the wallet's own token. Fields replace or add to what is asked.
func (f *florin) approve(t *testing.T, fields map[string]any) string {
	t.Helper()
	list := f.do(request{method: "GET", url: f.vault + "/v1/wallets", key: f.public}).want(t, http.StatusOK, "list the wallets")
	known, _ := list.object["data"].([]any)
	if len(known) != 1 || dig(known[0], "type") != "sandbox" {
		t.Fatalf("wallets: %s", list)
	}
	ask := map[string]any{"merchant": dig(known[0], "merchant"), "key": dig(known[0], "public_key"), "amount": 9232, "currency": "EUR"}
	for name, value := range fields {
		ask[name] = value
	}
	return f.do(request{method: "POST", url: f.sandbox + "/control/wallet/tokens", body: ask}).want(t, http.StatusOK, "approve in the wallet").text("token")
}

// open has the vault open a wallet's token.
func (f *florin) open(token string) answer {
	return f.do(request{method: "POST", url: f.vault + "/v1/tokens", key: f.public, body: map[string]any{"wallet": map[string]any{"type": "sandbox", "token": token}}})
}

// walletToken is what a payment by wallet is made with.
func (f *florin) walletToken(t *testing.T, fields map[string]any) string {
	t.Helper()
	opened := f.open(f.approve(t, fields)).want(t, http.StatusCreated, "open the wallet's token")
	if dig(opened.object, "wallet", "amount") != 9232.0 || dig(opened.object, "card", "last4") == nil {
		t.Fatalf("opened: %s", opened)
	}
	return opened.text("id")
}

// byWallet makes a payment with an approval. Fields replace or add to what it is made of.
func (f *florin) byWallet(t *testing.T, token string, fields map[string]any) answer {
	t.Helper()
	body := map[string]any{"amount": 9232, "currency": "EUR", "payment_method": map[string]any{"type": "wallet", "token": token}}
	for name, value := range fields {
		body[name] = value
	}
	return f.post("/v1/payments", "", body)
}

// The walk through docs/wallets.md. The books are verified at its end, as after every test.
func TestWallets(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	hooks := f.listen()

	t.Run("paid without 3-D Secure, refunded", func(t *testing.T) {
		paid := f.byWallet(t, f.walletToken(t, map[string]any{"card": "secured"}), map[string]any{"three_ds": map[string]any{"challenge": "request"}}).
			want(t, http.StatusCreated, "pay by wallet")
		if paid.text("status") != "captured" || paid.object["three_ds"] != nil || dig(paid.object, "payment_method", "type") != "wallet" ||
			dig(paid.object, "payment_method", "wallet", "type") != "sandbox" || dig(paid.object, "payment_method", "card", "last4") != "3184" {
			t.Errorf("paid: %s", paid)
		}
		at := f.do(request{method: "GET", url: f.sandbox + "/control/transactions/" + paid.text("provider_reference")}).want(t, http.StatusOK, "look at the acquirer")
		if dig(at.object, "network_token", "eci") != "05" || dig(at.object, "three_ds") != nil {
			t.Errorf("the acquirer has %s", at.body)
		}
		f.refunded(t, paid, 2_000, "succeeded")
		f.refunded(t, paid, 7_232, "succeeded")
		f.comesTo(paid, "captured", 9_232, 9_232)
		hooks.wait(paid.text("id"), "payment.created", "payment.captured")
	})

	t.Run("declined", func(t *testing.T) {
		for card, code := range map[string]string{"empty": "insufficient_funds", "mute": "do_not_honor"} {
			if a := f.byWallet(t, f.walletToken(t, map[string]any{"card": card}), nil); a.status != http.StatusPaymentRequired || a.text("decline_code") != code {
				t.Errorf("%s: %s", card, a)
			}
		}
		if a := f.byWallet(t, f.walletToken(t, map[string]any{"defect": "wrong_cryptogram"}), nil); a.status != http.StatusPaymentRequired || a.text("decline_code") != "authentication_failed" {
			t.Errorf("a wrong cryptogram: %s", a)
		}
	})

	t.Run("canceled", func(t *testing.T) {
		held := f.byWallet(t, f.walletToken(t, map[string]any{"card": "mastercard"}), map[string]any{"capture": false}).want(t, http.StatusCreated, "authorize")
		gone := f.post("/v1/payments/"+held.text("id")+"/cancel", "", nil).want(t, http.StatusOK, "cancel")
		if held.text("status") != "authorized" || gone.text("status") != "canceled" {
			t.Errorf("%s, then %s", held, gone)
		}
	})

	t.Run("told twice", func(t *testing.T) {
		paid := f.byWallet(t, f.walletToken(t, map[string]any{"cardholder_name": "SCENARIO duplicate_webhook"}), nil).want(t, http.StatusCreated, "pay")
		eventually(t, "both messages came", func() bool {
			return slices.ContainsFunc(f.list("/v1/inbound_webhooks"), func(one map[string]any) bool {
				return one["subject"] == paid.text("id") && one["duplicates"] == 1.0
			})
		})
		f.comesTo(paid, "captured", 9_232, 0)
	})

	t.Run("told out of order, and expired", func(t *testing.T) {
		held := func(name string) answer {
			return f.byWallet(t, f.walletToken(t, map[string]any{"cardholder_name": name}), map[string]any{"capture": false}).want(t, http.StatusCreated, "authorize")
		}
		disordered, left := held("SCENARIO out_of_order_webhooks"), held("Ada Lovelace")
		f.post("/v1/payments/"+disordered.text("id")+"/capture", "", nil).want(t, http.StatusOK, "capture")
		eventually(t, "the authorization is heard of last", func() bool { return f.heard(disordered) == 2 })
		f.comesTo(disordered, "captured", 9_232, 0)
		f.press(t, left, "expire", nil)
		f.comesTo(left, "expired", 0, 0)
	})

	t.Run("opened once", func(t *testing.T) {
		token := f.approve(t, nil)
		opened := f.open(token).want(t, http.StatusCreated, "open")
		if again := f.open(token); again.status != http.StatusConflict || again.text("code") != "wallet_token_used" {
			t.Errorf("opened again: %s", again)
		}
		if replayed := f.open(f.approve(t, map[string]any{"defect": "replayed"})); replayed.text("code") != "wallet_token_used" {
			t.Errorf("replayed: %s", replayed)
		}
		f.byWallet(t, opened.text("id"), nil).want(t, http.StatusCreated, "pay")
		if second := f.byWallet(t, opened.text("id"), nil); second.status != http.StatusConflict || second.text("code") != "token_used" {
			t.Errorf("a second payment: %s", second)
		}
	})

	t.Run("a cryptogram is used once", func(t *testing.T) {
		made := f.checkout(t, nil)
		token := f.walletToken(t, map[string]any{"card": "mute"})
		confirm := func() answer {
			return f.post("/v1/payments/"+made.text("id")+"/confirm", "", map[string]any{"payment_method_token": token})
		}
		if a := confirm(); a.text("decline_code") != "do_not_honor" {
			t.Errorf("the first try: %s", a)
		}
		if a := confirm(); a.status != http.StatusPaymentRequired || a.text("decline_code") != "authentication_failed" {
			t.Errorf("the second try, for which there is no cryptogram: %s", a)
		}
	})

	t.Run("refused", func(t *testing.T) { f.refusesWallets(t) })
}

// The document's own lines, run by a shell.
func TestTheExampleOfTheWalletsDocumentRuns(t *testing.T) {
	t.Parallel()
	f := installDev(t)
	f.runsExample(t, "wallets.md", `"status":"captured"`, `"type":"wallet"`)
}

func (f *florin) refusesWallets(t *testing.T) {
	for defect, code := range map[string]string{
		"expired": "wallet_token_expired", "wrong_signature": "wallet_signature_invalid", "other_merchant": "wallet_token_invalid",
	} {
		if a := f.open(f.approve(t, map[string]any{"defect": defect})); a.status/100 != 4 || a.text("code") != code {
			t.Errorf("%s: %s", defect, a)
		}
	}
	if a := f.open("bm8gdG9rZW4"); a.status != http.StatusBadRequest || a.text("code") != "wallet_token_invalid" {
		t.Errorf("garbage: %s", a)
	}
	for _, defect := range []string{"wrong_amount", "wrong_currency"} {
		token := f.open(f.approve(t, map[string]any{"defect": defect})).want(t, http.StatusCreated, "open").text("id")
		if a := f.byWallet(t, token, nil); a.status != http.StatusBadRequest || a.text("code") != "wallet_token_mismatch" {
			t.Errorf("%s: %s", defect, a)
		}
	}
	token := f.walletToken(t, nil)
	for name, fields := range map[string]map[string]any{
		"a challenge as well": {"three_ds": map[string]any{"challenge": "mandate"}},
		"off session":         {"off_session": true},
		"no token":            {"payment_method": map[string]any{"type": "wallet"}},
		"a bank":              {"payment_method": map[string]any{"type": "wallet", "token": token, "bank": "x"}},
		"a card's token":      {"payment_method": map[string]any{"type": "wallet", "token": f.token(approved, "")}},
		"for another method":  {"payment_method": map[string]any{"type": "bank_redirect", "token": token}},
	} {
		if a := f.byWallet(t, token, fields); a.status != http.StatusBadRequest {
			t.Errorf("%s: %s", name, a)
		}
	}
	who := f.post("/v1/customers", "", map[string]any{"name": "Ada"}).want(t, http.StatusCreated, "make a customer").text("id")
	if a := f.post("/v1/payment_methods", "", map[string]any{"token": token, "customer": who}); a.status != http.StatusBadRequest {
		t.Errorf("it is saved: %s", a)
	}
	if a := f.post("/v1/destinations", "", map[string]any{"card_token": token}); a.status != http.StatusBadRequest {
		t.Errorf("it is paid out to: %s", a)
	}
}
