package providertest

import (
	"bytes"
	"errors"
	"net/http"
	"regexp"
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
			body := []byte(w.Body)
			if err := reader.VerifyWebhook(b.account, s.Sign(b.account, SignedAt, body), body, SignedAt); err != nil {
				t.Fatal(err)
			}
			got, err := reader.ReadWebhook(b.account, body)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := reader.ReadWebhook(b.account, body); err != nil || again != got {
				t.Errorf("read again as %+v, %v; at first %+v", again, err, got)
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
		if err := reader.VerifyWebhook(b.account, s.Sign(b.account, SignedAt, body), body, SignedAt); err != nil {
			t.Fatal(err)
		}
		got, err := reader.ReadWebhook(b.account, body)
		if err != nil || got.Operation != "" || got.EventID == "" || got.Type != s.UnknownWebhookType {
			t.Errorf("read as %+v, %v", got, err)
		}
	})
	t.Run("unbelievable", func(t *testing.T) { testUnbelievable(t, s, b, reader) })
	t.Run("forged", func(t *testing.T) { testForgeries(t, s, b, reader) })
	t.Run("unreadable", func(t *testing.T) {
		for _, body := range []string{"", "null", "{}", "[]", "<xml/>", s.Webhooks[0].Body[:len(s.Webhooks[0].Body)/2], s.Webhooks[0].Body + "x", "\xff\xfe\x00"} {
			if err := reader.VerifyWebhook(b.account, s.Sign(b.account, SignedAt, []byte(body)), []byte(body), SignedAt); err != nil {
				t.Errorf("%q: its signature is refused: %v", body, err)
			}
			_, err := reader.ReadWebhook(b.account, []byte(body))
			if !fault.Is(err, fault.Malformed) {
				t.Errorf("%q: %v", body, err)
			}
		}
	})
}

// testUnbelievable gives every webhook currencies that there are not: what it says cannot be taken, what it is called can.
func testUnbelievable(t *testing.T, s Subject, b *bench, reader provider.WebhookReader) {
	refused := 0
	for _, w := range s.Webhooks {
		body := anyCurrency.ReplaceAll([]byte(w.Body), []byte(`"currency":"???"`))
		n, err := reader.ReadWebhook(b.account, body)
		if err == nil {
			continue // one without money
		}
		refused++
		if !fault.Is(err, fault.Malformed) || n != (provider.Notification{EventID: w.Want.EventID, Type: w.Want.Type, OccurredAt: n.OccurredAt}) {
			t.Errorf("%s is read as %+v, %v", w.Name, n, err)
		}
	}
	if refused == 0 {
		t.Error("every one is believed")
	}
	const undated = `{"id":"wh_1","object":"event","type":"some.thing"}`
	if n, err := reader.ReadWebhook(b.account, []byte(undated)); !fault.Is(err, fault.Malformed) || n != (provider.Notification{EventID: "wh_1", Type: "some.thing"}) {
		t.Errorf("without a time it is read as %+v, %v", n, err)
	}
}

var anyCurrency = regexp.MustCompile(`"currency":\s*"[^"]*"`)

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
		time    bool // it is the time that is wrong
	}{
		"other key":      {b.account, s.Sign(stranger, SignedAt, body), body, SignedAt, false},
		"empty key":      {bare, s.Sign(bare, SignedAt, body), body, SignedAt, false},
		"no signature":   {b.account, http.Header{}, body, SignedAt, false},
		"altered body":   {b.account, good, append(bytes.Clone(body), ' '), SignedAt, false},
		"old":            {b.account, good, body, SignedAt.Add(6 * time.Minute), true},
		"from to-morrow": {b.account, good, body, SignedAt.Add(-6 * time.Minute), true},
	} {
		t.Run(name, func(t *testing.T) {
			err := reader.VerifyWebhook(c.account, c.header, c.body, c.now)
			if !fault.Is(err, fault.Unauthorized) || errors.Is(err, provider.ErrWebhookTime) != c.time {
				t.Errorf("accepted, or refused for another reason: %v", err)
			}
		})
	}
	if err := reader.VerifyWebhook(b.account, good, body, SignedAt.Add(4*time.Minute)); err != nil {
		t.Errorf("four minutes old: %v", err)
	}
}
