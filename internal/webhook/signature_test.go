package webhook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/secret"
)

// verifier is what a receiver has: nil if the webhook is genuine.
type verifier func(t *testing.T, key string, header http.Header, body []byte) (ok bool)

// eachVerifier holds a property against the published Go library and the published package of npm.
func eachVerifier(t *testing.T, property func(t *testing.T, genuine verifier)) {
	t.Run("go", func(t *testing.T) {
		property(t, func(t *testing.T, key string, header http.Header, body []byte) bool {
			w, err := standardwebhooks.NewWebhook(key)
			if err != nil {
				t.Fatal(err)
			}
			return w.Verify(body, header) == nil
		})
	})
	t.Run("npm", func(t *testing.T) {
		node, err := exec.LookPath("node")
		if err != nil {
			t.Skip("signatures are not held against the package of npm: there is no node")
		}
		property(t, func(t *testing.T, key string, header http.Header, body []byte) bool {
			return verifiedInNode(t, node, key, header, body)
		})
	})
}

func verifiedInNode(t *testing.T, node, key string, header http.Header, body []byte) bool {
	t.Helper()
	flat := map[string]string{}
	for name := range header {
		flat[name] = header.Get(name)
	}
	input, err := json.Marshal(map[string]any{"secret": key, "headers": flat, "body": string(body)})
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), node, "verify.js")
	run.Dir, run.Stdin = "testdata/standardwebhooks", bytes.NewReader(input)
	run.Env = append(run.Environ(), "NODE_PATH=.")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	said := strings.TrimSpace(string(out))
	if said != "verified evt_1" && said != "refused: No matching signature found" && said != "refused: Message timestamp too old" {
		t.Fatalf("the package says %q", said)
	}
	return strings.HasPrefix(said, "verified")
}

// sent is what a receiver gets from an endpoint with these secrets.
func posted(t *testing.T, now clock.Clock, secrets ...event.SigningSecret) heard {
	t.Helper()
	l := listenAt(t, nil, nil)
	to := endpointAt(l.URL)
	to.Secrets = secrets
	if got := courierFor(t, courierOptions{Clock: now, AllowPrivate: true}).carry(t.Context(), to, captured); got.Status != 200 {
		t.Fatalf("%+v", got)
	}
	return l.heard[0]
}

func TestReceiversVerifyWhatIsSent(t *testing.T) {
	now := clock.System{}
	got := posted(t, now, event.SigningSecret{Secret: secret.New(oneSecret)})
	stale := posted(t, clock.NewManual(now.Now().Add(-6*time.Minute)), event.SigningSecret{Secret: secret.New(oneSecret)})
	eachVerifier(t, func(t *testing.T, genuine verifier) {
		if !genuine(t, oneSecret, got.header, got.body) {
			t.Error("a webhook is refused")
		}
		if genuine(t, anotherSecret, got.header, got.body) {
			t.Error("it passes with another secret")
		}
		if genuine(t, oneSecret, got.header, bytes.Replace(got.body, []byte("pay_1"), []byte("pay_2"), 1)) {
			t.Error("an altered body passes")
		}
		forged := got.header.Clone()
		forged.Set("Webhook-Id", "evt_2")
		if genuine(t, oneSecret, forged, got.body) {
			t.Error("another id passes")
		}
		if genuine(t, oneSecret, stale.header, stale.body) {
			t.Error("an old webhook passes")
		}
	})
}

func TestBothSecretsSignWhileOneReplacesTheOther(t *testing.T) {
	now := clock.System{}
	fresh := event.SigningSecret{Secret: secret.New(anotherSecret), CreatedAt: now.Now()}
	for name, c := range map[string]struct {
		expires time.Time
		want    bool
	}{"overlap": {now.Now().Add(time.Hour), true}, "overlap without end": {time.Time{}, true}, "expired": {now.Now().Add(-time.Second), false}} {
		got := posted(t, now, fresh, event.SigningSecret{Secret: secret.New(oneSecret), ExpiresAt: c.expires})
		eachVerifier(t, func(t *testing.T, genuine verifier) {
			if !genuine(t, anotherSecret, got.header, got.body) {
				t.Errorf("%s: the new secret does not sign", name)
			}
			if genuine(t, oneSecret, got.header, got.body) != c.want {
				t.Errorf("%s: the old secret signs: %v", name, !c.want)
			}
		})
		want := 1
		if c.want {
			want = 2
		}
		if n := len(strings.Fields(got.header.Get("Webhook-Signature"))); n != want {
			t.Errorf("%s: %d signatures", name, n)
		}
	}
}

func TestASecretStopsSigningAtItsEnd(t *testing.T) {
	end := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	all := event.Endpoint{Secrets: []event.SigningSecret{{Secret: secret.New(oneSecret), ExpiresAt: end}}}
	if len(all.Signing(end.Add(-time.Microsecond))) != 1 || len(all.Signing(end)) != 0 || len(all.Signing(end.Add(time.Hour))) != 0 {
		t.Error("it signs at the wrong times")
	}
}

func TestSecretsOfMerchantsAreChecked(t *testing.T) {
	of := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, n)) }
	for text, want := range map[string]bool{
		oneSecret: true, of(24): true, of(32): true, of(64): true,
		of(23): false, of(65): false, of(1): false, "": false, "whsec_": false, "hunter2": false, strings.TrimPrefix(of(32), "whsec_"): false,
		"WHSEC_" + strings.TrimPrefix(of(32), "whsec_"): false, of(32) + "\n": false, " " + of(32): false, strings.TrimRight(of(32), "="): false,
		strings.Replace(of(32), "B", "-", 1): false, "whsk_" + strings.TrimPrefix(of(32), "whsec_"): false,
		strings.TrimSuffix(of(32), "c=") + "d=": false, // bits that mean nothing: two texts would be one secret
	} {
		got := CheckSecret(text)
		if (got == "") != want {
			t.Errorf("%q: %q", text, got)
		}
		if text != "" && len(text) > 10 && strings.Contains(got, text) {
			t.Errorf("the fault repeats the secret: %q", got)
		}
	}
	made, err := NewSecret(strings.NewReader(strings.Repeat("r", 32)))
	if err != nil || CheckSecret(made.Reveal()) != "" {
		t.Errorf("one of ours is refused: %v", err)
	}
}
