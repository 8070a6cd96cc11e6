package customer

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/db/dbtest"
)

// files are the bytes of a SQLite database, its log among them.
func files(t *testing.T, url string) []byte {
	t.Helper()
	found, err := filepath.Glob(strings.TrimPrefix(url, "sqlite:") + "*")
	if err != nil || len(found) == 0 {
		t.Fatal("no file", err)
	}
	var all []byte
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return all
}

// words are what tells who somebody is.
func words(p Person) []string {
	all := []string{p.Name, p.Email, p.Phone, p.Reference, p.Address.Line1, p.Address.City, p.Address.PostalCode}
	for k, v := range p.Metadata {
		all = append(all, k, v)
	}
	return all
}

// Whoever has the file but not the key learns nothing of anybody, before an erasure and after it.
func TestNobodyCanBeReadInTheDatabasesFile(t *testing.T) {
	url := dbtest.SQLite(t)
	d := open(t, url)
	var ids, secrets []string
	rapid.Check(t, func(r *rapid.T) {
		word := func(name string) string { return rapid.StringMatching(`[a-z]{12,30}`).Draw(r, name) }
		p := Person{
			Name: word("name"), Email: word("mailbox") + "@shop.example", Phone: "+" + rapid.StringMatching(`[1-9][0-9]{13}`).Draw(r, "phone"), Reference: word("reference"),
			Metadata: map[string]string{word("key"): word("value")}, Address: &Address{Line1: word("line"), City: word("city"), PostalCode: word("code")},
		}
		made, err := d.Create(t.Context(), shop, p, alone)
		if err != nil {
			r.Fatal(err)
		}
		ip := rapid.StringMatching(`2001:db8(:[1-9a-f][0-9a-f]{3}){6}`).Draw(r, "ip")
		_, err = d.Keep(t.Context(), shop, Keep{Token: d.token(visa, 2030), Customer: made.ID, Consent: &Consent{GivenAt: d.now.Now(), TextVersion: "v", IP: ip, Channel: Web}}, aloneMethod)
		if err != nil {
			r.Fatal(err)
		}
		ids, secrets = append(ids, made.ID), append(secrets, append(words(p), ip)...)
		if !rapid.Bool().Draw(r, "erase") {
			return
		}
		if _, err := d.Erase(t.Context(), shop, made.ID, alone); err != nil {
			r.Fatal(err)
		}
		d.told.mu.Lock()
		last := d.told.landed[len(d.told.landed)-1]
		d.told.mu.Unlock()
		if !strings.HasPrefix(last, "detached ") || strings.Contains(last, "4242") || strings.Contains(last, "print") {
			r.Errorf("the event of the erasure: %s", last)
		}
	})
	file := bytes.ToLower(files(t, url))
	for _, id := range ids {
		if !bytes.Contains(file, []byte(id)) {
			t.Fatal("an id is not there: the search does not see the rows")
		}
	}
	for _, w := range secrets {
		if bytes.Contains(file, []byte(strings.ToLower(w))) {
			t.Errorf("%q can be read", w)
		}
	}
}
