package api

import (
	"context"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/dispute"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/problem"
)

const disputePath = "/v1/disputes/dp_" + someID

// desk is a door with disputes behind it.
func desk(t *testing.T) (door, *fakeDisputes) {
	f := &fakeDisputes{}
	return newDoor(t, func(o *Options) { o.Disputes = f }), f
}

func TestAFileOfEvidenceIsHandedOnAsItCame(t *testing.T) {
	d, f := desk(t)
	large := strings.Repeat("x", dispute.MaxFile)
	accepted(t, d.call("POST", disputePath+"/evidence/notes.txt", large, "Content-Type", "text/plain; charset=utf-8", "Idempotency-Key", "k"), 200)
	if f.name != "notes.txt" || f.kind != "text/plain" || string(f.body) != large {
		t.Errorf("%s as %s, %d bytes", f.name, f.kind, len(f.body))
	}
	accepted(t, d.call("DELETE", disputePath+"/evidence/notes.txt", ""), 200)
}

func TestAFileThatCannotBeEvidenceIsRefusedByItsHead(t *testing.T) {
	d, f := desk(t)
	to := disputePath + "/evidence/notes.txt"
	for _, kind := range []string{"application/json", "text/html", "application/x-www-form-urlencoded", "", "text", "image/svg+xml"} {
		refused(t, d.call("POST", to, "x", "Content-Type", kind), 415, problem.CodeMediaType)
	}
	refused(t, d.call("POST", to, "x", "Content-Type", "text/plain", "Content-Encoding", "gzip"), 415, problem.CodeMediaType)
	refused(t, d.call("POST", to, strings.Repeat("x", dispute.MaxFile+1), "Content-Type", "text/plain"), 413, problem.CodeTooLarge)
	refused(t, d.call("POST", "/v1/disputes/dp_1/evidence/notes.txt", "x", "Content-Type", "text/plain"), 404, fault.CodeNotFound)
	if f.name != "" {
		t.Errorf("%s was handed on", f.name)
	}
	// What is larger than other bodies may be is so still.
	refused(t, d.call("POST", disputePath+"/evidence", strings.Repeat(" ", maxBody+1)), 413, problem.CodeTooLarge)
}

func TestTooManyFilesAtOnceAreToldToComeAgain(t *testing.T) {
	d, f := desk(t)
	for range filesAtOnce {
		d.files <- struct{}{}
	}
	to := disputePath + "/evidence/notes.txt"
	if p := refused(t, d.call("POST", to, "x", "Content-Type", "text/plain"), 503, fault.CodeOverloaded); !p.Retryable || f.name != "" {
		t.Errorf("%+v, and %q was handed on", p, f.name)
	}
	<-d.files
	for range 2 {
		accepted(t, d.call("POST", to, "x", "Content-Type", "text/plain"), 200) // and gives its place back
	}
}

func TestTextsOfEvidenceAreHandedOnByField(t *testing.T) {
	d, f := desk(t)
	accepted(t, d.call("POST", disputePath+"/evidence", `{"explanation":"it came","customer_name":""}`), 200)
	if len(f.texts) != 2 || f.texts["explanation"] != "it came" {
		t.Errorf("%v", f.texts)
	}
	for _, body := range []string{`{"excuse":"x"}`, `{"explanation":1}`, `{"explanation":"4242 4242 4242 4242"}`, `{"explanation":"` + strings.Repeat("x", 5001) + `"}`} {
		if w := d.call("POST", disputePath+"/evidence", body); w.Code != 400 {
			t.Errorf("%.40s: %d %s", body, w.Code, w.Body)
		}
	}
}

func TestDisputesAreChosen(t *testing.T) {
	d, f := desk(t)
	accepted(t, d.call("GET", "/v1/disputes?status=won&payment=pay_"+someID, ""), 200)
	if f.filter != (dispute.Filter{Status: "won", Payment: "pay_" + someID}) {
		t.Errorf("%+v", f.filter)
	}
	accepted(t, d.call("GET", "/v1/disputes?unmatched=true", ""), 200)
	if f.filter != (dispute.Filter{Unmatched: true}) {
		t.Errorf("%+v", f.filter)
	}
	for _, query := range []string{"status=sorry", "payment=x", "unmatched=true&payment=pay_" + someID, "starting_after=pay_" + someID} {
		if w := d.call("GET", "/v1/disputes?"+query, ""); w.Code != 400 {
			t.Errorf("%s: %d", query, w.Code)
		}
	}
}

func TestWhoAnswersADisputeIsRecorded(t *testing.T) {
	for path, want := range map[string]string{
		"/submit": "dispute.submitted", "/accept": "dispute.accepted", "/evidence": "dispute.evidence_changed", "/evidence/a.txt": "dispute.file_added",
	} {
		d, f := desk(t)
		var actions []string
		f.commit = func(c *db.Change) error {
			for _, row := range c.Rows(audit.Table) {
				actions = append(actions, row[3].(string))
			}
			return nil
		}
		kind := jsonType
		if strings.HasSuffix(path, ".txt") {
			kind = "text/plain"
		}
		accepted(t, d.call("POST", disputePath+path, "{}", "Content-Type", kind), 200)
		if len(actions) != 1 || actions[0] != want {
			t.Errorf("%s records %v", path, actions)
		}
	}
}

func TestAFileOfEvidenceIsGivenBackAndItsReaderRecorded(t *testing.T) {
	var actions []string
	d := newDoor(t, func(o *Options) {
		o.Disputes = &fakeDisputes{}
		o.DB = committer(func(c *db.Change) error {
			for _, row := range c.Rows(audit.Table) {
				actions = append(actions, row[3].(string)+" "+row[4].(string)+" "+row[5].(string))
			}
			return nil
		})
	})
	w := d.call("GET", disputePath+"/evidence/receipt.txt", "")
	if w.Code != 200 || w.Body.String() != "Delivered." || w.Header().Get("Content-Type") != "text/plain" ||
		w.Header().Get("Content-Disposition") != `attachment; filename="receipt.txt"` || w.Header().Get("X-Content-Type-Options") != "nosniff" ||
		w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if len(actions) != 1 || actions[0] != `dispute.file_read dp_`+someID+` {"name":"receipt.txt"}` {
		t.Errorf("recorded %v", actions)
	}
	for _, path := range []string{disputePath + "/evidence/other.pdf", "/v1/disputes/dp_1/evidence/receipt.txt", disputePath + "/evidence/..%2Freceipt.txt"} {
		refused(t, d.call("GET", path, ""), 404, fault.CodeNotFound)
	}
	if len(actions) != 1 {
		t.Errorf("recorded %v", actions)
	}
}

func TestAFileWhoseReaderCannotBeRecordedIsNotGiven(t *testing.T) {
	d := newDoor(t, func(o *Options) {
		o.Disputes = &fakeDisputes{}
		o.DB = committer(func(*db.Change) error { return fault.New(fault.Unavailable, fault.CodeOverloaded, "not now") })
	})
	if w := d.call("GET", disputePath+"/evidence/receipt.txt", ""); w.Code != 503 || strings.Contains(w.Body.String(), "Delivered.") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

// committer is where Changes go.
type committer func(*db.Change) error

func (f committer) Commit(_ context.Context, c *db.Change) error { return f(c) }
