package customer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

var methodTable = &db.Table{Name: "payment_method", Key: 2, IDs: id.PaymentMethod, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "customer_id"}, {Name: "attached", Kind: db.Int}, {Name: "token", Null: true}, {Name: "fingerprint", Null: true},
	{Name: "card"}, {Name: "sealed", Kind: db.Bytes, Null: true}, {Name: "network_reference"}, {Name: "first_payment"}, {Name: "metadata"},
	{Name: "detached_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int},
}}

var discardTable = &db.Table{Name: "payment_method_discard", Key: 2, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "token"}, {Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int},
}}

// MethodRow is a method as a row: an insert if it was never read, else a compare-and-set.
func (s *Store) MethodRow(m Method) (db.Row, error) {
	var sealed any
	card, metadata, attached := "", "", int64(0)
	if m.Attached() {
		attached = 1
	}
	if m.Card != (Card{}) {
		text, err := json.Marshal(m.Card)
		if err != nil {
			return db.Row{}, fmt.Errorf("write %s: %w", m.ID, err)
		}
		card = string(text)
	}
	if len(m.Metadata) > 0 {
		text, err := json.Marshal(m.Metadata)
		if err != nil {
			return db.Row{}, fmt.Errorf("write %s: %w", m.ID, err)
		}
		metadata = string(text)
	}
	if m.Consent != nil {
		plain, err := json.Marshal(m.Consent)
		if err != nil {
			return db.Row{}, fmt.Errorf("write %s: %w", m.ID, err)
		}
		if sealed, err = s.box.Seal(plain, sealContext(m.Merchant, m.ID)); err != nil {
			return db.Row{}, fmt.Errorf("seal %s: %w", m.ID, err)
		}
	}
	return methodTable.Write(m.Version,
		m.Merchant, m.ID, m.Customer, attached, db.TextOrNil(m.Token), db.TextOrNil(m.Card.Fingerprint), card, sealed, m.NetworkReference, m.FirstPayment, metadata,
		db.MicrosOrNil(m.DetachedAt), db.Micros(m.CreatedAt),
	), nil
}

func (s *Store) scanMethod(r db.Scanner) (Method, error) {
	var m Method
	var attached, created int64
	var token, fingerprint *string
	var card, metadata string
	var sealed []byte
	var detached *int64
	err := r.Scan(&m.Merchant, &m.ID, &m.Customer, &attached, &token, &fingerprint, &card, &sealed, &m.NetworkReference, &m.FirstPayment, &metadata,
		&detached, &created, &m.Version)
	if err != nil {
		return Method{}, err
	}
	m.DetachedAt, m.CreatedAt = db.NullTime(detached), db.Time(created)
	if token != nil {
		m.Token = *token
	}
	for text, into := range map[*string]any{&card: &m.Card, &metadata: &m.Metadata} {
		if *text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(*text), into); err != nil {
			return Method{}, fmt.Errorf("read %s: %w", m.ID, err)
		}
	}
	if sealed == nil {
		return m, nil
	}
	plain, err := s.box.Open(sealed, sealContext(m.Merchant, m.ID))
	if err != nil {
		return Method{}, fmt.Errorf("open %s: %w", m.ID, err)
	}
	return m, json.Unmarshal(plain, &m.Consent)
}

// Method is one saved method, also one that was detached; fault.NotFound if there is none.
func (s *Store) Method(ctx context.Context, tenant, method string) (Method, error) {
	return db.One(ctx, s.db, "payment method", s.scanMethod, methodTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, method)
}

// keeper is the method that keeps a token, or else the one that keeps the card of that fingerprint for the customer; fault.NotFound
// if neither is there.
func (s *Store) keeper(ctx context.Context, tenant, customer, token, fingerprint string) (Method, error) {
	m, err := db.Get(ctx, s.db, s.scanMethod, methodTable.Select()+" WHERE merchant_id = $1 AND token = $2", tenant, token)
	if !fault.Is(err, fault.NotFound) {
		return m, err
	}
	return db.Get(ctx, s.db, s.scanMethod, methodTable.Select()+" WHERE merchant_id = $1 AND customer_id = $2 AND fingerprint = $3",
		tenant, customer, fingerprint)
}

// attached is every method of a customer that can be charged, newest first. There are never more than a few over MaxMethods.
func (s *Store) attached(ctx context.Context, tenant, customer string) ([]Method, error) {
	return db.List(ctx, s.db, s.scanMethod, methodTable.Select()+" WHERE merchant_id = $1 AND customer_id = $2 AND attached = 1 ORDER BY id DESC LIMIT $3",
		tenant, customer, int64(2*MaxMethods))
}

// remembered are methods that were detached and of which something is left to erase.
func (s *Store) remembered(ctx context.Context, tenant, customer string, limit int) ([]Method, error) {
	return db.List(ctx, s.db, s.scanMethod, methodTable.Select()+` WHERE merchant_id = $1 AND customer_id = $2 AND attached = 0
		AND (card <> '' OR sealed IS NOT NULL OR metadata <> '' OR network_reference <> '') ORDER BY id LIMIT $3`, tenant, customer, int64(limit))
}

// methods is a page of what a customer has attached, newest first.
func (s *Store) methods(ctx context.Context, tenant, customer string, p db.Page) ([]Method, bool, error) {
	return db.ListPage(ctx, s.db, methodTable, s.scanMethod, tenant, p,
		db.Filter{Column: "customer_id", Value: customer}, db.Filter{Column: "attached", Value: int64(1)})
}

// discard is a token whose card is to be destroyed.
type discard struct {
	merchant, token  string
	dueAt, createdAt time.Time
	version          int64
}

func (d discard) row() db.Row {
	return discardTable.Write(d.version, d.merchant, d.token, db.MicrosOrNil(d.dueAt), db.Micros(d.createdAt))
}

func scanDiscard(r db.Scanner) (discard, error) {
	var d discard
	var created int64
	var due *int64
	err := r.Scan(&d.merchant, &d.token, &due, &created, &d.version)
	d.dueAt, d.createdAt = db.NullTime(due), db.Time(created)
	return d, err
}

func (s *Store) discard(ctx context.Context, tenant, token string) (discard, error) {
	return db.Get(ctx, s.db, scanDiscard, discardTable.Select()+" WHERE merchant_id = $1 AND token = $2", tenant, token)
}
