package customer

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/seal"
)

//go:embed migrations/*.sql
var migrations embed.FS

var customerTable = &db.Table{Name: "customer", Key: 2, IDs: id.Customer, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "sealed", Kind: db.Bytes, Null: true}, {Name: "email_hash", Kind: db.Bytes, Null: true},
	{Name: "reference_hash", Kind: db.Bytes, Null: true}, {Name: "default_method"}, {Name: "erased_at", Kind: db.Int, Null: true},
	{Name: "created_at", Kind: db.Int},
}}

// Schema is the package's tables.
var Schema = db.Schema{Package: "customer", Migrations: migrations, Tables: []*db.Table{customerTable, methodTable, discardTable}}

// Store reads customers and turns them into rows.
type Store struct {
	db  *db.DB
	box *seal.Box
}

// NewStore reads the customers in d, and seals with box what tells who they are.
func NewStore(d *db.DB, box *seal.Box) *Store { return &Store{d, box} }

// hashSize is enough that no two inputs ever meet.
const hashSize = 16

// hash is how an e-mail address or a reference is searched for: without the key it cannot be tried out.
func (s *Store) hash(what, tenant, text string) []byte {
	return s.box.Derive("customer "+what, tenant, text)[:hashSize]
}

func (s *Store) emailHash(tenant, email string) []byte {
	return s.hash("email", tenant, findable(email))
}

func (s *Store) referenceHash(tenant, reference string) []byte {
	return s.hash("reference", tenant, reference)
}

// sealContext ties what is sealed to its row: moved to another one it does not open.
func sealContext(tenant, id string) []byte { return []byte(tenant + " " + id) }

func (s *Store) customerRow(c Customer) (db.Row, error) {
	var sealed, email, reference any
	if !c.Erased() {
		plain, err := json.Marshal(c.Person)
		if err != nil {
			return db.Row{}, fmt.Errorf("write %s: %w", c.ID, err)
		}
		if sealed, err = s.box.Seal(plain, sealContext(c.Merchant, c.ID)); err != nil {
			return db.Row{}, fmt.Errorf("seal %s: %w", c.ID, err)
		}
	}
	if c.Email != "" {
		email = s.emailHash(c.Merchant, c.Email)
	}
	if c.Reference != "" {
		reference = s.referenceHash(c.Merchant, c.Reference)
	}
	return customerTable.Write(c.Version,
		c.Merchant, c.ID, sealed, email, reference, c.DefaultMethod, db.MicrosOrNil(c.ErasedAt), db.Micros(c.CreatedAt),
	), nil
}

func (s *Store) scanCustomer(r db.Scanner) (Customer, error) {
	var c Customer
	var sealed, email, reference []byte
	var created int64
	var erased *int64
	if err := r.Scan(&c.Merchant, &c.ID, &sealed, &email, &reference, &c.DefaultMethod, &erased, &created, &c.Version); err != nil {
		return Customer{}, err
	}
	c.ErasedAt, c.CreatedAt = db.NullTime(erased), db.Time(created)
	if sealed == nil {
		return c, nil
	}
	plain, err := s.box.Open(sealed, sealContext(c.Merchant, c.ID))
	if err != nil {
		return Customer{}, fmt.Errorf("open %s: %w", c.ID, err)
	}
	return c, json.Unmarshal(plain, &c.Person)
}

// Customer is one customer, also one that was erased; fault.NotFound if there is none.
func (s *Store) Customer(ctx context.Context, tenant, customer string) (Customer, error) {
	return db.One(ctx, s.db, "customer", s.scanCustomer, customerTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, customer)
}

// Filter chooses customers by what they are exactly. Empty: any.
type Filter struct{ Email, Reference string }

// customers is a page of a tenant's customers, newest first. Those that were erased have neither an e-mail address nor a reference.
func (s *Store) customers(ctx context.Context, tenant string, p db.Page, f Filter) ([]Customer, bool, error) {
	var filters []db.Filter
	if f.Email != "" {
		filters = append(filters, db.Filter{Column: "email_hash", Value: s.emailHash(tenant, f.Email)})
	}
	if f.Reference != "" {
		filters = append(filters, db.Filter{Column: "reference_hash", Value: s.referenceHash(tenant, f.Reference)})
	}
	return db.ListPage(ctx, s.db, customerTable, s.scanCustomer, tenant, p, filters...)
}
