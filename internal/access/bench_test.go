package access_test

import (
	"crypto/rand"
	"testing"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
)

// BenchmarkAuthenticate is what a request pays for its key: a hash and two cached reads.
func BenchmarkAuthenticate(b *testing.B) {
	d := dbtest.Open(b, dbtest.SQLite(b), db.Options{}, audit.Schema, merchant.Schema, access.Schema)
	merchants := merchant.New(d, clock.System{}, id.System())
	keys := access.New(d, merchants, access.Options{Clock: clock.System{}, IDs: id.System(), Random: rand.Reader})
	if _, err := merchants.Create(b.Context(), merchant.Merchant{ID: shop, Name: "Shop"}, admin); err != nil {
		b.Fatal(err)
	}
	_, text, err := keys.Create(b.Context(), access.Spec{Tenant: shopTest, Kind: access.Secret}, admin)
	if err != nil {
		b.Fatal(err)
	}
	r := request("Bearer "+text.Reveal(), outside)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if _, err := keys.Authenticate(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
