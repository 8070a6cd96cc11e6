package providertest

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/secret"
)

func testWebhooks(t *testing.T, s Subject) {
	b := s.bench(t, s.Approved)
	reader := as[provider.WebhookReader](t, b)
	for _, w := range s.Webhooks {
		t.Run(w.Name, func(t *testing.T) {
			got, err := reader.ReadWebhook(b.account, s.Sign(b.account, SignedAt, []byte(w.Body)), []byte(w.Body), SignedAt)
			if err != nil {
				t.Fatal(err)
			}
			if !got.OccurredAt.Equal(w.Want.OccurredAt) {
				t.Errorf("occurred at %s, want %s", got.OccurredAt, w.Want.OccurredAt)
			}
			got.OccurredAt = w.Want.OccurredAt
			if got != w.Want {
				t.Errorf("read as\n%+v, want\n%+v", got, w.Want)
			}
		})
	}
	t.Run("unknown type", func(t *testing.T) {
		body := []byte(s.UnknownWebhook)
		got, err := reader.ReadWebhook(b.account, s.Sign(b.account, SignedAt, body), body, SignedAt)
		if err != nil || got.Operation != "" || got.EventID == "" || got.Type != s.UnknownWebhookType {
			t.Errorf("read as %+v, %v", got, err)
		}
	})
	t.Run("forged", func(t *testing.T) { testForgeries(t, s, b, reader) })
	t.Run("unreadable", func(t *testing.T) {
		for _, body := range []string{"", "null", "{}", "[]", "<xml/>", s.Webhooks[0].Body[:len(s.Webhooks[0].Body)/2], s.Webhooks[0].Body + "x"} {
			_, err := reader.ReadWebhook(b.account, s.Sign(b.account, SignedAt, []byte(body)), []byte(body), SignedAt)
			if !fault.Is(err, fault.Malformed) {
				t.Errorf("%q: %v", body, err)
			}
		}
	})
}

func testForgeries(t *testing.T, s Subject, b *bench, reader provider.WebhookReader) {
	body := []byte(s.Webhooks[0].Body)
	good := s.Sign(b.account, SignedAt, body)
	stranger := b.account
	stranger.Credentials = map[string]secret.Text{}
	for name := range b.account.Credentials {
		stranger.Credentials[name] = secret.New("not the key")
	}
	bare := b.account
	bare.Credentials = map[string]secret.Text{}
	for name, c := range map[string]struct {
		account provider.Account
		header  http.Header
		body    []byte
		now     time.Time
	}{
		"other key":      {b.account, s.Sign(stranger, SignedAt, body), body, SignedAt},
		"empty key":      {bare, s.Sign(bare, SignedAt, body), body, SignedAt},
		"no signature":   {b.account, http.Header{}, body, SignedAt},
		"altered body":   {b.account, good, append(bytes.Clone(body), ' '), SignedAt},
		"old":            {b.account, good, body, SignedAt.Add(6 * time.Minute)},
		"from to-morrow": {b.account, good, body, SignedAt.Add(-6 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := reader.ReadWebhook(c.account, c.header, c.body, c.now); !fault.Is(err, fault.Unauthorized) {
				t.Errorf("accepted: %v", err)
			}
		})
	}
	if _, err := reader.ReadWebhook(b.account, good, body, SignedAt.Add(4*time.Minute)); err != nil {
		t.Errorf("four minutes old: %v", err)
	}
}
