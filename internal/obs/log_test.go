package obs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/obs"
)

func TestMask(t *testing.T) {
	for name, c := range map[string]struct{ in, out string }{
		"a card number":                    {"card 4242424242424242 declined", "card [card number] declined"},
		"alone":                            {"378282246310005", "[card number]"},
		"in groups":                        {"4242 4242 4242 4242", "[card number]"},
		"with dashes and an expiry behind": {"4242-4242-4242-4242 12/30", "[card number] 12/30"},
		"with an expiry in the same row":   {"4242 4242 4242 4242 12 30", "[card number] 12 30"},
		"behind another number":            {"12 4242 4242 4242 4242", "12 [card number]"},
		"twice":                            {"4242424242424242,5555555555554444", "[card number],[card number]"},
		"in JSON":                          {`{"number":"4000000000000002"}`, `{"number":"[card number]"}`},
		"track data":                       {";4242424242424242=30121010000", ";[card number]=30121010000"},
		"more digits than a card has":      {"00004242424242424242000", "[card number]"},
		"a wrong check digit":              {"4242424242424243", "4242424242424243"},
		"eleven digits":                    {"00000000000", "00000000000"},
		"an id":                            {"pay_01jd9qk3v8m2x4r6t7w9y0a1b2", "pay_01jd9qk3v8m2x4r6t7w9y0a1b2"},
		"a time":                           {"2026-11-22T10:20:30.123456Z", "2026-11-22T10:20:30.123456Z"},
		"a secret key":                     {"Bearer sk_test_4f9abc/x", "Bearer sk_test_[secret]"},
		"the development key":              {"sk_test_dev", "sk_test_[secret]"},
		"a restricted key":                 {"key=rk_live_0123abc&x=1", "key=rk_live_[secret]&x=1"},
		"a webhook secret":                 {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw== ok", "whsec_[secret] ok"},
		"a client secret":                  {"pay_01_secret_abc", "pay_01_secret_[secret]"},
		"two keys":                         {"sk_test_a sk_live_b", "sk_test_[secret] sk_live_[secret]"},
		"a word that ends alike":           {"task_id risk_score", "task_id risk_score"},
		"a publishable key is public":      {"pk_test_dev", "pk_test_dev"},
		"nothing":                          {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := obs.Mask(c.in); got != c.out {
				t.Errorf("Mask(%q) = %q, want %q", c.in, got, c.out)
			}
		})
	}
}

// withCheckDigit completes digits so that they could be a card number.
func withCheckDigit(digits string) string {
	for d := '0'; d <= '9'; d++ {
		sum := 0
		number := digits + string(d)
		for i := range number {
			n := int(number[len(number)-1-i] - '0')
			if i%2 == 1 {
				n = n*2/10 + n*2%10
			}
			sum += n
		}
		if sum%10 == 0 {
			return number
		}
	}
	panic("no check digit")
}

func TestNoCardNumberGetsPastTheMask(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pan := withCheckDigit(rapid.StringMatching(`[2-6][0-9]{10,17}`).Draw(t, "digits"))
		before := rapid.StringMatching(`[^0-9]{0,20}`).Draw(t, "before")
		after := rapid.StringMatching(`([^0-9 -].{0,20})?`).Draw(t, "after")
		if got := obs.Mask(before + pan + after); strings.Contains(got, pan) {
			t.Fatalf("%q holds the number", got)
		}
		grouped := pan[:4] + " " + pan[4:8] + " " + pan[8:]
		if got := obs.Mask(before + grouped + after); strings.Contains(got, grouped) {
			t.Fatalf("%q holds the number", got)
		}
	})
}

func FuzzMask(f *testing.F) {
	f.Add("4242 4242 4242 4242 sk_test_x")
	f.Add(strings.Repeat("1-", 50))
	f.Fuzz(func(t *testing.T, s string) {
		once := obs.Mask(s)
		if strings.Contains(once, "4242424242424242") {
			t.Errorf("Mask(%q) = %q", s, once)
		}
	})
}

type card struct {
	Number string `json:"number"`
	Name   string
}

type speaking struct{ text string }

func (s speaking) String() string { return s.text }

func TestLogsMaskWhateverTypeItHides(t *testing.T) {
	const pan, key = "4242424242424242", "sk_live_0123456789"
	values := map[string]any{
		"string": pan + " " + key, "error": fmt.Errorf("send: %w", errors.New("number "+pan+" by "+key)),
		"struct": card{pan, key}, "pointer": &card{pan, key}, "map": map[string]string{pan: key}, "slice": []string{pan, key},
		"bytes": []byte(pan + key), "stringer": speaking{pan + key}, "raw": json.RawMessage(`"` + pan + key + `"`),
		"group": slog.GroupValue(slog.String("inner", pan+key)),
	}
	for _, asJSON := range []bool{true, false} {
		for name, value := range values {
			t.Run(fmt.Sprintf("%s, json %t", name, asJSON), func(t *testing.T) {
				var out bytes.Buffer
				log := obs.NewLogger(&out, asJSON, slog.LevelInfo)
				log.With("first", value).Info("refused "+pan, "value", value, slog.Group("in", "value", value))
				line := out.String()
				if line == "" || strings.Contains(line, pan) || strings.Contains(line, "0123456789") {
					t.Errorf("logged %s", line)
				}
			})
		}
	}
}

func TestCleanValuesAreLoggedAsTheyAre(t *testing.T) {
	var out bytes.Buffer
	obs.NewLogger(&out, true, slog.LevelInfo).Info("took", "card", card{"4242", "Jo"}, "n", 4242424242424242, "yes", true)
	for _, want := range []string{`"card":{"number":"4242","Name":"Jo"}`, `"n":4242424242424242`, `"yes":true`, `"level":"INFO"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, out.String())
		}
	}
}

func TestContextCarriesFieldsToTheLine(t *testing.T) {
	var out bytes.Buffer
	log := obs.NewLogger(&out, true, slog.LevelInfo)
	ctx := obs.With(t.Context(), obs.RequestID, "req_1")
	inner := obs.With(obs.With(ctx, obs.PaymentID, "pay_1"), obs.MerchantID, "acct_dev:test")
	log.InfoContext(inner, "captured")
	if got := line(t, &out); got["request_id"] != "req_1" || got["payment_id"] != "pay_1" || got["merchant_id"] != "acct_dev:test" {
		t.Errorf("inner line: %v", got)
	}
	log.With("zone", "api").InfoContext(ctx, "answered")
	if got := line(t, &out); got["request_id"] != "req_1" || got["payment_id"] != nil || got["zone"] != "api" {
		t.Errorf("outer line: %v", got)
	}
	log.InfoContext(obs.With(inner, obs.IdempotencyKey, "4242424242424242"), "replayed")
	if got := line(t, &out); got["idempotency_key"] != "[card number]" {
		t.Errorf("a caller's text was not masked: %v", got)
	}
	if obs.Value(inner, obs.PaymentID) != "pay_1" || obs.Value(context.Background(), obs.PaymentID) != "" {
		t.Error("Value does not give what With took")
	}
}

func line(t *testing.T, out *bytes.Buffer) map[string]any {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	out.Reset()
	return got
}
