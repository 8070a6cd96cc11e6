package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

// fakeTrail has one entry, and remembers what it was asked.
type fakeTrail struct {
	asked []string
}

func someEntry() audit.Record {
	return audit.Record{
		Merchant: tenant, ID: "aud_" + someID, Actor: "key_" + someID, Action: "kill_switch.created", Object: "ks_" + someID,
		Detail: map[string]string{"reason": "The acquirer loses messages"}, RequestID: "req_" + someID, CreatedAt: start,
	}
}

func (f *fakeTrail) Get(_ context.Context, tenant, entry string) (audit.Record, error) {
	f.asked = append(f.asked, tenant+" "+entry)
	if entry != someEntry().ID {
		return audit.Record{}, fault.Missing("audit entry")
	}
	return someEntry(), nil
}

func (f *fakeTrail) List(_ context.Context, tenant string, p db.Page, filter audit.Filter) ([]audit.Record, bool, error) {
	f.asked = append(f.asked, fmt.Sprint(tenant, " ", p.Limit, " ", p.StartingAfter, filter, p.CreatedFrom.UTC().Format(time.RFC3339)))
	installations := someEntry()
	installations.Merchant, installations.Actor, installations.RequestID, installations.Detail = audit.Installation, audit.Operator.Actor, "", map[string]string{}
	return []audit.Record{installations, someEntry()}, true, nil
}

func TestTheAuditTrailIsListedAndChosenFrom(t *testing.T) {
	f := &fakeTrail{}
	d := newDoor(t, func(o *Options) { o.AuditTrail = f })
	const path = "/v1/audit_log"
	list := accepted(t, d.call("GET", path, ""), 200)
	data := list["data"].([]any)
	if list["has_more"] != true || len(data) != 2 {
		t.Fatalf("listed %v", list)
	}
	operators, own := data[0].(map[string]any), data[1].(map[string]any)
	if operators["actor"] != "operator" || operators["concerns"] != "installation" || operators["request_id"] != nil || operators["livemode"] != false {
		t.Errorf("the operator's: %v", operators)
	}
	if own["object"] != "audit_entry" || own["action"] != "kill_switch.created" || own["subject"] != "ks_"+someID || own["concerns"] != "mode" ||
		own["request_id"] != "req_"+someID || own["details"].(map[string]any)["reason"] != "The acquirer loses messages" {
		t.Errorf("its own: %v", own)
	}
	query := "?limit=5&starting_after=aud_" + someID + "&actor=key_" + someID + "&action=kill_switch.created&subject=alpha&created_at[gte]=2026-11-22T12:00:00Z"
	accepted(t, d.call("GET", path+query, ""), 200)
	accepted(t, d.call("GET", path+"?actor=operator", ""), 200)
	accepted(t, d.call("GET", path+"?actor=system", ""), 200)
	if one := accepted(t, d.call("GET", path+"/aud_"+someID, ""), 200); one["id"] != "aud_"+someID {
		t.Errorf("one: %v", one)
	}
	const never = "0001-01-01T00:00:00Z"
	want := []string{
		"acct_dev:test 20 {  }" + never, "acct_dev:test 5 aud_" + someID + "{key_" + someID + " kill_switch.created alpha}2026-11-22T12:00:00Z",
		"acct_dev:test 20 {operator  }" + never, "acct_dev:test 20 {system  }" + never, "acct_dev:test aud_" + someID,
	}
	if !slices.Equal(f.asked, want) {
		t.Errorf("asked %q", f.asked)
	}
}

func TestTheAuditTrailRefusesWhatNamesNothing(t *testing.T) {
	f := &fakeTrail{}
	d := newDoor(t, func(o *Options) { o.AuditTrail = f })
	const path = "/v1/audit_log"
	for _, query := range []string{
		"actor=somebody", "actor=pay_" + someID, "action=kill_switch.thrown", "action=kill_switch.*", "subject=a%00b", "subject=%27%20OR%201=1", "subject=ALPHA", "starting_after=ks_" + someID,
		"starting_after=aud_" + someID + "&ending_before=aud_" + someID, "limit=101", "created_at[gte]=yesterday", "who=me", "actor=operator&actor=system",
	} {
		if w := d.call("GET", path+"?"+query, ""); w.Code != 400 {
			t.Errorf("%s: answered %d: %s", query, w.Code, w.Body)
		}
	}
	refused(t, d.call("GET", path+"/ks_"+someID, ""), 404, fault.CodeNotFound)
	if f.asked != nil {
		t.Errorf("asked %q", f.asked)
	}
	refused(t, d.call("GET", path+"/aud_01jd9qk3v8m2x4r6t7w9y0a1b3", ""), 404, fault.CodeNotFound)
}

