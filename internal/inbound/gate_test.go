package inbound

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/limit"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/seal"
)

// elsewhere is the nth of many addresses.
func elsewhere(n int) netip.Addr {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], 0x0a000000+uint32(n))
	return netip.AddrFrom4(a)
}

// flood sends forged messages, each from where from says, and counts how they are refused.
func (x *inbox) flood(n int, from func(i int) netip.Addr) (unauthorized, limited, bodies int) {
	x.Helper()
	for i := range n {
		m := letter(forged, "evt-1")
		m.From, m.Body = from(i), func() ([]byte, error) { bodies++; return []byte("evt-1"), nil }
		switch err := x.Receive(x.Context(), m); fault.Of(err) {
		case fault.Unauthorized:
			unauthorized++
		case fault.RateLimited:
			limited++
		default:
			x.Fatalf("a forged message: %v", err)
		}
	}
	return unauthorized, limited, bodies
}

// The database is not there at all: whatever asked it would fail.
func TestAFloodOfWrongSignaturesAsksNoDatabase(t *testing.T) {
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	dbtest.EachWith(t, db.Options{Clock: now}, func(t *testing.T, d *db.DB) {
		dir := t.TempDir()
		wrapper, err := seal.FileWrapper(filepath.Join(dir, "key"))
		if err != nil {
			t.Fatal(err)
		}
		box, err := seal.Open(t.Context(), wrapper, filepath.Join(dir, "keyset"))
		if err != nil {
			t.Fatal(err)
		}
		accounts := provider.NewAccounts(d, box, now)
		if _, err := accounts.Create(t.Context(), provider.Account{Merchant: shop, ID: "alpha", Provider: "talker"}); err != nil {
			t.Fatal(err)
		}
		x := newInbox(t, d, now, &scripted{db: d}, func(o *ReceiverOptions) { o.Accounts = accounts })
		if unauthorized, _, _ := x.flood(1, func(int) netip.Addr { return home }); unauthorized != 1 {
			t.Error("the first is not refused for its signature")
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		unauthorized, limited, bodies := x.flood(5_000, func(int) netip.Addr { return home })
		if unauthorized != 119 || limited != 4_881 || bodies != 119 {
			t.Errorf("of one address %d are heard, %d limited, %d bodies read", unauthorized, limited, bodies)
		}
		unauthorized, limited, bodies = x.flood(5_000, elsewhere)
		if unauthorized != 480 || limited != 4_520 || bodies != 480 {
			t.Errorf("of many addresses %d are heard, %d limited, %d bodies read", unauthorized, limited, bodies)
		}
		x.now.Advance(999 * time.Millisecond)
		if unauthorized, _, _ = x.flood(20, func(i int) netip.Addr { return elsewhere(10_000 + i) }); unauthorized != 9 {
			t.Errorf("a second later %d are heard", unauthorized)
		}
	}, provider.Schema, Schema)
}

// few lets ten messages that do not verify be heard, of an address and for an account.
func few(o *ReceiverOptions) {
	o.AddressLimit = limit.Policy{Name: "address", Quota: 10, Window: time.Minute}
	o.AccountLimit = limit.Policy{Name: "account", Quota: 10, Window: time.Minute}
}

func TestAProviderThatIsKnownIsHeardThroughAFlood(t *testing.T) {
	eachInbox(t, func(x *inbox) {
		x.hear("evt-1")
		x.flood(100, func(int) netip.Addr { return home })
		x.flood(100, elsewhere)
		x.hear("evt-2")
		stranger := letter(signed, "evt-3")
		stranger.From = elsewhere(10_000)
		err := x.Receive(x.Context(), stranger)
		if !fault.Is(err, fault.RateLimited) {
			x.Errorf("a stranger in the flood: %v", err)
		}
		x.counted(rateLimited, 101) // those whose signature was looked at are counted as forged
		x.now.Advance(6 * time.Second)
		if err := x.Receive(x.Context(), stranger); err != nil {
			x.Errorf("a stranger who waited as long as told: %v", err)
		}
		x.now.Advance(acquaintance)
		x.flood(100, elsewhere)
		x.hear("evt-4")
		x.now.Advance(2 * acquaintance)
		x.flood(100, elsewhere)
		if err := x.Receive(x.Context(), letter(signed, "evt-5")); !fault.Is(err, fault.RateLimited) {
			x.Errorf("who was silent for hours: %v", err)
		}
		if n := len(x.all()); n != 4 {
			x.Errorf("%d records", n)
		}
	}, few)
}

// countingAccounts counts how often it is asked.
type countingAccounts struct {
	oneAccount
	asked atomic.Int64
}

func (c *countingAccounts) Get(ctx context.Context, tenant, account string) (provider.Account, error) {
	c.asked.Add(1)
	return c.oneAccount.Get(ctx, tenant, account)
}

func TestAccountsThatAreNotThereAreLookedForOnlySoOften(t *testing.T) {
	accounts := &countingAccounts{}
	eachInbox(t, func(x *inbox) {
		accounts.asked.Store(0)
		x.Accounts = accounts
		for i := range 1_000 {
			m := letter(signed, "evt-1")
			m.Merchant = fmt.Sprintf("acct_%d", i)
			if err := x.Receive(x.Context(), m); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.RateLimited) {
				x.Fatal(err)
			}
		}
		if n := accounts.asked.Load(); n != 20 { // in both modes
			x.Errorf("asked %d times", n)
		}
		other := letter(signed, "evt-1")
		other.From = elsewhere(1)
		if err := x.Receive(x.Context(), other); err != nil {
			x.Errorf("somebody else pays for it: %v", err)
		}
	}, few)
}

func TestCallersAreRememberedInBoundedMemory(t *testing.T) {
	g := newGate(ReceiverOptions{Clock: clock.NewManual(time.UnixMicro(0))})
	for i := range 5 * acquaintSize {
		g.verified(caller{elsewhere(i).String(), "acct_shop/alpha"})
		if n := len(g.met.young) + len(g.met.old); n > 2*acquaintSize {
			t.Fatalf("%d are remembered after %d", n, i)
		}
	}
	for _, i := range []int{0, 5*acquaintSize - 1} {
		if known := g.met.has(caller{elsewhere(i).String(), "acct_shop/alpha"}); known != (i > 0) {
			t.Errorf("the %dth is known: %t", i, known)
		}
	}
	if g.met.has(caller{elsewhere(5*acquaintSize - 1).String(), "acct_shop/beta"}) {
		t.Error("who is known to one account is known to another")
	}
}
