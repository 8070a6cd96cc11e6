package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

func TestSwitchesAreThrownAndLiftedOnTheRecord(t *testing.T) {
	var did []string
	f := &fakeSwitches{commit: func(c *db.Change) error {
		for _, row := range c.Rows(audit.Table) {
			did = append(did, row[3].(string))
		}
		return nil
	}}
	d := newDoor(t, func(o *Options) { o.Switches = f })
	const path = "/v1/kill_switches"
	accepted(t, d.call("POST", path, `{"mode":"approve","scope":{"operation":"payout","provider_account":"payouts"},"two_above":[{"amount":100000,"currency":"EUR"}],"reason":"A fraud wave"}`), 201)
	want := control.Switch{Merchant: tenant, Mode: control.Approve, Scope: control.Scope{Operation: control.Payout, Account: "payouts"}, Reason: "A fraud wave"}
	if got := f.thrown; got.Merchant != want.Merchant || got.Mode != want.Mode || got.Scope != want.Scope || got.Reason != want.Reason || got.Actor == "" ||
		!slices.Equal(got.TwoAbove, []control.Amount{{Amount: 100_000, Currency: "EUR"}}) {
		t.Errorf("thrown %+v", got)
	}
	accepted(t, d.call("POST", path, `{"scope":{},"reason":"Everything"}`), 201)
	if f.thrown.Mode != control.Block || f.thrown.Scope != (control.Scope{}) {
		t.Errorf("without a mode: %+v", f.thrown)
	}
	if all := accepted(t, d.call("GET", path, ""), 200)["data"].([]any); len(all) != 2 || all[0].(map[string]any)["everyone"] != true {
		t.Errorf("listed %v", all)
	}
	if all := accepted(t, d.call("GET", path+"?starting_after=ks_"+someID, ""), 200)["data"].([]any); len(all) != 1 {
		t.Errorf("the next page: %v", all)
	}
	accepted(t, d.call("DELETE", path+"/ks_"+someID, ""), 200)
	if len(f.lifted) != 1 || strings.Join(did, " ") != "kill_switch.created kill_switch.created kill_switch.lifted" {
		t.Errorf("lifted %q, recorded %q", f.lifted, did)
	}
}

func TestASwitchThatMakesNoSenseIsRefused(t *testing.T) {
	f := &fakeSwitches{}
	d := newDoor(t, func(o *Options) { o.Switches = f })
	for _, body := range []string{
		`{}`, `{"scope":{},"reason":""}`, `{"scope":{},"reason":"x","mode":"pause"}`, `{"reason":"x","scope":{"operation":"settle"}}`, `{"reason":"x","scope":{"country":"de"}}`,
		`{"scope":{},"reason":"x","two_above":[{"amount":1.5,"currency":"EUR"}]}`, `{"scope":{},"reason":"x","two_above":[{"amount":-1,"currency":"EUR"}]}`,
		`{"scope":{},"reason":"x","expires_at":"soon"}`, `{"scope":null,"reason":"x"}`,
	} {
		if w := d.call("POST", "/v1/kill_switches", body); w.Code != 400 {
			t.Errorf("%s: answered %d", body, w.Code)
		}
	}
	faulty(t, d.call("POST", "/v1/kill_switches", `{"reason":"everything, by an oversight"}`), wrong{"scope": missing})
	refused(t, d.call("DELETE", "/v1/kill_switches/pay_"+someID, ""), 404, fault.CodeNotFound)
	if f.thrown.Reason != "" || f.lifted != nil {
		t.Errorf("thrown %+v, lifted %q", f.thrown, f.lifted)
	}
}
