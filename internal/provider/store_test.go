package provider_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

const testMode, liveMode = "acct_shop:test", "acct_shop:live"

// drawer is accounts over one engine, twice: what one process and another see.
type drawer struct {
	*testing.T
	db         *db.DB
	now        *clock.Manual
	one, other *provider.Accounts
}

func eachDrawer(t *testing.T, body func(d *drawer)) {
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
		body(&drawer{t, d, now, provider.NewAccounts(d, box, now), provider.NewAccounts(d, box, now)})
	}, audit.Schema, provider.Schema)
}

func contract(tenant, id string, priority int64) provider.Account {
	return provider.Account{
		Merchant: tenant, ID: id, Provider: "simcard", Priority: priority, Settings: map[string]string{"base_url": "https://api.example"},
		Credentials: map[string]secret.Text{"api_key": secret.New("very-secret-key")},
	}
}

func (d *drawer) create(a provider.Account) {
	d.Helper()
	if _, err := d.one.Create(d.Context(), a); err != nil {
		d.Fatal(err)
	}
	d.now.Advance(time.Second)
}

func (d *drawer) names(s *provider.Accounts, tenant string) string {
	d.Helper()
	all, err := s.List(d.Context(), tenant)
	if err != nil {
		d.Fatal(err)
	}
	var names []string
	for _, a := range all {
		names = append(names, a.ID)
	}
	return strings.Join(names, " ")
}

func TestAccountsStandInTheMerchantsOrder(t *testing.T) {
	eachDrawer(t, func(d *drawer) {
		d.create(contract(testMode, "last", 9))
		d.create(contract(testMode, "beta", 1))
		d.create(contract(testMode, "alpha", 1))
		d.create(contract(liveMode, "real", 0))
		if got := d.names(d.one, testMode); got != "beta alpha last" {
			d.Errorf("in order: %s", got)
		}
		if got := d.names(d.one, "acct_other:test"); got != "" {
			d.Errorf("another merchant sees %s", got)
		}
		a, err := d.one.Get(d.Context(), testMode, "alpha")
		if err != nil || a.Settings["base_url"] != "https://api.example" || a.Credentials["api_key"].Reveal() != "very-secret-key" || a.Version != 1 || a.CreatedAt.IsZero() {
			d.Errorf("%+v, %v", a, err)
		}
		for _, other := range []string{liveMode, "acct_other:test"} {
			if _, err := d.one.Get(d.Context(), other, "alpha"); !fault.Is(err, fault.NotFound) {
				d.Errorf("%s sees alpha: %v", other, err)
			}
		}
		if tenant, err := d.one.Tenant(d.Context(), "acct_shop", "real"); err != nil || tenant != liveMode {
			d.Errorf("real belongs to %s, %v", tenant, err)
		}
		if _, err := d.one.Tenant(d.Context(), "acct_shop", "nobody"); !fault.Is(err, fault.NotFound) {
			d.Errorf("nobody has a mode: %v", err)
		}
	})
}

func TestEverybodysAccountsAreNamedOnceWithTheirProvider(t *testing.T) {
	eachDrawer(t, func(d *drawer) {
		other := contract("acct_other:test", "alpha", 0)
		d.create(contract(testMode, "beta", 0))
		d.create(contract(testMode, "alpha", 1))
		d.create(other)
		other.Merchant, other.Provider = "acct_third:live", "simpayout"
		d.create(other)
		all, err := d.one.Everybodys(d.Context())
		var got []string
		for _, a := range all {
			got = append(got, a.ID+" "+a.Provider)
		}
		if strings.Join(got, ", ") != "alpha simcard, alpha simpayout, beta simcard" || err != nil {
			d.Errorf("%q, %v", got, err)
		}
	})
}

func TestCredentialsAreNotInTheDatabase(t *testing.T) {
	eachDrawer(t, func(d *drawer) {
		d.create(contract(testMode, "alpha", 0))
		rows, err := db.List(d.Context(), d.db, func(r db.Scanner) ([]byte, error) {
			var sealed []byte
			return sealed, r.Scan(&sealed)
		}, "SELECT credentials FROM provider_account")
		if err != nil || len(rows) != 1 || len(rows[0]) == 0 || strings.Contains(string(rows[0]), "secret") || strings.Contains(string(rows[0]), "api_key") {
			d.Errorf("stored as %q, %v", rows, err)
		}
	})
}

func TestANameBelongsToOneMode(t *testing.T) {
	eachDrawer(t, func(d *drawer) {
		d.create(contract(testMode, "alpha", 0))
		if _, err := d.one.Create(d.Context(), contract(liveMode, "alpha", 0)); !fault.Is(err, fault.Exists) {
			d.Errorf("the live mode took it: %v", err)
		}
		if err := d.one.Put(d.Context(), contract(liveMode, "alpha", 0), alone); !fault.Is(err, fault.Exists) {
			d.Errorf("the live mode put it: %v", err)
		}
		if _, err := d.one.Create(d.Context(), contract(testMode, "alpha", 0)); !fault.Is(err, fault.Exists) {
			d.Errorf("made twice: %v", err)
		}
		if _, err := d.one.Create(d.Context(), contract("acct_other:live", "alpha", 0)); err != nil {
			d.Errorf("another merchant cannot have the name: %v", err)
		}
		if _, err := d.one.Create(d.Context(), contract(testMode, "a b", 0)); !fault.Is(err, fault.Invalid) {
			d.Errorf("a name with a space: %v", err)
		}
	})
}

