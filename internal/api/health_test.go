package api

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
)

// fakeHealth has one window, and remembers what it was given.
type fakeHealth struct {
	commit    func(*db.Change) error
	announced health.Window
	lifted    []string
}

func (f *fakeHealth) write(c *db.Change) error {
	if f.commit == nil {
		return nil
	}
	return f.commit(c)
}

func someWindow() health.Window {
	return health.Window{Tenant: tenant, ID: "mw_" + someID, Account: "alpha", Reason: "Announced", StartsAt: start, EndsAt: start.Add(time.Hour), CreatedAt: start}
}

func (f *fakeHealth) Report(_ context.Context, _, account string) (health.Report, error) {
	ms := int64(182)
	return health.Report{
		Object: "provider_health", ProviderAccount: account, State: "degraded", WindowSeconds: 60,
		Operations:  []health.OperationReport{{Operation: health.Authorize, State: "open", Since: &start, Calls: 9, Failures: 9, LatencyP50: &ms, NextProbeAt: &start}},
		Maintenance: []health.WindowObject{someWindow().Object()},
	}, nil
}

func (f *fakeHealth) Announce(_ context.Context, w health.Window, with health.With) (health.WindowObject, error) {
	f.announced = w
	c := db.NewChange(w.Tenant)
	made := someWindow().Object()
	if err := with(c, made); err != nil {
		return made, err
	}
	return made, f.write(c)
}

func (f *fakeHealth) Lift(_ context.Context, _, account, window string, with health.With) ([]health.WindowObject, error) {
	f.lifted = append(f.lifted, account+" "+window)
	c := db.NewChange(tenant)
	over := someWindow().Object()
	if err := with(c, over); err != nil {
		return nil, err
	}
	return []health.WindowObject{over}, f.write(c)
}

func (f *fakeHealth) GetWindow(context.Context, string, string) (health.WindowObject, error) {
	return someWindow().Object(), nil
}

// infirmary is a door with health behind it, and the actions that it recorded.
func infirmary(t *testing.T) (door, *fakeHealth, *[]string) {
	var did []string
	f := &fakeHealth{}
	f.commit = func(c *db.Change) error {
		for _, row := range c.Rows(audit.Table) {
			did = append(did, row[3].(string))
		}
		return nil
	}
	return newDoor(t, func(o *Options) { o.Health = f }), f, &did
}

func TestAnAccountAndItsHealthAreShown(t *testing.T) {
	d, _, _ := infirmary(t)
	if a := accepted(t, d.call("GET", "/v1/provider_accounts/alpha", ""), 200); a["id"] != "alpha" || a["provider"] != "simcard" || a["credentials"] != nil {
		t.Errorf("%v", a)
	}
	h := accepted(t, d.call("GET", "/v1/provider_accounts/alpha/health", ""), 200)
	if one := h["operations"].([]any)[0].(map[string]any); h["state"] != "degraded" || one["state"] != "open" || one["latency_p95_ms"] != nil {
		t.Errorf("%v", h)
	}
	for _, path := range []string{"", "/health"} {
		refused(t, d.call("GET", "/v1/provider_accounts/gamma"+path, ""), 404, fault.CodeNotFound)
	}
}

func TestMaintenanceIsAnnouncedAndLiftedOnTheRecord(t *testing.T) {
	d, f, did := infirmary(t)
	const path = "/v1/provider_accounts/alpha/maintenance"
	made := accepted(t, d.call("POST", path, `{"starts_at":"2026-11-23T01:00:00Z","ends_at":"2026-11-23T03:00:00Z","operations":["authorize"],"reason":"Announced"}`), 201)
	if f.announced.Account != "alpha" || !slices.Equal(f.announced.Operations, []health.Operation{health.Authorize}) || f.announced.EndsAt.Sub(f.announced.StartsAt) != 2*time.Hour {
		t.Errorf("announced %+v", f.announced)
	}
	if all := made["operations"].([]any); len(all) != len(health.Operations) {
		t.Errorf("made %v", made)
	}
	accepted(t, d.call("DELETE", path, ""), 200)
	accepted(t, d.call("DELETE", path+"?window=mw_"+someID, ""), 200)
	if want := []string{"alpha ", "alpha mw_" + someID}; !slices.Equal(f.lifted, want) {
		t.Errorf("lifted %q", f.lifted)
	}
	if got := strings.Join(*did, " "); got != "provider_maintenance.announced provider_maintenance.lifted provider_maintenance.lifted" {
		t.Errorf("recorded %s", got)
	}
}

func TestMaintenanceThatMakesNoSenseIsRefused(t *testing.T) {
	d, f, _ := infirmary(t)
	const path = "/v1/provider_accounts/alpha/maintenance"
	for _, body := range []string{`{}`, `{"ends_at":"tomorrow"}`, `{"ends_at":"2026-11-23T03:00:00Z","operations":["settle"]}`, `{"ends_at":"2026-11-23T03:00:00Z","reason":"` + strings.Repeat("x", 201) + `"}`} {
		if w := d.call("POST", path, body); w.Code != 400 {
			t.Errorf("%s: answered %d", body, w.Code)
		}
	}
	refused(t, d.call("POST", "/v1/provider_accounts/gamma/maintenance", `{"ends_at":"2026-11-23T03:00:00Z"}`), 404, fault.CodeNotFound)
	refused(t, d.call("DELETE", path+"?window=pay_"+someID, ""), 400, fault.CodeInvalid)
	if f.announced.Account != "" || f.lifted != nil {
		t.Errorf("announced %+v, lifted %q", f.announced, f.lifted)
	}
}
