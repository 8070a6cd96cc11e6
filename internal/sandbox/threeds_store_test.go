package sandbox

import (
	"bytes"
	"database/sql"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

func TestChallengeOutlivesARestart(t *testing.T) {
	s := newSite(t)
	o := s.asked("att_1", challenged, "challenge")
	if err := s.world.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, s.path, Options{Clock: s.clock})
	a, err := again.Challenge(o.text("id"), "pass")
	if err != nil || a.Result.TransStatus != Authenticated {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestFileOfTheFirstVersionIsBroughtUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.db")
	if err := open(t, path, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	// Made old behind a closed world's back: an open one writes on the same connection whenever it likes.
	file, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.Exec(`DROP TABLE authentication; DROP TABLE evidence_part; DROP TABLE cryptogram; PRAGMA user_version = 1`)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	if rows, err := open(t, path, Options{}).store.authentications(query{limit: 1}); err != nil || len(rows) != 0 {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestNoNumberOfAnAuthenticationIsStored(t *testing.T) {
	s := newSite(t)
	body := ask("att_1", challenged, "Ada Marked Lovelace")
	if code, _ := s.post("/alpha/v1/authentications", body); code != http.StatusCreated {
		t.Fatal(code)
	}
	if err := s.world.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(s.path + "*")
	if err != nil {
		t.Fatal(err)
	}
	kept := false
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		kept = kept || bytes.Contains(raw, []byte("400000******3184"))
		if bytes.Contains(raw, []byte(challenged)) || bytes.Contains(raw, []byte("Lovelace")) {
			t.Errorf("%s holds the number or the name", filepath.Base(f))
		}
	}
	if !kept {
		t.Error("the masked number was not found: the test looks in the wrong place")
	}
}
