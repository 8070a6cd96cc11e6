package provider_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/seal"
	"github.com/florinpay/florin/internal/secret"
)

const shop = "acct_shop:test"

func accountsOn(t *testing.T, d *db.DB) *provider.Accounts {
	t.Helper()
	dir := t.TempDir()
	w, err := seal.FileWrapper(filepath.Join(dir, "main.key"))
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.Open(t.Context(), w, filepath.Join(dir, "main.keyset"))
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	return provider.NewAccounts(d, box, c, id.NewSource(c, bytes.NewReader(bytes.Repeat([]byte("seed"), 4096))))
}

func alpha() provider.Account {
	return provider.Account{
		Merchant: shop, ID: "alpha", Provider: "simcard", Settings: map[string]string{"base_url": "http://127.0.0.1:8090/alpha"},
		Credentials: map[string]secret.Text{"api_key": secret.New("a-key-of-alpha")},
	}
}

func onBoth(t *testing.T, body func(t *testing.T, d *db.DB, accounts *provider.Accounts)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { body(t, d, accountsOn(t, d)) }, audit.Schema, provider.Schema)
}

func TestAccountComesBackAsItWasPut(t *testing.T) {
	onBoth(t, func(t *testing.T, d *db.DB, accounts *provider.Accounts) {
		if _, err := accounts.Get(t.Context(), shop, "alpha"); !fault.Is(err, fault.NotFound) {
			t.Fatalf("before: %v", err)
		}
		if err := accounts.Put(t.Context(), alpha(), audit.System); err != nil {
			t.Fatal(err)
		}
		got, err := accounts.Get(t.Context(), shop, "alpha")
		if err != nil || got.Provider != "simcard" || got.Settings["base_url"] != "http://127.0.0.1:8090/alpha" ||
			got.Credentials["api_key"].Reveal() != "a-key-of-alpha" {
			t.Fatalf("got %+v, %v", got, err)
		}
		if _, err := accounts.Get(t.Context(), "acct_other:test", "alpha"); !fault.Is(err, fault.NotFound) {
			t.Errorf("another merchant's: %v", err)
		}

		changed := alpha()
		changed.Settings = map[string]string{"base_url": "http://127.0.0.1:9090/alpha"}
		changed.Credentials = map[string]secret.Text{"api_key": secret.New("another-key")}
		if err := accounts.Put(t.Context(), changed, audit.System); err != nil {
			t.Fatal(err)
		}
		got, err = accounts.Get(t.Context(), shop, "alpha")
		if err != nil || got.Settings["base_url"] != "http://127.0.0.1:9090/alpha" || got.Credentials["api_key"].Reveal() != "another-key" {
			t.Errorf("changed: %+v, %v", got, err)
		}
		raw, err := db.Get(t.Context(), d, func(r db.Scanner) (b []byte, err error) { return b, r.Scan(&b) },
			"SELECT credentials FROM provider_account WHERE merchant_id = $1", shop)
		if err != nil || bytes.Contains(raw, []byte("another-key")) {
			t.Errorf("stored %q, %v", raw, err)
		}
	})
}

func TestAccountsAreListedInTheOrderTheyWereMade(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *db.DB, accounts *provider.Accounts) {
		for _, name := range []string{"alpha", "beta"} {
			a := alpha()
			a.ID = name
			if err := accounts.Put(t.Context(), a, audit.System); err != nil {
				t.Fatal(err)
			}
		}
		found, err := accounts.List(t.Context(), shop)
		if err != nil || len(found) != 2 || found[0].ID != "alpha" || found[1].ID != "beta" {
			t.Errorf("found %+v, %v", found, err)
		}
		if other, err := accounts.List(t.Context(), "acct_shop:live"); err != nil || len(other) != 0 {
			t.Errorf("the other mode has %+v, %v", other, err)
		}
	})
}

func TestWrongAccountsAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *db.DB, accounts *provider.Accounts) {
		if err := accounts.Put(t.Context(), alpha(), audit.System); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			change func(*provider.Account)
			want   fault.Kind
		}{
			"another provider":    {func(a *provider.Account) { a.Provider = "stripe" }, fault.Conflict},
			"the other mode":      {func(a *provider.Account) { a.Merchant = "acct_shop:live" }, fault.Conflict},
			"no tenant":           {func(a *provider.Account) { a.Merchant = "acct_shop" }, fault.Invalid},
			"a name with a slash": {func(a *provider.Account) { a.ID = "alpha/beta" }, fault.Invalid},
			"no name":             {func(a *provider.Account) { a.ID = "" }, fault.Invalid},
			"no provider":         {func(a *provider.Account) { a.Provider = "" }, fault.Invalid},
		} {
			a := alpha()
			c.change(&a)
			if err := accounts.Put(t.Context(), a, audit.System); !fault.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