func TestTheAuditTrailTakesAScope(t *testing.T) {
	f := &fakeTrail{}
	d := newDoor(t, func(o *Options) { o.AuditTrail = f })
	for _, path := range []string{"/v1/audit_log", "/v1/audit_log/aud_" + someID} {
		refused(t, d.call("GET", path, "", "Authorization", "Bearer rk_test_read"), 403, access.CodeScope)
		refused(t, d.call("GET", path, "", "Authorization", "Bearer pk_test_dev"), 403, access.CodeKeyKind)
	}
	if f.asked != nil {
		t.Errorf("asked %q", f.asked)
	}
}

func TestOfAnEndpointsAddressTheTrailHasTheHost(t *testing.T) {
	for address, want := range map[string]string{
		"https://hooks.example/services/T0/B0/secret-path": "hooks.example", "https://shop.example:8443/?token=x": "shop.example:8443",
		"mailto:ada@shop.example": "shop.example", "https://user:word@shop.example/": "shop.example", "%": "",
	} {
		if got := hostOf(address); got != want {
			t.Errorf("%s: %q", address, got)
		}
	}
}

// written are the audit records of a Change: who did what to what, and the details.
func written(c *db.Change) string {
	var all []string
	for _, row := range c.Rows(audit.Table) {
		all = append(all, fmt.Sprint(row[2], " ", row[3], " ", row[4], " ", row[5]))
	}
	return strings.Join(all, ", ")
}

func TestWhatPeopleDoToAPayoutIsOnRecord(t *testing.T) {
	var did []string
	f := fakePayouts{commit: func(c *db.Change) error { did = append(did, written(c)); return nil }}
	d := newDoor(t, func(o *Options) { o.Payouts = f })
	for _, action := range []string{"approve", "approve", "cancel"} {
		accepted(t, d.call("POST", "/v1/payouts/po_"+someID+"/"+action, ""), 200)
	}
	accepted(t, d.call("POST", "/v1/payouts/po_"+someID+"/cancel", `{"reason":"a mistake"}`), 200)
	approved, canceled := "key_dev payout.approved po_"+someID+" {}", "key_dev payout.canceled po_"+someID
	if !slices.Equal(did, []string{approved, approved, canceled + " {}", canceled + ` {"reason":"a mistake"}`}) {
		t.Errorf("recorded %q", did)
	}
}

func TestTheRecordOfASwitchAndOfAWindowTellsAllOfIt(t *testing.T) {
	var did string
	switches := &fakeSwitches{commit: func(c *db.Change) error { did = written(c); return nil }}
	h := &fakeHealth{commit: func(c *db.Change) error { did = written(c); return nil }}
	d := newDoor(t, func(o *Options) { o.Switches, o.Health = switches, h })
	accepted(t, d.call("DELETE", "/v1/kill_switches/ks_"+someID, ""), 200)
	if want := `key_dev kill_switch.lifted ks_` + someID + ` {"mode":"block","reason":"The acquirer loses messages","scope":"provider account alpha"}`; did != want {
		t.Errorf("of a switch: %s", did)
	}
	accepted(t, d.call("DELETE", "/v1/provider_accounts/alpha/maintenance", ""), 200)
	w := someWindow().Object()
	if !strings.Contains(did, `"operations":"`+fmt.Sprint(w.Operations)+`"`) || !strings.Contains(did, `"provider_account":"alpha"`) || !strings.Contains(did, "key_dev provider_maintenance.lifted mw_") {
		t.Errorf("of a window: %s", did)
	}
}
