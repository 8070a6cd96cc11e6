package access_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
)

const (
	shop     = "acct_shop"
	shopTest = "acct_shop:test"
	shopLive = "acct_shop:live"
)

var (
	noon  = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	admin = audit.By{Actor: "operator", RequestID: "req_1"}
)

// node is one process: its own caches over a database that it may share.
type node struct {
	t         *testing.T
	db        *db.DB
	clock     *clock.Manual
	merchants *merchant.Store
	keys      *access.Keys
}

func newNode(t *testing.T, d *db.DB, hands *clock.Manual, proxies ...netip.Prefix) *node {
	ids := id.NewSource(hands, rand.Reader)
	merchants := merchant.New(d, hands, ids)
	return &node{t, d, hands, merchants, access.New(d, merchants, access.Options{
		Clock: hands, IDs: ids, Random: rand.Reader, TrustedProxies: proxies,
	})}
}

// each runs a test on both engines with one merchant.
func each(t *testing.T, test func(t *testing.T, n *node)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		n := newNode(t, d, clock.NewManual(noon))
		if _, err := n.merchants.Create(t.Context(), merchant.Merchant{ID: shop, Name: "Shop"}, admin); err != nil {
			t.Fatal(err)
		}
		test(t, n)
	}, audit.Schema, merchant.Schema, access.Schema)
}

func (n *node) create(s access.Spec) (access.Key, string) {
	n.t.Helper()
	key, text, err := n.keys.Create(n.t.Context(), s, admin)
	if err != nil {
		n.t.Fatal(err)
	}
	return key, text.Reveal()
}

func request(authorization, remote string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/v1/payments", nil)
	r.RemoteAddr, r.Host = remote, "127.0.0.1:8080"
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

const outside = "192.0.2.7:4711"

func (n *node) ask(text string) (access.Principal, error) {
	return n.keys.Authenticate(n.t.Context(), request("Bearer "+text, outside))
}

func (n *node) refused(text string, kind fault.Kind, code string) {
	n.t.Helper()
	p, err := n.ask(text)
	refusedWith(n.t, p, err, kind, code)
}

func refusedWith(t *testing.T, p access.Principal, err error, kind fault.Kind, code string) {
	t.Helper()
	f, ok := err.(*fault.Error)
	if !ok || f.Kind != kind || f.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
	if p != (access.Principal{}) {
		t.Errorf("a refusal came with %+v", p)
	}
}

func TestAKeySaysWhoCalls(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		for _, tenant := range []string{shopTest, shopLive} {
			for _, kind := range []access.Kind{access.Secret, access.Restricted, access.Publishable} {
				s := access.Spec{Tenant: tenant, Kind: kind, Name: "x"}
				if kind == access.Restricted {
					s.Scopes, _ = access.Set(access.RefundsWrite)
				}
				key, text := n.create(s)
				p, err := n.ask(text)
				want := access.Principal{Tenant: tenant, Account: shop, Live: tenant == shopLive, KeyID: key.ID, Kind: kind, Scopes: key.Scopes}
				if err != nil || p != want {
					t.Errorf("%s: got %+v, %v; want %+v", text[:8], p, err, want)
				}
				if stored, err := n.keys.Get(t.Context(), tenant, key.ID); err != nil || stored.Scopes != key.Scopes || stored.Hint != key.Hint {
					t.Errorf("stored %+v, %v", stored, err)
				}
			}
		}
	})
}

func TestARevokedKeyLooksLikeNone(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		other := newNode(t, n.db, n.clock)
		key, text := n.create(access.Spec{Tenant: shopTest, Kind: access.Secret})
		for _, node := range []*node{n, other} {
			if _, err := node.ask(text); err != nil {
				t.Fatal(err)
			}
		}
		revoked, err := n.keys.Revoke(t.Context(), shopTest, key.ID, admin)
		if err != nil || revoked.RevokedAt != noon || revoked.Live(noon) {
			t.Fatalf("revoked %+v, %v", revoked, err)
		}
		n.refused(text, fault.Unauthorized, access.CodeKeyInvalid)
		n.clock.Advance(time.Second)
		other.refused(text, fault.Unauthorized, access.CodeKeyInvalid)

		_, unknown := n.ask("sk_test_" + strings.Repeat("0", 32))
		if _, err := n.ask(text); err.Error() != unknown.Error() {
			t.Errorf("revoked: %v, unknown: %v", err, unknown)
		}
		if again, err := n.keys.Revoke(t.Context(), shopTest, key.ID, admin); err != nil || again.RevokedAt != noon {
			t.Errorf("revoked again: %+v, %v", again, err)
		}
		if _, err := n.keys.Revoke(t.Context(), shopLive, key.ID, admin); !fault.Is(err, fault.NotFound) || err.Error() != "no such API key" {
			t.Errorf("revoked from the other mode: %v", err)
		}
		audited(t, n.db, shopTest, "api_key.created", "api_key.revoked")
	})
}

