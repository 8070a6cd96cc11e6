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
func files(t interface{ Fatal(...any) }, url string) []byte {
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
		erased := rapid.Bool().Draw(r, "erase")
		if erased {
			if _, err := d.Erase(t.Context(), shop, made.ID, alone); err != nil {
				r.Fatal(err)
			}
		}
		file := files(r, url)
		if !bytes.Contains(file, []byte(made.ID)) {
			r.Fatal("the id is not there: the search does not see the rows")
		}
		for _, w := range words(p) {
			if bytes.Contains(bytes.ToLower(file), []byte(strings.ToLower(w))) {
				r.Errorf("%q can be read (erased %t)", w, erased)
			}
		}
	})
}
