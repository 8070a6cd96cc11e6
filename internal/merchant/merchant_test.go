package merchant

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

func TestATenantIsAnAccountInOneMode(t *testing.T) {
	for _, live := range []bool{false, true} {
		if tenant := id.Tenant("acct_dev", live); !IsTenant(tenant) {
			t.Errorf("%s is no tenant", tenant)
		}
	}
	for _, not := range []string{"", "acct_dev", "acct_dev:", "acct_dev:prod", "dev:test", "acct_:live", "acct_dev:test:live", "acct_Dev:test"} {
		if IsTenant(not) {
			t.Errorf("%q passes for a tenant", not)
		}
	}
}

func TestEveryWrongSettingIsNamed(t *testing.T) {
	good := Merchant{ID: "acct_dev", Name: "Café Zürich", Version: DefaultVersion, FeeBasisPoints: 10_000}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Merchant)
		params []string
	}{
		"no prefix":        {func(m *Merchant) { m.ID = "dev" }, []string{"id"}},
		"upper case":       {func(m *Merchant) { m.ID = "acct_Dev" }, []string{"id"}},
		"a mode inside":    {func(m *Merchant) { m.ID = "acct_dev:live" }, []string{"id"}},
		"a long id":        {func(m *Merchant) { m.ID = "acct_" + strings.Repeat("a", 27) }, []string{"id"}},
		"no name":          {func(m *Merchant) { m.Name = "" }, []string{"name"}},
		"a blank name":     {func(m *Merchant) { m.Name = " " }, []string{"name"}},
		"a long name":      {func(m *Merchant) { m.Name = strings.Repeat("ü", 101) }, []string{"name"}},
		"a NUL":            {func(m *Merchant) { m.Name = "a\x00b" }, []string{"name"}},
		"a line break":     {func(m *Merchant) { m.Name = "a\nb" }, []string{"name"}},
		"not UTF-8":        {func(m *Merchant) { m.Name = "a\xff" }, []string{"name"}},
		"no such day":      {func(m *Merchant) { m.Version = "2026-02-30" }, []string{"version"}},
		"a negative fee":   {func(m *Merchant) { m.FeeBasisPoints = -1 }, []string{"fee_basis_points"}},
		"more than all":    {func(m *Merchant) { m.FeeBasisPoints = 10_001 }, []string{"fee_basis_points"}},
		"everything wrong": {func(m *Merchant) { *m = Merchant{FeeBasisPoints: -1} }, []string{"id", "name", "version", "fee_basis_points"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := good
			c.change(&m)
			var wrong *fault.Error
			if !errors.As(m.Check(), &wrong) || wrong.Kind != fault.Invalid {
				t.Fatalf("got %v", m.Check())
			}
			var params []string
			for _, f := range wrong.Fields {
				params = append(params, f.Param)
			}
			if !slices.Equal(params, c.params) {
				t.Errorf("named %v, want %v", params, c.params)
			}
		})
	}
}

func TestASuspensionKeepsItsTime(t *testing.T) {
	first := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	m := Merchant{}.Suspend(first).Suspend(first.Add(time.Hour))
	if !m.Suspended() || m.SuspendedAt != first {
		t.Errorf("suspended at %v", m.SuspendedAt)
	}
	if m.Resume().Suspended() {
		t.Error("resumed and still suspended")
	}
}