func TestAKeyMadeElsewhereWorksWithinASecond(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		drawn := bytes.Repeat([]byte{7}, 32)
		text := "sk_test_" + strings.Repeat("7", 32)
		n.refused(text, fault.Unauthorized, access.CodeKeyInvalid) // and remembered as unknown
		ids := id.NewSource(n.clock, rand.Reader)
		elsewhere := access.New(n.db, n.merchants, access.Options{Clock: n.clock, IDs: ids, Random: bytes.NewReader(drawn)})
		if _, made, err := elsewhere.Create(t.Context(), access.Spec{Tenant: shopTest, Kind: access.Secret}, admin); err != nil || made.Reveal() != text {
			t.Fatal(err)
		}
		n.clock.Advance(time.Second)
		if _, err := n.ask(text); err != nil {
			t.Error(err)
		}
	})
}

func TestAnExpiredKeySaysSo(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		_, text := n.create(access.Spec{Tenant: shopTest, Kind: access.Secret, ExpiresAt: noon.Add(500 * time.Millisecond)})
		if _, err := n.ask(text); err != nil {
			t.Fatal(err)
		}
		n.clock.Advance(500 * time.Millisecond) // what is kept of the key is still fresh
		n.refused(text, fault.Unauthorized, access.CodeKeyExpired)
	})
}

func TestRollingKeepsTheRightsAndTheOverlap(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		scopes, _ := access.Set(access.PayoutsWrite)
		networks := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		old, oldText := n.create(access.Spec{Tenant: shopLive, Kind: access.Restricted, Scopes: scopes, Networks: networks, Name: "payouts"})
		next, text, err := n.keys.Roll(t.Context(), shopLive, old.ID, time.Hour, admin)
		if err != nil {
			t.Fatal(err)
		}
		if next.ID == old.ID || next.Scopes != scopes || next.Kind != access.Restricted || next.Name != "payouts" || len(next.Networks) != 1 {
			t.Errorf("successor %+v", next)
		}
		for _, works := range []string{oldText, text.Reveal()} {
			if p, err := n.ask(works); err != nil || p.Scopes != scopes {
				t.Errorf("%+v, %v", p, err)
			}
		}
		if _, _, err := n.keys.Roll(t.Context(), shopLive, old.ID, time.Hour, admin); !fault.Is(err, fault.Conflict) {
			t.Errorf("rolled twice: %v", err)
		}
		n.clock.Advance(time.Hour)
		n.refused(oldText, fault.Unauthorized, access.CodeKeyExpired)
		if _, err := n.ask(text.Reveal()); err != nil {
			t.Error(err)
		}
		at, last, err := n.keys.Roll(t.Context(), shopLive, next.ID, 0, admin)
		if err != nil {
			t.Fatal(err)
		}
		n.refused(text.Reveal(), fault.Unauthorized, access.CodeKeyInvalid)
		if p, err := n.ask(last.Reveal()); err != nil || p.KeyID != at.ID {
			t.Errorf("%+v, %v", p, err)
		}
		audited(t, n.db, shopLive, "api_key.created", "api_key.rolled", "api_key.created", "api_key.rolled", "api_key.created")
	})
}

func TestAKeyAndWhatItWasRolledToAreOnePerson(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		first, _ := n.create(access.Spec{Tenant: shopLive, Kind: access.Secret})
		other, _ := n.create(access.Spec{Tenant: shopLive, Kind: access.Secret})
		next, _, err := n.keys.Roll(t.Context(), shopLive, first.ID, time.Hour, admin)
		if err != nil {
			t.Fatal(err)
		}
		last, _, err := n.keys.Roll(t.Context(), shopLive, next.ID, time.Hour, admin)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			one, other string
			same       bool
		}{
			{first.ID, first.ID, true}, {first.ID, last.ID, true}, {last.ID, next.ID, true}, {first.ID, other.ID, false}, {other.ID, last.ID, false},
		} {
			if same, err := n.keys.SamePerson(t.Context(), shopLive, c.one, c.other); err != nil || same != c.same {
				t.Errorf("%+v: %t, %v", c, same, err)
			}
		}
	})
}

func TestOneOfTwoSimultaneousRollsWins(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		key, _ := n.create(access.Spec{Tenant: shopTest, Kind: access.Secret})
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				_, _, errs[i] = n.keys.Roll(context.WithoutCancel(t.Context()), shopTest, key.ID, time.Hour, admin)
			})
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !fault.Is(err, fault.Conflict) {
				t.Errorf("a loser got %v", err)
			}
		}
		if keys, _, err := n.keys.List(t.Context(), shopTest, db.Page{Limit: 100}); won != 1 || len(keys) != 2 || err != nil {
			t.Errorf("%d won, %d keys, %v", won, len(keys), err)
		}
	})
}

