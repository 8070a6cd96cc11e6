package access

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func asFault(t *testing.T, err error) *fault.Error {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("%v has no kind", err)
	}
	return f
}

func TestDrawnKeysAreShapedAndSayWhatTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Kind{Secret, Restricted, Publishable}).Draw(t, "kind")
		live := rapid.Bool().Draw(t, "live")
		raw := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "raw")
		text, err := draw(bytes.NewReader(raw), kind, live)
		if err != nil {
			t.Fatal(err)
		}
		key := text.Reveal()
		if !shaped(key) || !strings.HasPrefix(key, prefixOf(kind, live)) || len(key) != 40 {
			t.Fatalf("drew %q", key)
		}
		if hint := hintOf(key); strings.Contains(hint, key[8:36]) || !strings.HasSuffix(hint, key[36:]) {
			t.Fatalf("hint %q for %q", hint, key)
		}
	})
	if _, err := draw(bytes.NewReader(make([]byte, 31)), Secret, true); err == nil {
		t.Error("a key was drawn from too little randomness")
	}
}

func TestWhatCannotBeAKeyIsNotLookedUp(t *testing.T) {
	body := strings.Repeat("0", 32)
	for text, can := range map[string]bool{
		"sk_test_" + body: true, "rk_live_" + body: true, "pk_live_" + body: true, DevSecret: true, DevPublishable: true,
		"": false, "sk_test_": false, "sk_test_" + body + "0": false, "sk_test_" + body[1:]: false, "xk_test_" + body: false,
		"sk_prod_" + body: false, "sk_test_" + body[1:] + "U": false, "sk_test_" + body[1:] + "\x00": false, "sk": false,
		"sk_test_dex": false, "tk_test_" + body: false, strings.Repeat("a", 5000): false,
	} {
		if shaped(text) != can {
			t.Errorf("shaped(%.50q) = %t", text, !can)
		}
	}
}

func TestEveryWrongFieldOfASpecIsNamed(t *testing.T) {
	good := Spec{Tenant: "acct_a:test", Kind: Restricted, Scopes: bitsOf[PaymentsRead], Name: "shop"}
	if err := good.check(noon); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Spec)
		param  string
	}{
		"an account is no tenant":     {func(s *Spec) { s.Tenant = "acct_a" }, "tenant"},
		"no such kind":                {func(s *Spec) { s.Kind = "master" }, "kind"},
		"a restricted key for all":    {func(s *Spec) { s.Scopes = 0 }, "scopes"},
		"a scope that is none":        {func(s *Spec) { s.Scopes = 1 << 60 }, "scopes"},
		"a publishable key that may":  {func(s *Spec) { s.Kind = Publishable }, "scopes"},
		"a long name":                 {func(s *Spec) { s.Name = strings.Repeat("a", 101) }, "name"},
		"a NUL":                       {func(s *Spec) { s.Name = "a\x00" }, "name"},
		"expired from the beginning":  {func(s *Spec) { s.ExpiresAt = noon }, "expires_at"},
		"too many networks":           {func(s *Spec) { s.Networks = make([]netip.Prefix, 51) }, "networks"},
		"a network with bits to lose": {func(s *Spec) { s.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")} }, "networks[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			s := good
			c.change(&s)
			f := asFault(t, s.check(noon))
			if f.Kind != fault.Invalid || f.Fields[0].Param != c.param {
				t.Errorf("got %v", f)
			}
		})
	}
}

func TestNetworksAreReadOrRefused(t *testing.T) {
	got, err := ParseNetworks([]string{"192.0.2.7/24", "2001:db8::1", "10.0.0.1"})
	if err != nil || len(got) != 3 || got[0].String() != "192.0.2.0/24" || got[1].String() != "2001:db8::1/128" || got[2].String() != "10.0.0.1/32" {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = ParseNetworks([]string{"10.0.0.0/8", "10.0.0.0/33", "example.com", "", "::ffff:10.0.0.0/104"})
	if f := asFault(t, err); len(f.Fields) != 4 || f.Fields[0].Param != "networks[1]" {
		t.Errorf("got %v", f)
	}
}

func TestARolledKeyLivesForTheOverlapAndNoLonger(t *testing.T) {
	for name, c := range map[string]struct {
		expires, end time.Time
		overlap      time.Duration
	}{
		"forever before":       {time.Time{}, noon.Add(time.Hour), time.Hour},
		"its own end is first": {noon.Add(time.Minute), noon.Add(time.Minute), time.Hour},
		"the overlap is first": {noon.Add(2 * time.Hour), noon.Add(time.Hour), time.Hour},
		"no overlap":           {time.Time{}, noon, 0},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := Key{ExpiresAt: c.expires}.rolled("key_2", c.overlap, noon)
			if err != nil {
				t.Fatal(err)
			}
			if c.overlap > 0 && !k.Live(c.end.Add(-time.Microsecond)) || k.Live(c.end) {
				t.Errorf("%+v does not end at %v", k, c.end)
			}
			if _, err := k.rolled("key_3", time.Hour, noon); !fault.Is(err, fault.Conflict) {
				t.Errorf("rolled twice: %v", err)
			}
		})
	}
	for _, overlap := range []time.Duration{-1, maxOverlap + 1} {
		if _, err := (Key{}).rolled("key_2", overlap, noon); !fault.Is(err, fault.Invalid) {
			t.Errorf("overlap %v: %v", overlap, err)
		}
	}
}
