package api

import (
	"context"
	"slices"
	"testing"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/recon"
)

// fakeBreaks has one break, and remembers what it was asked.
type fakeBreaks struct {
	commit func(*db.Change) error
	asked  []recon.Filter
	closed []string
}

func someBreak() recon.Object {
	return recon.Object{
		ID: "brk_" + someID, Object: "recon_break", Kind: payment.BreakContradiction, Status: recon.Open, Subject: "pay_" + someID, ProviderAccount: "alpha",
		Detail: "it is voided, the provider says captured 92.32 EUR", CreatedAt: start,
	}
}

func (f *fakeBreaks) Get(context.Context, string, string) (recon.Object, error) {
	return someBreak(), nil
}

func (f *fakeBreaks) List(_ context.Context, _ string, _ db.Page, filter recon.Filter) ([]recon.Object, bool, error) {
	f.asked = append(f.asked, filter)
	return []recon.Object{someBreak()}, false, nil
}

func (f *fakeBreaks) Close(_ context.Context, tenant, breakID, by, note string, with recon.With) (recon.Object, error) {
	f.closed = append(f.closed, breakID+" "+note)
	o := someBreak()
	o.Status, o.Note, o.ClosedBy, o.ClosedAt = recon.Closed, note, &by, &start
	c := db.NewChange(tenant)
	if err := with(c, o); err != nil || f.commit == nil {
		return o, err
	}
	return o, f.commit(c)
}

func TestBreaksAreChosenAndClosedOnTheRecord(t *testing.T) {
	var did []string
	f := &fakeBreaks{commit: func(c *db.Change) error {
		for _, row := range c.Rows(audit.Table) {
			did = append(did, row[3].(string))
		}
		return nil
	}}
	d := newDoor(t, func(o *Options) { o.Breaks = f })
	const path = "/v1/recon/breaks"
	accepted(t, d.call("GET", path+"?status=open&kind=clearing&subject=pay_"+someID, ""), 200)
	if want := (recon.Filter{Status: "open", Kind: "clearing", Subject: "pay_" + someID}); !slices.Equal(f.asked, []recon.Filter{want}) {
		t.Errorf("asked %+v", f.asked)
	}
	closed := accepted(t, d.call("POST", path+"/brk_"+someID+"/close", `{"note":"It came back"}`), 200)
	if closed["status"] != "closed" || closed["note"] != "It came back" || closed["closed_by"] == nil {
		t.Errorf("closed as %v", closed)
	}
	if !slices.Equal(f.closed, []string{"brk_" + someID + " It came back"}) || !slices.Equal(did, []string{"recon_break.closed"}) {
		t.Errorf("closed %q, recorded %q", f.closed, did)
	}
}

func TestABreakIsNotClosedWithoutANote(t *testing.T) {
	f := &fakeBreaks{}
	d := newDoor(t, func(o *Options) { o.Breaks = f })
	const path = "/v1/recon/breaks"
	for _, body := range []string{``, `{}`, `{"note":""}`, `{"note":7}`, `{"note":"x","status":"open"}`} {
		if w := d.call("POST", path+"/brk_"+someID+"/close", body); w.Code != 400 {
			t.Errorf("%s: answered %d", body, w.Code)
		}
	}
	for _, query := range []string{"?status=new", "?kind=late", "?subject=cus_" + someID} {
		if w := d.call("GET", path+query, ""); w.Code != 400 {
			t.Errorf("%s: answered %d", query, w.Code)
		}
	}
	refused(t, d.call("POST", path+"/pay_"+someID+"/close", `{"note":"x"}`), 404, fault.CodeNotFound)
	if f.closed != nil || f.asked != nil {
		t.Errorf("closed %q, asked %+v", f.closed, f.asked)
	}
}
