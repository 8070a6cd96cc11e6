package webhook

import (
	"slices"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/secret"
)

func TestSecretsAreRotated(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	one := func(name string, expires time.Duration) event.SigningSecret {
		s := event.SigningSecret{Secret: secret.New(name)}
		if expires != 0 {
			s.ExpiresAt = now.Add(expires)
		}
		return s
	}
	for name, c := range map[string]struct {
		old     []event.SigningSecret
		overlap time.Duration
		want    []event.SigningSecret // nil: refused
	}{
		"the first":                   {[]event.SigningSecret{one("a", 0)}, time.Hour, []event.SigningSecret{one("new", 0), one("a", time.Hour)}},
		"without overlap":             {[]event.SigningSecret{one("b", 0), one("a", time.Hour)}, 0, []event.SigningSecret{one("new", 0)}},
		"an older one":                {[]event.SigningSecret{one("b", 0), one("a", time.Minute)}, time.Hour, []event.SigningSecret{one("new", 0), one("b", time.Hour), one("a", time.Minute)}},
		"an older one ends earlier":   {[]event.SigningSecret{one("b", 0), one("a", time.Hour)}, time.Minute, []event.SigningSecret{one("new", 0), one("b", time.Minute), one("a", time.Minute)}},
		"an expired one goes":         {[]event.SigningSecret{one("b", 0), one("a", -time.Second), one("z", time.Nanosecond)}, time.Hour, []event.SigningSecret{one("new", 0), one("b", time.Hour), one("z", time.Nanosecond)}},
		"the fourth that signs":       {[]event.SigningSecret{one("c", 0), one("b", time.Hour), one("a", time.Minute)}, time.Hour, nil},
		"the fourth ends the others":  {[]event.SigningSecret{one("c", 0), one("b", time.Hour), one("a", time.Minute)}, 0, []event.SigningSecret{one("new", 0)}},
		"the same again":              {[]event.SigningSecret{one("new", 0)}, time.Hour, nil},
		"the same without overlap":    {[]event.SigningSecret{one("new", 0)}, 0, nil},
		"the same as one that is out": {[]event.SigningSecret{one("b", 0), one("new", -time.Hour)}, time.Hour, []event.SigningSecret{one("new", 0), one("b", time.Hour)}},
	} {
		got, err := rotate(c.old, secret.New("new"), c.overlap, now)
		if (err == nil) != (c.want != nil) || !slices.EqualFunc(got, c.want, func(a, b event.SigningSecret) bool {
			return a.Secret.Reveal() == b.Secret.Reveal() && a.ExpiresAt.Equal(b.ExpiresAt)
		}) {
			t.Errorf("%s: %d secrets, %v", name, len(got), err)
		}
	}
}

// verifies tells whether the published library takes a webhook as signed by a secret.
func verifies(t *testing.T, h heard, secret string) bool {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return verifier.VerifyIgnoringTimestamp(h.body, h.header) == nil
}

func TestAnOldSecretSignsUntilItsEnd(t *testing.T) {
	eachPost(t, func(p *post) {
		e := newEar(p.T)
		o := p.listen(e.URL, "*")
		rotated, err := p.endpoints.RotateSecret(p.Context(), shop, o.ID, Rotation{Overlap: time.Hour}, func(_ *db.Change, shown event.EndpointObject) error {
			if shown.Secret == "" {
				p.Error("the answer has no secret")
			}
			return nil
		})
		if err != nil || rotated.Secret == o.Secret || CheckSecret(rotated.Secret) != "" || rotated.OldSecretExpires == nil || !rotated.OldSecretExpires.Equal(p.now.Now().Add(time.Hour)) {
			p.Fatalf("%+v, %v", rotated, err)
		}
		for _, old := range []bool{true, false} {
			p.now.Advance(time.Second) // what the sender knows of an endpoint may be as old
			p.happen(event.PaymentCaptured, nil)
			p.work()
			last := e.heard[len(e.heard)-1]
			if !verifies(p.T, last, rotated.Secret) || verifies(p.T, last, o.Secret) != old {
				p.Errorf("signed %s, while the old one signs: %t", last.header.Get("Webhook-Signature"), old)
			}
			p.now.Advance(time.Hour - time.Second)
		}
		again, err := p.endpoints.RotateSecret(p.Context(), shop, o.ID, Rotation{Secret: secret.New(ownSecret)}, alone)
		if err != nil || again.Secret != ownSecret || again.OldSecretExpires != nil || len(p.stored(o.ID).Secrets) != 1 {
			p.Errorf("%+v, %v", again, err)
		}
	})
}

func TestAWrongRotationIsRefused(t *testing.T) {
	eachPost(t, func(p *post) {
		o := p.listen("https://shop.example/hooks", "*")
		for _, r := range []Rotation{{Overlap: -time.Second, Secret: secret.New("short")}, {Overlap: MaxOverlap + time.Second, Secret: secret.New("whsec_c2hvcnQ=")}} {
			_, err := p.endpoints.RotateSecret(p.Context(), shop, o.ID, r, nil)
			faulty(p.T, "out of bounds", err, "expire_old_after", "secret")
		}
		_, err := p.endpoints.RotateSecret(p.Context(), shop, o.ID, Rotation{Secret: secret.New(o.Secret)}, nil)
		faulty(p.T, "the one that signs", err, "secret")
		for range maxSecrets - 1 {
			if _, err := p.endpoints.RotateSecret(p.Context(), shop, o.ID, Rotation{Overlap: MaxOverlap}, alone); err != nil {
				p.Fatal(err)
			}
		}
		_, err = p.endpoints.RotateSecret(p.Context(), shop, o.ID, Rotation{Overlap: MaxOverlap}, nil)
		conflict(p.T, "a fourth", err)
		if _, err := p.endpoints.RotateSecret(p.Context(), "acct_other:test", o.ID, Rotation{}, nil); !fault.Is(err, fault.NotFound) {
			p.Errorf("another merchant: %v", err)
		}
	})
}