func TestAChangedAccountIsSeen(t *testing.T) {
	eachDrawer(t, func(d *drawer) {
		a := contract(testMode, "alpha", 0)
		if err := d.one.Put(d.Context(), a, alone); err != nil {
			d.Fatal(err)
		}
		d.names(d.other, testMode) // it is remembered there now
		made, err := d.one.Get(d.Context(), testMode, "alpha")
		if err != nil {
			d.Fatal(err)
		}
		a.Credentials = map[string]secret.Text{"api_key": secret.New("rolled")}
		a.Settings = nil
		if err := d.one.Put(d.Context(), a, alone); err != nil {
			d.Fatal(err)
		}
		key := func(s *provider.Accounts) string {
			got, err := s.Get(d.Context(), testMode, "alpha")
			if err != nil {
				d.Fatal(err)
			}
			return got.Credentials["api_key"].Reveal()
		}
		if got := key(d.one); got != "rolled" {
			d.Errorf("who changed it sees %s", got)
		}
		d.now.Advance(time.Second)
		if got := key(d.other); got != "rolled" {
			d.Errorf("a second later another process sees %s", got)
		}
		if got, err := d.one.Get(d.Context(), testMode, "alpha"); err != nil || !got.CreatedAt.Equal(made.CreatedAt) || got.Version != 2 || len(got.Settings) != 0 {
			d.Errorf("%+v, %v", got, err)
		}
		a.Provider = "stripe"
		if err := d.one.Put(d.Context(), a, alone); !fault.Is(err, fault.Conflict) {
			d.Errorf("it is with another provider now: %v", err)
		}
	})
}

func TestPutsAtOnceAllLand(t *testing.T) {
	eachDrawer(t, func(d *drawer) {
		var done sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			done.Go(func() {
				s := d.one
				if i%2 == 1 {
					s = d.other
				}
				errs[i] = s.Put(d.Context(), contract(testMode, "alpha", int64(i)), alone)
			})
		}
		done.Wait()
		for i, err := range errs {
			if err != nil {
				d.Errorf("put %d: %v", i, err)
			}
		}
		if got := d.names(d.one, testMode); got != "alpha" {
			d.Errorf("there are %q", got)
		}
	})
}

func TestWhatChangesOfAnAccountTellsNoCredential(t *testing.T) {
	was := contract(testMode, "alpha", 1)
	was.Settings["merchant_id"], was.Version = "m-1", 1
	for name, c := range map[string]struct {
		from   provider.Account
		change func(*provider.Account)
		want   map[string]string
	}{
		"nothing":          {was, func(*provider.Account) {}, map[string]string{}},
		"all of a new one": {provider.Account{}, func(*provider.Account) {}, map[string]string{"provider": "simcard", "priority": "1", "settings.base_url": "https://api.example", "settings.merchant_id": "m-1", "credentials": "api_key"}},
		"a setting": {was, func(a *provider.Account) {
			a.Settings = map[string]string{"base_url": "https://api.example:8443", "merchant_id": "m-1"}
		}, map[string]string{"settings.base_url": "https://api.example:8443"}},
		"one taken away": {was, func(a *provider.Account) { a.Settings = map[string]string{"base_url": "https://api.example"} }, map[string]string{"settings.merchant_id": ""}},
		"a credential":   {was, func(a *provider.Account) { a.Credentials = map[string]secret.Text{"api_key": secret.New("rolled")} }, map[string]string{"credentials": "api_key"}},
		"others":         {was, func(a *provider.Account) { a.Credentials = map[string]secret.Text{"signing_key": secret.New("x")} }, map[string]string{"credentials": "api_key signing_key"}},
		"the order":      {was, func(a *provider.Account) { a.Priority = 0 }, map[string]string{"priority": "0"}},
	} {
		is := was
		c.change(&is)
		if got := is.Changes(c.from); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheRowsOfAPutTravelWithIt(t *testing.T) {
	eachDrawer(t, func(d *drawer) {
		var versions []int64
		also := func(was provider.Account) []db.Row {
			versions = append(versions, was.Version)
			return []db.Row{audit.Operator.Record(id.System(), d.now.Now(), testMode, "provider_account.updated", "alpha", nil).Row()}
		}
		for range 2 {
			if err := d.one.Put(d.Context(), contract(testMode, "alpha", 0), also); err != nil {
				d.Fatal(err)
			}
		}
		if err := d.one.Put(d.Context(), provider.Account{Merchant: testMode, ID: "alpha", Provider: "stripe"}, also); !fault.Is(err, fault.Conflict) {
			d.Errorf("with another provider: %v", err)
		}
		records, _, err := audit.NewTrail(d.db).List(d.Context(), testMode, db.Page{Limit: 5}, audit.Filter{})
		if err != nil || len(records) != 2 || !slices.Equal(versions, []int64{0, 1}) {
			d.Errorf("%d records of versions %v: %v", len(records), versions, err)
		}
	})
}

// alone is an account that is put without other rows.
func alone(provider.Account) []db.Row { return nil }