func TestNoTextOfAKeyIsStored(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		key, text := n.create(access.Spec{Tenant: shopTest, Kind: access.Secret, Name: "x"})
		if printed := fmt.Sprintf("%+v", key); strings.Contains(printed, text[8:36]) {
			t.Errorf("the key prints its text: %s", printed)
		}
		stored, err := n.keys.Get(t.Context(), shopTest, key.ID)
		if printed := fmt.Sprintf("%+v", stored); err != nil || strings.Contains(printed, text[8:36]) {
			t.Errorf("the stored key has its text: %s, %v", printed, err)
		}
		records, _, err := audit.NewTrail(n.db).List(t.Context(), shopTest, db.Page{Limit: 10}, audit.Filter{Object: key.ID})
		if err != nil || len(records) != 1 || strings.Contains(fmt.Sprint(records), text[8:36]) {
			t.Fatalf("audit: %v, %v", records, err)
		}
		if records[0].Actor != "operator" || records[0].RequestID != "req_1" || !records[0].CreatedAt.Equal(noon) {
			t.Errorf("audit: %+v", records[0])
		}
	})
}

func TestKeysOfNobodyAreRefused(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		_, _, err := n.keys.Create(t.Context(), access.Spec{Tenant: "acct_none:test", Kind: access.Secret}, admin)
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
	})
}

// audited compares the audit records of a tenant's own mode with actions, oldest first.
func audited(t *testing.T, d *db.DB, tenant string, actions ...string) {
	t.Helper()
	records, _, err := audit.NewTrail(d).List(t.Context(), tenant, db.Page{Limit: 100}, audit.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range slices.Backward(records) {
		if r.Reach() == audit.OfMode {
			got = append(got, string(r.Action))
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(actions) {
		t.Errorf("audited %v, want %v", got, actions)
	}
}

func TestTheKeyOfTheHostedPagesIsMadeOnce(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		text := access.HostedKey(false, bytes.Repeat([]byte{7, 31}, 16))
		if got := text.Reveal(); len(got) != len("pk_test_")+32 || !strings.HasPrefix(got, "pk_test_") {
			t.Fatalf("text %s", got)
		}
		n.refused(text.Reveal(), fault.Unauthorized, access.CodeKeyInvalid) // and the cache knows that there is none
		elsewhere := newNode(t, n.db, n.clock)
		for _, node := range []*node{n, n, elsewhere} {
			if err := node.keys.EnsureHosted(t.Context(), shopTest, text, admin); err != nil {
				t.Fatal(err)
			}
			p, err := node.ask(text.Reveal())
			if err != nil || p.Tenant != shopTest || p.Kind != access.Publishable || p.RequireTokenize() != nil || p.RequireClient(true) != nil {
				t.Fatalf("%+v, %v", p, err)
			}
		}
		all, _, err := n.keys.List(t.Context(), shopTest, db.Page{Limit: 10})
		if err != nil || len(all) != 1 {
			t.Fatalf("keys %+v, %v", all, err)
		}
		audited(t, n.db, shopTest, "api_key.created")
		if _, err := n.keys.Revoke(t.Context(), shopTest, all[0].ID, admin); err != nil {
			t.Fatal(err)
		}
		if err := n.keys.EnsureHosted(t.Context(), shopTest, text, admin); err != nil {
			t.Error(err)
		}
		n.refused(text.Reveal(), fault.Unauthorized, access.CodeKeyInvalid)
		if err := n.keys.EnsureHosted(t.Context(), "acct_nobody:test", access.HostedKey(false, make([]byte, 32)), admin); !fault.Is(err, fault.NotFound) {
			t.Errorf("of nobody: %v", err)
		}
	})
}

func TestAPublishableKeySaysWhoseItIs(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		key, text := n.create(access.Spec{Tenant: shopLive, Kind: access.Publishable})
		if p, err := n.keys.Publishable(t.Context(), text); err != nil || p.Tenant != shopLive || !p.Live {
			t.Errorf("%+v, %v", p, err)
		}
		_, secret := n.create(access.Spec{Tenant: shopTest, Kind: access.Secret})
		for _, not := range []string{secret, "", "pk_live_", "pk_live_" + strings.Repeat("0", 32)} {
			if p, err := n.keys.Publishable(t.Context(), not); !fault.Is(err, fault.Unauthorized) || p.Tenant != "" {
				t.Errorf("%.8s…: %+v, %v", not, p, err)
			}
		}
		if _, err := n.keys.Revoke(t.Context(), shopLive, key.ID, admin); err != nil {
			t.Fatal(err)
		}
		if _, err := n.keys.Publishable(t.Context(), text); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("revoked: %v", err)
		}
	})
}

func TestOnlyPublishableKeysAreForPages(t *testing.T) {
	for _, c := range []struct {
		p           access.Principal
		read, write bool
	}{
		{access.Principal{Kind: access.Publishable}, true, true},
		{access.Principal{Kind: access.Publishable, Suspended: true}, true, false},
		{access.Principal{Kind: access.Secret}, false, false},
		{access.Principal{Kind: access.Restricted}, false, false},
	} {
		if read, write := c.p.RequireClient(false), c.p.RequireClient(true); (read == nil) != c.read || (write == nil) != c.write {
			t.Errorf("%+v: %v, %v", c.p, read, write)
		}
	}
}
